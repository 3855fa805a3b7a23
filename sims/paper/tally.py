"""What a paper account holds, told by its own fills and by nothing of the engine's.

Cash counts what fills and their fees have moved, each value rounded half-even to the minor unit. Interest,
dividends and funding are not in it: the simulated venue does not know of them.
"""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

from engine.model.instruments import Instrument


class Held(msgspec.Struct, array_like=True):
    """One instrument's position: lots, and what it has cost in minor units of its currency."""

    lots: int = 0
    cost_minor: int = 0


class Tally(msgspec.Struct, array_like=True):
    """Positions by instrument and cash by currency, in minor units."""

    held: list[Held]
    cash: dict[str, int]

    @staticmethod
    def opened(instruments: Sequence[Instrument], currency: str, cash_minor: int) -> Tally:
        """Return that of a new account."""
        return Tally([Held() for _ in instruments], {currency: cash_minor})

    def fill(
        self, i: int, item: Instrument, change: int, price_ticks: int, fee_minor: int, fee_lots: int
    ) -> None:
        """Book a fill that changes a position by `change` lots; `fee_lots` of them the venue keeps."""
        value = _share(price_ticks * item.notional_numerator, change, item.notional_denominator)
        held = self.held[i]
        realized = 0
        if held.lots * change < 0:  # it closes, and what is beyond opens
            closed = min(abs(held.lots), abs(change)) * (1 if held.lots > 0 else -1)
            cost = _share(held.cost_minor, closed, held.lots)
            gained = _share(value, -closed, change)
            realized = -gained - cost
            held.cost_minor += -cost + (value - gained)
        else:
            held.cost_minor += value
        held.lots += change - fee_lots
        moved = realized if item.is_margined else -value
        self.cash[item.currency] = self.cash.get(item.currency, 0) + moved - fee_minor

    def follow(self, i: int, lots: int) -> None:
        """Take over a position that an action has changed; what it has cost stays."""
        held = self.held[i]
        held.lots = lots
        if lots == 0:
            held.cost_minor = 0


def _share(amount: int, part: int, whole: int) -> int:
    """Return amount x part / whole, half-even."""
    product = amount * part
    if whole < 0:
        product, whole = -product, -whole
    quotient, rest = divmod(product, whole)
    above = 2 * rest - whole
    return quotient + (above > 0 or (above == 0 and quotient % 2 == 1))
