"""The rows of a backtest, slice by slice, from any slice on.

The same sources as a backtest over the data (`runtime.backtest.run.prepare`), without signals, in the
order of `sims.replay.stream`. A slice is that of `sims.replay.lanes.slice_goes_on`: the actions and
the market data of one time are one, each session event, accrual or timer is one of its own. So the
slices up to a time are counted without making a row: the distinct times of actions and market data,
and everything else by itself. That is how a cursor, the number of slices so far, finds its place.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from data.history import History
from data.sorting import distinct
from data.streams import HistoryStream
from engine.model import layout as at
from engine.model.instruments import Instrument
from runtime.backtest.clockwork import Clockwork, clockwork_of
from runtime.backtest.marks import mark_sources, streamed_mark_sources
from runtime.backtest.sources import Parts, action_sources, market_sources, ticked_parts
from sims.replay.source import Source
from sims.replay.stream import CHUNK_ROWS, Stream

Ints = NDArray[np.int64]
_Key = tuple[int, int, int]


@dataclass(frozen=True, slots=True, eq=False)
class Block:
    """Some whole slices: slice number `first + n` is the rows `[starts[n], starts[n + 1])`."""

    first: int
    events: Ints
    starts: Ints

    def __len__(self) -> int:
        return len(self.starts) - 1

    def from_slice(self, number: int) -> Block:
        """Return what is left without the slices before a number."""
        skip = max(number - self.first, 0)
        return Block(self.first + skip, self.events, self.starts[skip:])


@dataclass(frozen=True, slots=True, eq=False)
class ReplayRows:
    """The rows of some data.

    Parameters
    ----------
    market
        A history, or a stream of what is larger than memory.
    clockwork
        Its calendars and sessions.
    others
        Everything but market data: actions, sessions, accruals, marks.
    """

    market: History | HistoryStream
    clockwork: Clockwork
    others: Sequence[Source]
    window_rows: int | None = None
    chunk_rows: int = CHUNK_ROWS

    @property
    def outline(self) -> History:
        """Instruments, span and fingerprint of the data."""
        return self.market if isinstance(self.market, History) else self.market.outline

    @property
    def instruments(self) -> tuple[Instrument, ...]:
        """The instruments, by the numbers of the rows."""
        return self.outline.instruments

    def blocks(self, after: int = 0) -> Iterator[Block]:
        """Yield the slices that follow the first `after` ones."""
        place = 0
        before: dict[_Key, int] = {}
        for sources in self._windows():
            skipped, placed = 0, [_Placed(each, before.get(_key(each), 0)) for each in sources]
            if place < after:
                skipped, placed = _skip(placed, after - place)
            place += skipped
            for block in self._window_blocks(place, placed):
                place += len(block)
                if place > after:
                    yield block.from_slice(after)
            for source in sources:
                before[_key(source)] = before.get(_key(source), 0) + len(source.ts_ns)

    def _window_blocks(self, first: int, placed: Sequence[_Placed]) -> Iterator[Block]:
        stream = Stream([each.source for each in placed], chunk_rows=self.chunk_rows)
        offsets = {_key(each.source): each.before for each in placed}
        offset = np.array([offsets[_key(source)] for source in stream.sources], dtype=np.int64)
        for chunk in stream.chunks():
            events = chunk.events[: chunk.rows].copy()
            events[:, at.EVENT_SEQUENCE] += offset[chunk.sources[: chunk.rows]]
            block = Block(first, events, slice_starts(events))
            yield block
            first += len(block)

    def _windows(self) -> Iterator[list[Source]]:
        """Yield the sources of one stretch of time after the other."""
        ticked = ticked_parts(self.outline)
        if isinstance(self.market, History):
            yield [*_sources(self.market, ticked), *self.others]
            return
        start_ns: int | None = None
        for window in self.market.windows(self.window_rows):
            others = [_between(source, start_ns, window.end_ns) for source in self.others]
            yield [*_sources(window, ticked), *others]
            start_ns = window.end_ns


def replay_rows(
    market: History | HistoryStream,
    *,
    trading: bool,
    marks: bool = True,
    window_rows: int | None = None,
    chunk_rows: int = CHUNK_ROWS,
) -> ReplayRows:
    """Return the rows that a backtest over some data runs on.

    Parameters
    ----------
    trading
        With the trading loop a session's open tells its close.
    marks
        With the timers that mark equity where there are few sessions; see `runtime.backtest.marks`.
    window_rows, chunk_rows
        How much of a stream is in memory, and how many rows are sorted at once.
    """
    outline = market if isinstance(market, History) else market.outline
    clockwork = clockwork_of(outline)
    others = [*action_sources(outline), *clockwork.sources(trading=trading)]
    if marks and isinstance(market, History):
        others += mark_sources(market, clockwork)
    elif marks and isinstance(market, HistoryStream):
        others += streamed_mark_sources(market, clockwork, window_rows)
    return ReplayRows(market, clockwork, others, window_rows, chunk_rows)


def slice_starts(events: Ints) -> Ints:
    """Return where each slice of some whole ones begins, and behind them where the last one ends.

    Examples
    --------
    >>> rows = np.zeros((3, 12), dtype=np.int64)
    >>> rows[:, at.EVENT_KIND] = (at.KIND_QUOTE, at.KIND_BAR, at.KIND_SESSION_CLOSE)
    >>> slice_starts(rows).tolist()
    [0, 2, 3]
    """
    ts, kinds = events[:, at.EVENT_TS], events[:, at.EVENT_KIND]
    ends = (ts[1:] != ts[:-1]) | (kinds[1:] > at.KIND_TRADE)
    return np.concatenate(([0], np.flatnonzero(ends) + 1, [len(events)]))


@dataclass(frozen=True, slots=True, eq=False)
class _Placed:
    """A source, and how many of its rows came before its first."""

    source: Source
    before: int


def _key(source: Source) -> _Key:
    """Return what tells a source apart in every window."""
    calendar = source.payload.get(at.CALENDAR_ID, -1) if source.instrument < 0 else -1
    assert isinstance(calendar, int)
    return source.kind, source.instrument, calendar


def _sources(parts: Parts, ticked: Sequence[bool]) -> list[Source]:
    return market_sources(parts, ticked=ticked)


def _shares_slices(source: Source) -> bool:
    return source.kind <= at.KIND_TRADE


def _times(sources: Sequence[Source]) -> tuple[Ints, Ints]:
    """Return the distinct times of slices with market data or actions, and those of all others."""
    none = np.empty(0, dtype=np.int64)
    shared = [source.ts_ns for source in sources if _shares_slices(source)]
    alone = [source.ts_ns for source in sources if not _shares_slices(source)]
    return distinct(np.concatenate([none, *shared])), np.sort(np.concatenate([none, *alone]))


def _skip(placed: Sequence[_Placed], count: int) -> tuple[int, list[_Placed]]:
    """Cut slices off at a time, at most `count`; return how many that were, and what is left."""
    shared, alone = _times([each.source for each in placed])
    every = distinct(np.concatenate([shared, alone]))
    ends = np.searchsorted(shared, every, side="right")
    ends += np.searchsorted(alone, every, side="right")
    place = int(np.searchsorted(ends, count, side="right"))  # so many times are wholly cut off
    if place == 0:
        return 0, list(placed)
    start_ns = int(every[place - 1]) + 1
    return int(ends[place - 1]), [_from(each, start_ns) for each in placed]


def _from(placed: _Placed, start_ns: int) -> _Placed:
    first = int(np.searchsorted(placed.source.ts_ns, start_ns))
    return _Placed(_between(placed.source, start_ns, None), placed.before + first)


def _between(source: Source, start_ns: int | None, end_ns: int | None) -> Source:
    """Return the rows of a source in [start, end)."""
    first = 0 if start_ns is None else int(np.searchsorted(source.ts_ns, start_ns))
    last = len(source.ts_ns) if end_ns is None else int(np.searchsorted(source.ts_ns, end_ns))
    payload = {
        column: data if isinstance(data, int) else data[first:last]
        for column, data in source.payload.items()
    }
    return replace(source, ts_ns=source.ts_ns[first:last], payload=payload)
