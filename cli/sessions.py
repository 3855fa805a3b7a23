"""`trader sessions`: running and past sessions, and the wishes that people have of them."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from cli import screen
from cli.errors import EXIT_NEGATIVE, guarded, warn
from cli.options import Debug, Json
from cli.session_names import Session, opened_store, warn_of_rest, who_asks

if TYPE_CHECKING:
    from rich.text import Text

    from runtime.journal.sessions import SessionRecord, SessionStore

_STYLES = {
    "running": "green",
    "paused": "yellow",
    "halted": "red",
    "failed": "red",
    "reconciling": "yellow",
}
_EXPECTED = ("running", "stopped")  # of any other state the list says why
_WAIT_SECONDS = 5.0
RELEASE = "release_symbol"  # `release` alone is of the kill switch
_LOOK_SECONDS = 0.1
Why = Annotated[str, typer.Option("--why", metavar="TEXT", help="It stands in the journal.")]


@guarded
def list_sessions(
    limit: Annotated[
        int, typer.Option("--limit", metavar="N", min=1, max=10_000, help="How many, newest first.")
    ] = 20,
    json: Json = False,
    debug: Debug = False,
) -> None:
    """List sessions, the newest first: state and since when (UTC), the account's worth at the last mark.

    Below them why a session is neither running nor stopped; `show` has the cause of any.

    \b
    Examples:
      trader sessions list
      trader sessions list --limit 100 --json
    """
    with opened_store() as store:
        found = store.list(limit=limit)
        if json:
            screen.print_json({"sessions": [_to_json(each) for each in found]})
        elif not found:
            print("No session yet: trader paper STRATEGY")
        else:
            print_list(found)


@guarded
def show_session(session: Session, json: Json = False, debug: Debug = False) -> None:
    """Show one session: state, positions, working orders, notes, alerts, journal.

    Of one that runs also how it fares: when its heart last beat (every ten seconds), by how much its loop
    comes late, and what of it is not well.

    \b
    Examples:
      trader sessions show last
      trader sessions show 4k9zt --json
    """
    import json as codec

    from msgspec import to_builtins

    from cli.session_page import print_session
    from runtime.session.shown import session_shown

    with opened_store() as store:
        found = store.get(session)
        head = store.head(found.id)
        entry = _to_json(found) | {
            "inputs": store.inputs(found.id),
            "records": head.sequence,
            "head": head.hash.hex(),
        }
        page = session_shown(store, found.id)
        is_running = found.is_alive and not found.state.is_final
        pulse = asked_of(store, found.id, "pulse") if is_running else ""
    if json:
        fares = {"pulse": codec.loads(pulse) if pulse else None}
        screen.print_json(entry | fares | to_builtins(page))
    else:
        print_session(entry, page, _fares(pulse) if is_running else {})


def _fares(pulse: str) -> dict[str, str]:
    """Return how a running session fares, in words."""
    import msgspec

    from runtime.observing.heartbeat import Pulse

    if not pulse:
        silent = f"no answer for {_WAIT_SECONDS:g} s: it is busy, hangs, or nobody looks on"
        return {"heartbeat": silent}
    told = msgspec.json.decode(pulse, type=Pulse)
    beat = "none yet" if told.beat_seconds is None else f"{told.beat_seconds:.1f} s ago"
    lag = told.lag
    late = f"p50 {lag.p50_ms:.1f} ms, p99 {lag.p99_ms:.1f} ms, at most {lag.max_ms:.1f} ms"
    found = {"heartbeat": beat, "loop is late": late}
    for name, why in told.unhealthy.items():
        found[name] = why
    return found


def wish(verb: str, help_text: str) -> Callable[..., None]:
    """Return a command that asks a running session for something and waits for its answer."""

    @guarded
    def ask(session: Session, why: Why = "", json: Json = False, debug: Debug = False) -> None:
        ask_and_tell(session, verb, why=why, json=json)

    ask.__doc__ = f"""{help_text}

    \b
    Example:
      trader sessions {verb} last --why "news"
    """
    ask.__name__ = f"{verb}_session"
    return ask


pause_session = wish("pause", "Enter nothing more; exits go on.")
resume_session = wish("resume", "Enter again after a pause.")
stop_session = wish(
    "stop", "Stop in order, as [sessions] on_stop in trader.toml says: keep, cancel or flatten."
)
flatten_session = wish(
    "flatten", "Withdraw every order, close every position at market, and pause."
)


@guarded
def release_symbol(
    session: Session,
    symbol: Annotated[
        str,
        typer.Argument(metavar="SYMBOL", help="The instrument that is quarantined, or `cash`."),
    ],
    why: Why = "",
    json: Json = False,
    debug: Debug = False,
) -> None:
    """Enter again in an instrument that was quarantined: what the venue says of it was explained.

    Where venue and books still differ at the next look, it is quarantined again. `cash` takes the account's cash
    as the venue states it: what is missing is booked as lost.

    \b
    Example:
      trader sessions release last AAPL --why "the trade was made by hand"
    """
    ask_and_tell(session, RELEASE, why=why, argument=symbol, json=json)


@guarded
def reset_guard(
    session: Session,
    guard: Annotated[
        str, typer.Argument(metavar="GUARD", help="Its name, e.g. daily_loss: the alert says it.")
    ],
    why: Annotated[str, typer.Option("--why", metavar="TEXT", help="It stands in the journal.")],
    json: Json = False,
    debug: Debug = False,
) -> None:
    """Release a guard that waits for a person, such as daily_loss or drawdown.

    What it had counted counts no more. `trader resume` is for the kill switch, `trader sessions resume` for a
    pause.

    \b
    Example:
      trader sessions reset last daily_loss --why "a bad print, corrected"
    """
    ask_and_tell(session, "reset", why=why, argument=guard, json=json)


@guarded
def export_session(
    session: Session,
    file: Annotated[Path, typer.Argument(metavar="FILE", help="Where to write the journal.")],
    json: Json = False,
    debug: Debug = False,
) -> None:
    """Write a session's journal into a file that `trader verify` checks anywhere.

    Exit code 1: the database is an old copy, which has not all of it.

    \b
    Example:
      trader sessions export last session.journal
    """
    screen.require_writable(file)
    with opened_store() as store:
        session_id = store.get(session).id
        head = store.export(session_id, file)
        warn_of_rest(store, session_id)
        damage = store.behind(session_id, head)
    if json:
        screen.print_json(
            {
                "session": session_id,
                "file": str(file),
                "records": head.sequence,
                "head": head.hash.hex(),
                "problem": None if damage is None else damage.problem,
            }
        )
    else:
        print(f"{head.sequence:,} records, head {head.hash.hex()}")
    if damage is not None:
        warn(f"{damage.problem}: the file has not all of it")
        raise typer.Exit(EXIT_NEGATIVE)


def ask_and_tell(
    session: str, verb: str, *, why: str = "", argument: str = "", json: bool = False
) -> None:
    """Ask a running session for something and print what it answers; exit code 1: it refused."""
    from runtime.session.operators import REFUSED

    with opened_store() as store:
        answer = asked_of(store, session, verb, why=why, argument=argument)
    if json:
        screen.print_json({"session": session, "asked": verb, "answer": answer})
    else:
        print(answer or f"{verb}: asked; the session has not answered yet")
    if answer.startswith(REFUSED):
        raise typer.Exit(EXIT_NEGATIVE)


def asked_of(
    store: SessionStore, session: str, verb: str, *, why: str = "", argument: str = ""
) -> str:
    """Ask a running session for something and return its answer; empty: there is none yet.

    Raises
    ------
    InputError
        If it does not run.
    """
    found = store.get(session)
    _require_running(found)
    number = store.controls.ask(
        found.id, verb, who=who_asks(), why=why, arguments={"argument": argument}
    )
    return _answer(store, number)


def _answer(store: SessionStore, number: str) -> str:
    """Wait a little for the session's answer."""
    until = time.monotonic() + _WAIT_SECONDS
    while time.monotonic() < until:
        control = store.controls.get(number)
        if control is not None and control.done_ns is not None:
            return control.answer
        time.sleep(_LOOK_SECONDS)
    return ""


def _require_running(found: SessionRecord) -> None:
    from engine.errors import InputError

    if found.state.is_final or not found.is_alive:
        raise InputError(
            f"session {found.id} is not running: it is {_state(found)}",
            remedy="`trader sessions list` shows which are; one that was interrupted goes on when it is begun again, "
            "with the same command",
            code="session.not_running",
        )


def _state(found: SessionRecord) -> str:
    """Return the state; of a process that has died that it was interrupted."""
    return found.state.value if found.is_alive or found.state.is_final else "interrupted"


def _to_json(found: SessionRecord) -> dict[str, object]:
    from runtime.config.moments import format_moment

    return {
        "session": found.id,
        "state": _state(found),
        "cause": found.cause,
        "strategy": found.strategy,
        "file": found.path,
        "account": found.account,
        "broker": found.broker.upper(),
        "feed": found.feed,
        "evidence": found.evidence,
        "mode": found.mode,
        "instruments": found.symbols,
        "equity": _equity(found),
        "begun": format_moment(found.begun_ns),
        "changed": format_moment(found.changed_ns),
        "ended": None if found.ended_ns is None else format_moment(found.ended_ns),
        "process": f"{found.pid} on {found.host}",
    }


def _equity(found: SessionRecord) -> str | None:
    """Return the account's worth at the last mark; None before the first."""
    from engine.model.units import from_minor

    return None if found.equity_minor is None else f"{from_minor(found.equity_minor):.2f}"


def _environment(found: SessionRecord) -> Text:
    """Return where it trades; with real money in red."""
    from rich.text import Text

    name = found.broker.upper()
    return Text(name, "bold red" if name.endswith("LIVE") else "")


def print_list(sessions: Sequence[SessionRecord]) -> None:
    """Print sessions, a line each; under them why those have stopped that nobody and nothing planned to stop."""
    from rich.table import Table

    from runtime.config.moments import format_moment

    table = Table(box=None, pad_edge=False)
    for name in ("session", "broker", "state", "since", "strategy", "equity"):
        table.add_column(
            name,
            no_wrap=name not in ("broker", "strategy"),  # what is too wide goes on a line below
            overflow="fold",
            justify="right" if name == "equity" else "left",
        )
    for each in sessions:
        table.add_row(
            each.id,
            _environment(each),
            _styled(_state(each)),
            format_moment(each.changed_ns)[5:16].replace("T", " "),
            each.strategy,
            _equity(each) or "",
        )
    console = screen.console()
    console.print(table)
    for each in sessions:
        if each.cause and (state := _state(each)) not in _EXPECTED:
            console.print(f"{each.id}  {state}: {each.cause}", markup=False)


def _styled(state: str) -> Text:
    from rich.text import Text

    return Text(state, _STYLES.get(state, ""))
