"""Data that stands still: the same bar again and again, bars in which nothing traded."""

from __future__ import annotations

import numpy as np

from data.quality.series import Collector, Series, runs_of, stamp

_DAILY_RUN = 5  # equal bars; four equal days in a row happen to quiet instruments
_INTRADAY_RUN = 60
_PRICES = ("open", "high", "low", "close")


def check_still(series: Series, found: Collector) -> None:
    """Record stale runs and bars without volume."""
    if series.kind != "bars":
        return
    _check_stale(series, found)
    _check_volume(series, found)


def _check_stale(series: Series, found: Collector) -> None:
    same = np.zeros(len(series), dtype=np.bool_)
    if len(series) > 1:
        same[1:] = True
        for role in _PRICES:
            values = series.columns[role]
            same[1:] &= values[1:] == values[:-1]
    starts, ends = runs_of(same)
    least = _DAILY_RUN if series.is_daily else _INTRADAY_RUN
    lengths = ends - starts + 1  # the run begins with the bar that the others repeat
    long = np.flatnonzero(lengths >= least)
    starts, lengths = starts[long] - 1, lengths[long]
    closes = series.columns["close"]
    found.add_runs(
        series.rows[starts],
        lengths,
        series.name("close"),
        "data.stale",
        lambda i: (
            f"{lengths[i]} equal bars of {closes[starts[i]]:.10g} from "
            f"{stamp(int(series.close_ns[starts[i]]), is_daily=series.is_daily)}"
        ),
    )


def _check_volume(series: Series, found: Collector) -> None:
    volumes = series.columns.get("volume")
    if volumes is None:
        return
    empty = volumes == 0
    closes = series.columns["close"]
    before = np.concatenate((closes[:1], closes[:-1]))
    moved = empty & ((series.columns["high"] > series.columns["low"]) | (closes != before))
    name = series.name("volume")
    if empty.all() and len(series):
        text = "the volume is zero everywhere: the source has none"
        found.add_runs(
            series.rows[:1], np.array([len(series)]), name, "data.zero_volume", lambda _: text
        )
        return
    places = np.flatnonzero(moved)
    found.add(
        series.rows[places],
        name,
        "data.moved_without_volume",
        lambda i: f"close {closes[places[i]]:.10g} after {before[places[i]]:.10g}, volume 0",
    )
    still = np.flatnonzero(empty & ~moved)
    found.add(series.rows[still], name, "data.zero_volume", lambda _: "nothing traded")
