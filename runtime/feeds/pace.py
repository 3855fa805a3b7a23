"""`Pace`: the clock's time as a time of the data."""

from __future__ import annotations

from engine.errors import InputError
from engine.model.units import NS_PER_SECOND
from engine.ports import Clock


class Pace:
    """How the data's time follows the clock's.

    Parameters
    ----------
    clock
        Whose time passes.
    speed
        Seconds of the data in a second of the clock.
    first_ns
        The data's time now.
    """

    def __init__(self, clock: Clock, speed: float, first_ns: int) -> None:
        self._clock, self._speed = clock, speed
        self._first_ns, self._started_ns = first_ns, clock.monotonic_ns()

    def now_ns(self) -> int:
        """Return the data's time."""
        elapsed_ns = self._clock.monotonic_ns() - self._started_ns
        return self._first_ns + (
            elapsed_ns if self._speed == 1.0 else int(elapsed_ns * self._speed)
        )

    def seconds_until(self, ts_ns: int) -> float:
        """Return how many seconds of the clock a time of the data is away; 0 when it has come."""
        return self.seconds_between(self.now_ns(), ts_ns)

    def seconds_between(self, now_ns: int, ts_ns: int) -> float:
        """Return how many seconds of the clock are between two times of the data; 0 when it has come."""
        return max((ts_ns - now_ns) / NS_PER_SECOND / self._speed, 0.0)

    async def until(self, ts_ns: int) -> None:
        """Wait until a time of the data has come."""
        while self.now_ns() < ts_ns:
            await self._clock.sleep(self.seconds_until(ts_ns))


def require_speed(speed: float | None) -> None:
    """Refuse a speed at which nothing would come.

    Raises
    ------
    InputError
        If it is not greater than zero, or no number.
    """
    if speed is not None and not 0 < speed < float("inf"):
        raise InputError(f"the speed must be greater than zero, not {speed}", where="speed")
