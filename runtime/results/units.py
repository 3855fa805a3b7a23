"""What the numbers of the trading loop's journal rows count, and how they become decimals.

A check's row says its unit itself; what an exit or a guard compared follows from which it is.
"""

from __future__ import annotations

from decimal import Decimal
from typing import TYPE_CHECKING, Final

import numpy as np

from engine.model.denials import Denial
from engine.model.instruments import Instrument
from engine.model.trading import ExitReason, Latch, Unit
from engine.model.trading_layout import NEVER, NOT_GIVEN
from engine.model.units import MONEY_PRECISION
from runtime.results import columns
from runtime.results.exact import Flags, Ints

if TYPE_CHECKING:
    import polars as pl

SCALE = 9  # decimals of a column whose unit differs from row to row
UNIT_NAMES: Final = {
    Unit.COUNT: "count",
    Unit.MINOR: "money",
    Unit.PPM: "fraction",
    Unit.PPB: "fraction",
    Unit.TICKS: "price",
    Unit.LOTS: "quantity",
    Unit.NANOSECONDS: "seconds",
    Unit.SEVERITY: "severity",
}
FIRED_UNITS: Final = {
    ExitReason.STOP_LOSS: Unit.PPM,
    ExitReason.CIRCUIT_BREAKER: Unit.SEVERITY,
    ExitReason.TRAILING_STOP: Unit.TICKS,
    ExitReason.TIME_BASED_URGENT: Unit.NANOSECONDS,
    ExitReason.PROFIT_TARGET: Unit.PPM,
    ExitReason.PARTIAL_EXIT_TARGET: Unit.PPM,
    ExitReason.EARLY_EXIT: Unit.PPB,
    ExitReason.EDGE_DISAPPEARED: Unit.PPB,
    ExitReason.REBALANCE: Unit.PPB,
}
LATCH_UNITS: Final = {
    Latch.DAILY_LOSS: Unit.MINOR,
    Latch.DRAWDOWN: Unit.PPM,
    Latch.MINIMUM_EQUITY: Unit.MINOR,
    Latch.API: Unit.COUNT,
    Latch.DATABASE: Unit.COUNT,
    Latch.STOP_LOSSES: Unit.COUNT,
    Latch.TIER: Unit.MINOR,
}
# The check of an order's quantity compares 10^-9 units: its number is no fraction.
QUANTITY_CHECK: Final = Denial.ORDER_QUANTITY.value
_PRECISION: Final = {
    Unit.MINOR: MONEY_PRECISION,
    Unit.PPM: 6,
    Unit.PPB: 9,
    Unit.NANOSECONDS: 9,
}


def fired_unit(reason: int, number: int, limit: int, pnl_ppm: int) -> Unit:
    """Return what a condition's number and limit count; NONE where there are none.

    A profit target compares the result, or the price with the signal's goal. Liquidity compares a
    spread that is over its limit, or a volume that is under it.
    """
    known = ExitReason._value2member_map_.get(reason)
    if known is ExitReason.LIQUIDITY_DRIED_UP:
        return Unit.TICKS if number > limit else Unit.LOTS
    if known is ExitReason.PROFIT_TARGET and number != pnl_ppm:
        return Unit.TICKS
    return FIRED_UNITS.get(known, Unit.NONE) if isinstance(known, ExitReason) else Unit.NONE


def unit_precision(unit: Unit, instrument: Instrument | None) -> int:
    """Return how many decimals a number of this unit has."""
    if unit is Unit.TICKS or unit is Unit.LOTS:
        if instrument is None:
            return 0
        is_price = unit is Unit.TICKS
        return instrument.price_precision if is_price else instrument.quantity_precision
    return _PRECISION.get(unit, 0)


def to_decimal(number: int, unit: Unit, instrument: Instrument | None) -> Decimal | None:
    """Return a journal's number in its unit: fractions, units of money, prices, seconds.

    Examples
    --------
    >>> to_decimal(184_000, Unit.PPM, None), to_decimal(NOT_GIVEN, Unit.PPM, None)
    (Decimal('0.184000'), None)
    """
    if not is_given(number):
        return None
    return Decimal(number).scaleb(-unit_precision(unit, instrument))


def is_given(number: int) -> bool:
    """Return whether a number is one, and neither missing nor the time that does not come."""
    return number not in (NOT_GIVEN, NEVER)


def given(values: Ints) -> Flags:
    """Return which of a column's numbers are given."""
    result: Flags = (values != NOT_GIVEN) & (values != NEVER)
    return result


def unit_column(units: Ints) -> pl.Series:
    """Return the names of units; null where nothing is counted."""
    return columns.names("unit", units, {unit.value: text for unit, text in UNIT_NAMES.items()})


def check_unit_column(units: Ints, codes: Ints) -> pl.Series:
    """Return the names of the units of checks."""
    return unit_column(np.where(codes == QUANTITY_CHECK, Unit.LOTS.value, units))


def mixed_column(
    name: str, values: Ints, units: Ints, instrument: Ints, instruments: tuple[Instrument, ...]
) -> pl.Series:
    """Return numbers of several units as one column of decimals; null where none is given."""
    known = given(values) & (units != Unit.NONE)
    precision = np.zeros(values.size, dtype=np.int64)
    for unit, digits in _PRECISION.items():
        precision[units == unit] = digits
    for unit in (Unit.TICKS, Unit.LOTS):
        own = np.array([unit_precision(unit, item) for item in instruments], dtype=np.int64)
        rows = (units == unit) & (instrument >= 0)
        precision[rows] = own[instrument[rows]]
    shown = columns.at_precision(name, np.where(known, values, 0), precision, SCALE)
    return columns.where(shown, known)
