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
        self.quick_before = self.calm_before = 0.0

    def on_bar(self, bar: Bar) -> None:
        """Compare this bar's averages with those of the bar before."""
        quick, calm = self.quick, self.calm
        if quick > calm:
            if self.quick_before <= self.calm_before != 0.0 and not self.position():
                self.buy(100)
        elif quick < calm and self.quick_before >= self.calm_before and self.position():
            self.close()
        self.quick_before, self.calm_before = quick, calm
