"""Slippage and fees of the reference book: exact fractions, rounded once and against the order."""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from math import isqrt
from typing import Protocol

from engine.model.instruments import Instrument
from engine.model.orders import Liquidity, Side

MINOR = 10**8


class Slippage(Protocol):
    """What the reference reads of a slippage model."""

    @property
    def model(self) -> str:
        """The model's name in section 10."""

    @property
    def value(self) -> object:
        """Its one number, exact."""


def ceiling(amount: Fraction) -> int:
    """Return the smallest whole number that is not below `amount`."""
    return -((-amount.numerator) // amount.denominator)


def up_to_step(amount: Fraction, step: int) -> int:
    """Round an amount of ticks up to whole price steps."""
    return ceiling(amount / step) * step


def root_up_to_step(square: Fraction, step: int) -> int:
    """Return the root of `square` rounded up to whole price steps, without a float.

    The smallest n with (n x step)^2 >= square.
    """
    scaled = square / (step * step)
    whole = isqrt(scaled.numerator // scaled.denominator)
    return (whole if whole * whole >= scaled else whole + 1) * step


def slippage_ticks(
    slippage: Slippage, reference: int, lots: int, volume: int | None, step: int, *, on_quote: bool
) -> int:
    """Return what one fill of `lots` at `reference` slips, per section 10; never negative."""
    value = Fraction(str(slippage.value))
    match slippage.model:
        case "none":
            return 0
        case "fixed":
            return ceiling(value) * step
        case "bps":
            return up_to_step(value * reference / 10_000, step)
        case "spread":
            return 0 if on_quote else up_to_step(value * reference / 20_000, step)
        case "volume_share":
            share = Fraction(lots, volume) if volume else Fraction(1)
            return up_to_step(value * share**2 * reference, step)
        case "square_root":
            share = Fraction(lots, volume) if volume else Fraction(1)
            return root_up_to_step((value * reference) ** 2 * share, step)
    raise AssertionError(f"no such slippage model: {slippage.model}")


def bounded(instrument: Instrument, price: int) -> int:
    """Keep a price at or above one step, and of an event contract one step under 1 or lower."""
    step = instrument.price_step_ticks
    if instrument.is_binary:
        price = min(price, int(10**instrument.price_precision) - step)
    return max(price, step)


def fill_price(instrument: Instrument, side: Side, reference: int, slip: int) -> int:
    """Return the price of a fill that slips against its order."""
    return bounded(instrument, reference + side * slip)


@dataclass
class FeeTab:
    """What one order has traded and paid so far."""

    units: Fraction = Fraction(0)
    notional: Fraction = Fraction(0)
    rounded_up: Fraction = Fraction(0)
    paid_minor: int = 0


def charge(
    fees: object,
    instrument: Instrument,
    tab: FeeTab,
    lots: int,
    price: int,
    liquidity: Liquidity,
    side: int,
    held: int,
) -> int:
    """Add a fill to the order's tab and return what that fill pays, in minor units.

    `held` is the position before the fill.
    """
    units = Fraction(lots, 10**instrument.quantity_precision)
    unit_price = Fraction(price, 10**instrument.price_precision)
    notional = units * unit_price * Fraction(str(instrument.multiplier))
    tab.units += units
    tab.notional += notional
    is_maker = liquidity is Liquidity.MAKER
    match getattr(fees, "model"):  # noqa: B009  (every model has other fields)
        case "none":
            return 0
        case "bps":
            rate = _number(fees, "maker_bps" if is_maker else "taker_bps")
            return ceiling(notional * rate / 10_000 * MINOR)
        case "per_share":
            return _pay_up_to(tab, ceiling(_per_share(fees, tab) * MINOR))
        case "kalshi":
            rate = _number(fees, "maker_rate" if is_maker else "taker_rate")
            exact = rate * units * unit_price * (1 - unit_price)
            tab.rounded_up += Fraction(ceiling(exact * 10_000), 10_000)
            return _pay_up_to(tab, ceiling(tab.rounded_up * 100) * (MINOR // 100))
        case "binance":
            rate = _number(fees, "maker_bps" if is_maker else "taker_bps")
            return 0 if side > 0 else ceiling(notional * rate / 10_000 * MINOR)
        case "mt5":
            closes = min(lots, max(0, -side * held))
            opened = Fraction(lots - closes, 10**instrument.quantity_precision)
            return ceiling(opened * _number(fees, "per_unit") * MINOR)
    raise AssertionError(f"no such fee model: {fees}")


def units_kept(fees: object, side: int, lots: int, liquidity: Liquidity) -> int:
    """Return the lots of a fill that stay with a venue which charges what a buy receives."""
    if getattr(fees, "model") != "binance" or side < 0:  # noqa: B009
        return 0
    rate = _number(fees, "maker_bps" if liquidity is Liquidity.MAKER else "taker_bps")
    return ceiling(lots * rate / 10_000)


def _number(fees: object, name: str) -> Fraction:
    return Fraction(str(getattr(fees, name)))


def _per_share(fees: object, tab: FeeTab) -> Fraction:
    """Return what the order owes so far; the maximum is the stronger of the two limits."""
    owed = max(_number(fees, "per_unit") * tab.units, _number(fees, "minimum"))
    fraction = getattr(fees, "maximum_fraction", None)
    return owed if not fraction else min(owed, Fraction(str(fraction)) * tab.notional)


def _pay_up_to(tab: FeeTab, owed_minor: int) -> int:
    due = max(0, owed_minor - tab.paid_minor)
    tab.paid_minor += due
    return due
