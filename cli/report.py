"""`trader report`: a recorded or saved run as a tear sheet, a page, or JSON."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from cli import screen
from cli.errors import guarded
from cli.options import Debug
from cli.results import RUN_HELP, load_run


@guarded
def report(
    run: Annotated[str, typer.Argument(metavar="RUN", help=RUN_HELP)],
    html: Annotated[
        Path | None,
        typer.Option("--html", "--report", metavar="FILE", help="Write a page that works offline."),
    ] = None,
    json: Annotated[bool, typer.Option("--json", help="Print the whole result as JSON.")] = False,
    debug: Debug = False,
) -> None:
    """Show a run again: a recorded one, or a result file or folder.

    \b
    Examples:
      trader report last --html report.html
      trader report result.json
      trader report results/goog --json
    """
    from reports.record import to_json_text

    if html is not None:
        screen.require_writable(html)
    document = load_run(run)
    if html is not None:
        from reports.html import render_page, write_page

        write_page(html, render_page(document))
    if json:
        print(to_json_text(document.to_json()))
        return
    if html is not None:
        print(f"Report: {html}")
        return
    from reports.brief import render_brief

    render_brief(document, screen.console())
