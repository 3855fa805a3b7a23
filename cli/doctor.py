"""`trader doctor`: is everything in order, and if not, what to do."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from cli import screen
from cli.errors import EXIT_NEGATIVE, guarded
from cli.options import CatalogFolder, Debug, Json

if TYPE_CHECKING:
    from runtime.doctor import Check


@guarded
def doctor(
    compile_now: Annotated[
        bool, typer.Option("--compile", help="Compile everything now, for a fast first run.")
    ] = False,
    json: Json = False,
    catalog: CatalogFolder = None,
    debug: Debug = False,
) -> None:
    """Check the installation, the workspace and the data.

    The exit code is 1 if something is wrong; each problem says what to do.

    \b
    Examples:
      trader doctor
      trader doctor --compile
    """
    from runtime.doctor import Health, run_checks

    if compile_now:
        _compile()
    checks = run_checks(Path.cwd(), catalog)
    is_healthy = all(check.health is not Health.PROBLEM for check in checks)
    if json:
        screen.print_json({"ok": is_healthy, "checks": [_to_json(check) for check in checks]})
    else:
        _print_checks(checks)
        print("Everything is in order." if is_healthy else "Something needs attention.")
    if not is_healthy:
        raise typer.Exit(EXIT_NEGATIVE)


def _compile() -> None:
    from runtime.compile_cache import use_cache, warm_up

    use_cache()
    print("compiling, about a minute ...", file=sys.stderr)
    warm_up()


def _print_checks(checks: Sequence[Check]) -> None:
    from rich.table import Table
    from rich.text import Text

    styles = {"ok": "green", "note": "yellow", "problem": "bold red"}
    table = Table(box=None, pad_edge=False, show_header=False)
    table.add_column(no_wrap=True)
    table.add_column(no_wrap=True)
    table.add_column(overflow="fold")
    for check in checks:
        text = "\n".join(filter(None, [check.detail, check.remedy and f"-> {check.remedy}"]))
        health = check.health.value
        table.add_row(check.name, Text(health, styles[health]), Text(text))
    screen.console().print(table)


def _to_json(check: Check) -> dict[str, str]:
    return {
        "name": check.name,
        "health": check.health.value,
        "detail": check.detail,
        "remedy": check.remedy,
    }
