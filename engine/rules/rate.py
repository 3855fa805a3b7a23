"""How many orders were sent lately."""

from __future__ import annotations

from engine.jit import kernel, loop_door
from engine.kernels.windows import count_since, push_time
from engine.model.layout import ACCOUNT_NOW
from engine.model.trading_layout import RING_ORDERS
from engine.state import Core

MINUTE = 60 * 10**9


@loop_door
def note_order(s: Core) -> None:
    """Remember that an order, or a change of one, is sent now."""
    push_time(s.rings, RING_ORDERS, s.account[ACCOUNT_NOW])


@kernel
def orders_in_minute(s: Core) -> int:
    """Return how many were sent in the last minute.

    The ring holds more than any limit, so a full one is over every limit.
    """
    return count_since(s.rings, RING_ORDERS, s.account[ACCOUNT_NOW], MINUTE)
