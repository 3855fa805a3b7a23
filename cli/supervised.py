"""A command in a process that is watched, and begun again if it dies."""

from __future__ import annotations

import sys
from contextlib import ExitStack
from typing import TYPE_CHECKING, Annotated

import typer

from cli.errors import warn

if TYPE_CHECKING:
    from runtime.session.process import Watched

Supervise = Annotated[
    bool,
    typer.Option(
        "--supervise", help="Watch the process of the sessions, and begin it again if it dies."
    ),
]
Heartbeat = Annotated[
    float,
    typer.Option(
        metavar="SECONDS",
        help="How often it shows that it lives; three missed, and it is ended.",
    ),
]


def watched_by(watched: Watched | None) -> ExitStack:
    """Return a context that tells whoever watches of an error in it that may pass by itself."""
    closing = ExitStack()
    if watched is not None:
        closing.push(watched.left)
    return closing


def supervised(heartbeat: float, seconds: float | None, *more: str) -> int:
    """Run this command, with `more` words, in a process that is watched; return its exit code."""
    from runtime.clocks import SystemClock
    from runtime.observing.assembling import tell_channels
    from runtime.session.process import Supervisor

    return Supervisor(
        [sys.executable, "-m", "trader", *sys.argv[1:], *more],
        SystemClock(),
        beat_seconds=heartbeat,
        seconds=seconds,
        told=lambda again: warn(
            f"the process of the sessions is begun again"
            f"{', without entries' if again.is_too_often else ''}: {again.reason}"
        ),
        lost=lambda again: tell_channels(
            "supervisor", f"the process of the sessions does not begin any more: {again.reason}"
        ),
    ).run()
