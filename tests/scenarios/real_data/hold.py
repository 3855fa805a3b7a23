"""Buys once and holds."""

from trader import Bar, Strategy, parameter


class Hold(Strategy):
    """Buy `quantity` at the first chance; sell nothing."""

    quantity = parameter(100, minimum=1, description="Units to buy.")

    def on_start(self) -> None:
        self.is_bought = False

    def on_bar(self, bar: Bar) -> None:
        if not self.is_bought:
            self.buy(self.quantity)
            self.is_bought = True
