"""`trader strategies check`: is every strategy usable?"""

from __future__ import annotations

from pathlib import Path

import typer

from cli import screen
from cli.errors import EXIT_NEGATIVE, guarded, report, warn
from cli.options import Debug, Json
from cli.strategies_list import Paths, to_json


@guarded
def check_strategies(paths: Paths = None, json: Json = False, debug: Debug = False) -> None:
    """Check strategies without running them: their files, their Python, their formulas.

    The exit code is 1 if one of them is broken.

    \b
    Example:
      trader strategies check my_strategy.toml
    """
    from runtime.registry import find_strategies, with_code
    from runtime.workspace import find_workspace

    found = [with_code(each) for each in find_strategies(find_workspace(Path.cwd()), paths or [])]
    broken = [each for each in found if each.is_broken]
    if json:
        screen.print_json({"ok": not broken, "strategies": [to_json(each) for each in found]})
    else:
        for each in found:
            print(f"{'broken' if each.is_broken else 'ok':7} {each.name}")
            if each.error is not None:
                report(each.error)
            for warning in each.config.warnings if each.config is not None else ():
                warn(f"{each.name}: {warning}")
        print(f"{len(found)} checked, {len(broken)} broken")
    if broken:
        raise typer.Exit(EXIT_NEGATIVE)
