"""How many requests may be sent: the venue's limit by the minute, shared so that cancels come first.

Of what the venue allows in any minute what only a feed wants to know may use two fifths, new orders four
fifths, questions nine tenths, cancels all. A budget counts its own requests, and believes the venue where that
says that fewer are left: others may use the same account. What the venue tells to wait (429) is waited for by
all but cancels; until the end of a ban (418) nothing is sent at all.

The venue counts by account. So whoever asks in a process for the same account (orders, feeds, a session that is
begun again) spends of one budget: see `shared_budget`. What it was told to wait stands in a file, so that the
next process does not knock at a door that is closed; of its minute's requests the venue's first answer tells that.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Mapping
from email.utils import parsedate_to_datetime
from enum import Enum
from functools import lru_cache
from hashlib import sha256
from math import isfinite
from pathlib import Path
from typing import Final
from weakref import WeakKeyDictionary

import msgspec

from engine.ports import Clock

PER_MINUTE: Final = 200
WAIT_MOST: Final = 300.0  # seconds: whatever a header says, it is tried again then
WAIT_UNTOLD: Final = 5.0
BAN_MOST: Final = 3 * 86_400.0  # the longest that venues know
_MINUTE_NS: Final = 60 * 10**9


class Use(Enum):
    """What a request is for, with its share of the budget in percent."""

    DATA = 40
    ORDER = 80
    QUESTION = 90
    CANCEL = 100


class _Waits(msgspec.Struct, frozen=True):
    """Until when nothing is sent, in the wall clock's time."""

    paused_ns: int = 0
    banned_ns: int = 0


class Budget:
    """The requests of the last minute, and what the venue says of them.

    Parameters
    ----------
    path
        Where it stands what the venue has asked to wait, for the next process; None: it forgets.
    """

    def __init__(
        self, clock: Clock, per_minute: int = PER_MINUTE, *, path: Path | None = None
    ) -> None:
        self._clock, self._most, self._limit = clock, per_minute, per_minute
        self._sent: deque[int] = deque()
        self._left = per_minute  # as the venue says
        self._left_until_ns = self._paused_until_ns = self._banned_until_ns = 0  # monotonic
        self._path = path
        self._remember()

    def has_room(self, use: Use) -> bool:
        """Return whether a request may be sent now."""
        return self.wait_seconds(use) == 0

    def wait_seconds(self, use: Use) -> float:
        """Return how long to wait before a request may be sent; 0: it may be now."""
        now = self._clock.monotonic_ns()
        while self._sent and self._sent[0] <= now - _MINUTE_NS:
            self._sent.popleft()
        pause = max((0 if use is Use.CANCEL else self._paused_until_ns) - now, 0)
        pause = max(self._banned_until_ns - now, pause)
        most = self._limit * use.value // 100
        full = 0
        if len(self._sent) >= most:
            full = self._sent[len(self._sent) - most] + _MINUTE_NS - now
        if now < self._left_until_ns and self._limit - self._left >= most:
            full = max(full, self._left_until_ns - now)
        return max(pause, full) / 1e9

    async def wait(self, use: Use, most: float) -> float:
        """Wait until a request may be sent; return the seconds that are lacking where it is not worth it.

        An order does not wait at all; others do where it takes less than `most` seconds.
        """
        while (wait := self.wait_seconds(use)) > 0:
            if use is Use.ORDER or wait >= most:
                return wait
            await self._clock.sleep(wait)
        return 0.0

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
        until = 0.0 if reset is None else reset - self._venue_seconds(headers)
        until = min(max(until, 0.0), WAIT_MOST)
        left = _number(headers.get("X-RateLimit-Remaining"))
        limit = _number(headers.get("X-RateLimit-Limit"))
        if limit is not None and limit >= 1:
            self._limit = min(self._most, int(limit))
        if left is not None and reset is not None:
            self._left, self._left_until_ns = int(left), now + round(until * 1e9)
        if status not in (429, 418):
            return 0.0
        asked = _number(headers.get("Retry-After"))
        wait = max(asked or 0.0, until) or WAIT_UNTOLD
        wait = min(wait, WAIT_MOST if status == 429 else BAN_MOST)
        until_ns = now + round(wait * 1e9)
        self._paused_until_ns = max(self._paused_until_ns, until_ns)
        if status == 418:
            self._banned_until_ns = max(self._banned_until_ns, until_ns)
        self._keep()
        return wait

    def _remember(self) -> None:
        """Wait as the venue has asked the process before; not longer than a venue may ask for."""
        if self._path is None:
            return
        try:
            waits = msgspec.json.decode(self._path.read_bytes(), type=_Waits)
        except (OSError, msgspec.DecodeError):
            return  # the venue says it again
        wall, now = self._clock.now_ns(), self._clock.monotonic_ns()
        self._paused_until_ns = now + min(waits.paused_ns - wall, round(WAIT_MOST * 1e9))
        self._banned_until_ns = now + min(waits.banned_ns - wall, round(BAN_MOST * 1e9))

    def _keep(self) -> None:
        if self._path is None:
            return
        wall, now = self._clock.now_ns(), self._clock.monotonic_ns()
        ends = (self._paused_until_ns, self._banned_until_ns)
        waits = _Waits(*(wall + each - now if each > now else 0 for each in ends))
        temporary = self._path.with_suffix(".new")
        try:
            self._path.parent.mkdir(parents=True, exist_ok=True)
            temporary.write_bytes(msgspec.json.encode(waits))
            temporary.replace(self._path)
        except OSError:
            return  # this process waits all the same

    def _venue_seconds(self, headers: Mapping[str, str]) -> float:
        """Return the venue's time when it answered, whole seconds; ours, where it does not tell."""
        try:
            return _seconds(headers["Date"])
        except (KeyError, ValueError):
            return self._clock.now_ns() / 1e9


_SHARED: Final[WeakKeyDictionary[Clock, dict[tuple[str, ...], Budget]]] = WeakKeyDictionary()


def shared_budget(clock: Clock, *account: str, folder: Path | None = None) -> Budget:
    """Return the one budget of an account in this process, by its address, its key and what is asked for.

    What the venue asks to wait stands in a file of `folder`, by a hash of them.
    """
    budgets = _SHARED.setdefault(clock, {})
    if account not in budgets:
        name = sha256("\n".join(account).encode()).hexdigest()[:16]
        budgets[account] = Budget(clock, path=None if folder is None else folder / name)
    return budgets[account]


@lru_cache(maxsize=2048)
def _seconds(date: str) -> float:
    return parsedate_to_datetime(date).timestamp()


def _number(text: str | None) -> float | None:
    try:
        number = float(text or "")
    except ValueError:
        return None
    return number if isfinite(number) and number >= 0 else None
