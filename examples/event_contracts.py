"""Believes that a market overreacts: what is likely is the slow average of the price, not the price."""

from trader import Quote, Strategy, parameter


class Overreaction(Strategy):
    """Ask for an entry where the price is far from its slow average, and go on saying what is likely."""

    memory = parameter(60, minimum=2, maximum=1000, description="Quotes of the slow average.")
    gap = parameter(0.06, minimum=0.0, maximum=0.5, description="Least distance to trade on.")
    outsider = parameter(0.15, minimum=0.0, maximum=0.5, description="No trade nearer to 0 or 1.")

    def on_start(self) -> None:
        self.average: dict[str, float] = {}
        self.seen: dict[str, int] = {}

    def on_quote(self, quote: Quote) -> None:
        symbol, middle = quote.symbol, (quote.bid + quote.ask) / 2
        likely = self.average.get(symbol, middle)
        likely += (middle - likely) / self.memory
        self.average[symbol] = likely
        self.seen[symbol] = self.seen.get(symbol, 0) + 1
        if self.position():
            self.edge(probability=likely)  # the exits look at it
        elif self.seen[symbol] >= self.memory and abs(middle - 0.5) < 0.5 - self.outsider:
            self.look(quote, likely)

    def look(self, quote: Quote, likely: float) -> None:
        confidence = 0.5 + abs(likely - 0.5)  # an even question is the hardest
        if likely - quote.ask > self.gap:
            self.signal("buy", probability=likely, confidence=confidence)
        elif quote.bid - likely > self.gap:
            self.signal("sell", probability=likely, confidence=confidence)
