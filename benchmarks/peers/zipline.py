"""zipline-reloaded: `handle_data` at each minute over a reader of bars that looks into the columns.

Orders of one minute are filled at the open of the next by a slippage model of a few lines; its own
models fill at the next close.
"""

import numpy as np

CASH, SHARES, FEE = 1_000_000.0, 100, 1e-4
FAST, SLOW = 20, 50


def w1a(data):
    """An algorithm that is asked at each minute."""
    import pandas as pd
    from sqlalchemy import create_engine
    from sqlalchemy.pool import StaticPool
    from zipline.algorithm import TradingAlgorithm
    from zipline.assets import AssetDBWriter, AssetFinder
    from zipline.data.bar_reader import BarReader
    from zipline.data.data_portal import DataPortal
    from zipline.finance.commission import PerDollar
    from zipline.finance.slippage import SlippageModel
    from zipline.finance.trading import SimulationParameters
    from zipline.utils.calendar_utils import get_calendar

    count = len(data.ts)
    minutes = pd.DatetimeIndex(
        data.ts - 60_000_000_000, tz="UTC"
    )  # zipline names a bar by its open
    first = minutes[0].value

    columns = {name: getattr(data, name) for name in ("open", "high", "low", "close", "volume")}

    class Columns(BarReader):
        """Minute bars of one instrument, straight from the columns."""

        data_frequency = "minute"
        trading_calendar = get_calendar("24/7")
        first_trading_day = minutes[0].tz_localize(None).normalize()
        last_available_dt = minutes[-1]

        def place(self, dt):
            return (pd.Timestamp(dt).value - first) // 60_000_000_000

        def get_value(self, sid, dt, field):
            k = self.place(dt)
            if k >= count:
                return 0 if field == "volume" else np.nan
            return columns[field][k]

        def get_last_traded_dt(self, asset, dt):
            return min(dt, self.last_available_dt)

        def load_raw_arrays(self, fields, start, end, sids):
            part = slice(self.place(start), self.place(end) + 1)
            return [columns[field][part].reshape(-1, 1) for field in fields]

    class NextOpen(SlippageModel):
        """All of an order at the open of the bar that it meets."""

        def process_order(self, bar, order):
            return bar.current(order.asset, "open"), order.amount

    def averages(window):
        sums = np.cumsum(np.concatenate(([0.0], data.close)))
        return [0.0] * (window - 1) + ((sums[window:] - sums[:-window]) / window).tolist()

    def run(finder):
        asset = finder.retrieve_asset(1)
        fast, slow = averages(FAST), averages(SLOW)
        calendar = Columns.trading_calendar
        last_day = minutes[-1].tz_localize(None).normalize()

        def initialize(context):
            context.set_slippage(NextOpen())
            context.set_commission(PerDollar(cost=FEE))
            context.place = 0  # its clock leaves out the very first minute

        def handle_data(context, bar):
            context.place = k = context.place + 1
            if k < SLOW or k >= count:
                return
            if fast[k] > slow[k]:
                if fast[k - 1] <= slow[k - 1] and asset not in context.portfolio.positions:
                    context.order(asset, SHARES)
            elif fast[k - 1] >= slow[k - 1] and asset in context.portfolio.positions:
                context.order(asset, -SHARES)

        sessions = calendar.sessions_in_range(Columns.first_trading_day, last_day)
        algorithm = TradingAlgorithm(
            sim_params=SimulationParameters(
                start_session=Columns.first_trading_day,
                end_session=last_day,
                trading_calendar=calendar,
                capital_base=CASH,
                data_frequency="minute",
                emission_rate="daily",
            ),
            data_portal=DataPortal(
                finder, calendar, Columns.first_trading_day, equity_minute_reader=Columns()
            ),
            initialize=initialize,
            handle_data=handle_data,
            benchmark_returns=pd.Series(0.0, index=sessions),
            trading_calendar=calendar,
        )
        days = algorithm.run()
        return int(days["transactions"].map(len).sum()), float(days["portfolio_value"].iloc[-1])

    def once():
        info = pd.DataFrame(
            {
                "symbol": ["WALK"],
                "asset_name": ["walk"],
                "start_date": [Columns.first_trading_day],
                "end_date": [Columns.first_trading_day + pd.Timedelta(days=4000)],
                "exchange": ["SIM"],
            },
            index=[1],
        )
        exchanges = pd.DataFrame(
            {"exchange": ["SIM"], "canonical_name": ["SIM"], "country_code": ["US"]}
        )
        engine = create_engine("sqlite://", poolclass=StaticPool)
        AssetDBWriter(engine).write(equities=info, exchanges=exchanges)
        return run(AssetFinder(engine))

    return once
