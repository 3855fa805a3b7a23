"""Operator tilt a second time, from whole lists of actions; docs/explain/guards.md section 9."""

from __future__ import annotations

from dataclasses import dataclass, field
from fractions import Fraction

from engine.model.trading import Tilt

MINUTE = 60 * 10**9
HOUR = 60 * MINUTE


@dataclass
class Operator:
    """What a person has done so far. `window` 0: nobody looks at it."""

    window: int
    cooling: int
    actions: list[int] = field(default_factory=list)
    edits: list[int] = field(default_factory=list)
    sizes: list[Fraction] = field(default_factory=list)
    found: list[int] = field(default_factory=list)
    told: set[int] = field(default_factory=set)  # clock hours
    locked_until: int = 0

    def act(self, now: int) -> None:
        """An order or a cancel: is its clock hour unusual against the last 20 that had any?"""
        self.actions.append(now)
        hour = now // HOUR
        counts: dict[int, int] = {}
        for ts in self.actions:
            counts[ts // HOUR] = counts.get(ts // HOUR, 0) + 1
        before = [count for one, count in sorted(counts.items()) if one != hour][-20:]
        if len(before) < 5 or counts[hour] < 5 or hour in self.told:
            return
        mean = Fraction(sum(before), len(before))
        variance = sum((count - mean) ** 2 for count in before) / len(before)
        above = counts[hour] - mean
        if above > 0 and above**2 > 9 * variance:
            self.told.add(hour)
            self.find(now)

    def order(self, now: int, size: Fraction, lost_at: int | None, *, re_enters: bool) -> None:
        """A manual order; `lost_at`: the last closing with a loss, `re_enters`: where that was."""
        self.act(now)
        age = None if lost_at is None else now - lost_at
        if size > 0:
            if self.sizes and age is not None and age < 30 * MINUTE:
                if size > 2 * sum(self.sizes) / len(self.sizes):
                    self.find(now)
            self.sizes.append(size)
        if re_enters and age is not None and age < 5 * MINUTE:
            self.find(now)

    def edit(self, now: int) -> None:
        """The third and every further edit within an hour is one too many."""
        self.edits = [*(ts for ts in self.edits if now - ts < HOUR), now]
        if len(self.edits) > 2:
            self.find(now)

    def find(self, now: int) -> None:
        """Remember an anomaly; six in the window lock for a time."""
        self.found.append(now)
        if self.count(now) >= 6:
            self.locked_until = now + self.cooling

    def count(self, now: int) -> int:
        """Return how many anomalies are younger than the window."""
        return sum(now - ts < self.window for ts in self.found)

    def level(self, now: int) -> Tilt:
        """Return how far manual actions are restricted."""
        if now < self.locked_until:
            return Tilt.LOCKED
        count = self.count(now)
        return Tilt.HALVED if count >= 4 else Tilt.WARNED if count >= 2 else Tilt.NONE

    def moments(self) -> list[int]:
        """Return when the level may fall."""
        return [self.locked_until, *(ts + self.window for ts in self.found)]
