"""jesse: its research backtest with a strategy class; candles made from the columns.

A market order that is sent when a candle closes is filled at that close. In this data the next candle
opens at the close of the one before, so the price is the same as everybody's.
"""

import os
import tempfile

os.chdir(tempfile.mkdtemp())
os.makedirs("storage", exist_ok=True)
CASH, SHARES, FEE = 1_000_000, 100, 1e-4
FAST, SLOW = 20, 50


def w1a(data):
    """A strategy class that jesse asks at each candle."""
    import jesse.helpers as jh
    import numpy as np
    from jesse import research
    from jesse.strategies import Strategy

    def averages(close, window):
        sums = np.cumsum(np.concatenate(([0.0], close)))
        return [0.0] * (window - 1) + ((sums[window:] - sums[:-window]) / window).tolist()

    fast, slow = averages(data.close, FAST), averages(data.close, SLOW)

    class Cross(Strategy):
        def should_long(self):
            k = self.index
            return k >= SLOW and fast[k] > slow[k] and fast[k - 1] <= slow[k - 1]

        def should_short(self):
            return False

        def should_cancel_entry(self):
            return False

        def go_long(self):
            self.buy = SHARES, self.price

        def go_short(self):
            pass

        def update_position(self):
            k = self.index
            if fast[k] < slow[k] and fast[k - 1] >= slow[k - 1]:
                self.liquidate()

    name, symbol = "Sandbox", "WALK-USDT"
    config = {
        "starting_balance": CASH,
        "fee": FEE,
        "type": "futures",
        "simulation_model": "perpetual_futures",
        "annualization": 365,
        "futures_leverage": 1,
        "futures_leverage_mode": "cross",
        "exchange": name,
        "warm_up_candles": 0,
    }

    def once():
        candles = np.column_stack(
            (
                (data.ts // 1_000_000 - 60_000).astype(np.float64),
                data.open,
                data.close,
                data.high,
                data.low,
                data.volume,
            )
        )
        result = research.backtest(
            config,
            [{"exchange": name, "strategy": Cross, "symbol": symbol, "timeframe": "1m"}],
            [],
            {jh.key(name, symbol): {"exchange": name, "symbol": symbol, "candles": candles}},
        )
        metrics = result["metrics"]
        fills, equity = 2 * metrics["total"], metrics["finishing_balance"]
        if fast[-1] > slow[-1]:  # it closes what is open at the end; we take that back
            fills, equity = fills - 1, equity + SHARES * data.close[-1] * FEE
        return fills, equity

    return once
