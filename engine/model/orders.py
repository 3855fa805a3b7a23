"""Orders: the vocabulary, the request a strategy makes, and the one table of legal transitions."""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum, IntFlag


class Side(IntEnum):
    """Direction of an order or fill; the value is the sign of the change of position."""

    BUY = 1
    SELL = -1


class OrderType(IntEnum):
    """What makes an order execute."""

    MARKET = 1
    LIMIT = 2
    STOP = 3
    STOP_LIMIT = 4
    TRAILING_STOP = 5
    MARKET_ON_OPEN = 6
    LIMIT_ON_OPEN = 7
    MARKET_ON_CLOSE = 8
    LIMIT_ON_CLOSE = 9


class TimeInForce(IntEnum):
    """How long an order lives."""

    DAY = 1
    GTC = 2
    IOC = 3
    FOK = 4
    GTD = 5


class Liquidity(IntEnum):
    """Whether a fill took liquidity or made it."""

    TAKER = 1
    MAKER = 2


class OrderFlag(IntFlag):
    """Restrictions on an order."""

    NONE = 0
    REDUCE_ONLY = 1
    POST_ONLY = 2


class OrderStatus(IntEnum):
    """Where an order is in its life. `is_closed` statuses are final but for late fills."""

    NONE = 0
    IN_FLIGHT = 1  # approved and sent, not acknowledged
    HELD = 2  # a child that waits for its parent
    OPEN = 3  # working
    TRIGGERED = 4  # a stop whose price was reached, still working
    PARTIALLY_FILLED = 5
    PENDING_CANCEL = 6  # working, cancel sent
    FILLED = 7
    CANCELED = 8
    EXPIRED = 9
    REJECTED = 10  # by the venue
    DENIED = 11  # by us; never sent

    @property
    def is_closed(self) -> bool:
        """Return whether nothing but a late fill can change the order any more."""
        return self >= OrderStatus.FILLED


class OrderEvent(IntEnum):
    """What can happen to an order."""

    ACCEPTED = 0
    ARMED = 1  # a held child came into play
    TRIGGERED = 2
    PARTIAL_FILL = 3
    FILL = 4
    CANCEL_SENT = 5
    CANCEL_REJECTED = 6  # or a replace was
    CANCELED = 7
    EXPIRED = 8
    REJECTED = 9
    REPLACED = 10


_S, _E = OrderStatus, OrderEvent

# (status, event) -> status. What is not in the table is refused. The docs' diagram is drawn from it.
# Late edges (CANCELED, EXPIRED, REJECTED -> PARTIALLY_FILLED or FILLED) exist because a venue's
# proven fill is a fact, whatever we believed before.
TRANSITIONS: dict[tuple[OrderStatus, OrderEvent], OrderStatus] = (
    {
        (_S.IN_FLIGHT, _E.ACCEPTED): _S.OPEN,
        (_S.IN_FLIGHT, _E.TRIGGERED): _S.TRIGGERED,
        (_S.IN_FLIGHT, _E.CANCEL_SENT): _S.PENDING_CANCEL,
        (_S.IN_FLIGHT, _E.REPLACED): _S.IN_FLIGHT,
        (_S.HELD, _E.ACCEPTED): _S.HELD,
        (_S.HELD, _E.ARMED): _S.OPEN,
        (_S.HELD, _E.CANCEL_SENT): _S.HELD,
        (_S.HELD, _E.REPLACED): _S.HELD,
        (_S.OPEN, _E.ACCEPTED): _S.OPEN,
        (_S.OPEN, _E.ARMED): _S.OPEN,
        (_S.OPEN, _E.TRIGGERED): _S.TRIGGERED,
        (_S.OPEN, _E.CANCEL_SENT): _S.PENDING_CANCEL,
        (_S.OPEN, _E.REPLACED): _S.OPEN,
        (_S.TRIGGERED, _E.ACCEPTED): _S.TRIGGERED,
        (_S.TRIGGERED, _E.ARMED): _S.TRIGGERED,
        (_S.TRIGGERED, _E.CANCEL_SENT): _S.PENDING_CANCEL,
        (_S.TRIGGERED, _E.REPLACED): _S.OPEN,  # it starts over
        (_S.PARTIALLY_FILLED, _E.ARMED): _S.PARTIALLY_FILLED,
        (_S.PARTIALLY_FILLED, _E.TRIGGERED): _S.PARTIALLY_FILLED,
        (_S.PARTIALLY_FILLED, _E.CANCEL_SENT): _S.PENDING_CANCEL,
        (_S.PARTIALLY_FILLED, _E.REPLACED): _S.PARTIALLY_FILLED,
        (_S.PENDING_CANCEL, _E.ACCEPTED): _S.PENDING_CANCEL,
        (_S.PENDING_CANCEL, _E.ARMED): _S.PENDING_CANCEL,
        (_S.PENDING_CANCEL, _E.TRIGGERED): _S.PENDING_CANCEL,
        (_S.PENDING_CANCEL, _E.CANCEL_SENT): _S.PENDING_CANCEL,
        (_S.PENDING_CANCEL, _E.CANCEL_REJECTED): _S.OPEN,
        (_S.PENDING_CANCEL, _E.PARTIAL_FILL): _S.PENDING_CANCEL,
        (_S.PENDING_CANCEL, _E.REPLACED): _S.PENDING_CANCEL,
    }
    # With no cancel on its way it is a replace that the venue refuses: the order is what it was.
    | {
        (status, _E.CANCEL_REJECTED): status
        for status in (_S.IN_FLIGHT, _S.HELD, _S.OPEN, _S.TRIGGERED, _S.PARTIALLY_FILLED)
    }
    | {
        (status, event): outcome
        for status in (_S.IN_FLIGHT, _S.HELD, _S.OPEN, _S.TRIGGERED, _S.PARTIALLY_FILLED)
        for event, outcome in (
            (_E.PARTIAL_FILL, _S.PARTIALLY_FILLED),
            (_E.FILL, _S.FILLED),
            (_E.CANCELED, _S.CANCELED),
            (_E.EXPIRED, _S.EXPIRED),
            (_E.REJECTED, _S.REJECTED),
        )
        if not (status is _S.HELD and event in (_E.PARTIAL_FILL, _E.FILL))
    }
    | {
        (_S.PENDING_CANCEL, _E.FILL): _S.FILLED,
        (_S.PENDING_CANCEL, _E.CANCELED): _S.CANCELED,
        (_S.PENDING_CANCEL, _E.EXPIRED): _S.EXPIRED,
        (_S.PENDING_CANCEL, _E.REJECTED): _S.REJECTED,
    }
    | {
        (status, event): outcome
        for status in (_S.CANCELED, _S.EXPIRED, _S.REJECTED)
        for event, outcome in ((_E.PARTIAL_FILL, _S.PARTIALLY_FILLED), (_E.FILL, _S.FILLED))
    }
)


@dataclass(frozen=True, slots=True)
class OrderRequest:
    """One order in the core's integers.

    Parameters
    ----------
    order_id
        Positive, growing with the time of the decision: it is also the order's priority among equals.
    instrument
        Index of the instrument in the run.
    quantity_lots
        Total to trade. A child of a bracket is armed by its parent's fills, up to this.
    limit_ticks, stop_ticks, trail_ticks, trail_ppm
        Prices in ticks; 0 where the type has none. A trailing stop has one of the two trails.
    expire_ns
        For GTD.
    parent_id
        The order whose fills arm this one; 0 for none.
    group_id
        Orders with the same non-zero group cancel each other (OCO).
    """

    order_id: int
    instrument: int
    side: Side
    order_type: OrderType
    quantity_lots: int
    limit_ticks: int = 0
    stop_ticks: int = 0
    trail_ticks: int = 0
    trail_ppm: int = 0
    time_in_force: TimeInForce = TimeInForce.GTC
    expire_ns: int = 0
    reduce_only: bool = False
    post_only: bool = False
    parent_id: int = 0
    group_id: int = 0
