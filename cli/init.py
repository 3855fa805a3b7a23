"""`trader init`: a new workspace."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from cli.errors import guarded
from cli.options import Debug


@guarded
def init(
    folder: Annotated[Path, typer.Argument(metavar="DIR", help="Folder of the workspace.")],
    force: Annotated[
        bool, typer.Option("--force", help="Write into a folder that is not empty.")
    ] = False,
    debug: Debug = False,
) -> None:
    """Make a workspace with a commented example strategy.

    A workspace is a folder with trader.toml, found from any folder below it.

    \b
    Example:
      trader init my-trading
    """
    from runtime.workspace import create_workspace

    files = create_workspace(folder, force=force)
    print(f"Workspace {folder}:")
    for name in files:
        print(f"  {name}")
    go_there = "" if folder.absolute() == Path.cwd() else f"  cd {folder}\n"
    print(f"\nNext:\n{go_there}  trader backtest sma_cross")
