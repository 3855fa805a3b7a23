"""Buys a fall below the average with a protective stop, and sells the recovery."""

from trader import Bar, Strategy, indicator, parameter


class MeanReversion(Strategy):
    """Buy when the close is `dip` under its average; sell at the average, or at the stop."""

    window = parameter(20, minimum=2, maximum=200, description="Bars of the average.")
    dip = parameter(0.05, minimum=0.0, maximum=0.5, description="How far under it to buy.")
    quantity = parameter(100, minimum=1, description="Shares to buy.")
    average = indicator("sma(close, window)")

    def on_bar(self, bar: Bar) -> None:
        if self.working_orders():
            return
        if self.position() == 0:
            if bar.close < self.average * (1 - self.dip):
                self.buy(
                    self.quantity,
                    stop_loss=self.price(bar.close * 0.9, "down"),
                    take_profit=self.price(self.average, "up"),
                )
