"""`VenueTime`: what time it is at a venue, from what its clock has answered."""

from __future__ import annotations

from typing import Final

from engine.model.units import NS_PER_SECOND
from engine.ports import Clock

_TRUSTED_NS: Final = 300 * NS_PER_SECOND  # after its last answer a clock is not known any more


class VenueTime:
    """A venue's time.

    A real venue's goes on as ours does between two answers. A rehearsal's may be fast, stand and leap: it is
    what was answered last, and nothing is made up.

    Parameters
    ----------
    clock
        Ours.
    is_real
        Whether it is a venue of the world.
    never_closes
        Whether its market is that of coins: what its clock says of hours is about shares.
    """

    def __init__(self, clock: Clock, *, is_real: bool, never_closes: bool = False) -> None:
        self._clock, self.is_real, self._never_closes = clock, is_real, never_closes
        self._venue_ns = self._read_ns = 0
        self.is_known = self.is_open = False

    def learn(self, venue_ns: int, asked_ns: int, *, is_open: bool) -> None:
        """Take an answer to what was asked at a monotonic time; half of the way is counted."""
        now_ns = self._clock.monotonic_ns()
        self._venue_ns = max(venue_ns, 0 if self.is_real else self._venue_ns)
        self._read_ns, self.is_known = (asked_ns + now_ns) // 2, True
        self.is_open = is_open or self._never_closes

    def is_older_than(self, seconds: float) -> bool:
        """Return whether it was not asked for so long."""
        passed_ns = self._clock.monotonic_ns() - self._read_ns
        return not self.is_known or passed_ns > seconds * NS_PER_SECOND

    def now_ns(self) -> int:
        """Return the venue's time; a rehearsal's is at least that."""
        assert self.is_known
        return self._venue_ns + (self._clock.monotonic_ns() - self._read_ns) * self.is_real

    def passed_ns(self) -> int:
        """Return which time is past; what happens at a rehearsal's very moment may be under way."""
        return self.now_ns() - (self.is_open and not self.is_real)

    def over_ns(self, grace_seconds: float) -> int:
        """Return up to when the venue's history can be expected to be complete; a real one lags behind."""
        if not self.is_real:
            return self.passed_ns()
        return self.now_ns() - round(grace_seconds * NS_PER_SECOND)

    def received_ns(self, ts_ns: int) -> int:
        """Return when what comes now, of a time of the venue, was received: in a rehearsal in its time."""
        return self._clock.now_ns() if self.is_real else ts_ns

    def trusted_ns(self) -> int | None:
        """Return the venue's time, None where its last answer is too old."""
        is_lost = self.is_older_than(_TRUSTED_NS / NS_PER_SECOND)
        return None if is_lost else self.now_ns()
