"""Where an account is under its peak: from the last close at the peak to the first close back at it.

A peak that holds for days (the account is flat) is left at its end, so those days are not under water.
The metric and the report's table of drawdowns both count from here; `metrics_many` holds the same for
many runs at once, and a test compares them.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from engine.rules.metric_definitions import FLAT_RANGE


@dataclass(frozen=True, slots=True)
class Drawdown:
    """One stretch under a peak: places among the closes, and how deep; `end` None: not yet."""

    peak: int
    trough: int
    end: int | None
    depth: float

    def days(self, day_numbers: NDArray[np.int64]) -> int:
        """Return the days from the peak to the recovery, or to the last close without one."""
        end = -1 if self.end is None else self.end
        return int(day_numbers[end] - day_numbers[self.peak])


def deepest_drawdowns(depth: NDArray[np.float64], *, count: int = 5) -> tuple[Drawdown, ...]:
    """Return the deepest stretches between a peak and its recovery, deepest first.

    Parameters
    ----------
    depth
        What `metrics.drawdowns` returns: zero or negative fractions, the first is zero.

    Examples
    --------
    >>> deepest_drawdowns(np.array([0.0, 0.0, -0.1, -0.2, 0.0]))
    (Drawdown(peak=1, trough=3, end=4, depth=-0.2),)
    """
    under = depth < -FLAT_RANGE
    edges = np.flatnonzero(np.diff(under.astype(np.int8)))
    found = []
    for start in edges[~under[edges]].tolist():
        regained = np.flatnonzero(~under[start + 1 :])
        end = start + 1 + int(regained[0]) if regained.size else None
        trough = start + int(depth[start:end].argmin())
        found.append(Drawdown(start, trough, end, float(depth[trough])))
    return tuple(sorted(found, key=lambda item: item.depth)[:count])
