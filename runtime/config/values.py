"""Values of the file that are more than a text or a number: what is accepted, and what it becomes."""

from __future__ import annotations

import re
from decimal import Decimal

from engine.model.units import NS_PER_DAY, NS_PER_HOUR, NS_PER_MINUTE, NS_PER_SECOND
from runtime.config.moments import moment_to_ns
from runtime.config.parameters import is_moderate

OFF = "off"
STAGES_MAX = 8
_DURATION = re.compile(r"(\d{1,9})(ms|s|m|h|d)", re.ASCII)
_NS_PER = {
    "d": NS_PER_DAY,
    "h": NS_PER_HOUR,
    "m": NS_PER_MINUTE,
    "s": NS_PER_SECOND,
    "ms": NS_PER_SECOND // 1_000,
}
_PERCENT_PLACES = 4  # parts per million


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


def to_duration(value: object) -> int:
    """Accept a text like ``30s``, ``5m`` or ``1d``, as nanoseconds.

    Examples
    --------
    >>> to_duration("90s")
    90000000000
    """
    found = _DURATION.fullmatch(value) if isinstance(value, str) else None
    if found is None:
        raise ValueError("not a duration")
    return int(found[1]) * _NS_PER[found[2]]


def to_duration_or_off(value: object) -> int | str:
    """Accept a duration from one second to a day, or ``off``."""
    if value == OFF:
        return OFF
    duration = to_duration(value)
    if not NS_PER_SECOND <= duration <= NS_PER_DAY:
        raise ValueError("out of range")
    return duration


def format_duration(ns: int) -> str:
    """Return nanoseconds as the file writes them, in the largest unit that divides them.

    Examples
    --------
    >>> format_duration(300_000_000_000)
    '5m'
    """
    for unit, length in _NS_PER.items():
        if ns and ns % length == 0:
            return f"{ns // length}{unit}"
    return "0s"


def to_limit(value: object) -> Decimal | str:
    """Accept a number over 0 with at most four decimals, or ``off``."""
    if value == OFF:
        return OFF
    number = to_number(value)
    if not (number.is_finite() and 0 < number <= 10_000 and _has_places(number, _PERCENT_PLACES)):
        raise ValueError("out of range")
    return number


def to_stages(value: object) -> tuple[tuple[Decimal, Decimal], ...]:
    """Accept up to eight pairs of percentages: at which profit, which part of the position."""
    if not isinstance(value, list) or not 1 <= len(value) <= STAGES_MAX:
        raise ValueError("not a list of stages")
    stages = tuple(_stage(each) for each in value)
    starts = [at for at, _ in stages]
    if sorted(set(starts)) != starts or sum(share for _, share in stages) > 100:
        raise ValueError("not ascending, or more than the whole")
    return stages


def stages_text(stages: tuple[tuple[Decimal, Decimal], ...]) -> str:
    """Return stages as the file writes them.

    Examples
    --------
    >>> stages_text(((Decimal(15), Decimal(50)), (Decimal(25), Decimal(25))))
    '[[15, 50], [25, 25]]'
    """
    return f"[{', '.join(f'[{at:f}, {share:f}]' for at, share in stages)}]"


def _stage(value: object) -> tuple[Decimal, Decimal]:
    if not isinstance(value, list) or len(value) != 2:
        raise ValueError("not a pair")
    at, share = (to_number(each) for each in value)
    for number, most in ((at, 10_000), (share, 100)):
        is_inside = number.is_finite() and 0 < number <= most
        if not (is_inside and _has_places(number, _PERCENT_PLACES)):
            raise ValueError("out of range")
    return at, share


def _has_places(number: Decimal, places: int) -> bool:
    """Return whether a number has at most so many decimals as written."""
    exponent = number.as_tuple().exponent
    return isinstance(exponent, int) and -exponent <= places
