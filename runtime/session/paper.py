"""`run_paper`: a paper session from a strategy file, in this process, until its feed ends or it is stopped."""

from __future__ import annotations

import asyncio
import gc
import signal
import sys
from collections.abc import Callable, Coroutine, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from msgspec.structs import replace

from data.history import History
from engine.errors import InputError
from engine.ports import Clock, Environment, Feed
from runtime.backtest.clockwork import Clockwork, clockwork_of
from runtime.backtest.histories import load_history
from runtime.config import StrategyConfig
from runtime.feeds.addresses import require_stream
from runtime.feeds.replay import ReplayFeed
from runtime.feeds.stream import StreamFeed
from runtime.feeds.venue import VenueFeed
from runtime.gateway.limits import limits_of
from runtime.journal.sessions import SessionRecord, SessionStore
from runtime.observing.observer import SessionObserver
from runtime.session.host import Ended, Host
from runtime.session.leaving import Leaving
from runtime.session.parts import Again, Observers, Options
from runtime.session.process import Watched
from runtime.session.session import Session
from runtime.session.starting import (
    PaperPlan,
    approval_note,
    left_behind,
    newest,
    start_paper,
    unfinished,
)
from runtime.session.states import SessionState
from runtime.session_core.assembling import Market, formulas_of, market_of
from runtime.venues.market import clockwork_ahead, open_venue_feed
from runtime.venues.market_access import ALPACA, load_market
from runtime.venues.needs import lacks
from runtime.workspace import find_workspace

_SIGNALS = {signal.SIGINT: "Ctrl-C", signal.SIGTERM: "SIGTERM"}  # and what stands as the cause
_TURN_SECONDS = 0.0005


@dataclass(slots=True)
class Wanted:
    """What a person wants of a paper session.

    Parameters
    ----------
    feed
        ``replay``: the strategy's own data; ``alpaca``: the venue that the workspace names; else the address of
        a stream.
    speed
        Seconds of the data in a second; None: as fast as possible.
    observer
        Who looks on; it takes the place of `observers`.
    history, market
        What was loaded, and what was made of it; written by `plan_of`.
    is_new
        Begin anew, also where an unfinished session could be gone on with.
    """

    config: StrategyConfig
    catalog_root: Path
    feed: str = "replay"
    speed: float | None = None
    mode: str = "auto"
    account: str = ""
    is_new: bool = False
    seconds: float | None = None
    command: str = ""
    options: Options = field(default_factory=lambda: Options(compiles=True))
    observers: Observers = field(default_factory=Observers)
    observer: SessionObserver | None = None
    progress: Callable[[int], None] = lambda played: None
    warn: Callable[[str], None] = lambda text: None
    history: History | None = None
    market: Market | None = None


def plan_of(wanted: Wanted, store: SessionStore) -> PaperPlan:
    """Load the data and return the plan.

    Raises
    ------
    InputError
        If data, feed or strategy cannot be used.
    """
    config = wanted.config
    history = wanted.history or load_history(config.data, wanted.catalog_root)
    feed, clockwork = _feed(wanted, history, store.clock)
    if wanted.observer is not None:
        looks = wanted.observer.looks
        looks.clockwork, looks.is_recorded = clockwork, wanted.feed == "replay"
        looks.strategy = config.name
        looks.span_ns = history.span_ns() if looks.is_recorded else None
        wanted.observers = wanted.observer.observers
    workspace = find_workspace(Path.cwd())
    limits = limits_of(None if workspace is None else workspace.limits, history.instruments)
    if workspace is not None:
        wanted.options = replace(
            wanted.options, on_stop=workspace.on_stop, settle_seconds=workspace.settle_seconds
        )
    wanted.history = history
    wanted.market = market_of(history, clockwork)
    return PaperPlan(
        config,
        feed,
        wanted.market,
        wanted.account or f"paper:{config.name}",
        wanted.mode,
        wanted.command,
        limits=limits,
        options=wanted.options,
        observers=wanted.observers,
        progress=wanted.progress,
        venue=wanted.feed if isinstance(feed, VenueFeed) else "",
        environment=feed.environment if isinstance(feed, VenueFeed) else Environment.PAPER,
    )


def _feed(wanted: Wanted, history: History, clock: Clock) -> tuple[Feed, Clockwork]:
    """Return the feed, and the calendars with every session that it will see."""
    trading = wanted.config.is_trading
    if wanted.feed == "replay":
        feed = ReplayFeed.over(history, clock, speed=wanted.speed, trading=trading)
        return feed, clockwork_of(history)
    if wanted.feed == ALPACA:
        _require_no_speed(wanted, "a venue has its own time")
        observer = wanted.observer
        hide = (lambda secrets: None) if observer is None else observer.looks.masker.add
        venue = load_market(find_workspace(Path.cwd()), hide=hide)
        formulas = formulas_of(wanted.config, history.symbols)
        return (
            open_venue_feed(venue, history, clock, trading=trading, formulas=formulas),
            clockwork_ahead(history, clock, formulas),
        )
    address = require_stream(wanted.feed, "replay, alpaca")
    _require_no_speed(wanted, "a stream has its own speed")
    # The strategy's data name the instruments; what the stream tells may go on long after them.
    stream = StreamFeed(address, history.instruments, clock, trading=trading)
    return stream, clockwork_ahead(history, clock)


def _require_no_speed(wanted: Wanted, problem: str) -> None:
    if wanted.speed is not None:
        raise InputError(problem, where="--speed", remedy="leave --speed out")


def prepared(
    wanted: Wanted, store: SessionStore, watched: Watched | None = None
) -> tuple[Session, SessionRecord | None] | None:
    """Return a session that is ready to run, and the one that it goes on with, if any.

    None where its process was begun again, and it had ended in order before.
    """
    again = None if watched is None else watched.again
    wanted.options = replace(wanted.options, again=again)
    plan = plan_of(wanted, store)
    if plan.venue and again is None:
        for lack in lacks(plan.config, plan.market.instruments, plan.venue):
            wanted.warn(f"`trader live` would refuse it: {lack.problem}; {lack.remedy}")
    if again is None and (told := approval_note(plan.mode, plan.market)):
        wanted.warn(told)
    if watched is not None and again is not None:
        last = newest(store, plan)
        if last is not None and last.begun_ns >= watched.since_ns:
            wanted.is_new = False  # what was to begin anew has begun
        if last is not None and last.state is SessionState.STOPPED:
            if last.changed_ns >= watched.since_ns:
                return None
    before = None if wanted.is_new else unfinished(store, plan)
    if before is None and not wanted.is_new and (told := left_behind(store, plan)):
        wanted.warn(told)
    return start_paper(store, plan, before), before


def begun_again(wanted: Wanted, store: SessionStore, session_id: str, again: Again) -> Session:
    """Return a session that broke, ready to go on from its journal.

    Raises
    ------
    InputError
        If it cannot go on.
    """
    wanted.options = replace(wanted.options, again=again)
    return start_paper(store, plan_of(wanted, store), store.get(session_id))


async def run_until_signal(
    host: Host,
    seconds: float | None = None,
    beside: Sequence[Coroutine[Any, Any, None]] = (),
) -> list[Ended]:
    """Run sessions; a signal stops them in order, a second one ends the process at once.

    What there is before they run is looked at by no collection of garbage any more: a whole one takes 26 ms
    of a session with the full loop, at any moment. And the threads beside them (the journal's, the alerts')
    may keep a message waiting for half a millisecond, not for Python's five.

    Parameters
    ----------
    beside
        What runs as long as they do.
    """
    gc.collect()
    gc.freeze()
    sys.setswitchinterval(_TURN_SECONDS)
    loop = asyncio.get_running_loop()
    running = asyncio.ensure_future(host.run())
    others = [asyncio.ensure_future(each) for each in beside]
    leaving = Leaving(host)

    def stop(cause: str) -> None:
        if host.is_stopping:
            running.cancel()
            leaving.asked_again()
        else:
            leaving.asked()
        host.stop(cause)

    for each, cause in _SIGNALS.items():
        loop.add_signal_handler(each, stop, cause)
    if seconds is not None:
        loop.call_later(seconds, host.stop, f"after {seconds:g} s")
    try:
        return await running
    except asyncio.CancelledError:
        raise KeyboardInterrupt from None
    finally:
        gc.unfreeze()
        for task in others:
            task.cancel()
        for each in _SIGNALS:
            loop.remove_signal_handler(each)
