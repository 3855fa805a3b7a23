"""An order of the venue as the fill book's: one matching engine for every face."""

from __future__ import annotations

from decimal import ROUND_CEILING, Decimal
from typing import Final

from engine.model.instruments import Instrument
from engine.model.orders import OrderRequest, OrderType, Side, TimeInForce
from sims.venues.alpaca.orders import Order

_TYPES: Final = {
    "market": OrderType.MARKET,
    "limit": OrderType.LIMIT,
    "stop": OrderType.STOP,
    "stop_limit": OrderType.STOP_LIMIT,
    "trailing_stop": OrderType.TRAILING_STOP,
}
_AUCTIONS: Final = {
    ("market", "opg"): OrderType.MARKET_ON_OPEN,
    ("limit", "opg"): OrderType.LIMIT_ON_OPEN,
    ("market", "cls"): OrderType.MARKET_ON_CLOSE,
    ("limit", "cls"): OrderType.LIMIT_ON_CLOSE,
}
_TIMES: Final = {
    "day": TimeInForce.DAY,
    "gtc": TimeInForce.GTC,
    "ioc": TimeInForce.IOC,
    "fok": TimeInForce.FOK,
    "opg": TimeInForce.DAY,
    "cls": TimeInForce.DAY,
}
_LOW_PRICE: Final = Decimal(50)
_MILLION: Final = 10**6


def book_request(order: Order) -> OrderRequest:
    """Return an order as the book takes it; a buy stop is a stop-limit there, as at the venue."""
    order_type = _AUCTIONS.get((order.type, order.time_in_force), _TYPES[order.type])
    limit = order.limit_ticks
    if order_type is OrderType.STOP and order.sign > 0:
        order_type = OrderType.STOP_LIMIT
        limit = protected_limit(order.asset.instrument, order.stop_ticks)
    return OrderRequest(
        order_id=order.number,
        instrument=order.asset.number,
        side=Side(order.sign),
        order_type=order_type,
        quantity_lots=order.lots - order.carried_lots,
        limit_ticks=limit,
        stop_ticks=0 if order.type == "trailing_stop" else order.stop_ticks,
        trail_ticks=order.trail_ticks,
        trail_ppm=order.trail_ppm,
        time_in_force=_TIMES[order.time_in_force],
        group_id=order.group,
    )


def trailing_stop(order: Order, high_water_ticks: int) -> int:
    """Return where a trailing stop fires; parts of a price step go away from the market."""
    step = order.asset.instrument.price_step_ticks
    distance = order.trail_ticks
    if order.trail_ppm:
        distance = -(-high_water_ticks * order.trail_ppm // (_MILLION * step)) * step
    return high_water_ticks + order.sign * distance


def protected_limit(instrument: Instrument, stop_ticks: int) -> int:
    """Return the limit of a buy stop: 4 % above it under 50 dollars, else 2.5 %, up to the grid.

    Examples
    --------
    >>> from engine.model.instruments import InstrumentKind
    >>> protected_limit(Instrument("A", InstrumentKind.EQUITY), 100_00)
    10250
    """
    stop = instrument.ticks_to_price(stop_ticks)
    above = Decimal("1.04") if stop < _LOW_PRICE else Decimal("1.025")
    steps = (stop * above / instrument.tick_size).to_integral_value(ROUND_CEILING)
    return int(steps) * instrument.price_step_ticks
