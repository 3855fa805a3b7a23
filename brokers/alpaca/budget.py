"""How many requests may be sent: the venue's limit by the minute, shared so that cancels come first.

Of what the venue allows in any minute new orders may use three fifths, questions nine tenths, cancels all.
It counts its own requests, and believes the venue where that says that fewer are left: others may use the
same account. What the venue tells to wait (429) is waited for by all but cancels.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Mapping
from enum import Enum
from math import isfinite
from typing import Final

from engine.ports import Clock

PER_MINUTE: Final = 200
WAIT_MOST: Final = 300.0  # seconds: whatever a header says, it is tried again then
WAIT_UNTOLD: Final = 5.0
_MINUTE_NS: Final = 60 * 10**9


class Use(Enum):
    """What a request is for, with its share of the budget in percent."""

    ORDER = 60
    QUESTION = 90
    CANCEL = 100


class Budget:
    """The requests of the last minute, and what the venue says of them."""

    def __init__(self, clock: Clock, per_minute: int = PER_MINUTE) -> None:
        self._clock, self._most, self._limit = clock, per_minute, per_minute
        self._sent: deque[int] = deque()
        self._left = per_minute  # as the venue says
        self._left_until_ns = self._paused_until_ns = 0  # monotonic

    def wait_seconds(self, use: Use) -> float:
        """Return how long to wait before a request may be sent; 0: it may be now."""
        now = self._clock.monotonic_ns()
        while self._sent and self._sent[0] <= now - _MINUTE_NS:
            self._sent.popleft()
        pause = 0 if use is Use.CANCEL else max(self._paused_until_ns - now, 0)
        most = self._limit * use.value // 100
        full = 0
        if len(self._sent) >= most:
            full = self._sent[len(self._sent) - most] + _MINUTE_NS - now
        if now < self._left_until_ns and self._limit - self._left >= most:
            full = max(full, self._left_until_ns - now)
        return max(pause, full) / 1e9

    def spend(self) -> None:
        """Count a request that is sent now."""
        self._sent.append(self._clock.monotonic_ns())
        self._left -= 1

    @property
    def left(self) -> int:
        """How many requests are left of this minute, cancels included."""
        self.wait_seconds(Use.CANCEL)
        own = self._limit - len(self._sent)
        return min(own, self._left) if self._clock.monotonic_ns() < self._left_until_ns else own

    def learn(self, status: int, headers: Mapping[str, str]) -> float:
        """Heed what an answer says of the budget; return the seconds to wait that it asks for.

        Headers that cannot be read are passed over.
        """
        now = self._clock.monotonic_ns()
        reset = _number(headers.get("X-RateLimit-Reset"))
        until = 0.0 if reset is None else reset - self._clock.now_ns() / 1e9
        until = min(max(until, 0.0), WAIT_MOST)
        left = _number(headers.get("X-RateLimit-Remaining"))
        limit = _number(headers.get("X-RateLimit-Limit"))
        if limit is not None and limit >= 1:
            self._limit = min(self._most, int(limit))
        if left is not None and reset is not None:
            self._left, self._left_until_ns = int(left), now + round(until * 1e9)
        if status != 429:
            return 0.0
        asked = _number(headers.get("Retry-After"))
        wait = max(asked or 0.0, until) or WAIT_UNTOLD
        wait = min(wait, WAIT_MOST)
        self._paused_until_ns = max(self._paused_until_ns, now + round(wait * 1e9))
        return wait


def _number(text: str | None) -> float | None:
    try:
        number = float(text or "")
    except ValueError:
        return None
    return number if isfinite(number) and number >= 0 else None
