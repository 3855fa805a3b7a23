"""Orders of a run, beside those of one whose history begins later.

The two have different accounts from the first bar on: one is in a position that the other never
opened. So orders are compared only while both are in step. They come into step when both hold nothing
and nothing works, once the later run has made its first decision (before, it may be warming up by
itself); they fall out of step when their positions are no longer on the same side. Quantities are not
compared, since they follow the equity.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from engine.model import layout as at
from engine.model.instruments import Instrument
from runtime.checks.recording import Recorder, Recording
from runtime.differences import DECISIONS, NOTHING, Difference, describe_row

Ints = NDArray[np.int64]

_NEAR = 1e-6  # relative, of numbers in orders
_ENDS = (at.KIND_CANCELED, at.KIND_EXPIRED, at.KIND_REJECTED)


@dataclass(frozen=True, slots=True)
class StartComparison:
    """The first decision that differs, a value that may be its cause, and whether orders met in step."""

    difference: Difference | None
    cause: str = ""
    is_in_step: bool = True


@dataclass(frozen=True, slots=True)
class _Moment:
    """What one run decided at a time, and its state before: sides held, and whether orders worked."""

    decided: tuple[tuple[str, str], ...]
    sides: tuple[int, ...]
    works: bool

    @property
    def is_idle(self) -> bool:
        return not self.works and not any(self.sides)


def compare_orders(
    recorder: Recorder, whole: Recording, other: Recording, settled_ns: int
) -> StartComparison:
    awake = [ts for ts in _decided(recorder, other) if ts >= settled_ns]
    if not awake:
        return StartComparison(None, is_in_step=False)
    first = min(awake)
    times = sorted({ts for run in (whole, other) for ts in _decided(recorder, run) if ts >= first})
    ones, others = _moments(recorder, whole, times), _moments(recorder, other, times)
    found = _walk(recorder, times, ones, others, is_strict=True)
    if found.is_in_step:
        return found
    # Never idle at the same time: always in the market. The same side has to be enough then.
    return _walk(recorder, times, ones, others, is_strict=False)


def _walk(
    recorder: Recorder,
    times: Sequence[int],
    ones: Sequence[_Moment],
    others: Sequence[_Moment],
    *,
    is_strict: bool,
) -> StartComparison:
    was_in_step = in_step = False
    for ts, one, its in zip(times, ones, others, strict=True):
        if one.sides != its.sides:
            in_step = False
        elif not in_step:
            in_step = (one.is_idle and its.is_idle) or not is_strict
        was_in_step |= in_step
        if in_step and not _is_same(recorder, one, its):
            return StartComparison(_decision_difference(ts, one, its))
    return StartComparison(None, is_in_step=was_in_step)


def _is_same(recorder: Recorder, one: _Moment, other: _Moment) -> bool:
    """Return whether two runs decided the same; prices may be a step apart.

    A moving average adds and takes away as it goes, so that its last bits depend on its past, and a
    price that is rounded from it may fall on the other side.
    """
    if len(one.decided) != len(other.decided):
        return False
    instruments = {each.symbol: each for each in recorder.history.instruments}
    for (symbol, text), (its_symbol, its_text) in zip(one.decided, other.decided, strict=True):
        step = float(instruments[symbol].tick_size) if symbol in instruments else 0.0
        if symbol != its_symbol or not _is_same_text(text, its_text, step):
            return False
    return True


def _is_same_text(one: str, other: str, step: float) -> bool:
    words, others = re.split(r"[ =]", one), re.split(r"[ =]", other)
    return len(words) == len(others) and all(
        a == b or _is_near(a, b, step) for a, b in zip(words, others, strict=True)
    )


def _is_near(one: str, other: str, step: float) -> bool:
    try:
        a, b = float(one), float(other)
    except ValueError:
        return False
    return abs(a - b) <= max(step * 1.000001, _NEAR * abs(a))


def _decision_difference(ts_ns: int, one: _Moment, other: _Moment) -> Difference:
    only_one = [each for each in one.decided if each not in other.decided]
    only_other = [each for each in other.decided if each not in one.decided]
    symbol = (only_one or only_other or list(one.decided))[0][0]
    texts = [
        "; ".join(text for of, text in each if of == symbol) or NOTHING
        for each in (only_one, only_other)
    ]
    return Difference(ts_ns, symbol, "order", texts[0], texts[1])


def _decided(recorder: Recorder, run: Recording) -> dict[int, list[tuple[str, str]]]:
    """Return what a run decided by time: a class's verbs, or the orders of a compiled function."""
    found: dict[int, list[tuple[str, str]]] = {}
    if recorder.is_class:
        for wish in run.wishes:
            found.setdefault(wish.ts_ns, []).append((wish.symbol, wish.text))
        return found
    instruments = recorder.history.instruments
    rows = run.journal[np.isin(run.journal[:, at.EVENT_KIND], DECISIONS)]
    for row in rows:
        i = int(row[at.EVENT_INSTRUMENT])
        text = _without_quantity(row, instruments[i])
        found.setdefault(int(row[at.EVENT_TS]), []).append((instruments[i].symbol, text))
    return found


def _without_quantity(row: Ints, instrument: Instrument) -> str:
    return re.sub(r"\b(buy|sell) \S+", r"\1", describe_row(row, instrument))


def _moments(recorder: Recorder, run: Recording, times: Sequence[int]) -> list[_Moment]:
    decided = _decided(recorder, run)
    state = _State(len(recorder.history.parts))
    journal, row = run.journal, 0
    made = []
    for ts in times:
        while row < len(journal) and not _is_after(journal[row], ts):
            state.take(journal[row])
            row += 1
        made.append(_Moment(tuple(decided.get(ts, ())), tuple(state.sides), bool(state.working)))
    return made


def _is_after(row: Ints, ts_ns: int) -> bool:
    """Return whether a row is a decision of that time, or later."""
    ts = int(row[at.EVENT_TS])
    return ts > ts_ns or (ts == ts_ns and int(row[at.EVENT_KIND]) in DECISIONS)


class _State:
    """Positions' sides and working orders, read from the journal."""

    def __init__(self, count: int) -> None:
        self.sides = [0] * count
        self.working: dict[int, int] = {}  # order id: lots still to fill

    def take(self, row: Ints) -> None:
        kind, order = int(row[at.EVENT_KIND]), int(row[at.FACT_ORDER])
        if kind == at.KIND_POSITION_CHANGED:
            self.sides[int(row[at.EVENT_INSTRUMENT])] = int(np.sign(row[at.POSITION_AFTER]))
        elif kind == at.KIND_SUBMITTED:
            self.working[order] = int(row[at.FACT_LOTS])
        elif kind == at.KIND_FILL and order in self.working:
            self.working[order] -= int(row[at.FACT_LOTS])
            if self.working[order] <= 0:
                del self.working[order]
        elif kind in _ENDS:
            self.working.pop(order, None)
