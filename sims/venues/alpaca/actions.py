"""What splits, settlements and the market's way do to positions and orders, as the book has it.

And what the venue announces of splits and dividends: all that its market will have, from the beginning.
"""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING, Final

from engine.model import layout as at
from engine.model.units import MONEY_PRECISION, NS_PER_SECOND
from sims.fillbook import layout as book_at
from sims.venues.alpaca.booking import trailing_stop
from sims.venues.alpaca.hours import NEW_YORK
from sims.venues.alpaca.market import Row
from sims.venues.alpaca.orders import Asset
from sims.venues.alpaca.words import Record

if TYPE_CHECKING:
    from sims.venues.alpaca.exchange import Exchange

ANNOUNCED: Final = (at.KIND_SPLIT, at.KIND_DIVIDEND)
LISTS: Final = {
    "forward_split": "forward_splits",
    "reverse_split": "reverse_splits",
    "cash_dividend": "cash_dividends",
}


def announcement(row: Row, symbol: str) -> tuple[str, Record]:
    """Return a split or dividend as the venue announces it, and of what type it is."""
    day = day_text(row[at.EVENT_TS])
    record: Record = {"symbol": symbol, "ex_date": day, "process_date": day, "record_date": day}
    if row[at.EVENT_KIND] == at.KIND_DIVIDEND:
        rate = row[at.DIVIDEND_MINOR] / 10**MONEY_PRECISION
        return "cash_dividend", record | {"rate": rate, "special": False, "foreign": False}
    new, old = row[at.SPLIT_NUMERATOR], row[at.SPLIT_DENOMINATOR]
    kind = "forward_split" if new > old else "reverse_split"
    return kind, record | {"new_rate": new, "old_rate": old}


def day_text(ns: int) -> str:
    """Return the day of a time in New York."""
    return f"{datetime.fromtimestamp(ns // NS_PER_SECOND, NEW_YORK):%Y-%m-%d}"


def follow_action(exchange: Exchange, row: Row) -> None:
    """A split or a settlement changes what is held, and orders as the book has changed them."""
    asset, tally = exchange.assets[row[at.EVENT_INSTRUMENT]], exchange.tally
    if row[at.EVENT_KIND] == at.KIND_SETTLEMENT:
        item, lots = asset.instrument, tally.held[asset.number].lots
        value = lots * row[at.SETTLEMENT_PRICE] * item.notional_numerator
        tally.cash["USD"] += value // item.notional_denominator
        tally.follow(asset.number, 0)
    elif row[at.EVENT_KIND] == at.KIND_SPLIT:
        tally.follow(asset.number, exchange.book.position_lots(asset.number))
        _follow_split(exchange, asset, row[at.SPLIT_NUMERATOR], row[at.SPLIT_DENOMINATOR])


def _follow_split(exchange: Exchange, asset: Asset, numerator: int, denominator: int) -> None:
    """Take over orders as a split has left them at the book."""
    for row in _rows(exchange):
        order = exchange.at_book(row[at.ORDER_ID])
        if order is None or order.asset is not asset or order.is_detached:
            continue
        order.carried_lots = order.carried_lots * numerator // denominator
        order.lots = order.carried_lots + row[at.ORDER_QUANTITY]
        order.filled_lots = order.carried_lots + row[at.ORDER_FILLED]
        if order.limit_ticks:  # a buy stop has one at the book only
            order.limit_ticks = row[at.ORDER_LIMIT]
        order.stop_ticks, order.trail_ticks = row[at.ORDER_STOP], row[at.ORDER_TRAIL_TICKS]
        exchange.set_status(order, order.status, "restated")


def follow_trails(exchange: Exchange) -> None:
    """Tell of trailing stops where they are at the book now."""
    trailing = {each.number: each for each in exchange.working() if each.type == "trailing_stop"}
    if not trailing:
        return
    for row in _rows(exchange):
        order, anchor = trailing.get(row[at.ORDER_ID]), row[at.ORDER_ANCHOR]
        if order is not None and anchor:
            order.high_water_ticks = anchor
            order.stop_ticks = trailing_stop(order, anchor)


def _rows(exchange: Exchange) -> list[Row]:
    """Return the book's orders."""
    arrays = exchange.book.arrays
    rows: list[Row] = arrays.orders[: arrays.counters[book_at.COUNT_ORDERS]].tolist()
    return rows
