"""How many requests a minute are answered."""

from __future__ import annotations

from email.utils import formatdate
from functools import lru_cache

from engine.model.units import NS_PER_MINUTE, NS_PER_SECOND
from engine.ports import Clock


class Budget:
    """So many requests in each minute, which begins with its first one. By the clock, not the venue's time.

    Parameters
    ----------
    clock
        Whose minutes.
    limit
        Requests in one of them.
    """

    def __init__(self, clock: Clock, limit: int) -> None:
        self._clock, self._limit = clock, limit
        self._began_ns: int | None = None
        self._used = 0

    def take(self) -> bool:
        """Use one request; return whether there was one left."""
        now = self._clock.monotonic_ns()
        if self._began_ns is None or now - self._began_ns >= NS_PER_MINUTE:
            self._began_ns, self._used = now, 0
        self._used += 1
        return self._used <= self._limit

    def headers(self) -> dict[str, str]:
        """Return what an answer says of it; the reset in seconds since 1970, up, and by which clock."""
        began = self._clock.monotonic_ns() if self._began_ns is None else self._began_ns
        left_ns = NS_PER_MINUTE - (self._clock.monotonic_ns() - began)
        reset = -(-(self._clock.now_ns() + left_ns) // NS_PER_SECOND)
        return {
            "X-RateLimit-Limit": str(self._limit),
            "X-RateLimit-Remaining": str(max(self._limit - self._used, 0)),
            "X-RateLimit-Reset": str(reset),
            "Date": _date(self._clock.now_ns() // NS_PER_SECOND),
        }


@lru_cache(maxsize=2048)
def _date(seconds: int) -> str:
    return formatdate(seconds, usegmt=True)
