"""backtrader: a strategy class with `next`, bars from a pandas frame, indicators at once."""

CASH, SHARES, FEE = 1_000_000, 100, 1e-4
FAST, SLOW = 20, 50
LOOKBACK, COUNT = 252, 50


def w1a(data):
    """A strategy class over one instrument."""
    import backtrader as bt
    import pandas as pd

    class Cross(bt.Strategy):
        def __init__(self):
            self.fast = bt.ind.SMA(self.data.close, period=FAST)
            self.slow = bt.ind.SMA(self.data.close, period=SLOW)
            self.fills = 0

        def notify_order(self, order):
            self.fills += order.status == order.Completed

        def next(self):
            fast, slow = self.fast, self.slow
            if len(self) <= SLOW:
                return
            if fast[0] > slow[0]:
                if fast[-1] <= slow[-1] and not self.position:
                    self.buy(size=SHARES)
            elif fast[-1] >= slow[-1] and self.position:
                self.close()

    def once():
        frame = pd.DataFrame(
            {name: getattr(data, name) for name in ("open", "high", "low", "close", "volume")},
            index=pd.DatetimeIndex(data.ts),
        )
        return _run(bt, Cross, [bt.feeds.PandasData(dataname=frame)], bt.TimeFrame.Minutes)

    return once


def w2(data):
    """Target weights of many instruments, once a month."""
    import backtrader as bt
    import numpy as np
    import pandas as pd

    closes = data.close

    class Momentum(bt.Strategy):
        def __init__(self):
            self.fills = 0
            self.month = None

        def notify_order(self, order):
            self.fills += order.status == order.Completed

        def next(self):
            day = len(self) - 1
            month = self.data.datetime.date(0).month
            is_first, self.month = month != self.month, month
            if not is_first or day < LOOKBACK:
                return
            returns = closes[day] / closes[day - LOOKBACK] - 1.0
            best = set(np.argsort(-returns)[:COUNT].tolist())
            for k, feed in enumerate(self.datas):
                if k not in best and self.getposition(feed).size:
                    self.close(feed)
            part = self.broker.getvalue() * 0.95 / COUNT
            for k in sorted(best):  # `order_target_percent` would round to whole shares
                feed = self.datas[k]
                change = part / feed.close[0] - self.getposition(feed).size
                (self.buy if change > 0 else self.sell)(feed, size=abs(change))

    def once():
        index = pd.DatetimeIndex(data.ts)
        feeds = []
        for k in range(closes.shape[1]):
            frame = pd.DataFrame(
                {
                    name: getattr(data, name)[:, k]
                    for name in ("open", "high", "low", "close", "volume")
                },
                index=index,
            )
            feeds.append(bt.feeds.PandasData(dataname=frame))
        return _run(bt, Momentum, feeds, bt.TimeFrame.Days)

    return once


def _run(bt, strategy, feeds, timeframe):
    brain = bt.Cerebro(stdstats=False)
    for feed in feeds:
        brain.adddata(feed)
    brain.addstrategy(strategy)
    brain.broker.setcash(CASH)
    brain.broker.setcommission(commission=FEE)
    brain.addanalyzer(bt.analyzers.DrawDown)
    brain.addanalyzer(bt.analyzers.TradeAnalyzer)
    brain.addanalyzer(bt.analyzers.SharpeRatio, timeframe=bt.TimeFrame.Days)
    done = brain.run()[0]
    return done.fills, brain.broker.getvalue()
