"""Sessions that have no bar: named in the passport and the manifest, never filled in."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from data.calendars import sessions
from data.history import BarColumns, Gap, InstrumentHistory
from data.numbers import Ints
from data.sorting import distinct
from engine.model.instruments import Instrument


class GapFinder:
    """Finds the runs of whole sessions without a bar, from bars that come in blocks."""

    def __init__(self, instrument: Instrument) -> None:
        self._instrument = instrument
        self._held: list[Ints] = []  # when the sessions that have bars opened
        self._first_ns = self._last_ns = 0

    def add(self, bars: BarColumns) -> None:
        """Look at the next block, in time order."""
        if len(bars) == 0:
            return
        first, last = int(bars.ts_open_ns[0]), int(bars.ts_close_ns[-1])
        self._first_ns = self._first_ns if self._held else first
        self._last_ns = last
        opens, _ = sessions(self._instrument.calendar, first, last)
        # A bar belongs to the session in which it closes: the last one that opened before that.
        held = distinct(np.searchsorted(opens, bars.ts_close_ns, side="left") - 1)
        self._held.append(opens[held[held >= 0]])

    def gaps(self) -> Iterator[Gap]:
        """Yield each run of sessions without a bar, between the first and the last bar."""
        if not self._held:
            return
        opens, closes = sessions(self._instrument.calendar, self._first_ns, self._last_ns)
        held = np.searchsorted(opens, distinct(np.concatenate(self._held)))
        for place in np.flatnonzero(np.diff(held) > 1):
            before, after = int(held[place]), int(held[place + 1])
            yield Gap(
                self._instrument.symbol,
                int(closes[before]),
                int(opens[after]),
                after - before - 1,
            )


def session_gaps(part: InstrumentHistory) -> Iterator[Gap]:
    """Yield each run of whole sessions without a bar, between the first and the last bar."""
    if part.bars is None or len(part.bars) < 2:
        return
    finder = GapFinder(part.instrument)
    finder.add(part.bars)
    yield from finder.gaps()
