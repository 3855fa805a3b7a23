"""Somebody alters what the gate is told: rows of the database, files beside it."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable
from contextlib import closing
from dataclasses import replace
from decimal import Decimal
from pathlib import Path

import numpy as np
import pytest

from engine.gate.evidence import PaperDay
from engine.ports import EvidenceClass
from runtime.clocks import SystemClock
from runtime.journal.anchors import add_anchor
from runtime.journal.entries import Head, genesis
from runtime.journal.sessions import NewSession, SessionStore
from runtime.promotion.desk import Desk as PeoplesDesk
from runtime.promotion.evidence.days import merged
from runtime.promotion.evidence.on_paper import OnPaper, collect, drills_of
from runtime.promotion.evidence.series import daily_series
from runtime.promotion.keys import Keys, Role
from runtime.promotion.store import PromotionStore
from tests.simulation.drills import rehearse
from tests.unit.gate.evidence_worlds import FRIDAY, paper_day
from tests.unit.journal.worlds import TestClock
from tests.unit.session.papers import Desk


def of_days(folder: Path, start: str, end: str) -> Desk:
    """A session of sma_cross over some days of the sample."""
    desk = Desk.of_example("sma_cross.toml", folder)
    span = [np.datetime64(day, "ns").astype(int).item() for day in (start, end)]
    config = desk.config.with_parameters({"fast": Decimal(2), "slow": Decimal(5)})
    return replace(desk, config=config, history=desk.history.between(*span))


def evidence_of(desk: Desk) -> OnPaper:
    with desk.store() as store:
        return collect(store, desk.config, "paper", "family", desk.core)


def edit(folder: Path, *statements: str) -> None:
    with sqlite3.connect(folder / "trader.db") as database:
        database.execute("PRAGMA foreign_keys = OFF")
        for statement in statements:
            assert database.execute(statement).rowcount > 0, statement


@pytest.fixture
def desk(tmp_path: Path) -> Desk:
    desk = of_days(tmp_path, "2006-01-01", "2006-02-01")
    desk.run()
    return desk


def test_a_replay_stays_one_whatever_its_row_says(desk: Desk, tmp_path: Path) -> None:
    edit(tmp_path, "UPDATE sessions SET evidence = 'real'")
    days = evidence_of(desk).paper.days
    assert days and {each.feed for each in days} == {EvidenceClass.REHEARSAL}


def test_a_session_cannot_be_hidden_by_renaming_its_account(desk: Desk, tmp_path: Path) -> None:
    edit(tmp_path, "UPDATE sessions SET account = 'elsewhere', broker = 'other'")
    assert len(evidence_of(desk).paper.sessions) == 1


def test_a_session_that_was_deleted_is_missed(desk: Desk, tmp_path: Path) -> None:
    edit(tmp_path, "DELETE FROM journal", "DELETE FROM sessions")
    (lost,) = evidence_of(desk).integrity
    assert lost.recomputed_head == "" and lost.anchored_head is None


def test_a_deleted_session_is_missed_however_many_have_begun_since(
    desk: Desk, tmp_path: Path
) -> None:
    with closing(SessionStore.open(f"sqlite:///{tmp_path / 'trader.db'}")) as store:
        for number in range(40):
            newer = store.begin_session(NewSession("other", "paper:other"), f"99991231-{number:03}")
            add_anchor(store.files(newer).anchors, Head(0, genesis(newer)), "open")
    edit(tmp_path, "DELETE FROM sessions WHERE account <> 'paper:other'")
    (lost,) = evidence_of(desk).integrity
    assert lost.recomputed_head == "" and lost.anchored_head is None


def test_a_record_that_was_cut_off_does_not_reach_its_anchor(desk: Desk, tmp_path: Path) -> None:
    edit(tmp_path, "DELETE FROM journal WHERE sequence > 20")
    (cut,) = evidence_of(desk).integrity
    assert cut.recomputed_anchor is None or cut.head != cut.recomputed_head


# --- the drill ----------------------------------------------------------------------------------------
def drilled(folder: Path) -> SessionStore:
    rehearse(folder, SystemClock().now_ns())
    return SessionStore.open(f"sqlite:///{folder / 'trader.db'}")


def test_a_drill_is_taken_from_a_whole_journal_only(tmp_path: Path) -> None:
    store = drilled(tmp_path)
    try:
        (done,) = drills_of(store)
        assert done.cancels_ns >= 0
        edit(
            tmp_path,
            "UPDATE journal SET payload = CAST(replace(CAST(payload AS TEXT), 'withdrawn', "
            "'Withdrawn') AS BLOB) WHERE instr(payload, CAST('withdrawn' AS BLOB))",
        )
        assert drills_of(store) == ()
    finally:
        store.close()


# --- days of several sessions ---------------------------------------------------------------------------
def told(days: Iterable[PaperDay]) -> PaperDay:
    (day,) = merged(days)
    return day


def test_a_day_that_was_begun_again_is_one_day_with_what_both_have_seen() -> None:
    morning = paper_day(FRIDAY, decisions_made=30, bars_received=30, fills=1, is_reconciled=False)
    evening = paper_day(FRIDAY, decisions_made=46, bars_received=47, fills=0)
    day = told([morning, evening])
    assert (day.decisions_made, day.decisions_expected) == (76, 78)
    assert (day.bars_received, day.bars_expected, day.fills) == (77, 78, 1)
    assert day.is_reconciled and day.fingerprints == morning.fingerprints
    # Monotonic times of two processes may be of two starts of the machine.
    assert [each.boot for each in day.clock] == [1] * 15 + [2] * 15


@pytest.mark.parametrize(
    ("change", "name", "value"),
    [
        (
            {"fingerprints": ("other",)},
            "fingerprints",
            (paper_day(FRIDAY).fingerprints[0], "other"),
        ),
        ({"feed": EvidenceClass.REHEARSAL}, "feed", EvidenceClass.REHEARSAL),
        ({"age_p99_ns": None}, "age_p99_ns", None),
        ({"shadow_orders": None}, "shadow_orders", None),
    ],
)
def test_what_is_wrong_with_one_part_of_a_day_is_wrong_with_the_day(
    change: dict[str, object], name: str, value: object
) -> None:
    parts = [paper_day(FRIDAY), paper_day(FRIDAY, **change)]
    assert getattr(told(parts), name) == value
    assert getattr(told(reversed(parts)), name) in (
        value,
        (value[::-1] if isinstance(value, tuple) else value),
    )


def test_a_day_on_which_a_session_ends_and_another_begins_has_the_gains_of_both(
    tmp_path: Path,
) -> None:
    first = of_days(tmp_path, "2006-01-01", "2006-01-21")
    second = of_days(tmp_path, "2006-01-20", "2006-02-01")
    for each in (first, second):
        each.run()
    joined = evidence_of(second).paper.daily
    assert joined is not None
    parts = [daily_series(each.backtest()) for each in (first, second)]
    assert parts[0].day_numbers[-1] == parts[1].day_numbers[1]
    gains = [part.equity_minor[-1] - part.equity_minor[0] for part in parts]
    moved = joined.equity_minor[-1] - joined.equity_minor[0] - sum(joined.flows_minor[1:])
    assert moved == sum(gains)


# --- keys -----------------------------------------------------------------------------------------------
def test_a_second_approver_whose_file_was_deleted_still_makes_four_eyes(tmp_path: Path) -> None:
    keys = Keys(tmp_path / "keys")
    with PromotionStore.open(f"sqlite:///{tmp_path / 'trader.db'}", clock=TestClock()) as store:
        desk = PeoplesDesk(keys, store, TestClock())
        for name in ("ann", "bert"):
            store.key_changed("made", keys.new(Role.APPROVER, name), "ann")
        for file in (tmp_path / "keys").glob("bert*"):
            file.unlink()
        assert not keys.trusted().four_eyes and desk.trusted().four_eyes


def test_a_second_approver_who_was_removed_on_record_does_not(tmp_path: Path) -> None:
    keys = Keys(tmp_path / "keys")
    with PromotionStore.open(f"sqlite:///{tmp_path / 'trader.db'}", clock=TestClock()) as store:
        desk = PeoplesDesk(keys, store, TestClock())
        for name in ("ann", "bert"):
            store.key_changed("made", keys.new(Role.APPROVER, name), "ann")
        store.key_changed("removed", keys.remove("bert", private=True), "ann")
        assert not desk.trusted().four_eyes
