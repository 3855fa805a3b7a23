"""A rule's formulas over a whole history, as the bits and weights that the core decides on."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from engine.errors import DataError
from engine.lang.batch import FormulaMemory, evaluate_batch
from engine.lang.panel import PanelColumns
from engine.lang.program import Program
from engine.model import layout as at
from runtime.backtest.panel import panel_of
from runtime.config import RulesSection

_BITS = {
    "entry": at.SIGNAL_ENTRY,
    "exit": at.SIGNAL_EXIT,
    "short_entry": at.SIGNAL_SHORT_ENTRY,
    "short_exit": at.SIGNAL_SHORT_EXIT,
}
_WISHES = ("entry", "short_entry", "weight")
_PPB = 10**9
__all__ = ["WEIGHT_MAX", "Signals", "panel_of", "signals_of"]
WEIGHT_MAX = 100.0  # a hundred times the equity: more is a mistake, not a position


@dataclass(frozen=True, slots=True, eq=False)
class Signals:
    """Per instrument: the bits of each bar, and its target weight in parts per billion (or None)."""

    bits: list[NDArray[np.uint8]]
    weights: list[NDArray[np.int64]] | None
    is_defined: bool = True  # whether what asks to enter had a value at any bar

    def wishes(self) -> int:
        """Return at how many bars an entry or a target other than zero is asked for."""
        entries = at.SIGNAL_ENTRY | at.SIGNAL_SHORT_ENTRY
        if self.weights is not None:
            return sum(int(np.count_nonzero(weights)) for weights in self.weights)
        return sum(int(np.count_nonzero(bits & entries)) for bits in self.bits)


@dataclass(slots=True, eq=False)
class SignalMemory:
    """What formulas and rebalancing remember of the windows before; see `signals_of`."""

    formulas: FormulaMemory = field(default_factory=FormulaMemory)
    period: int | None = None


def signals_of(
    program: Program,
    panel: Sequence[PanelColumns],
    rules: RulesSection,
    *,
    compiled: bool,
    memory: SignalMemory | None = None,
) -> Signals:
    """Evaluate a strategy's formulas at every bar; with a memory, at those of the next window."""
    kept = None if memory is None else memory.formulas
    outputs = evaluate_batch(program, panel, compiled=compiled, memory=kept)
    bits = []
    for k, columns in enumerate(panel):
        total = np.zeros(len(columns), dtype=np.uint8)
        for key, bit in _BITS.items():
            if key in outputs:
                total |= (outputs[key][k] == 1.0).astype(np.uint8) * np.uint8(bit)
        bits.append(total)
    is_defined = _has_value([*itertools.chain(*(outputs.get(key, []) for key in _WISHES))])
    if "weight" not in outputs:
        return Signals(bits, None, is_defined)
    due = _rebalance_days(panel, rules.rebalance, memory or SignalMemory())
    weights = []
    for k, columns in enumerate(panel):
        target = outputs["weight"][k]
        _require_sane(target, columns)
        known = np.isfinite(target) & due[columns.slice_index]
        bits[k] |= known.astype(np.uint8) * np.uint8(at.SIGNAL_TARGET)
        weights.append(np.rint(np.where(known, target, 0.0) * _PPB).astype(np.int64))
    return Signals(bits, weights, is_defined)


def _has_value(columns: list[NDArray[np.float64]]) -> bool:
    return any(bool(np.isfinite(column).any()) for column in columns)


def _rebalance_days(
    panel: Sequence[PanelColumns], rebalance: str, memory: SignalMemory
) -> NDArray[np.bool_]:
    """Return for each slice whether weights are followed: the first slice of each period."""
    count = 1 + max((int(each.slice_index[-1]) for each in panel if len(each)), default=-1)
    day = np.zeros(count, dtype=np.int64)
    for columns in panel:
        day[columns.slice_index] = columns.session_day
    match rebalance:
        case "every_bar":
            return np.ones(count, dtype=bool)
        case "daily":
            period = day
        case "weekly":
            period = (day + 3) // 7  # 1970-01-01 was a Thursday: weeks begin on Monday
        case _:
            period = day.astype("datetime64[D]").astype("datetime64[M]").astype(np.int64)
    due = np.ones(count, dtype=bool)
    due[1:] = period[1:] != period[:-1]
    if count:
        due[0] = memory.period is None or int(period[0]) != memory.period
        memory.period = int(period[-1])
    return due


def _require_sane(target: NDArray[np.float64], columns: PanelColumns) -> None:
    wild = np.flatnonzero(np.abs(np.nan_to_num(target, posinf=np.inf)) > WEIGHT_MAX)
    if len(wild):
        when = np.datetime64(int(columns.ts_close_ns[wild[0]]), "ns")
        raise DataError(
            f"the weight of {columns.symbol} is {target[wild[0]]:g} at {when}; "
            f"weights are fractions of equity, at most {WEIGHT_MAX:g}",
            where="rules.weight",
            code="strategy.weight",
        )
