"""`trader paper`: paper sessions of strategies, in one process."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal, TextIO, get_args

import typer

from cli import screen
from cli.errors import guarded, report, warn
from cli.live_view import LiveView
from cli.options import CatalogFolder, Debug, Json, Param, parameter_values
from cli.paper_end import SessionEnd, print_ends
from cli.supervised import Heartbeat, Supervise, supervised, watched_by

if TYPE_CHECKING:
    from runtime.config import StrategyConfig
    from runtime.journal.sessions import SessionStore
    from runtime.observing.assembling import Watching
    from runtime.session.host import Seat
    from runtime.session.paper import Wanted
    from runtime.session.parts import Again
    from runtime.session.process import Watched
    from runtime.session.session import Session

Mode = Literal["auto", "approve", "alert"]


@guarded
def paper(
    strategy: Annotated[
        list[str],
        typer.Argument(metavar="STRATEGY...", help="Strategy files, or names in the workspace."),
    ],
    param: Param = None,
    feed: Annotated[
        str,
        typer.Option(
            metavar="FEED",
            help="`replay` (the strategy's own data), `alpaca`, or a stream's ws:// address. Only days of "
            "`alpaca` count for `trader promote`.",
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
    supervise: Supervise = False,
    heartbeat: Heartbeat = 10.0,
    log: Annotated[
        Path | None,
        typer.Option("--log", metavar="FILE", help="Add the log to a file, as JSON lines."),
    ] = None,
    json: Json = False,
    catalog: CatalogFolder = None,
    debug: Debug = False,
) -> None:
    """Run strategies on a feed against simulated accounts; no order can reach a venue.

    Several run side by side, each on an account of its own; what breaks one of them leaves the others alone.
    A session that was stopped, or killed, goes on where it was. Ctrl-C stops them.

    The promotion gate counts days on a venue's own market, --feed alpaca. A replay shows that everything
    works, and counts for nothing.

    \b
    Examples:
      trader paper examples/sma_cross.toml
      trader paper sma_cross --speed 3600 --for 60
      trader paper full_loop --mode approve
      trader paper sma_cross --feed alpaca
      trader paper sma_cross full_loop --supervise
    """
    import asyncio

    from runtime.config import load_strategy
    from runtime.journal.sessions import SessionStore
    from runtime.observing.assembling import Show, Watching
    from runtime.session.host import Host
    from runtime.session.paper import Wanted, run_until_signal
    from runtime.session.process import Watched
    from runtime.workspace import catalog_root, find_strategy

    here = Path.cwd()
    for name, value in (("--for", seconds), ("--heartbeat", heartbeat)):
        require_seconds(name, value)
    values = parameter_values(param)
    configs = [
        load_strategy(find_strategy(each, here)).with_parameters(values) for each in strategy
    ]
    _require_accounts(configs, account)
    watched = Watched.here()
    if supervise and watched is None:
        raise typer.Exit(supervised(heartbeat, seconds))
    for warning in dict.fromkeys(warning for each in configs for warning in each.warnings):
        warn(warning)
    has_screen = sys.stdout.isatty() and not json
    with watched_by(watched) as closing:
        store = SessionStore.open()
        closing.callback(store.close)
        files = opened_log(log, closing) + ([] if has_screen else [sys.stderr])
        view = LiveView()
        watching = Watching(store, Show(files, glanced=view.show if has_screen else None))
        closing.callback(watching.close)
        begin = _Begin(store, watching, watched, is_named=len(configs) > 1, is_told=not json)
        for config in configs:
            begin.add(
                Wanted(
                    config,
                    catalog_root(catalog, here),
                    feed,
                    parse_speed(speed),
                    mode,
                    account,
                    is_new=new,
                    command=" ".join(sys.argv[1:]),
                    warn=warn,
                )
            )
        began_ns = store.clock.monotonic_ns()
        host = Host(begin.seats, store.clock, gives_up=feed == "replay" and not supervise)
        beside = [] if watched is None else [watched.beat(store.clock)]
        left = seconds if watched is None else watched.left_seconds
        with ExitStack() as drawing:
            if has_screen:
                drawing.enter_context(view.drawn())
            ended = asyncio.run(run_until_signal(host, left, beside)) if begin.seats else []
        if watched is not None and begin.seats:
            watched.ended()
        elapsed_ns = store.clock.monotonic_ns() - began_ns
        print_ends(
            [
                SessionEnd(seat.session, wanted, each, store, elapsed_ns)
                for seat, wanted, each in zip(host.seats, begin.wanted, ended, strict=True)
            ],
            is_json=json,
        )
    for wanted, each in zip(begin.wanted, ended, strict=True):
        if each.error is not None:
            if len(configs) == 1:
                raise each.error
            begin.failed(wanted.config.name, each.error)
    if begin.exit_code:
        raise typer.Exit(begin.exit_code)


class _Begin:
    """Begins sessions; one that cannot begin leaves the others alone.

    Parameters
    ----------
    is_named
        There are several: what is said names the strategy.
    """

    def __init__(
        self,
        store: SessionStore,
        watching: Watching,
        watched: Watched | None,
        *,
        is_named: bool,
        is_told: bool,
    ) -> None:
        self._store, self._watching, self._watched = store, watching, watched
        self._is_named, self._is_told = is_named, is_told
        self.seats: list[Seat] = []
        self.wanted: list[Wanted] = []
        self.exit_code = 0

    def add(self, wanted: Wanted) -> None:
        """Begin a session, or go on with one."""
        from engine.errors import TraderError
        from runtime.session.host import Seat
        from runtime.session.paper import prepared

        wanted.observer = self._watching.observer()
        try:
            found = prepared(wanted, self._store, self._watched)
        except TraderError as error:
            if not self._is_named:
                raise
            if self._watched is not None:
                self._watched.left(type(error), error, error.__traceback__)
            self.failed(wanted.config.name, error)
            return
        if found is None:
            return
        session, before = found
        session_id = session.parts.journal.session_id

        def once_more(reason: Again) -> Session:
            from runtime.session.paper import begun_again

            wanted.observer = self._watching.observer(wanted.observer)
            return begun_again(wanted, self._store, session_id, reason)

        self.seats.append(Seat(session, once_more))
        self.wanted.append(wanted)
        if self._is_told:
            named = f"{wanted.config.name} " if self._is_named else ""
            told = "goes on" if before is not None else "begins"
            print(f"PAPER {named}session {session_id} {told}", flush=True)

    def failed(self, strategy: str, error: Exception) -> None:
        """Say what is wrong with one of several."""
        self.exit_code = max(self.exit_code, report(error, strategy))


def opened_log(log: Path | None, files: ExitStack) -> list[TextIO]:
    """Open the file that the log is added to, where one is wanted."""
    if log is None:
        return []
    screen.require_writable(log)
    return [files.enter_context(log.open("a", encoding="utf-8"))]


def _require_accounts(configs: Sequence[StrategyConfig], account: str) -> None:
    """Each of several strategies trades an account of its own."""
    from engine.errors import InputError

    names = [each.name for each in configs]
    double = next((name for name in names if names.count(name) > 1), "")
    if double:
        raise InputError(
            f"two strategies are called {double!r}, and would trade one account",
            where=f"strategy {double}",
            remedy="name each once, or run them in two commands with --account",
        )
    if account and len(configs) > 1:
        raise InputError(
            "several strategies cannot trade one account",
            where="--account",
            remedy="leave --account out: each has one of its own, paper:NAME",
        )


def require_seconds(name: str, seconds: float | None) -> None:
    """Refuse what is no length of time.

    Raises
    ------
    InputError
        If it is not positive, or without end.
    """
    from engine.errors import InputError

    if seconds is not None and not 0 < seconds < float("inf"):
        raise InputError(
            f"{seconds:g} is no time",
            where=name,
            remedy="write seconds, e.g. 3600, or leave it out",
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
