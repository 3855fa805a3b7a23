"""A walk in minutes of one share, for a venue and a session that look at the same market."""

from __future__ import annotations

from random import Random

import numpy as np

from data.history import History
from engine.model.instruments import Instrument, InstrumentKind

MINUTE = 60 * 10**9
START_NS = 19_000 * 86_400 * 10**9
SHARE = Instrument("AAPL", InstrumentKind.EQUITY)  # trades around the clock: no calendar in the way
BREATH = 0.01  # seconds: what follows from a bar arrives before the next
WALKING = '[execution]\norder_type = "limit"\ntimeout = "70s"\non_timeout = "walk"\n'


def bars_of(seed: int, count: int, share: Instrument = SHARE) -> History:
    """Return a walk in minutes; where a share's prices are finer, each lies between two cents."""
    random, last = Random(seed), 10_000
    between = 0.0025 if share.price_precision > 2 else 0.0
    columns: list[list[float]] = [[], [], [], []]
    for _ in range(count):
        opened, last = last, max(last + round(random.gauss(0, 60)), 100)
        high = max(opened, last) + random.randint(0, 30)
        low = min(opened, last) - random.randint(0, 30)
        for column, ticks in zip(columns, (opened, high, low, last), strict=True):
            column.append(round(ticks / 100 + between, 4))
    return History.from_arrays(
        share,
        ts_close_ns=START_NS + MINUTE * np.arange(1, count + 1, dtype=np.int64),
        open=np.array(columns[0]),
        high=np.array(columns[1]),
        low=np.array(columns[2]),
        close=np.array(columns[3]),
        volume=np.array([float(random.choice((6, 14, 30, 80))) for _ in range(count)]),
        source="walk",
    )
