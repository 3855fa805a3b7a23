"""raptorbt: arrays of signals, its parallel batch, or a strategy class with `on_bar`.

It sizes by capital and floors to lots. With a lot of 100 shares and a budget that pays for one lot
and never for two, it trades 100 shares, as everybody here does.
"""

import numpy as np

CASH, SHARES, FEE = 1_000_000.0, 100.0, 1e-4
BUDGET = 14_000.0  # one lot at prices over 70 and under 140
FAST, SLOW = 20, 50
PAIRS = [(fast, slow) for fast in range(5, 30) for slow in range(30, 230, 5)]
PAIRS_AT_ONCE = 50


def _settings(data):
    import raptorbt

    assert data.low.min() > 70.1 and data.high.max() < 139.9
    config = raptorbt.BacktestConfig(
        initial_capital=CASH, fees=FEE, slippage=0.0, fill_timing="next_bar_open"
    )
    return config, raptorbt.InstrumentConfig(lot_size=SHARES, alloted_capital=BUDGET)


def _outcome(result, close):
    """Return fills and equity; an open trade is closed by it at the end, which we take back."""
    trades = result.trades()
    fills = 2 * len(trades)
    equity = result.metrics.end_value
    if trades and trades[-1].exit_reason != "Signal":
        fills -= 1
        equity += trades[-1].exit_fees
    return fills, equity


def _signals(fast, slow):
    above, below = fast > slow, fast < slow
    entries = np.zeros(len(fast), dtype=bool)
    exits = np.zeros(len(fast), dtype=bool)
    entries[1:] = above[1:] & (fast[:-1] <= slow[:-1])
    exits[1:] = below[1:] & (fast[:-1] >= slow[:-1])
    return entries, exits


def w1b(data):
    """Two averages and their crossings as signals."""
    import raptorbt

    config, instrument = _settings(data)

    def once():
        fast, slow = raptorbt.sma(data.close, FAST), raptorbt.sma(data.close, SLOW)
        entries, exits = _signals(fast, slow)
        result = raptorbt.run_single_backtest(
            data.ts,
            data.open,
            data.high,
            data.low,
            data.close,
            data.volume,
            entries,
            exits,
            1,
            1.0,
            "WALK",
            config,
            instrument_config=instrument,
        )
        return _outcome(result, data.close)

    return once


w5 = w1b


def w1a(data):
    """A strategy class with `on_bar`."""
    import raptorbt

    config, instrument = _settings(data)

    class Cross(raptorbt.Strategy):
        def on_start(self, ctx):
            self.fast = raptorbt.sma(ctx.close, FAST).tolist()
            self.slow = raptorbt.sma(ctx.close, SLOW).tolist()
            self.is_long = False  # `ctx.position` still shows what the fill at this open has ended

        def on_bar(self, ctx):
            k = ctx.idx
            if k < SLOW:
                return
            fast, slow = self.fast[k], self.slow[k]
            if fast > slow:
                if self.fast[k - 1] <= self.slow[k - 1] and not self.is_long:
                    self.enter()
                    self.is_long = True
            elif self.fast[k - 1] >= self.slow[k - 1] and self.is_long:
                self.close_position()
                self.is_long = False

    def once():
        result = raptorbt.run_strategy_backtest(
            Cross(),
            data.ts,
            data.open,
            data.high,
            data.low,
            data.close,
            data.volume,
            symbol="WALK",
            config=config,
            instrument_config=instrument,
        )
        return _outcome(result, data.close)

    return once


def w3(data):
    """A thousand pairs in batches; RAYON_NUM_THREADS says on how many cores."""
    import raptorbt

    config, instrument = _settings(data)

    def once():
        windows = sorted({window for pair in PAIRS for window in pair})
        averages = {window: raptorbt.sma(data.close, window) for window in windows}
        fills, equity = 0, 0.0
        for first in range(0, len(PAIRS), PAIRS_AT_ONCE):
            items = []
            for a, b in PAIRS[first : first + PAIRS_AT_ONCE]:
                entries, exits = _signals(averages[a], averages[b])
                items.append(
                    raptorbt.BatchSingleItem(
                        f"{a}/{b}", entries, exits, 1, 1.0, "WALK", instrument_config=instrument
                    )
                )
            for _, result in raptorbt.batch_single_backtest(
                data.ts, data.open, data.high, data.low, data.close, data.volume, items, config
            ):
                done, final = _outcome(result, data.close)
                fills += done
                equity += final
        return fills, equity / len(PAIRS)

    return once


w3x2 = w3
