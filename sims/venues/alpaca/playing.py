"""The market as it comes: data and sessions in the order of their time.

At one time data come before a close, and a close before an open, as in a replay.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Callable, Iterator
from typing import Final

import numpy as np
from numpy.typing import NDArray

from engine.model import layout as at
from engine.model.units import NS_PER_MINUTE
from sims.venues.alpaca.exchange import Exchange
from sims.venues.alpaca.market import Row
from sims.venues.alpaca.venue_time import VenueTime

_KINDS: Final = frozenset(
    {at.KIND_BAR, at.KIND_QUOTE, at.KIND_TRADE, at.KIND_SPLIT, at.KIND_SETTLEMENT}
    | {at.KIND_HALT, at.KIND_RESUME}
)
_AROUND_NS: Final = 5 * NS_PER_MINUTE  # of closed hours, after a close and before what is next
_CLOSE, _OPEN = 1, 2


class Playing:
    """What is still to happen in the market.

    Parameters
    ----------
    events
        Rows of `engine.model.layout`, shape (n, EVENT_WIDTH), ascending by time; others than market data,
        splits, settlements and halts are left out. What is not after the start has happened already.
    publish
        Called with each event after the orders have met it.
    """

    def __init__(
        self,
        exchange: Exchange,
        time: VenueTime,
        events: NDArray[np.int64] | None,
        publish: Callable[[Row], None],
    ) -> None:
        self._exchange, self._time, self._publish = exchange, time, publish
        rows = np.empty((0, at.EVENT_WIDTH), dtype=np.int64) if events is None else events
        start = int(np.searchsorted(rows[:, at.EVENT_TS], time.now_ns(), side="right"))
        for row in rows[:start].tolist():
            if row[at.EVENT_INSTRUMENT] >= 0:
                exchange.shown[row[at.EVENT_INSTRUMENT]].add(row)
        self._rows = (row for row in _lists(rows[start:]) if row[at.EVENT_KIND] in _KINDS)
        self._next_row = next(self._rows, None)
        self._sessions = _sessions(exchange, time.now_ns())
        self._next_session = next(self._sessions, None)

    @property
    def next_ns(self) -> int | None:
        """When the next thing happens; None: nothing more will."""
        times = [each[0] for each in (self._next_row, self._next_session) if each is not None]
        return min(times, default=None)

    @property
    def has_data(self) -> bool:
        """Whether there is market data to come."""
        return self._next_row is not None

    def step(self) -> None:
        """Let the next thing happen."""
        row, session = self._next_row, self._next_session
        if row is not None and (session is None or row[at.EVENT_TS] <= session[0]):
            self._next_row = next(self._rows, None)
            self.show(row)
        elif session is not None:
            self._next_session = next(self._sessions, None)
            if session[1] == _CLOSE:
                self._exchange.close_session(session[0])
            else:
                self._exchange.open_session(session[0])

    def show(self, row: Row) -> None:
        """Let the orders meet an event, then tell of it."""
        self._exchange.meet(row)
        self._publish(row)

    def play_until(self, ns: int) -> None:
        """Let all happen that is due up to a time."""
        while (due := self.next_ns) is not None and due <= ns:
            self._time.move_to(due)
            self.step()
        self._time.move_to(ns)

    async def run(self) -> None:
        """Let things happen in their time; closed hours are skipped where time is made faster."""
        while self.has_data:
            due = self.next_ns
            assert due is not None, "there are data to come"
            if self._time.speed != 1:
                await self._skip(due)
            await self._time.until(due)
            self.step()

    async def _skip(self, due: int) -> None:
        now = self._time.now_ns()
        if self._exchange.is_open or any(asset.is_crypto for asset in self._exchange.assets):
            return
        lingers = min(max(self._closed_at(now) + _AROUND_NS, now), due)
        await self._time.until(lingers)
        self._time.move_to(due - _AROUND_NS)

    def _closed_at(self, now: int) -> int:
        closes = self._exchange.hours.closes
        place = bisect_right(closes, now) - 1
        return closes[place] if place >= 0 else now - _AROUND_NS


def _lists(rows: NDArray[np.int64], size: int = 4096) -> Iterator[Row]:
    for first in range(0, len(rows), size):
        yield from rows[first : first + size].tolist()


def _sessions(exchange: Exchange, now: int) -> Iterator[tuple[int, int]]:
    """Yield when sessions close and open after a time."""
    hours = exchange.hours
    marks = [(ns, _OPEN) for ns in hours.opens] + [(ns, _CLOSE) for ns in hours.closes]
    return iter(sorted(mark for mark in marks if mark[0] > now))
