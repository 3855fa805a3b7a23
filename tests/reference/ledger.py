"""One account a second time: Decimal, dictionaries, and every change written as a posting.

Signs: a position and its cost basis are positive when long and negative when short. A posting's
lines sum to zero per currency; "cash" is the account's own line, all others say where it came from.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from decimal import ROUND_HALF_EVEN, Decimal, localcontext
from fractions import Fraction

from engine.model.instruments import Instrument
from engine.model.orders import Side

MINOR = Decimal("1e-8")
NS_PER_YEAR = 365 * 86_400 * 10**9  # actual/365
ZERO = Decimal(0)


def money(amount: Decimal | Fraction) -> Decimal:
    """Round an amount half-even to whole minor units."""
    with localcontext() as context:
        context.prec = 60
        if isinstance(amount, Fraction):
            amount = Decimal(amount.numerator) / Decimal(amount.denominator)
        return amount.quantize(MINOR, ROUND_HALF_EVEN)


def value_of(instrument: Instrument, quantity: Decimal, price: Decimal) -> Decimal:
    """Return quantity x price x multiplier in money."""
    return money(Fraction(quantity) * Fraction(price) * Fraction(instrument.multiplier))


@dataclass(frozen=True)
class Posting:
    """One change: its cause, currency and lines, which sum to zero."""

    cause: str
    currency: str
    lines: dict[str, Decimal]


@dataclass
class Holding:
    """A position: units, what they cost, and what has come of it."""

    quantity: Decimal = ZERO
    cost: Decimal = ZERO
    realized: Decimal = ZERO
    fees: Decimal = ZERO
    income: Decimal = ZERO  # dividends, funding and borrow, signed for us


@dataclass
class ReferenceAccount:
    """Cash by currency, holdings by symbol, and the postings that made them."""

    cash: dict[str, Decimal] = field(default_factory=dict)
    holdings: dict[str, Holding] = field(default_factory=dict)
    postings: list[Posting] = field(default_factory=list)

    # ---- causes ----

    def transfer(self, currency: str, amount: Decimal) -> None:
        """Bring money in, or take it out with a negative amount."""
        self._post("transfer", currency, {"cash": amount, "owner": -amount})

    def fill(
        self,
        instrument: Instrument,
        side: Side,
        quantity: Decimal,
        price: Decimal,
        fee: Decimal = ZERO,
        cause: str = "fill",
    ) -> Decimal:
        """Trade `quantity` units; return the realized profit or loss."""
        holding = self.holding(instrument)
        signed = quantity * int(side)
        value = value_of(instrument, signed, price)
        is_closing = holding.quantity * signed < 0
        closed = min(quantity, abs(holding.quantity)) if is_closing else ZERO
        closed_value = value_of(instrument, closed * int(side), price)
        removed = self._remove_cost(holding, closed)
        realized = -closed_value - removed
        opened_cost = value - closed_value
        holding.quantity += signed
        holding.cost += opened_cost
        holding.realized += realized
        holding.fees += fee
        self._settle(instrument, cause, opened_cost - removed, realized)
        if fee:
            self._post("fee", instrument.currency, {"cash": -fee, "fees": fee})
        return realized

    def dividend(self, instrument: Instrument, per_unit: Decimal) -> Decimal:
        """Pay a dividend; a short position pays it out."""
        amount = money(self.holding(instrument).quantity * per_unit)
        return self._income(instrument, "dividend", amount)

    def funding(self, instrument: Instrument, mark: Decimal, rate: Decimal) -> Decimal:
        """Exchange funding of a perpetual: longs pay shorts when the rate is positive."""
        position = self.holding(instrument).quantity
        exact = -Fraction(position) * Fraction(mark) * Fraction(instrument.multiplier)
        return self._income(instrument, "funding", money(exact * Fraction(rate)))

    def borrow(self, instrument: Instrument, price: Decimal, rate: Decimal, ns: int) -> Decimal:
        """Charge the borrowing of a short position for `ns` nanoseconds."""
        short = max(ZERO, -self.holding(instrument).quantity)
        exact = Fraction(short) * Fraction(price) * Fraction(instrument.multiplier)
        charge = money(exact * Fraction(rate) * Fraction(ns, NS_PER_YEAR))
        return self._income(instrument, "borrow", -charge)

    def interest(self, currency: str, rate: Decimal, ns: int) -> Decimal:
        """Accrue interest on the cash of a currency: earned when positive, charged when negative."""
        balance = self.cash.get(currency, ZERO)
        amount = money(Fraction(balance) * Fraction(rate) * Fraction(ns, NS_PER_YEAR))
        self._post("interest", currency, {"cash": amount, "interest": -amount})
        return amount

    def split(
        self, instrument: Instrument, numerator: int, denominator: int, last: Decimal
    ) -> Decimal:
        """Exchange old units for new ones; a fraction of a lot is paid in cash at the last price."""
        holding = self.holding(instrument)
        if holding.quantity == 0:
            return ZERO
        ratio = Fraction(numerator, denominator)
        exact = Fraction(holding.quantity) * ratio
        lots = abs(exact) / Fraction(instrument.lot_size)
        sign = 1 if exact > 0 else -1
        kept = sign * (lots.numerator // lots.denominator) * instrument.lot_size
        fraction = exact - Fraction(kept)
        paid = money(fraction * Fraction(last) / ratio * Fraction(instrument.multiplier))
        removed = holding.cost if kept == 0 else money(Fraction(holding.cost) * fraction / exact)
        realized = paid - removed
        holding.quantity = kept
        holding.cost -= removed
        holding.realized += realized
        self._settle(instrument, "split", -removed, realized)
        return paid

    def settle(self, instrument: Instrument, price: Decimal) -> Decimal:
        """Close the position at the settlement price, without a fee."""
        quantity = self.holding(instrument).quantity
        if quantity == 0:
            return ZERO
        side = Side.SELL if quantity > 0 else Side.BUY
        return self.fill(instrument, side, abs(quantity), price, cause="settlement")

    def convert(self, source: str, target: str, amount: Decimal, rate: Decimal) -> Decimal:
        """Change `amount` of one currency into another; return what arrives."""
        arrives = money(Fraction(amount) * Fraction(rate))
        self._post("conversion", source, {"cash": -amount, "exchange": amount})
        self._post("conversion", target, {"cash": arrives, "exchange": -arrives})
        return arrives

    # ---- state ----

    def holding(self, instrument: Instrument) -> Holding:
        """Return the holding of an instrument, empty if it was never traded."""
        return self.holdings.setdefault(instrument.symbol, Holding())

    def equity(self, currency: str, marks: dict[Instrument, Decimal]) -> Decimal:
        """Return cash plus what the positions in that currency are worth at the marks."""
        total = self.cash.get(currency, ZERO)
        for instrument, mark in marks.items():
            if instrument.currency == currency:
                holding = self.holding(instrument)
                worth = value_of(instrument, holding.quantity, mark)
                total += worth - (holding.cost if instrument.is_margined else ZERO)
        return total

    # ---- book-keeping ----

    def _remove_cost(self, holding: Holding, closed: Decimal) -> Decimal:
        """Take the closed part's share out of the cost basis; a full close takes all of it."""
        if closed == 0:
            return ZERO
        whole = abs(holding.quantity)
        share = Fraction(closed) / Fraction(whole)
        removed = holding.cost if closed == whole else money(Fraction(holding.cost) * share)
        holding.cost -= removed
        return removed

    def _settle(
        self, instrument: Instrument, cause: str, cost_change: Decimal, realized: Decimal
    ) -> None:
        """Margined instruments move cash by the profit only, the others by the whole value."""
        currency = instrument.currency
        if instrument.is_margined:
            self._post(cause, currency, {"cash": realized, "pnl": -realized})
        else:
            lines = {"cash": realized - cost_change, "positions": cost_change, "pnl": -realized}
            self._post(cause, currency, lines)

    def _income(self, instrument: Instrument, cause: str, amount: Decimal) -> Decimal:
        self.holding(instrument).income += amount
        self._post(cause, instrument.currency, {"cash": amount, cause: -amount})
        return amount

    def _post(self, cause: str, currency: str, lines: dict[str, Decimal]) -> None:
        assert sum(lines.values()) == 0, f"{cause}: {lines} do not sum to zero"
        assert all(line == money(line) for line in lines.values()), f"{cause}: not whole money"
        self.postings.append(Posting(cause, currency, lines))
        self.cash[currency] = self.cash.get(currency, ZERO) + lines["cash"]
