"""Evaluating a program over whole histories.

A program that looks at one instrument's own bars runs in blocks (`engine.lang.blocks`). Any other
goes node by node over all instruments, so that a comparison across instruments finds its inputs ready.
A column is given back as soon as no later node reads it, and used again: memory is the data plus
the few columns in flight, not one per node.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from engine.jit import as_plain
from engine.jit import compiled as twin_of
from engine.kernels.indicators_resample import (
    BAR_SIZE,
    RESAMPLE_SIZE,
    batch_latest,
    batch_resample,
)
from engine.lang.blocks import (
    BlockEvaluation,
    Call,
    Column,
    is_local,
    last_uses,
    remembered,
    writable,
)
from engine.lang.panel import PanelColumns, require_symbols
from engine.lang.program import BASE_CLOCK, COLUMNS, Node, NodeKind, Program
from engine.lang.ranking import rank_columns
from engine.lang.timeframes import Timeframe, bucket_columns


@dataclass(frozen=True, slots=True, eq=False)
class FormulaMemory:
    """What formulas remember at the end of some bars: with it they go on where those ended.

    By node and instrument: the states of operations, and the last value that others look back at. By
    clock and instrument: the higher bar that is being built.
    """

    states: dict[tuple[int, int], Column] = field(default_factory=dict)
    last: dict[tuple[int, int], float] = field(default_factory=dict)
    building: dict[tuple[int, int], Column] = field(default_factory=dict)


def evaluate_batch(
    program: Program,
    panel: Sequence[PanelColumns],
    *,
    compiled: bool,
    memory: FormulaMemory | None = None,
) -> dict[str, list[Column]]:
    """Evaluate every output at every bar.

    Parameters
    ----------
    panel
        One entry per instrument; their order decides ties between ranks.
    compiled
        True: compiled loops. False: the same source interpreted, without importing numba.
    memory
        For a history that comes in stretches of time, each with the bars of all instruments: what the
        formulas remember of those before, kept up to date here. The columns of all stretches are
        those of the whole history, to the bit.

    Returns
    -------
    dict[str, list[NDArray[np.float64]]]
        By output key, one column per instrument, aligned with its bars. NaN is undefined; a
        condition is 1.0 where it holds, 0.0 where it does not, and fires only at 1.0.

    Raises
    ------
    DataError
        If an instrument that a formula reads is missing.
    """
    require_symbols(program.references, tuple(bars.symbol for bars in panel))
    call = _compiled_call if compiled else _plain_call
    if is_local(program):
        return _in_blocks(program, panel, FormulaMemory() if memory is None else memory, call)
    return _Evaluation(program, panel, memory, call).run()


def evaluate_blocks(
    program: Program,
    panel: Sequence[PanelColumns],
    *,
    compiled: bool,
    memory: FormulaMemory | None = None,
) -> Iterator[tuple[int, int, dict[str, Column]]]:
    """Yield what `evaluate_batch` returns piece by piece, for who reduces it and keeps no column.

    Yields
    ------
    int, int, dict[str, NDArray[np.float64]]
        The instrument, the first row, and that part of each output's column by key; the next piece is
        written over it. Each instrument's rows come in order.
    """
    if not is_local(program):
        outputs = evaluate_batch(program, panel, compiled=compiled, memory=memory)
        for number in range(len(panel)):
            yield number, 0, {key: columns[number] for key, columns in outputs.items()}
        return
    require_symbols(program.references, tuple(bars.symbol for bars in panel))
    states = FormulaMemory().states if memory is None else memory.states
    evaluation = BlockEvaluation(program, states, _compiled_call if compiled else _plain_call)
    for number, bars in enumerate(panel):
        for first, columns in evaluation.blocks(number, bars):
            yield number, first, {out.key: columns[out.node] for out in program.outputs}


def _in_blocks(
    program: Program, panel: Sequence[PanelColumns], memory: FormulaMemory, call: Call
) -> dict[str, list[Column]]:
    evaluation = BlockEvaluation(program, memory.states, call)
    found = [evaluation.run(number, bars) for number, bars in enumerate(panel)]
    return {out.key: [columns[out.node] for columns in found] for out in program.outputs}


def _compiled_call(kernel: Callable[..., Any], *blocks: Column) -> Any:
    return twin_of(kernel)(*blocks)


def _plain_call(kernel: Callable[..., Any], *blocks: Column) -> Any:
    return kernel(*(as_plain(block) for block in blocks))


class _Evaluation:
    def __init__(
        self,
        program: Program,
        panel: Sequence[PanelColumns],
        memory: FormulaMemory | None,
        call: Call,
    ) -> None:
        self._program = program
        self._panel = panel
        self._memory = FormulaMemory() if memory is None else memory
        self._goes_on = memory is not None
        self._call = call
        self._columns: list[list[Column]] = [[] for _ in program.nodes]
        self._spare: dict[int, list[Column]] = {}
        self._clocks = [_base_clock(program, panel)]
        self._clocks += [
            self._higher_clock(number, each) for number, each in enumerate(program.timeframes)
        ]

    def run(self) -> dict[str, list[Column]]:
        last_use = last_uses(self._program)
        for index, node in enumerate(self._program.nodes):
            self._columns[index] = self._evaluate(index, node)
            for used in sorted(set(node.inputs)):
                if last_use[used] == index:
                    self._release(used)
        return {out.key: self._columns[out.node] for out in self._program.outputs}

    def _evaluate(self, index: int, node: Node) -> list[Column]:
        clock = self._clocks[node.clock]
        match node.kind:
            case NodeKind.FIELD:
                return clock.fields[node.label]
            case NodeKind.CONSTANT:
                return [self._filled(n, node.params[0]) for n in clock.lengths]
            case NodeKind.CROSS:
                slices = [bars.slice_index for bars in self._panel]
                return rank_columns(node.label, self._columns[node.inputs[0]], slices)
            case NodeKind.REFERENCE:
                return self._reference(index, node)
            case NodeKind.LATEST:
                return self._latest(index, node)
            case NodeKind.KERNEL:
                return [self._kernel(index, node, i, n) for i, n in enumerate(clock.lengths)]

    def _kernel(self, index: int, node: Node, instrument: int, length: int) -> Column:
        assert node.operation is not None
        out = self._empty(length)
        inputs = [self._columns[each][instrument] for each in node.inputs]
        inputs += [inputs[0]] * (3 - len(inputs))
        params = np.array([*node.params, 0.0])
        state = remembered(self._memory.states, (index, instrument), node.state_size + 1)
        self._call(node.operation.batch, *inputs, params, state, out)
        return out

    def _reference(self, index: int, node: Node) -> list[Column]:
        symbols = [bars.symbol for bars in self._panel]
        other = symbols.index(node.label)
        values = self._columns[node.inputs[0]][other]
        numbers = self._panel[other].slice_index
        # The other's last bar in each slice or an earlier one.
        known = [
            np.searchsorted(numbers, bars.slice_index, side="right").astype(np.float64)
            for bars in self._panel
        ]
        return self._last_known((index, other), values, known)

    def _latest(self, index: int, node: Node) -> list[Column]:
        source = node.inputs[0]
        clock = self._clocks[self._program.nodes[source].clock]
        pairs = enumerate(zip(self._columns[source], clock.known))
        return [self._last_known((index, i), v, [known])[0] for i, (v, known) in pairs]

    def _last_known(
        self, key: tuple[int, int], values: Column, known: Sequence[Column]
    ) -> list[Column]:
        """Return the last of `values` at each bar, given how many of them are known there."""
        if self._goes_on:
            before = self._memory.last.get(key, np.nan)
            values = np.concatenate(([before], values))
            self._memory.last[key] = float(values[-1])
            known = [counts + 1.0 for counts in known]
        results = []
        for counts in known:
            results.append(self._empty(len(counts)))
            self._call(batch_latest, values, counts, results[-1])
        return results

    def _higher_clock(self, number: int, timeframe: Timeframe) -> _Clock:
        base = self._clocks[BASE_CLOCK]
        clock = _Clock(lengths=[], fields={name: [] for name in COLUMNS}, known=[])
        for i, bars in enumerate(self._panel):
            bucket, ends = bucket_columns(
                timeframe,
                bars.ts_open_ns,
                bars.ts_close_ns,
                bars.session_day,
                bars.session_close_ns,
            )
            length = base.lengths[i]
            rows = length + 1  # the first bar can end a bucket from before, and its own
            ready, known = np.empty(rows * BAR_SIZE), np.empty(length)
            columns = [base.fields[name][i] for name in COLUMNS]
            state = remembered(self._memory.building, (number, i), RESAMPLE_SIZE)
            count = self._call(batch_resample, *columns, bucket, ends, state, ready, known)
            clock.lengths.append(count)
            clock.known.append(known)
            for name, column in zip(COLUMNS, ready.reshape(BAR_SIZE, rows)):
                clock.fields[name].append(column[:count].copy())
        return clock

    def _filled(self, length: int, value: float) -> Column:
        column = self._empty(length)
        column.fill(value)
        return column

    def _empty(self, length: int) -> Column:
        spare = self._spare.get(length)
        return spare.pop() if spare else np.empty(length)

    def _release(self, index: int) -> None:
        # Only what this evaluation made may be written over: fields are the caller's, or shared.
        if self._program.nodes[index].kind is not NodeKind.FIELD:
            for column in self._columns[index]:
                self._spare.setdefault(len(column), []).append(column)
        self._columns[index] = []


class _Clock:
    """The bars of a clock: their number and fields by instrument; `known` for higher ones."""

    def __init__(
        self, lengths: list[int], fields: dict[str, list[Column]], known: list[Column]
    ) -> None:
        self.lengths = lengths
        self.fields = fields
        self.known = known


def _base_clock(program: Program, panel: Sequence[PanelColumns]) -> _Clock:
    # Only the columns that the program reads are touched; higher bars are made of all of them.
    read = {node.label for node in program.nodes if node.kind is NodeKind.FIELD}
    names = COLUMNS if program.timeframes else [name for name in COLUMNS if name in read]
    fields = {name: [writable(getattr(bars, name)) for bars in panel] for name in names}
    return _Clock([len(bars) for bars in panel], fields, [])
