"""`start_live`: a session on a real account. Everything that speaks against it is looked for first.

In this order, and the first is told: the kill file; the account as it is configured; the certificate, for the
account that is named; who else trades the account; the venue's answer; environment and account as they are
proven, and the certificate once more for these; the clocks; the state of the account; orders that are not
ours; the drill. What is refused leaves no session behind.

A session that was ended or killed goes on from its journal: the books are those of the journal, and the venue
is asked before anything is entered.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from typing import Final

from msgspec.structs import replace

from engine.errors import NegativeAnswer
from engine.gate.drift import DriftState
from engine.model.units import NS_PER_DAY, to_minor
from engine.ports import Broker, Environment, Feed, FeedItem, VenuePosition
from runtime.config import StrategyConfig
from runtime.gateway.checks import Limits
from runtime.gateway.inbox import Inbox
from runtime.gateway.ledger import OrderLedger
from runtime.journal.journal import SessionJournal
from runtime.journal.leases import Lease, LeaseHeld
from runtime.journal.records import Opened
from runtime.journal.sessions import NewSession, SessionRecord, SessionStore
from runtime.promotion.certificate import Verdict, VerifiedCertificate
from runtime.promotion.desk import Desk
from runtime.promotion.document import Document, read_document
from runtime.promotion.evidence.on_paper import drills_of
from runtime.promotion.fingerprint import Fingerprint, account_hash, fingerprint_of, program_hash
from runtime.promotion.problems import Code, Problem
from runtime.promotion.watch import CertificateWatch
from runtime.session.certified import Certified
from runtime.session.drifting import DriftFollower, Followed, followed_in
from runtime.session.dry_run import DryBroker, Unsent
from runtime.session.kill_switch import KillSwitch
from runtime.session.live_costs import costs_since
from runtime.session.live_proof import (
    Door,
    Proven,
    no,
    prove,
    require_account,
    require_clock,
    require_no_stranger,
    require_state,
    require_tradable,
)
from runtime.session.opening import Ground, opened_of
from runtime.session.parts import Observers, Options, Parts
from runtime.session.recovery import Recovered, recover, schema
from runtime.session.session import Session
from runtime.session.stage import LIMITS_PERCENT, percent_in, reduced, reduced_limits
from runtime.session.starting import keeper_of, other_mode, switch_of, use_wanted_mode
from runtime.session.states import FEED_ENDED
from runtime.session.venue import VenueOptions
from runtime.session_core.assembling import Market, new_session_core, setup_of_session
from runtime.session_core.core import SessionCore
from runtime.store.ids import new_id

CERTIFICATE: Final = "certificate"  # in `Opened.data`: the id of the one that it began under
BEGINS_NS: Final = "venue.begins_ns"  # the venue's time then: fills before it are not the session's
_DRILL_NS: Final = 30 * NS_PER_DAY
_DRILL_SEND_NS, _DRILL_CANCEL_NS = 10**9, 2 * 10**9
_LISTED: Final = 1_000


@dataclass(slots=True)
class LivePlan:
    """A live session to be.

    Parameters
    ----------
    door
        The account, as the workspace names it.
    account
        Its number, where a person has named it: then it has to be this one.
    content
        The certificate's file; the newest of the record when left out.
    is_new
        Begin anew, also where an unfinished session could be gone on with.
    confirm
        Shown what is about to begin; raises where it shall not. It may wait for a
        person.
    dry
        Where a dry run is recorded, apart from everything else; None: orders are sent.
    unsent
        Told each order that a dry run would have sent.
    off_loop
        Runs what may wait for a database.
    """

    config: StrategyConfig
    feed: Feed
    market: Market
    door: Door
    account: str = ""
    content: bytes | None = None
    mode: str = "auto"
    command: str = ""
    limits: Limits = field(default_factory=Limits)
    options: Options = field(default_factory=Options)
    observers: Observers = field(default_factory=Observers)
    venue: VenueOptions = field(default_factory=VenueOptions)
    switch: KillSwitch | None = None
    is_new: bool = False
    confirm: Callable[[LiveStart], None] = lambda start: None
    progress: Callable[[int], None] = lambda played: None
    dry: SessionStore | None = None
    unsent: Callable[[Unsent], None] = lambda unsent: None
    off_loop: Callable[[Callable[[], Verdict]], Awaitable[Verdict]] = asyncio.to_thread


@dataclass(frozen=True, slots=True)
class Held:
    """A position that the account has at the start; `is_ours`: the session's journal knows it."""

    symbol: str
    lots: int
    ours: int

    @property
    def is_ours(self) -> bool:
        """Whether the session's books have the same."""
        return self.lots == self.ours


@dataclass(frozen=True, slots=True)
class LiveStart:
    """What is about to begin, after nothing spoke against it.

    Parameters
    ----------
    going_on
        The session that goes on; None: a new one begins.
    limits, percent
        Of the gateway, after the certificate's stage has made them smaller by that share.
    capital_minor
        What the strategy may use.
    """

    certificate: VerifiedCertificate
    proven: Proven
    going_on: SessionRecord | None
    held: Sequence[Held]
    limits: Limits
    percent: int
    capital_minor: int


def require_not_halted(switch: KillSwitch) -> None:
    """Refuse to start anything while the kill switch is on.

    Raises
    ------
    NegativeAnswer
        With who has halted, and why.
    """
    halt = switch.state()
    if halt is not None:
        raise no(
            "halted",
            f"everything is halted by {halt.who}: {halt.why or 'no reason was given'}",
            "`trader resume --why TEXT` releases it",
            str(switch.path),
        )


def certificate_for(desk: Desk, plan: LivePlan, switch: KillSwitch) -> VerifiedCertificate:
    """Return the certificate for the account that is named, before the venue is asked.

    Where none is named it is for the account of the newest certificate; which one it is is proven later.

    Raises
    ------
    NegativeAnswer
        If everything is halted, the account is no live one, or there is no certificate for it.
    """
    require_not_halted(switch)
    require_tradable(plan.door.environment)
    runs = _runs(plan, account_hash(plan.door.venue, plan.account))
    content = plan.content
    if not plan.account:
        content = content or _newest(desk, runs)
        document = read_document(content)
        if isinstance(document, Document):
            runs = _runs(plan, document.body.account)
    return _required(desk.verdict(runs, content))


async def start_live(
    store: SessionStore, plan: LivePlan, certificate: VerifiedCertificate, desk: Desk
) -> Session:
    """Prove everything, take the account, recover, and return the session, ready to run.

    Raises
    ------
    NegativeAnswer
        With the first thing that speaks against it.
    """
    assert isinstance(certificate, VerifiedCertificate)
    record = _record_of(store, plan, certificate)
    going_on = None if plan.is_new or plan.dry is not None else record
    if going_on is not None and going_on.mode != plan.mode:
        raise other_mode(going_on)
    session_id = new_id(store.clock.now_ns()) if going_on is None else going_on.id
    lease = _lease(store, plan, certificate, session_id)
    try:
        proven = await prove(plan.door, plan.market.instruments, store.clock)
        body = certificate.certificate
        require_account(proven, plan.door, body.environment, plan.account)
        runs = _runs(plan, account_hash(plan.door.venue, proven.facts.account))
        content = plan.content
        if (
            runs.account != body.account and content is None
        ):  # it was for an account that nobody named
            content = _newest(desk, runs)
        certificate = _required(desk.verdict(runs, content))
        require_clock(proven)
        start = _Start(store, plan, certificate, desk, proven, runs, session_id, going_on, lease)
        return await start.opened()
    except BaseException:
        store.leases.release(lease)
        raise


async def go_live(store: SessionStore, plan: LivePlan, desk: Desk) -> Session:
    """Return a live session, ready to run: the certificate, then all the rest.

    Raises
    ------
    NegativeAnswer
        With the first thing that speaks against it.
    """
    certificate = certificate_for(desk, plan, plan.switch or switch_of(store))
    return await start_live(store, plan, certificate, desk)


# --- looking for what speaks against it -------------------------------------------------------------------
def _runs(plan: LivePlan, hashed: str) -> Fingerprint:
    """Return what runs, for an account by its hash."""
    found = fingerprint_of(
        plan.config,
        venue=plan.door.venue,
        environment=plan.door.environment.value,
        symbols=tuple(each.symbol for each in plan.market.instruments),
    )
    return Fingerprint({**found.parts, "account": hashed})


def _newest(desk: Desk, runs: Fingerprint) -> bytes | None:
    """Return the newest certificate of a strategy, of this place rather than of another."""
    if desk.store.known().problem:
        return None
    found = [
        each.content.encode() for each in desk.store.issued() if each.strategy == runs.strategy
    ]
    documents = [(content, read_document(content)) for content in reversed(found)]
    for content, document in documents:
        if isinstance(document, Document) and document.body.environment == runs.environment:
            return content
    return found[-1] if found else None


def _required(verdict: Verdict) -> VerifiedCertificate:
    if isinstance(verdict, VerifiedCertificate):
        return verdict
    raise _refused(verdict)


def _refused(problem: Problem) -> NegativeAnswer:
    remedy = problem.remedy
    if problem.code is Code.MISSING:
        remedy = "`trader promote STRATEGY` says what is missing for one"
    return NegativeAnswer(problem.sentence, remedy=remedy, code=problem.code.value)


def _lease(
    store: SessionStore, plan: LivePlan, certificate: VerifiedCertificate, session_id: str
) -> Lease:
    """Take the account: by its hash, as the venue was not asked yet."""
    name = f"{plan.door.venue}:{certificate.certificate.account[:16]}"
    held = store.leases.acquire(name, session_id)
    if isinstance(held, LeaseHeld):
        raise no(
            "account_in_use",
            f"the account is traded by session {held.holder} (process {held.pid} on {held.host})",
            f"`trader sessions stop {held.holder}` ends it; one that has died frees it by itself",
        )
    return held


def _record_of(
    store: SessionStore, plan: LivePlan, certificate: VerifiedCertificate
) -> SessionRecord | None:
    """Return the newest session of the account, if it runs the same and can be gone on with."""
    venue = plan.door.venue
    for each in store.list(limit=_LISTED):
        is_here = each.broker == f"{venue} {plan.door.environment}"
        if is_here and account_hash(venue, each.account) == certificate.certificate.account:
            is_same = each.fingerprint == plan.config.fingerprint and each.feed == plan.feed.name
            return each if is_same and each.cause != FEED_ENDED else None
    return None


def _require_drill(store: SessionStore, runs: Fingerprint, now_ns: int) -> None:
    """The kill switch was rehearsed with this very program, lately, and was quick."""
    program = program_hash(runs)
    drills = [each for each in drills_of(store) if each.code_hash == program]
    remedy = "`trader drill` rehearses it in a few seconds"
    if not drills:
        raise no(
            "drill", "the kill switch was never rehearsed with this version of the program", remedy
        )
    last = drills[-1]
    age_ns = now_ns - last.done_ns
    if age_ns > _DRILL_NS:
        days = age_ns // NS_PER_DAY
        raise no("drill", f"the kill switch was last rehearsed {days} days ago", remedy)
    if last.last_send_ns > _DRILL_SEND_NS or last.cancels_ns > _DRILL_CANCEL_NS:
        raise no("drill", "the kill switch was too slow when it was last rehearsed", remedy)


# --- the session --------------------------------------------------------------------------------------------
@dataclass(slots=True)
class _Start:
    """What a session is made of, after the account was proven."""

    store: SessionStore
    plan: LivePlan
    certificate: VerifiedCertificate
    desk: Desk
    proven: Proven
    runs: Fingerprint
    session_id: str
    going_on: SessionRecord | None
    lease: Lease
    before: Opened | None = None
    percent: int = 0
    journal: SessionJournal | None = None

    async def opened(self) -> Session:
        """Recover, look for what else speaks against it, ask for a confirmation, and begin."""
        self._use_stage()
        plan, store = self.plan, self.store
        config = reduced(plan.config, self.percent)
        limits = reduced_limits(plan.limits, self.percent)
        capital_minor = to_minor(config.account.cash, name="account.cash")
        largest = min(limits.order_value_minor or capital_minor, capital_minor)
        is_new = self.going_on is None
        require_state(
            self.proven,
            config.account.currency,
            capital_minor if is_new else 0,
            largest if is_new else 0,
        )
        core = new_session_core(config, plan.market, setup_of_session(config, plan.market))
        use_wanted_mode(core, config, plan.mode)
        books = OrderLedger()
        inbox = Inbox(books)
        recovered = Recovered()
        if not is_new:
            self.journal = store.journal(self.session_id, self.lease)
            recovered = self._recovered(core, books, inbox)
        require_no_stranger(self.proven, _known(self.proven, books, recovered))
        _require_drill(store, self.runs, store.clock.now_ns())
        start = LiveStart(
            self.certificate,
            self.proven,
            self.going_on,
            _held(self.proven.positions, plan.market, books),
            limits,
            self.percent,
            capital_minor,
        )
        await self._confirmed(start)
        return await self._session(core, books, inbox, recovered, limits)

    def _use_stage(self) -> None:
        """Use what the certificate allows; a session that goes on keeps what it has, if it is not more."""
        allowed = self.certificate.stage.limits_percent
        self.percent = allowed
        if self.going_on is None:
            return
        first = next(iter(self.store.entries(self.going_on.id)), None)
        if first is None or not isinstance(first.record, Opened):
            return
        self.before = first.record
        self.percent = percent_in(first.record)
        if self.percent > allowed:
            raise no(
                "stage",
                f"session {self.going_on.id} uses {self.percent} % of its limits, and the certificate "
                f"allows {allowed} %",
                "close what it holds, and begin another session (--new)",
            )

    def _recovered(self, core: SessionCore, books: OrderLedger, inbox: Inbox) -> Recovered:
        store, session_id = self.store, self.session_id
        return recover(
            core,
            None,
            books,
            lambda after: store.sound_entries(session_id, after=after),
            store.checkpoints(session_id).newest(schema=schema()),
            self.plan.progress,
            inbox,
        )

    async def _confirmed(self, start: LiveStart) -> None:
        """Let a person confirm, who may take longer than a lease lasts: then it may be lost."""
        self.plan.confirm(start)
        if self.journal is not None:
            await self.journal.renew()
        else:
            self.lease = self.store.leases.renew(self.lease)

    async def _session(
        self,
        core: SessionCore,
        books: OrderLedger,
        inbox: Inbox,
        recovered: Recovered,
        limits: Limits,
    ) -> Session:
        plan, store, clock = self.plan, self.store, self.store.clock
        begins_ns = int(self.before.data.get(BEGINS_NS, 0)) if self.before else self._venue_ns
        broker: Broker = plan.door.broker(plan.market.instruments, clock, begins_ns=begins_ns)
        if plan.dry is not None:
            broker = DryBroker(broker, lambda unsent: plan.unsent(unsent))
            store.leases.release(self.lease)
            store = plan.dry
            lease = store.leases.acquire(self.lease.account, self.session_id)
            assert isinstance(lease, Lease), "nobody else knows this database"
            self.lease = lease
        journal = self.journal or self._begun(store, broker.name, begins_ns)
        desk, runs, content = self.desk, self.runs, plan.content
        watch = CertificateWatch(
            lambda: desk.verdict(runs, content),
            lambda: runs,
            desk.clock,
            day=lambda: core.now_ns // NS_PER_DAY,
            off_loop=plan.off_loop,
        )
        certified = Certified(watch, clock)
        follower = self._follower(core, watch)
        _required(await watch.renew())
        if plan.dry is None:
            desk.store.seen(self.certificate, self.session_id)
        switch = plan.switch or switch_of(self.store)
        keeper = keeper_of(store, plan.options.control_seconds, switch, self.session_id, journal)
        parts = Parts(
            core,
            plan.feed,
            broker,
            journal,
            keeper,
            books,
            clock,
            self.proven.facts.account,
            plan.config.fingerprint,
            switch,
            limits,
            plan.options,
            plan.observers,
            inbox,
            plan.venue,
            certificate=watch.text,
            renew_certificate=certified.renewed,
            beside=lambda session: [
                *certified.tasks(session),
                *(follower.tasks(session) if follower is not None else ()),
            ],
        )
        if follower is not None:
            _look_on(parts.observers, follower.item)
        return Session(parts, recovered)

    def _follower(self, core: SessionCore, watch: CertificateWatch) -> DriftFollower | None:
        """Return who compares the session with what was promoted; a rehearsal may do without."""
        body, desk = self.certificate.certificate, self.desk
        baseline = desk.store.baseline(body)
        if baseline is None:
            if self.plan.door.environment is Environment.REHEARSAL:
                return None
            raise no(
                "baseline",
                "the record does not have what live results are to be compared with",
                "request a new certificate with `trader promote`, where its record is",
            )
        store, session_id = self.plan.dry or self.store, self.session_id

        async def costs(since_ns: int) -> Sequence[float]:
            return await asyncio.to_thread(costs_since, store, session_id, since_ns)

        async def suspend(reason: str) -> None:
            if self.plan.dry is None:
                await asyncio.to_thread(desk.store.suspend, body, reason, session_id)
            await watch.renew()

        followed = self._followed(body.fingerprint, core.equity_minor)
        calendar = self.plan.market.clockwork.account_calendar
        return DriftFollower(baseline, followed, calendar, costs, suspend)

    def _followed(self, fingerprint: str, equity_minor: int) -> Followed:
        """Return where the monitors stand: in this session's notes, or those of sessions before it."""
        number, store = self.proven.facts.account, self.store
        for each in store.list(limit=_LISTED):
            if (each.account, each.fingerprint) != (number, self.plan.config.fingerprint):
                continue
            noted = (entry.record for entry in store.entries(each.id) if entry.kind == "noted")
            found = followed_in(noted, fingerprint)
            if found is not None:
                is_same = each.id == self.session_id
                return found if is_same else replace(found, equity_minor=equity_minor)
        return Followed(fingerprint, equity_minor, DriftState())

    @property
    def _venue_ns(self) -> int:
        """The venue's time now."""
        return self.store.clock.now_ns() + self.proven.offset_ns

    def _begun(self, store: SessionStore, broker: str, begins_ns: int) -> SessionJournal:
        """Begin a new session: not before nothing spoke against it."""
        plan = self.plan
        account, feed = self.proven.facts.account, plan.feed
        store.begin_session(
            NewSession(
                plan.config.name,
                account,
                fingerprint=plan.config.fingerprint,
                path=str(plan.config.path),
                broker=broker,
                feed=feed.name,
                evidence=feed.evidence.value,
                mode=plan.mode,
                command=plan.command,
            ),
            self.session_id,
        )
        journal = store.journal(self.session_id, self.lease)
        data = {
            LIMITS_PERCENT: str(self.percent),
            BEGINS_NS: str(begins_ns),
            CERTIFICATE: self.certificate.id,
        }
        ground = Ground(
            account,
            broker,
            feed.name,
            feed.evidence.value,
            plan.mode,
            data,
            plan.door.venue,
            plan.door.environment.value,
        )
        journal.append(opened_of(plan.config, plan.market, ground))
        return journal


def _look_on(observers: Observers, item: Callable[[FeedItem], None]) -> None:
    """Have one more look on at what the feed tells."""
    before = observers.item

    def both(each: FeedItem) -> None:
        before(each)
        item(each)

    observers.item = both


def _known(proven: Proven, books: OrderLedger, recovered: Recovered) -> frozenset[str]:
    """Return the names of the orders that are the session's, also of those that a crash has cut off."""
    known = {
        each.client_id
        for each in proven.orders
        if books.find_client(each.client_id) or books.find_venue(each.venue_id)
    }
    in_hand = {intent.client_id for each in recovered.in_hand for intent in each.intents}
    return frozenset(known | in_hand)


def _held(
    positions: Sequence[VenuePosition], market: Market, books: OrderLedger
) -> tuple[Held, ...]:
    """Return what the account holds, and what the session knows of it."""
    symbols = [each.symbol for each in market.instruments]
    return tuple(
        Held(
            symbols[each.instrument] if each.instrument >= 0 else "another instrument",
            each.lots,
            books.positions.get(each.instrument, 0),
        )
        for each in positions
        if each.lots
    )
