"""What a session core asks of who decides."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Protocol

from engine.ports import Rows
from runtime.session_core.faults import StrategyFault
from runtime.session_core.steps import Step

if TYPE_CHECKING:
    from runtime.session_core.core import SessionCore


class Driver(Protocol):
    """One strategy with its memory; of one core."""

    has_memory: bool  # whether `memory` is all that it remembers

    def join(self, core: SessionCore) -> None:
        """Belong to a core."""

    def start(self) -> Step:
        """Do what is to be done before the first input."""

    def read(self, events: Any, count: int) -> Any:
        """See a slice before it is taken; return the trading loop's inputs beside its rows, or None.

        They have the columns of `engine.model.layout.SIGNAL_BITS` and those after it.
        """

    def decide(self, events: Any, count: int) -> Step:
        """Decide on the slice that was read, when the core has taken it."""

    def note(self, facts: Rows) -> None:
        """Take notice of facts that the core has applied."""

    def hear(self) -> Step:
        """Tell the strategy of fills between slices."""

    def stop(self) -> Step:
        """Do what is to be done after the last input."""

    def silence(self) -> None:
        """Ask the strategy no more."""

    def take_fault(self) -> StrategyFault | None:
        """Return, once, why the strategy was silenced."""

    def memory(self) -> bytes:
        """Return what is remembered from slice to slice."""

    def remember(self, memory: bytes) -> None:
        """Go on from what `memory` has returned."""
