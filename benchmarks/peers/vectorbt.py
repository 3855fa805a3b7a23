"""vectorbt: arrays of signals, or a compiled order function; with its Rust engine where installed.

Final statistics are the few that it computes fast, not its full `stats()`: equity, orders, Sharpe
ratio, drawdown and win rate. A decision of one bar is executed at the open of the next: signals are
shifted by one bar and the price is the open.
"""

from functools import cache

import numpy as np

CASH, SHARES, FEE = 1_000_000.0, 100.0, 1e-4
FAST, SLOW = 20, 50
PAIRS = [(fast, slow) for fast in range(5, 30) for slow in range(30, 230, 5)]
LOOKBACK, COUNT = 252, 50
PAIRS_AT_ONCE = 25


def _finish(portfolio):
    """Return fills and equity, after the statistics that a reader wants."""
    portfolio.sharpe_ratio()
    portfolio.max_drawdown()
    portfolio.trades.win_rate()
    return portfolio.orders.count(), portfolio.final_value()


def w1b(data):
    """Two averages and their crossings as signals."""
    import pandas as pd
    import vectorbt as vbt

    index = pd.DatetimeIndex(data.ts)

    def once():
        close = pd.Series(data.close, index=index)
        fast, slow = vbt.MA.run(close, FAST), vbt.MA.run(close, SLOW)
        entries = fast.ma_crossed_above(slow).vbt.signals.fshift(1)
        exits = fast.ma_crossed_below(slow).vbt.signals.fshift(1)
        portfolio = vbt.Portfolio.from_signals(
            close,
            entries,
            exits,
            price=data.open,
            size=SHARES,
            fees=FEE,
            init_cash=CASH,
            freq="1min",
        )
        return _finish(portfolio)

    return once


w5 = w1b


def w1c(data):
    """The same as a compiled function that is asked at each bar."""
    import pandas as pd
    import vectorbt as vbt

    order = compiled_order()
    index = pd.DatetimeIndex(data.ts)

    def once():
        close = pd.Series(data.close, index=index)
        fast = vbt.MA.run(close, FAST).ma.to_numpy()
        slow = vbt.MA.run(close, SLOW).ma.to_numpy()
        portfolio = vbt.Portfolio.from_order_func(
            close, order, fast, slow, data.open, FEE, init_cash=CASH, freq="1min"
        )
        return _finish(portfolio)

    return once


@cache
def compiled_order():
    """Return the order function, compiled once in a process."""
    from numba import njit
    from vectorbt.portfolio import nb
    from vectorbt.portfolio.enums import Direction, NoOrder, SizeType

    @njit
    def order(context, fast, slow, open_, fee):
        i = context.i - 1  # what is known when this bar opens
        if i < 1 or np.isnan(slow[i - 1]):
            return NoOrder
        if fast[i] > slow[i] and fast[i - 1] <= slow[i - 1] and context.position_now == 0.0:
            size = SHARES
        elif fast[i] < slow[i] and fast[i - 1] >= slow[i - 1] and context.position_now > 0.0:
            size = -context.position_now
        else:
            return NoOrder
        return nb.order_nb(size, open_[context.i], SizeType.Amount, Direction.LongOnly, fees=fee)

    return order


def w2(data):
    """Target weights of a panel, decided on one close and traded at the next open."""
    import pandas as pd
    import vectorbt as vbt

    index = pd.DatetimeIndex(data.ts)
    names = [f"S{k:03}" for k in range(data.close.shape[1])]

    def once():
        close = pd.DataFrame(data.close, index=index, columns=names)
        returns = close.iloc[LOOKBACK:] / close.shift(LOOKBACK).iloc[LOOKBACK:] - 1.0
        months = index.year * 12 + index.month
        first = np.flatnonzero(np.diff(months.to_numpy(), prepend=-1) != 0)
        size = np.full(close.shape, np.nan)
        held = np.zeros(close.shape[1], dtype=bool)
        for day in first[first >= LOOKBACK]:
            if day + 1 == len(close):
                break
            best = returns.iloc[day - LOOKBACK].rank(ascending=False).to_numpy() <= COUNT
            size[day + 1, best] = 0.95 / COUNT
            size[day + 1, held & ~best] = 0.0
            held = best
        before = np.vstack([data.close[:1], data.close[:-1]])
        portfolio = vbt.Portfolio.from_orders(
            close,
            size=size,
            size_type="targetpercent",
            price=data.open,
            val_price=before,
            fees=FEE,
            init_cash=CASH,
            cash_sharing=True,
            group_by=True,
            call_seq="auto",
            freq="1D",
        )
        return _finish(portfolio)

    return once


def w3(data):
    """A thousand pairs, as many at once as memory likes."""
    import pandas as pd
    import vectorbt as vbt

    index = pd.DatetimeIndex(data.ts)

    def once():
        close = pd.Series(data.close, index=index)
        windows = sorted({window for pair in PAIRS for window in pair})
        averages = vbt.MA.run(close, windows).ma.to_numpy()
        column = {window: k for k, window in enumerate(windows)}
        fills, equity = 0, 0.0
        for first in range(0, len(PAIRS), PAIRS_AT_ONCE):
            pairs = PAIRS[first : first + PAIRS_AT_ONCE]
            fast = pd.DataFrame(averages[:, [column[a] for a, _ in pairs]], index=index)
            slow = pd.DataFrame(averages[:, [column[b] for _, b in pairs]], index=index)
            portfolio = vbt.Portfolio.from_signals(
                close,
                fast.vbt.crossed_above(slow).vbt.signals.fshift(1),
                fast.vbt.crossed_below(slow).vbt.signals.fshift(1),
                price=data.open[:, None],
                size=SHARES,
                fees=FEE,
                init_cash=CASH,
                freq="1min",
            )
            orders, finals = _finish(portfolio)
            fills += int(orders.sum())
            equity += float(finals.sum())
        return fills, equity / len(PAIRS)

    return once
