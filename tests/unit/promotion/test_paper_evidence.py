"""What the gate is told of paper trading: out of journals, played again, beside a shadow."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from engine.gate.evidence import DailySeries, PaperDay
from engine.model import layout as at
from engine.ports import EvidenceClass
from runtime.backtest.histories import load_history
from runtime.config import load_strategy
from runtime.promotion.evidence.again import BarsAgain
from runtime.promotion.evidence.on_paper import NO_VENUE, OnPaper, collect, paired_days, unlike
from runtime.promotion.evidence.series import daily_series
from runtime.promotion.evidence.shadow import shortfalls_bps
from runtime.promotion.fingerprint import fingerprint_of
from tests.architecture.source import ROOT
from tests.unit.session.papers import Desk

FAMILY = "family"


def evidence_of(desk: Desk) -> OnPaper:
    with desk.store() as store:
        return collect(store, desk.config, "paper", FAMILY, desk.core)


def some_years(folder: Path, start: int, end: int) -> Desk:
    config = load_strategy(ROOT / "examples" / "sma_cross.toml")
    span = (np.datetime64(f"{year}-01-01", "ns").astype(int).item() for year in (start, end))
    return Desk(config, load_history(config.data, Path()).between(*span), folder)


@pytest.fixture(scope="module")
def year(tmp_path_factory: pytest.TempPathFactory) -> tuple[Desk, OnPaper]:
    desk = some_years(tmp_path_factory.mktemp("paper"), 2006, 2007)
    desk.run()
    return desk, evidence_of(desk)


def test_a_session_and_its_shadow_are_the_backtest(year: tuple[Desk, OnPaper]) -> None:
    desk, found = year
    paper, backtest = found.paper, desk.backtest()
    assert paper.daily == paper.shadow_daily == daily_series(backtest)
    assert paper.intents == paper.shadow_intents
    submitted = (backtest.journal[:, at.EVENT_KIND] == at.KIND_SUBMITTED).sum()
    assert paper.intents is not None and len(paper.intents) == submitted > 4
    assert paper.shortfalls_bps is not None and set(paper.shortfalls_bps) == {0.0}
    (session,) = paper.sessions
    assert (session.violations, session.unresolved_orders, session.unexplained_differences) == (
        0,
    ) * 3


def test_what_a_replay_lacks_is_a_venue_and_what_was_changed_is_told_beside(
    year: tuple[Desk, OnPaper],
) -> None:
    desk, found = year
    config = replace(desk.config, rules=replace(desk.config.rules, entry="close > open"))
    same, other = (
        fingerprint_of(
            each,
            venue="alpaca",
            environment="live",
            account="1",
            instruments=desk.history.instruments,
            timeframe=desk.history.passport.timeframe,
        )
        for each in (desk.config, config)
    )
    assert unlike(found.newest, same) == (NO_VENUE,)
    assert unlike(found.newest, other) == (NO_VENUE, "[rules] entry was changed")
    assert unlike(same, same) == unlike(None, same) == ()


def test_every_day_of_the_year_is_there_once_and_whole(year: tuple[Desk, OnPaper]) -> None:
    desk, found = year
    days = found.paper.days
    bars = desk.history.parts[0].bars
    assert bars is not None and len(days) == len(bars) == 251
    for day in days:
        assert day.is_open_day and day.closed_ns is not None
        assert (day.decisions_expected, day.decisions_made) == (1, 1)
        assert (day.bars_expected, day.bars_received, day.age_p99_ns) == (1, 1, 0)
        assert day.is_reconciled and day.clock
        assert day.feed is EvidenceClass.REHEARSAL
        assert day.fingerprints == (days[0].fingerprints)
        assert day.orders == day.shadow_orders
    assert sum(day.fills for day in days) == sum(day.orders for day in days)
    assert len({day.tape_hashes for day in days}) == len(days)


def test_a_day_on_which_something_is_held_is_not_idle(year: tuple[Desk, OnPaper]) -> None:
    _, found = year
    days = found.paper.days
    held = [day.is_holding for day in days]
    assert 0 < sum(held) < len(held)
    assert all(day.is_holding for day in days if day.fills)


def test_the_fingerprint_is_that_of_what_ran(year: tuple[Desk, OnPaper]) -> None:
    desk, found = year
    core = fingerprint_of(
        desk.config,
        instruments=desk.history.instruments,
        timeframe=desk.history.passport.timeframe,
    ).core
    assert found.paper.days[0].fingerprints == (core,)
    (integrity,) = found.integrity
    assert integrity.fingerprint == core and integrity.family == FAMILY
    assert integrity.head == integrity.recomputed_head == integrity.anchored_head
    assert integrity.recomputed_anchor == integrity.anchored_head


def test_an_edited_record_shows(tmp_path: Path) -> None:
    import sqlite3

    desk = some_years(tmp_path, 2006, 2007)
    desk.run()
    with sqlite3.connect(tmp_path / "trader.db") as database:
        select = "SELECT payload FROM journal WHERE sequence = 300"
        (payload,) = database.execute(select).fetchone()
        edited = payload.replace(b"slice", b"Slice", 1)
        database.execute("UPDATE journal SET payload = ? WHERE sequence = 300", (edited,))
    (integrity,) = evidence_of(desk).integrity
    assert integrity.recomputed_head != integrity.head
    assert integrity.records == 299
    assert evidence_of(desk).paper.daily is None, (
        "nothing is taken from a journal that does not hold"
    )


def test_sessions_one_after_the_other_are_one_account(tmp_path: Path) -> None:
    first, second = some_years(tmp_path, 2005, 2006), some_years(tmp_path, 2006, 2007)
    for desk in (first, second):
        desk.run()
    found = evidence_of(second).paper
    assert len(found.sessions) == 2
    assert found.daily is not None and len(found.daily.day_numbers) == 252 + 251 + 1
    parts = [daily_series(each.backtest()) for each in (first, second)]
    gains = [part.equity_minor[-1] - part.equity_minor[0] for part in parts]
    flows = sum(found.daily.flows_minor[1:])
    assert found.daily.equity_minor[-1] - found.daily.equity_minor[0] - flows == sum(gains)


def test_a_day_that_a_session_has_not_seen_the_end_of_is_not_compared() -> None:
    ours = DailySeries((9, 10), (100, 101), (0, 0))
    shadow = DailySeries((9, 10, 11), (100, 101, 99), (0, 0, 0))
    assert paired_days(ours, shadow) == (ours, ours)
    # Of a day of which nothing was seen but its end there is no shadow.
    assert paired_days(DailySeries((8, 9, 10), (100, 100, 101), (0, 0, 0)), shadow) == (ours, ours)
    # What is missing within stays different.
    assert paired_days(DailySeries((9, 11), (100, 99), (0, 0)), shadow)[1] == shadow


def test_another_strategy_on_the_account_is_not_read(tmp_path: Path) -> None:
    desk = some_years(tmp_path, 2006, 2007)
    desk.run()
    other = Desk.of_example("momentum.toml", tmp_path)
    assert evidence_of(other).paper.sessions == ()
    assert evidence_of(other).paper.daily is None


@pytest.mark.parametrize(
    ("price", "bps"), [(1.0, 0.0), (1.001, 10.0), (0.999, -10.0)], ids=["same", "dearer", "cheaper"]
)
def test_a_buy_that_costs_more_than_in_the_shadow_falls_short(
    year: tuple[Desk, OnPaper], price: float, bps: float
) -> None:
    shadow = year[0].backtest()
    journal = shadow.journal.copy()
    place = int(np.flatnonzero(journal[:, at.EVENT_KIND] == at.KIND_FILL)[0])
    before = journal[place, at.FACT_PRICE]
    journal[place, at.FACT_PRICE] = round(before * price)
    found = shortfalls_bps(replace(shadow, journal=journal), shadow)
    assert found[0] == pytest.approx(bps, abs=10_000 / before)
    assert set(found[1:]) == {0.0}


def test_days_are_facts_and_not_verdicts() -> None:
    assert not any(name.startswith(("ok", "passed")) for name in PaperDay.__struct_fields__)


def bar(instrument: int, close_ns: int, *prices: int) -> np.ndarray:
    row = np.zeros(at.EVENT_WIDTH, dtype=np.int64)
    row[[at.EVENT_TS, at.EVENT_KIND, at.EVENT_INSTRUMENT]] = close_ns, at.KIND_BAR, instrument
    row[[at.BAR_OPEN, at.BAR_HIGH, at.BAR_LOW, at.BAR_CLOSE]] = prices
    return row


@pytest.mark.parametrize(
    ("told", "agrees"),
    [
        ((100, 105, 95, 101), True),
        ((101, 104, 96, 100), True),  # each within one step
        ((102, 105, 95, 101), False),
        (None, False),  # the venue has no such bar
    ],
)
def test_a_recorded_bar_is_held_against_what_the_venue_says_now(
    told: tuple[int, int, int, int] | None, agrees: bool
) -> None:
    again = BarsAgain({} if told is None else {(0, 60): told}, steps=(1,))
    assert again.agreeing(np.array([bar(0, 60, 100, 105, 95, 101)])) == agrees


def test_only_a_live_feed_is_asked_about_again(year: tuple[Desk, OnPaper]) -> None:
    assert {day.tape_bars for day in year[1].paper.days} == {None}
