"""Comparing what the engine believes with what the broker states, to the unit."""

from __future__ import annotations

from engine.model import layout as at
from engine.ports import Broker
from runtime.session_core.core import SessionCore


async def differences(core: SessionCore, broker: Broker) -> list[str]:
    """Return in words where positions and working orders differ; nothing is traded to make them equal."""
    ours = {each.instrument: each.lots for each in core.positions()}
    theirs = {each.instrument: each.lots for each in await broker.positions() if each.lots}
    found = [
        f"{core.instruments[i].symbol}: the broker holds {theirs.get(i, 0)} lots, the journal has "
        f"{ours.get(i, 0)}"
        for i in sorted(ours.keys() | theirs.keys())
        if ours.get(i, 0) != theirs.get(i, 0)
    ]
    known = {int(row[at.ORDER_ID]): int(row[at.ORDER_FILLED]) for row in core.orders()}
    working = {each.order_id: each.filled_lots for each in await broker.open_orders()}
    for order_id in sorted(known.keys() | working.keys()):
        if order_id not in working:
            found.append(f"order {order_id} works in the journal and not at the broker")
        elif order_id not in known:
            found.append(f"order {order_id} works at the broker and not in the journal")
        elif known[order_id] != working[order_id]:
            found.append(
                f"order {order_id}: the broker has filled {working[order_id]} lots, the journal "
                f"{known[order_id]}"
            )
    return found
