"""Prices that jump: single outliers, splits that no action explains, and spliced series.

A jump is measured against what is usual around it, and by what follows:

- it comes back at once: an outlier, a single bad price;
- it stays, and its size is that of a split (2:1, 7:1, 1:20, ...): an unadjusted split;
- it stays, is large, is no split's size, and the first bar beyond it is an ordinary one in range
  and volume: another company's prices, or another unit. A real crash of that size is no ordinary
  day: AIG fell by 61 % on 2008-09-15 with seven times its volume and range.
"""

from __future__ import annotations

from fractions import Fraction

import numpy as np
from numpy.typing import NDArray

from data.actions import ActionKind
from data.numbers import Floats
from data.quality.series import Collector, Series, local_level, stamp
from engine.model.units import NS_PER_DAY

_WHOLE = (2, 3, 4, 5, 6, 7, 8, 10, 12, 14, 15, 16, 20, 25, 30, 40, 50, 100, 1000)
_SMALL = (Fraction(3, 2), Fraction(4, 3), Fraction(5, 4), Fraction(5, 2))
RATIOS = tuple(Fraction(n) for n in _WHOLE) + _SMALL
_SPLIT_TOLERANCE = 0.035  # a split's day moves on its own, too
_SMALL_TOLERANCE = 0.012  # 5:4 is near what happens anyway
_SIGMAS = 12.0
_SPIKE_MIN = {"bars": 0.08, "trades": 0.05, "quotes": 0.02}  # log units: less is never an outlier
_WICK_MIN = 0.15
_SPLICE_MIN = 0.40  # log units: by a third down, or by half up
_RISE_MAX, _FALL_MAX = 1.5, 2.3  # log units: no share rises to 4.5 times, or falls by 90 %, at once
_ORDINARY = 3.5  # times the usual range or volume
_AROUND = 5  # bars on each side tell whether a level stays
_GAP_NS = 8 * NS_PER_DAY
_BARS_MIN = 20  # fewer do not say what is usual


def check_moves(series: Series, found: Collector) -> None:
    """Record outliers, unadjusted splits and splices of one instrument."""
    role = {"bars": "close", "trades": "price", "quotes": "bid"}[series.kind]
    prices = series.columns[role]
    if len(prices) < _BARS_MIN:
        return
    steps = _steps(series, prices)
    usual = _usual(np.abs(steps))
    spikes = _spikes(steps, usual, _SPIKE_MIN[series.kind])
    _add_spikes(series, role, prices, spikes, found)
    if series.kind != "bars":
        return
    _check_wicks(series, usual, found)
    large = np.abs(steps) > np.maximum(_SIGMAS * usual, 0.15)
    for place in np.flatnonzero(large & ~_near(spikes)):
        _check_level(series, int(place), steps, found)


def _steps(series: Series, prices: Floats) -> Floats:
    """Return the log change into each row, known splits taken out; the first is zero."""
    steps = np.zeros(len(prices))
    steps[1:] = np.diff(np.log(prices))
    for action in series.actions:
        if action.kind is ActionKind.SPLIT:
            first = int(np.searchsorted(series.open_ns, action.ts_ex_ns))
            if 0 < first < len(steps):
                steps[first] += float(np.log(float(action.ratio)))
    return steps


def _usual(sizes: Floats) -> Floats:
    """Return the usual size of a change around each row, never far below the whole's."""
    level = 1.4826 * local_level(sizes)
    return np.maximum(level, max(0.5 * float(np.mean(sizes)), 1e-6))


def _spikes(steps: Floats, usual: Floats, least: float) -> NDArray[np.bool_]:
    """Say which rows jump away from the row before and come back at once."""
    back = np.append(steps[1:], 0.0)
    away = np.minimum(np.abs(steps), np.abs(back)) > np.maximum(_SIGMAS * usual, least)
    is_spike: NDArray[np.bool_] = away & (np.abs(steps + back) < 0.25 * np.abs(steps))
    return is_spike


def _near(spikes: NDArray[np.bool_]) -> NDArray[np.bool_]:
    near = spikes.copy()
    near[1:] |= spikes[:-1]
    return near


def _add_spikes(
    series: Series, role: str, prices: Floats, spikes: NDArray[np.bool_], found: Collector
) -> None:
    places = np.flatnonzero(spikes)
    found.add(
        series.rows[places],
        series.name(role),
        "data.outlier",
        lambda i: (
            f"{role} {prices[places[i]]:.10g} stands between {prices[places[i] - 1]:.10g} and "
            f"{prices[places[i] + 1]:.10g}"
        ),
    )


def _check_wicks(series: Series, usual: Floats, found: Collector) -> None:
    """Record highs and lows far beyond open, close and the neighbours' closes."""
    opens, closes = series.columns["open"], series.columns["close"]
    before = np.concatenate((closes[:1], closes[:-1]))
    least = np.maximum(2 * _SIGMAS * usual, _WICK_MIN)
    top = np.maximum(np.maximum(opens, closes), before)
    bottom = np.minimum(np.minimum(opens, closes), before)
    for role, beyond in (
        ("high", np.log(series.columns["high"] / top)),
        ("low", np.log(bottom / series.columns["low"])),
    ):
        places = np.flatnonzero(beyond > least)
        values = series.columns[role]
        found.add(
            series.rows[places],
            series.name(role),
            "data.outlier",
            lambda i, places=places, values=values, role=role: (  # type: ignore[misc]
                f"{role} {values[places[i]]:.10g} is far from open {opens[places[i]]:.10g} and "
                f"close {closes[places[i]]:.10g}"
            ),
        )


def _check_level(series: Series, place: int, steps: Floats, found: Collector) -> None:
    """Record what explains a change that stays: a split, a splice, or nothing wrong."""
    if not _stays(series.columns["close"], place, float(steps[place])):
        return
    if series.open_ns[place] - series.close_ns[place - 1] > _GAP_NS:
        return  # in a long silence a price may have gone anywhere
    before = float(series.columns["close"][place - 1])
    overnight = float(series.columns["open"][place]) / before
    ratio = split_ratio(overnight)
    day = stamp(int(series.close_ns[place]), is_daily=series.is_daily)
    row = series.rows[place : place + 1]
    is_ordinary = _is_ordinary(series, place)
    if ratio is not None and is_ordinary:
        new, old = ratio.numerator, ratio.denominator
        sentence = (
            f"from {before:.10g} to {series.columns['open'][place]:.10g} on {day}: the size of a "
            f"{new}:{old} split"
        )
        found.add(row, series.name("open"), "data.unadjusted_split", lambda _: sentence)
    elif is_ordinary and abs(steps[place]) > _SPLICE_MIN:
        sentence = (
            f"from {before:.10g} to {series.columns['close'][place]:.10g} on {day}, an ordinary "
            "day in range and volume: are these two companies?"
        )
        found.add(row, series.name("close"), "data.splice", lambda _: sentence)
    elif not -_FALL_MAX < steps[place] < _RISE_MAX:
        sentence = (
            f"from {before:.10g} to {series.columns['open'][place]:.10g} on {day}, "
            f"{overnight:.3g} times: a split, another unit, or another company"
        )
        found.add(row, series.name("open"), "data.splice", lambda _: sentence)


def _stays(closes: Floats, place: int, step: float) -> bool:
    """Whether the level after the jump is the jump's, not the old one again."""
    before = np.median(np.log(closes[max(0, place - _AROUND) : place]))
    after = np.median(np.log(closes[place : place + _AROUND]))
    return bool(abs(after - before - step) < 0.35 * abs(step))


def split_ratio(overnight: float) -> Fraction | None:
    """Return the split whose size a change of price has, new units for one old; None for none.

    Examples
    --------
    >>> split_ratio(0.1429), split_ratio(20.3), split_ratio(0.2798)
    (Fraction(7, 1), Fraction(1, 20), None)
    """
    for ratio in RATIOS:
        tolerance = _SMALL_TOLERANCE if ratio < 2 else _SPLIT_TOLERANCE
        for candidate in (ratio, 1 / ratio):
            if abs(np.log(overnight * float(candidate))) < tolerance:
                return candidate
    return None


def _is_ordinary(series: Series, place: int) -> bool:
    """Whether a bar's range, and what changed hands, are usual for the days around it."""
    around = slice(max(0, place - 30), place + 31)
    highs, lows = series.columns["high"], series.columns["low"]
    ranges = np.log(highs[around] / lows[around])
    usual = max(float(np.median(ranges)), 1e-9)
    if np.log(highs[place] / lows[place]) > _ORDINARY * usual:
        return False
    volumes = series.columns.get("volume")
    if volumes is None or not np.any(volumes[around] > 0):
        return True
    # Money, not pieces: a split of 7:1 makes seven times the volume.
    money: Floats = volumes[around] * series.columns["close"][around]
    mine = float(volumes[place] * series.columns["close"][place])
    return bool(mine < _ORDINARY * float(np.median(money)))
