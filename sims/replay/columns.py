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
from sims.replay.functions import READ_CONSTANT, READ_FLOATS, READ_INTEGERS, VALUE_WIDTH
from sims.replay.heap import NEVER
from sims.replay.source import MARKET, RANKS, Quanta, Source, Wakes

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
        most = sum(_most_at_once(source) for source in used if source.kind in MARKET)
        self.events = np.zeros((most + 2, EVENT_WIDTH), dtype=np.int64)
        self.signals = np.zeros((most + 2, SIGNAL_WIDTH), dtype=np.int64)
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

    def signal(self, wakes: Sequence[Wakes]) -> None:
        """Give the bars of each instrument other signals, and go back to the first event."""
        for k, source in enumerate(self.sources):
            if source.kind == KIND_BAR:
                self._put_signals(self._start[k], wakes[source.instrument])
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
        assert at.FIRST_PAYLOAD == 4
        for j, (_, data) in enumerate(payload):
            if isinstance(data, int):
                lane[at.LANE_CONSTANTS] |= 1 << j
                data = np.array([data], dtype=np.int64)
            self._add(data)
        lane[at.LANE_PAYLOAD] = len(payload)
        self._lay_out_signals(lane, source)
        self._lay_out_inputs(lane, source)

    def _lay_out_signals(self, lane: Ints, source: Source) -> None:
        wakes = source.signals()
        lane[at.LANE_WAKES] = self._add(wakes.rows)
        self._add(wakes.bits)
        self._add(wakes.weights)
        lane[at.LANE_WAKE_COUNT] = len(wakes)

    def _lay_out_inputs(self, lane: Ints, source: Source) -> None:
        """Lay out the trading loop's inputs, if the source has any."""
        if source.inputs is None:
            return
        lane[at.LANE_INPUTS] = len(self.columns) + 1
        for j, data in enumerate(source.inputs):
            if isinstance(data, int):
                lane[at.LANE_INPUT_CONSTANTS] |= 1 << j
                data = np.array([data], dtype=np.int64)
            self._add(data)

    def _number_values(self) -> None:
        """Say where each lane's values begin, among those of all lanes."""
        first = 0
        for k, source in enumerate(self.sources):
            if source.values:
                self.table[k, at.LANE_VALUES] = first + 1
                first += len(source.values)

    def _mark_quiet(self, terms: Ints, always: bool) -> None:
        """Say which lanes may be skipped over."""
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
            if quiet:
                self.table[i, at.LANE_OF_INSTRUMENT] = k

    def _add(self, column: Ints) -> int:
        self.columns.append(np.ascontiguousarray(column, dtype=np.int64))
        return len(self.columns) - 1


def _most_at_once(source: Source) -> int:
    """Return how many rows of a source can be kept of one time: bars of a lane differ in time."""
    ts = source.ts_ns
    if source.values is None or source.kind == KIND_BAR or not (ts[1:] == ts[:-1]).any():
        return 1
    starts = np.flatnonzero(np.diff(ts, prepend=ts[0] - 1))
    return int(np.diff(starts, append=len(ts)).max())


class FunctionValues:
    """What a compiled strategy reads: its values by row, its parameters, and memory of its own.

    `numbers` is the row it is given: the values at the row in hand, then the parameters. `table` tells
    of each value of each lane how it is read; see `sims.replay.functions`.
    """

    def __init__(
        self, lanes: Lanes, parameters: Sequence[float], instruments: int, memory_width: int
    ) -> None:
        used = [(k, source) for k, source in enumerate(lanes.sources) if source.values]
        self.width = len(used[0][1].values or ()) if used else 0
        self.table = np.zeros((max(len(used) * self.width, 1), VALUE_WIDTH), dtype=np.int64)
        self.columns: list[NDArray[np.float64]] = []
        units: list[float] = []
        rows = iter(self.table)
        for k, source in used:
            for value in source.values or ():
                next(rows)[:] = self._read(lanes, k, value, units)
        self.columns.insert(0, np.array(units or [1.0]))
        self.numbers = np.zeros(self.width + len(parameters))
        self.numbers[self.width :] = parameters
        self.memory = np.zeros((instruments, memory_width))
        self._compiled: Any = None

    def _read(
        self, lanes: Lanes, k: int, value: NDArray[np.float64] | Quanta, units: list[float]
    ) -> tuple[int, int, int, int]:
        if not isinstance(value, Quanta):
            self.columns.append(np.ascontiguousarray(value))
            return READ_FLOATS, len(self.columns), 0, 0  # the units come before them
        lane, payload = lanes.table[k], value.column - at.FIRST_PAYLOAD
        units.append(value.unit)
        constant = lane[at.LANE_CONSTANTS] >> payload & 1
        read = READ_CONSTANT if constant else READ_INTEGERS
        column = int(lane[at.LANE_COLUMN]) + 1 + payload
        return read, column, len(units) - 1, value.unknown

    @property
    def addresses(self) -> tuple[int, int]:
        """How values are read, and the columns of floats, for the compiled world."""
        if self._compiled is None:
            from engine.pointers import Columns

            self._compiled = Columns(self.columns, np.float64)
        return self.table.ctypes.data, int(self._compiled.address)

    @cached_property
    def plain(self) -> tuple[Any, list[Any]]:
        """The same for the interpreted world."""
        return as_plain(self.table), [as_plain(column) for column in self.columns]
