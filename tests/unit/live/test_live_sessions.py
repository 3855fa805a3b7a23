"""A live session in rehearsal: it trades at the venue, within what its certificate allows, and goes on."""

from __future__ import annotations

import asyncio
from decimal import Decimal

import msgspec
import numpy as np

from engine.gate.drift import Baseline
from engine.model import layout as at
from engine.ports import Slice
from runtime.promotion.canonical import sha256_of
from runtime.promotion.desk import Desk
from runtime.promotion.events import PromotionAttempted
from runtime.promotion.store import BASELINE
from runtime.session.drifting import followed_in
from runtime.session.live import go_live
from runtime.session.live_plan import LiveStart
from runtime.session.parts import Asked
from runtime.session.session import Session
from runtime.session.states import SessionState
from tests.unit.live.rehearsals import NUMBER, Rehearsal, SharedMarket, until
from tests.venues.walks import SHARE


def test_it_trades_and_the_books_of_both_are_equal(here: Rehearsal) -> None:
    here.issue()
    started: list[LiveStart] = []

    async def story() -> None:
        with here.desk() as desk, here.store() as store:
            async with here.venue() as venue:
                plan = here.plan(venue, confirm=started.append)
                session = await go_live(store, plan, desk)
                plan.feed.session = session
                state = await session.run()
                assert state is SessionState.STOPPED
                assert len(venue.books.executions) >= 5
                lots = int(venue.books.positions.get(SHARE.symbol, Decimal(0)))
                assert session.gateway.books.positions.get(0, 0) == lots
                # 25 % of the 40 shares that the file says.
                assert max(each.lots for each in venue.books.orders) == 10

    asyncio.run(story())
    (start,) = started
    assert start.percent == 25
    assert start.capital_minor == 25_000 * 10**8
    assert start.proven.facts.account == NUMBER
    with here.store() as store:
        record = store.list()[0]
        assert (record.account, record.broker) == (NUMBER, "alpaca rehearsal")


def test_a_revocation_ends_entries_while_it_runs(here: Rehearsal) -> None:
    document = here.issue()

    async def story() -> None:
        with here.desk() as desk, here.store() as store:
            async with here.venue() as venue:
                plan = here.plan(venue)
                session = await go_live(store, plan, desk)
                feed, halfway = plan.feed, asyncio.Event()
                feed.session, feed.pauses = session, {20: halfway}
                running = asyncio.create_task(session.run())
                await until(lambda: len(venue.books.executions) > 3)
                desk.store.revoke(document.body, "a test", "ann", desk.keys.open("anna"))
                answer = await renewed(session)
                assert answer.startswith("refused: the certificate was revoked: a test")
                before = len(venue.books.orders)
                halfway.set()
                assert await running is SessionState.STOPPED
                late = venue.books.orders[before:]
                assert not any(each.sign > 0 for each in late), "only what closes has left"
                assert session.gateway.books.positions.get(0, 0) == 0

    asyncio.run(story())


async def renewed(session: Session) -> str:
    """Have the certificate looked at, as each minute: by asking for a resume."""
    return await session.ask(Asked("resume", "ann", "a test"))


def test_a_drift_suspends_the_certificate_by_itself(here: Rehearsal) -> None:
    """A baseline that promises two percent a day: the first day that does not have it is an alarm."""
    baseline = Baseline(
        mean=0.02,
        deviation=0.001,
        shortfall_mean_bps=None,
        shortfall_deviation_bps=None,
        drawdown_limits=(0.5,),
    )
    text = msgspec.json.encode(baseline).decode()
    document = here.certificate(evidence={"evidence": "b" * 64, BASELINE: sha256_of(text)})
    body = document.body
    with here.desk() as desk:
        asked = ("request", "PASS", "r", "e", "ann")
        attempt = PromotionAttempted(body.strategy, body.family, body.fingerprint, *asked)
        desk.store.add(msgspec.structs.replace(attempt, baseline=text))
        desk.store.issue(document)

    async def story() -> str:
        with here.desk() as desk, here.store() as store:
            async with here.venue() as venue:
                plan = here.plan(venue, feed=None)
                plan.feed = SharedMarket(venue, with_a_close(here.slices, 20))
                session = await go_live(store, plan, desk)
                plan.feed.session = session
                plan.feed.after_close = lambda: is_suspended(desk)
                await session.run()
                return session.parts.journal.session_id

    session_id = asyncio.run(story())
    with here.desk() as desk, here.store() as store:
        (reason,) = desk.store.known().suspended.values()
        assert reason.startswith("The returns of the last days are not as the evidence has it")
        kinds = [row["kind"] for row in store.rows(session_id, "incidents")]
        assert "drift" in kinds
        records = (entry.record for entry in store.entries(session_id))
        followed = followed_in(records, body.fingerprint)
        assert followed is not None
        assert followed.state.alarms > 0
        assert followed.state.days == 0, "another certificate begins anew"


def is_suspended(desk: Desk) -> bool:
    return bool(desk.store.known().suspended)


def with_a_close(slices: tuple[Slice, ...], place: int) -> tuple[Slice, ...]:
    """Return slices with the end of the account's day among them."""
    before, after = slices[:place], slices[place:]
    row = np.zeros((1, at.EVENT_WIDTH), dtype=np.int64)
    row[0, at.EVENT_TS], row[0, at.EVENT_KIND] = before[-1].ts_ns, at.KIND_ACCRUAL
    row[0, at.EVENT_INSTRUMENT] = -1
    close = Slice(before[-1].ts_ns, row, before[-1].cursor)
    return (*before, close, *after)
