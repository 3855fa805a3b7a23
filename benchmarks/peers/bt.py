"""bt: a tree of algorithms over a frame of prices.

bt trades at the price that its frame shows. The frame here is each day's open, so that a decision on
the close of one day is traded at the next day's; the last row is the last close, for the equity.
"""

import numpy as np

CASH, FEE = 1_000_000.0, 1e-4
LOOKBACK, COUNT = 252, 50


def w2(data):
    """Target weights once a month."""
    import bt
    import pandas as pd

    names = [f"S{k:03}" for k in range(data.close.shape[1])]

    def once():
        index = pd.DatetimeIndex(data.ts).normalize()
        close = pd.DataFrame(data.close, index=index, columns=names)
        opens = pd.DataFrame(
            np.vstack([data.open, data.close[-1:]]),
            index=index.append(index[-1:] + pd.Timedelta(days=1)),
            columns=names,
        )
        months = index.year * 12 + index.month
        first = np.flatnonzero(np.diff(months.to_numpy(), prepend=-1) != 0)
        first = first[(first >= LOOKBACK) & (first + 1 < len(index))]
        ranks = (close / close.shift(LOOKBACK) - 1.0).iloc[first].rank(axis=1, ascending=False)
        weights = (ranks <= COUNT) * (0.95 / COUNT)
        weights.index = opens.index[first + 1]
        strategy = bt.Strategy("momentum", [bt.algos.WeighTarget(weights), bt.algos.Rebalance()])
        test = bt.Backtest(
            strategy,
            opens,
            initial_capital=CASH,
            commissions=lambda quantity, price: abs(quantity) * price * FEE,
            integer_positions=False,
            progress_bar=False,
        )
        result = bt.run(test)
        result.stats  # noqa: B018 - computed when asked for
        return len(result.get_transactions()), float(test.strategy.values.iloc[-1])

    return once
