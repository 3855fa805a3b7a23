"""Which instruments the trading loop looks at: those with a position, an exit or an entry of ours.

All loops of a step go over these, so its cost grows with what is held and not with what is known.
"""

from __future__ import annotations

from engine.jit import kernel, loop_door
from engine.model.layout import ACCOUNT_HELD, POSITION_CLOSED, POSITION_QUANTITY
from engine.model.trading import PHASE_IDLE
from engine.model.trading_layout import (
    ENTRY_ORDER,
    ENTRY_SIGNAL,
    EXIT_PHASE,
    MONITOR_BARE_SINCE,
    MONITOR_WANTS,
    WANTS_TARGET,
)
from engine.state import Core


@kernel
def is_looked_at(s: Core, i: int) -> bool:
    """Return whether an instrument has a position, or an exit, entry or target of ours that works."""
    if s.monitors[i, EXIT_PHASE] != PHASE_IDLE:
        return True
    if s.monitors[i, ENTRY_SIGNAL] != 0 or s.monitors[i, ENTRY_ORDER] != 0:
        return True
    if s.monitors[i, MONITOR_WANTS] & WANTS_TARGET or s.monitors[i, MONITOR_BARE_SINCE] != 0:
        return True
    # Also a rest of less than one lot step: it cannot be traded, but is part of equity.
    return s.positions[i, POSITION_CLOSED] == 0 and s.positions[i, POSITION_QUANTITY] != 0


@kernel
def place_of(s: Core, i: int) -> int:
    """Return where an instrument stands in `held`, or where it would."""
    low, high = 0, s.account[ACCOUNT_HELD]
    while low < high:
        middle = (low + high) // 2
        if s.held[middle] < i:
            low = middle + 1
        else:
            high = middle
    return low


@loop_door
def is_held(s: Core, i: int) -> bool:
    """Return whether an instrument stands in `held`."""
    place = place_of(s, i)
    return place < s.account[ACCOUNT_HELD] and s.held[place] == i


@kernel
def renew_held(s: Core, i: int) -> None:
    """Put an instrument into `held`, or take it out, as `is_looked_at` says."""
    place, count = place_of(s, i), s.account[ACCOUNT_HELD]
    stands = place < count and s.held[place] == i
    wanted = is_looked_at(s, i)
    if wanted and not stands:
        for n in range(count, place, -1):
            s.held[n] = s.held[n - 1]
        s.held[place] = i
        s.account[ACCOUNT_HELD] = count + 1
    elif stands and not wanted:
        for n in range(place, count - 1):
            s.held[n] = s.held[n + 1]
        s.held[count - 1] = 0
        s.account[ACCOUNT_HELD] = count - 1
