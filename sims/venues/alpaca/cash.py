"""What moves the account's cash beside fills, as the venue tells it: activities that are no fills."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from decimal import ROUND_CEILING, Decimal
from typing import TYPE_CHECKING

from engine.model.units import NS_PER_SECOND, to_minor
from sims.venues.alpaca.orders import Fill, Order
from sims.venues.alpaca.words import Record, identity, money_text, number_text

if TYPE_CHECKING:
    from sims.venues.alpaca.exchange import Exchange


_BPS = 10_000
_CENT = 10**6  # minor units


@dataclass(frozen=True, slots=True)
class CashActivity:
    """One of them; `activity_id` sorts by the time of booking."""

    activity_id: str
    kind: str
    day: str
    minor: int
    symbol: str = ""
    description: str = ""
    units: Decimal = Decimal(0)  # kept in place of money

    def record(self) -> Record:
        """Return what the venue tells of it."""
        told: Record = {
            "id": self.activity_id,
            "activity_type": self.kind,
            "date": self.day,
            "net_amount": money_text(self.minor),
            "description": self.description,
            "status": "executed",
        }
        if self.units:
            told |= {"net_amount": "0", "qty": number_text(-self.units)}
        return told | ({"symbol": self.symbol} if self.symbol else {})


def move_cash(
    exchange: Exchange,
    kind: str,
    minor: int,
    symbol: str = "",
    description: str = "",
    units: Decimal = Decimal(0),
    *,
    is_told: bool = True,
) -> None:
    """Move cash now, and tell it as an activity, now or later."""
    day = f"{_moment(exchange):%Y-%m-%d}"
    one = CashActivity("", kind, day, minor, symbol, description, units)
    exchange.tally.cash["USD"] += minor
    if is_told:
        _tell(exchange, one)
    else:
        exchange.untold_activities.append(one)


def tell_activities(exchange: Exchange) -> None:
    """Tell what was not told yet."""
    for one in exchange.untold_activities:
        _tell(exchange, one)
    exchange.untold_activities.clear()


def _tell(exchange: Exchange, one: CashActivity) -> None:
    """Tell an activity; its id says when."""
    place = len(exchange.cash_activities)
    own = identity("activity", f"{exchange.settings.life}:{place}")
    told_id = f"{_moment(exchange):%Y%m%d%H%M%S}{place % 1000:03}::{own}"
    exchange.cash_activities.append(replace(one, activity_id=told_id))


def _moment(exchange: Exchange) -> datetime:
    return datetime.fromtimestamp(exchange.now_ns() // NS_PER_SECOND, UTC)


def charge_sales(exchange: Exchange, since: int) -> None:
    """Charge what regulators take of the sales of shares after so many fills, where the venue charges it."""
    fees = exchange.settings.sell_fees
    sold = [x for x in exchange.fills[since:] if x.sign < 0 and not x.order.asset.is_crypto]
    if fees is None or not sold:
        return
    units = sum(fees.on_units(_units(each)) for each in sold)
    value = fees.on_value(sum(_value_minor(each) for each in sold))
    move_cash(exchange, "FEE", -units, description="TAF fee")
    move_cash(exchange, "FEE", -value, description="REG fee")


def kept_of(exchange: Exchange, order: Order, lots: int) -> int:
    """Return the lots that the venue keeps of a fill: those of coins that are bought, in parts up to whole lots."""
    if not order.asset.is_crypto or order.sign < 0:
        return 0
    return int((lots * exchange.settings.coin_fee_bps / _BPS).to_integral_value(ROUND_CEILING))


def charge_coins(exchange: Exchange, fill: Fill) -> None:
    """Tell what was kept of a purchase of coins, or charge a sale, where the venue charges for them."""
    asset, bps = fill.order.asset, exchange.settings.coin_fee_bps
    if not asset.is_crypto or not bps:
        return
    name, is_told = asset.symbol.replace("/", ""), exchange.settings.are_coin_fees_told
    if fill.kept_lots:
        units = asset.instrument.lots_to_quantity(fill.kept_lots)
        text = "Coin Pair Transaction Fee (Non USD)"
        move_cash(exchange, "CFEE", 0, name, text, units, is_told=is_told)
    elif fill.sign < 0:
        fee = int((_value_minor(fill) * bps / _BPS / _CENT).to_integral_value(ROUND_CEILING))
        text = "Coin Pair Transaction Fee (USD)"
        move_cash(exchange, "CFEE", -fee * _CENT, name, text, is_told=is_told)


def page_of_cash(activities: Sequence[CashActivity], query: Mapping[str, str]) -> list[Record]:
    """Return a page of activities that are no fills: newest first, unless asked otherwise."""
    kinds = set(filter(None, query.get("activity_types", "").split(",")))
    after = query.get("after", "")[:10]
    found = [each for each in activities if each.day > after and (not kinds or each.kind in kinds)]
    if query.get("direction", "desc") == "desc":
        found.reverse()
    token = query.get("page_token")
    if token:
        ids = [each.activity_id for each in found]
        found = found[ids.index(token) + 1 :] if token in ids else []
    return [each.record() for each in found[: int(query.get("page_size", "100"))]]


def _units(fill: Fill) -> int:
    quantity = fill.order.asset.instrument.lots_to_quantity(fill.lots)
    return int(quantity.to_integral_value(ROUND_CEILING))


def _value_minor(fill: Fill) -> int:
    item = fill.order.asset.instrument
    price = item.ticks_to_price(fill.price_ticks)
    return to_minor(price * item.lots_to_quantity(fill.lots), name="a sale's value")
