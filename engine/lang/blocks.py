"""Evaluating a program one instrument and one block of bars after the other.

Most programs look at one instrument's own bars only. Then nothing forces a column to be finished
before the next begins: a block of bars goes through all nodes while it is in the processor's cache,
each kernel going on with the state that it was left in, and only the outputs are whole columns. A
kernel's state after a block is that after as many single steps, so the cut cannot be seen.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from engine.lang.panel import PanelColumns
from engine.lang.program import Node, NodeKind, Program

Column: TypeAlias = NDArray[np.float64]
Call: TypeAlias = Callable[..., Any]  # a kernel and its blocks
States: TypeAlias = dict[tuple[int, int], Column]  # by node and instrument

BLOCK_ROWS = 16_384
_LOCAL = frozenset({NodeKind.FIELD, NodeKind.CONSTANT, NodeKind.KERNEL})


def is_local(program: Program) -> bool:
    """Return whether each instrument's outputs follow from its own bars, one after the other."""
    return not program.timeframes and all(node.kind in _LOCAL for node in program.nodes)


class BlockEvaluation:
    """A local program over one instrument; the columns in flight are used again for the next."""

    def __init__(self, program: Program, states: States, call: Call) -> None:
        self._nodes = program.nodes
        self._outputs = dict.fromkeys(out.node for out in program.outputs)
        self._states = states
        self._call = call
        self._slots, count = _slots(program)
        self._spare = [np.empty(0)] * count

    def run(self, instrument: int, bars: PanelColumns) -> dict[int, Column]:
        """Return the column of each output's node; the states go on where they were left."""
        whole = {index: self._whole(index, bars) for index in self._outputs}
        for _ in self._blocks(instrument, bars, whole):
            pass
        return whole

    def blocks(
        self, instrument: int, bars: PanelColumns
    ) -> Iterator[tuple[int, dict[int, Column]]]:
        """Yield the first row of each block, and that part of each output's column.

        The columns are written over by the next block.
        """
        for start, columns in self._blocks(instrument, bars, {}):
            yield start, {index: columns[index] for index in self._outputs}

    def _whole(self, index: int, bars: PanelColumns) -> Column:
        node = self._nodes[index]
        is_field = node.kind is NodeKind.FIELD
        return writable(getattr(bars, node.label)) if is_field else np.empty(len(bars))

    def _blocks(
        self, instrument: int, bars: PanelColumns, whole: dict[int, Column]
    ) -> Iterator[tuple[int, list[Column]]]:
        length = len(bars)
        rows = min(length, BLOCK_ROWS)
        if self._spare and len(self._spare[0]) < rows:
            self._spare = [np.empty(rows) for _ in self._spare]
        machines = [self._machine(*item, instrument) for item in enumerate(self._nodes)]
        for start in range(0, length, BLOCK_ROWS):
            end = min(start + BLOCK_ROWS, length)
            columns: list[Column] = []
            for index, node in enumerate(self._nodes):
                if index in whole:
                    columns.append(whole[index][start:end])
                elif node.kind is NodeKind.FIELD:
                    columns.append(writable(bars.at(node.label, slice(start, end))))
                else:
                    columns.append(self._spare[self._slots[index]][: end - start])
                self._fill(node, columns, machines[index])
            yield start, columns

    def _machine(self, index: int, node: Node, instrument: int) -> tuple[Column, Column]:
        """Return the parameters and the state of a node; only kernels use it."""
        params = np.array([*node.params, 0.0])
        if node.kind is not NodeKind.KERNEL:
            return params, params
        return params, remembered(self._states, (index, instrument), node.state_size + 1)

    def _fill(self, node: Node, columns: list[Column], machine: tuple[Column, Column]) -> None:
        """Compute the last of the columns, a node's, from those of its inputs."""
        if node.kind is NodeKind.CONSTANT:
            columns[-1].fill(node.params[0])
        elif node.kind is NodeKind.KERNEL:
            assert node.operation is not None
            inputs = [columns[each] for each in node.inputs]
            inputs += [inputs[0]] * (3 - len(inputs))
            self._call(node.operation.batch, *inputs, *machine, columns[-1])


def _slots(program: Program) -> tuple[list[int], int]:
    """Return where each node's blocks go, and how many places there are.

    A place is free again after the last node that reads it; that of an output never is. Fields are
    given none.
    """
    last = last_uses(program)
    slots, free, count = [-1] * len(program.nodes), list[int](), 0
    for index, node in enumerate(program.nodes):
        if node.kind is not NodeKind.FIELD:
            if not free:
                free.append(count)
                count += 1
            slots[index] = free.pop()
        free += [
            slots[used] for used in sorted(set(node.inputs)) if _ends(used, index, last, slots)
        ]
    return slots, count


def _ends(used: int, index: int, last: list[int], slots: list[int]) -> bool:
    return last[used] == index and slots[used] >= 0


def last_uses(program: Program) -> list[int]:
    """Return the last node that reads each node; outputs are read at the end."""
    last = [-1] * len(program.nodes)
    for index, node in enumerate(program.nodes):
        for used in node.inputs:
            last[used] = index
    for out in program.outputs:
        last[out.node] = len(program.nodes)
    return last


def remembered(memory: States, key: tuple[int, int], size: int) -> Column:
    """Return the numbers of a key; zeros are a fresh start."""
    if key not in memory:
        memory[key] = np.zeros(size)
    return memory[key]


def writable(column: NDArray[Any]) -> Column:
    """Return the column as float64 that is writable: read-only is another type to the compiler."""
    is_usable = column.flags.writeable and column.flags.c_contiguous
    if is_usable and column.dtype == np.float64:
        return column
    return np.array(column, dtype=np.float64, order="C")
