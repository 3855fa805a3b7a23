"""The venue's messages as its documents and the recorded shapes have them, for tests."""

from __future__ import annotations

from typing import Any

import msgspec

from engine.model.instruments import Instrument, InstrumentKind

AAPL = Instrument("AAPL", InstrumentKind.EQUITY)
PENNY = Instrument("PENNY", InstrumentKind.EQUITY, price_precision=4)
SPLIT = Instrument("SPLIT", InstrumentKind.EQUITY, quantity_precision=9)  # fractions of shares
INSTRUMENTS = (AAPL, PENNY, SPLIT)
ORDER_ID = "61e69015-8549-4bfd-b9c3-01e75843f47d"
NEXT_ID = "7a1e0000-0000-4000-8000-000000000002"

# A complete order, as the venue answers a submit.
ORDER: dict[str, Any] = {
    "id": ORDER_ID,
    "client_order_id": "tr-abc",
    "created_at": "2026-11-20T15:00:00.123456Z",
    "updated_at": "2026-11-20T15:00:00.123456Z",
    "submitted_at": "2026-11-20T15:00:00.123456789Z",
    "filled_at": None,
    "expired_at": None,
    "canceled_at": None,
    "failed_at": None,
    "replaced_at": None,
    "replaced_by": None,
    "replaces": None,
    "asset_id": "b0b6dd9d-8b9b-48a9-ba46-b9d54906e415",
    "symbol": "AAPL",
    "asset_class": "us_equity",
    "notional": None,
    "qty": "10",
    "filled_qty": "0",
    "filled_avg_price": None,
    "order_class": "",
    "order_type": "limit",
    "type": "limit",
    "side": "buy",
    "position_intent": "buy_to_open",
    "time_in_force": "day",
    "limit_price": "180.5",
    "stop_price": None,
    "status": "pending_new",
    "extended_hours": False,
    "legs": None,
    "trail_percent": None,
    "trail_price": None,
    "hwm": None,
    "subtag": None,
    "source": None,
    "expires_at": "2026-11-20T21:00:00Z",
}
FILL: dict[str, Any] = {
    "id": "20261120150001176::ddc0a142-ebfd-4890-9021-641d33e58742",
    "activity_type": "FILL",
    "transaction_time": "2026-11-20T15:00:01.176Z",
    "type": "partial_fill",
    "price": "180.5",
    "qty": "4",
    "side": "buy",
    "symbol": "AAPL",
    "leaves_qty": "6",
    "order_id": ORDER_ID,
    "cum_qty": "4",
    "order_status": "partially_filled",
}
ACCOUNT: dict[str, Any] = {
    "id": "904837e3-3b76-47ec-b432-046db621571b",
    "account_number": "PA3717PJAYWN",
    "status": "ACTIVE",
    "currency": "USD",
    "cash": "100000.12",
    "equity": "103820.56",
    "buying_power": "262113.632",
    "shorting_enabled": True,
    "trading_blocked": False,
    "account_blocked": False,
    "transfers_blocked": False,
    "trade_suspended_by_user": False,
    "multiplier": "4",
    "created_at": "2019-06-12T22:47:07.99658Z",
}


def encode(value: object) -> bytes:
    """Return a message as bytes."""
    return msgspec.json.encode(value)


def update(event: str, *, order: dict[str, Any] | None = None, **fields: Any) -> bytes:
    """Return a message of the order stream."""
    body = {
        "event": event,
        "event_id": "01JD0000000000000000000001",
        "execution_id": "2f63ea93-423d-4169-b3f6-3fdafc10c418",
        "timestamp": "2026-11-20T15:00:01.176123456Z",
        "order": ORDER | (order or {}),
    } | fields
    return encode({"stream": "trade_updates", "data": body})
