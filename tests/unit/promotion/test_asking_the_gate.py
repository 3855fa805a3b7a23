"""The gate is asked again and again: what was tried, looked at and lost is held against a family."""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import msgspec
import pytest

from engine.errors import InputError
from engine.gate.evidence import Holdout, Trials
from runtime.backtest.histories import load_history
from runtime.backtest.recorded import recorded_backtest
from runtime.config import StrategyConfig, load_strategy, parse_strategy
from runtime.config.parameters import parse_value
from runtime.journal.leases import Lease
from runtime.journal.sessions import NewSession, SessionStore
from runtime.promotion.desk import Desk as PromotionDesk
from runtime.promotion.evidence import on_paper, tested
from runtime.promotion.keys import Keys, Role
from runtime.promotion.promoting import REQUEST, STATUS, Ground, Judged, judge
from runtime.promotion.store import PromotionStore
from runtime.store import Store
from runtime.store.witness import accepted_lines
from tests.architecture.source import ROOT
from tests.unit.journal.worlds import OPENED, TestClock
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
        "DELETE FROM runs WHERE parameters LIKE '%7%'",
        "UPDATE runs SET family = 'other' WHERE parameters LIKE '%7%'",
        "UPDATE runs SET fingerprint = 'other' WHERE parameters LIKE '%7%'",
    ],
)
def test_a_trial_that_is_gone_is_missed_before_the_gate_was_ever_asked(
    workshop: Workshop, statement: str
) -> None:
    workshop.run(strategy(fast="7"))
    workshop.edit(statement)
    verdict_, sentence = verdict(workshop.ask(), "R06")
    assert verdict_ == "FAIL"
    assert "the registry of runs (1 evaluation is gone that trials.witness has)" in sentence


def test_a_family_is_not_held_up_by_another_ones_loss(workshop: Workshop) -> None:
    other = strategy(TEXT.replace("cross_above", "cross_below"))
    workshop.run(other)
    family = workshop.ask(config=other).evidence.subject.family
    workshop.edit(f"DELETE FROM runs WHERE family = '{family}'")
    assert "registry of runs" not in verdict(workshop.ask(), "R06")[1]


def witness_of(workshop: Workshop) -> Path:
    return workshop.ground.registry.witness.path


def test_without_its_witness_a_registry_proves_nothing(workshop: Workshop) -> None:
    witness_of(workshop).unlink()
    judged = workshop.ask()
    assert verdict(judged, "R06")[0] == "INSUFFICIENT"
    assert (
        "The record of the registry of runs (trials.witness) is lost" in (verdict(judged, "R06")[1])
    )
    (check,) = (each for each in judged.report.checks if each.id == "R06")
    assert "--accept-record" in check.would_change


def accepted(workshop: Workshop) -> str:
    """Go on with registry and record as they are."""
    ground = workshop.ground
    keys = Keys(workshop.folder / "keys")
    if not keys.folder.exists():
        keys.new(Role.APPROVER, "ann")
    desk = PromotionDesk(keys, ground.record, ground.clock)
    return desk.accept("the disk had died", "ann", lambda key: keys.open(key.name), ground.registry)


@pytest.mark.parametrize("is_deleted", [True, False])
def test_a_loss_that_an_approver_accepts_is_on_record_and_over(
    workshop: Workshop, is_deleted: bool
) -> None:
    workshop.run(strategy(fast="7"))
    if is_deleted:
        witness_of(workshop).unlink()
    workshop.edit("DELETE FROM runs WHERE parameters LIKE '%7%'")
    expected = "trials.witness is missing" if is_deleted else "1 evaluation is gone"
    assert expected in accepted(workshop)
    assert "registry of runs" not in verdict(workshop.ask(), "R06")[1]
    (acceptance,) = workshop.ground.record.acceptances()
    assert expected in acceptance.event.problem and acceptance.event.signature
    assert accepted(workshop) == ""
    workshop.run(strategy(fast="8"))
    assert "registry of runs" not in verdict(workshop.ask(), "R06")[1]
    workshop.edit("DELETE FROM runs WHERE parameters LIKE '%8%'")
    assert "1 evaluation is gone" in verdict(workshop.ask(), "R06")[1]


def test_a_witness_that_somebody_begins_himself_counts_for_nothing(workshop: Workshop) -> None:
    path = witness_of(workshop)
    registry = workshop.ground.registry
    registry.witness.replace(accepted_lines(registry.tried()))
    assert verdict(workshop.ask(), "R06")[0] == "FAIL"
    assert "no approver has signed for that" in verdict(workshop.ask(), "R06")[1]
    path.unlink()
    accepted(workshop)
    path.unlink()
    registry.witness.begin()  # as in an empty registry
    assert "no approver has signed for that" in verdict(workshop.ask(), "R06")[1]


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


# --- the paper account ------------------------------------------------------------------------------------
def on_account(workshop: Workshop, account: str, core: str, evidence: str) -> None:
    """Write the beginning of a paper session's journal."""
    sessions = workshop.ground.sessions
    session = sessions.begin_session(NewSession("sma_cross", account, broker="paper"))
    lease = sessions.leases.acquire(account, session)
    assert isinstance(lease, Lease)
    opened = msgspec.structs.replace(
        OPENED, account=account, broker="paper", evidence=evidence, data={"fingerprint.core": core}
    )

    async def write() -> None:
        journal = sessions.journal(session, lease)
        journal.append(opened)
        await journal.close()

    asyncio.run(write())


def test_days_count_of_the_account_on_which_a_version_first_traded(workshop: Workshop) -> None:
    """Whoever trades on several at once cannot choose the one that went well."""
    core = workshop.ask().evidence.subject.fingerprint
    on_account(workshop, "of another version", "0" * 64, "real")
    on_account(workshop, "rehearsed", core, "rehearsal")
    on_account(workshop, "first", core, "real")
    on_account(workshop, "lucky", core, "real")
    sessions = workshop.ground.sessions
    assert on_paper.first_account(sessions, core, is_real=True) == "first"
    assert on_paper.first_account(sessions, core, is_real=False) == "rehearsed"
    assert on_paper.first_account(sessions, "1" * 64, is_real=True) == ""
    lucky = replace(workshop.ground, paper_account="lucky")
    with pytest.raises(InputError, match="first traded on the paper account first") as caught:
        judge(lucky)
    assert caught.value.code == "promotion.paper_account"


def test_what_the_venue_does_not_do_speaks_against_a_strategy(workshop: Workshop) -> None:
    bracketed = strategy(TEXT + "\n[execution]\ntrailing_stop_percent = 2\n")
    answer, sentence = verdict(workshop.ask(config=bracketed), "R03")
    assert answer == "FAIL"
    assert "execution.trailing_stop_percent hangs a trailing stop on each entry" in sentence
