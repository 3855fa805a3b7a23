"""The venue's time: the clock's, faster, or moved by hand."""

from __future__ import annotations

from engine.model.units import NS_PER_SECOND
from engine.ports import Clock


class VenueTime:
    """What time it is at the venue.

    It stands until `go_on`, then goes `speed` times as fast as the clock, but never past `limit_ns`: what
    happens next happens at its own time, however late we are with it. Without a speed it stands until it
    is moved.

    Parameters
    ----------
    clock
        Whose time passes; also that of the request budget.
    start_ns
        The venue's time at first.
    speed
        Venue seconds in a second of the clock; None: by hand.
    """

    def __init__(self, clock: Clock, start_ns: int, speed: float | None = None) -> None:
        self.clock, self.speed = clock, speed
        self.limit_ns: int | None = None
        self._shown_ns = start_ns  # when the anchor was set
        self._anchor_ns: int | None = None  # of the clock; None: it stands

    @property
    def is_by_hand(self) -> bool:
        """Whether it moves only when it is moved."""
        return self.speed is None

    def go_on(self) -> None:
        """Let it pass, if it is not moved by hand."""
        if self.speed is not None and self._anchor_ns is None:
            self._anchor_ns = self.clock.monotonic_ns()

    def stand(self) -> None:
        """Let it stand."""
        self._shown_ns = self.now_ns()
        self._anchor_ns = None

    def now_ns(self) -> int:
        """Return the venue's time."""
        if self._anchor_ns is None or self.speed is None:
            return self._shown_ns
        elapsed = self.clock.monotonic_ns() - self._anchor_ns
        now = self._shown_ns + (elapsed if self.speed == 1 else int(elapsed * self.speed))
        return now if self.limit_ns is None else max(min(now, self.limit_ns), self._shown_ns)

    def move_to(self, ns: int) -> None:
        """Go on at once to a later time; an earlier one changes nothing."""
        if ns > self.now_ns():
            self._shown_ns = ns
            if self._anchor_ns is not None:
                self._anchor_ns = self.clock.monotonic_ns()

    async def nap(self, until_ns: int | None, seconds: float) -> None:
        """Wait for a time that comes by itself, but no longer than some seconds of the clock."""
        assert self.speed is not None, "a time that is moved by hand is not waited for"
        if until_ns is not None:
            left = max(until_ns - self.now_ns(), 0)
            seconds = min(seconds, left / NS_PER_SECOND / self.speed)
        await self.clock.sleep(seconds)
