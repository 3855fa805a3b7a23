"""Rests a bid and an offer at the touch, and lets them be taken."""

from decimal import Decimal

from trader import Fill, Quote, Strategy, parameter


class Quoting(Strategy):
    """Buy at the bid while flat, sell at the ask while long; an order that lags is canceled."""

    lots = parameter(1, minimum=1, description="Lots of 0.001 to quote.")

    def on_start(self) -> None:
        self.order = 0
        self.limit = Decimal(0)
        self.fills: list[Fill] = []

    def on_quote(self, quote: Quote) -> None:
        held = self.position()
        touch = self.price(quote.ask if held else quote.bid)
        if self.working_orders():
            if touch != self.limit:
                self.cancel(self.order)
            return
        size = Decimal(self.lots) / 1000
        place = self.sell if held else self.buy
        self.order = place(held or size, limit=touch, post_only=True) or 0
        self.limit = touch

    def on_fill(self, fill: Fill) -> None:
        self.fills.append(fill)
