"""Coins live at the venue: their fee is kept of what is bought, and both sides' books are equal all the same."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from decimal import Decimal

import pytest

from engine.errors import NegativeAnswer
from engine.model import layout as at
from engine.model.instruments import Instrument, InstrumentKind
from engine.model.units import NS_PER_DAY
from runtime.gateway.refusals import Refusal
from runtime.results.frames import cash_balances
from runtime.results.rows import cash_moves_of, changes_of, terms_of
from runtime.results.statement import statement_of
from runtime.session.live import go_live
from runtime.session.live_proof import prove
from runtime.session.venue_account import CASH_DIFFERS
from runtime.session.venue_hearing import VenueOptions
from sims.venues.alpaca import VenueSettings
from tests.unit.feeds.venues import feed_at
from tests.unit.live.rehearsals import Rehearsal, until
from tests.unit.live.test_cash_of_accounts import Scene, traded
from tests.venues.walks import START_NS

COIN = Instrument("BTC/USD", InstrumentKind.CRYPTO_SPOT, quantity_precision=4)
DEAR = VenueSettings(coin_fee_bps=Decimal(25))


@pytest.fixture
def coins(here: Rehearsal) -> Rehearsal:
    here.share = COIN
    here.file.write_text(here.file.read_text().replace("quantity = 40", "quantity = 1.5"))
    here.issue()
    return here


def test_what_is_kept_of_a_purchase_is_booked_to_the_lot(coins: Rehearsal) -> None:
    """The venue's position is smaller than its fills; its activity CFEE says so, without an amount of money."""

    async def story(scene: Scene) -> None:
        await scene.read()
        held = scene.venue.exchange.tally.held[0].lots
        session, fills = scene.session, scene.venue.exchange.fills
        filled = sum(each.sign * each.lots for each in fills)
        kept = sum(each.kept_lots for each in fills)
        assert kept > 0 and held == filled - kept
        core = session.parts.core.plain
        assert core.positions[0, at.POSITION_QUANTITY] == held
        assert session.gateway.books.positions.get(0, 0) == held
        assert scene.cash == 0 and not scene.differs
        assert not session._venue.quarantined  # type: ignore[union-attr]

    async def whole() -> None:
        async with coins.venue(settings=DEAR) as venue:
            _, notes, output = await traded(coins, venue, story, after=25)
            assert any("BTC/USD were kept" in each.text for each in notes)
            causes = output.journal[
                output.journal[:, at.EVENT_KIND] == at.KIND_POSITION_CHANGED, at.POSITION_CAUSE
            ]
            assert at.KIND_UNITS_KEPT in causes
            moves = cash_moves_of(output, changes_of(output), terms_of(output))
            assert cash_balances(output, moves)[-1] == output.ledger[0, at.LEDGER_CASH]
            assert statement_of(output).fees < 0
            sold = [each for each in venue.exchange.fills if each.sign < 0]
            assert sold, "and what is left is sold"

    asyncio.run(whole())


def test_what_is_kept_and_told_hours_later_is_booked_at_once_and_once(coins: Rehearsal) -> None:
    """The venue's own account of the position says so long before an activity does."""
    late = replace(DEAR, are_coin_fees_told=False)

    async def story(scene: Scene) -> None:
        venue, core = scene.venue, scene.session.parts.core
        await scene.session._venue.read_anew()  # type: ignore[union-attr]
        held = venue.exchange.tally.held[0].lots
        kept = sum(each.kept_lots for each in venue.exchange.fills)
        assert kept > 0 and not venue.exchange.cash_activities, "nothing was told"
        assert [each for each in venue.exchange.fills if each.sign < 0], "and coins have left"
        assert core.plain.positions[0, at.POSITION_QUANTITY] == held
        assert scene.cash == 0 and not scene.differs
        assert not scene.session._venue.quarantined  # type: ignore[union-attr]
        equity = core.equity_minor
        venue.tell_coin_fees()
        await scene.session._venue.read_anew()  # type: ignore[union-attr]
        assert {each.activity_id for each in venue.exchange.cash_activities} <= scene.known
        assert core.plain.positions[0, at.POSITION_QUANTITY] == held, "booked before"
        assert core.equity_minor == equity and scene.cash == 0 and not scene.differs

    async def whole() -> None:
        async with coins.venue(settings=late) as venue:
            # Read when something was bought, as without a test: the venue answers 200 times a minute.
            _, notes, output = await traded(coins, venue, story, after=25, options=VenueOptions())
            assert not [each for each in notes if each.kind in ("quarantine", CASH_DIFFERS)]
            moves = cash_moves_of(output, changes_of(output), terms_of(output))
            assert cash_balances(output, moves)[-1] == output.ledger[0, at.LEDGER_CASH]

    asyncio.run(whole())


def test_more_than_a_fee_is_quarantined(coins: Rehearsal) -> None:
    async def story(scene: Scene) -> None:
        await scene.session._venue.read_anew()  # type: ignore[union-attr]
        scene.venue.exchange.tally.held[0].lots -= 400
        await until(lambda: scene.session._venue.quarantined)  # type: ignore[union-attr]

    async def whole() -> None:
        async with coins.venue(settings=DEAR) as venue:
            await traded(coins, venue, story, after=25)

    asyncio.run(whole())


def test_all_of_a_market_is_traded_and_both_sides_hold_the_same(coins: Rehearsal) -> None:
    done = coins.trade(settings=DEAR)
    assert len(done.venue.books.executions) >= 5
    assert {each.time_in_force for each in done.venue.books.orders} <= {"gtc", "ioc"}
    assert done.session.parts.core.plain.positions[0, at.POSITION_QUANTITY] == (
        done.venue.exchange.tally.held[0].lots
    )


def test_coins_are_traded_on_the_venues_own_stream(coins: Rehearsal) -> None:
    """Bars come over its market data stream and orders go over its sockets; a minute lasts a tenth of a second."""
    coins.bars = 200

    async def story() -> None:
        with coins.desk() as desk, coins.store() as store:
            async with coins.venue(settings=DEAR, speed=600, waits_for_listener=True) as venue:
                feed = feed_at(venue, coins.history)
                session = await go_live(store, coins.plan(venue, feed=feed), desk)
                running = asyncio.create_task(session.run())
                await until(lambda: len(venue.exchange.fills) >= 4, 30)
                await session._venue.read_anew()  # type: ignore[union-attr]
                assert not session._venue.quarantined  # type: ignore[union-attr]
                session.stop("told")
                await running
                held = venue.exchange.tally.held[0].lots
                assert session.parts.core.plain.positions[0, at.POSITION_QUANTITY] == held
                assert {each.sign for each in venue.exchange.fills} == {1, -1}

    asyncio.run(story())


def test_their_market_is_open_while_that_of_shares_is_closed(coins: Rehearsal) -> None:
    async def story() -> None:
        week = START_NS + 7 * NS_PER_DAY
        async with coins.venue(opens_ns=[week], closes_ns=[week + 1]) as venue:
            proven = await prove(coins.door(venue), (COIN,), coins.clock)
            assert not venue.exchange.is_open and proven.is_open

    asyncio.run(story())


def test_an_order_under_the_venues_smallest_is_refused_here(coins: Rehearsal) -> None:
    """A quarter of 1.5 is bought; what the venue would refuse is never sent."""
    done = coins.trade(settings=replace(DEAR, coin_order_least=Decimal("0.3751")))
    assert {each.code for each in done.refused} == {Refusal.UNDER_LEAST}
    assert (done.refused[0].number, done.refused[0].limit) == (3_750, 3_751)
    assert "submit" not in {each.operation for each in done.venue.requests}


@pytest.mark.parametrize(
    ("change", "told"),
    [
        ({"quantity_precision": 6}, "in steps of 0.0001"),
        ({"quantity_step_lots": 10}, "in steps of 0.0001"),
        ({"price_step_ticks": 5}, "prices in steps of 0.01"),
    ],
)
def test_another_grid_than_the_venues_is_not_begun(
    coins: Rehearsal, change: dict[str, int], told: str
) -> None:
    coins.share = replace(COIN, **change)  # type: ignore[arg-type]
    coins.issue()

    async def story() -> None:
        with coins.desk() as desk, coins.store() as store:
            async with coins.venue() as venue:
                venue.exchange.assets[0].instrument = COIN
                await go_live(store, coins.plan(venue), desk)

    with pytest.raises(NegativeAnswer) as caught:
        asyncio.run(story())
    assert caught.value.code == "live.not_listed"
    assert told in caught.value.problem
