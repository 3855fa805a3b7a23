"""`start_live`: a session on a real account. Everything that speaks against it is looked for first.

In this order, and the first is told: the kill file; the account as it is configured, and the workspace's limits;
what the strategy needs and the venue does not do; the certificate, for the account that is named; who else
trades the account; the venue's answer; environment and account as they are proven; the market that would be traded
on; the certificate once more for these; the clocks; whether the instruments trade there; the state of the account; orders that are not ours;
the drill. What is refused leaves no session behind.

A session that was ended or killed goes on from its journal: the books are those of the journal, and the venue
is asked before anything is entered.
"""

from __future__ import annotations

from engine.ports import Environment
from runtime.journal.leases import Lease, LeaseHeld
from runtime.journal.sessions import SessionRecord, SessionStore
from runtime.promotion.certificate import VerifiedCertificate
from runtime.promotion.desk import Desk
from runtime.promotion.document import Document, read_document
from runtime.promotion.fingerprint import Fingerprint, account_hash, fingerprint_of
from runtime.promotion.limits import allowed_by, larger
from runtime.promotion.problems import Code, Problem
from runtime.session.account_lock import take_account
from runtime.session.kill_switch import KillSwitch
from runtime.session.live_opening import LiveOpening
from runtime.session.live_plan import LivePlan
from runtime.session.live_proof import (
    no,
    prove,
    require_account,
    require_certificate,
    require_clock,
    require_limits,
    require_listed,
    require_market,
    require_tradable,
)
from runtime.session.session import Session
from runtime.session.starting import is_over, other_mode, switch_of
from runtime.store.ids import new_id
from runtime.venues.needs import lacks


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


def require_supported(plan: LivePlan) -> None:
    """Refuse a strategy that needs what the venue does not do.

    Raises
    ------
    NegativeAnswer
        With the first that it needs.
    """
    for lack in lacks(plan.config, plan.market.instruments, plan.door.venue):
        raise no("not_supported", lack.problem, lack.remedy, lack.where)


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
    require_limits(plan.door.environment, plan.limits)
    require_supported(plan)
    runs = _runs(plan, account_hash(plan.door.venue, plan.account))
    content = plan.content
    if not plan.account:
        content = content or _newest(desk, runs)
        document = read_document(content)
        if isinstance(document, Document):
            runs = _runs(plan, document.body.account)
    return _certified(desk, plan, runs, content)


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
        if plan.door.environment is Environment.LIVE:
            take_account(lease.account, session_id, store.place)
        proven = await prove(plan.door, plan.market.instruments, store.clock)
        body = certificate.certificate
        require_account(proven, plan.door, body.environment, plan.account)
        require_market(proven.facts.environment, plan.feed)
        runs = _runs(plan, account_hash(plan.door.venue, proven.facts.account))
        content = plan.content
        if (
            runs.account != body.account and content is None
        ):  # it was for an account that nobody named
            content = _newest(desk, runs)
        certificate = _certified(desk, plan, runs, content)
        require_clock(proven)
        sells_short = plan.config.account.allow_short
        require_listed(proven, plan.market.instruments, sells_short=sells_short)
        opening = LiveOpening(
            store, plan, certificate, desk, proven, runs, session_id, going_on, lease
        )
        return await opening.opened()
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
        instruments=plan.market.instruments,
        timeframe=plan.market.timeframe,
    )
    return Fingerprint({**found.parts, "account": hashed})


def _certified(
    desk: Desk, plan: LivePlan, runs: Fingerprint, content: bytes | None
) -> VerifiedCertificate:
    """Return the certificate for what runs, within the limits that it was approved with."""
    found = require_certificate(desk.verdict(runs, content), plan.config.name, plan.account)
    allowed = allowed_by(plan.limits, plan.market.instruments)
    if more := larger(allowed, found.certificate.limits):
        require_certificate(
            Problem(
                Code.LIMITS,
                f"the workspace allows more than the certificate was approved with: {'; '.join(more)}",
                "put [limits] in trader.toml back, or promote the strategy with them as they are now",
            )
        )
    return found


def _newest(desk: Desk, runs: Fingerprint) -> bytes | None:
    """Return the newest certificate of a strategy, of this place rather than of another."""
    if desk.known().problem:
        return None
    found = [
        each.content.encode() for each in desk.store.issued() if each.strategy == runs.strategy
    ]
    documents = [(content, read_document(content)) for content in reversed(found)]
    for content, document in documents:
        if isinstance(document, Document) and document.body.environment == runs.environment:
            return content
    return found[-1] if found else None


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
    for each in store.of_broker(f"{venue} {plan.door.environment}"):
        if account_hash(venue, each.account) == certificate.certificate.account:
            is_same = each.fingerprint == plan.config.fingerprint and each.feed == plan.feed.name
            return each if is_same and not is_over(each) else None
    return None
