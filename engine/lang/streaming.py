"""Evaluating a program one slice at a time, as paper and live sessions do.

All that is remembered from slice to slice is one flat float64 block: for each instrument its last
node values, then the states of its operations and of its higher bars. So a snapshot is a copy, and
the state's identity is a hash of its bytes. The updates are the same functions that
`evaluate_batch` loops over, here always interpreted: one bar does not repay a crossing into
compiled code.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import NamedTuple, cast

import numpy as np
from numpy.typing import NDArray

from engine.errors import InputError
from engine.jit import as_plain
from engine.kernels.indicators_resample import BAR_SIZE, READY_MAX, RESAMPLE_SIZE, push_bar
from engine.kernels.indicators_windows import NAN, Floats
from engine.lang.panel import SliceBar, require_symbols
from engine.lang.program import BASE_CLOCK, COLUMNS, Node, NodeKind, Program
from engine.lang.ranking import rank_slice
from engine.lang.timeframes import bucket_of, is_bucket_end


class _Call(NamedTuple):
    """How a node with a kernel is computed: where its inputs stand, and its parameters."""

    update: Callable[[float, float, float, Floats, Floats], float]
    a: int
    b: int
    c: int
    params: Floats


@dataclass(frozen=True, slots=True)
class _Views:
    """One instrument's parts of the block."""

    values: Floats
    states: tuple[Floats, ...]
    higher: tuple[Floats, ...]


class StreamingProgram:
    """A program with its memory.

    Parameters
    ----------
    program
        From `compile_program`.
    instruments
        Symbols; their order decides ties between ranks, and `SliceBar.instrument_index` counts it.

    Raises
    ------
    DataError
        If an instrument that a formula reads is missing.
    """

    def __init__(self, program: Program, instruments: Sequence[str]) -> None:
        require_symbols(program.references, tuple(instruments))
        self._program = program
        self._symbols = tuple(instruments)
        sizes = [node.state_size for node in program.nodes]
        self._row_size = len(sizes) + sum(sizes) + RESAMPLE_SIZE * len(program.timeframes)
        self._state = np.zeros(self._row_size * len(self._symbols))
        self._calls = [_call_of(node) for node in program.nodes]
        self._ready = _plain(np.zeros(BAR_SIZE * READY_MAX))
        self._rows = [self._views(i, sizes) for i in range(len(self._symbols))]
        self._on_clock = [
            [i for i, node in enumerate(program.nodes) if node.clock == clock]
            for clock in range(len(program.timeframes) + 1)
        ]
        self._base = [(i, self._calls[i]) for i in self._on_clock[BASE_CLOCK]]
        self._fields = {
            i: node.label
            for i, node in enumerate(program.nodes)
            if node.kind is NodeKind.FIELD and node.clock == BASE_CLOCK
        }
        self._outputs = [(out.key, out.node) for out in program.outputs]
        for row in self._rows:
            for i in range(len(program.nodes)):
                row.values[i] = NAN

    @property
    def state(self) -> NDArray[np.float64]:
        """The block itself; copy it for a snapshot."""
        return self._state

    def restore(self, snapshot: NDArray[np.float64]) -> None:
        """Continue from a copy of `state`.

        Raises
        ------
        InputError
            If its size is that of another program or another list of instruments.
        """
        if snapshot.shape != self._state.shape:
            raise InputError(
                f"the snapshot has {snapshot.size} numbers; this program has {self._state.size}",
                remedy="it belongs to other formulas, parameters or instruments",
            )
        self._state[:] = snapshot

    def on_slice(self, bars: Sequence[SliceBar]) -> dict[str, list[float]]:
        """Push the bars that closed at one timestamp; return each output, aligned with `bars`.

        NaN is undefined; a condition is 1.0 where it holds, and fires only then.

        Raises
        ------
        InputError
            If the bars are not in ascending order of distinct instruments.
        """
        if len(bars) == 1:
            return self._on_bar(bars)
        present = [bar.instrument_index for bar in bars]
        if any(b <= a for a, b in pairwise(present)):
            raise InputError(f"bars of a slice must ascend by instrument, not {present}")
        if self._program.timeframes:
            for bar in bars:
                self._push_higher(bar)
        rows = [self._rows[i] for i in present]
        for index, call in self._base:
            if call is None:
                self._update_base(index, bars, rows)
                continue
            update, a, b, c, params = call
            for row in rows:
                own = row.values
                own[index] = update(own[a], own[b], own[c], params, row.states[index])
        return {key: [row.values[node] for row in rows] for key, node in self._outputs}

    def _on_bar(self, bars: Sequence[SliceBar]) -> dict[str, list[float]]:
        """Do the same for a single bar, which is what mostly comes."""
        bar = bars[0]
        if self._program.timeframes:
            self._push_higher(bar)
        row = self._rows[bar.instrument_index]
        own, states = row.values, row.states
        for index, call in self._base:
            if call is not None:
                update, a, b, c, params = call
                own[index] = update(own[a], own[b], own[c], params, states[index])
            elif (name := self._fields.get(index)) is not None:
                own[index] = float(getattr(bar, name))
            else:
                self._update_base(index, bars, [row])
        return {key: [own[node]] for key, node in self._outputs}

    def _update_base(self, index: int, bars: Sequence[SliceBar], rows: list[_Views]) -> None:
        """Update what is no operation on one instrument's own values."""
        node = self._program.nodes[index]
        if node.kind is NodeKind.FIELD:
            for bar, row in zip(bars, rows):
                row.values[index] = float(getattr(bar, node.label))
        elif node.kind is NodeKind.CROSS:
            values = [row.values[node.inputs[0]] for row in rows]
            for row, rank in zip(rows, rank_slice(node.label, values)):
                row.values[index] = rank
        else:
            for row in rows:
                row.values[index] = self._value(index, node, row)

    def _value(self, index: int, node: Node, row: _Views) -> float:
        """Return the new value of a node that is neither a field nor across instruments."""
        call = self._calls[index]
        if call is not None:
            values, (update, a, b, c, params) = row.values, call
            return update(values[a], values[b], values[c], params, row.states[index])
        match node.kind:
            case NodeKind.CONSTANT:
                return node.params[0]
            case NodeKind.REFERENCE:
                other = self._rows[self._symbols.index(node.label)]
                return other.values[node.inputs[0]]
            case NodeKind.LATEST:
                return row.values[node.inputs[0]]
            case _:
                raise AssertionError(f"{node.kind} is evaluated elsewhere")

    def _push_higher(self, bar: SliceBar) -> None:
        """Add a bar to each higher timeframe and evaluate what closes."""
        row = self._rows[bar.instrument_index]
        for i, timeframe in enumerate(self._program.timeframes):
            ends = is_bucket_end(timeframe, bar.ts_open_ns, bar.ts_close_ns, bar.session_close_ns)
            count = push_bar(
                bar.open,
                bar.high,
                bar.low,
                bar.close,
                bar.volume,
                float(bar.session_day),
                float(bucket_of(timeframe, bar.ts_open_ns, bar.session_day)),
                1.0 if ends else 0.0,
                row.higher[i],
                self._ready,
                0,
            )
            for closed in range(count):
                self._update_higher(i + 1, closed, row)

    def _update_higher(self, clock: int, closed: int, row: _Views) -> None:
        for index in self._on_clock[clock]:
            node = self._program.nodes[index]
            if node.kind is NodeKind.FIELD:
                column = COLUMNS.index(node.label)
                row.values[index] = self._ready[column * READY_MAX + closed]
            else:
                row.values[index] = self._value(index, node, row)

    def _views(self, instrument: int, sizes: list[int]) -> _Views:
        begin = instrument * self._row_size
        values = _plain(self._state[begin : begin + len(sizes)])
        begin += len(sizes)
        states = []
        for size in sizes:
            states.append(_plain(self._state[begin : begin + size]))
            begin += size
        higher = []
        for _ in self._program.timeframes:
            higher.append(_plain(self._state[begin : begin + RESAMPLE_SIZE]))
            begin += RESAMPLE_SIZE
        return _Views(values, tuple(states), tuple(higher))


def _call_of(node: Node) -> _Call | None:
    if node.kind is not NodeKind.KERNEL:
        return None
    assert node.operation is not None
    inputs = (
        *node.inputs,
        *[node.inputs[0]] * 2,
    )  # what a kernel has no use for is its first input
    params = _plain(np.array([*node.params, 0.0]))
    return _Call(node.operation.update, inputs[0], inputs[1], inputs[2], params)


def _plain(block: NDArray[np.float64]) -> Floats:
    return cast(Floats, as_plain(block))
