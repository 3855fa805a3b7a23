"""Equity marks inside the day, where a run has too few sessions for its closes to show its way."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from data.history import History
from data.sorting import distinct
from data.streams import HistoryStream
from engine.model import layout as at
from runtime.backtest.clockwork import Clockwork
from sims.replay.source import Source

FEW_SESSIONS = 10
POINTS = 500


def mark_sources(history: History, clockwork: Clockwork) -> list[Source]:
    """Return timers that mark equity some 500 times over a run of few sessions; else nothing.

    They lie inside the account's sessions only, so that the last mark of a day stays its close and
    the daily metrics are those of a run without them.
    """
    times = mark_times(history, clockwork)
    return [Source(at.KIND_TIMER, -1, times)] if len(times) else []


def mark_times(history: History, clockwork: Clockwork) -> NDArray[np.int64]:
    """Return when to mark: evenly over the events, each time once, ascending."""
    closes = clockwork.closes[clockwork.account]
    if len(closes) >= FEW_SESSIONS:
        return np.empty(0, dtype=np.int64)
    times = [_times(columns) for _, columns in history.columns()]
    seen = times[0] if len(times) == 1 else np.concatenate(times)
    if len(times) > 1 or (seen[1:] == seen[:-1]).any():
        seen = distinct(seen)
    chosen = seen[distinct(np.linspace(0, len(seen) - 1, POINTS).astype(np.int64))]
    return inside_sessions(chosen, clockwork)


def streamed_mark_sources(
    stream: HistoryStream, clockwork: Clockwork, window_rows: int | None = None
) -> list[Source]:
    """Return what `mark_sources` returns for the whole history."""
    if len(clockwork.closes[clockwork.account]) >= FEW_SESSIONS:
        return []
    count = sum(len(times) for times in _unique_times(stream, window_rows))
    wanted = distinct(np.linspace(0, count - 1, POINTS).astype(np.int64))
    seen, chosen = 0, []
    for times in _unique_times(stream, window_rows):
        low, high = np.searchsorted(wanted, (seen, seen + len(times)))
        chosen.append(times[wanted[low:high] - seen])
        seen += len(times)
    found = inside_sessions(np.concatenate(chosen), clockwork)
    return [Source(at.KIND_TIMER, -1, found)] if len(found) else []


def _unique_times(stream: HistoryStream, window_rows: int | None) -> Iterator[NDArray[np.int64]]:
    for window in stream.windows(window_rows):
        blocks = [each for p in window.parts for each in (p.bars, p.quotes, p.trades) if each]
        yield distinct(np.concatenate([block.ts_ns for block in blocks]))


def inside_sessions(chosen: NDArray[np.int64], clockwork: Clockwork) -> NDArray[np.int64]:
    """Return the times that lie inside the account's sessions and at no close."""
    opens, closes = clockwork.opens[clockwork.account], clockwork.closes[clockwork.account]
    session = np.searchsorted(closes, chosen, side="right")  # at the close itself it is marked
    inside = session < len(closes)
    inside[inside] = chosen[inside] >= opens[session[inside]]
    times: NDArray[np.int64] = chosen[inside]
    return times


def _times(columns: object) -> NDArray[np.int64]:
    name = "ts_close_ns" if hasattr(columns, "ts_close_ns") else "ts_ns"
    times: NDArray[np.int64] = getattr(columns, name)
    return times
