"""Limit orders on both sides, quoted anew at every hundredth quote."""

from trader import Quote, Strategy, parameter


class Quoting(Strategy):
    """Join bid and ask with 10 shares each, within a position of 100 either way."""

    every = parameter(100)

    def on_start(self) -> None:
        """Begin to count."""
        self.count = 0

    def on_quote(self, quote: Quote) -> None:
        """Withdraw what is left of the last pair and place the next."""
        self.count += 1
        if self.count % self.every:
            return
        for order in self.working_orders():
            self.cancel(order)
        position = self.position()
        if position < 100:
            self.buy(10, limit=self.price(quote.bid, "nearest"))
        if position > -100:
            self.sell(10, limit=self.price(quote.ask, "nearest"))
