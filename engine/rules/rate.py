"""How many orders were sent lately: a ring of their times, counted over a half-open minute."""

from __future__ import annotations

from engine.jit import kernel
from engine.model.layout import ACCOUNT_NOW
from engine.model.trading_layout import (
    RING_CAPACITY,
    RING_COUNT,
    RING_FIRST,
    RING_HEAD,
    RING_ORDERS,
)
from engine.state import Core

MINUTE = 60 * 10**9


@kernel
def note_order(s: Core) -> None:
    """Remember that an order, or a change of one, is sent now."""
    head = s.rings[RING_ORDERS, RING_HEAD]
    s.rings[RING_ORDERS, RING_FIRST + head] = s.account[ACCOUNT_NOW]
    s.rings[RING_ORDERS, RING_HEAD] = (head + 1) % RING_CAPACITY
    if s.rings[RING_ORDERS, RING_COUNT] < RING_CAPACITY:
        s.rings[RING_ORDERS, RING_COUNT] += 1


@kernel
def orders_in_minute(s: Core) -> int:
    """Return how many were sent in the last 60 s; one exactly 60 s ago is outside.

    The ring holds more than any limit, so a full one is over every limit.
    """
    oldest = s.account[ACCOUNT_NOW] - MINUTE
    count, head = s.rings[RING_ORDERS, RING_COUNT], s.rings[RING_ORDERS, RING_HEAD]
    found = 0
    while found < count:
        at = (head - 1 - found) % RING_CAPACITY
        if s.rings[RING_ORDERS, RING_FIRST + at] <= oldest:
            break
        found += 1
    return found
