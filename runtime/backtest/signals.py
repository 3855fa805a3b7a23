"""A rule's formulas over a whole history, as the bits and weights that the core decides on."""

from __future__ import annotations

import itertools
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from engine.errors import DataError
from engine.lang.batch import FormulaMemory, evaluate_batch, evaluate_blocks
from engine.lang.panel import PanelColumns
from engine.lang.program import NodeKind, Program
from engine.lang.sampled import evaluate_at
from engine.model import layout as at
from runtime.backtest.inputs import INPUT_KEYS, Values
from runtime.backtest.panel import panel_of
from runtime.config import RulesSection
from sims.replay.source import Wakes, wakes_of

BITS = {
    "entry": at.SIGNAL_ENTRY,
    "exit": at.SIGNAL_EXIT,
    "short_entry": at.SIGNAL_SHORT_ENTRY,
    "short_exit": at.SIGNAL_SHORT_EXIT,
}
_WISHES = ("entry", "short_entry", "weight")
_PPB = 10**9
_SELDOM = 4  # rebalancing at less than every so many slices
__all__ = ["BITS", "WEIGHT_MAX", "Signals", "panel_of", "signals_of"]
WEIGHT_MAX = 100.0  # a hundred times the equity: more is a mistake, not a position


@dataclass(frozen=True, slots=True, eq=False)
class Signals:
    """Per instrument: the bars at which something is signalled, and what.

    `has_weights` says that it is target weights, in parts per billion; `is_defined` whether what asks to
    enter had a value at any bar. `values` are the columns of what the trading loop is told.
    """

    wakes: list[Wakes]
    has_weights: bool = False
    is_defined: bool = True
    values: Values | None = None

    def wishes(self) -> int:
        """Return at how many bars an entry or a target other than zero is asked for."""
        entries = at.SIGNAL_ENTRY | at.SIGNAL_SHORT_ENTRY
        if self.has_weights:
            return sum(int(np.count_nonzero(each.weights)) for each in self.wakes)
        return sum(int(np.count_nonzero(each.bits & entries)) for each in self.wakes)


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
    """Evaluate a strategy's formulas at every bar; with a memory, at those of the next window.

    Weights alone are evaluated only where they are due, if that is seldom.
    """
    due = np.empty(0, dtype=bool)
    if any(out.key == "weight" for out in program.outputs):
        due = _rebalance_days(panel, rules.rebalance, memory or SignalMemory())
        if memory is None and len(program.outputs) == 1 and _SELDOM * due.sum() < len(due):
            found = _weights_at(program, panel, np.flatnonzero(due), compiled=compiled)
            if found is not None:
                return found
    kept = None if memory is None else memory.formulas
    bits = [np.zeros(len(columns), dtype=np.uint8) for columns in panel]
    if all(out.key != "weight" for out in program.outputs):
        is_defined, values = False, _columns_for(program, panel)
        for k, first, part in evaluate_blocks(program, panel, compiled=compiled, memory=kept):
            _mark(bits[k][first:], part)
            is_defined = is_defined or _has_value([part[key] for key in _WISHES if key in part])
            for key, told in values.items():
                if told[k].flags.writeable:
                    told[k][first : first + len(part[key])] = part[key]
        return Signals([wakes_of(each) for each in bits], is_defined=is_defined, values=values)
    outputs = evaluate_batch(program, panel, compiled=compiled, memory=kept)
    is_defined = _has_value([*itertools.chain(*(outputs.get(key, []) for key in _WISHES))])
    for k, each in enumerate(bits):
        _mark(each, {key: columns[k] for key, columns in outputs.items()})
    wakes = []
    for k, columns in enumerate(panel):
        target = outputs["weight"][k]
        _require_sane(target, columns)
        known = np.isfinite(target) & due[columns.slice_index]
        bits[k] |= known.astype(np.uint8) * np.uint8(at.SIGNAL_TARGET)
        wakes.append(wakes_of(bits[k], _ppb_of(np.where(known, target, 0.0))))
    values = {key: outputs[key] for key in INPUT_KEYS if key in outputs}
    return Signals(wakes, has_weights=True, is_defined=is_defined, values=values)


def _columns_for(
    program: Program, panel: Sequence[PanelColumns]
) -> dict[str, list[NDArray[np.float64]]]:
    """Return room for what the trading loop is told, by formula; a constant is there, as one number."""
    found = {}
    for out in program.outputs:
        if out.key in INPUT_KEYS:
            node = program.nodes[out.node]
            is_constant = node.kind is NodeKind.CONSTANT
            found[out.key] = [
                np.broadcast_to(node.params[0], len(columns))
                if is_constant
                else np.empty(len(columns))
                for columns in panel
            ]
    return found


def _weights_at(
    program: Program, panel: Sequence[PanelColumns], slices: NDArray[np.int64], *, compiled: bool
) -> Signals | None:
    """Return target weights evaluated at some slices only; None where they have no value at any.

    Then it takes an evaluation at every bar to say whether they ever have one.
    """
    found = evaluate_at(program, "weight", panel, slices, compiled=compiled)
    known = np.isfinite(found.values) & (found.rows >= 0)
    if not known.any():
        return None
    targets = np.where(found.rows >= 0, found.values, 0.0)
    for k in np.flatnonzero(_is_wild(targets).any(axis=1)).tolist():
        is_there = found.rows[k] >= 0
        _require_sane(targets[k][is_there], panel[k], found.rows[k][is_there])
    weights = _ppb_of(np.where(known, targets, 0.0))
    return Signals(_targets(found.rows, weights, known), has_weights=True)


def _targets(
    rows: NDArray[np.int64], weights: NDArray[np.int64], known: NDArray[np.bool_]
) -> list[Wakes]:
    """Return the targets of each instrument, out of tables of them."""
    ends = np.cumsum(known.sum(axis=1)).tolist()
    all_rows, all_weights = rows[known], weights[known]
    bits = np.full(len(all_rows), at.SIGNAL_TARGET, dtype=np.int64)
    return [
        Wakes(all_rows[first:last], bits[first:last], all_weights[first:last])
        for first, last in itertools.pairwise([0, *ends])
    ]


def _ppb_of(targets: NDArray[np.float64]) -> NDArray[np.int64]:
    return np.rint(targets * _PPB).astype(np.int64)


def _mark(bits: NDArray[np.uint8], outputs: Mapping[str, NDArray[np.float64]]) -> None:
    """Set in the first of the bits those of the conditions that hold."""
    for key, bit in BITS.items():
        if key in outputs:
            column = outputs[key]
            bits[: len(column)] |= (column == 1.0).view(np.uint8) * np.uint8(bit)


def _has_value(columns: list[NDArray[np.float64]]) -> bool:
    return any(bool(np.isfinite(column).any()) for column in columns)


def _rebalance_days(
    panel: Sequence[PanelColumns], rebalance: str, memory: SignalMemory
) -> NDArray[np.bool_]:
    """Return for each slice whether weights are followed: the first slice of each period."""
    count = 1 + max((int(each.slice_index[-1]) for each in panel if len(each)), default=-1)
    day = np.zeros(count, dtype=np.int64)
    before: tuple[object, object] = (None, None)
    for columns in panel:
        numbers, days = columns.slice_index, columns.session_day
        if numbers is not before[0] or days is not before[1]:  # the same times share theirs
            day[numbers] = days
            before = (numbers, days)
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


def _is_wild(target: NDArray[np.float64]) -> NDArray[np.bool_]:
    with np.errstate(invalid="ignore"):
        wild: NDArray[np.bool_] = np.abs(target) > WEIGHT_MAX
    return wild


def _require_sane(
    target: NDArray[np.float64], columns: PanelColumns, rows: NDArray[np.int64] | None = None
) -> None:
    """Refuse weights that are a mistake; `rows` are their bars, if not all."""
    wild = np.flatnonzero(_is_wild(target))
    if len(wild):
        row = wild[0] if rows is None else rows[wild[0]]
        when = np.datetime64(int(columns.ts_close_ns[row]), "ns")
        raise DataError(
            f"the weight of {columns.symbol} is {target[wild[0]]:g} at {when}; "
            f"weights are fractions of equity, at most {WEIGHT_MAX:g}",
            where="rules.weight",
            code="strategy.weight",
        )
