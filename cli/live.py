"""`trader live`: a strategy with a certificate on a real account, or in rehearsal on a venue of this machine."""

from __future__ import annotations

import sys
from contextlib import ExitStack, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from cli import screen
from cli.errors import guarded, warn
from cli.live_start import print_start, print_unsent, start_as_json, unsent_as_json
from cli.live_view import LiveView
from cli.options import CatalogFolder, Debug, Json, Param, parameter_values
from cli.paper import Mode, opened_log, require_seconds
from cli.paper_end import SessionEnd, print_ends
from cli.promote import content_of, desk_here
from cli.supervised import Heartbeat, Supervise, supervised, watched_by

if TYPE_CHECKING:
    from runtime.journal.sessions import SessionStore
    from runtime.session.going_live import LiveWanted
    from runtime.session.live_plan import LiveStart
    from runtime.session.process import Watched
    from runtime.session.session import Session


@guarded
def live(
    strategy: Annotated[
        str, typer.Argument(metavar="STRATEGY", help="A strategy file, or a name in the workspace.")
    ],
    param: Param = None,
    account: Annotated[
        str,
        typer.Option(
            metavar="NUMBER", help="The account's number: with another one nothing is traded."
        ),
    ] = "",
    certificate: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="A certificate; the newest of the record if left out."),
    ] = None,
    feed: Annotated[
        str,
        typer.Option(
            metavar="FEED",
            help="`alpaca`: the venue's own data; in a rehearsal also a stream's ws:// address.",
        ),
    ] = "alpaca",
    mode: Annotated[
        Mode,
        typer.Option(
            metavar="auto|approve|alert",
            help="Send, ask a person first, or only tell what would be sent.",
        ),
    ] = "auto",
    dry_run: Annotated[
        bool,
        typer.Option("--dry-run", help="Do everything up to the first order, and show that."),
    ] = False,
    yes: Annotated[
        str,
        typer.Option("--yes", metavar="NUMBER", help="The account's number, instead of typing it."),
    ] = "",
    seconds: Annotated[
        float | None, typer.Option("--for", metavar="SECONDS", help="Stop after so long.")
    ] = None,
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
    """Trade a strategy on the workspace's account, as far as its certificate allows.

    Before anything is sent the certificate, the account, the clocks and the drill are looked at, and the
    account's number is asked for where it is a live one. A session that was stopped, or killed, goes on
    where it was; with --supervise by itself, after everything was looked at again, and nobody is asked again.
    Exit code 1: it was refused.

    \b
    Examples:
      trader live momentum --dry-run
      trader live momentum --account 123456789
      trader live momentum --supervise --log momentum.jsonl
      trader live momentum --yes 123456789 --json
    """
    import asyncio

    from runtime.config import load_strategy
    from runtime.journal.sessions import SessionStore
    from runtime.observing.assembling import Show, Watching
    from runtime.observing.masking import Masker
    from runtime.session.going_live import LiveWanted, account_here, rehearsed, run_live
    from runtime.session.kill_switch import KillSwitch, switch_path
    from runtime.session.live import require_not_halted
    from runtime.session.process import Watched
    from runtime.session.stage import reduced
    from runtime.workspace import catalog_root, find_strategy

    here = Path.cwd()
    for name, value in (("--for", seconds), ("--heartbeat", heartbeat)):
        require_seconds(name, value)
    watched = Watched.here()
    require_not_halted(KillSwitch(switch_path()))
    masker = Masker.of_environment()
    environment = account_here(masker).environment.value.upper()
    config = load_strategy(find_strategy(strategy, here)).with_parameters(parameter_values(param))
    for warning in config.warnings:
        warn(warning)
    asks = _Asks(environment, yes, is_json=json)
    wanted = LiveWanted(
        config,
        catalog_root(catalog, here),
        feed,
        mode=mode,
        account=account,
        is_new=new,
        command=" ".join(sys.argv[1:]),
        warn=warn,
        content=None if certificate is None else content_of(certificate),
    )
    has_screen = sys.stdout.isatty() and not json
    with watched_by(watched) as closing:
        desk = closing.enter_context(desk_here())
        store = SessionStore.open()
        closing.callback(store.close)
        if dry_run:
            wanted.confirm = asks.shown
            unsent = asyncio.run(rehearsed(wanted, store, desk, seconds))
            if json:
                assert wanted.start is not None
                screen.print_json(
                    start_as_json(wanted.start)
                    | {"would_send": unsent_as_json(unsent, wanted.history)}
                )
            else:
                print_unsent(unsent, wanted.history)
            return
        if supervise and watched is None:
            number = yes
            if environment == "LIVE" and not yes:  # asked once, now, and not after each crash
                wanted.confirm = asks.confirmed_only
                with suppress(_Confirmed):
                    asyncio.run(rehearsed(wanted, store, desk, seconds))
                number = asks.number
            closing.close()
            raise typer.Exit(supervised(heartbeat, seconds, *(("--yes", number) if number else ())))
        if _has_ended(store, config.name, watched):
            return
        wanted.confirm = asks.confirmed
        files = opened_log(log, closing) + ([] if has_screen else [sys.stderr])
        view = LiveView(environment)
        show = Show(files, environment, glanced=view.show if has_screen else None)
        watching = Watching(store, show, masker)
        closing.callback(watching.close)
        wanted.observer = watching.observer()
        began_ns = store.clock.monotonic_ns()
        with ExitStack() as drawing:

            def begun(session: Session) -> None:
                if not json:
                    _tell_begun(session, wanted, environment)
                if has_screen:
                    drawing.enter_context(view.drawn())

            running = run_live(
                wanted,
                store,
                desk,
                seconds=seconds if watched is None else watched.left_seconds,
                begun=begun,
                watched=watched,
                observer=lambda: watching.observer(wanted.observer),
            )
            session, ended = asyncio.run(running)
        if watched is not None:
            watched.ended()
        elapsed_ns = store.clock.monotonic_ns() - began_ns
        assert wanted.start is not None, "it was confirmed"
        wanted.config = reduced(config, wanted.start.percent)
        print_ends(
            [SessionEnd(session, wanted, ended, store, elapsed_ns, environment)], is_json=json
        )
    if ended.error is not None:
        raise ended.error


def _has_ended(store: SessionStore, strategy: str, watched: Watched | None) -> bool:
    """Say whether the process died after its session had ended in order: then there is nothing to do."""
    if watched is None or watched.again is None:
        return False
    ours = (
        each
        for each in store.list()
        if each.strategy == strategy and each.broker.upper() != "PAPER"
    )
    last = next(ours, None)
    return last is not None and last.state == "stopped" and last.changed_ns >= watched.since_ns


def _tell_begun(session: Session, wanted: LiveWanted, environment: str) -> None:
    goes_on = wanted.start is not None and wanted.start.going_on is not None
    told = "goes on" if goes_on else "begins"
    print(f"{environment} session {session.parts.journal.session_id} {told}", flush=True)


class _Confirmed(Exception):
    """A person has confirmed; nothing is to begin here."""


class _Asks:
    """Shows what is about to begin, and asks for the account's number where it is a live one."""

    number = ""  # that was confirmed

    def __init__(self, environment: str, yes: str, *, is_json: bool) -> None:
        self._environment, self._yes, self._is_json = environment, yes, is_json

    def shown(self, start: LiveStart) -> None:
        """Show it."""
        if not self._is_json:
            print_start(start, self._environment)

    def confirmed_only(self, start: LiveStart) -> None:
        """Show it, have a person confirm, and begin nothing."""
        self.confirmed(start)
        raise _Confirmed

    def confirmed(self, start: LiveStart) -> None:
        """Show it, and have a person confirm."""
        from runtime.session.live_proof import no

        self.shown(start)
        number = start.proven.facts.account
        if self._environment != "LIVE" and not self._yes:
            return
        typed = self._yes
        if not typed and not sys.stdin.isatty():
            raise no(
                "not_confirmed",
                "nobody can be asked whether this account is to be traded",
                f"say --yes {number}, or run it on a terminal",
            )
        if not typed:
            typed = typer.prompt("Type the account's number to trade it", default="", err=True)
        if typed.strip() != number:
            raise no(
                "not_confirmed",
                f"{typed.strip() or 'nothing'!r} is not the account's number",
                f"the account is {number}; nothing was traded",
            )
        self.number = number
