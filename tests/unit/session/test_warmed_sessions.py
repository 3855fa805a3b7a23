"""A session on a venue's feed begins with the bars of before: from its first bar on it decides as the backtest
over the venue's history and the same bars."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, replace
from pathlib import Path

import pytest

from data.history import History
from engine.model import layout as at
from engine.model.units import NS_PER_MINUTE
from runtime.backtest import run_backtest
from runtime.backtest.clockwork import clockwork_of
from runtime.config.loading import parse_strategy
from runtime.differences import first_difference, rows_until
from runtime.gateway.ledger import OrderLedger
from runtime.journal.records import Noted, Warmed
from runtime.journal.sessions import SessionStore
from runtime.promotion.evidence.seen import Seen
from runtime.session.intake import from_packed
from runtime.session.recovery import recover
from runtime.session.replaying import Replayed, replay
from runtime.session.shown import session_shown
from runtime.session.starting import PaperPlan, start_paper, unfinished
from runtime.session.states import FEED_ENDED
from runtime.session_core.assembling import (
    formulas_of,
    market_of,
    new_paper_broker,
    new_session_core,
    setup_of_session,
)
from runtime.venues.market import clockwork_ahead
from tests.unit.feeds.venues import feed_at, minutes, replayed, run, venue_of, with_actions
from tests.unit.session.papers import Desk

HEAD = """
[strategy]
name = "warm"
{code}
[data]
dataset = "sample:goog"
[sizing]
method = "fixed_quantity"
quantity = 10
"""
RULES = (
    HEAD.format(code="")
    + """
[rules]
entry = "close > sma(close, 50)"
exit = "close < sma(close, 50)"
"""
)
CODE = """
from trader import Strategy, condition


class Mine(Strategy):
    is_up = condition("close > sma(close, 50)")

    def on_bar(self, bar) -> None:
        if self.is_up and not self.position():
            self.buy(10)
        elif not self.is_up and self.position():
            self.close()
"""


@dataclass
class Told:
    """What a session has left behind."""

    replayed: Replayed
    warmed: list[Warmed]
    notes: list[Noted]
    shown: str
    seen: list[int]  # the closes of bars that were decided on


def desk_of(folder: Path, text: str) -> Desk:
    (folder / "mine.py").write_text(CODE)
    (folder / "strategy.toml").write_text(text)
    history = with_actions(minutes(3))  # a split on the second day
    return Desk(parse_strategy(text, folder / "strategy.toml"), history, folder)


def before_day(history: History, day: int = -1) -> int:
    """Return a minute before a day's open; the last one's when left out."""
    opens = [ts for ts, rows in replayed(history) if rows[0][1] == at.KIND_SESSION_OPEN]
    return opens[day] - NS_PER_MINUTE


async def traded(desk: Desk, start_ns: int | None, *, stops: int = 0) -> Told:
    """Trade on paper at a venue that is at a time; stop as often and go on."""
    store, config = SessionStore.open(desk.url), desk.config
    formulas = formulas_of(config, desk.history.symbols)
    try:
        async with venue_of(desk.history, start_ns=start_ns) as venue:
            for left in range(stops, -1, -1):
                feed = feed_at(venue, desk.history, trading=config.is_trading, formulas=formulas)
                market = market_of(
                    desk.history, clockwork_ahead(desk.history, store.clock, formulas)
                )
                plan = PaperPlan(
                    config, feed, market, "paper", venue="alpaca", environment=feed.environment
                )
                session = start_paper(store, plan, unfinished(store, plan))
                if left:
                    asyncio.get_running_loop().call_later(0.3, session.stop, "for a while")
                await session.run()
                if store.get("last").cause == FEED_ENDED:
                    break
        (record,) = store.list()
        records = [entry.record for entry in store.entries(record.id)]
        return Told(
            replay(store.entries(record.id)),
            [each for each in records if isinstance(each, Warmed)],
            [each for each in records if isinstance(each, Noted) and each.subject == "warm-up"],
            session_shown(store, record.id).warm_up,
            [ts for ts, _, _ in Seen().take(records).slices],
        )
    finally:
        store.close()


CLASS = HEAD.format(code='class = "mine.py:Mine"')


@pytest.fixture(scope="module", params=[RULES, CLASS], ids=["rules", "class"])
def warm(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> tuple[Desk, Told]:
    """Begun after one day, and a split in the night, which the venue's bars do not show."""
    desk = desk_of(tmp_path_factory.mktemp("warm"), request.param)
    return desk, run(traded(desk, before_day(desk.history, 1)))


def test_its_first_bar_is_decided_on_as_in_a_backtest_with_its_past(
    warm: tuple[Desk, Told],
) -> None:
    desk, found = warm
    start_ns = before_day(desk.history, 1)
    expected = run_backtest(
        desk.config, history=desk.history, start_ns=start_ns, engine="interpreted"
    ).pessimistic
    output = found.replayed.output
    assert first_difference(output.journal, expected.journal, output.instruments) is None
    decided = rows_until(expected.journal)[:, at.EVENT_TS]
    assert len(decided) > 20 and decided[0] < start_ns + 30 * NS_PER_MINUTE, "before 50 bars"
    assert found.shown == "warmed up with 390 bars from 2020-01-02"
    assert [(note.severity, note.text) for note in found.notes] == [("info", found.shown)]


def test_the_gate_sees_no_day_of_before_and_a_shadow_that_has_decided_the_same(
    warm: tuple[Desk, Told],
) -> None:
    desk, _ = warm
    paper = desk.paper_days()
    assert len(paper.days) == 2
    for day in paper.days:
        assert (day.bars_received, day.bars_expected) == (390, 390)
        assert (day.decisions_made, day.decisions_expected) == (390, 390)
    assert paper.intents and paper.intents == paper.shadow_intents
    assert paper.daily == paper.shadow_daily
    assert paper.shortfalls_bps is not None and set(paper.shortfalls_bps) == {0.0}


def test_one_that_is_killed_before_its_first_bar_goes_on_warm(warm: tuple[Desk, Told]) -> None:
    desk, _ = warm
    market = market_of(desk.history, clockwork_of(desk.history))
    setup = setup_of_session(desk.config, market)
    core = new_session_core(desk.config, market, setup)
    broker = new_paper_broker(desk.config, setup, core)
    with desk.store() as store:
        entries = list(store.entries(store.get("last").id))
    end = next(n for n, each in enumerate(entries, 1) if each.kind == "warmed")
    warmed = entries[end - 1].record
    assert isinstance(warmed, Warmed)
    recovered = recover(
        core, broker, OrderLedger(), lambda after: iter(entries[after:end]), checkpoint=None
    )
    assert recovered.cursor == warmed.cursor and recovered.has_started
    others = new_session_core(desk.config, market, setup)
    others.warm(from_packed(warmed.rows))
    assert core._driver.hashed() == others._driver.hashed()


def test_a_session_that_goes_on_is_warmed_up_once_and_sees_each_bar_once(tmp_path: Path) -> None:
    desk = desk_of(tmp_path, RULES)
    start_ns = before_day(desk.history)
    found = run(traded(desk, start_ns, stops=2))
    assert len(found.warmed) == 1
    bars = [ts for ts, rows in replayed(desk.history) if rows[0][1] == at.KIND_BAR]
    assert found.seen == [ts for ts in bars if ts > start_ns]


def test_a_venue_without_a_past_is_told_and_traded_at_as_from_a_cold_start(tmp_path: Path) -> None:
    desk = replace(desk_of(tmp_path, RULES), history=minutes())
    found = run(traded(desk, None))
    expected = run_backtest(desk.config, history=desk.history, engine="interpreted").pessimistic
    output = found.replayed.output
    assert first_difference(output.journal, expected.journal, output.instruments) is None
    (note,) = found.notes
    assert note.severity == "warning"
    symbol = desk.history.instruments[0].symbol
    # 50 minutes after the open: 49 bars are needed before the one that is decided on.
    assert note.text == (
        f"the venue's history has nothing; of {symbol} 0 of the 49 bars that its formulas need: "
        "its first decision at about 2020-01-02 15:20 UTC"
    )
