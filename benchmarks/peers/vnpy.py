"""vnpy: its backtesting engine of CTA strategies; averages computed before, bars made from columns."""

import os
import tempfile

os.environ.setdefault("HOME", tempfile.gettempdir())
CASH, SHARES, FEE = 1_000_000, 100, 1e-4
FAST, SLOW = 20, 50


def w1a(data):
    """A strategy class with `on_bar`."""
    from datetime import UTC, datetime, timedelta

    import numpy as np
    from vnpy.trader.constant import Exchange, Interval
    from vnpy.trader.object import BarData
    from vnpy_ctastrategy import CtaTemplate
    from vnpy_ctastrategy.backtesting import BacktestingEngine

    def averages(close, window):
        sums = np.cumsum(np.concatenate(([0.0], close)))
        rolled = (sums[window:] - sums[:-window]) / window
        return [0.0] * (window - 1) + rolled.tolist()

    class Cross(CtaTemplate):
        author = "benchmark"

        def on_init(self):
            self.place = -1

        def on_start(self):
            self.fast, self.slow = averages(data.close, FAST), averages(data.close, SLOW)

        def on_bar(self, bar):
            self.place = k = self.place + 1
            if k < SLOW:
                return
            fast, slow = self.fast[k], self.slow[k]
            if fast > slow:
                if self.fast[k - 1] <= self.slow[k - 1] and not self.pos:
                    self.buy(bar.close_price * 1.5, SHARES)
            elif self.fast[k - 1] >= self.slow[k - 1] and self.pos:
                self.sell(bar.close_price * 0.5, SHARES)

    start = datetime(2020, 1, 1, tzinfo=UTC)

    def once():
        engine = BacktestingEngine()
        engine.output = lambda message: None
        engine.set_parameters(
            vt_symbol="WALK.LOCAL",
            interval=Interval.MINUTE,
            start=start,
            rate=FEE,
            slippage=0,
            size=1,
            pricetick=0.01,
            capital=CASH,
            end=start + timedelta(days=5000),
        )
        engine.add_strategy(Cross, {})
        minute = timedelta(minutes=1)
        engine.history_data = [
            BarData(
                symbol="WALK",
                exchange=Exchange.LOCAL,
                interval=Interval.MINUTE,
                datetime=start + k * minute,
                open_price=o,
                high_price=h,
                low_price=l,
                close_price=c,
                volume=v,
                gateway_name="BACKTESTING",
            )
            for k, (o, h, l, c, v) in enumerate(
                zip(
                    data.open.tolist(),
                    data.high.tolist(),
                    data.low.tolist(),
                    data.close.tolist(),
                    data.volume.tolist(),
                )
            )
        ]
        engine.run_backtesting()
        engine.calculate_result()
        statistics = engine.calculate_statistics(output=False)
        return len(engine.trades), statistics["end_balance"]

    return once


w5 = w1a
