"""The venue's truth as a test or an auditor asks for it."""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal

from engine.model.units import from_minor
from sims.venues.alpaca.exchange import Exchange
from sims.venues.alpaca.orders import Fill, Order


class Books:
    """What the account really has, whatever its streams and answers say."""

    def __init__(self, exchange: Exchange) -> None:
        self._exchange = exchange

    @property
    def cash(self) -> Decimal:
        """Dollars."""
        return from_minor(self._exchange.tally.cash["USD"])

    @property
    def positions(self) -> dict[str, Decimal]:
        """Units held by symbol, negative for short; what is flat is left out."""
        return {
            asset.symbol: asset.instrument.lots_to_quantity(held.lots)
            for asset, held in zip(self._exchange.assets, self._exchange.tally.held, strict=True)
            if held.lots != 0
        }

    @property
    def orders(self) -> Sequence[Order]:
        """All orders, in order of their submission."""
        return list(self._exchange.orders.values())

    @property
    def open_orders(self) -> Sequence[Order]:
        """Those that have not ended."""
        return [order for order in self.orders if not order.is_final]

    @property
    def executions(self) -> Sequence[Fill]:
        """All executions, oldest first."""
        return self._exchange.fills

    def order(self, client_id: str) -> Order | None:
        """Return the order of a client id."""
        return self._exchange.by_client_id.get(client_id)
