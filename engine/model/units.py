"""Units: what an integer counts, and the only places where text becomes one.

=============  ==========================================================================
tick           one price quantum of an instrument, 10^-price_precision of its currency
lot            one quantity quantum of an instrument, 10^-quantity_precision units
minor          one money quantum, 10^-8 of a currency (int64: about +-92 billion units)
ns             nanoseconds since 1970-01-01T00:00:00 UTC
=============  ==========================================================================

The grid on which a venue lets one trade (tick size, lot size) is a whole number of these
quanta and is checked on top of them.
"""

from __future__ import annotations

from decimal import ROUND_CEILING, ROUND_FLOOR, Decimal, InvalidOperation
from typing import NewType

from engine.errors import InputError

Ticks = NewType("Ticks", int)
Lots = NewType("Lots", int)
Minor = NewType("Minor", int)
Nanoseconds = NewType("Nanoseconds", int)

INT64_MAX = 2**63 - 1
MONEY_PRECISION = 8
MINOR_PER_UNIT = 10**MONEY_PRECISION
NS_PER_SECOND = 10**9
NS_PER_MINUTE = 60 * NS_PER_SECOND
NS_PER_HOUR = 60 * NS_PER_MINUTE
NS_PER_DAY = 24 * NS_PER_HOUR
NS_PER_YEAR = 365 * NS_PER_DAY  # the day count of interest: actual/365


def parse_decimal(value: str | int | Decimal, *, name: str) -> Decimal:
    """Return `value` as a finite Decimal.

    Raises
    ------
    InputError
        If it is a float (binary floats never become money here), or not a finite number.
    """
    if isinstance(value, float):
        raise InputError(f"{name} is a float ({value!r}); write it as text or Decimal")
    try:
        number = Decimal(value)
    except (InvalidOperation, TypeError, ValueError):
        raise InputError(f"{name} is not a number: {value!r}") from None
    if not number.is_finite():
        raise InputError(f"{name} must be finite, not {value}")
    return number


def to_quanta(value: str | int | Decimal, precision: int, *, name: str) -> int:
    """Return `value` as a count of 10^-precision, exactly.

    Raises
    ------
    InputError
        If `value` has more than `precision` decimals, or leaves the range of int64.

    Examples
    --------
    >>> to_quanta("12.34", 2, name="price")
    1234
    """
    number = parse_decimal(value, name=name)
    scaled = number.scaleb(precision)
    # Compare before converting: int(Decimal("1e999999")) would fill the memory.
    if abs(scaled) > INT64_MAX:
        raise InputError(
            f"{name} {value} is out of range: at most {INT64_MAX} units of 10^-{precision}"
        )
    if scaled != scaled.to_integral_value():
        raise InputError(f"{name} {value} has more than {precision} decimals")
    return int(scaled)


def to_quanta_toward_zero(value: Decimal, precision: int) -> int:
    """Return `value` as a count of 10^-precision, cut toward zero: never more than asked."""
    scaled = value.scaleb(precision)
    return int(scaled.to_integral_value(ROUND_FLOOR if scaled >= 0 else ROUND_CEILING))


def from_quanta(quanta: int, precision: int) -> Decimal:
    """Return a count of 10^-precision as an exact Decimal.

    Examples
    --------
    >>> from_quanta(1234, 2)
    Decimal('12.34')
    """
    return Decimal(int(quanta)).scaleb(-precision)


def to_minor(value: str | int | Decimal, *, name: str = "amount") -> Minor:
    """Return an amount of money as minor units, exactly; see `to_quanta`."""
    return Minor(to_quanta(value, MONEY_PRECISION, name=name))


def from_minor(minor: int) -> Decimal:
    """Return minor units as an amount of money."""
    return from_quanta(minor, MONEY_PRECISION)
