"""What a session core asks of who decides."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from engine.ports import Rows
from runtime.observing.watchdog import CallbackGuard
from runtime.session_core.faults import StrategyFault
from runtime.session_core.steps import Step

if TYPE_CHECKING:
    from runtime.session_core.core import SessionCore


class Driver:
    """One strategy with its memory, of one core; this one never wants anything."""

    def __init__(self) -> None:
        self.is_silent = False
        self.fault: StrategyFault | None = None
        self.guard = CallbackGuard()

    def join(self, core: SessionCore) -> None:
        """Belong to a core."""
        self.core = core

    def start(self) -> Step:
        """Do what is to be done before the first input."""
        yield from ()

    def read(self, events: Any, count: int) -> Rows | None:
        """See a slice before it is taken; return the trading loop's inputs beside its rows, or None.

        They have the columns of `engine.model.layout.SIGNAL_BITS` and those after it.
        """

    def warm(self, events: Any, count: int) -> None:
        """See a slice of before the session."""
        self.read(events, count)

    def decide(self, events: Any, count: int) -> Step:
        """Decide on the slice that was read, when the core has taken it."""
        yield from ()

    def note(self, facts: Rows) -> None:
        """Take notice of facts that the core has applied."""

    def hear(self) -> Step:
        """Tell the strategy of fills between slices."""
        yield from ()

    def stop(self) -> Step:
        """Do what is to be done after the last input."""
        yield from ()

    def silence(self) -> None:
        """Ask the strategy no more."""
        self.is_silent = True

    def fail(self, fault: StrategyFault) -> None:
        """Keep why the strategy cannot go on, and ask it no more."""
        self.fault = fault
        self.silence()

    def take_fault(self) -> StrategyFault | None:
        """Return, once, why the strategy was silenced."""
        fault, self.fault = self.fault, None
        return fault

    @property
    def has_memory(self) -> bool:
        """Whether `memory` is all that it remembers."""
        return True

    def why_not_memory(self) -> str:
        """Return why it could not go on from its memory of this moment; nothing where it could."""
        return ""

    def memory(self) -> bytes:
        """Return what is remembered from slice to slice."""
        return b""

    def hashed(self) -> bytes:
        """Return what of its memory is part of the session's state hash."""
        return self.memory()

    def remember(self, memory: bytes) -> None:
        """Go on from what `memory` has returned."""
