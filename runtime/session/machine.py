"""`Machine`: clocks and memory of the machine under a session; while they are not in order nothing is entered."""

from __future__ import annotations

from typing import Final

from engine.model.units import NS_PER_SECOND
from runtime.journal.records import ClockRead
from runtime.session.condition import Condition

CLOCK, MEMORY = "clock", "memory"
_TOLERANCE_NS: Final = NS_PER_SECOND
_FULL, _ROOMY = 0.80, 0.75  # entries end at the one, and come back under the other


class Machine:
    """See the module.

    Parameters
    ----------
    has_venue_time
        What the readings say of the venue's clock is of the world, not of a rehearsal.
    """

    def __init__(self, condition: Condition, *, has_venue_time: bool) -> None:
        self._condition = condition
        self._has_venue_time = has_venue_time
        self._last: ClockRead | None = None
        self._skews = 0  # in a row: one answer of the venue may have been long on its way

    def clocks(self, read: ClockRead) -> None:
        """Compare the clocks with one another, and with what they said before."""
        last, self._last = self._last or read, read
        step_ns = (read.wall_ns - last.wall_ns) - (read.monotonic_ns - last.monotonic_ns)
        skew_ns = 0
        if self._has_venue_time and read.venue_ns is not None:
            skew_ns = read.wall_ns - read.venue_ns
        self._skews = self._skews + 1 if abs(skew_ns) > _TOLERANCE_NS else 0
        is_held = self._condition.is_held_by(CLOCK)
        problem = ""
        if abs(step_ns) > _TOLERANCE_NS:
            problem = f"this machine's clock was set {_seconds(step_ns)}"
        elif self._skews > 1 or (self._skews and is_held):
            problem = f"this machine's clock is {_seconds(skew_ns)} of the venue's"
        self._follow(CLOCK, problem, "the clocks agree again")

    def memory(self, share: float | None) -> None:
        """Follow how much of its memory this process uses."""
        most = _ROOMY if self._condition.is_held_by(MEMORY) else _FULL
        problem = ""
        if share is not None and share >= most:
            problem = f"this process uses {share:.0%} of its memory"
        self._follow(MEMORY, problem, "there is memory again")

    def _follow(self, what: str, problem: str, over: str) -> None:
        is_held = self._condition.is_held_by(what)
        if problem and not is_held:
            self._condition.note(what, "critical", what, f"{problem}: nothing is entered")
            self._condition.hold(what, problem)
        elif is_held and not problem:
            self._condition.note(what, "info", what, over)
            self._condition.free(what, over)


def _seconds(by_ns: int) -> str:
    """Return by how much a clock goes ahead or back, in words.

    Examples
    --------
    >>> _seconds(-1_500_000_000)
    '1.5 s behind'
    """
    return f"{abs(by_ns) / NS_PER_SECOND:.1f} s {'ahead' if by_ns > 0 else 'behind'}"
