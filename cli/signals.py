"""`trader signals`: what waits for a person in a session that asks before it sends."""

from __future__ import annotations

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
    """List the signals that wait for a decision.

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
    """Do not send a signal.

    \b
    Example:
      trader signals reject 7 --why "earnings tomorrow"
    """
    ask_and_tell(session, "reject", why=why, argument=str(number), json=json)


def _print(found: list[dict[str, Any]]) -> None:
    from rich.table import Table

    from runtime.config.moments import format_moment

    table = Table(box=None, pad_edge=False)
    for name in ("number", "symbol", "side", "quantity", "price", "until"):
        table.add_column(name, justify="right" if name in ("quantity", "price") else "left")
    for each in found:
        table.add_row(
            str(each["number"]),
            each["symbol"],
            "buy" if each["side"] > 0 else "sell",
            str(each["quantity"]),
            str(each["price"]),
            format_moment(each["expires_ns"]),
        )
    screen.console().print(table)
