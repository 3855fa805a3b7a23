"""A run's document in the terminal: what the tear sheet says first, in a screen."""

from __future__ import annotations

from typing import TYPE_CHECKING

from reports.formats import UNDEFINED
from reports.html import view
from reports.record import RunDocument

if TYPE_CHECKING:
    from rich.console import Console

SHOWN = (
    "cagr",
    "volatility",
    "sharpe",
    "sortino",
    "max_drawdown",
    "var_95",
    "beta",
    "exposure",
    "turnover",
    "hit_rate",
)


def render_brief(document: RunDocument, console: Console) -> None:
    """Print a run's headline, metrics, costs and origin, at most 80 columns wide."""
    from rich.table import Table
    from rich.text import Text

    from engine.rules.metrics import definition_of

    console.print(Text(document.strategy, "bold cyan"))
    console.print(Text(view.subtitle(document).replace("·", " "), "dim"))
    for line in document.warnings:
        console.print(Text(f"! {line}", "bold yellow"))
    table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0), header_style="dim")
    paths = list(document.paths.values())[: 2 if document.depends_on_assumptions else 1]
    names = list(document.paths)[: len(paths)] if len(paths) > 1 else ["result"]
    table.add_column("")
    for name in names:
        table.add_column(name, justify="right", no_wrap=True)
    for name, values in view.count_rows(paths)[:2]:
        table.add_row(name, *map(_plain, values))
    for key in SHOWN:
        values = tuple(view.metric(key, path.metrics.get(key)) for path in paths)
        if any(value != UNDEFINED for value in values):
            table.add_row(definition_of(key).name, *map(_plain, values))
    for name, amounts, _ in view.cost_rows(paths)[-1:]:
        table.add_row(f"{name} costs", *map(_plain, amounts))
    console.print(table)
    if document.exits:
        from reports.loop_tables import exit_table

        console.print(exit_table(document.exits))
    console.print(Text(document.pessimistic.sample))
    console.print(Text(document.reproduce, "cyan"))
    console.print(Text(f"State hash  {document.state_hash}", "dim"))


def _plain(text: str) -> str:
    """Return a number as any terminal can write it."""
    return text.replace(view.MINUS, "-")
