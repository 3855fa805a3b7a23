"""History as one ordered stream of event rows, in chunks of bounded size.

Order: by time; then corporate actions and settlement, quotes and prints, bars, session closes, the
day's accrual, session opens, timers; then by instrument; then in the order of the source. A chunk
never cuts a slice (all events of one time), so a decision always sees its whole slice.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from engine.model import layout as at
from engine.model.trading_layout import KEEP
from sims.replay.source import MARKET, RANKS, Source

Ints = NDArray[np.int64]
__all__ = ["CHUNK_ROWS", "Chunk", "Source", "Stream"]

CHUNK_ROWS: Final = 65536


@dataclass(slots=True, eq=False)
class Chunk:
    """A run of whole slices: `rows` events and their signals."""

    rows: int
    events: Ints
    signals: Ints
    sources: Ints  # which source each event came from
    places: Ints  # and its place there


class Stream:
    """The ordered stream over some sources.

    Parameters
    ----------
    sources
        In any order; equal kinds and instruments keep the order given.
    """

    def __init__(self, sources: Sequence[Source], *, chunk_rows: int = CHUNK_ROWS) -> None:
        self._sources = [source for source in sources if len(source.ts_ns)]
        self._sources.sort(key=lambda source: (RANKS[source.kind], source.instrument))
        self._chunk_rows = chunk_rows
        self.sources = tuple(self._sources)  # by the numbers of `Chunk.sources`
        self.count = sum(len(source.ts_ns) for source in self._sources)

    def chunks(self) -> Iterator[Chunk]:
        """Yield chunks in time order; their blocks are used again by the next one."""
        starts = [0] * len(self._sources)
        buffers = _Buffers()
        while True:
            ends = self._window(starts)
            total = sum(end - start for start, end in zip(starts, ends, strict=True))
            if total == 0:
                return
            chunk = self._fill(buffers, starts, ends, total)
            chunk.events[:total, at.EVENT_SEQUENCE] = chunk.places[:total]
            yield chunk
            starts = ends

    def _window(self, starts: Sequence[int]) -> list[int]:
        """Return where each source's next window ends: one time for all of them."""
        live = [k for k, source in enumerate(self._sources) if starts[k] < len(source.ts_ns)]
        if not live:
            return list(starts)
        share = max(self._chunk_rows // len(live), 1)
        until = min(
            int(self._sources[k].ts_ns[min(starts[k] + share, len(self._sources[k].ts_ns)) - 1])
            for k in live
        )
        ends = list(starts)
        for k in live:
            ends[k] = int(np.searchsorted(self._sources[k].ts_ns, until, side="right"))
        return ends

    def _fill(
        self, buffers: _Buffers, starts: Sequence[int], ends: Sequence[int], total: int
    ) -> Chunk:
        buffers.reserve(total)
        row = 0
        for k, source in enumerate(self._sources):
            if starts[k] < ends[k]:
                row = buffers.add(source, k, starts[k], ends[k], row)
        if sum(end > start for start, end in zip(starts, ends, strict=True)) > 1:
            buffers.sort(total)
        return buffers.chunk(total)


class _Buffers:
    """The blocks that chunks are built in; they grow to the largest chunk and stay."""

    def __init__(self) -> None:
        self._capacity = 0
        self.reserve(1)

    def reserve(self, rows: int) -> None:
        if rows <= self._capacity:
            return
        self._capacity = rows
        self.events = np.zeros((rows, at.EVENT_WIDTH), dtype=np.int64)
        self.signals = np.zeros((rows, at.SIGNAL_WIDTH), dtype=np.int64)
        self.sources = np.zeros(rows, dtype=np.int64)
        self.places = np.zeros(rows, dtype=np.int64)

    def add(self, source: Source, number: int, start: int, end: int, row: int) -> int:
        """Append the rows [start, end) of a source at `row`; return the next row."""
        last = row + end - start
        events = self.events[row:last]
        events[:] = 0
        events[:, at.EVENT_TS] = source.ts_ns[start:end]
        events[:, at.EVENT_KIND] = source.kind
        events[:, at.EVENT_INSTRUMENT] = source.instrument
        for column, data in source.payload.items():
            events[:, column] = data if isinstance(data, int) else data[start:end]
        self.signals[row:last] = 0
        if source.kind in MARKET:
            for j in range(at.SIGNAL_INPUTS):
                given: Ints | int = KEEP if source.inputs is None else source.inputs[j]
                self.signals[row:last, at.SIGNAL_EDGE + j] = (
                    given if isinstance(given, int) else given[start:end]
                )
        if source.bits is not None:
            self.signals[row:last, at.SIGNAL_BITS] = source.bits[start:end]
        if source.weights is not None:
            self.signals[row:last, at.SIGNAL_WEIGHT] = source.weights[start:end]
        self.sources[row:last] = number
        self.places[row:last] = np.arange(start, end)
        return last

    def sort(self, rows: int) -> None:
        """Put the rows in order of time, then rank, instrument and the source's own order."""
        events = self.events[:rows]
        # The sources stand in the order of their ranks and instruments, and the sort is stable: the
        # time alone decides. Presorted runs are what this sort is best at.
        order = np.argsort(events[:, at.EVENT_TS], kind="stable")
        for block in (self.events, self.signals, self.sources, self.places):
            block[:rows] = block[:rows][order]

    def chunk(self, rows: int) -> Chunk:
        return Chunk(rows, self.events, self.signals, self.sources, self.places)
