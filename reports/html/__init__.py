"""Self-contained HTML pages: one file, no request, readable on any screen and on paper."""

from reports.html.page import render_page, write_page

__all__ = ["render_page", "write_page"]
