"""Paper sessions on a venue's own bars: they decide what their backtest decides, and their days qualify."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from engine.model import layout as at
from engine.model.trading import Latch
from engine.model.trading_layout import LATCHED_LATCH
from engine.ports import EvidenceClass
from runtime.backtest.clockwork import clockwork_of
from runtime.config.loading import parse_strategy
from runtime.differences import first_difference, rows_until
from runtime.journal.sessions import SessionStore
from runtime.session.replaying import Replayed, replay
from runtime.session.starting import PaperPlan, start_paper, unfinished
from runtime.session.states import FEED_ENDED
from runtime.session_core.assembling import market_of
from tests.simulation.plans import LOOP, RULES
from tests.unit.feeds.venues import feed_at, minutes, run, ticked, venue_of, with_actions
from tests.unit.session.papers import Desk

CROSSING = """
[strategy]
name = "crossing"
[data]
dataset = "sample:goog"
[rules]
entry = "cross_above(sma(close, 5), sma(close, 20))"
exit = "cross_below(sma(close, 5), sma(close, 20))"
[sizing]
method = "fixed_quantity"
quantity = 10
"""


async def traded(desk: Desk, *faults: str, stops: int = 0) -> Replayed:
    """Trade on paper at a venue until its data end; return the journal, played again."""
    store = SessionStore.open(desk.url)
    try:
        async with venue_of(desk.history, *faults) as venue:
            for left in range(stops, -1, -1):
                feed = feed_at(venue, desk.history, trading=desk.config.is_trading)
                market = market_of(desk.history, clockwork_of(desk.history, days_after=30))
                plan = PaperPlan(
                    desk.config, feed, market, "paper", venue="alpaca", environment=feed.environment
                )
                session = start_paper(store, plan, unfinished(store, plan))
                if left:
                    asyncio.get_running_loop().call_later(0.5, session.stop, "for a while")
                await session.run()
                if store.get("last").cause == FEED_ENDED:
                    break
        (record,) = store.list()
        return replay(store.entries(record.id))
    finally:
        store.close()


def desk_of(text: str, folder: Path, days: int = 2) -> Desk:
    (folder / "strategy.toml").write_text(text)
    return Desk(parse_strategy(text, folder / "strategy.toml"), minutes(days), folder)


@pytest.mark.parametrize(
    ("strategy", "faults"),
    [
        (CROSSING, ()),
        (RULES + LOOP, ()),
        (
            CROSSING,
            (
                '{"kind": "lose", "on": "data_stream", "at": 50, "count": 4}',
                '{"kind": "duplicate", "on": "data_stream", "at": 90, "count": 9}',
                '{"kind": "reorder", "on": "data_stream", "at": 120}',
                '{"kind": "mute", "on": "data_stream", "at": 300}',
            ),
        ),
    ],
    ids=["rules", "loop", "faults"],
)
def test_a_session_at_a_venue_decides_as_its_backtest(
    strategy: str, faults: tuple[str, ...], tmp_path: Path
) -> None:
    desk = desk_of(strategy, tmp_path)
    found, expected = run(traded(desk, *faults)).output, desk.backtest()
    assert first_difference(found.journal, expected.journal, found.instruments) is None
    assert len(rows_until(expected.journal)) > 20, "there was something to decide"
    assert found.final_equity_minor == expected.final_equity_minor


def test_a_position_goes_through_a_split_as_in_its_backtest(tmp_path: Path) -> None:
    """Position and stop are held over night; the split is the venue's own announcement."""
    desk = desk_of(RULES + LOOP, tmp_path)
    desk.history = with_actions(desk.history)
    found, expected = run(traded(desk)).output, desk.backtest()
    journal = found.journal
    moved = journal[journal[:, at.EVENT_KIND] == at.KIND_POSITION_CHANGED]
    assert at.KIND_SPLIT in moved[:, at.POSITION_CAUSE], "something was held"
    assert first_difference(journal, expected.journal, found.instruments) is None


def test_a_session_whose_feed_is_refused_pauses_and_goes_on(tmp_path: Path) -> None:
    """The engine's breaker hears of it; the session does not end with what it holds."""
    desk = desk_of(RULES + LOOP, tmp_path, days=1)
    lost = '{"kind": "lose", "on": "data_stream", "at": 50}'
    refusal = '{"kind": "error", "on": "stock_data", "status": 403}'
    found = run(traded(desk, lost, refusal)).output.journal
    latched = found[found[:, at.EVENT_KIND] == at.KIND_LATCH_SET]
    assert Latch.API_AUTHORIZATION in latched[:, LATCHED_LATCH]


def test_a_session_that_is_torn_and_stopped_sees_every_day_once(tmp_path: Path) -> None:
    """Nothing is entered on what is read late, so fills may differ; what is seen may not."""
    desk = desk_of(CROSSING, tmp_path, days=3)
    found = run(traded(desk, '{"kind": "drop", "on": "data_stream", "at": 200}', stops=2))
    marked = [
        journal[journal[:, at.EVENT_KIND] == at.KIND_ACCRUAL, at.EVENT_TS].tolist()
        for journal in (found.output.journal, desk.backtest().journal)
    ]
    assert marked[0] == marked[1]


def test_five_days_at_a_venue_are_five_paper_days(tmp_path: Path) -> None:
    desk = desk_of(CROSSING, tmp_path, days=5)
    run(traded(desk))
    paper = desk.paper_days()
    assert len(paper.days) == 5
    for day in paper.days:
        assert (day.bars_received, day.bars_expected) == (390, 390)
        assert (day.decisions_made, day.decisions_expected) == (390, 390)
        # How old depends on the machine: at this speed a bar that had to be asked for is hours old.
        assert day.age_p99_ns is not None and day.age_p99_ns >= 0
        assert day.is_open_day and day.is_reconciled and day.is_holding and day.clock
        assert day.feed is EvidenceClass.REHEARSAL
        assert day.fingerprints == (desk.live_core,), "that of a live session"
    assert paper.intents == paper.shadow_intents and paper.daily == paper.shadow_daily


TOUCHING = '''
from trader import Quote, Strategy, Trade


class Touching(Strategy):
    """Buys on a print over the one before, sells on a quote under what it has paid."""

    def on_start(self) -> None:
        self.last = self.paid = None

    def on_quote(self, quote: Quote) -> None:
        if self.position() and quote.bid < self.paid:
            self.sell(self.position())

    def on_trade(self, trade: Trade) -> None:
        if self.last is not None and trade.price > self.last and not self.position():
            self.paid = trade.price
            self.buy(10)
        self.last = trade.price
'''
TOUCHING_FILE = """
[strategy]
name = "touching"
class = "touching.py:Touching"
[data]
dataset = "sample:goog"
"""


def test_a_strategy_of_quotes_and_prints_decides_at_a_venue_as_in_its_backtest(
    tmp_path: Path,
) -> None:
    (tmp_path / "touching.py").write_text(TOUCHING)
    desk = desk_of(TOUCHING_FILE, tmp_path, days=1)
    desk.history = ticked(desk.history)
    twice = '{"kind": "duplicate", "on": "data_stream", "at": 50, "count": 9}'
    found, expected = run(traded(desk, twice)).output, desk.backtest()
    assert first_difference(found.journal, expected.journal, found.instruments) is None
    fills = expected.journal[expected.journal[:, at.EVENT_KIND] == at.KIND_FILL]
    assert len(fills) > 20, "there was something to decide"
    assert found.final_equity_minor == expected.final_equity_minor
