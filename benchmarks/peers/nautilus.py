"""NautilusTrader: its backtest engine with a Python strategy; bars and quotes made from columns.

A market order that is sent when a bar closes is filled at that close. In this data the next bar opens
at the close of the one before, so the price is the same as everybody's. The instrument is quoted in a
currency of eight decimals, because fees are rounded to the currency's.
"""

import collections
from decimal import Decimal

import numpy as np

CASH, SHARES, FEE = 1_000_000, 100, "0.0001"
FAST, SLOW = 20, 50
EVERY, SIZE, POSITION_MAX = 100, 10, 100


def _instrument():
    from nautilus_trader.model.currencies import BTC, USDT
    from nautilus_trader.model.identifiers import InstrumentId, Symbol, Venue
    from nautilus_trader.model.instruments import CurrencyPair
    from nautilus_trader.model.objects import Price, Quantity

    return CurrencyPair(
        instrument_id=InstrumentId(Symbol("WALK"), Venue("SIM")),
        raw_symbol=Symbol("WALK"),
        base_currency=BTC,
        quote_currency=USDT,
        price_precision=2,
        size_precision=0,
        price_increment=Price.from_str("0.01"),
        size_increment=Quantity.from_int(1),
        margin_init=Decimal(0),
        margin_maint=Decimal(0),
        maker_fee=Decimal(FEE),
        taker_fee=Decimal(FEE),
        ts_event=0,
        ts_init=0,
    )


def _run(instrument, data, strategy, last_price):
    """Run a backtest; return its fills and final equity."""
    from nautilus_trader.backtest.engine import BacktestEngine, BacktestEngineConfig
    from nautilus_trader.config import LoggingConfig
    from nautilus_trader.model.currencies import USDT
    from nautilus_trader.model.enums import AccountType, OmsType
    from nautilus_trader.model.objects import Money

    engine = BacktestEngine(BacktestEngineConfig(logging=LoggingConfig(bypass_logging=True)))
    engine.add_venue(
        venue=instrument.id.venue,
        oms_type=OmsType.NETTING,
        account_type=AccountType.MARGIN,
        base_currency=USDT,
        starting_balances=[Money(CASH, USDT)],
        default_leverage=Decimal(1000),
    )
    engine.add_instrument(instrument)
    engine.add_data(data)
    engine.add_strategy(strategy)
    engine.run()
    result = engine.get_result()
    assert result.stats_returns is not None
    fills = strategy.fills
    account = engine.cache.account_for_venue(instrument.id.venue)
    equity = account.balance_total(USDT).as_decimal()
    for position in engine.cache.positions_open():
        price = instrument.make_price(last_price)
        equity += position.unrealized_pnl(price).as_decimal()
    engine.dispose()
    return fills, equity


def w1a(data):
    """A strategy class with `on_bar`; averages from sums of the last closes."""
    import pandas as pd
    from nautilus_trader.model.data import BarType
    from nautilus_trader.model.enums import OrderSide
    from nautilus_trader.persistence.wranglers import BarDataWrangler
    from nautilus_trader.trading.strategy import Strategy

    def averages(close, window):
        sums = np.cumsum(np.concatenate(([0.0], close)))
        return [0.0] * (window - 1) + ((sums[window:] - sums[:-window]) / window).tolist()

    class Cross(Strategy):
        def __init__(self, instrument, bar_type):
            super().__init__()
            self.instrument, self.bar_type = instrument, bar_type
            self.place, self.fills, self.is_long = -1, 0, False

        def on_start(self):
            self.fast, self.slow = averages(data.close, FAST), averages(data.close, SLOW)
            self.subscribe_bars(self.bar_type)

        def on_order_filled(self, event):
            self.fills += 1

        def on_bar(self, bar):
            self.place = k = self.place + 1
            if k < SLOW:
                return
            fast, slow = self.fast[k], self.slow[k]
            if fast > slow:
                if self.fast[k - 1] <= self.slow[k - 1] and not self.is_long:
                    self.trade(OrderSide.BUY)
            elif self.fast[k - 1] >= self.slow[k - 1] and self.is_long:
                self.trade(OrderSide.SELL)

        def trade(self, side):
            self.is_long = not self.is_long
            quantity = self.instrument.make_qty(SHARES)
            self.submit_order(self.order_factory.market(self.instrument.id, side, quantity))

    def once():
        instrument = _instrument()
        bar_type = BarType.from_str(f"{instrument.id}-1-MINUTE-LAST-EXTERNAL")
        frame = pd.DataFrame(
            {name: getattr(data, name) for name in ("open", "high", "low", "close", "volume")},
            index=pd.DatetimeIndex(data.ts, tz="UTC"),
        )
        bars = BarDataWrangler(bar_type, instrument).process(frame)
        return _run(instrument, bars, Cross(instrument, bar_type), data.close[-1])

    return once


w5 = w1a


def w4a(data):
    """Limit orders on both sides, anew at every hundredth quote."""
    import pandas as pd
    from nautilus_trader.model.enums import OrderSide, TimeInForce
    from nautilus_trader.persistence.wranglers import QuoteTickDataWrangler
    from nautilus_trader.trading.strategy import Strategy

    class Quoting(Strategy):
        def __init__(self, instrument):
            super().__init__()
            self.instrument = instrument
            self.count, self.fills, self.held = 0, 0, 0
            self.working = collections.deque()

        def on_start(self):
            self.subscribe_quote_ticks(self.instrument.id)

        def on_order_filled(self, event):
            self.fills += 1
            self.held += SIZE if event.order_side == OrderSide.BUY else -SIZE

        def on_quote_tick(self, tick):
            self.count += 1
            if self.count % EVERY:
                return
            while self.working:
                order = self.working.popleft()
                if order.is_open:
                    self.cancel_order(order)
            if self.held < POSITION_MAX:
                self.quote(OrderSide.BUY, tick.bid_price)
            if self.held > -POSITION_MAX:
                self.quote(OrderSide.SELL, tick.ask_price)

        def quote(self, side, price):
            order = self.order_factory.limit(
                self.instrument.id,
                side,
                self.instrument.make_qty(SIZE),
                price,
                time_in_force=TimeInForce.GTC,
            )
            self.submit_order(order)
            self.working.append(order)

    def once():
        instrument = _instrument()
        frame = pd.DataFrame(
            {
                "bid_price": data.bid,
                "ask_price": data.ask,
                "bid_size": data.bid_size,
                "ask_size": data.ask_size,
            },
            index=pd.DatetimeIndex(data.ts, tz="UTC"),
        )
        ticks = QuoteTickDataWrangler(instrument).process(frame)
        mid = np.floor(np.round((data.bid[-1] + data.ask[-1]) * 100) / 2) / 100
        return _run(instrument, ticks, Quoting(instrument), mid)

    return once
