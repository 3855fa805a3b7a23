"""What a person wants of a live session, and the plan that becomes of it."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Final

from msgspec.structs import replace

from engine.ports import Clock, Environment
from runtime.backtest.histories import load_history
from runtime.feeds.addresses import require_stream
from runtime.feeds.stream import StreamFeed
from runtime.gateway.checks import Limits
from runtime.gateway.limits import limits_of
from runtime.journal.sessions import SessionStore
from runtime.observing.masking import Masker
from runtime.observing.observer import SessionObserver
from runtime.promotion.desk import Desk
from runtime.session.dry_run import Unsent
from runtime.session.host import Ended, Host, Seat
from runtime.session.live import go_live, require_not_halted
from runtime.session.live_plan import LivePlan, LiveStart
from runtime.session.live_proof import no
from runtime.session.paper import Wanted, run_until_signal
from runtime.session.parts import Again
from runtime.session.process import Watched
from runtime.session.session import Session
from runtime.session.starting import approval_note, switch_of
from runtime.session_core.assembling import formulas_of, market_of
from runtime.venues.accounts import AlpacaAccount, load_alpaca
from runtime.venues.market import clockwork_ahead, open_venue_feed
from runtime.workspace import Workspace, find_workspace

_PAPER_KEYS: Final = "PK"  # so begin the names of paper keys at Alpaca, as far as anybody knows


@dataclass(slots=True)
class LiveWanted(Wanted):
    """What a person wants of a live session.

    Parameters
    ----------
    content
        The certificate's file; the newest of the record when left out.
    confirm
        Shown what is about to begin; raises where it shall not.
    """

    content: bytes | None = None
    confirm: Callable[[LiveStart], None] = lambda start: None
    start: LiveStart | None = field(default=None)

    def begins(self, start: LiveStart) -> None:
        """Keep what begins, after it was confirmed."""
        self.confirm(start)
        self.start = start


def account_here(masker: Masker | None = None) -> AlpacaAccount:
    """Return the account of the current folder's workspace.

    Raises
    ------
    ConfigError
        If none is configured, or its address proves another environment.
    NegativeAnswer
        If its keys are by their name those of another environment.
    """
    account = load_alpaca(find_workspace(Path.cwd()), hide=(masker or Masker.of_environment()).add)
    is_paper_key = account.keys.key_id.startswith(_PAPER_KEYS)
    if account.environment is Environment.LIVE and is_paper_key:
        raise no(
            "keys",
            f"the account is configured as live, and the key {account.keys.key_id[:4]}... is by its name "
            "one of a paper account",
            "use the live account's keys",
            "trader.toml, venues.alpaca.key_id",
        )
    return account


def live_plan(wanted: LiveWanted, account: AlpacaAccount, clock: Clock) -> LivePlan:
    """Load the data that name the instruments, and return the plan.

    Raises
    ------
    InputError
        If data, feed or strategy cannot be used.
    """
    folder = Path.cwd()
    config, workspace = wanted.config, find_workspace(folder)
    history = wanted.history or load_history(config.data, wanted.catalog_root)
    is_venue = wanted.feed == account.venue
    formulas = formulas_of(config, history.symbols) if is_venue else None
    clockwork = clockwork_ahead(history, clock, formulas)
    feed = (
        open_venue_feed(account, history, clock, trading=config.is_trading, formulas=formulas)
        if is_venue
        else StreamFeed(
            require_stream(wanted.feed, account.venue),
            history.instruments,
            clock,
            trading=config.is_trading,
        )
    )
    if workspace is not None:
        wanted.options = replace(
            wanted.options, on_stop=workspace.on_stop, settle_seconds=workspace.settle_seconds
        )
    if wanted.observer is not None:
        looks = wanted.observer.looks
        # In a rehearsal the market's time is not the clock's.
        looks.is_recorded = account.environment is Environment.REHEARSAL
        looks.clockwork, looks.strategy = clockwork, config.name
        wanted.observers = wanted.observer.observers
    wanted.history, wanted.market = history, market_of(history, clockwork)

    def limits_in(workspace: Workspace | None) -> Limits:
        return limits_of(None if workspace is None else workspace.limits, history.instruments)

    return LivePlan(
        config,
        feed,
        wanted.market,
        account,
        wanted.account,
        wanted.content,
        wanted.mode,
        wanted.command,
        limits_in(workspace),
        lambda: limits_in(find_workspace(folder)),
        wanted.options,
        wanted.observers,
        is_new=wanted.is_new,
        confirm=wanted.begins,
        progress=wanted.progress,
    )


async def prepared(wanted: LiveWanted, store: SessionStore, desk: Desk) -> Session:
    """Return a session that is ready to run; see `runtime.session.live`.

    Raises
    ------
    TraderError
        With the first thing that speaks against it.
    """
    require_not_halted(switch_of(store))
    plan = live_plan(wanted, account_here(), store.clock)
    if wanted.options.again is None and (told := approval_note(plan.mode, plan.market)):
        wanted.warn(told)
    return await go_live(store, plan, desk)


async def begun_again(wanted: LiveWanted, store: SessionStore, desk: Desk, again: Again) -> Session:
    """Return a session that broke, after everything was proven again; nobody is asked.

    Raises
    ------
    TraderError
        If something speaks against it.
    """
    wanted.options, wanted.is_new = replace(wanted.options, again=again), False
    wanted.confirm = lambda start: None
    return await prepared(wanted, store, desk)


async def run_live(
    wanted: LiveWanted,
    store: SessionStore,
    desk: Desk,
    *,
    seconds: float | None = None,
    begun: Callable[[Session], None] = lambda session: None,
    observer: Callable[[], SessionObserver] | None = None,
    watched: Watched | None = None,
) -> tuple[Session, Ended]:
    """Run a live session until it is stopped; return it, and how it has ended.

    Parameters
    ----------
    begun
        Told the session before it runs.
    observer
        Returns who looks on at a session that is begun again.
    watched
        Who watches this process; nobody when left out.
    """
    if watched is not None and watched.again is not None:
        wanted.options, wanted.is_new = replace(wanted.options, again=watched.again), False
    session = await prepared(wanted, store, desk)
    begun(session)
    loop = asyncio.get_running_loop()

    def once_more(again: Again) -> Session:  # in a thread; a journal belongs to the loop
        if observer is not None:
            wanted.observer = observer()
        more = begun_again(wanted, store, desk, again)
        return asyncio.run_coroutine_threadsafe(more, loop).result()

    host = Host([Seat(session, once_more)], store.clock)
    beside = [] if watched is None else [watched.beat(store.clock)]
    (ended,) = await run_until_signal(host, seconds, beside)
    return host.seats[0].session, ended


async def rehearsed(
    wanted: LiveWanted, store: SessionStore, desk: Desk, seconds: float | None
) -> Unsent | None:
    """Do everything up to the first order; return what would be sent, None where that was nothing.

    Nothing of it is kept, and the account is free for others meanwhile.

    Parameters
    ----------
    seconds
        How long to wait for it; None: until the feed ends.
    """
    found: list[Unsent] = []
    with TemporaryDirectory(prefix="trader-dry-run-") as folder:
        plan = live_plan(wanted, account_here(), store.clock)
        plan.dry = SessionStore.open(f"sqlite:///{Path(folder) / 'trader.db'}")
        try:
            session = await go_live(store, plan, desk)

            def told(unsent: Unsent) -> None:
                found.append(unsent)
                session.stop("the first order")

            plan.unsent = told
            with suppress(TimeoutError):
                async with asyncio.timeout(seconds):
                    await session.run()
        finally:
            plan.dry.close()
    return found[0] if found else None
