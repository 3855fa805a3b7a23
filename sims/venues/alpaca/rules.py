"""What the venue takes and what it refuses; the order of the refusals is their precedence."""

from __future__ import annotations

from datetime import time
from decimal import Decimal
from typing import Final

from engine.errors import InputError
from engine.model.instruments import Instrument
from sims.venues.alpaca.account import (
    buying_power,
    cost_of,
    opens_short,
    order_price,
    reserved_lots,
)
from sims.venues.alpaca.exchange import Exchange
from sims.venues.alpaca.hours import wall_time
from sims.venues.alpaca.orders import Asset, Order
from sims.venues.alpaca.refusals import Refusal, against_rules, forbidden, malformed
from sims.venues.alpaca.tickets import Ticket
from sims.venues.alpaca.words import number_text

_CRYPTO_TYPES: Final = ("market", "limit", "stop_limit")
_FRACTIONAL_TYPES: Final = ("market", "limit", "stop", "stop_limit")
_OPG_CLOSED: Final = time(9, 28), time(19, 0)
_CLS_CLOSED: Final = time(15, 50), time(19, 0)
_ORDERS_MAX: Final = 900  # of the fill book's rows


def require_new_client_id(exchange: Exchange, client_id: str) -> None:
    """Refuse an id that the account has used, however long ago."""
    if exchange.is_used(client_id):
        raise malformed("client_order_id must be unique")


def require_account(exchange: Exchange) -> None:
    """Refuse where the account may not trade."""
    if exchange.is_blocked:
        raise forbidden("account is blocked from trading")
    if exchange.is_suspended:
        raise forbidden("trading is suspended by the user")
    if len(exchange.working()) >= _ORDERS_MAX:
        raise forbidden(f"more than {_ORDERS_MAX} open orders")


def require_kind(exchange: Exchange, asset: Asset, ticket: Ticket) -> None:
    """Refuse a type and a time in force that do not go together, or not with the asset."""
    if not asset.is_tradable:
        raise against_rules(f"asset {asset.symbol} is not tradable")
    tif, kind = ticket.time_in_force, ticket.type
    if asset.is_crypto:
        if tif not in ("gtc", "ioc") or kind not in _CRYPTO_TYPES:
            raise against_rules(f"invalid crypto order: {kind} with time_in_force {tif}")
        if ticket.order_class not in ("", "simple"):
            raise against_rules("crypto orders not allowed for advanced order_class: bracket")
        return
    if tif in ("opg", "cls"):
        if kind not in ("market", "limit"):
            raise against_rules(f"{kind} orders cannot be {tif}")
        start, end = _OPG_CLOSED if tif == "opg" else _CLS_CLOSED
        if start <= wall_time(exchange.now_ns()).time() < end:
            raise against_rules(f"{tif} orders are not accepted between {start} and {end}")
    if tif in ("ioc", "fok") and kind not in ("market", "limit"):
        raise against_rules(f"{kind} orders cannot be {tif}")
    if kind == "trailing_stop" and tif not in ("day", "gtc"):
        raise against_rules("trailing stop orders must be day or gtc")
    if ticket.extended_hours and (kind != "limit" or tif != "day"):
        raise against_rules("extended hours order must be DAY limit orders")


def price_ticks(item: Instrument, price: Decimal | None, name: str) -> int:
    """Return a price on the venue's grid, 0 for none: cents, below a dollar hundredths of them."""
    if price is None:
        return 0
    # Crypto has a grid of its own; a share's is that of the rule.
    if item.kind.value == "equity":
        decimals = 2 if price >= 1 else 4
        if price != price.quantize(Decimal(1).scaleb(-decimals)):
            rule = "sub-penny increment does not fulfill minimum pricing criteria"
            raise against_rules(f"invalid {name} {number_text(price)}. {rule}")
    try:
        ticks = item.price_to_ticks(price)
    except InputError:
        ticks = 0
    if ticks == 0 or ticks % item.price_step_ticks:
        raise against_rules(f"invalid {name} {number_text(price)}: not on the price grid")
    return ticks


def lots_of(asset: Asset, ticket: Ticket, price: Decimal | None) -> int:
    """Return the quantity of an order in lots; one by value at what it is reckoned at, cut."""
    item = asset.instrument
    if ticket.notional is not None:
        _require_fractional(asset, ticket, "notional")
        if price is None:
            raise against_rules(f"no price of {asset.symbol} is known")
        if ticket.notional != ticket.notional.quantize(Decimal("0.01")):
            raise against_rules("notional value must be limited to 2 decimal places")
        lots = int(ticket.notional / price / item.lot_size) * item.quantity_step_lots
        if lots == 0:
            raise against_rules("notional amount is too small")
        return lots
    assert ticket.quantity is not None, "read_ticket requires one of both"
    return quantity_lots(asset, ticket.quantity, ticket)


def quantity_lots(asset: Asset, quantity: Decimal, ticket: Ticket | None = None) -> int:
    """Return a quantity in lots, on the asset's grid."""
    item = asset.instrument
    is_whole = quantity == quantity.to_integral_value()
    if not is_whole and not asset.is_fractionable:
        raise forbidden(f'asset "{asset.symbol}" is not fractionable')
    if not is_whole and ticket is not None:
        _require_fractional(asset, ticket, "fractional")
    try:
        lots = item.quantity_to_lots(quantity)
    except InputError:
        lots = 0
    if lots == 0 or lots % item.quantity_step_lots:
        raise malformed(f"invalid qty {number_text(quantity)}")
    if quantity < asset.least:
        raise against_rules(f"qty must be >= {number_text(asset.least)}")
    return lots


def _require_fractional(asset: Asset, ticket: Ticket, name: str) -> None:
    if asset.is_crypto:
        return
    if not asset.is_fractionable:
        raise forbidden(f'asset "{asset.symbol}" is not fractionable')
    if ticket.time_in_force != "day" or ticket.type not in _FRACTIONAL_TYPES:
        raise against_rules(f"{name} orders must be DAY orders")


def require_legs(order: Order) -> None:
    """Refuse legs of a bracket that are on the wrong side of each other, or of the entry."""
    by_type = {leg.type.removesuffix("_limit"): leg for leg in order.legs}
    profit, loss = by_type.get("limit"), by_type.get("stop")
    if order.order_class == "oco":
        profit = order
    base = order.limit_ticks if order.order_class != "oco" else 0
    sign = order.legs[0].sign  # of what closes
    cent = max(order.asset.instrument.price_to_ticks("0.01"), 1)
    if profit is not None and loss is not None:
        if -sign * (profit.limit_ticks - loss.stop_ticks) < cent:
            raise against_rules("take_profit.limit_price and stop_loss.stop_price are reversed")
    if base and loss is not None and -sign * (base - loss.stop_ticks) < cent:
        raise against_rules("stop_loss.stop_price must be at least 0.01 away from the base price")
    if base and profit is not None and -sign * (profit.limit_ticks - base) < cent:
        raise against_rules(
            "take_profit.limit_price must be at least 0.01 away from the base price"
        )


def require_room(exchange: Exchange, order: Order, without: Order | None = None) -> None:
    """Refuse what the account does not hold, cannot pay, may not short, or would trade with itself."""
    asset, position = order.asset, exchange.tally.held[order.asset.number].lots
    if position * order.sign < 0:
        _require_held(exchange, order, without)
    elif opens_short(exchange, order):
        _require_shorting(exchange, asset, order)
    _require_no_wash(exchange, order, without)
    if position * order.sign >= 0:
        _require_funds(exchange, order, without)


def _require_held(exchange: Exchange, order: Order, without: Order | None) -> None:
    asset = order.asset
    position = exchange.tally.held[asset.number].lots
    held = reserved_lots(exchange, asset, order.sign) - (without.open_lots if without else 0)
    available = max(abs(position) - held, 0)
    if order.open_lots > available:
        raise forbidden(
            "insufficient qty available for order "
            f"(requested: {asset.quantity(order.open_lots)}, available: {asset.quantity(available)})",
            available=asset.quantity(available),
            existing_qty=asset.quantity(abs(position)),
            held_for_orders=asset.quantity(held),
            symbol=asset.symbol,
        )


def _require_shorting(exchange: Exchange, asset: Asset, order: Order) -> None:
    whole = 10**asset.instrument.quantity_precision
    if asset.is_crypto:
        raise forbidden(
            f"insufficient balance for {asset.symbol}",
            available="0",
            symbol=asset.symbol,
        )
    if exchange.no_shorting:
        raise forbidden("account is not allowed to short")
    if not asset.is_shortable:
        raise against_rules(f"asset {asset.symbol} cannot be sold short")
    if order.lots % whole:
        raise against_rules("fractional orders cannot be sold short")


def _require_no_wash(exchange: Exchange, order: Order, without: Order | None) -> None:
    """Refuse an order that could meet a working one of the other side."""
    for other in exchange.working():
        opposite = other.asset is order.asset and other.sign != order.sign
        if not opposite or other is without or other.status == "held":
            continue
        limits = other.type == "limit" and order.type == "limit"
        crosses = order.sign * (order.limit_ticks - other.limit_ticks) >= 0
        if not limits or crosses:
            raise Refusal(
                403,
                40310000,
                "potential wash trade detected. use complex orders",
                existing_order_id=other.id,
                reject_reason="opposite side limit order exists"
                if limits
                else "opposite side market/stop order exists",
            )


def _require_funds(exchange: Exchange, order: Order, without: Order | None) -> None:
    if order_price(exchange, order) is None:
        raise against_rules(f"no price of {order.asset.symbol} is known")
    cost, power = cost_of(exchange, order), buying_power(exchange, without)
    if order.asset.is_crypto:
        power = min(power, Decimal(exchange.tally.cash["USD"]).scaleb(-8))
    if cost > power:
        raise forbidden(
            "insufficient buying power",
            buying_power=number_text(power),
            cost_basis=number_text(cost),
        )
