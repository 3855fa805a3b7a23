"""Paper sessions on a venue's coins: days without a close are decided on as in a backtest, and count."""

from __future__ import annotations

from pathlib import Path

import pytest

from engine.model import layout as at
from engine.ports import Environment
from runtime.config.loading import parse_strategy
from runtime.differences import first_difference, rows_until
from runtime.journal.sessions import SessionStore
from runtime.promotion.evidence.on_paper import collect
from runtime.promotion.fingerprint import fingerprint_of
from tests.simulation.plans import LOOP, RULES
from tests.unit.feeds.venues import coins, run
from tests.unit.session.papers import Desk
from tests.unit.session.test_venue_sessions import CROSSING, traded

PARTS = CROSSING.replace("quantity = 10", "quantity = 0.0125") + (
    '[execution]\ntime_in_force = "GTC"\n'
)


def desk_of(text: str, folder: Path, days: int = 2) -> Desk:
    (folder / "strategy.toml").write_text(text)
    return Desk(parse_strategy(text, folder / "strategy.toml"), coins(days), folder)


@pytest.mark.parametrize(
    ("strategy", "faults"),
    [
        (PARTS, ()),
        (RULES + LOOP, ()),
        (
            PARTS,
            (
                '{"kind": "lose", "on": "data_stream", "at": 50, "count": 4}',
                '{"kind": "duplicate", "on": "data_stream", "at": 90, "count": 9}',
                '{"kind": "mute", "on": "data_stream", "at": 300}',
            ),
        ),
    ],
    ids=["rules", "loop", "faults"],
)
def test_a_session_of_coins_decides_as_its_backtest(
    strategy: str, faults: tuple[str, ...], tmp_path: Path
) -> None:
    desk = desk_of(strategy, tmp_path, days=1)
    found, expected = run(traded(desk, *faults)).output, desk.backtest()
    assert first_difference(found.journal, expected.journal, found.instruments) is None
    assert len(rows_until(expected.journal)) > 20, "there was something to decide"
    assert found.final_equity_minor == expected.final_equity_minor
    hours = expected.journal[expected.journal[:, at.EVENT_KIND] == at.KIND_FILL, at.EVENT_TS]
    assert len(set((hours // (3_600 * 10**9) % 24).tolist())) > 12, "at night, too"


def test_a_day_of_coins_is_a_paper_day(tmp_path: Path) -> None:
    desk = desk_of(PARTS, tmp_path, days=3)
    run(traded(desk))
    core = fingerprint_of(
        desk.config,
        venue="alpaca",
        environment=Environment.LIVE.value,
        instruments=desk.history.instruments,
        timeframe=desk.history.passport.timeframe,
    ).core
    store = SessionStore.open(desk.url)
    try:
        paper = collect(store, desk.config, "paper", "family", core).paper
    finally:
        store.close()
    whole = [each for each in paper.days if each.bars_received == 1_440]
    assert len(whole) == 3
    assert all(each.bars_expected == 1_440 and each.is_open_day for each in whole)
    assert all(each.decisions_made == each.decisions_expected == 1_440 for each in whole)
    assert paper.intents == paper.shadow_intents and paper.daily == paper.shadow_daily
