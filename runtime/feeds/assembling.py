"""`Assembler`: numbered messages in order, and time, become slices. Pure: no socket and no clock.

A slice is decided when something later has come, when time has passed it, or when every instrument has
reported its bar and nothing but bars can come. Session events are merged in between, as a backtest has
them. What comes for a time that has been decided on is dropped, and told.

A cursor packs the number of the last message that is wholly dealt with, and how many session events
were told since: going on from it repeats nothing and leaves nothing out.
"""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime

import numpy as np

from engine.model import layout as at
from engine.model.units import NS_PER_SECOND
from engine.ports import FeedItem, Notice, NoticeKind, Slice, TimePassed
from runtime.feeds import wire
from runtime.feeds.calendar_events import CalendarEvents
from runtime.feeds.freshness import Freshness
from runtime.feeds.wire import Listing, Market, Refused, Row
from sims.replay.source import RANKS

BARS_KNOWN = 64  # of each instrument: a later word about one of them is a revision
_EVENTS_BITS = 20  # of a cursor: a million session events without a message


def pack_cursor(number: int, events: int) -> int:
    """Return a cursor: the last message's number, and the session events since."""
    assert 0 <= events < 1 << _EVENTS_BITS
    return number << _EVENTS_BITS | events


def unpack_cursor(cursor: int) -> tuple[int, int]:
    """Return what `pack_cursor` packed.

    Examples
    --------
    >>> unpack_cursor(pack_cursor(7, 2))
    (7, 2)
    """
    return cursor >> _EVENTS_BITS, cursor & (1 << _EVENTS_BITS) - 1


@dataclass(slots=True)
class _Pending:
    """The rows of one time that is not decided on yet."""

    ts_ns: int
    rows: list[Row] = field(default_factory=list)
    reported: set[int] = field(default_factory=set)  # instruments with a bar
    received_ns: int = 0


@dataclass(frozen=True, slots=True)
class Resumption:
    """Where to go on: a cursor, and the time of the last message before it."""

    cursor: int
    last_ns: int
    is_timer: bool = (
        False  # the last message was one: session events of its time were told before it
    )


class Assembler:
    """Messages to slices.

    Parameters
    ----------
    listings
        The instruments that were asked for, by symbol.
    calendar
        Session events.
    reports
        The instruments of which a bar of each close is waited for; empty where something else than
        bars can come. A slice with a bar of each is complete.
    freshness
        Says of whom nothing has come for too long; nobody without.
    resumption
        Where to go on; from the beginning without.
    counts
        Where notices are counted.
    """

    def __init__(
        self,
        listings: Mapping[str, Listing],
        calendar: CalendarEvents,
        *,
        reports: frozenset[int] = frozenset(),
        freshness: Freshness | None = None,
        resumption: Resumption | None = None,
        counts: Counter[NoticeKind] | None = None,
    ) -> None:
        self._listings, self._calendar, self._reports = listings, calendar, reports
        self._freshness = freshness
        self._number = self._events = 0
        self._decided_ns = self._told_ns = self._passed_ns = self._timer_ns = -1
        self._pending: _Pending | None = None
        self._last_bars: dict[int, deque[Row]] = {}
        self.counts: Counter[NoticeKind] = Counter() if counts is None else counts
        if resumption is not None:
            self._go_on(resumption)

    @property
    def decided_ns(self) -> int:
        """Nothing of a time up to this is taken any more."""
        return self._decided_ns

    @property
    def cursor(self) -> int:
        """Where the last item left it."""
        return pack_cursor(self._number, self._events)

    def take(self, number: int, message: Market | Refused, received_ns: int = 0) -> list[FeedItem]:
        """Take the message with the next number; return what that makes known."""
        row = message if isinstance(message, Refused) else wire.to_row(message, self._listings)
        return self.take_row(number, row, received_ns)

    def take_row(self, number: int, row: Row | Refused | None, received_ns: int) -> list[FeedItem]:
        """Take what the next message says; see `take`."""
        items: list[FeedItem] = []
        if isinstance(row, Refused):
            items.append(self.refuse(row))
        elif row is not None and self._is_late(row):
            items.append(self._drop(row))
        elif row is not None and row[at.EVENT_KIND] == at.KIND_TIMER:
            items += self._decide(row[at.EVENT_TS])
            self._number, self._timer_ns = number, row[at.EVENT_TS]
            items.append(self._slice([row], received_ns))
        elif row is not None:
            items += self._decide(row[at.EVENT_TS] - 1)
            items += self._add(row, received_ns)
        self._number = number
        if self._is_complete():
            items.append(self._decide_pending())
        return items

    def refuse(self, refused: Refused) -> Notice:
        """Count what could not be read, and tell it."""
        listing = self._listings.get(refused.symbol)
        place = -1 if listing is None else listing.number
        return self.note(NoticeKind.REFUSED, refused.reason, instrument=place)

    def pass_time(self, now_ns: int) -> list[FeedItem]:
        """Note that nothing more will come of a time up to `now_ns`; return what that makes known."""
        if now_ns <= self._passed_ns or now_ns < self._told_ns:
            return []
        items: list[FeedItem] = list(self._decide(now_ns))
        self._passed_ns = self._told_ns = now_ns
        if self._freshness is not None:
            items += (self._stale(*each) for each in self._freshness.newly_stale(now_ns))
        return [*items, TimePassed(now_ns)]

    def finish(self, last_ns: int) -> list[FeedItem]:
        """Note that nothing more will come at all; the last data had the time `last_ns`."""
        pending_ns = -1 if self._pending is None else self._pending.ts_ns
        items: list[FeedItem] = list(self._decide(max(last_ns, pending_ns)))
        return [*items, *(self._event(row) for row in self._calendar.finish(last_ns))]

    def note(self, kind: NoticeKind, detail: str, *, instrument: int = -1) -> Notice:
        """Count and return a notice."""
        self.counts[kind] += 1
        return Notice(kind, detail, instrument, since_ns=max(self._decided_ns, 0))

    # --- Deciding -----------------------------------------------------------------------------------
    def _decide(self, until_ns: int) -> Iterator[Slice]:
        """Yield everything up to a time."""
        if self._pending is not None and self._pending.ts_ns <= until_ns:
            yield self._decide_pending()
        for row in self._calendar.before(until_ns + 1):
            yield self._event(row)
        self._decided_ns = max(self._decided_ns, until_ns)

    def _decide_pending(self) -> Slice:
        pending, self._pending = self._pending, None
        assert pending is not None
        self._decided_ns = max(self._decided_ns, pending.ts_ns)
        return self._slice(sorted(pending.rows, key=_order), pending.received_ns)

    def _slice(self, rows: list[Row], received_ns: int) -> Slice:
        self._events, self._told_ns = 0, rows[0][at.EVENT_TS]
        self._see(rows)
        return Slice(self._told_ns, np.array(rows, dtype=np.int64), self.cursor, received_ns)

    def _event(self, row: Row) -> Slice:
        self._events, self._told_ns = self._events + 1, row[at.EVENT_TS]
        self._see([row])
        return Slice(self._told_ns, np.array([row], dtype=np.int64), self.cursor)

    def _see(self, rows: Sequence[Row]) -> None:
        if self._freshness is not None:
            for row in rows:
                self._freshness.see(row)

    def _is_late(self, row: Row) -> bool:
        """Return whether a row's time has been decided on; a timer comes after its time's market."""
        ts_ns = row[at.EVENT_TS]
        if row[at.EVENT_KIND] == at.KIND_TIMER:
            return ts_ns < self._decided_ns or ts_ns <= max(self._timer_ns, self._passed_ns)
        return ts_ns <= self._decided_ns

    # --- Collecting ---------------------------------------------------------------------------------
    def _add(self, row: Row, received_ns: int) -> list[FeedItem]:
        """Add a row to the time that is not decided on yet; a bar takes the place of one before."""
        if self._pending is None:
            self._pending = _Pending(row[at.EVENT_TS])
        pending = self._pending
        pending.received_ns = max(pending.received_ns, received_ns)
        items: list[FeedItem] = []
        if row[at.EVENT_KIND] == at.KIND_BAR:
            number = row[at.EVENT_INSTRUMENT]
            if number in pending.reported:
                before = next(r for r in pending.rows if _bar_of(r) == number)
                if _values(before) == _values(row):
                    return [self._again(row)]
                items.append(self._revised(row, before, "before it was decided on"))
                pending.rows.remove(before)
            pending.reported.add(number)
            self._last_bars.setdefault(number, deque(maxlen=BARS_KNOWN)).append(row)
        pending.rows.append(row)
        return items

    def _is_complete(self) -> bool:
        return (
            self._pending is not None
            and bool(self._reports)
            and self._reports <= self._pending.reported
        )

    def _drop(self, row: Row) -> Notice:
        """Tell of a row that came after its time had been decided on."""
        number, ts_ns = row[at.EVENT_INSTRUMENT], row[at.EVENT_TS]
        bars = self._last_bars.get(number, deque()) if _bar_of(row) == number else deque()
        told = next((bar for bar in reversed(bars) if bar[at.EVENT_TS] == ts_ns), None)
        if told is not None and _values(told) == _values(row):
            return self._again(row)
        if told is not None:
            return self._revised(row, told, "after it was decided on: the decision stands")
        text = (
            f"{self._name(number)}: data of {_moment(ts_ns)} came after {_moment(self._decided_ns)}"
        )
        return self.note(NoticeKind.LATE, text, instrument=number)

    def _again(self, row: Row) -> Notice:
        number = row[at.EVENT_INSTRUMENT]
        text = f"{self._name(number)}: the bar of {_moment(row[at.EVENT_TS])} once more"
        return self.note(NoticeKind.DUPLICATE, text, instrument=number)

    def _revised(self, row: Row, before: Row, when: str) -> Notice:
        number = row[at.EVENT_INSTRUMENT]
        text = (
            f"{self._name(number)}: the bar of {_moment(row[at.EVENT_TS])} was revised {when}; "
            f"ticks {_values(before)} became {_values(row)}"
        )
        return self.note(NoticeKind.REVISED, text, instrument=number)

    def _stale(self, number: int, since_ns: int) -> Notice:
        text = f"{self._name(number)}: nothing has come since {_moment(since_ns)}"
        return self.note(NoticeKind.STALE, text, instrument=number)

    def _name(self, number: int) -> str:
        names = (s for s, listing in self._listings.items() if listing.number == number)
        return next(names, "account")

    def _go_on(self, resumption: Resumption) -> None:
        """Stand where a cursor says, without telling what was told."""
        self._number, self._events = unpack_cursor(resumption.cursor)
        last_ns = resumption.last_ns
        told = list(self._calendar.before(last_ns + resumption.is_timer))
        told += self._calendar.next(self._events)
        self._see(told)
        self._told_ns = max([last_ns, *(row[at.EVENT_TS] for row in told)])
        self._decided_ns = self._told_ns
        self._timer_ns = last_ns if resumption.is_timer else -1


def resumption_of(
    cursor: int, messages: Sequence[Market | Refused], listings: Mapping[str, Listing]
) -> Resumption | None:
    """Return where to go on, from the last messages before a cursor; None where they tell nothing."""
    last_ns, is_timer = -1, False
    for message in messages:
        row = None if isinstance(message, Refused) else wire.to_row(message, listings)
        if row is not None and not isinstance(row, Refused) and row[at.EVENT_TS] >= last_ns:
            last_ns, is_timer = row[at.EVENT_TS], row[at.EVENT_KIND] == at.KIND_TIMER
    return None if last_ns < 0 else Resumption(cursor, last_ns, is_timer)


def _order(row: Row) -> tuple[int, int]:
    return RANKS[row[at.EVENT_KIND]], row[at.EVENT_INSTRUMENT]


def _bar_of(row: Row) -> int:
    return row[at.EVENT_INSTRUMENT] if row[at.EVENT_KIND] == at.KIND_BAR else -2


def _values(bar: Row) -> list[int]:
    return bar[at.BAR_OPEN_TS : at.BAR_FILLS]


def _moment(ts_ns: int) -> str:
    return datetime.fromtimestamp(ts_ns // NS_PER_SECOND, UTC).isoformat(sep=" ")
