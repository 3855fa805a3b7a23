"""Evaluating a program at a few slices of a history only.

Target weights that are followed once a month need their formulas on twelve days of a year. Arithmetic,
comparisons, lags and returns are computed there and nowhere else: what they read of a field are those
bars and the bars so many before them. Ranks are taken over those slices. What runs along a whole
history (an average, anything on a higher timeframe or of another instrument) is computed for all bars,
as ever, and looked up. The values are those of `evaluate_batch`, to the bit.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from engine.jit import as_plain
from engine.jit import compiled as twin_of
from engine.kernels.indicators_pointwise import batch_change
from engine.lang import operations
from engine.lang.batch import evaluate_batch
from engine.lang.panel import PanelColumns, require_symbols
from engine.lang.program import BASE_CLOCK, Node, NodeKind, Output, Program, ValueType
from engine.lang.ranking import rank_table

Table: TypeAlias = NDArray[np.float64]
Rows: TypeAlias = NDArray[np.int64]

_POINTWISE = frozenset({operations.ARITHMETIC, operations.COMPARISON, operations.LOGIC})
_SHIFTING = frozenset({operations.LAG, operations.RETURNS})


@dataclass(frozen=True, slots=True, eq=False)
class Samples:
    """An output at some slices, shape ``(instruments, slices)`` each.

    `rows` are the bars that closed there, -1 where an instrument has none; `values` mean something
    only where there is one.
    """

    rows: Rows
    values: Table


def evaluate_at(
    program: Program,
    key: str,
    panel: Sequence[PanelColumns],
    slices: NDArray[np.int64],
    *,
    compiled: bool,
) -> Samples:
    """Evaluate one output at some slices.

    Parameters
    ----------
    key
        Which output.
    panel
        As for `evaluate_batch`.
    slices
        Numbers of slices, ascending.
    compiled
        As for `evaluate_batch`.

    Raises
    ------
    DataError
        If an instrument that a formula reads is missing.
    """
    require_symbols(program.references, tuple(bars.symbol for bars in panel))
    rows = np.stack([_rows_at(bars.slice_index, slices) for bars in panel])
    node = next(out.node for out in program.outputs if out.key == key)
    return Samples(rows, _Sampling(program, panel, rows, is_compiled=compiled).value(node, 0))


def _rows_at(numbers: NDArray[np.int64], slices: NDArray[np.int64]) -> Rows:
    """Return the bar of each slice, -1 where there is none."""
    if len(numbers) and int(numbers[-1]) == len(numbers) - 1:  # ascending from 0 on: no gap
        return np.where(slices < len(numbers), slices, -1)
    place = np.searchsorted(numbers, slices)
    inside = np.minimum(place, max(len(numbers) - 1, 0))
    is_there = numbers[inside] == slices if len(numbers) else np.zeros(len(slices), dtype=np.bool_)
    return np.where(is_there, inside, -1)


class _Sampling:
    """A program at the bars `rows`, and at bars so many before them (`lag`)."""

    def __init__(
        self, program: Program, panel: Sequence[PanelColumns], rows: Rows, *, is_compiled: bool
    ) -> None:
        self._program = program
        self._panel = panel
        self._rows = rows
        self._is_compiled = is_compiled
        self._known: dict[tuple[int, int], Table] = {}
        self._whole: dict[int, list[Table]] = {}

    def value(self, index: int, lag: int) -> Table:
        """Return a node's values `lag` bars before `rows`; anything where there is no such bar."""
        key = (index, lag)
        if key not in self._known:
            self._known[key] = self._value(index, self._program.nodes[index], lag)
        return self._known[key]

    def _value(self, index: int, node: Node, lag: int) -> Table:
        assert node.clock == BASE_CLOCK, "what is on another clock is looked up from this one"
        match node.kind:
            case NodeKind.FIELD:
                return self._field(node.label, lag)
            case NodeKind.CONSTANT:
                return np.full(self._rows.shape, node.params[0])
            case NodeKind.CROSS if lag == 0:
                values = np.where(self._rows >= 0, self.value(node.inputs[0], 0), np.nan)
                return np.ascontiguousarray(rank_table(node.label, values.T.copy()).T)
            case NodeKind.KERNEL if node.operation in _POINTWISE:
                return self._pointwise(node, [self.value(each, lag) for each in node.inputs])
            case NodeKind.KERNEL if node.operation in _SHIFTING:
                return self._shifted(node, lag)
            case _:
                return self._looked_up(index, lag)

    def _places(self, lag: int) -> Rows:
        return np.maximum(self._rows - lag, 0)

    def _field(self, name: str, lag: int) -> Table:
        places = self._places(lag)
        return np.stack([bars.at(name, own) for bars, own in zip(self._panel, places, strict=True)])

    def _shifted(self, node: Node, lag: int) -> Table:
        """Return a lag, or the change since."""
        before = lag + int(node.params[0])
        values = self.value(node.inputs[0], before)
        is_there = (self._rows >= before) & np.isfinite(values)
        earlier = np.where(is_there, values, np.nan)
        if node.operation is operations.LAG:
            return earlier
        return self._call(batch_change, [self.value(node.inputs[0], lag), earlier], node)

    def _pointwise(self, node: Node, inputs: list[Table]) -> Table:
        assert node.operation is not None
        return self._call(node.operation.batch, inputs, node)

    def _call(self, kernel: Any, inputs: list[Table], node: Node) -> Table:
        out = np.empty(self._rows.shape)
        padded = inputs + [inputs[0]] * (3 - len(inputs))
        blocks = [each.reshape(-1) for each in padded]
        blocks += [np.array([*node.params, 0.0]), np.zeros(1), out.reshape(-1)]
        if self._is_compiled:
            twin_of(kernel)(*blocks)
        else:
            kernel(*(as_plain(block) for block in blocks))
        return out

    def _looked_up(self, index: int, lag: int) -> Table:
        """Return what a node that runs along the whole history is at the bars in question."""
        if index not in self._whole:
            part = _part_of(self._program, index)
            found = evaluate_batch(part, self._panel, compiled=self._is_compiled)
            self._whole[index] = found["part"]
        pairs = zip(self._whole[index], self._places(lag), strict=True)
        return np.stack([column[own] for column, own in pairs])


def _part_of(program: Program, index: int) -> Program:
    """Return the program of one node: those it is made of, and it as the output ``part``."""
    needed = {index}
    for k in range(index, -1, -1):
        if k in needed:
            needed.update(program.nodes[k].inputs)
    order = sorted(needed)
    place = {k: n for n, k in enumerate(order)}
    nodes = tuple(
        replace(node, inputs=tuple(place[each] for each in node.inputs))
        for node in (program.nodes[k] for k in order)
    )
    output = Output("part", place[index], ValueType.NUMBER)
    return replace(program, nodes=nodes, outputs=(output,))
