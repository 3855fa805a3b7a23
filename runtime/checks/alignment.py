"""Data that shows its own future: a coarse column which is known before what it was made of.

A daily bar beside minute bars of the same thing must be known at the end of its day. When it is
stamped with the beginning, its close is the price of hours to come, and no cutting by time can notice:
the data itself says that it was known. But its numbers tell. A column that changes seldom is compared
with each finer series, over the time before it is known and over the time after: when nearly all its
values are the last, highest or lowest price of the time *after*, and not of the time before, it is
misaligned.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from data.history import History, bar_floats
from runtime.checks.findings import Finding, Test

Ints = NDArray[np.int64]
Floats = NDArray[np.float64]

_FIELDS = ("close", "high", "low", "volume")
_STEPS_MIN = 10  # values that must be there to say anything
_COARSER = 3.0  # bars of the finer series in one of the coarser
_NEARLY_ALL = 0.8
_AGGREGATES = ("last", "highest", "lowest")


@dataclass(frozen=True, slots=True, eq=False)
class _Steps:
    """A column that changes seldom: each value with the time from which it is shown."""

    name: str
    symbol: str
    ts_ns: Ints
    values: Floats


@dataclass(frozen=True, slots=True, eq=False)
class _Fine:
    symbol: str
    ts_ns: Ints
    high: Floats
    low: Floats
    close: Floats


def misalignments(history: History) -> list[Finding]:
    """Return a finding for each column that shows a finer one's future."""
    fine = list(_fine(history))
    found = []
    for steps in _steps(history):
        for series in fine:
            finding = _compare(steps, series)
            if finding is not None:
                found.append(finding)
                break
    return found


def _fine(history: History) -> Iterator[_Fine]:
    for part in history.parts:
        if part.bars is not None and len(part.bars) >= _STEPS_MIN * _COARSER:
            prices = bar_floats(part.instrument, part.bars)
            yield _Fine(
                part.instrument.symbol,
                part.bars.ts_close_ns,
                prices["high"],
                prices["low"],
                prices["close"],
            )


def _steps(history: History) -> Iterator[_Steps]:
    for part in history.parts:
        if part.bars is None or len(part.bars) < _STEPS_MIN:
            continue
        columns = bar_floats(part.instrument, part.bars)
        for name in _FIELDS:
            values = columns[name]
            changes = np.concatenate([[True], values[1:] != values[:-1]])
            if changes.sum() >= _STEPS_MIN:
                yield _Steps(
                    name, part.instrument.symbol, part.bars.ts_close_ns[changes], values[changes]
                )


def _compare(steps: _Steps, fine: _Fine) -> Finding | None:
    # Bars whose close is known: a row of the finer series belongs to the step that is shown before it.
    edges = np.searchsorted(fine.ts_ns, steps.ts_ns, side="right")
    sizes = np.diff(edges)
    inside = np.flatnonzero(sizes > 0)
    if len(inside) < _STEPS_MIN or sizes[inside].mean() < _COARSER:
        return None
    for aggregate in _AGGREGATES:
        summary, where = _summaries(fine, edges, aggregate)
        after = _equal(steps.values[inside], summary[inside])
        before = _equal(steps.values[inside[1:]], summary[inside[1:] - 1])
        if after.mean() >= _NEARLY_ALL and before.mean() < _NEARLY_ALL / 2:
            place = int(inside[np.flatnonzero(after)[0]])
            return _finding(steps, fine, place, aggregate, int(where[place]), float(after.mean()))
    return None


def _summaries(fine: _Fine, edges: Ints, aggregate: str) -> tuple[Floats, Ints]:
    """Return of each step the finer series' last, highest or lowest value while it is shown."""
    count = len(edges) - 1
    summary, where = np.full(count, np.nan), np.zeros(count, dtype=np.int64)
    for k in range(count):
        first, end = int(edges[k]), int(edges[k + 1])
        if first == end:
            continue
        match aggregate:
            case "last":
                place, column = end - 1, fine.close
            case "highest":
                place, column = first + int(np.argmax(fine.high[first:end])), fine.high
            case _:
                place, column = first + int(np.argmin(fine.low[first:end])), fine.low
        summary[k], where[k] = column[place], place
    return summary, where


def _equal(one: Floats, other: Floats) -> NDArray[np.bool_]:
    return np.isclose(one, other, rtol=1e-9, atol=0.0)


def _finding(
    steps: _Steps, fine: _Fine, place: int, aggregate: str, row: int, share: float
) -> Finding:
    from runtime.checks.findings import format_time

    later = format_time(int(fine.ts_ns[row]))
    return Finding(
        Test.ALIGNMENT,
        int(steps.ts_ns[place]),
        steps.symbol,
        f'{steps.name}["{steps.symbol}"]',
        f"{steps.values[place]:.10g}",
        f"{aggregate} of {fine.symbol} only at {later}",
        remark=(
            f"{share:.0%} of its values are what {fine.symbol} shows until the next one: it is "
            f"stamped with the beginning of its bar; import it with the stamp of the open"
        ),
    )
