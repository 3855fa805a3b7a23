"""The crossing of two averages as a Python class with `on_bar`."""

from trader import Bar, Strategy, indicator, parameter


class Cross(Strategy):
    """Buy 100 when the fast average crosses over the slow one; sell when it crosses back."""

    fast = parameter(20)
    slow = parameter(50)
    quick = indicator("sma(close, fast)")
    calm = indicator("sma(close, slow)")

    def on_start(self) -> None:
        """Begin without a bar before."""
        self.was_above = True
        self.seen = False

    def on_bar(self, bar: Bar) -> None:
        """Compare this bar's averages with those of the bar before."""
        above = self.quick > self.calm
        if above != self.was_above:
            if self.seen:
                if above:
                    self.buy(100)
                else:
                    self.close()
            self.was_above = above
        self.seen = True
