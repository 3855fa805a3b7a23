"""`trader signals`: what waits for a person in a session that asks before it sends."""

from __future__ import annotations

from decimal import Decimal
from typing import Annotated, Any

import typer

from cli import screen
from cli.errors import guarded
from cli.options import Debug, Json
from cli.session_names import Session, opened_store
from cli.sessions import ask_and_tell, asked_of

Number = Annotated[int, typer.Argument(metavar="NUMBER", help="As `trader signals list` shows it.")]
Why = Annotated[str, typer.Option("--why", metavar="TEXT", help="It stands in the journal.")]


@guarded
def list_signals(session: Session = "last", json: Json = False, debug: Debug = False) -> None:
    """List the signals that wait for a decision: what they trade, what that costs, until when, and why.

    \b
    Examples:
      trader signals list
      trader signals list 4k9zt --json
    """
    import json as codec

    with opened_store() as store:
        answer = asked_of(store, session, "signals")
    found: list[dict[str, Any]] = codec.loads(answer or "[]")
    if json:
        screen.print_json({"signals": found})
    elif not found:
        print("No signal waits.")
    else:
        _print(found)


@guarded
def approve_signal(
    number: Number,
    session: Session = "last",
    why: Why = "",
    json: Json = False,
    debug: Debug = False,
) -> None:
    """Send a signal, if it still may be sent: it is checked once more.

    While its market is closed it is held, or kept by the venue, until the open.

    \b
    Example:
      trader signals approve 7
    """
    ask_and_tell(session, "approve", why=why, argument=str(number), json=json)


@guarded
def reject_signal(
    number: Number,
    session: Session = "last",
    why: Why = "",
    json: Json = False,
    debug: Debug = False,
) -> None:
    """Do not send a signal; also one that is approved and held.

    \b
    Example:
      trader signals reject 7 --why "earnings tomorrow"
    """
    ask_and_tell(session, "reject", why=why, argument=str(number), json=json)


def _print(found: list[dict[str, Any]]) -> None:
    """Print each signal in three lines, which may be broken: what, until when, and why."""
    from rich.text import Text

    console = screen.console()
    for each in found:
        side = "buy" if each["side"] > 0 else "sell"
        value = (
            "" if each["value"] is None else f", which puts {Decimal(each['value']):.2f} at stake"
        )
        said = (
            f"{each['number']}  {side} {each['quantity']} {each['symbol']} at {each['price']}{value}",
            f"   {each['order']}; {_until(each)}",
            f"   {each['why']}",
        )
        for line in said:
            console.print(Text(line), soft_wrap=not console.is_terminal)


def _until(signal: dict[str, Any]) -> str:
    from runtime.config.moments import format_moment

    until = f"until {format_moment(signal['expires_ns'])}"
    if signal["opens_ns"] is not None:
        until = f"for the open of {format_moment(signal['opens_ns'])}, {until}"
    return f"approved, and held; {until}" if signal["state"] == "approved" else until
