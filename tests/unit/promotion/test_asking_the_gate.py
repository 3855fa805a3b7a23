"""The gate is asked again and again: what was tried, looked at and lost is held against a family."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import pytest

from engine.gate.evidence import Holdout, Trials
from runtime.backtest.histories import load_history
from runtime.backtest.recorded import recorded_backtest
from runtime.config import StrategyConfig, load_strategy, parse_strategy
from runtime.config.parameters import parse_value
from runtime.journal.sessions import SessionStore
from runtime.promotion.evidence import on_paper, tested
from runtime.promotion.promoting import REQUEST, STATUS, Ground, Judged, judge
from runtime.promotion.store import PromotionStore
from runtime.store import Store
from tests.architecture.source import ROOT
from tests.unit.journal.worlds import TestClock
from tests.unit.session.papers import Desk

SEALED = "2008-01-01"
TEXT = (ROOT / "examples" / "sma_cross.toml").read_text()


def sealed(text: str, holdout: str) -> str:
    dataset = 'dataset = "sample:goog"'
    return text.replace(dataset, f"{dataset}\nholdout = {holdout}") if holdout else text


def strategy(text: str = TEXT, *, holdout: str = SEALED, **parameters: str) -> StrategyConfig:
    """sma_cross, its end held out where a day is given."""
    config = parse_strategy(sealed(text, holdout), path=Path("strategy.toml"))
    return config.with_parameters(
        {name: parse_value(each, name=name) for name, each in parameters.items()}
    )


@dataclass
class Workshop:
    """A database in a folder, a strategy, and somebody who asks."""

    folder: Path
    ground: Ground

    def run(self, config: StrategyConfig) -> None:
        recorded_backtest(config, catalog_root=Path(), store=self.ground.registry)

    def ask(self, asked: str = STATUS, config: StrategyConfig | None = None) -> Judged:
        return judge(replace(self.ground, config=config or self.ground.config), asked)

    def edit(self, statement: str) -> None:
        with sqlite3.connect(self.folder / "trader.db") as database:
            assert database.execute(statement).rowcount > 0


@pytest.fixture
def workshop(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Workshop]:
    # Its answers are no matter here, and it takes most of the time.
    monkeypatch.setattr(tested, "check_lookahead", lambda *_, **__: _Report())
    url = f"sqlite:///{tmp_path / 'trader.db'}"
    registry, sessions = Store.open(url), SessionStore.open(url)
    with PromotionStore.open(url) as record:
        clock = TestClock()
        ground = Ground(strategy(), registry, sessions, record, Path(), clock, "ann")
        workshop = Workshop(tmp_path, ground)
        workshop.run(ground.config)
        yield workshop
    registry.close()
    sessions.close()


class _Report:
    comparisons = ()
    findings = ()


def verdict(judged: Judged, check: str) -> tuple[str, str]:
    found = next(each for each in judged.report.checks if each.id == check)
    return found.verdict.value, found.sentence


def trials(judged: Judged) -> Trials:
    assert judged.evidence.trials is not None
    return judged.evidence.trials


def held_out(judged: Judged) -> Holdout:
    assert judged.evidence.holdout is not None
    return judged.evidence.holdout


def test_each_look_at_what_is_held_out_is_one_and_a_status_is_none(workshop: Workshop) -> None:
    assert trials(workshop.ask()).holdout_looks == 0
    assert trials(workshop.ask(REQUEST)).holdout_looks == 1
    again = trials(workshop.ask(REQUEST))
    assert (again.holdout_looks, again.failed_attempts) == (2, 1)


def test_a_look_counts_though_nothing_came_of_it(
    workshop: Workshop, monkeypatch: pytest.MonkeyPatch
) -> None:
    def interrupted(*_: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as broken:
        broken.setattr(on_paper, "collect", interrupted)
        with pytest.raises(KeyboardInterrupt):
            workshop.ask(REQUEST)
    assert trials(workshop.ask(REQUEST)).holdout_looks == 2


def test_another_name_and_other_spaces_are_the_same_family(workshop: Workshop) -> None:
    workshop.ask(REQUEST)
    renamed = strategy(
        TEXT.replace('name = "sma_cross"', 'name = "fresh"').replace(
            "sma(close, fast), sma(close, slow)", "sma( close,fast ),  sma(close ,slow)"
        )
    )
    workshop.run(renamed)
    found = trials(workshop.ask(config=renamed))
    assert (found.failed_attempts, found.holdout_looks) == (1, 1)
    assert found.count == 1, "and its run is the same evaluation"


@pytest.mark.parametrize("holdout", ["", "2008-09-01"])
def test_the_seal_is_broken_by_any_file_of_the_same_code(workshop: Workshop, holdout: str) -> None:
    reader = strategy(TEXT.replace('name = "sma_cross"', 'name = "reader"'), holdout=holdout)
    workshop.run(reader)
    judged = workshop.ask(REQUEST)
    assert held_out(judged).daily is None
    assert (
        verdict(judged, "S08")[0] == "INSUFFICIENT" and "read by run" in verdict(judged, "S08")[1]
    )


@pytest.mark.parametrize(("holdout", "is_sealed"), [(SEALED, True), ("", False)])
def test_a_replay_on_paper_breaks_the_seal_too(
    workshop: Workshop, holdout: str, is_sealed: bool
) -> None:
    path = workshop.folder / "reader.toml"
    path.write_text(sealed(TEXT.replace('name = "sma_cross"', 'name = "reader"'), holdout))
    reader = load_strategy(path)
    Desk(reader, load_history(reader.data, Path()), workshop.folder).run()
    judged = workshop.ask(REQUEST)
    assert (held_out(judged).daily is not None) is is_sealed
    assert ("read by run session" in verdict(judged, "S08")[1]) is not is_sealed


@pytest.mark.parametrize(
    "statement",
    [
        "DELETE FROM runs WHERE parameters LIKE '%7%'",
        "UPDATE runs SET family = 'other' WHERE parameters LIKE '%7%'",
    ],
)
def test_trials_that_were_there_cannot_be_taken_away(workshop: Workshop, statement: str) -> None:
    workshop.run(strategy(fast="7"))
    assert trials(workshop.ask()).count == 2
    workshop.edit(statement)
    judged = workshop.ask()
    assert trials(judged).count == 1
    assert verdict(judged, "R06")[0] == "FAIL"
    assert "trials in the registry" in verdict(judged, "R06")[1]


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE runs SET final_equity = '999999'",
        "UPDATE runs SET sharpe_daily = 0.5",
        "UPDATE runs SET observations = 5000",
    ],
)
def test_a_figure_that_was_edited_is_found(workshop: Workshop, statement: str) -> None:
    workshop.edit(statement)
    assert verdict(workshop.ask(), "R06")[0] == "FAIL"


def test_a_hash_that_was_edited_is_found(workshop: Workshop) -> None:
    workshop.edit("UPDATE runs SET state_hash = 'ffffffffffffffffffffffffffffffff'")
    assert verdict(workshop.ask(), "R08")[0] == "FAIL"


COSTS = TEXT.index("[fills.slippage]")


@pytest.mark.parametrize(
    "costs",
    [
        "",
        '[fills.slippage]\nmodel = "bps"\nvalue = 0\n',
        '[fills.fees]\nmodel = "bps"\ntaker_bps = 0\n',
        '[fills.fees]\nmodel = "bps"\nmaker_bps = -2\n',
    ],
)
def test_free_trading_is_not_made_dearer_by_doubling_it(workshop: Workshop, costs: str) -> None:
    free = strategy(TEXT[:COSTS] + costs)
    workshop.run(free)
    assert verdict(workshop.ask(config=free), "S09")[0] == "INSUFFICIENT"
    assert verdict(workshop.ask(), "S09")[0] != "INSUFFICIENT"
