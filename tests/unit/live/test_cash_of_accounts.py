"""What a venue books by itself stands in the session's books, once; cash that nobody explains lets nothing enter."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

import numpy as np
import polars as pl

from engine.model import layout as at
from engine.model.units import from_minor, to_minor
from engine.ports import Slice
from engine.rules.regulatory import US_SHARES
from runtime.journal.records import Noted
from runtime.results import RunOutput
from runtime.results.frames import cash_frame
from runtime.session.live import go_live
from runtime.session.parts import Asked
from runtime.session.replaying import replay
from runtime.session.session import Session
from runtime.session.states import SessionState
from runtime.session.venue_hearing import VenueOptions
from sims.venues.alpaca import AlpacaVenue, VenueSettings
from sims.venues.alpaca.cash import charge_sales
from tests.unit.live.rehearsals import Rehearsal, is_settled, until
from tests.venues.walks import SHARE

READINGS = VenueOptions(reconcile_least=0.03, reconcile_most=0.05)


@dataclass
class Scene:
    """A live session between two bars."""

    session: Session
    venue: AlpacaVenue

    @property
    def engine_minor(self) -> int:
        return self.session.parts.core.cash_minor

    @property
    def cash(self) -> int:
        """What the venue should state, by the session's books; less what it states."""
        inbox = self.session._venue.inbox  # type: ignore[union-attr]
        expected = inbox.cash.expected(self.engine_minor)
        assert expected is not None
        return expected - self.venue.exchange.tally.cash["USD"]

    @property
    def known(self) -> set[str]:
        return set(self.session._venue.inbox.cash.known)  # type: ignore[union-attr]

    @property
    def differs(self) -> str:
        return self.session._venue.cash_differs  # type: ignore[union-attr]

    async def read(self) -> None:
        """Wait until every activity is known and the account was read once more."""
        await until(
            lambda: {x.activity_id for x in self.venue.exchange.cash_activities} <= self.known
        )
        await self.session._venue.read_anew()  # type: ignore[union-attr]


async def traded(
    here: Rehearsal,
    venue: AlpacaVenue,
    story: Callable[[Scene], Awaitable[None]],
    after: int = 6,
    options: VenueOptions = READINGS,
) -> tuple[Session, list[Noted], RunOutput]:
    """Trade until some bars have passed and all is quiet, tell the story there, stop, and play the journal."""
    with here.desk() as desk, here.store() as store:
        plan = here.plan(venue)
        plan.venue = options
        session = await go_live(store, plan, desk)
        feed, gate = plan.feed, asyncio.Event()
        feed.session, feed.pauses = session, {after: gate}  # type: ignore[attr-defined]
        running = asyncio.create_task(session.run())
        await until(lambda: session.state is SessionState.RUNNING)
        await until(lambda: session.cursor >= after and is_settled(session, venue))
        await story(Scene(session, venue))
        session.stop("told")
        await running
        entries = list(store.entries(session.parts.journal.session_id))
        played = replay(iter(entries))
        assert played.output.final_equity_minor == session.parts.core.equity_minor
        notes = [each.record for each in entries if isinstance(each.record, Noted)]
        return session, notes, played.output


def moved(session: Session, account: int) -> str:
    """Return what a ledger's account has received."""
    return str(from_minor(-int(session.parts.core.plain.ledger[0, account])).normalize())


def test_fees_interest_and_transfers_are_booked_once_and_the_cash_is_the_venues(
    here: Rehearsal,
) -> None:
    """The account has much that lies beside: a deposit is no gain, a withdrawal no loss."""
    here.issue()

    async def story(scene: Scene) -> None:
        venue, before = scene.venue, scene.engine_minor
        for kind, amount in (("FEE", "-0.23"), ("INT", "-1.10"), ("CSD", "500"), ("CSW", "-200")):
            venue.move_cash(kind, amount)
        await scene.read()
        assert scene.cash == 0 and not scene.differs
        assert scene.engine_minor - before == to_minor("-1.33")
        await scene.read()  # told again, booked no more
        assert scene.engine_minor - before == to_minor("-1.33")

    async def whole() -> None:
        async with here.venue() as venue:
            session, notes, output = await traded(here, venue, story)
            causes = cash_frame(output).filter(pl.col("cause").is_in(["fee", "interest"]))
            assert causes["cause"].to_list() == ["fee", "interest"]
            assert str(causes["amount"].sum()) == "-1.33000000"
            assert moved(session, at.LEDGER_FEES) == "-0.23"
            assert moved(session, at.LEDGER_INTEREST) == "-1.1"
            told = [(each.subject, each.text) for each in notes if each.kind == "cash"]
            assert [subject for subject, _ in told] == ["fee", "interest", "transfer", "transfer"]
            again, *_ = await traded(here, venue, going_on, after=8)
            assert again.parts.journal.session_id == session.parts.journal.session_id
            assert again.parts.core.transfers_minor == session.parts.core.transfers_minor

    async def going_on(scene: Scene) -> None:
        """The next process knows what was booked."""
        before = scene.engine_minor
        await scene.read()
        assert scene.cash == 0 and scene.engine_minor == before

    asyncio.run(whole())


def test_cash_that_nobody_explains_is_told_once_and_lets_only_what_closes_leave(
    here: Rehearsal,
) -> None:
    here.issue()

    async def story(scene: Scene) -> None:
        scene.venue.exchange.tally.cash["USD"] -= to_minor("12.34")
        await until(lambda: scene.differs)
        assert scene.session.state is SessionState.RUNNING, "exits go on"
        assert scene.session._surroundings.situation().cash == scene.differs
        await asyncio.sleep(0.2)  # read some times more
        before = scene.session.parts.core.equity_minor
        asked = Asked("release_symbol", "ann", "the venue has charged me", "cash")
        assert await scene.session.ask(asked) == "the cash is as the venue states it"
        await scene.read()
        assert not scene.differs and scene.cash == 0
        assert scene.session.parts.core.equity_minor - before == to_minor("-12.34")
        assert (await scene.session.ask(asked)).startswith("refused")

    async def whole() -> None:
        async with here.venue() as venue:
            _, notes, _ = await traded(here, venue, story)
            told = [each for each in notes if each.kind == "cash_differs"]
            assert [each.severity for each in told] == ["critical", "info"]
            stated = from_minor(venue.exchange.tally.cash["USD"])
            expected = stated + from_minor(to_minor("12.34"))
            assert told[0].text == f"the venue states {stated}, the books explain {expected}"

    asyncio.run(whole())


def test_what_regulators_take_of_sales_is_booked(here: Rehearsal) -> None:
    here.issue()

    async def story(scene: Scene) -> None:
        exchange, before = scene.venue.exchange, scene.engine_minor
        sold = [each for each in exchange.fills if each.sign < 0]
        assert sold, "there were sales"
        charge_sales(exchange, 0)
        fees = [each.minor for each in exchange.cash_activities]
        value = sum(each.lots * each.price_ticks * 10**6 for each in sold)
        assert fees == [-len(sold) * 10**6, -US_SHARES.on_value(value)], "a cent for each sale"
        await scene.read()
        assert scene.engine_minor - before == sum(fees) and scene.cash == 0

    async def whole() -> None:
        async with here.venue(settings=VenueSettings(sell_fees=US_SHARES)) as venue:
            await traded(here, venue, story, after=25)

    asyncio.run(whole())


def test_a_dividend_is_booked_at_its_ex_date_and_only_the_difference_when_it_is_paid(
    here: Rehearsal,
) -> None:
    """The venue keeps a tenth back; of a dividend that nobody has announced all is booked."""
    here.issue()

    async def story(scene: Scene) -> None:
        session, before = scene.session, scene.engine_minor
        held = session.gateway.books.positions[0]
        row = np.zeros((1, at.EVENT_WIDTH), dtype=np.int64)
        row[0, at.EVENT_TS] = session.parts.core.now_ns
        row[0, at.EVENT_KIND], row[0, at.DIVIDEND_MINOR] = at.KIND_DIVIDEND, to_minor("1")
        async with session._lock:
            await session.intake.slice(Slice(int(row[0, 0]), row, session.cursor))
        assert held > 0 and scene.engine_minor - before == held * to_minor("1")
        await scene.read()
        assert scene.cash == 0 and not scene.differs, "it is owed, and no difference"
        for amount in (f"{held * 0.9:.2f}", "3.00"):
            scene.venue.move_cash("DIV", amount, SHARE.symbol)
        await scene.read()
        assert scene.engine_minor - before == to_minor(f"{held * 0.9 + 3:.2f}")
        assert scene.cash == 0 and not scene.differs

    async def whole() -> None:
        async with here.venue() as venue:
            session, *_ = await traded(here, venue, story, after=6)
            assert session._venue.inbox.cash.owed == {}  # type: ignore[union-attr]

    asyncio.run(whole())
