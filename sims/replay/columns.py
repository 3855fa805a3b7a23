"""`Lanes`: sources laid out for the columnar replay, without copying their columns."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from engine.jit import as_plain
from engine.model.layout import EVENT_WIDTH, KIND_BAR, SIGNAL_WIDTH, TERM_CONVERTS
from sims.replay import layout as at
from sims.replay.lanes import FIRST_PAYLOAD, NEVER
from sims.replay.source import MARKET, RANKS, Source, Wakes

Ints = NDArray[np.int64]

STOP_ROWS = 250_000


class Lanes:
    """The blocks of `sims.replay.lanes.replay` over some sources.

    Parameters
    ----------
    sources
        In any order; equal kinds and instruments keep the order given.
    terms
        The core's terms; they tell which instruments convert currencies.
    always
        Step on every row of every lane, for who wants to see them all.
    keep_empty
        Make lanes of sources without rows too; see `sims.replay.windows`.
    """

    def __init__(
        self,
        sources: Sequence[Source],
        terms: Ints,
        *,
        always: bool = False,
        keep_empty: bool = False,
    ) -> None:
        used = sorted(
            (source for source in sources if keep_empty or len(source.ts_ns)),
            key=lambda source: (RANKS[source.kind], source.instrument),
        )
        self.sources = used
        self.count = sum(len(source.ts_ns) for source in used)
        self.columns: list[Ints] = []
        self.table = np.zeros((max(len(used), len(terms)), at.LANE_WIDTH), dtype=np.int64)
        self.heap = np.zeros(len(used) + 1, dtype=np.int64)
        self.turn = np.zeros(at.TURN_WIDTH, dtype=np.int64)
        bars = sum(source.kind in MARKET for source in used)
        self.events = np.zeros((bars + 2, EVENT_WIDTH), dtype=np.int64)
        self.signals = np.zeros((bars + 2, SIGNAL_WIDTH), dtype=np.int64)
        for k, source in enumerate(used):
            self._lay_out(k, source)
        self._mark_quiet(terms, always)
        self._number_values()
        self._start = self.table.copy()
        self.rewind()
        self._views: Any = None

    def rewind(self) -> None:
        """Go back to the first event."""
        self.table[:] = self._start
        self.turn[:] = 0
        self.turn[at.TURN_CAUGHT_UP] = np.iinfo(np.int64).min
        self.fill_heap()

    def fill_heap(self) -> None:
        """Put every lane that has a next step into the heap."""
        steps = self.table[: len(self.sources), at.LANE_NEXT_TS]
        ready = np.flatnonzero(steps != NEVER)
        # Ascending by time, and by lane within one time, is a heap.
        ready = ready[np.argsort(steps[ready], kind="stable")]
        self.heap[: len(ready)] = ready
        self.table[ready, at.LANE_PLACE] = np.arange(len(ready))
        self.turn[at.TURN_SIZE] = len(ready)

    def signal(self, wakes: Sequence[Wakes]) -> None:
        """Give the bars of each instrument other signals, and go back to the first event."""
        for k, source in enumerate(self.sources):
            if source.kind == KIND_BAR:
                lane = self._start[k]
                self._put_signals(lane, wakes[source.instrument])
                lane[at.LANE_NEXT_TS] = self._first_step(lane, lane[at.LANE_ALWAYS] == 0)
        self.rewind()

    def _put_signals(self, lane: Ints, wakes: Wakes) -> None:
        """Give a lane other signals; `lane` is its row in the table."""
        first = int(lane[at.LANE_WAKES])
        for j, column in enumerate((wakes.rows, wakes.bits, wakes.weights)):
            self._put(first + j, column)
        lane[at.LANE_WAKE_COUNT] = len(wakes)

    def _put(self, number: int, column: NDArray[Any]) -> None:
        """Put another column in the place of one, whichever world has its address."""
        column = np.ascontiguousarray(column, dtype=np.int64)
        self.columns[number] = column
        if self._views is not None:
            if isinstance(self._views[1], list):
                self._views[1][number] = as_plain(column)
            else:
                self._views[0].replace(number, column)

    def stops(self, rows: int = STOP_ROWS) -> Iterator[tuple[int, int]]:
        """Yield times to stop at, about every `rows` events, and how many events are done by then.

        Somebody waits: a stop is where progress can be told and Ctrl-C heard. The last is the end.
        """
        longest = max(self.sources, key=lambda source: len(source.ts_ns), default=None)
        length = 0 if longest is None else len(longest.ts_ns)
        pieces = -(-self.count // rows)
        for piece in range(1, pieces):
            assert longest is not None
            yield int(longest.ts_ns[length * piece // pieces]), self.count * piece // pieces
        yield NEVER, self.count

    def plain(self) -> tuple[Any, ...]:
        """Return the blocks for the interpreted world, as `replay` takes them."""
        if self._views is None:
            blocks = (self.heap, self.turn, self.events, self.signals)
            columns = [as_plain(column) for column in self.columns]
            self._views = (as_plain(self.table), columns, *(as_plain(block) for block in blocks))
        views: tuple[Any, ...] = self._views
        return views

    def addresses(self) -> tuple[int, ...]:
        """Return the blocks for the compiled world, as `replay_at` takes them."""
        if self._views is None:
            from engine.pointers import Columns

            columns = Columns(self.columns)
            blocks = (self.heap, self.turn, self.events, self.signals)
            addresses = tuple(block.ctypes.data for block in blocks)
            table = (self.table.ctypes.data, len(self.table), columns.address)
            self._views = (columns, (*table, *addresses))
        found: tuple[int, ...] = self._views[1]
        return found

    def _lay_out(self, k: int, source: Source) -> None:
        lane = self.table[k]
        lane[at.LANE_KIND] = source.kind
        lane[at.LANE_INSTRUMENT] = source.instrument
        lane[at.LANE_ROWS] = len(source.ts_ns)
        lane[at.LANE_IS_MARKET] = source.kind in MARKET
        lane[at.LANE_COLUMN] = self._add(source.ts_ns)
        payload = sorted(source.payload.items())
        assert [column for column, _ in payload] == [*range(4, 4 + len(payload))]
        assert FIRST_PAYLOAD == 4
        for j, (_, data) in enumerate(payload):
            if isinstance(data, int):
                lane[at.LANE_CONSTANTS] |= 1 << j
                data = np.array([data], dtype=np.int64)
            self._add(data)
        lane[at.LANE_PAYLOAD] = len(payload)
        lane[at.LANE_PLACE] = -1
        self._lay_out_signals(lane, source)

    def _lay_out_signals(self, lane: Ints, source: Source) -> None:
        wakes = source.signals()
        lane[at.LANE_WAKES] = self._add(wakes.rows)
        self._add(wakes.bits)
        self._add(wakes.weights)
        lane[at.LANE_WAKE_COUNT] = len(wakes)

    def _number_values(self) -> None:
        """Say where each bar lane's columns of values begin, among those of all lanes."""
        first = 0
        for k, source in enumerate(self.sources):
            if source.values:
                self.table[k, at.LANE_VALUES] = first + 1
                first += len(source.values)

    def _mark_quiet(self, terms: Ints, always: bool) -> None:
        """Say which lanes may be skipped over, and when each steps first."""
        self.table[:, at.LANE_OF_INSTRUMENT] = -1
        lanes_of: dict[int, list[int]] = {}
        for k, source in enumerate(self.sources):
            if source.kind in MARKET:
                lanes_of.setdefault(source.instrument, []).append(k)
        for k, source in enumerate(self.sources):
            lane, i = self.table[k], source.instrument
            quiet = source.kind in MARKET and len(lanes_of[i]) == 1 and not always
            quiet = quiet and terms[i, TERM_CONVERTS] <= 0
            lane[at.LANE_ALWAYS] = int(not quiet)
            lane[at.LANE_NEXT_TS] = self._first_step(lane, quiet)
            if quiet:
                self.table[i, at.LANE_OF_INSTRUMENT] = k

    def _first_step(self, lane: Ints, quiet: bool) -> int:
        if lane[at.LANE_ROWS] == 0:
            return NEVER
        if not quiet:
            return int(self.columns[lane[at.LANE_COLUMN]][0])
        wakes = self.columns[lane[at.LANE_WAKES]]
        return int(self.columns[lane[at.LANE_COLUMN]][wakes[0]]) if len(wakes) else NEVER

    def _add(self, column: Ints) -> int:
        self.columns.append(np.ascontiguousarray(column, dtype=np.int64))
        return len(self.columns) - 1


class FunctionValues:
    """What a compiled strategy reads: columns by bar, its parameters, and memory of its own.

    `numbers` is the row it is given: the columns at the bar in hand, then the parameters.
    """

    def __init__(
        self, lanes: Lanes, parameters: Sequence[float], instruments: int, memory_width: int
    ) -> None:
        self.columns = [
            np.ascontiguousarray(column)
            for source in lanes.sources
            for column in source.values or ()
        ]
        self.width = next((len(s.values) for s in lanes.sources if s.values), 0)
        self.numbers = np.zeros(self.width + len(parameters))
        self.numbers[self.width :] = parameters
        self.memory = np.zeros((instruments, memory_width))
        self._compiled: Any = None

    @property
    def address(self) -> int:
        """The table of columns, for the compiled world."""
        if self._compiled is None:
            from engine.pointers import Columns

            self._compiled = Columns(self.columns, np.float64)
        return int(self._compiled.address)

    @cached_property
    def plain(self) -> list[Any]:
        """The columns for the interpreted world."""
        return [as_plain(column) for column in self.columns]
