"""Values of the file that are more than a text or a number: what is accepted, and what it becomes."""

from __future__ import annotations

from decimal import Decimal

from runtime.config.moments import moment_to_ns
from runtime.config.parameters import is_moderate

OFF = "off"


def to_number(value: object) -> Decimal:
    """Accept whole numbers and exact Decimals; floats never come out of the file."""
    if isinstance(value, Decimal):
        return value
    if isinstance(value, int) and not isinstance(value, bool):
        return Decimal(value)
    raise ValueError("not a number")


def to_parameter(value: object) -> Decimal | bool:
    """Accept a truth value, or a number of a size that formulas can use."""
    number = value if isinstance(value, bool) else to_number(value)
    if isinstance(number, Decimal) and not is_moderate(number):
        raise ValueError("out of range")
    return number


def to_moment(value: object) -> int:
    """Accept a date, or a time with its zone."""
    try:
        return moment_to_ns(value)
    except (TypeError, ValueError):
        raise ValueError("not a date or time") from None


def to_cap(value: object) -> Decimal | str:
    """Accept a part of a bar's volume, or ``off``."""
    if value == OFF:
        return OFF
    number = to_number(value)
    if not (number.is_finite() and 0 < number <= 1):
        raise ValueError("out of range")
    return number
