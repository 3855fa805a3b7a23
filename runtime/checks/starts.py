"""Comparing a run with one whose history begins later: signals, values, and orders.

What rules ask for does not depend on positions, so of rules the signals are compared, at every bar.
Classes and functions decide by their positions too: see `runtime.checks.steps`.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from runtime.checks.recording import Recorder, Recording
from runtime.checks.steps import StartComparison, compare_orders
from runtime.differences import Difference, Series, format_pair

Ints = NDArray[np.int64]
Floats = NDArray[np.float64]

_NEAR = 1e-6  # relative


@dataclass(frozen=True, slots=True)
class Settling:
    """Of one value after one start: the bars until it agrees, and where it was worst after its warm-up.

    `warmup` and the two others count bars from the start; None is not within the `length` there was.
    """

    warmup: int
    within: int | None
    exact: int | None
    worst: Difference | None
    length: int


def compare_start(
    recorder: Recorder, whole: Recording, other: Recording, from_ns: int, *, tolerance: float
) -> StartComparison:
    """Compare a later run with the whole one, from where its formulas agree within a tolerance.

    With an infinite `tolerance` that is where the engine's warm-up ends.
    """
    settled = _settled_ns(recorder, whole, other, from_ns, tolerance)
    if recorder.is_rules:
        compared = StartComparison(_first_signal_difference(whole, other, settled, tolerance))
    else:
        compared = compare_orders(recorder, whole, other, settled)
    if compared.difference is None:
        return compared
    return StartComparison(compared.difference, _cause(whole, other, compared.difference))


def settle(one: Series, other: Series, tolerance: float) -> Settling:
    """Return when a value of a later run agrees with that of the whole one for good."""
    a, b, times = aligned(one, other)
    known = np.flatnonzero(~np.isnan(b))
    warmup = int(known[0]) if len(known) else len(b)
    apart = _distance(a[warmup:], b[warmup:], _spread(one.values))
    within = _last_over(apart, tolerance)
    exact = _last_over(apart, 0.0)
    worst = None
    if len(apart) and apart.max() > tolerance:
        place = warmup + int(np.argmax(apart))
        texts = format_pair(float(a[place]), float(b[place]))
        worst = Difference(int(times[place]), one.symbol, one.name, *texts)
    return Settling(
        warmup,
        None if within is None else warmup + within,
        None if exact is None else warmup + exact,
        worst,
        len(b),
    )


def aligned(one: Series, other: Series) -> tuple[Floats, Floats, Ints]:
    """Return the values of two series at the times of the other one."""
    if len(other.ts_ns) <= len(one.ts_ns):
        tail = one.ts_ns[len(one.ts_ns) - len(other.ts_ns) :]
        if (tail == other.ts_ns).all():
            return one.values[len(one.values) - len(other.values) :], other.values, other.ts_ns
    times, places, others = np.intersect1d(one.ts_ns, other.ts_ns, return_indices=True)
    return one.values[places], other.values[others], times


def _spread(values: Floats) -> float:
    """Return how much a value varies over the run; 0 where it does not.

    A price of 60,000 that moves by 50 a day is not known within a thousandth of itself.
    """
    known = values[np.isfinite(values)]
    return float(known.std()) if len(known) else 0.0


def _distance(one: Floats, other: Floats, scale: float = 0.0) -> Floats:
    """Return how far values are apart, in parts of `scale`, or of the larger of the two where it is 0.

    Infinite where one is undefined.
    """
    sizes = np.maximum(np.maximum(np.abs(one), np.abs(other)), 1e-12)
    with np.errstate(invalid="ignore"):
        apart: Floats = np.abs(one - other) / (scale if scale > 0.0 else sizes)
    apart[np.isnan(one) | np.isnan(other)] = np.inf
    apart[np.isnan(one) & np.isnan(other)] = 0.0
    apart[one == other] = 0.0
    return apart


def _last_over(apart: Floats, limit: float) -> int | None:
    over = np.flatnonzero(apart > limit)
    if len(over) == 0:
        return 0
    last = int(over[-1])
    return None if last == len(apart) - 1 else last + 1


def _settled_ns(
    recorder: Recorder, whole: Recording, other: Recording, from_ns: int, tolerance: float
) -> int:
    """Return the time from which formulas are comparable: warm, and settled where they ever do."""
    assert recorder.formulas is not None
    latest = from_ns
    originals = {(each.name, each.symbol): each for each in whole.formulas}
    for each in other.formulas:
        if len(each.ts_ns) == 0:
            continue
        found = settle(originals[each.name, each.symbol], each, tolerance)
        decides = each.name in recorder.formulas.values
        wait = found.warmup if found.within is None or decides else found.within
        latest = max(latest, int(each.ts_ns[min(wait, len(each.ts_ns) - 1)]))
    return latest


def _first_signal_difference(
    whole: Recording, other: Recording, settled_ns: int, tolerance: float
) -> Difference | None:
    """Return the first bar at which a rule asks for something else."""
    originals = {(each.name, each.symbol): each for each in whole.formulas}
    found = []
    for each in other.formulas:
        if not each.name.startswith("rules."):
            continue
        a, b, times = aligned(originals[each.name, each.symbol], each)
        if each.name == "rules.weight":
            differs = _distance(a, b) > (tolerance if np.isfinite(tolerance) else 1e-3)
        else:
            differs = (a == 1.0) != (b == 1.0)
        places = np.flatnonzero(differs & ~np.isnan(b) & (times >= settled_ns))
        if len(places):
            place = int(places[0])
            texts = format_pair(float(a[place]), float(b[place]))
            found.append(Difference(int(times[place]), each.symbol, each.name, *texts))
    return min(found, key=lambda each: each.ts_ns, default=None)


def _cause(whole: Recording, other: Recording, difference: Difference) -> str:
    """Name the values that differ where a decision does: formulas, and numbers that a class keeps."""
    originals = {(each.name, each.symbol): each for each in whole.series}
    named = []
    for each in other.series:
        key = (each.name, each.symbol)
        if key not in originals or each.name == difference.subject:
            continue
        if each.symbol not in ("", difference.symbol):
            continue
        a, b, times = aligned(originals[key], each)
        places = np.flatnonzero(times == difference.ts_ns)
        if len(places) and _distance(a[places], b[places])[-1] > _NEAR:
            one, its = format_pair(float(a[places[-1]]), float(b[places[-1]]))
            named.append(f"{each.name} is {one} in the whole run and {its} in the later one")
    return "; ".join(named[:3])
