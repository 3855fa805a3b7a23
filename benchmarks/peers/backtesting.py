"""backtesting.py: a strategy class with `next`; orders of a bar are filled at the open of the next."""

CASH, SHARES, FEE = 1_000_000, 100, 1e-4
FAST, SLOW = 20, 50


def w1a(data):
    """A strategy class, averages computed at once in `init`."""
    import numpy as np
    import pandas as pd
    from backtesting import Backtest, Strategy

    def average(close, window):
        return pd.Series(close).rolling(window).mean().to_numpy()

    class Cross(Strategy):
        def init(self):
            self.fast = self.I(average, self.data.Close, FAST)
            self.slow = self.I(average, self.data.Close, SLOW)

        def next(self):
            fast, slow = self.fast, self.slow
            if np.isnan(slow[-2]):
                return
            if fast[-1] > slow[-1]:
                if fast[-2] <= slow[-2] and not self.position:
                    self.buy(size=SHARES)
            elif fast[-2] >= slow[-2] and self.position:
                self.position.close()

    def once():
        frame = pd.DataFrame(
            {
                "Open": data.open,
                "High": data.high,
                "Low": data.low,
                "Close": data.close,
                "Volume": data.volume,
            },
            index=pd.DatetimeIndex(data.ts),
        )
        test = Backtest(frame, Cross, cash=CASH, commission=FEE, finalize_trades=False)
        statistics = test.run()
        trades = len(statistics["_trades"])
        is_open = len(test._results["_strategy"].trades)
        return 2 * trades + is_open, statistics["Equity Final [$]"]

    return once


w5 = w1a
