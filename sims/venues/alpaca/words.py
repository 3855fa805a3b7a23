"""How this venue writes: times, numbers, ids."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from decimal import Decimal
from typing import Final, TypeAlias
from uuid import NAMESPACE_URL, UUID, uuid5

from engine.model.units import NS_PER_SECOND, from_minor

Json: TypeAlias = "dict[str, Json] | list[Json] | str | int | float | bool | None"
Record: TypeAlias = dict[str, Json]

_SPACE: Final = uuid5(NAMESPACE_URL, "simulated venue")
_FRACTION: Final = re.compile(r"\.(\d{1,9})")


def time_text(ns: int) -> str:
    """Return a time as RFC 3339 with nanoseconds.

    Examples
    --------
    >>> time_text(1_000_000_001)
    '1970-01-01T00:00:01.000000001Z'
    """
    seconds, rest = divmod(ns, NS_PER_SECOND)
    return f"{datetime.fromtimestamp(seconds, UTC):%Y-%m-%dT%H:%M:%S}.{rest:09}Z"


def parse_time(text: str) -> int:
    """Return an RFC 3339 time or a date in ns; what has no offset is UTC.

    Raises
    ------
    ValueError
        If it is neither.
    """
    moment = datetime.fromisoformat(text)
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=UTC)
    fraction = _FRACTION.search(text)
    digits = "" if fraction is None else fraction[1]
    return int(moment.replace(microsecond=0).timestamp()) * NS_PER_SECOND + int(
        digits.ljust(9, "0")
    )


def number_text(value: Decimal) -> str:
    """Return a number as its shortest decimal text.

    Examples
    --------
    >>> number_text(Decimal("190.50")), number_text(Decimal("1E+2"))
    ('190.5', '100')
    """
    text = f"{value:f}"
    return text.rstrip("0").rstrip(".") if "." in text else text


def money_text(minor: int) -> str:
    """Return money in minor units as decimal text."""
    return number_text(from_minor(minor))


def identity(kind: str, name: str) -> str:
    """Return the UUID of something: the same for the same name, so that a run can be repeated."""
    return str(UUID(bytes=uuid5(_SPACE, f"{kind}:{name}").bytes, version=4))
