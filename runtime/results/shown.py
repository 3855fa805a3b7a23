"""What every result can show of itself, fresh or read back: a page, a table of metrics, a cell."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, overload

if TYPE_CHECKING:
    import polars as pl

    from reports.record import RunDocument


@dataclass(frozen=True, repr=False)
class HtmlPage:
    """A page of HTML; a notebook shows it in a frame, `save` writes it."""

    html: str

    def save(self, path: Path | str) -> Path:
        """Write the page whole or not at all."""
        from reports.html import write_page

        write_page(Path(path), self.html)
        return Path(path)

    def __repr__(self) -> str:
        return f"HtmlPage({len(self.html):,} characters; .save(path) writes it)"

    def _repr_html_(self) -> str:
        style = "width:100%;height:820px;border:1px solid #8884;border-radius:8px"
        from html import escape

        return f'<iframe srcdoc="{escape(self.html)}" style="{style}"></iframe>'


class Shown(ABC):
    """What can be shown of a result by its document."""

    @abstractmethod
    def document(self) -> RunDocument:
        """Return the whole result as one JSON document."""

    @overload
    def report(self, path: None = None) -> HtmlPage: ...

    @overload
    def report(self, path: Path | str) -> Path: ...

    def report(self, path: Path | str | None = None) -> HtmlPage | Path:
        """Return the report as a page, or write it to `path` and return that."""
        from reports.html import render_page

        page = HtmlPage(render_page(self.document()))
        return page if path is None else page.save(path)

    @property
    def metrics(self) -> pl.DataFrame:
        """Every metric: value, 95 % interval, unit, definition, and why it is undefined."""
        import polars as pl

        from reports.table import metric_table

        return pl.DataFrame(metric_table(self.document()), infer_schema_length=None)

    def _repr_html_(self) -> str:
        from reports.html.cell import render_cell

        return render_cell(self.document())
