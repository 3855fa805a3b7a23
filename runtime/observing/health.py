"""Health: what of a session is up, degraded or down, and why. A pure fold; times are monotonic.

What is bad shows at once. What is good again shows after thirty seconds of it, so that a part that comes
and goes is not told as well. A part that has not been heard of for more than two minutes is degraded:
"cannot tell" is unhealthy.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Final

import msgspec
import numpy as np

from engine.model.units import NS_PER_SECOND
from runtime.backtest.clockwork import Clockwork

STALE_NS: Final = 120 * NS_PER_SECOND
GOOD_NS: Final = 30 * NS_PER_SECOND


class Component(StrEnum):
    """A part of a session."""

    FEED = "feed"
    BROKER = "broker"
    DATABASE = "database"
    STRATEGY = "strategy"
    MONITOR = "monitor"


class Condition(StrEnum):
    """How a part is."""

    UP = "up"
    DEGRADED = "degraded"
    DOWN = "down"


class Change(msgspec.Struct, frozen=True):
    """A part is in another condition than before."""

    subject: str
    condition: Condition
    reason: str


@dataclass(slots=True)
class _Part:
    seen_ns: int
    condition: Condition = Condition.UP
    reason: str = ""
    trouble: tuple[Condition, str] | None = None  # what was said of it
    good_ns: int | None = None  # since when it is good, while it is not shown so


@dataclass(slots=True)
class HealthFold:
    """The health of parts, by name; what is not known begins as up, and now.

    Parameters
    ----------
    unaged
        Parts of which nothing has to be heard: their silence says nothing.
    """

    unaged: frozenset[str] = frozenset()
    _parts: dict[str, _Part] = field(default_factory=dict)

    def seen(self, subject: str, now_ns: int) -> None:
        """Something was heard of a part."""
        self._part(subject, now_ns).seen_ns = now_ns

    def say(self, subject: str, condition: Condition, reason: str, now_ns: int) -> None:
        """A part is in a condition until somebody says otherwise."""
        part = self._part(subject, now_ns)
        part.seen_ns = now_ns
        part.trouble = None if condition is Condition.UP else (condition, reason)

    def forget(self, subject: str) -> None:
        """A part is no more, e.g. a position that was closed."""
        self._parts.pop(subject, None)

    def look(self, now_ns: int, *, asleep: frozenset[str] = frozenset()) -> list[Change]:
        """Return what has changed since the last look.

        Parameters
        ----------
        asleep
            Parts of which nothing can be heard now: their market is closed.
        """
        found: list[Change] = []
        for subject, part in self._parts.items():
            if subject in asleep:
                part.seen_ns = now_ns
            change = self._judged(subject, part, now_ns)
            if change is not None:
                part.condition, part.reason = change.condition, change.reason
                found.append(change)
        return found

    def _judged(self, subject: str, part: _Part, now_ns: int) -> Change | None:
        trouble = part.trouble
        age = now_ns - part.seen_ns
        if trouble is None and age > STALE_NS and subject not in self.unaged:
            trouble = (Condition.DEGRADED, f"not heard of for {age // NS_PER_SECOND} seconds")
        if trouble is not None:
            part.good_ns = None
            # How long it is silent changes with each look: the first says enough.
            is_new = part.condition is not trouble[0] or (
                part.trouble and part.reason != trouble[1]
            )
            return Change(subject, *trouble) if is_new else None
        if part.condition is Condition.UP:
            return None
        part.good_ns = now_ns if part.good_ns is None else part.good_ns
        if now_ns - part.good_ns >= GOOD_NS:
            return Change(subject, Condition.UP, "")
        return None

    def conditions(self) -> dict[str, tuple[Condition, str]]:
        """Return how each part is, and why."""
        return {name: (part.condition, part.reason) for name, part in self._parts.items()}

    def _part(self, subject: str, now_ns: int) -> _Part:
        return self._parts.setdefault(subject, _Part(now_ns))


@dataclass(frozen=True, slots=True, eq=False)
class MarketHours:
    """Which instruments' markets are open at a time of the data, and since when.

    Parameters
    ----------
    calendars
        By instrument the number of its calendar.
    """

    clockwork: Clockwork
    calendars: Sequence[int]

    def opened_ns(self, instrument: int, now_ns: int) -> int | None:
        """Return when the session that is open began; None where the market is closed."""
        number = self.calendars[instrument]
        opens, closes = self.clockwork.opens[number], self.clockwork.closes[number]
        place = int(np.searchsorted(opens, now_ns, side="right")) - 1
        if place < 0 or now_ns >= int(closes[place]):
            return None
        return int(opens[place])

    def is_any_open(self, now_ns: int) -> bool:
        """Return whether anything trades now."""
        return any(self.opened_ns(i, now_ns) is not None for i in range(len(self.calendars)))


def stale_ns(last_ns: int, length_ns: int, opened_ns: int | None, now_ns: int) -> int:
    """Return for how long an instrument's data are missing; 0 where they are not.

    A bar comes at its end, so its length may pass besides the two minutes.
    """
    if opened_ns is None:
        return 0
    age = now_ns - max(last_ns, opened_ns) - length_ns
    return age if age > STALE_NS else 0
