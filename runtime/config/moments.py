"""Dates and times as people write them, to nanoseconds UTC."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta

from engine.errors import ConfigError
from engine.model.units import INT64_MAX, NS_PER_DAY, NS_PER_SECOND

MOMENT_FORM = "a date, 2020-01-31, or a time with its zone, 2020-01-31T14:30:00Z"
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def parse_moment(text: str, *, name: str) -> int:
    """Return nanoseconds UTC of a date (its midnight UTC) or of a time with a zone.

    Raises
    ------
    ConfigError
        If it is neither, or leaves the years 1678 to 2261.

    Examples
    --------
    >>> parse_moment("1970-01-02", name="start")
    86400000000000
    """
    try:
        return moment_to_ns(text)
    except ValueError:
        raise ConfigError(
            f"{text!r} is not accepted", where=name, remedy=f"accepted: {MOMENT_FORM}"
        ) from None


def format_moment(ns: int) -> str:
    """Return the shortest text of a moment: a date where it is midnight UTC.

    Examples
    --------
    >>> format_moment(86_400_000_000_000)
    '1970-01-02'
    """
    moment = _EPOCH + timedelta(microseconds=ns // 1_000)
    if ns % NS_PER_DAY == 0:
        return moment.date().isoformat()
    return moment.isoformat().replace("+00:00", "Z")


def moment_to_ns(value: object) -> int:
    """Return nanoseconds UTC of a date, a time with a zone, or the text of one.

    Raises
    ------
    TypeError
        If it is none of these.
    ValueError
        If the text is not one, the zone is missing, or it is out of range.
    """
    moment = _from_text(value) if isinstance(value, str) else value
    if isinstance(moment, datetime):
        if moment.tzinfo is None:
            raise ValueError("a time without a zone")
        span = moment - _EPOCH
        ns = (span.days * 86_400 + span.seconds) * NS_PER_SECOND + span.microseconds * 1_000
    elif isinstance(moment, date):
        ns = (moment - _EPOCH.date()).days * NS_PER_DAY
    else:
        raise TypeError("not a date")
    if abs(ns) > INT64_MAX:
        raise ValueError("out of range")
    return ns


def _from_text(text: str) -> date | datetime:
    return date.fromisoformat(text) if len(text) <= 10 else datetime.fromisoformat(text)
