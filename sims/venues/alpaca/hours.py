"""When the venue is open: sessions in time order, as whoever starts it gives them."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Sequence
from datetime import UTC, date, datetime
from zoneinfo import ZoneInfo

from engine.model.units import NS_PER_DAY, NS_PER_SECOND
from sims.venues.alpaca.words import Record

NEW_YORK = ZoneInfo("America/New_York")


class Hours:
    """The sessions of the venue's shares.

    Parameters
    ----------
    opens_ns, closes_ns
        Of each session, ascending. Empty: it never closes.
    """

    def __init__(self, opens_ns: Sequence[int] = (), closes_ns: Sequence[int] = ()) -> None:
        assert len(opens_ns) == len(closes_ns), "each session has an open and a close"
        self.opens = [int(ns) for ns in opens_ns]
        self.closes = [int(ns) for ns in closes_ns]

    @property
    def never_closes(self) -> bool:
        """Whether there are no sessions."""
        return not self.opens

    def is_open(self, ns: int) -> bool:
        """Return whether a session holds a time, its open included."""
        if self.never_closes:
            return True
        place = bisect_right(self.opens, ns) - 1
        return place >= 0 and ns < self.closes[place]

    def next_open(self, ns: int) -> int:
        """Return the first open after a time, or a day later where none is known."""
        place = bisect_right(self.opens, ns)
        return self.opens[place] if place < len(self.opens) else ns + NS_PER_DAY

    def next_close(self, ns: int) -> int:
        """Return the first close after a time, or a day later where none is known."""
        place = bisect_right(self.closes, ns)
        return self.closes[place] if place < len(self.closes) else ns + NS_PER_DAY

    def session_starts(self, ns: int) -> int:
        """Return the open of the session of a time, or of the last one before it."""
        place = bisect_right(self.opens, ns) - 1
        return self.opens[place] if place >= 0 else ns // NS_PER_DAY * NS_PER_DAY

    def clock(self, ns: int, *, is_open: bool) -> Record:
        """Return what the clock says at a time."""
        return {
            "timestamp": _local_text(ns),
            "is_open": is_open,
            "next_open": _local_text(self.next_open(ns)),
            "next_close": _local_text(self.next_close(ns)),
        }

    def calendar(self, start: date, end: date) -> list[Record]:
        """Return the days with a session from one date to another, both included."""
        first = bisect_left(self.opens, start_of(start))
        last = bisect_left(self.opens, start_of(end) + NS_PER_DAY)
        return [_day(self.opens[n], self.closes[n]) for n in range(first, last)]


def start_of(day: date) -> int:
    """Return New York's midnight."""
    midnight = datetime(day.year, day.month, day.day, tzinfo=NEW_YORK)
    return int(midnight.timestamp()) * NS_PER_SECOND


def wall_time(ns: int) -> datetime:
    """Return a time as New York's clocks show it."""
    return datetime.fromtimestamp(ns // NS_PER_SECOND, UTC).astimezone(NEW_YORK)


def _local_text(ns: int) -> str:
    """Return a time with New York's offset, as the clock of the venue tells it."""
    moment = wall_time(ns)
    offset = f"{moment:%z}"
    return f"{moment:%Y-%m-%dT%H:%M:%S}.{ns % NS_PER_SECOND:09}{offset[:3]}:{offset[3:]}"


def _day(open_ns: int, close_ns: int) -> Record:
    opens, closes = wall_time(open_ns), wall_time(close_ns)
    return {
        "date": f"{opens:%Y-%m-%d}",
        "open": f"{opens:%H:%M}",
        "close": f"{closes:%H:%M}",
        "session_open": "0400",
        "session_close": "2000",
        "settlement_date": f"{opens:%Y-%m-%d}",
    }
