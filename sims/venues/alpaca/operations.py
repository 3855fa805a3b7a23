"""The names of what can be requested: routes have them, requests on record, and schedules of faults."""

from __future__ import annotations

from typing import Final

OPERATIONS: Final = (
    "account",
    "configurations",
    "configure",
    "portfolio",
    "activities",
    "activities_of_kind",
    "clock",
    "calendar",
    "assets",
    "asset",
    "submit",
    "orders",
    "cancel_all",
    "order_by_client_id",
    "order",
    "replace",
    "cancel",
    "positions",
    "close_all",
    "position",
    "close",
    "stock_data",
    "stock_latest",
    "corporate_actions",
    "stock_snapshots",
    "crypto_data",
    "crypto_latest",
    "crypto_snapshots",
)
