"""nanobook: a portfolio of target weights; prices in cents, millionths of shares.

Its `backtest_weights` rebalances at each bar, so a monthly strategy drives its `Portfolio` itself. It
sizes by the price at which it trades: the next open, where others size by the close of the decision.
"""

import numpy as np

CASH, COST_BPS = 1_000_000, 1
LOOKBACK, COUNT = 252, 50


def w2(data):
    """Target weights, decided on one close and traded at the next open."""
    import nanobook

    names = [f"S{k:03}" for k in range(data.close.shape[1])]

    def once():
        months = data.ts.astype("datetime64[ns]").astype("datetime64[M]")
        first = np.flatnonzero(months[1:] != months[:-1]) + 1
        returns = np.full(data.close.shape, np.nan)
        returns[LOOKBACK:] = data.close[LOOKBACK:] / data.close[:-LOOKBACK] - 1.0
        opens, closes = (
            np.round(values * 100).astype(np.int64).tolist() for values in (data.open, data.close)
        )
        weights = {}
        for day in first[first >= LOOKBACK].tolist():
            best = np.argsort(-returns[day])[:COUNT]
            weights[day + 1] = [(names[k], 0.95 / COUNT) for k in sorted(best.tolist())]
        portfolio = nanobook.Portfolio(CASH * 100, nanobook.CostModel(COST_BPS), quantity_step=1)
        fills = 0
        for day, close in enumerate(closes):
            if day in weights:
                portfolio.rebalance_simple(weights[day], list(zip(names, opens[day])))
                fills += portfolio.last_rebalance_order_count
            portfolio.record_return(list(zip(names, close)))
        portfolio.compute_metrics(252.0, 0.0)
        return fills, portfolio.equity_curve()[-1] / 100

    return once
