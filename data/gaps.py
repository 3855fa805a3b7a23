"""Sessions that have no bar: named in the passport, never filled in."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from data.calendars import sessions
from data.history import Gap, InstrumentHistory


def session_gaps(part: InstrumentHistory) -> Iterator[Gap]:
    """Yield each run of whole sessions without a bar, between the first and the last bar."""
    bars = part.bars
    if bars is None or len(bars) < 2:
        return
    first, last = int(bars.ts_open_ns[0]), int(bars.ts_close_ns[-1])
    opens, closes = sessions(part.instrument.calendar, first, last)
    # A bar belongs to the session in which it closes: the last one that opened before that.
    held = np.unique(np.searchsorted(opens, bars.ts_close_ns, side="left") - 1)
    held = held[held >= 0]
    for place in np.flatnonzero(np.diff(held) > 1):
        before, after = int(held[place]), int(held[place + 1])
        yield Gap(
            part.instrument.symbol, int(closes[before]), int(opens[after]), after - before - 1
        )
