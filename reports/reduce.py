"""Fewer points for the eye: every span keeps its first, highest, lowest and last point."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Ints = NDArray[np.int64]


def kept_points(*curves: NDArray[np.float64], limit: int) -> Ints:
    """Return which points of curves of one length to draw: at most about `limit`, ascending.

    Of each span the highest and the lowest of every curve stay, and the ends of all, so no spike
    and no trough is lost.

    Examples
    --------
    >>> kept_points(np.array([1.0, 9.0, 1.0, 1.0, -5.0, 1.0, 1.0, 1.0]), limit=4).tolist()
    [0, 1, 4, 5, 7]
    """
    size = curves[0].size
    if size <= limit:
        return np.arange(size)
    spans = max(limit // (2 * len(curves)), 1)
    starts = (np.arange(spans) * size) // spans
    found = [np.array([0, size - 1])]
    for curve in curves:
        found += [_extremes(curve, starts, highest=True), _extremes(curve, starts, highest=False)]
    return np.unique(np.concatenate(found))


def _extremes(curve: NDArray[np.float64], starts: Ints, *, highest: bool) -> Ints:
    """Return the place of each span's extreme."""
    values = curve if highest else -curve
    top = np.maximum.reduceat(values, starts)
    lengths = np.diff(np.append(starts, curve.size))
    is_top = values == np.repeat(top, lengths)
    place = np.where(is_top, np.arange(curve.size), curve.size)
    return np.minimum.reduceat(place, starts)


def reduced_bars(
    high: NDArray[np.float64], low: NDArray[np.float64], *, limit: int
) -> tuple[Ints, NDArray[np.float64], NDArray[np.float64]]:
    """Return the last place of each of at most `limit` spans, with its highest and lowest."""
    size = high.size
    if size <= limit:
        return np.arange(size), high, low
    starts = (np.arange(limit) * size) // limit
    ends = np.append(starts[1:], size) - 1
    return ends, np.maximum.reduceat(high, starts), np.minimum.reduceat(low, starts)
