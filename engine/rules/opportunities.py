"""Making room for something better: which position goes for which entry that was denied."""

from __future__ import annotations

from engine.jit import kernel
from engine.kernels.money import (
    add_checked,
)
from engine.model.layout import (
    ACCOUNT_HELD,
    ACCOUNT_NOW,
    POSITION_CLOSED,
)
from engine.model.trading import (
    PHASE_IDLE,
    REASON_REBALANCE,
)
from engine.model.trading_layout import (
    EXIT_PHASE,
    EXIT_REASON,
    EXITS_ENABLED,
    EXITS_THRESHOLD,
    LIMIT_EXPIRY,
    MONITOR_DENIED_AT,
    MONITOR_DENIED_EDGE,
    MONITOR_DIRECTION,
    MONITOR_POSITION,
    NOT_GIVEN,
)
from engine.rules.conditions import (
    edge_of,
    profit_of,
)
from engine.rules.prices import closing_price
from engine.state import Core

PPB_PER_PPM = 1000


@kernel
def better_entry(s: Core, but: int) -> int:
    """Return the instrument whose denied entry has the best edge and has not expired, or -1."""
    best, now = -1, s.account[ACCOUNT_NOW]
    for j in range(s.monitors.shape[0]):
        edge = s.monitors[j, MONITOR_DENIED_EDGE]
        if j == but or edge == NOT_GIVEN:
            continue
        if now - s.monitors[j, MONITOR_DENIED_AT] > s.limits[LIMIT_EXPIRY]:
            continue
        if best < 0 or edge > s.monitors[best, MONITOR_DENIED_EDGE]:
            best = j
    return best


@kernel
def find_victim(s: Core) -> int:
    """Return the position that is to make room for a better entry that was denied, or -1.

    It is the one with the lowest edge of those in profit, the first among equals; while one is being
    closed for that no other is looked for.
    """
    if s.exits[REASON_REBALANCE, EXITS_ENABLED] == 0:
        return -1
    victim, lowest = -1, 0
    for place in range(s.account[ACCOUNT_HELD]):
        i = s.held[place]
        if s.monitors[i, EXIT_PHASE] != PHASE_IDLE:
            if s.monitors[i, EXIT_REASON] == REASON_REBALANCE:
                return -1
            continue
        if s.monitors[i, MONITOR_POSITION] == 0 or s.positions[i, POSITION_CLOSED] == 1:
            continue
        price = closing_price(s, i, s.monitors[i, MONITOR_DIRECTION])
        edge = edge_of(s, i, price)
        if edge == NOT_GIVEN or price <= 0 or profit_of(s, i, price) <= 0:
            continue
        if victim < 0 or edge < lowest:
            victim, lowest = i, edge
    if victim < 0:
        return -1
    best = better_entry(s, victim)
    if best < 0:
        return -1
    advantage = s.exits[REASON_REBALANCE, EXITS_THRESHOLD] * PPB_PER_PPM
    gain = add_checked(s.monitors[best, MONITOR_DENIED_EDGE], -lowest)
    return victim if gain > advantage else -1
