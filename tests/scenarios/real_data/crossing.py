"""Crosses the spread: in when the mid has risen over the last quotes, out after a while."""

from collections import deque

from trader import Quote, Strategy, parameter


class Crossing(Strategy):
    """Buy at the ask after a rise of `pips`, sell at the bid `wait` quotes later."""

    units = parameter(10_000, minimum=1)
    wait = parameter(200, minimum=1)
    pips = parameter(2.0, minimum=0.0)

    def on_start(self) -> None:
        self.mids: deque[float] = deque(maxlen=100)
        self.since = 0

    def on_quote(self, quote: Quote) -> None:
        mid = (quote.bid + quote.ask) / 2
        self.mids.append(mid)
        self.since += 1
        if self.working_orders():
            return
        if self.position():
            if self.since >= self.wait:
                self.close()
        elif mid - self.mids[0] >= self.pips * 0.0001:
            self.buy(self.units)
            self.since = 0
