"""Times against the calendar: missing sessions, holes, rows outside, and shifted stamps."""

from __future__ import annotations

import numpy as np

from data.calendars import sessions
from data.numbers import Floats, Ints
from data.quality.series import Collector, Series, stamp
from engine.model.units import NS_PER_HOUR, NS_PER_MINUTE

_SHIFTS = [minutes * NS_PER_MINUTE for minutes in range(-14 * 60, 14 * 60 + 1, 30)]
_INSIDE_MIN = 0.97  # what a right zone has inside the session; extended hours trade little
_GAIN_MIN = 0.15
_ROWS_MIN = 500  # fewer do not show a pattern
_HOLE_STEPS = 30
_HOLE_NS = 30 * NS_PER_MINUTE
_TICKS_PER_SESSION_MIN = 50  # an instrument that trades less may well rest for a day
_TICK_HOLE_NS = 4 * NS_PER_HOUR


def check_times(series: Series, found: Collector) -> None:
    """Record what does not fit the instrument's calendar."""
    if series.calendar is None or len(series) < 2:
        return
    first, last = int(series.open_ns.min()), int(series.close_ns.max())
    opens, closes = sessions(series.calendar, first, last + 1)
    if len(opens) == 0:
        return
    held = _sessions_held(series, opens)
    rows_per_session = len(series) / max(len(np.unique(held)), 1)
    if series.kind == "bars" or rows_per_session >= _TICKS_PER_SESSION_MIN:
        _check_sessions(series, held, opens, closes, found)
    if series.is_daily:
        return
    _check_holes(series, held, closes, found)
    if series.calendar != "24/7":
        _check_zone(series, opens, closes, found)


def _sessions_held(series: Series, opens: Ints) -> Ints:
    """Return the session of each row: the last one that opened before it was known."""
    return np.searchsorted(opens, series.close_ns, side="left") - 1


def _check_sessions(
    series: Series, held: Ints, opens: Ints, closes: Ints, found: Collector
) -> None:
    places = np.flatnonzero((np.diff(held) > 1) & (held[:-1] >= 0)) + 1
    missing = held[places] - held[places - 1] - 1
    found.add_runs(
        series.rows[places],
        missing,
        "",
        "data.gap",
        lambda i: (
            f"{missing[i]} session{'s' if missing[i] > 1 else ''} of {series.calendar} without "
            f"data, from {stamp(int(opens[held[places[i] - 1] + 1]))}"
        ),
    )


def _check_holes(series: Series, held: Ints, closes: Ints, found: Collector) -> None:
    """Record holes inside a session that are long for this instrument."""
    distance = series.open_ns[1:] - series.close_ns[:-1]
    if series.step_ns is not None:
        least = max(_HOLE_NS, _HOLE_STEPS * series.step_ns)
    else:
        least = _TICK_HOLE_NS
    usual = float(np.quantile(distance, 0.99)) if len(distance) else 0.0
    same = (held[1:] == held[:-1]) & (held[1:] >= 0)
    # What is missing lies before the session's close; nights are no holes.
    ends = np.minimum(series.open_ns[1:], closes[np.maximum(held[1:], 0)])
    long = same & (ends - series.close_ns[:-1] > max(least, 5 * usual))
    places = np.flatnonzero(long) + 1
    step = series.step_ns or NS_PER_MINUTE
    counts = np.maximum(distance[places - 1] // step, 1) if series.step_ns else places * 0 + 1
    found.add_runs(
        series.rows[places],
        counts,
        "",
        "data.gap_in_session",
        lambda i: (
            f"nothing for {distance[places[i] - 1] // NS_PER_MINUTE} minutes from "
            f"{stamp(int(series.close_ns[places[i] - 1]))}"
        ),
    )


def _check_zone(series: Series, opens: Ints, closes: Ints, found: Collector) -> None:
    """Record rows outside the sessions, and stamps that fit them better when shifted."""
    weights = _weights(series)
    share = _share_inside(series.open_ns, opens, closes, weights)
    outside = ~_is_inside(series.open_ns, opens, closes)
    count = int(outside.sum())
    if len(series) >= _ROWS_MIN and share < _INSIDE_MIN:
        shares = [_share_inside(series.open_ns + s, opens, closes, weights) for s in _SHIFTS]
        best = int(np.argmax(shares))
        if shares[best] >= _INSIDE_MIN and shares[best] - share > _GAIN_MIN:
            hours = _SHIFTS[best] / NS_PER_HOUR
            text = (
                f"{share:.0%} of the activity is inside the sessions of {series.calendar}, but "
                f"{shares[best]:.0%} with all times {hours:+g} h"
            )
            found.add(series.rows[:1], "", "data.wrong_zone", lambda _: text)
            return
    if count:
        first = int(np.argmax(outside))
        text = f"{count:,} rows lie outside the sessions of {series.calendar}"
        found.add_runs(
            series.rows[first : first + 1],
            np.array([count]),
            "",
            "data.outside_session",
            lambda _: text,
        )


def _weights(series: Series) -> Floats:
    volumes = series.columns.get("volume", series.columns.get("size"))
    if volumes is None or not np.any(volumes > 0):
        return np.ones(len(series))
    # One print of a block trade must not outweigh a day.
    return np.clip(np.nan_to_num(volumes), 0.0, 20 * float(np.median(volumes[volumes > 0])))


def rows_outside(calendar: str, open_ns: Ints, close_ns: Ints) -> Ints:
    """Return the places of the rows that begin outside every session."""
    opens, closes = sessions(calendar, int(open_ns.min()), int(close_ns.max()) + 1)
    return np.flatnonzero(~_is_inside(open_ns, opens, closes))


def _is_inside(
    stamps: Ints, opens: Ints, closes: Ints
) -> np.ndarray[tuple[int], np.dtype[np.bool_]]:
    place = np.searchsorted(opens, stamps, side="right") - 1
    return (place >= 0) & (stamps < closes[np.maximum(place, 0)])


def _share_inside(stamps: Ints, opens: Ints, closes: Ints, weights: Floats) -> float:
    return float(weights[_is_inside(stamps, opens, closes)].sum() / weights.sum())
