"""Buys what the market thinks likely, once a contract, and waits for the outcome."""

from trader import Strategy, Trade, parameter


class Favourites(Strategy):
    """Buy `contracts` of each instrument at the first print in the range, and hold."""

    contracts = parameter(100, minimum=1)
    lowest = parameter(0.55, minimum=0.0, maximum=1.0)
    highest = parameter(0.95, minimum=0.0, maximum=1.0)

    def on_start(self) -> None:
        self.asked: set[str] = set()

    def on_trade(self, trade: Trade) -> None:
        if trade.symbol not in self.asked and self.lowest <= trade.price <= self.highest:
            self.buy(self.contracts)
            self.asked.add(trade.symbol)
