"""Signals of many parameter sets over one history, each distinct indicator computed once.

Two programs that both need ``sma(close, 20)`` have a node that computes the same. Nodes are known
here by what they compute, not by their place in a program; their columns are kept in memory up to a
limit, the one unused for longest going first. Only pointwise and windowed operations on the
strategy's own bars are shared, and ranks over them: formulas that read another instrument or a higher
timeframe are evaluated whole, as in a single run, and so are target weights and the trading loop's
inputs.

Where two formulas are the crossings of one pair, up and down, both are found in one pass that writes
only the bars of the crossings.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from data.history import History
from engine.jit import as_plain
from engine.jit import compiled as compiled_twin
from engine.kernels.indicators_pointwise import crossings
from engine.lang import operations
from engine.lang.panel import require_symbols
from engine.lang.program import Node, NodeKind, Program
from engine.lang.ranking import rank_columns
from engine.model import layout as at
from runtime.backtest.clockwork import clockwork_of
from runtime.backtest.inputs import KindInputs, inputs_of
from runtime.backtest.signals import panel_of, signals_of
from runtime.config import StrategyConfig
from sims.replay.source import Wakes, wakes_of

Column = NDArray[np.float64]
Ints = NDArray[np.int64]

KEPT_BYTES_MAX = 256 * 2**20
_SHARED_KINDS = frozenset({NodeKind.FIELD, NodeKind.CONSTANT, NodeKind.KERNEL, NodeKind.CROSS})
_BITS = {
    "entry": at.SIGNAL_ENTRY,
    "exit": at.SIGNAL_EXIT,
    "short_entry": at.SIGNAL_SHORT_ENTRY,
    "short_exit": at.SIGNAL_SHORT_EXIT,
}


@dataclass(frozen=True, slots=True, eq=False)
class WholeWakes:
    """The signals of each instrument over a whole history.

    `opening` has the targets of every bar where `wakes` has those of rebalancing days only: a part of
    the history begins with its own first rebalancing, as a run of that part alone would. `inputs` are
    the trading loop's.
    """

    wakes: Sequence[Wakes]
    opening: Sequence[Wakes] | None = None
    inputs: Sequence[KindInputs] | None = None


class SharedSignals:
    """The formulas of one strategy over one history, for any of its parameters."""

    def __init__(
        self,
        config: StrategyConfig,
        history: History,
        *,
        compiled: bool,
        kept_bytes_max: int = KEPT_BYTES_MAX,
    ) -> None:
        self._history = history
        self._compiled = compiled
        self._panel = panel_of(history, clockwork_of(history), adjustment=config.data.adjustment)
        self._kept: OrderedDict[str, list[Column]] = OrderedDict()
        self._fields: dict[str, list[Column]] = {}
        self._spare: list[list[Column]] = []
        self._room = kept_bytes_max
        longest = max(len(bars) for bars in self._panel)
        self._rows, self._found = (np.empty(longest, dtype=np.int64) for _ in range(2))
        self.computed = 0  # indicators made so far, for who wants to know what sharing saves

    def signals(self, config: StrategyConfig) -> WholeWakes:
        """Return the signals of the strategy with its parameters at every bar of the history."""
        assert config.rules is not None
        program = config.compile_rules(symbols=self._history.symbols)
        if not _is_shareable(program):
            return self._evaluated_whole(config, program)
        require_symbols(program.references, tuple(bars.symbol for bars in self._panel))
        inputs = inputs_of(config, self._history)
        return WholeWakes(_Evaluation(self, program).wakes(), inputs=inputs)

    def _evaluated_whole(self, config: StrategyConfig, program: Program) -> WholeWakes:
        rules = config.rules
        assert rules is not None
        made = signals_of(program, self._panel, rules, compiled=self._compiled)
        inputs = inputs_of(config, self._history, self._panel, made.values)
        if not made.has_weights or rules.rebalance == "every_bar":
            return WholeWakes(made.wakes, inputs=inputs)
        each = replace(rules, rebalance="every_bar")
        opening = signals_of(program, self._panel, each, compiled=self._compiled)
        return WholeWakes(made.wakes, opening.wakes, inputs)

    # --- Columns --------------------------------------------------------------------------------
    def column(
        self, name: str, node: Node, inputs: Sequence[list[Column]], *, keep: bool
    ) -> list[Column]:
        """Return what a node computes, one column for each instrument; kept for the next program."""
        if node.kind is NodeKind.FIELD:
            return self._field(node.label)
        known = self._kept.get(name)
        if known is not None:
            self._kept.move_to_end(name)
            return known
        made = self._made(node, inputs, keep=keep)
        if keep:
            self.computed += 1
            self._keep(name, made)
        return made

    def keeps(self, name: str) -> bool:
        """Return whether the columns of that name are kept."""
        return name in self._kept

    def release(self, columns: list[Column]) -> None:
        """Give back columns that are not kept."""
        self._spare.append(columns)

    def _field(self, name: str) -> list[Column]:
        if name not in self._fields:
            self._fields[name] = [_contiguous(getattr(bars, name)) for bars in self._panel]
        return self._fields[name]

    def _keep(self, name: str, made: list[Column]) -> None:
        self._kept[name] = made
        self._room -= sum(column.nbytes for column in made)
        while self._room < 0 and self._kept:
            _, dropped = self._kept.popitem(last=False)
            self._room += sum(column.nbytes for column in dropped)

    def _made(self, node: Node, inputs: Sequence[list[Column]], *, keep: bool) -> list[Column]:
        match node.kind:
            case NodeKind.CONSTANT:
                return [np.full(len(bars), node.params[0]) for bars in self._panel]
            case NodeKind.CROSS:
                slices = [bars.slice_index for bars in self._panel]
                return rank_columns(node.label, inputs[0], slices)
            case _:
                # Memory that was used before is a good deal faster than new memory.
                is_spare = self._spare and not keep
                out = self._spare.pop() if is_spare else [np.empty(len(b)) for b in self._panel]
                for k, column in enumerate(out):
                    self._kernel(node, [each[k] for each in inputs], column)
                return out

    def _kernel(self, node: Node, inputs: list[Column], out: Column) -> None:
        assert node.operation is not None
        padded = inputs + [inputs[0]] * (3 - len(inputs))
        params, state = np.array([*node.params, 0.0]), np.zeros(node.state_size + 1)
        self._call(node.operation.batch, *padded, params, state, out)

    def crossings(self, a: Column, b: Column, up_bits: int, down_bits: int) -> Wakes:
        """Return the bars at which two columns cross."""
        count = self._call(crossings, a, b, self._rows, self._found, numbers=(up_bits, down_bits))
        rows = self._rows[:count].copy()
        return Wakes(rows, self._found[:count].copy(), np.zeros_like(rows))

    def _call(self, kernel: Any, *blocks: Any, numbers: tuple[int, ...] = ()) -> Any:
        if self._compiled:
            return compiled_twin(kernel)(*blocks, *numbers)
        return kernel(*(as_plain(block) for block in blocks), *numbers)


class _Evaluation:
    """One program: its nodes are computed when a formula asks for them."""

    def __init__(self, shared: SharedSignals, program: Program) -> None:
        self._shared = shared
        self._nodes = program.nodes
        self._columns: dict[int, list[Column]] = {}
        self._names: dict[int, str] = {}
        self._passing: list[list[Column]] = []
        self._bits = {_BITS[out.key]: out.node for out in program.outputs}

    def wakes(self) -> list[Wakes]:
        pair = self._pair()
        if pair is not None:
            a, b, up, down = pair
            both = zip(self._column(a), self._column(b), strict=True)
            return [self._shared.crossings(x, y, up, down) for x, y in both]
        found = {bit: self._column(node, keep=False) for bit, node in self._bits.items()}
        made = [
            wakes_of(_joined({bit: columns[k] for bit, columns in found.items()}))
            for k in range(len(next(iter(found.values()))))
        ]
        for columns in self._passing:
            self._shared.release(columns)
        return made

    def _pair(self) -> tuple[int, int, int, int] | None:
        """Return two nodes and the bits of their crossings, if all formulas are that."""
        nodes = [self._nodes[node] for node in self._bits.values()]
        if any(node.operation is not operations.CROSS_ABOVE for node in nodes):
            return None
        a, b = nodes[0].inputs
        ways = {(a, b): 0, (b, a): 0}
        for bit, node in zip(self._bits, nodes, strict=True):
            if node.inputs not in ways:
                return None
            ways[a, b] |= bit if node.inputs == (a, b) else 0
            ways[b, a] |= bit if node.inputs == (b, a) else 0
        return a, b, ways[a, b], ways[b, a]

    def _column(self, index: int, *, keep: bool = True) -> list[Column]:
        if index not in self._columns:
            node = self._nodes[index]
            name, inputs = self._name(index), [self._column(each) for each in node.inputs]
            made = self._columns[index] = self._shared.column(name, node, inputs, keep=keep)
            if not keep and node.kind is NodeKind.KERNEL and not self._shared.keeps(name):
                self._passing.append(made)
        return self._columns[index]

    def _name(self, index: int) -> str:
        if index not in self._names:
            node = self._nodes[index]
            inputs = ",".join(self._name(each) for each in node.inputs)
            self._names[index] = f"{node.operator_text()}({inputs}){node.label}"
        return self._names[index]


def _joined(columns: dict[int, Column]) -> NDArray[np.uint8]:
    """Return the bits of all conditions that hold, by bar."""
    total = np.zeros(len(next(iter(columns.values()))), dtype=np.uint8)
    for bit, column in columns.items():
        total |= (column == 1.0).view(np.uint8) * np.uint8(bit)
    return total


def _is_shareable(program: Program) -> bool:
    kinds = {node.kind for node in program.nodes}
    is_signals = all(out.key in _BITS for out in program.outputs)
    return kinds <= _SHARED_KINDS and not program.timeframes and is_signals


def _contiguous(column: NDArray[Any]) -> Column:
    return np.ascontiguousarray(column, dtype=np.float64)
