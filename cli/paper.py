"""`trader paper`: a paper session of a strategy."""

from __future__ import annotations

import sys
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal, TextIO, get_args

import typer

from cli import screen
from cli.errors import guarded, warn
from cli.live_view import live_view
from cli.options import CatalogFolder, Debug, Json, parse_pairs

if TYPE_CHECKING:
    from runtime.observing.assembling import Show
    from runtime.observing.observer import SessionObserver
    from runtime.results import BacktestResult
    from runtime.session.session import Session

Mode = Literal["auto", "approve", "alert"]


@guarded
def paper(
    strategy: Annotated[
        str, typer.Argument(metavar="STRATEGY", help="A strategy file, or a name in the workspace.")
    ],
    param: Annotated[
        list[str] | None,
        typer.Option(
            "--param", metavar="NAME=VALUE", help="Another value of a parameter; repeatable."
        ),
    ] = None,
    feed: Annotated[
        str,
        typer.Option(
            metavar="FEED", help="`replay` (the strategy's own data), or a stream's ws:// address."
        ),
    ] = "replay",
    speed: Annotated[
        str,
        typer.Option(metavar="max|N", help="How many seconds of the data pass in one; or max."),
    ] = "max",
    mode: Annotated[
        Mode,
        typer.Option(
            metavar="|".join(get_args(Mode)),
            help="Send, ask a person first, or only tell what would be sent.",
        ),
    ] = "auto",
    seconds: Annotated[
        float | None, typer.Option("--for", metavar="SECONDS", help="Stop after so long.")
    ] = None,
    account: Annotated[
        str, typer.Option(metavar="NAME", help="The paper account; the strategy's own if left out.")
    ] = "",
    new: Annotated[
        bool, typer.Option("--new", help="Begin anew, not where the last session was.")
    ] = False,
    log: Annotated[
        Path | None,
        typer.Option("--log", metavar="FILE", help="Add the log to a file, as JSON lines."),
    ] = None,
    json: Json = False,
    catalog: CatalogFolder = None,
    debug: Debug = False,
) -> None:
    """Run a strategy on a feed against a simulated account; no order can reach a venue.

    A session that was stopped, or killed, goes on where it was. Ctrl-C stops it.

    \b
    Examples:
      trader paper examples/sma_cross.toml
      trader paper sma_cross --speed 3600 --for 60
      trader paper full_loop --mode approve
    """
    import asyncio

    from runtime.config import load_strategy
    from runtime.config.parameters import parse_value
    from runtime.journal.sessions import SessionStore
    from runtime.observing.assembling import Show, observer_of
    from runtime.session.paper import Wanted, prepared, run_until_signal
    from runtime.session.results import result_of
    from runtime.workspace import catalog_root, find_strategy

    here = Path.cwd()
    config = load_strategy(find_strategy(strategy, here)).with_parameters(
        {
            name: parse_value(text, name=name)
            for name, text in parse_pairs(param or [], option="--param").items()
        }
    )
    for warning in config.warnings:
        warn(warning)
    _require_seconds(seconds)
    is_watched = sys.stdout.isatty() and not json
    with ExitStack() as closing:
        store = SessionStore.open()
        closing.callback(store.close)
        files = _opened(log, closing) + ([] if is_watched else [sys.stderr])
        show = Show(files)
        observer = observer_of(store, show)
        wanted = Wanted(
            config,
            catalog_root(catalog, here),
            feed,
            parse_speed(speed),
            mode,
            account,
            is_new=new,
            command=" ".join(sys.argv[1:]),
            observer=observer,
            warn=warn,
        )
        session, before = prepared(wanted, store)
        session_id = session.parts.journal.session_id
        if not json:
            told = "goes on" if before is not None else "begins"
            print(f"PAPER session {session_id} {told}", flush=True)
        _serve(observer, show, closing)
        began_ns = store.clock.monotonic_ns()
        with ExitStack() as watching:
            if is_watched:
                observer.looks.glanced = watching.enter_context(live_view())
            asyncio.run(run_until_signal(session, seconds))
        elapsed_ns = store.clock.monotonic_ns() - began_ns
        if not json:
            _print_result(
                result_of(session, wanted, store.entries(session_id), elapsed_ns=elapsed_ns)
            )
        _print_end(session, store.get(session_id).cause, json=json)


def _serve(observer: SessionObserver, show: Show, closing: ExitStack) -> None:
    """Serve metrics for as long as the session runs, where the workspace wants that."""
    from runtime.observing.assembling import metrics_of

    server = metrics_of(observer, show)
    if server is not None:
        closing.callback(server.close)


def _print_result(result: BacktestResult | None) -> None:
    from reports.tearsheet import render_tearsheet

    if result is None:
        print("Nothing was seen yet that could be judged: no day has closed.")
    else:
        render_tearsheet(result.summary, screen.console())


def _print_end(session: Session, cause: str, *, json: bool) -> None:
    """Say how the session has ended; to programs as JSON."""
    core = session.parts.core
    answer = {
        "session": session.parts.journal.session_id,
        "environment": "PAPER",
        "state": session.state.value,
        "inputs": session.cursor,
        "equity": f"{core.equity_minor / 1e8:.2f}",
        "state_hash": core.state_hash,
        "cause": cause,
    }
    if json:
        screen.print_json(answer)
        return
    print(f"Session     {answer['session']} PAPER, {answer['state']}: {cause}")
    print(f"State       {answer['state_hash']} after {session.cursor:,} inputs")


def _opened(log: Path | None, files: ExitStack) -> list[TextIO]:
    """Open the file that the log is added to, where one is wanted."""
    if log is None:
        return []
    screen.require_writable(log)
    return [files.enter_context(log.open("a", encoding="utf-8"))]


def _require_seconds(seconds: float | None) -> None:
    from engine.errors import InputError

    if seconds is not None and not 0 < seconds < float("inf"):
        raise InputError(
            f"{seconds:g} is no time to run for",
            where="--for",
            remedy="write seconds, e.g. 3600, or leave it out: until the feed ends",
        )


def parse_speed(text: str) -> float | None:
    """Return a speed; None for as fast as possible.

    Raises
    ------
    InputError
        If it is neither ``max`` nor a positive number.
    """
    from engine.errors import InputError

    if text == "max":
        return None
    try:
        value = float(text)
    except ValueError:
        value = 0.0
    if not 0 < value < float("inf"):
        raise InputError(
            f"{text!r} is no speed",
            where="--speed",
            remedy="write max, 1 for the clock's own pace, or e.g. 3600 for an hour in a second",
        )
    return value
