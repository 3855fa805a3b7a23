"""When an order whose outcome nobody knows is looked up, and what the looks prove. Pure.

The venue may read behind itself: what it does not know now it may know a moment later. So an order is
absent only after several looks over at least ten seconds.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from engine.model.orders import OrderStatus
from engine.ports import ClientIds, VenueOrder
from runtime.gateway.ledger import Sent, Tracked

LOOKS_LEAST: Final = 3
SPAN_LEAST_NS: Final = 10 * 10**9
LOST_AFTER_NS: Final = 120 * 10**9  # then a person is told
_FIRST_NS: Final = 10**8
_MOST_NS: Final = 5 * 10**9
_DOUBLINGS: Final = 10


@dataclass(slots=True)
class Doubt:
    """The looks at one order so far; times are monotonic."""

    since_ns: int
    looks: int = 0
    next_ns: int = 0
    is_told: bool = False

    def is_due(self, now_ns: int) -> bool:
        """Return whether it is to be looked up."""
        return now_ns >= self.next_ns

    def looked(self, now_ns: int, draw: float) -> None:
        """Note a look that was answered."""
        self.looks += 1
        whole = min(_MOST_NS, _FIRST_NS << min(self.looks, _DOUBLINGS))
        self.next_ns = now_ns + round(whole * (0.5 + draw / 2))

    def is_proven_absent(self, now_ns: int) -> bool:
        """Return whether what is not there now will not be there later."""
        return self.looks >= LOOKS_LEAST and now_ns - self.since_ns >= SPAN_LEAST_NS


class Finding(StrEnum):
    """What a look at an order in doubt has brought."""

    WAIT = "wait"  # not proven yet: look again
    WORKS = "works"  # it works at the venue
    ENDED = "ended"  # it has ended there, and all its fills are booked
    AGAIN = "again"  # proven absent: send it under the same id, which the venue enforces
    ABSENT = "absent"  # proven absent: tell that it was not sent
    LOST = "lost"  # the venue had it and does not know it any more


def finding(
    order: Tracked,
    found: VenueOrder | None,
    doubt: Doubt,
    now_ns: int,
    ids: ClientIds,
    *,
    may_go_again: bool,
) -> Finding:
    """Return what one answered look proves.

    Parameters
    ----------
    found
        What the venue says; all executions that it had before are booked already.
    may_go_again
        The decision is still wanted.
    """
    if found is not None:
        if not OrderStatus(found.status).is_closed:
            return Finding.WORKS
        return Finding.WAIT if found.filled_lots > order.filled_lots else Finding.ENDED
    if not doubt.is_proven_absent(now_ns):
        return Finding.WAIT
    if order.sent is not Sent.UNKNOWN:
        return Finding.LOST
    return Finding.AGAIN if ids is ClientIds.FOREVER and may_go_again else Finding.ABSENT
