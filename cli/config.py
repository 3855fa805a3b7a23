"""`trader config show` and `trader config explain`: what a strategy runs with, and what a key means."""

from __future__ import annotations

import textwrap
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from cli import screen
from cli.errors import WIDTH, guarded
from cli.options import Debug, Json, Param, Strategy, parameter_values

if TYPE_CHECKING:
    from runtime.config.explaining import Explanation
    from runtime.config.showing import ShownKey

_ORIGIN_COLUMN = 52


@guarded
def show_config(
    strategy: Strategy,
    only: Annotated[
        str | None,
        typer.Option(metavar="TABLE", help="One table, such as risk or exits.stop_loss."),
    ] = None,
    param: Param = None,
    json: Json = False,
    debug: Debug = False,
) -> None:
    """Show every key of a strategy, the value a run would use, and where it comes from.

    Passwords, tokens and addresses that may hold them are shown as ***.

    \b
    Examples:
      trader config show sma_cross
      trader config show examples/full_loop.toml --only risk
    """
    from runtime.config.showing import only_table, shown_strategy
    from runtime.workspace import find_strategy

    here = Path.cwd()
    path = find_strategy(strategy, here)
    found = shown_strategy(path, parameter_values(param))
    workspace = [] if only is not None else _workspace_keys(here)
    if only is not None:
        found = only_table(found, only)
    if json:
        keys = [_to_json(each) for each in found]
        screen.print_json(
            {"strategy": str(path), "keys": keys, "workspace": [_to_json(e) for e in workspace]}
        )
        return
    _print_keys(found)
    if workspace:
        print("\n# The workspace")
        _print_keys(workspace)


@guarded
def explain_config(
    key: Annotated[
        str, typer.Argument(metavar="KEY", help="Such as risk.max_positions, or max_positions.")
    ],
    strategy: Annotated[
        str | None,
        typer.Argument(metavar="[STRATEGY]", help="Tell the value that it has there too."),
    ] = None,
    json: Json = False,
    debug: Debug = False,
) -> None:
    """Explain a key of the strategy file.

    \b
    Examples:
      trader config explain risk.max_positions
      trader config explain exits.stop_loss.percent sma_cross
    """
    from runtime.config.explaining import explain

    found = explain(key)
    shown = None if strategy is None else _value_in(strategy, found)
    if json:
        value = {} if shown is None else {"value": shown.plain(), "origin": shown.origin}
        screen.print_json(
            {
                "key": found.name,
                "description": found.description,
                "accepted": found.accepted,
                "default": found.default or None,
                "unit": found.unit or None,
                "used_by": found.used_by,
            }
            | value
        )
        return
    _print_explanation(found, shown)


def _workspace_keys(here: Path) -> Sequence[ShownKey]:
    from runtime.config.showing import shown_workspace
    from runtime.workspace import WORKSPACE_FILE, find_workspace

    workspace = find_workspace(here)
    return [] if workspace is None else shown_workspace(workspace.root / WORKSPACE_FILE)


def _value_in(strategy: str, found: Explanation) -> ShownKey | None:
    """Return the key of a strategy, or the table that it stands in where that is not there."""
    from runtime.config.showing import shown_strategy
    from runtime.workspace import find_strategy

    for each in shown_strategy(find_strategy(strategy, Path.cwd())):
        if found.key == each.key or (
            each.is_absent_table and found.key[: len(each.key)] == each.key
        ):
            return each
    return None


def _to_json(shown: ShownKey) -> dict[str, object]:
    return {"key": shown.name, "value": shown.plain(), "origin": shown.origin}


def _print_keys(found: Sequence[ShownKey]) -> None:
    table: tuple[str, ...] | None = None
    for each in found:
        own = each.key if each.is_absent_table else each.key[:-1]
        if own != table and (own or table is not None):
            print(f"{'' if table is None else chr(10)}[{'.'.join(own)}]")
        table = own
        if each.is_absent_table:
            print(f"# {each.origin}")
            continue
        print(_line(each))


def _line(shown: ShownKey) -> str:
    """Return a key as the file would write it, its origin behind it or in the line before it."""
    origin = f"# {shown.origin}"
    if shown.value is None:
        return f"{f'# {shown.key[-1]}':{_ORIGIN_COLUMN}}# not set"
    line = f"{shown.key[-1]} = {shown.text()}"
    if len(line) < _ORIGIN_COLUMN:
        return f"{line:{_ORIGIN_COLUMN}}{origin}"
    wrapped = textwrap.wrap(line, WIDTH, subsequent_indent="    ", break_on_hyphens=False)
    return "\n".join([origin, *wrapped])


def _here(shown: ShownKey) -> str:
    if shown.is_absent_table:
        return f"[{shown.name}] is {shown.origin}"
    return "not set" if shown.value is None else f"{shown.text()} ({shown.origin})"


def _print_explanation(found: Explanation, shown: ShownKey | None) -> None:
    print(found.name)
    for text in filter(None, [found.description]):
        print(textwrap.fill(text, WIDTH, initial_indent="  ", subsequent_indent="  "))
    rows = [
        ("accepted", found.accepted),
        ("default", found.default or "none"),
        ("unit", found.unit),
        ("used by", found.used_by),
    ]
    if shown is not None:
        rows.append(("here", _here(shown)))
    for label, text in rows:
        if text:
            print(
                textwrap.fill(
                    text, WIDTH, initial_indent=f"  {label:10}", subsequent_indent=" " * 12
                )
            )
