"""The market as it comes: data and sessions in the order of their time.

At one time data come before a close, and a close before an open, as in a replay.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from heapq import heappop, heappush
from itertools import count
from typing import Final

import numpy as np
from numpy.typing import NDArray

from engine.model import layout as at
from engine.model.units import NS_PER_MINUTE, NS_PER_SECOND
from sims.venues.alpaca.actions import ANNOUNCED
from sims.venues.alpaca.exchange import Exchange
from sims.venues.alpaca.market import Row
from sims.venues.alpaca.venue_time import VenueTime

_KINDS: Final = frozenset(
    {at.KIND_BAR, at.KIND_QUOTE, at.KIND_TRADE, at.KIND_SPLIT, at.KIND_SETTLEMENT}
    | {at.KIND_HALT, at.KIND_RESUME}
)
_BEFORE_NS: Final = NS_PER_MINUTE  # of closed hours that are left out, so much is not
_CLOSE, _OPEN = 1, 2
_NAP_SECONDS: Final = 0.02
_TURN_STEPS: Final = 64  # then other tasks have a turn


class Playing:
    """What is still to happen in the market.

    Parameters
    ----------
    events
        Rows of `engine.model.layout`, shape (n, EVENT_WIDTH), ascending by time; others than market data,
        splits, settlements and halts are left out. What is not after the start has happened already.
    night_seconds
        How many seconds of the clock a venue is closed whose time is made faster.
    change
        What becomes of an event before it happens.
    publish
        Called with each event after the orders have met it.
    """

    def __init__(
        self,
        exchange: Exchange,
        time: VenueTime,
        events: NDArray[np.int64] | None,
        night_seconds: float,
        change: Callable[[Row], Row],
        publish: Callable[[Row], None],
    ) -> None:
        self._exchange, self._time, self._night_seconds = exchange, time, night_seconds
        self._change, self._publish = change, publish
        self._alarms: list[tuple[int, int, Callable[[], object]]] = []
        self._alarm_numbers = count()
        rows = np.empty((0, at.EVENT_WIDTH), dtype=np.int64) if events is None else events
        exchange.announced += (row for row in rows.tolist() if row[at.EVENT_KIND] in ANNOUNCED)
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
        return min(times + [alarm[0] for alarm in self._alarms[:1]], default=None)

    @property
    def has_data(self) -> bool:
        """Whether there is market data to come."""
        return self._next_row is not None

    def later(self, ns: int, action: Callable[[], object]) -> None:
        """Do something at a time, after the market's events of that time."""
        heappush(self._alarms, (ns, next(self._alarm_numbers), action))

    def step(self) -> None:
        """Let the next thing happen."""
        row, session, due = self._next_row, self._next_session, self.next_ns
        if row is not None and row[at.EVENT_TS] == due:
            self._next_row = next(self._rows, None)
            self.show(row)
        elif session is not None and session[0] == due:
            self._next_session = next(self._sessions, None)
            if session[1] == _CLOSE:
                self._exchange.close_session(session[0])
            else:
                self._exchange.open_session(session[0])
        elif self._alarms:
            heappop(self._alarms)[2]()

    def show(self, row: Row) -> None:
        """Let the orders meet an event, then tell of it."""
        row = self._change(row)
        self._exchange.meet(row)
        self._publish(row)

    def play_until(self, ns: int) -> None:
        """Let all happen that is due up to a time."""
        while (due := self.next_ns) is not None and due <= ns:
            self._time.move_to(due)
            self.step()
        self._time.move_to(ns)

    async def run(self) -> None:
        """Let things happen in their time; where time is made faster, a night is as long as it is set."""
        steps = 0
        self._skip_closed_hours()
        while True:
            due = self._time.limit_ns = self.next_ns
            if due is None or due > self._time.now_ns():
                await self._time.nap(due, _NAP_SECONDS)
                continue
            is_close = self._next_session == (due, _CLOSE)
            self.step()
            steps += 1
            if is_close and self._next_session != (due, _CLOSE):
                await self._night()
            elif steps % _TURN_STEPS == 0:
                await asyncio.sleep(0)

    async def _night(self) -> None:
        """A session has closed: give clients the time that they have, then go on shortly before the open."""
        if not self._skips:
            return
        self._time.stand()
        end_ns = self._time.clock.monotonic_ns() + round(self._night_seconds * NS_PER_SECOND)
        while (left := end_ns - self._time.clock.monotonic_ns()) > 0:
            while self._alarms and self._alarms[0][0] <= self._time.now_ns():
                self.step()
            await self._time.clock.sleep(min(left / NS_PER_SECOND, _NAP_SECONDS))
        self._skip_closed_hours()
        self._time.go_on()

    @property
    def _skips(self) -> bool:
        """Whether closed hours are left out now."""
        always_open = any(asset.is_crypto for asset in self._exchange.assets)
        is_open = self._exchange.is_open or always_open
        return self._time.speed != 1 and self.has_data and not is_open

    def _skip_closed_hours(self) -> None:
        due = self.next_ns
        if due is not None and self._skips:
            self._time.limit_ns = None
            self._time.move_to(due - _BEFORE_NS)


def _lists(rows: NDArray[np.int64], size: int = 4096) -> Iterator[Row]:
    for first in range(0, len(rows), size):
        yield from rows[first : first + size].tolist()


def _sessions(exchange: Exchange, now: int) -> Iterator[tuple[int, int]]:
    """Yield when sessions close and open after a time."""
    hours = exchange.hours
    marks = [(ns, _OPEN) for ns in hours.opens] + [(ns, _CLOSE) for ns in hours.closes]
    return iter(sorted(mark for mark in marks if mark[0] > now))
