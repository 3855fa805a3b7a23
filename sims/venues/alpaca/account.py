"""The account in figures: what it has, what it holds, what it may still spend."""

from __future__ import annotations

from decimal import Decimal
from typing import Final

from engine.model.units import from_minor
from sims.paper.tally import Held
from sims.venues.alpaca.exchange import Exchange
from sims.venues.alpaca.orders import Asset, Order
from sims.venues.alpaca.words import Record, money_text, number_text, time_text

_SHORT_ABOVE_ASK: Final = Decimal("1.03")  # a market short is reckoned that much above the ask


def order_price(exchange: Exchange, order: Order) -> Decimal | None:
    """Return the price at which an order is reckoned; None: nothing is known of one."""
    shown, item = exchange.shown[order.asset.number], order.asset.instrument
    market = shown.ask_ticks or shown.last_ticks
    price = item.ticks_to_price(order.limit_ticks or order.stop_ticks or market)
    if opens_short(exchange, order):
        price = max(price, item.ticks_to_price(market) * _SHORT_ABOVE_ASK)
    return price or None


def opens_short(exchange: Exchange, order: Order) -> bool:
    """Return whether an order sells what is not held."""
    return order.sign < 0 and exchange.tally.held[order.asset.number].lots <= 0


def reserved_lots(exchange: Exchange, asset: Asset, sign: int) -> int:
    """Return what working orders of a side hold; of orders that cancel each other only the largest."""
    held: dict[int, int] = {}
    for order in exchange.working():
        if order.asset is asset and order.sign == sign and order.status != "held":
            group = order.group or -order.number
            held[group] = max(held.get(group, 0), order.open_lots)
    return sum(held.values())


def cost_of(exchange: Exchange, order: Order) -> Decimal:
    """Return what the opening part of an order ties up, in dollars."""
    position = exchange.tally.held[order.asset.number].lots
    closes = position * order.sign < 0
    price = order_price(exchange, order)
    if closes or price is None:
        return Decimal(0)
    return price * order.asset.instrument.lots_to_quantity(order.open_lots)


def buying_power(exchange: Exchange, without: Order | None = None) -> Decimal:
    """Return what may still be spent: equity x multiplier, less positions and working orders."""
    equity = from_minor(exchange.equity_minor())
    held = sum(abs(exchange.value_minor(asset)) for asset in exchange.assets)
    tied = sum(
        (
            cost_of(exchange, order)
            for order in exchange.working()
            if order is not without and order.parent is None
        ),
        Decimal(0),
    )
    power = equity * exchange.settings.multiplier - from_minor(held) - tied
    return max(power, Decimal(0)).quantize(Decimal("0.01"))


def account_record(exchange: Exchange) -> Record:
    """Return the account as the venue tells of it."""
    values = [exchange.value_minor(asset) for asset in exchange.assets]
    long, short = sum(v for v in values if v > 0), sum(v for v in values if v < 0)
    cash, equity = exchange.tally.cash["USD"], exchange.equity_minor()
    power = number_text(buying_power(exchange))
    marks = exchange.equity_marks
    margin = from_minor(long - short)
    return {
        "id": exchange.settings.account_id,
        "account_number": exchange.settings.account_number,
        "status": "ACTIVE",
        "crypto_status": "ACTIVE",
        "currency": "USD",
        "cash": money_text(cash),
        "equity": money_text(equity),
        "last_equity": money_text(marks[-1][1] if marks else equity),
        "portfolio_value": money_text(equity),
        "buying_power": power,
        "regt_buying_power": power,
        "non_marginable_buying_power": money_text(max(cash, 0)),
        "long_market_value": money_text(long),
        "short_market_value": money_text(short),
        "initial_margin": number_text(margin / 2),
        "maintenance_margin": number_text(margin * Decimal("0.3")),
        "last_maintenance_margin": "0",
        "accrued_fees": "0",
        "sma": "0",
        "multiplier": str(exchange.settings.multiplier),
        "shorting_enabled": not exchange.no_shorting,
        "trading_blocked": exchange.is_blocked,
        "transfers_blocked": False,
        "account_blocked": exchange.is_blocked,
        "trade_suspended_by_user": exchange.is_suspended,
        "created_at": "2024-01-02T14:30:00Z",
    }


def configuration_record(exchange: Exchange) -> Record:
    """Return the account's configuration."""
    return {
        "fractional_trading": True,
        "max_margin_multiplier": str(exchange.settings.multiplier),
        "no_shorting": exchange.no_shorting,
        "suspend_trade": exchange.is_suspended,
        "trade_confirm_email": "none",
        "ptp_no_exception_entry": False,
        "dtbp_check": "entry",
        "pdt_check": "entry",
    }


def position_record(exchange: Exchange, asset: Asset, held: Held) -> Record:
    """Return a position as the venue tells of it."""
    item, shown = asset.instrument, exchange.shown[asset.number]
    quantity = item.lots_to_quantity(held.lots)
    cost = from_minor(held.cost_minor)
    last = item.ticks_to_price(shown.last_ticks)
    value = last * quantity
    day = item.ticks_to_price(
        shown.last_before(exchange.hours.session_starts(exchange.now_ns())) or shown.last_ticks
    )
    profit = value - cost
    free = abs(held.lots) - reserved_lots(exchange, asset, -1 if held.lots > 0 else 1)
    return {
        "asset_id": asset.id,
        "symbol": asset.symbol.replace("/", "") if asset.is_crypto else asset.symbol,
        "exchange": asset.exchange,
        "asset_class": asset.kind,
        "asset_marginable": not asset.is_crypto,
        "avg_entry_price": number_text((cost / quantity).quantize(Decimal("0.000001"))),
        "qty": asset.quantity(held.lots),
        "qty_available": asset.quantity(max(free, 0) * (1 if held.lots > 0 else -1)),
        "side": "long" if held.lots > 0 else "short",
        "market_value": number_text(value),
        "cost_basis": number_text(cost),
        "unrealized_pl": number_text(profit),
        "unrealized_plpc": _ratio(profit, abs(cost)),
        "unrealized_intraday_pl": number_text(profit),
        "unrealized_intraday_plpc": _ratio(profit, abs(cost)),
        "current_price": number_text(last),
        "lastday_price": number_text(day),
        "change_today": _ratio(last - day, day),
    }


def portfolio_record(exchange: Exchange, timeframe: str) -> Record:
    """Return equity at each close so far and now; figures of statistics are JSON numbers."""
    now_ns = exchange.now_ns()
    marks = [*exchange.equity_marks, (now_ns, exchange.equity_minor())]
    base = exchange.settings.cash
    gains = [from_minor(equity) - base for _, equity in marks]
    return {
        "timestamp": [ts // 10**9 for ts, _ in marks],
        "equity": [float(from_minor(equity)) for _, equity in marks],
        "profit_loss": [float(gain) for gain in gains],
        "profit_loss_pct": [float(gain / base) if base else None for gain in gains],
        "base_value": float(base),
        "base_value_asof": time_text(marks[0][0])[:10],
        "timeframe": timeframe,
    }


def _ratio(part: Decimal, whole: Decimal) -> str:
    return number_text((part / whole).quantize(Decimal("0.000001"))) if whole else "0"
