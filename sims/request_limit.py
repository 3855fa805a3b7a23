"""A venue's limit of requests: so many in each minute, and times in which it wants none.

Three answers: 200, with what is left of the minute; 429, too many, or it has too much to do; and 418, a ban:
until its end whatever arrives is answered so.
"""

from __future__ import annotations

from collections.abc import Mapping
from enum import Enum
from random import Random
from typing import Protocol

import msgspec

from engine.ports import Clock
from sims.venues.alpaca.budget import Budget


class Purpose(Enum):
    """What a request is for."""

    ORDER = "order"
    QUESTION = "question"
    CANCEL = "cancel"


class Admission(msgspec.Struct, frozen=True):
    """What the venue says of a request that has arrived, before it looks at it."""

    status: int = 200
    headers: Mapping[str, str] = {}

    @property
    def is_refused(self) -> bool:
        """Whether nothing else was done with the request."""
        return self.status != 200

    @property
    def seconds(self) -> float:
        """How long it says to wait."""
        return float(self.headers.get("Retry-After", 0.0))


class Throttle(Protocol):
    """What an adapter does about a venue's limit."""

    async def wait(self, purpose: Purpose, most: float) -> float:
        """Wait until a request may leave, which it then does; return the seconds that it lacks, if it may not.

        `most` is how many seconds it can wait.
        """

    def heed(self, admission: Admission) -> None:
        """Hear what the venue has said of a request."""


class RequestLimit:
    """See the module.

    Parameters
    ----------
    clock
        The venue's own.
    per_minute
        Requests that it answers in a minute, which begins with its first one.
    random
        When it has too much to do, and for how long.
    """

    def __init__(self, clock: Clock, per_minute: int, random: Random) -> None:
        self._clock, self._budget = clock, Budget(clock, per_minute)
        self._random = random
        self._banned_until = 0.0

    def admit(self, *, busy: float, bans: float) -> Admission:
        """Take a request that arrives; the odds are those of a 429 and of a ban without a reason."""
        draw, now = self._random.random(), self._clock.monotonic_ns() / 1e9
        if now >= self._banned_until and draw < bans:
            self._banned_until = now + self._random.uniform(5, 60)
        if now < self._banned_until:
            return Admission(418, {"Retry-After": f"{self._banned_until - now:.3f}"})
        is_within, headers = self._budget.take(), self._budget.headers()
        if not is_within:
            return Admission(429, headers)
        if draw < bans + busy:
            return Admission(429, {**headers, "Retry-After": f"{self._random.uniform(1, 20):.3f}"})
        return Admission(200, headers)
