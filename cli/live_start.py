"""What `trader live` shows before it trades: account, environment, what is held, limits, certificate."""

from __future__ import annotations

from typing import TYPE_CHECKING

from cli import screen

if TYPE_CHECKING:
    from data.history import History
    from runtime.session.dry_run import Unsent
    from runtime.session.live_plan import LiveStart

_ID_SHOWN = 12
_LABEL = 12


def print_start(start: LiveStart, environment: str) -> None:
    """Print what is about to begin; LIVE is red."""
    from rich.text import Text

    console = screen.console()
    style = "bold white on red" if environment == "LIVE" else "bold cyan"
    facts = _facts(start)
    head = Text(f" {environment} ", style) + Text(f" account {start.proven.facts.account}", "bold")
    console.print(head)
    for name, text in facts.items():
        console.print(Text(name.ljust(_LABEL), "dim") + Text(text), soft_wrap=True)


def start_as_json(start: LiveStart) -> dict[str, object]:
    """Return the same for programs."""
    from runtime.config.moments import format_moment

    facts, body = start.proven.facts, start.certificate.certificate
    return {
        "environment": facts.environment.value.upper(),
        "account": facts.account,
        "equity": _money(facts.equity_minor),
        "cash": _money(facts.cash_minor),
        "buying_power": _money(facts.buying_power_minor),
        "goes_on": None if start.going_on is None else start.going_on.id,
        "capital": _money(start.capital_minor),
        "limits_percent": start.percent,
        "held": [
            {"symbol": each.symbol, "lots": each.lots, "ours": each.ours} for each in start.held
        ],
        "certificate": {
            "id": body.id,
            "serial": body.serial,
            "stage": body.stage,
            "expires": format_moment(body.expires_ns),
        },
    }


def _facts(start: LiveStart) -> dict[str, str]:
    from runtime.config.moments import format_moment

    facts, body, limits = start.proven.facts, start.certificate.certificate, start.limits
    held = [
        f"{each.symbol} {each.lots} lots"
        + (
            ""
            if each.is_ours
            else f" (the session knows of {each.ours}: nothing is entered until that is explained)"
        )
        for each in start.held
    ]
    gateway = {
        "order": _limit(limits.order_value_minor),
        "position": _limit(limits.position_value_minor),
    }
    return {
        "strategy": f"{body.strategy}, "
        + ("a new session" if start.going_on is None else f"session {start.going_on.id} goes on"),
        "worth": f"{_money(facts.equity_minor)} {facts.currency}, cash {_money(facts.cash_minor)}, "
        f"buying power {_money(facts.buying_power_minor)}",
        "held": ", ".join(held) or "nothing",
        "working": f"{len(start.proven.orders)} orders, all of this session"
        if start.proven.orders
        else "no orders",
        "may use": f"{_money(start.capital_minor)} {facts.currency}: {start.percent} % of its limits",
        "limits": ", ".join(f"{name} {text}" for name, text in gateway.items())
        + f", {limits.orders_per_minute:,} orders a minute",
        "certificate": f"{body.id[:_ID_SHOWN]}, serial {body.serial}, {body.stage}, expires "
        f"{format_moment(body.expires_ns)[:16]}Z",  # a line has 80 columns
        "market": "open" if start.proven.is_open else "closed",
    }


def print_unsent(unsent: Unsent | None, history: History | None) -> None:
    """Print what a dry run would have sent."""
    if unsent is None:
        print("DRY RUN: nothing would have been sent.")
        return
    terms = unsent_as_json(unsent, history)
    assert terms is not None
    price = f" at {terms['limit']}" if terms["limit"] else ""
    print(
        f"DRY RUN: it would send: {terms['side']} {terms['quantity']} {terms['symbol']} "
        f"{terms['type']}{price}, {terms['time_in_force']}, named {terms['client_id']}"
    )


def unsent_as_json(unsent: Unsent | None, history: History | None) -> dict[str, str] | None:
    """Return the same for programs."""
    from engine.model.orders import OrderType, TimeInForce
    from engine.model.units import from_quanta

    if unsent is None or history is None:
        return None
    order, instrument = unsent.order, history.instruments[unsent.order.instrument]
    ticks = instrument.price_precision
    return {
        "client_id": unsent.client_id,
        "side": "buy" if order.side > 0 else "sell",
        "symbol": instrument.symbol,
        "type": OrderType(order.order_type).name.lower(),
        "quantity": f"{from_quanta(order.quantity_lots, instrument.quantity_precision):f}",
        "limit": f"{from_quanta(order.limit_ticks, ticks):f}" if order.limit_ticks else "",
        "stop": f"{from_quanta(order.stop_ticks, ticks):f}" if order.stop_ticks else "",
        "time_in_force": TimeInForce(order.time_in_force).name.lower(),
    }


def _money(minor: int) -> str:
    from engine.model.units import from_minor

    return f"{from_minor(minor):.2f}"


def _limit(minor: int) -> str:
    return _money(minor) if minor else "no limit"
