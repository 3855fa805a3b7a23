"""From a strategy and a feed to a session that can run: the lease, the journal, recovery, the parts."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field

from engine.errors import InputError
from engine.model.trading import ExecutionMode
from engine.ports import Environment, Feed
from runtime.approvals import use_mode
from runtime.config import StrategyConfig
from runtime.feeds.replay import ReplayFeed
from runtime.gateway.checks import Limits
from runtime.gateway.ledger import OrderLedger
from runtime.journal.controls import Control
from runtime.journal.journal import SessionJournal
from runtime.journal.leases import Lease, LeaseHeld
from runtime.journal.records import Intents, SliceInput, Taken
from runtime.journal.sessions import NewSession, SessionRecord, SessionStore
from runtime.observing.masking import Masker
from runtime.session.intake import to_bytes
from runtime.session.kill_switch import NAME, KillSwitch
from runtime.session.opening import Ground, continued_of, opened_of
from runtime.session.parts import Asked, Keeper, Observers, Options, Parts
from runtime.session.recovery import Recovered, recover, schema
from runtime.session.session import Session
from runtime.session.states import FEED_ENDED, SessionState
from runtime.session_core.assembling import (
    Market,
    new_paper_broker,
    new_session_core,
    setup_of_session,
)
from runtime.session_core.core import SessionCore
from runtime.store.ids import new_id

_DAILY = "1d"
_LAST = 2_000  # records, of which one is the last slice, unless nothing came for long


@dataclass(slots=True)
class PaperPlan:
    """A paper session to be.

    Parameters
    ----------
    account
        The paper account; one session at a time may trade it.
    switch
        The kill switch; the store's own when left out.
    progress
        Told now and then how many inputs recovery has played.
    venue
        Whose market it is, where the feed is a venue's; `environment` is that of its address.
    """

    config: StrategyConfig
    feed: Feed
    market: Market
    account: str
    mode: str = "auto"
    command: str = ""
    limits: Limits = field(default_factory=Limits)
    options: Options = field(default_factory=Options)
    observers: Observers = field(default_factory=Observers)
    switch: KillSwitch | None = None
    progress: Callable[[int], None] = lambda played: None
    venue: str = ""
    environment: Environment = Environment.PAPER


def newest(store: SessionStore, plan: PaperPlan) -> SessionRecord | None:
    """Return the newest session of a plan's account."""
    return next(iter(store.of_account(plan.account)), None)


def is_over(one: SessionRecord) -> bool:
    """Return whether a session has ended with its feed: nothing goes on with it."""
    return one.state is SessionState.STOPPED and one.cause == FEED_ENDED


def unfinished(store: SessionStore, plan: PaperPlan) -> SessionRecord | None:
    """Return the session that a plan would go on with: the newest of its account, if it can be."""
    last = newest(store, plan)
    if last is None or is_over(last):
        return None
    is_same = last.fingerprint == plan.config.fingerprint and last.feed == plan.feed.name
    return last if is_same else None


def start_paper(
    store: SessionStore, plan: PaperPlan, going_on: SessionRecord | None = None
) -> Session:
    """Take the account, open the journal, recover, and return the session, ready to run.

    Raises
    ------
    InputError
        If everything is halted, somebody else trades the account, or the session cannot go on as it
        was.
    """
    (plan.switch or switch_of(store)).require_off()
    if going_on is not None and going_on.mode != plan.mode:
        raise other_mode(going_on)
    session_id = new_id(store.clock.now_ns()) if going_on is None else going_on.id
    held = store.leases.acquire(plan.account, session_id)
    if isinstance(held, LeaseHeld):
        raise held.refusal()
    try:
        return _opened(store, plan, session_id, held, is_new=going_on is None)
    except BaseException:
        store.leases.release(held)
        raise


def switch_of(store: SessionStore) -> KillSwitch:
    """Return the kill switch of everything that uses a database."""
    return KillSwitch(store.folder / NAME)


def left_behind(store: SessionStore, plan: PaperPlan) -> str:
    """Return what a person should know who begins a session that goes on with none; mostly nothing."""
    last = newest(store, plan)
    if last is not None:
        if is_over(last):
            return ""
        was = "feed is another" if last.feed != plan.feed.name else "strategy has changed since"
        return (
            f"session {last.id} of this account is not gone on with: its {was}. What it held stays "
            "in its journal; the new session begins with nothing"
        )
    lost = store.lost()
    if not lost:
        return ""
    return (
        f"the database does not know session {lost[0]}, whose journal is anchored in {store.folder}: "
        "it was emptied or put back. Restore it to go on with what was held"
    )


def other_mode(going_on: SessionRecord) -> InputError:
    """Return why a session is not gone on with in another mode."""
    return InputError(
        f"session {going_on.id} runs in the mode {going_on.mode}, which cannot be changed on its way",
        where="--mode",
        remedy=f"--mode {going_on.mode} goes on with it, --new begins another one",
        code="session.other_mode",
    )


def _begin(store: SessionStore, plan: PaperPlan, session_id: str) -> None:
    config = plan.config
    store.begin_session(
        NewSession(
            config.name,
            plan.account,
            fingerprint=config.fingerprint,
            path=str(config.path),
            broker="paper",
            feed=plan.feed.name,
            evidence=plan.feed.evidence.value,
            mode=plan.mode,
            command=Masker.of_environment().text(plan.command),
        ),
        session_id,
    )


def _opened(
    store: SessionStore, plan: PaperPlan, session_id: str, lease: Lease, *, is_new: bool
) -> Session:
    setup = setup_of_session(plan.config, plan.market)
    core = new_session_core(plan.config, plan.market, setup)
    use_wanted_mode(core, plan.config, plan.mode)
    broker = new_paper_broker(plan.config, setup, core, account=plan.account)
    if is_new:  # not before: what is refused leaves no session that the next start would go on with
        _begin(store, plan, session_id)
    journal = store.journal(session_id, lease)
    books, recovered = OrderLedger(), Recovered()
    head, _ = journal.head
    if is_new or head == 0:
        journal.append(opened_of(plan.config, plan.market, _ground(plan)))
    else:
        checkpoints = store.checkpoints(session_id)
        recovered = recover(
            core,
            broker,
            books,
            lambda after: store.sound_entries(session_id, after=after),
            checkpoints.newest(schema=schema()),
            plan.progress,
        )
        _require_same_data(store, plan, session_id, recovered.cursor)
        journal.append(continued_of(plan.config, plan.market, _ground(plan)))
    switch = plan.switch or switch_of(store)
    parts = Parts(
        core,
        plan.feed,
        broker,
        journal,
        keeper_of(store, plan.options.control_seconds, switch, session_id, journal),
        books,
        store.clock,
        plan.account,
        plan.config.fingerprint,
        switch,
        plan.limits,
        plan.options,
        plan.observers,
        rules=entering_rules(plan.config),
    )
    return Session(parts, recovered)


def _require_same_data(store: SessionStore, plan: PaperPlan, session_id: str, cursor: int) -> None:
    """Data that are played again have to be at the session's place what they were; they may have grown."""
    feed = plan.feed
    if not isinstance(feed, ReplayFeed) or not cursor:
        return
    written = _last_slice(store, session_id, cursor)
    found = feed.slice_at(cursor)
    if written is not None and (found is None or to_bytes(found.events) != written.rows):
        raise InputError(
            f"the data are not those that session {session_id} has seen: slice {cursor:,} "
            + ("is missing" if found is None else "is another"),
            where=f"dataset {plan.config.data.dataset}",
            remedy="bring the data back, or begin a new session (--new)",
            code="session.other_data",
        )


def _last_slice(store: SessionStore, session_id: str, cursor: int) -> SliceInput | None:
    """Return the slice with a cursor, which is among a journal's last records."""
    end = store.head(session_id).sequence
    for entry in store.entries(session_id, after=max(end - _LAST, 0)):
        match entry.record:
            case Taken(input=SliceInput() as one) if one.cursor == cursor:
                return one
            case Intents(input=SliceInput() as one) if one.cursor == cursor:
                return one
            case _:
                pass
    return None


def entering_rules(config: StrategyConfig) -> dict[int, str]:
    """Return what a person who is asked about an entry is told of its rule, by the side."""
    rules = config.rules
    if rules is None:
        return {}
    if rules.weight is not None:
        return dict.fromkeys((1, -1), f"weight = {rules.weight}")
    named = {1: ("entry", rules.entry), -1: ("short_entry", rules.short_entry)}
    return {side: f"{name} = {text}" for side, (name, text) in named.items() if text is not None}


def use_wanted_mode(core: SessionCore, config: StrategyConfig, mode: str) -> None:
    """Have a core send, ask a person first, or only tell.

    Raises
    ------
    InputError
        If the strategy has nothing that a person could be asked about.
    """
    try:
        use_mode(core.plain, ExecutionMode[mode.upper()])
    except ValueError:
        raise InputError(
            f"--mode {mode} needs the trading loop, which this strategy file does not ask for",
            remedy="add [signals], [risk], [exits] or [guards] to the strategy file, or use --mode auto",
            code="session.mode",
        ) from None


def approval_note(mode: str, market: Market) -> str:
    """Return what a person should know who is to approve signals of these bars; mostly nothing."""
    if mode != "approve" or market.timeframe != _DAILY:
        return ""
    return (
        "bars of days: a signal comes as the market closes and is for its next open. Approve it before that; "
        "it waits until then and for the time of [signals] expiry"
    )


def _ground(plan: PaperPlan) -> Ground:
    return Ground(
        plan.account,
        "paper",
        plan.feed.name,
        plan.feed.evidence.value,
        plan.mode,
        venue=plan.venue,
        environment=plan.environment.value,
    )


def keeper_of(
    store: SessionStore,
    control_seconds: float,
    switch: KillSwitch,
    session_id: str,
    journal: SessionJournal,
) -> Keeper:
    """Return the session's way to the database; every call is made on the journal's thread."""

    async def checkpoint(sequence: int, cursor: int, blob: bytes) -> None:
        checkpoints = store.checkpoints(session_id)
        await store.writer.run(
            lambda: checkpoints.save(journal.lease, sequence, cursor, blob, schema=schema())
        )

    async def controls(is_killed: bool) -> list[Asked]:
        found = await store.upkeep.asked(
            session_id, switch, was_on=is_killed, seconds=control_seconds
        )
        return [_asked(each) for each in found]

    async def answer(asked: Asked, text: str) -> None:
        await asyncio.to_thread(store.controls.answer, asked.number, text)

    return Keeper(checkpoint, controls, answer)


def _asked(control: Control) -> Asked:
    argument = control.arguments.get("argument", "")
    return Asked(control.verb, control.who, control.why, argument, control.id)
