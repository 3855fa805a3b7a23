"""Where to cut, and where to begin: evenly over the run, and close to decisions."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from data.history import History
from engine.model import layout as at
from runtime.differences import DECISIONS

Ints = NDArray[np.int64]

_FIRST_SHARE = 0.05


def times_of(history: History) -> Ints:
    """Return every time at which something becomes known, once, ascending."""
    stamps = [columns.ts_ns for _, columns in history.columns() if len(columns)]
    return np.unique(np.concatenate(stamps))


def decision_times(journal: Ints) -> Ints:
    """Return the times of decisions, once, ascending."""
    return np.unique(journal[np.isin(journal[:, at.EVENT_KIND], DECISIONS), at.EVENT_TS])


def spread(values: Ints, count: int) -> Ints:
    """Return up to `count` of some values, evenly."""
    if len(values) == 0 or count <= 0:
        return values[:0]
    places = np.linspace(0, len(values) - 1, min(count, len(values)))
    chosen: Ints = values[np.unique(np.rint(places).astype(np.int64))]
    return chosen


def cut_points(times: Ints, decided: Ints, count: int) -> list[int]:
    """Return the times at which to cut.

    Half of them lie evenly. The others lie at decisions, where the data ends with what was decided
    on, and just before decisions, where it ends one event earlier.
    """
    inner = times[int(len(times) * _FIRST_SHARE) : -1]
    if len(inner) == 0:
        inner = times[:-1]
    decided = decided[(decided >= times[0]) & (decided < times[-1])]
    at_decisions = spread(decided, count // 4)
    after = spread(decided, count // 2 - len(at_decisions))
    before = times[np.maximum(np.searchsorted(times, after) - 1, 0)]
    evenly = spread(inner, count - len(at_decisions) - len(before))
    points = np.unique(np.concatenate([evenly, at_decisions, before]))
    return [int(point) for point in points]


def start_points(times: Ints, decided: Ints, warmup: int, count: int) -> list[int]:
    """Return the times with which history begins anew.

    Half of them lie evenly over the first two thirds; the others lie so that a decision comes soon
    after the warm-up is over: there, what has not settled yet decides.
    """
    last = max(len(times) - warmup - 2, 1)
    inner = times[1 : max(min(len(times) * 2 // 3, last), 2)]
    places = np.searchsorted(times, decided)
    near = np.concatenate([places - warmup, places - warmup - 3, places - 2 * warmup - 1])
    near = np.unique(near[(near >= 1) & (near < last)])
    at_decisions = spread(times[near], count // 2)
    evenly = spread(inner, count - len(at_decisions))
    return [int(point) for point in np.unique(np.concatenate([evenly, at_decisions]))]
