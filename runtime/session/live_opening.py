"""`LiveOpening`: from an account that was proven to a session that can run."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final

from msgspec.structs import replace

from engine.gate.drift import DriftState
from engine.gate.policy import Thresholds
from engine.model.units import NS_PER_DAY, NS_PER_SECOND, to_minor
from engine.ports import Broker, Environment, FeedItem, VenuePosition
from runtime.gateway.checks import Limits
from runtime.gateway.inbox import Inbox
from runtime.gateway.ledger import OrderLedger
from runtime.journal.journal import SessionJournal
from runtime.journal.leases import Lease
from runtime.journal.records import Continued, Opened
from runtime.journal.sessions import NewSession, SessionRecord, SessionStore
from runtime.observing.masking import Masker
from runtime.promotion.certificate import VerifiedCertificate
from runtime.promotion.desk import Desk
from runtime.promotion.evidence.on_paper import drills_of
from runtime.promotion.fingerprint import Fingerprint, parts_text, program_hash
from runtime.promotion.limits import allowed_by
from runtime.promotion.watch import CertificateWatch
from runtime.session.certified import Certified
from runtime.session.drifting import DriftFollower, Followed, followed_in
from runtime.session.dry_run import DryBroker
from runtime.session.limits_kept import LimitsKept
from runtime.session.live_costs import costs_since
from runtime.session.live_plan import Held, LivePlan, LiveStart
from runtime.session.live_proof import (
    Proven,
    least_lots,
    no,
    require_certificate,
    require_no_stranger,
    require_state,
    require_trading,
)
from runtime.session.opening import Ground, opened_of
from runtime.session.parts import Observers, Parts
from runtime.session.recovery import Recovered, recover, schema
from runtime.session.session import Session
from runtime.session.stage import LIMITS_PERCENT, largest_order, percent_in, reduced, reduced_limits
from runtime.session.starting import entering_rules, keeper_of, switch_of, use_wanted_mode
from runtime.session_core.assembling import Market, new_session_core, setup_of_session
from runtime.session_core.core import SessionCore
from runtime.venues.needs import limits_at

CERTIFICATE: Final = "certificate"  # in `Opened.data`: the id of the one that it began under
BEGINS_NS: Final = "venue.begins_ns"  # the venue's time then: fills before it are not the session's
_ASKED: Final = Thresholds()


@dataclass(slots=True)
class LiveOpening:
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
        limits = limits_at(
            plan.door.venue,
            reduced_limits(plan.limits, self.percent),
            plan.market.instruments,
            is_trading=config.is_trading,
        )
        least = least_lots(self.proven, plan.market.instruments)
        limits = replace(limits, least_lots=least)
        capital_minor = to_minor(config.account.cash, name="account.cash")
        is_new = self.going_on is None
        if is_new:
            require_trading(self.proven)
        require_state(
            self.proven,
            config.account.currency,
            capital_minor if is_new else 0,
            largest_order(config, limits) if is_new else 0,
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
        require_certificate(await watch.renew())
        # Not before: what is refused leaves no session that the next start would go on with.
        journal = self.journal
        if journal is None or journal.head[0] == 0:
            journal = self._begun(store, broker.name, begins_ns)
        else:
            journal.append(Continued(self.runs.core, parts_text(self.runs)))
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
            rules=entering_rules(plan.config),
            beside=lambda session: [
                *certified.tasks(session),
                *(kept.follow(session) for kept in self._limits_kept()),
                *(follower.tasks(session) if follower is not None else ()),
            ],
        )
        if follower is not None:
            _look_on(parts.observers, follower.item)
        return Session(parts, recovered)

    def _limits_kept(self) -> Sequence[LimitsKept]:
        """Return who looks whether the workspace's limits are still those that the session keeps."""
        plan, instruments = self.plan, self.plan.market.instruments
        now = plan.limits_now
        if now is None:
            return ()
        kept = allowed_by(plan.limits, instruments)
        return (LimitsKept(kept, lambda: allowed_by(now(), instruments), self.store.clock),)

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

        followed = self._followed(body.fingerprint, core)
        calendar = self.plan.market.clockwork.account_calendar
        return DriftFollower(baseline, followed, calendar, costs, suspend)

    def _followed(self, fingerprint: str, core: SessionCore) -> Followed:
        """Return where the monitors stand: in this session's notes, or those of sessions before it."""
        store = self.store
        for each in store.of_account(self.proven.facts.account):
            if each.fingerprint != self.plan.config.fingerprint:
                continue
            noted = (entry.record for entry in store.entries(each.id) if entry.kind == "noted")
            found = followed_in(noted, fingerprint)
            if found is not None:
                is_same = each.id == self.session_id
                if is_same:
                    return found
                return replace(
                    found,
                    equity_minor=core.equity_minor,
                    transfers_minor=core.transfers_minor,
                    closed_ns=0,
                )
        transfers_minor = core.transfers_minor
        return Followed(
            fingerprint, core.equity_minor, DriftState(), transfers_minor=transfers_minor
        )

    @property
    def _venue_ns(self) -> int:
        """The venue's time now."""
        return self.store.clock.now_ns() + self.proven.offset_ns

    def _begun(self, store: SessionStore, broker: str, begins_ns: int) -> SessionJournal:
        """Begin a new session: not before nothing spoke against it.

        One that was killed before its first record is in the database, and gets its beginning now.
        """
        plan = self.plan
        account, feed = self.proven.facts.account, plan.feed
        new = NewSession(
            plan.config.name,
            account,
            fingerprint=plan.config.fingerprint,
            path=str(plan.config.path),
            broker=broker,
            feed=feed.name,
            evidence=feed.evidence.value,
            mode=plan.mode,
            command=Masker.of_environment().text(plan.command),
        )
        if self.going_on is None:
            store.begin_session(new, self.session_id)
        journal = self.journal or store.journal(self.session_id, self.lease)
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
    if age_ns > _ASKED.drill_age_days_max * NS_PER_DAY:
        days = age_ns // NS_PER_DAY
        raise no("drill", f"the kill switch was last rehearsed {days} days ago", remedy)
    sent, withdrawn = last.last_send_ns / NS_PER_SECOND, last.cancels_ns / NS_PER_SECOND
    if sent > _ASKED.drill_send_seconds_max or withdrawn > _ASKED.drill_cancel_seconds_max:
        raise no("drill", "the kill switch was too slow when it was last rehearsed", remedy)


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
