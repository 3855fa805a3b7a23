"""What happens to orders: the streams tell it, and a read that lags behind does not know of it yet."""

from __future__ import annotations

from dataclasses import dataclass

from sims.venues.alpaca.orders import Fill
from sims.venues.alpaca.words import Record, identity, time_text


@dataclass(frozen=True, slots=True, eq=False)
class Happening:
    """One thing that the order stream tells; `order` is as it was then."""

    number: int
    event: str
    ts_ns: int
    order: Record
    fill: Fill | None = None

    def payload(self) -> Record:
        """Return what is told."""
        own = identity("happening", f"{self.order['id']}:{self.number}")
        told: Record = {
            "event": self.event,
            "event_id": f"{self.number:010}{own[:8].upper()}{own[9:13].upper()}{own[14:18].upper()}",
            "execution_id": own,
            "timestamp": time_text(self.ts_ns),
            "order": self.order,
        }
        if self.fill is not None:
            asset = self.fill.order.asset
            told |= {
                "execution_id": self.fill.id,
                "price": asset.price(self.fill.price_ticks),
                "qty": asset.quantity(self.fill.lots),
                "position_qty": asset.quantity(self.fill.position),
            }
        return told
