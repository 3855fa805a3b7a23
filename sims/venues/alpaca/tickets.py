"""What a request for an order says, read as the venue reads it: numbers as text or as JSON numbers."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from decimal import Decimal, InvalidOperation
from typing import Any, Final

from sims.venues.alpaca.refusals import against_rules, malformed

SIDES: Final = ("buy", "sell")
TYPES: Final = ("market", "limit", "stop", "stop_limit", "trailing_stop")
TIMES_IN_FORCE: Final = ("day", "gtc", "opg", "cls", "ioc", "fok")
CLASSES: Final = ("", "simple", "bracket", "oco", "oto")
CLIENT_ID_MAX: Final = 128


@dataclass(frozen=True, slots=True)
class Leg:
    """A take-profit or a stop-loss of an order with several parts."""

    limit: Decimal | None = None
    stop: Decimal | None = None


@dataclass(frozen=True, slots=True)
class Ticket:
    """An order as it was asked for."""

    symbol: str
    side: str
    type: str
    time_in_force: str
    quantity: Decimal | None = None
    notional: Decimal | None = None
    limit: Decimal | None = None
    stop: Decimal | None = None
    trail_price: Decimal | None = None
    trail_percent: Decimal | None = None
    extended_hours: bool = False
    client_id: str = ""
    order_class: str = ""
    take_profit: Leg | None = None
    stop_loss: Leg | None = None
    intent: str = ""

    @property
    def sign(self) -> int:
        """1 for a buy, -1 for a sell."""
        return 1 if self.side == "buy" else -1


@dataclass(frozen=True, slots=True)
class Change:
    """What a replacement changes; None leaves it."""

    quantity: Decimal | None = None
    time_in_force: str | None = None
    limit: Decimal | None = None
    stop: Decimal | None = None
    trail: Decimal | None = None
    client_id: str = ""
    unknown: tuple[str, ...] = field(default=())


def read_ticket(body: object) -> Ticket:
    """Return the order that a body asks for.

    Raises
    ------
    Refusal
        If it cannot be read, or its parts do not fit each other.
    """
    fields = _fields(body)
    ticket = Ticket(
        symbol=_text(fields, "symbol"),
        side=_word(fields, "side", SIDES),
        type=_word(fields, "type", TYPES),
        time_in_force=_word(fields, "time_in_force", TIMES_IN_FORCE),
        quantity=_number(fields, "qty"),
        notional=_number(fields, "notional"),
        limit=_number(fields, "limit_price"),
        stop=_number(fields, "stop_price"),
        trail_price=_number(fields, "trail_price"),
        trail_percent=_number(fields, "trail_percent"),
        extended_hours=_flag(fields, "extended_hours"),
        client_id=_client_id(fields),
        order_class=_word(fields, "order_class", CLASSES, default=""),
        take_profit=_leg(fields, "take_profit"),
        stop_loss=_leg(fields, "stop_loss"),
        intent=str(fields.get("position_intent") or ""),
    )
    _require_parts(ticket)
    return ticket


def read_change(body: object) -> Change:
    """Return what a body wants to be changed."""
    fields = _fields(body)
    tif = fields.get("time_in_force")
    return Change(
        quantity=_number(fields, "qty"),
        time_in_force=None if tif is None else _word(fields, "time_in_force", TIMES_IN_FORCE),
        limit=_number(fields, "limit_price"),
        stop=_number(fields, "stop_price"),
        trail=_number(fields, "trail"),
        client_id=_client_id(fields),
    )


def _fields(body: object) -> Mapping[str, Any]:
    if not isinstance(body, dict):
        raise malformed("request body format is invalid")
    return body


def _text(fields: Mapping[str, Any], name: str) -> str:
    value = fields.get(name)
    if not isinstance(value, str) or not value:
        raise malformed(f"{name} is required")
    return value


def _word(
    fields: Mapping[str, Any], name: str, known: tuple[str, ...], default: str | None = None
) -> str:
    value = fields.get(name)
    if value is None and default is not None:
        return default
    if value is None:
        raise malformed(f"{name} is required")
    if value not in known:
        raise malformed(f"invalid {name}")
    return str(value)


def _number(fields: Mapping[str, Any], name: str) -> Decimal | None:
    value = fields.get(name)
    if value is None:
        return None
    try:
        number = Decimal("nan" if isinstance(value, bool) else value)
    except (InvalidOperation, ValueError, TypeError):
        raise malformed(f"{name} must be a number") from None
    if not number.is_finite():
        raise malformed(f"{name} must be a number")
    if number <= 0:
        raise malformed(f"{name} must be > 0")
    return number


def _flag(fields: Mapping[str, Any], name: str) -> bool:
    value = fields.get(name)
    if value is None or value is False:
        return False
    if value is True or str(value).lower() == "true":
        return True
    if str(value).lower() == "false":
        return False
    raise malformed(f"invalid {name}")


def _client_id(fields: Mapping[str, Any]) -> str:
    value = fields.get("client_order_id")
    if value is None:
        return ""
    if not isinstance(value, str) or len(value) > CLIENT_ID_MAX:
        raise malformed(f"client_order_id must be no more than {CLIENT_ID_MAX} characters")
    return value


def _leg(fields: Mapping[str, Any], name: str) -> Leg | None:
    value = fields.get(name)
    if value is None:
        return None
    inner = _fields(value)
    return Leg(_number(inner, "limit_price"), _number(inner, "stop_price"))


def _require_parts(ticket: Ticket) -> None:
    if (ticket.quantity is None) == (ticket.notional is None):
        raise malformed("qty or notional is required, and not both")
    needs_limit = ticket.type in ("limit", "stop_limit")
    if needs_limit and ticket.limit is None and ticket.order_class != "oco":
        raise malformed(f"{ticket.type.replace('_', ' ')} orders require limit price")
    if ticket.limit is not None and not needs_limit:
        raise malformed(f"{ticket.type.replace('_', ' ')} orders must not have a limit price")
    if (ticket.stop is not None) != (ticket.type in ("stop", "stop_limit")):
        raise malformed(f"{ticket.type.replace('_', ' ')} orders: wrong use of stop price")
    trails = (ticket.trail_price is not None) + (ticket.trail_percent is not None)
    if trails != (1 if ticket.type == "trailing_stop" else 0):
        raise malformed("trailing stop orders require one of trail price and trail percent")
    _require_legs(ticket)


def _require_legs(ticket: Ticket) -> None:
    profit, loss = ticket.take_profit, ticket.stop_loss
    if profit is not None and profit.limit is None:
        raise malformed("take_profit.limit_price is required")
    if loss is not None and loss.stop is None:
        raise malformed("stop_loss.stop_price is required")
    match ticket.order_class:
        case "bracket" | "oco" if profit is None or loss is None:
            raise against_rules(f"{ticket.order_class} orders require take_profit and stop_loss")
        case "oto" if (profit is None) == (loss is None):
            raise against_rules("oto orders require one of take_profit and stop_loss")
        case "" | "simple" if profit is not None or loss is not None:
            raise against_rules("take_profit and stop_loss need an order_class")
    if ticket.order_class == "oco" and ticket.type != "limit":
        raise against_rules("oco orders must be of type limit")
    if ticket.order_class in ("bracket", "oco", "oto"):
        if ticket.time_in_force not in ("day", "gtc"):
            raise against_rules(f"{ticket.order_class} orders must be day or gtc")
        if ticket.extended_hours:
            raise against_rules(f"{ticket.order_class} orders cannot be in extended hours")
