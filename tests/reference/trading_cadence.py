"""When a polled venue is asked, a second time: docs/explain/guards.md section 10, SPEC section 5."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction

SECOND = 10**9
EVERY, URGENT, CACHE, MINUTE = 30 * SECOND, 5 * SECOND, 10 * SECOND, 60 * SECOND
NEAR = Fraction(2, 100)  # points of profit


@dataclass(frozen=True)
class Held:
    """A position: what it cost, where it could be closed, what it waits for."""

    number: int
    quantity: Fraction
    paid: Fraction
    price: Fraction  # at which it could be closed; 0: not known
    polled: int
    seen: int
    levels: Sequence[Fraction]  # of profit, as parts of the cost
    trail: Fraction | None = None

    @property
    def is_urgent(self) -> bool:
        """Return whether profit is within two points of a level, or the price of the trailing stop."""
        if self.price <= 0:
            return True
        cost = abs(self.quantity) * self.paid
        profit = self.quantity * (self.price - self.paid)
        if any(abs(profit - level * cost) <= NEAR * cost for level in self.levels):
            return True
        away = None if self.trail is None else abs(self.price - self.trail) * abs(self.quantity)
        return away is not None and away <= NEAR * cost

    def due(self, now: int) -> int:
        """Return when to ask, without a budget."""
        if self.is_urgent:
            return max(self.polled + URGENT, now)
        return max(self.polled + EVERY, self.seen + CACHE, now)


def plan(
    held: Sequence[Held], calls: Sequence[int], now: int, most: int
) -> list[tuple[int, int, bool]]:
    """Return number, time and urgency of the next calls; no 60 s, half-open, hold more than `most`."""
    order = sorted(held, key=lambda one: (one.due(now), not one.is_urgent, one.number))
    made, planned = sorted(calls), []
    earliest = now
    for one in order:
        at = max(one.due(now), earliest)
        while sum(at - MINUTE < ts <= at for ts in made) >= most:
            at = min(ts + MINUTE for ts in made if ts > at - MINUTE)
        made.append(at)
        earliest = at
        planned.append((one.number, at, one.is_urgent))
    return planned
