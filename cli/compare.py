"""`trader compare`: two runs side by side."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from cli import screen
from cli.errors import guarded
from cli.options import Debug, Json
from cli.results import RUN_HELP, load_run

if TYPE_CHECKING:
    from reports.comparison import Comparison

_KEYS_SHOWN = 8


@guarded
def compare(
    a: Annotated[str, typer.Argument(metavar="A", help=RUN_HELP)],
    b: Annotated[str, typer.Argument(metavar="B", help="The other one.")],
    html: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Write a page that works offline.")
    ] = None,
    plot: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="Write both curves as .png, .svg or .pdf."),
    ] = None,
    json: Json = False,
    debug: Debug = False,
) -> None:
    """Compare two runs: metrics, what of it is luck, and what was configured otherwise.

    \b
    Examples:
      trader compare 4k9zt last
      trader compare a.json b.json --html compare.html
      trader compare results/a results/b --plot compare.png
    """
    from reports.charts import require_picture_path
    from reports.comparison import compare as compared
    from reports.comparison import comparison_to_json

    if html is not None:
        screen.require_writable(html)
    if plot is not None:
        require_picture_path(plot)
    comparison = compared(load_run(a), load_run(b))
    _write(comparison, html, plot)
    if json:
        screen.print_json(comparison_to_json(comparison))
        return
    _print(comparison)
    for name, path in (("Page", html), ("Picture", plot)):
        if path is not None:
            print(f"{name}: {path}")


def _write(comparison: Comparison, html: Path | None, plot: Path | None) -> None:
    if html is not None:
        from reports.html import write_page
        from reports.html.comparing import render_comparison

        write_page(html, render_comparison(comparison))
    if plot is not None:
        from reports.html.comparing import plot_comparison

        plot_comparison(plot, comparison)


def _print(comparison: Comparison) -> None:
    from rich.table import Table
    from rich.text import Text

    from reports.comparison import labels_of
    from reports.html.comparing import metric_texts

    names = labels_of(comparison.a, comparison.b)
    table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0), header_style="dim")
    table.add_column("", no_wrap=True)
    for title in (f"A {names[0]}", f"B {names[1]}", "B - A"):
        table.add_column(Text(title), justify="right", overflow="fold")
    table.add_column("", no_wrap=True)
    for row in comparison.metrics:
        first, second, difference, _ = (text.replace("−", "-") for text in metric_texts(row))
        style = "bold" if row.verdict == "distinct" else "dim"
        table.add_row(row.name, first, second, difference, Text(row.verdict, style))
    console = screen.console()
    console.print(table)
    for line in comparison.lines():
        console.print(Text(line))
    for setting in comparison.settings[:_KEYS_SHOWN]:
        console.print(Text(f"  {setting.key}: {setting.a or '-'} | {setting.b or '-'}", "dim"))
    more = len(comparison.settings) - _KEYS_SHOWN
    if more > 0:
        console.print(Text(f"  and {more} more: --json has all", "dim"))
