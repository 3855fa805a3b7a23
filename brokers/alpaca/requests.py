"""What we ask the venue for, as its JSON; what it would refuse is refused here, with a reason. Pure.

Prices and quantities go out as decimal text. An order that closes a fraction of a share goes out for the day, as
the venue takes no other. What the venue has no word for (post-only, good till a date) is never sent as
something else. Orders that hang on an entry come here when that has ended (`runtime.gateway.holding`).
"""

from __future__ import annotations

from decimal import Decimal
from typing import Final

import msgspec

from brokers.alpaca.coins import is_coin, off_coin_grid, time_of_coin, unlikely_for_coin
from brokers.alpaca.problems import LocalRefusal, Problem
from engine.approved import ReplaceApproved, RiskApproved
from engine.model.instruments import Instrument, InstrumentKind
from engine.model.orders import OrderFlag, OrderType, TimeInForce
from engine.model.units import from_quanta

CLIENT_ID_LENGTH: Final = 128
_PENNY, _SUB_PENNY = Decimal("0.01"), Decimal("0.0001")
_PPM_OF_PERCENT: Final = 4  # decimals
_TYPES: Final = {
    OrderType.MARKET: "market",
    OrderType.LIMIT: "limit",
    OrderType.STOP: "stop",
    OrderType.STOP_LIMIT: "stop_limit",
    OrderType.TRAILING_STOP: "trailing_stop",
    OrderType.MARKET_ON_OPEN: "market",
    OrderType.LIMIT_ON_OPEN: "limit",
    OrderType.MARKET_ON_CLOSE: "market",
    OrderType.LIMIT_ON_CLOSE: "limit",
}
_AUCTIONS: Final = {
    OrderType.MARKET_ON_OPEN: "opg",
    OrderType.LIMIT_ON_OPEN: "opg",
    OrderType.MARKET_ON_CLOSE: "cls",
    OrderType.LIMIT_ON_CLOSE: "cls",
}
_TIMES: Final = {
    TimeInForce.DAY: "day",
    TimeInForce.GTC: "gtc",
    TimeInForce.IOC: "ioc",
    TimeInForce.FOK: "fok",
}
_AT_ONCE: Final = ("ioc", "fok")
_STOPS: Final = (OrderType.STOP, OrderType.STOP_LIMIT, OrderType.TRAILING_STOP)


def order_body(
    order: RiskApproved, instrument: Instrument, client_id: str, *, extended_hours: bool = False
) -> bytes | LocalRefusal:
    """Return the body of a submit.

    Parameters
    ----------
    extended_hours
        Let limit orders of the day also trade before and after the market's hours.
    """
    refused = _strange(order, instrument, client_id)
    time_in_force = _AUCTIONS.get(order.order_type) or _TIMES.get(order.time_in_force, "")
    if is_coin(instrument):
        time_in_force = time_of_coin(order, time_in_force)
        refused = refused or unlikely_for_coin(order, time_in_force)
    else:
        is_fractional = not _is_whole(order.quantity_lots, instrument)
        if is_fractional and time_in_force == "gtc" and _is_for_today(order):
            time_in_force = "day"
        refused = refused or _unlikely(order, time_in_force, is_fractional=is_fractional)
    prices = {
        "limit_price": instrument.ticks_to_price(order.limit_ticks),
        "stop_price": instrument.ticks_to_price(order.stop_ticks),
        "trail_price": instrument.ticks_to_price(order.trail_ticks),
    }
    refused = refused or _off_grid(prices, instrument)
    if refused is not None:
        return refused
    body: dict[str, object] = {
        "symbol": instrument.symbol,
        "side": "buy" if order.side > 0 else "sell",
        "type": _TYPES[order.order_type],
        "time_in_force": time_in_force,
        "qty": _text(instrument.lots_to_quantity(order.quantity_lots)),
        "client_order_id": client_id,
    }
    body |= {name: _text(price) for name, price in prices.items() if price}
    if order.trail_ppm:
        body["trail_percent"] = _text(from_quanta(order.trail_ppm, _PPM_OF_PERCENT))
    if extended_hours and order.order_type is OrderType.LIMIT and time_in_force == "day":
        body["extended_hours"] = True
    return msgspec.json.encode(body)


def pair_body(
    target: RiskApproved, stop: RiskApproved, instrument: Instrument, client_id: str
) -> bytes | LocalRefusal:
    """Return the body of a target and a stop for the same shares, one of which ends the other.

    To the venue the target is the order and the stop its leg, which gets no name of ours.
    """
    refused = _strange(stop, instrument, client_id) or _no_pair(target, stop, instrument)
    if refused is not None:
        return refused
    body = order_body(target, instrument, client_id)
    if isinstance(body, LocalRefusal):
        return body
    limit, price = (
        _text(instrument.ticks_to_price(ticks)) for ticks in (target.limit_ticks, stop.stop_ticks)
    )
    fields: dict[str, object] = msgspec.json.decode(body)
    del fields["limit_price"]
    fields |= {
        "order_class": "oco",
        "take_profit": {"limit_price": limit},
        "stop_loss": {"stop_price": price},
    }
    return msgspec.json.encode(fields)


def _no_pair(target: RiskApproved, stop: RiskApproved, item: Instrument) -> LocalRefusal | None:
    """Return why two orders are not one at the venue."""
    if is_coin(item):
        return LocalRefusal(Problem.BAD_REQUEST, "the venue takes no pairs of orders for coins")
    terms = [(e.side, e.quantity_lots, e.time_in_force, e.instrument) for e in (target, stop)]
    types = (target.order_type, stop.order_type)
    if terms[0] != terms[1] or types != (OrderType.LIMIT, OrderType.STOP):
        return LocalRefusal(Problem.BAD_REQUEST, "a pair is a limit and a stop for the same lots")
    if not _is_whole(target.quantity_lots, item):
        return LocalRefusal(Problem.SIZE_OR_GRID, "a pair is for whole shares")
    return _off_grid({"stop_price": item.ticks_to_price(stop.stop_ticks)}, item)


def replace_body(
    change: ReplaceApproved, instrument: Instrument, link: str
) -> bytes | LocalRefusal:
    """Return the body of a replacement, which is a new order called `link`."""
    prices = {
        "limit_price": instrument.ticks_to_price(change.limit_ticks),
        "stop_price": instrument.ticks_to_price(change.stop_ticks),
    }
    if not is_coin(instrument) and not _is_whole(change.quantity_lots, instrument):
        return LocalRefusal(
            Problem.SIZE_OR_GRID, "an order for a fraction of a share is not replaced"
        )
    refused = _off_grid(prices, instrument)
    if refused is not None:
        return refused
    body = {
        "qty": _text(instrument.lots_to_quantity(change.quantity_lots)),
        "client_order_id": link,
    } | {name: _text(price) for name, price in prices.items() if price}
    return msgspec.json.encode(body)


def _strange(order: RiskApproved, instrument: Instrument, client_id: str) -> LocalRefusal | None:
    """Return why an order is nothing that this adapter sends."""
    is_share = instrument.kind is InstrumentKind.EQUITY and instrument.currency == "USD"
    if not is_share and not is_coin(instrument):
        what = f"{instrument.symbol} is {instrument.kind.value} in {instrument.currency}"
        problem = f"{what}: US equities trade here, and coins by their pair with USD"
        return LocalRefusal(Problem.NOT_TRADABLE, problem)
    if order.flags & OrderFlag.POST_ONLY:
        return LocalRefusal(Problem.POST_ONLY, "this venue has no post-only orders")
    if not 0 < len(client_id) <= CLIENT_ID_LENGTH:
        return LocalRefusal(Problem.BAD_REQUEST, f"{client_id!r} is no client id")
    return None


def _unlikely(
    order: RiskApproved, time_in_force: str, *, is_fractional: bool
) -> LocalRefusal | None:
    """Return why the venue does not take this type for this time, or in this size."""
    if not time_in_force:
        return LocalRefusal(Problem.BAD_REQUEST, "this venue has no orders good till a date")
    if order.order_type in _STOPS and time_in_force in _AT_ONCE:
        return LocalRefusal(Problem.BAD_REQUEST, f"a stop order cannot be {time_in_force}")
    if is_fractional and time_in_force != "day":
        return LocalRefusal(Problem.SIZE_OR_GRID, "fractions of a share trade for the day only")
    if is_fractional and order.order_type is OrderType.TRAILING_STOP:
        return LocalRefusal(Problem.SIZE_OR_GRID, "a trailing stop is for whole shares")
    return None


def _is_for_today(order: RiskApproved) -> bool:
    """Return whether an order for a fraction may go out for the day, though it says nothing of one.

    At market it does not wait; one that closes is sent again when the venue has ended it. A position has
    to be closed, whatever it is.
    """
    return order.order_type is OrderType.MARKET or bool(order.flags & OrderFlag.REDUCE_ONLY)


def _off_grid(prices: dict[str, Decimal], instrument: Instrument) -> LocalRefusal | None:
    """Return which price is finer than a cent from a dollar on, or than a hundredth of one below."""
    if is_coin(instrument):
        return off_coin_grid(prices, instrument)
    for name, price in prices.items():
        step = _PENNY if price >= 1 else _SUB_PENNY
        if price < 0 or price % step:
            return LocalRefusal(
                Problem.SIZE_OR_GRID, f"{name} {_text(price)} is not a multiple of {step}"
            )
    return None


def _is_whole(lots: int, instrument: Instrument) -> bool:
    return lots % int(10**instrument.quantity_precision) == 0


def _text(number: Decimal) -> str:
    """Return a number without exponent, and without zeros at its end."""
    text = f"{number:f}"
    return text.rstrip("0").rstrip(".") if "." in text else text
