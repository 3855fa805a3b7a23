"""Signals of many parameter sets over one history, each distinct indicator computed once.

Two programs that both need ``sma(close, 20)`` have a node that computes the same. Nodes are known
here by what they compute, not by their place in a program; their columns are kept in memory up to a
limit, the one unused for longest going first. Only pointwise and windowed operations on the
strategy's own bars are shared, and ranks over them: formulas that read another instrument or a higher
timeframe are evaluated whole, as in a single run, and so are target weights.
"""

from __future__ import annotations

from collections import OrderedDict
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from data.history import History
from engine.jit import as_plain
from engine.jit import compiled as compiled_twin
from engine.lang.panel import PanelColumns, require_symbols
from engine.lang.program import Node, NodeKind, Program
from engine.lang.ranking import rank_columns
from engine.model import layout as at
from runtime.backtest.clockwork import clockwork_of
from runtime.backtest.signals import Signals, panel_of, signals_of
from runtime.config import StrategyConfig

Column = NDArray[np.float64]

KEPT_BYTES_MAX = 256 * 2**20
_SHARED_KINDS = frozenset({NodeKind.FIELD, NodeKind.CONSTANT, NodeKind.KERNEL, NodeKind.CROSS})
_BITS = {
    "entry": at.SIGNAL_ENTRY,
    "exit": at.SIGNAL_EXIT,
    "short_entry": at.SIGNAL_SHORT_ENTRY,
    "short_exit": at.SIGNAL_SHORT_EXIT,
}


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
        self._room = kept_bytes_max
        self.computed = 0  # columns made so far, for who wants to know what sharing saves

    def signals(self, config: StrategyConfig) -> WindowedSignals:
        """Return the signals of the strategy with its parameters at every bar of the history."""
        assert config.rules is not None
        program = config.compile_rules(symbols=self._history.symbols)
        if not _is_shareable(program):
            return self._evaluated_whole(config, program)
        outputs = self._outputs(program)
        return WindowedSignals(Signals(self._bits(outputs), None))

    def _evaluated_whole(self, config: StrategyConfig, program: Program) -> WindowedSignals:
        rules = config.rules
        assert rules is not None
        made = signals_of(program, self._panel, rules, compiled=self._compiled)
        if made.weights is None or rules.rebalance == "every_bar":
            return WindowedSignals(made)
        each = replace(rules, rebalance="every_bar")
        return WindowedSignals(
            made, signals_of(program, self._panel, each, compiled=self._compiled)
        )

    def _bits(self, outputs: dict[str, list[Column]]) -> list[NDArray[np.uint8]]:
        made = []
        for k, columns in enumerate(self._panel):
            total = np.zeros(len(columns), dtype=np.uint8)
            for key, bit in _BITS.items():
                if key in outputs:
                    total |= (outputs[key][k] == 1.0).view(np.uint8) * np.uint8(bit)
            made.append(total)
        return made

    def _outputs(self, program: Program) -> dict[str, list[Column]]:
        require_symbols(program.references, tuple(bars.symbol for bars in self._panel))
        names: list[str] = []
        columns: list[list[Column]] = []
        final = {out.node for out in program.outputs}
        for index, node in enumerate(program.nodes):
            inputs = ",".join(names[each] for each in node.inputs)
            names.append(f"{node.operator_text()}({inputs}){node.label}")
            columns.append(self._column(names[-1], node, columns, keep=index not in final))
        return {out.key: columns[out.node] for out in program.outputs}

    def _column(
        self, name: str, node: Node, columns: list[list[Column]], *, keep: bool
    ) -> list[Column]:
        known = self._kept.get(name)
        if known is not None:
            self._kept.move_to_end(name)
            return known
        made = self._made(node, columns)
        self.computed += 1
        if keep and node.kind is not NodeKind.FIELD:
            self._keep(name, made)
        return made

    def _keep(self, name: str, made: list[Column]) -> None:
        self._kept[name] = made
        self._room -= sum(column.nbytes for column in made)
        while self._room < 0 and self._kept:
            _, dropped = self._kept.popitem(last=False)
            self._room += sum(column.nbytes for column in dropped)

    def _made(self, node: Node, columns: list[list[Column]]) -> list[Column]:
        match node.kind:
            case NodeKind.FIELD:
                return [_field(bars, node.label) for bars in self._panel]
            case NodeKind.CONSTANT:
                return [np.full(len(bars), node.params[0]) for bars in self._panel]
            case NodeKind.CROSS:
                slices = [bars.slice_index for bars in self._panel]
                return rank_columns(node.label, columns[node.inputs[0]], slices)
            case _:
                inputs = [columns[each] for each in node.inputs]
                return [
                    self._kernel(node, [column[k] for column in inputs], len(bars))
                    for k, bars in enumerate(self._panel)
                ]

    def _kernel(self, node: Node, inputs: list[Column], length: int) -> Column:
        assert node.operation is not None
        out = np.empty(length)
        padded = inputs + [inputs[0]] * (3 - len(inputs))
        blocks: tuple[Any, ...] = (
            *padded,
            np.array([*node.params, 0.0]),
            np.zeros(node.state_size + 1),
            out,
        )
        if self._compiled:
            compiled_twin(node.operation.batch)(*blocks)
        else:
            node.operation.batch(*(as_plain(block) for block in blocks))
        return out


@dataclass(frozen=True, slots=True, eq=False)
class WindowedSignals:
    """Signals over a whole history, to be cut to the part that is traded.

    `opening` has the targets of every bar where `whole` has those of rebalancing days only: a part
    begins with its own first rebalancing, as a run of that part alone would.
    """

    whole: Signals
    opening: Signals | None = None

    def between(self, history: History, traded: History) -> Signals:
        """Return the signals of the bars of `traded`, a part of `history`."""
        if traded.span_ns() == history.span_ns():
            return self.whole
        span = traded.span_ns()
        assert span is not None
        bits, weights = [], []
        for k, (all_of, part) in enumerate(zip(history.parts, traded.parts, strict=True)):
            assert all_of.bars is not None and part.bars is not None
            count = len(part.bars)
            ts = part.bars.ts_close_ns
            first = int(np.searchsorted(all_of.bars.ts_close_ns, ts[0])) if count else 0
            where = slice(first, first + count)
            bits.append(self.whole.bits[k][where].copy())
            if self.whole.weights is not None:
                weights.append(self.whole.weights[k][where].copy())
        made = Signals(bits, weights if self.whole.weights is not None else None)
        if self.opening is not None:
            self._open(made, history, traded)
        return made

    def _open(self, made: Signals, history: History, traded: History) -> None:
        assert self.opening is not None and self.opening.weights is not None
        assert made.weights is not None
        starts = [p.bars.ts_close_ns[0] for p in traded.parts if p.bars is not None and len(p.bars)]
        opens = min(int(ts) for ts in starts)
        for k, (all_of, part) in enumerate(zip(history.parts, traded.parts, strict=True)):
            assert all_of.bars is not None and part.bars is not None
            if len(part.bars) and int(part.bars.ts_close_ns[0]) == opens:
                place = int(np.searchsorted(all_of.bars.ts_close_ns, opens))
                made.bits[k][0] = self.opening.bits[k][place]
                made.weights[k][0] = self.opening.weights[k][place]


def _is_shareable(program: Program) -> bool:
    kinds = {node.kind for node in program.nodes}
    has_weight = any(out.key == "weight" for out in program.outputs)
    return kinds <= _SHARED_KINDS and not program.timeframes and not has_weight


def _field(bars: PanelColumns, name: str) -> Column:
    column: NDArray[Any] = getattr(bars, name)
    return np.ascontiguousarray(column, dtype=np.float64)
