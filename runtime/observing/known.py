"""What a session knew before it was stopped, of its journal's tables: so that ids go on to link."""

from __future__ import annotations

from collections import Counter

from runtime.journal.sessions import SessionStore
from runtime.observing.folding import Known, OrderLinks, Trip


def known_of(store: SessionStore, session_id: str) -> Known:
    """Return the links of a session that goes on; those of a new one are none."""
    signals = {
        int(str(row["number"])): str(row["signal_id"])
        for row in store.rows(session_id, "session_signals")
    }
    fills = Counter(row["order_id"] for row in store.rows(session_id, "session_fills"))
    known = Known(signals=signals)
    for row in store.rows(session_id, "session_orders"):
        order, side, signal, position = (
            int(str(row[name])) for name in ("order_id", "side", "signal", "position")
        )
        links = OrderLinks(side, signals.get(signal, ""), position, fills[order])
        known.orders[order] = links
    for row in store.rows(session_id, "session_positions"):
        if row["closed_ns"] is None:
            i, opened_ns, direction, realized, fees = (
                int(str(row[name]))
                for name in ("instrument", "opened_ns", "direction", "realized_minor", "fees_minor")
            )
            known.trips[i] = Trip(opened_ns, direction, realized)
            known.fees_minor[i] = fees
    return known
