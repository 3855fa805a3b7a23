"""What an account holds a second time: cash, positions at average cost, marks, trips, in fractions.

Written from docs/explain/guards.md sections 3 and 7. One currency.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from fractions import Fraction

ZERO = Fraction(0)
CONFIRMED = 2 * 10**9  # ns
COLLAR = Fraction(5, 100)
STEP = Fraction(1, 100)


@dataclass
class Holding:
    """One instrument: what is held, what it had cost, and its last mark."""

    quantity: Fraction = ZERO
    cost: Fraction = ZERO
    mark: Fraction | None = None
    marked_at: int = -1
    by_bar: bool = False
    is_lost: bool = False
    suspect_since: int | None = None
    trip_result: Fraction = ZERO
    is_halted: bool = False

    def take(self, price: Fraction, now: int, *, by_bar: bool) -> None:
        """Take a valid mark; one far from the one before it is doubted, unless a bar confirms it."""
        before, self.suspect_since = self.mark, None
        if before is not None and not by_bar:
            far = abs(price - before)
            if far > STEP and far > COLLAR * before:
                self.suspect_since = now
        self.mark, self.marked_at, self.by_bar, self.is_lost = price, now, by_bar, False

    def is_suspect(self, now: int) -> bool:
        """Return whether the mark is not confirmed yet."""
        return self.suspect_since is not None and now < self.suspect_since + CONFIRMED


@dataclass
class Holdings:
    """The whole account. `booked` is all that was ever earned, less all that it cost."""

    cash: Fraction = ZERO
    booked: Fraction = ZERO
    held: dict[str, Holding] = field(default_factory=dict)

    def of(self, symbol: str) -> Holding:
        """Return what is known of an instrument."""
        return self.held.setdefault(symbol, Holding())

    @property
    def open(self) -> list[Holding]:
        """What has a position."""
        return [one for one in self.held.values() if one.quantity != 0]

    @property
    def is_trusted(self) -> bool:
        """Return whether every position has a mark that counts."""
        return not any(one.is_lost or one.mark is None for one in self.open)

    @property
    def equity(self) -> Fraction:
        """Cash and positions at the last marks, which stay where a later one was none."""
        return self.cash + sum((one.quantity * (one.mark or ZERO) for one in self.open), ZERO)

    def fill(
        self, symbol: str, quantity: Fraction, price: Fraction, fee: Fraction
    ) -> Fraction | None:
        """Book a fill; return what the trip made, after fees, if this has ended one."""
        one = self.of(symbol)
        if one.mark is None:
            one.mark = price
        before, realized = one.quantity, ZERO
        closing = min(abs(quantity), abs(before)) if before * quantity < 0 else ZERO
        if closing:
            average = one.cost / before
            sign = 1 if before > 0 else -1
            realized = sign * closing * (price - average)
            one.cost -= sign * closing * average
        opened = quantity + (closing if quantity < 0 else -closing)
        one.cost += opened * price
        one.quantity = before + quantity
        self.cash -= quantity * price + fee
        self.booked += realized - fee
        one.trip_result += realized - fee
        if before == 0 or before * one.quantity > 0:
            return None
        result, one.trip_result = one.trip_result, ZERO
        return result
