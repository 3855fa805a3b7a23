"""Which bars of a position can change something in the trading loop, so that the others are skipped."""

from __future__ import annotations

from typing import Any

from engine.jit import kernel
from engine.model.layout import BAR_CLOSE, KIND_BAR
from engine.model.trading import REASON_EARLY_EXIT, REASON_EDGE_DISAPPEARED
from engine.model.trading_layout import (
    EXITS_ENABLED,
    EXITS_THRESHOLD,
    KEEP,
    MONITOR_REACH_HIGH,
    MONITOR_REACH_LOW,
    MONITOR_REACH_UNTIL,
)
from engine.rules.reach import set_reach
from engine.state import Core, Table
from sims.replay.layout import (
    FIRST_PAYLOAD,
    LANE_COLUMN,
    LANE_CONSTANTS,
    LANE_INPUT_CONSTANTS,
    LANE_INPUTS,
    LANE_KIND,
)

PPB_PER_PPM = 1000
REACH_ROWS = 512  # searched at a time
EDGE, VOLUME = 0, 4  # columns of a lane's inputs
NO_EDGE = -(2**62)


@kernel
def lowest_quiet_edge(s: Core) -> int:
    """Return the lowest edge, in ppb, at which no exit fires for it."""
    lowest = NO_EDGE
    for reason in (REASON_EARLY_EXIT, REASON_EDGE_DISAPPEARED):
        if s.exits[reason, EXITS_ENABLED] == 1:
            lowest = max(lowest, s.exits[reason, EXITS_THRESHOLD] * PPB_PER_PPM)
    return lowest


@kernel
def first_past_reach(
    s: Core, lanes: Table, columns: Any, k: int, i: int, start: int, end: int
) -> int:
    """Return the first row in [start, end) of lane `k` at which the loop may change something, or `end`.

    It may return an earlier row, which is then stepped on in vain.
    """
    closes_at = BAR_CLOSE - FIRST_PAYLOAD
    if lanes[k, LANE_KIND] != KIND_BAR or (lanes[k, LANE_CONSTANTS] >> closes_at) & 1:
        return start
    inputs, constants = lanes[k, LANE_INPUTS] - 1, lanes[k, LANE_INPUT_CONSTANTS]
    if inputs >= 0 and not (constants >> VOLUME) & 1:
        return start  # volumes of a window may be thin at any bar
    set_reach(s, i)
    low, high = s.monitors[i, MONITOR_REACH_LOW], s.monitors[i, MONITOR_REACH_HIGH]
    if low >= high:
        return start
    times, until = columns[lanes[k, LANE_COLUMN]], s.monitors[i, MONITOR_REACH_UNTIL]
    closes = columns[lanes[k, LANE_COLUMN] + 1 + closes_at]
    last, least = min(end, start + REACH_ROWS), lowest_quiet_edge(s)
    has_edges = inputs >= 0 and not (constants >> EDGE) & 1
    for row in range(start, last):
        close = closes[row]
        if close <= low or close >= high or times[row] >= until:
            return row
        if has_edges:
            edge = columns[inputs + EDGE][row]
            if KEEP < edge < least:
                return row
    return last
