"""Base bars to bars of a higher timeframe, closed ones only."""

from __future__ import annotations

from math import isnan

from engine.jit import kernel
from engine.kernels.indicators_windows import NAN, Floats

# The numbers of a bar: four prices, the volume, the key of its trading day.
BAR_OPEN, BAR_HIGH, BAR_LOW, BAR_CLOSE, BAR_VOLUME, BAR_DAY = range(6)
BAR_SIZE = 6

# state: whether a higher bar is being built, its bucket, its numbers
RESAMPLE_BUCKET = 1
RESAMPLE_BAR = 2
RESAMPLE_SIZE = RESAMPLE_BAR + BAR_SIZE

READY_MAX = 2  # a base bar can end the bucket before its own, and its own


@kernel
def push_bar(
    opened: float,
    high: float,
    low: float,
    close: float,
    volume: float,
    day: float,
    bucket: float,
    ends_bucket: float,
    state: Floats,
    ready: Floats,
    first: int,
) -> int:
    """Push a base bar; write the higher bars it makes known to `ready`, and count them.

    `ready` has one column per number of a bar, one after the other; writing begins at row `first`.
    """
    count = 0
    if state[0] == 1.0 and state[RESAMPLE_BUCKET] != bucket:
        _emit(state, ready, first)
        count = 1
    if state[0] == 0.0:
        for i in range(BAR_SIZE):
            state[RESAMPLE_BAR + i] = NAN
        state[0] = 1.0
        state[RESAMPLE_BUCKET] = bucket
    _merge(opened, high, low, close, volume, state)
    state[RESAMPLE_BAR + BAR_DAY] = day
    if ends_bucket != 0.0:
        _emit(state, ready, first + count)
        count += 1
    return count


@kernel
def _emit(state: Floats, ready: Floats, row: int) -> None:
    rows = len(ready) // BAR_SIZE
    for i in range(BAR_SIZE):
        ready[i * rows + row] = state[RESAMPLE_BAR + i]
    state[0] = 0.0


@kernel
def _merge(
    opened: float, high: float, low: float, close: float, volume: float, state: Floats
) -> None:
    """Add a base bar to the one being built; undefined numbers add nothing."""
    bar = RESAMPLE_BAR
    if isnan(state[bar + BAR_OPEN]):
        state[bar + BAR_OPEN] = opened
    if not isnan(high) and not state[bar + BAR_HIGH] >= high:
        state[bar + BAR_HIGH] = high
    if not isnan(low) and not state[bar + BAR_LOW] <= low:
        state[bar + BAR_LOW] = low
    if not isnan(close):
        state[bar + BAR_CLOSE] = close
    if not isnan(volume):
        before = state[bar + BAR_VOLUME]
        state[bar + BAR_VOLUME] = volume if isnan(before) else before + volume


@kernel
def batch_resample(
    opened: Floats,
    high: Floats,
    low: Floats,
    close: Floats,
    volume: Floats,
    day: Floats,
    bucket: Floats,
    ends_bucket: Floats,
    state: Floats,
    ready: Floats,
    known: Floats,
) -> int:
    """Push base bars; return how many higher bars are in `ready`.

    `known` receives how many of them are known at each base bar.
    """
    total = 0
    for i in range(len(known)):
        total += push_bar(
            opened[i],
            high[i],
            low[i],
            close[i],
            volume[i],
            day[i],
            bucket[i],
            ends_bucket[i],
            state,
            ready,
            total,
        )
        known[i] = total
    return total


@kernel
def batch_latest(values: Floats, known: Floats, out: Floats) -> None:
    """Write the last known of `values` at each bar; undefined while none is known."""
    for i in range(len(out)):
        count = int(known[i])
        out[i] = values[count - 1] if count > 0 else NAN
