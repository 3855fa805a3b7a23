"""The commands that the product will have and this version does not: they say so."""

from __future__ import annotations

from collections.abc import Callable

import typer

from cli.errors import guarded
from engine.errors import InputError

NAMES = ("monitor",)


def add_to(app: typer.Typer) -> None:
    """Add the commands, hidden from the help, each with its refusal."""
    for name in NAMES:
        app.command(name, hidden=True, context_settings=_ANYTHING)(_refusal(name))


_ANYTHING = {"allow_extra_args": True, "ignore_unknown_options": True}


def _refusal(name: str) -> Callable[[], None]:
    @guarded
    def refuse() -> None:
        raise InputError(
            f"`trader {name}` is not built yet",
            remedy="this version runs backtests: see `trader backtest --help`",
            code="cli.not_built",
        )

    return refuse
