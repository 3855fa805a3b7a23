"""Guards over the account's equity: daily loss, drawdown, minimum equity, and whether it is trusted."""

from __future__ import annotations

from engine.jit import kernel
from engine.state import Core


@kernel
def begin_day(s: Core) -> None:
    """A trading day of the account's calendar begins."""


@kernel
def note_flow(s: Core, minor: int) -> None:
    """A deposit or withdrawal, in minor of the account's currency, is about to be posted."""


@kernel
def watch_equity(s: Core) -> None:
    """Look at the account after a slice, a fact or a wake: set and clear what its equity says."""
