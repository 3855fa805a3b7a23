"""Orders and fills, as the core's rows tell of them.

An order's status moves along the core's own table of transitions. What other orders do to it (a fill
of an OCO member takes lots off the others; a child may trade what its parent's fills have armed) is
followed as `engine.kernels.orders` does it.
"""

from __future__ import annotations

from typing import Final

from engine.kernels.orders import ORDER_EVENTS
from engine.model import layout as at
from engine.model import trading_layout as loop
from engine.model.orders import TRANSITIONS, OrderEvent, OrderStatus
from runtime.journal.projections.draft import Draft, Values
from runtime.journal.records import Intent, Outcome
from runtime.results.frames import LIQUIDITY_NAMES
from runtime.results.orders import STATUS_NAMES, TIF_NAMES, TYPE_NAMES
from sims.fillbook.layout import RULE_NAMES

ORDERS = "session_orders"
FACTS: Final = tuple(range(at.KIND_ACCEPTED, at.KIND_CANCEL_REJECTED + 1))
_STATUSES: Final = {name: OrderStatus(value) for value, name in STATUS_NAMES.items()}


def order_of(draft: Draft, order_id: int) -> Values | None:
    """Return an order's row to be changed."""
    return draft.get(ORDERS, order_id, "order_row")


def submitted(draft: Draft, row: list[int]) -> None:
    """SUBMITTED, or DENIED: a denied replacement is no order."""
    if order_of(draft, row[at.FACT_ORDER]) is not None:
        return
    is_denied = row[at.EVENT_KIND] == at.KIND_DENIED
    status = OrderStatus.DENIED if is_denied else OrderStatus.IN_FLIGHT
    draft.put(
        ORDERS,
        {
            "order_id": row[at.FACT_ORDER],
            "instrument": row[at.EVENT_INSTRUMENT],
            "symbol": draft.symbol(row[at.EVENT_INSTRUMENT]),
            "side": row[at.SUBMIT_SIDE],
            "type": TYPE_NAMES.get(row[at.SUBMIT_TYPE], ""),
            "tif": TIF_NAMES.get(row[at.SUBMIT_TIF], ""),
            "quantity_lots": row[at.FACT_LOTS],
            "limit_ticks": row[at.SUBMIT_LIMIT],
            "stop_ticks": row[at.SUBMIT_STOP],
            "status": STATUS_NAMES[status],
            "filled_lots": 0,
            "fees_minor": 0,
            "reason": row[at.FACT_REASON] if is_denied else 0,
            "placed_ns": row[at.EVENT_TS],
            "ended_ns": row[at.EVENT_TS] if is_denied else None,
            **dict.fromkeys(("signal", "position", "exit_reason", "attempt"), 0),
            **dict.fromkeys(("parent", "oco", "armed_lots"), 0),
            **dict.fromkeys(("client_id", "venue_id", "outcome", "problem"), ""),
        },
    )


def linked(draft: Draft, row: list[int]) -> None:
    """LINKED: what an order belongs to."""
    order = order_of(draft, row[loop.LINKED_ORDER])
    if order is None:
        return
    order["signal"], order["position"] = row[loop.LINKED_SIGNAL], row[loop.LINKED_POSITION]
    order["exit_reason"], order["attempt"] = row[loop.LINKED_REASON], row[loop.LINKED_ATTEMPT]
    order["parent"], order["oco"] = row[loop.LINKED_PARENT], row[loop.LINKED_GROUP]
    if order["parent"] and order["status"] == STATUS_NAMES[OrderStatus.IN_FLIGHT]:
        order["status"] = STATUS_NAMES[OrderStatus.HELD]


def cancel_sent(draft: Draft, row: list[int]) -> None:
    """CANCEL_SENT."""
    order = order_of(draft, row[at.FACT_ORDER])
    if order is not None:
        _move(draft, order, OrderEvent.CANCEL_SENT, row)


def fact(draft: Draft, row: list[int]) -> None:
    """What a broker said of an order, fills too."""
    order = order_of(draft, row[at.FACT_ORDER])
    if order is None:
        return
    kind, lots = row[at.EVENT_KIND], row[at.FACT_LOTS]
    if kind == at.KIND_FILL:
        order["filled_lots"] += lots
        order["fees_minor"] += row[at.FACT_FEE]
        _others(draft, order, lots)
        is_whole = order["filled_lots"] >= order["quantity_lots"]
        _move(draft, order, OrderEvent.FILL if is_whole else OrderEvent.PARTIAL_FILL, row)
        return
    if kind == at.KIND_REPLACED:
        order["quantity_lots"], order["limit_ticks"] = lots, row[at.FACT_PRICE]
        order["stop_ticks"] = row[at.FACT_REFERENCE]
        order["armed_lots"] = min(order["armed_lots"], lots)
    if kind == at.KIND_ARMED:
        order["armed_lots"] = lots
    _move(draft, order, OrderEvent(ORDER_EVENTS[kind - at.KIND_ACCEPTED]), row)


def _move(draft: Draft, order: Values, event: OrderEvent, row: list[int]) -> None:
    before = _STATUSES[order["status"]]
    after = TRANSITIONS.get((before, event), before)
    order["status"] = STATUS_NAMES[after]
    if not after.is_closed:
        order["ended_ns"] = None  # a late fill opens it again
        return
    if event is not OrderEvent.CANCEL_SENT:
        order["ended_ns"] = row[at.EVENT_TS]
        is_filled = after is OrderStatus.FILLED
        order["reason"] = 0 if is_filled else row[at.FACT_REASON]
    for child in _working(draft, order):
        if child["parent"] == order["order_id"]:
            child["quantity_lots"] = min(child["quantity_lots"], child["armed_lots"])
            draft.touch(ORDERS, child)


def _others(draft: Draft, order: Values, lots: int) -> None:
    """A fill arms the order's children and takes its lots off the other members of its group."""
    for other in _working(draft, order):
        if other["parent"] == order["order_id"]:
            armed = other["armed_lots"] + lots
            other["armed_lots"] = min(armed, other["quantity_lots"])
            draft.touch(ORDERS, other)
        if order["oco"] and other["oco"] == order["oco"]:
            filled = other["filled_lots"]
            other["quantity_lots"] = max(filled, other["quantity_lots"] - lots)
            other["armed_lots"] = max(filled, other["armed_lots"] - lots)
            draft.touch(ORDERS, other)


def _working(draft: Draft, order: Values) -> list[Values]:
    """Return the other orders of its instrument that work."""
    instrument = order["instrument"]
    draft.adopt(ORDERS, draft.read("open_orders", of_instrument=instrument))
    return [
        each
        for each in draft.known(ORDERS)
        if each["ended_ns"] is None and each["instrument"] == instrument and each is not order
    ]


def sent(draft: Draft, intent: Intent) -> None:
    """An order is about to be sent under a client id."""
    order = order_of(draft, intent.order_id)
    if order is not None and intent.kind == at.KIND_SUBMITTED:
        order["client_id"] = intent.client_id


def outcome(draft: Draft, told: Outcome) -> None:
    """What became of a sending."""
    order = next(
        (each for each in draft.known(ORDERS) if each["client_id"] == told.client_id), None
    )
    if order is None:
        found = draft.read("order_of_client", client=told.client_id)
        order = order_of(draft, found[0]["order_id"]) if found else None
    if order is None:
        return
    order["outcome"], order["problem"] = told.status, told.problem
    order["venue_id"] = told.venue_id or order["venue_id"]
    draft.touch(ORDERS, order)


def fill_of(draft: Draft, place: int, row: list[int], execution_id: str) -> Values:
    """Return a fill's row, which the change of position after it completes."""
    order = order_of(draft, row[at.FACT_ORDER])
    return draft.put(
        "session_fills",
        {
            "row": place,
            "ts_ns": row[at.EVENT_TS],
            "instrument": row[at.EVENT_INSTRUMENT],
            "symbol": draft.symbol(row[at.EVENT_INSTRUMENT]),
            "order_id": row[at.FACT_ORDER],
            "side": 0 if order is None else order["side"],
            "lots": row[at.FACT_LOTS],
            "price_ticks": row[at.FACT_PRICE],
            "fee_minor": row[at.FACT_FEE],
            "liquidity": LIQUIDITY_NAMES.get(row[at.FACT_LIQUIDITY], ""),
            "rule": RULE_NAMES.get(row[at.FACT_RULE], ""),
            "reference_ticks": row[at.FACT_REFERENCE],
            "realized_minor": 0,
            "position_lots": 0,
            "execution_id": execution_id,
        },
    )
