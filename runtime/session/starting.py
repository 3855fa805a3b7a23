"""From a strategy and a feed to a session that can run: the lease, the journal, recovery, the parts."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field

from engine.errors import InputError
from engine.model.trading import ExecutionMode
from engine.ports import Feed
from runtime.approvals import use_mode
from runtime.config import StrategyConfig
from runtime.gateway.checks import Limits
from runtime.gateway.ledger import OrderLedger
from runtime.journal.controls import Control
from runtime.journal.journal import SessionJournal
from runtime.journal.leases import Lease, LeaseHeld
from runtime.journal.records import Opened
from runtime.journal.sessions import NewSession, SessionRecord, SessionStore
from runtime.session.kill_switch import NAME, KillSwitch
from runtime.session.opening import Ground, opened_of
from runtime.session.recovery import Recovered, recover, schema
from runtime.session.session import Asked, Keeper, Observers, Options, Parts, Session
from runtime.session_core.assembling import (
    Market,
    new_paper_broker,
    new_session_core,
    setup_of_session,
)
from runtime.session_core.core import SessionCore


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


def unfinished(store: SessionStore, plan: PaperPlan) -> SessionRecord | None:
    """Return the session that a plan would go on with: the newest of its account, if it can be."""
    for each in store.list(limit=1_000):
        if each.account == plan.account:
            is_same = each.fingerprint == plan.config.fingerprint and each.feed == plan.feed.name
            return each if is_same and each.cause != FEED_ENDED else None
    return None


FEED_ENDED = "the feed has ended"


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
    session_id = going_on.id if going_on is not None else _begin(store, plan)
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


def _begin(store: SessionStore, plan: PaperPlan) -> str:
    config = plan.config
    return store.begin_session(
        NewSession(
            config.name,
            plan.account,
            fingerprint=config.fingerprint,
            path=str(config.path),
            broker="paper",
            feed=plan.feed.name,
            evidence=plan.feed.evidence.value,
            mode=plan.mode,
            command=plan.command,
        )
    )


def _opened(
    store: SessionStore, plan: PaperPlan, session_id: str, lease: Lease, *, is_new: bool
) -> Session:
    setup = setup_of_session(plan.config, plan.market)
    core = new_session_core(plan.config, plan.market, setup)
    _use_mode(core, plan.mode)
    broker = new_paper_broker(plan.config, setup, core, account=plan.account)
    journal = store.journal(session_id, lease)
    books, recovered = OrderLedger(), Recovered()
    head, _ = journal.head
    if is_new or head == 0:
        journal.append(_record(plan))
    else:
        checkpoints = store.checkpoints(session_id)
        recovered = recover(
            core,
            broker,
            books,
            lambda after: store.entries(session_id, after=after),
            checkpoints.newest(schema=schema()),
            plan.progress,
        )
    parts = Parts(
        core,
        plan.feed,
        broker,
        journal,
        _keeper(store, session_id, journal),
        books,
        store.clock,
        plan.account,
        plan.config.fingerprint,
        plan.switch or switch_of(store),
        plan.limits,
        plan.options,
        plan.observers,
    )
    return Session(parts, recovered)


def _use_mode(core: SessionCore, mode: str) -> None:
    try:
        use_mode(core.plain, ExecutionMode[mode.upper()])
    except ValueError:
        raise InputError(
            f"--mode {mode} needs signals that can be asked about, and this strategy places its orders "
            "itself",
            remedy="add [signals], [risk], [exits] or [guards] to the strategy file, or use --mode auto",
            code="session.mode",
        ) from None


def _record(plan: PaperPlan) -> Opened:
    ground = Ground(plan.account, "paper", plan.feed.name, plan.feed.evidence.value, plan.mode)
    return opened_of(plan.config, plan.market, ground)


def _keeper(store: SessionStore, session_id: str, journal: SessionJournal) -> Keeper:
    """Return the session's way to the database; every call is made on the journal's thread."""

    async def checkpoint(sequence: int, cursor: int, blob: bytes) -> None:
        checkpoints = store.checkpoints(session_id)
        await store.writer.run(
            lambda: checkpoints.save(journal.lease, sequence, cursor, blob, schema=schema())
        )

    async def controls() -> list[Asked]:
        found = await asyncio.to_thread(store.controls.waiting, session_id)
        return [_asked(each) for each in found]

    async def answer(asked: Asked, text: str) -> None:
        await asyncio.to_thread(store.controls.answer, asked.number, text)

    return Keeper(checkpoint, controls, answer)


def _asked(control: Control) -> Asked:
    argument = control.arguments.get("argument", "")
    return Asked(control.verb, control.who, control.why, argument, control.id)
