"""hftbacktest: a compiled loop over its own event array, which is made from the columns.

The best ask falling to a resting buy fills it (a risk-averse queue without prints), without latency.
The strategy sleeps for a hundred quotes, which come every 100 ms; with BENCH_EACH_QUOTE it is woken by
each of them and counts, as ours does.
"""

import os
from functools import cache

import numpy as np

FEE, EVERY, INTERVAL_NS = 1e-4, 100, 100_000_000


def w4b(data):
    """Join bid and ask with 10 shares each, anew at every hundredth quote."""
    import hftbacktest as hft

    loop = compiled_loop()
    each_quote = bool(os.environ.get("BENCH_EACH_QUOTE"))

    def once():
        events = events_of(data, hft)
        asset = (
            hft.BacktestAsset()
            .data([events])
            .linear_asset(1.0)
            .constant_order_latency(0, 0)
            .risk_adverse_queue_model()
            .no_partial_fill_exchange()
            .trading_value_fee_model(FEE, FEE)
            .tick_size(0.01)
            .lot_size(1.0)
            .roi_lb(1.0)
            .roi_ub(1_000.0)
        )
        market = hft.ROIVectorMarketDepthBacktest([asset])
        fills, cash, position, fee = loop(market, len(data.ts), each_quote)
        market.close()
        mid = np.floor(np.round((data.bid[-1] + data.ask[-1]) * 100) / 2) / 100
        return fills, 1_000_000.0 + cash + position * mid - fee

    return once


def events_of(data, hft):
    """Return four depth events for each quote: both old levels gone, both new ones shown."""
    from hftbacktest.types import event_dtype

    count = len(data.ts)
    events = np.zeros((count, 4), dtype=event_dtype)
    flags = hft.DEPTH_EVENT | hft.EXCH_EVENT | hft.LOCAL_EVENT
    for column, (prices, sizes, side) in enumerate(
        ((data.bid, data.bid_size, hft.BUY_EVENT), (data.ask, data.ask_size, hft.SELL_EVENT))
    ):
        gone, shown = events[:, column], events[:, 2 + column]
        gone["ev"] = shown["ev"] = flags | side
        gone["px"][1:], shown["px"] = prices[:-1], prices
        gone["px"][0] = prices[0]
        shown["qty"] = sizes
    events["exch_ts"] = events["local_ts"] = data.ts[:, None]
    return events.reshape(-1)


@cache
def compiled_loop():
    """Return the strategy, compiled once in a process."""
    from hftbacktest import GTC, LIMIT, NEW
    from numba import njit

    @njit
    def loop(market, quotes, each_quote):
        wait = (EVERY - 1) * INTERVAL_NS  # it begins at the first quote
        number = 1
        for _ in range(quotes // EVERY):
            if each_quote:
                for _ in range(wait // INTERVAL_NS):
                    market.elapse(INTERVAL_NS)
            elif market.elapse(wait) != 0:
                break
            wait = EVERY * INTERVAL_NS
            market.clear_inactive_orders(0)
            orders = market.orders(0).values()
            while orders.has_next():
                order = orders.get()
                if order.status == NEW:
                    market.cancel(0, order.order_id, False)
            depth = market.depth(0)
            position = market.position(0)
            bid, ask = depth.best_bid, depth.best_ask
            if position < 100:
                market.submit_buy_order(0, number, bid, 10.0, GTC, LIMIT, False)
            if position > -100:
                market.submit_sell_order(0, number + 1, ask, 10.0, GTC, LIMIT, False)
            number += 2
        market.elapse(wait)
        state = market.state_values(0)
        return state.num_trades, state.balance, state.position, state.fee

    return loop
