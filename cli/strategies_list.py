"""`trader strategies list`: what can be run from here."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from cli import screen
from cli.errors import guarded
from cli.options import Debug, Json

if TYPE_CHECKING:
    from runtime.registry import FoundStrategy

Paths = Annotated[
    list[Path] | None,
    typer.Argument(
        metavar="[PATH]...", help="Files or folders, instead of the workspace and packages."
    ),
]


@guarded
def list_strategies(paths: Paths = None, json: Json = False, debug: Debug = False) -> None:
    """List the strategies of the workspace and of packages.

    \b
    Example:
      trader strategies list examples
    """
    from runtime.registry import find_strategies
    from runtime.workspace import find_workspace

    found = find_strategies(find_workspace(Path.cwd()), paths or [])
    if json:
        screen.print_json({"strategies": [to_json(each) for each in found]})
    elif found:
        _print_table(found)
    else:
        print("No strategy found: trader init DIR makes a workspace with an example.")


def _print_table(found: Sequence[FoundStrategy]) -> None:
    from rich.table import Table
    from rich.text import Text

    table = Table(box=None, pad_edge=False)
    table.add_column("strategy", no_wrap=True)
    table.add_column("from", no_wrap=True)
    table.add_column("data", no_wrap=True)
    table.add_column("description", overflow="fold")
    for each in found:
        if each.config is None:
            table.add_row(each.name, each.source, "", Text("broken: see strategies check", "red"))
            continue
        about = Text(each.config.strategy.description)
        table.add_row(each.name, each.source, each.config.data.dataset, about)
    screen.console().print(table)


def to_json(each: FoundStrategy) -> dict[str, object]:
    """Return a found strategy as JSON values."""
    return {
        "name": each.name,
        "path": None if each.path is None else str(each.path),
        "source": each.source,
        "fingerprint": None if each.config is None else each.config.fingerprint,
        "warnings": [] if each.config is None else list(each.config.warnings),
        "error": None if each.error is None else str(each.error),
    }
