"""Lanes whose market data come window by window: what is longer than memory is replayed like this.

The sources of a window take the place of those before when every row of them has been consumed, which
a replay up to the window's end sees to. The book, its working orders and the lanes of everything else
(sessions, actions, marks) go on. A row's sequence number counts from its source's first window, so
nothing of a run tells how it was cut.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from engine.errors import InternalFault
from sims.replay import layout as at
from sims.replay.columns import Lanes
from sims.replay.source import MARKET, Source

Ints = NDArray[np.int64]


class WindowLanes(Lanes):
    """`Lanes` that are refilled.

    Parameters
    ----------
    sources
        The market data of the first window, those without rows in it among them, and everything else
        for the whole run.
    terms, always
        See `Lanes`.
    """

    def __init__(self, sources: Sequence[Source], terms: Ints, *, always: bool = False) -> None:
        super().__init__(sources, terms, always=always, keep_empty=True)
        # The first window's rows are not to stay in memory: from here on only the lanes are read.
        self.sources = [
            Source(source.kind, source.instrument, source.ts_ns[:0].copy())
            for source in self.sources
        ]
        self._numbers = {
            (source.kind, source.instrument): k
            for k, source in enumerate(self.sources)
            if source.kind in MARKET
        }

    def refill(self, sources: Sequence[Source]) -> None:
        """Take the market data of the next window, one source for each of the first window's.

        Parameters
        ----------
        sources
            In any order.
        """
        for source in sources:
            self._refill_lane(self._numbers[source.kind, source.instrument], source)
        self.turn[at.TURN_READY] = 0

    def _refill_lane(self, k: int, source: Source) -> None:
        lane = self.table[k]
        if lane[at.LANE_CURSOR] != lane[at.LANE_ROWS]:
            raise InternalFault(f"lane {k} has rows left of the window before")
        lane[at.LANE_BEFORE] += lane[at.LANE_ROWS]
        lane[at.LANE_ROWS] = len(source.ts_ns)
        lane[at.LANE_CURSOR] = lane[at.LANE_WAKE_CURSOR] = 0
        first = int(lane[at.LANE_COLUMN])
        self._put(first, source.ts_ns)
        for j, (_, column) in enumerate(sorted(source.payload.items()), start=1):
            if not isinstance(column, int):
                self._put(first + j, column)
        self._put_signals(lane, source.signals())
        for j, inputs in enumerate(source.inputs or ()):
            if not isinstance(inputs, int):
                self._put(int(lane[at.LANE_INPUTS]) - 1 + j, inputs)
