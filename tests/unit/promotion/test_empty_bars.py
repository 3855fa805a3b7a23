"""What a journal proves of bars that did not come: by the venue's history, while the session ran."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

import numpy as np
import pytest

from engine.gate.evidence import PaperDay
from engine.model import layout as at
from engine.ports import EvidenceClass
from runtime.feeds.silent_minutes import FINAL_NS, minute_closes, to_bits
from runtime.journal.records import (
    ClockRead,
    HistoryRead,
    Opened,
    Record,
    SliceInput,
    StateChanged,
    Taken,
)
from runtime.promotion.evidence.days import DayFacts, days_of, merged
from runtime.promotion.evidence.seen import Seen
from runtime.results.output import RunOutput
from runtime.session.intake import to_bytes
from runtime.session.states import SessionState
from tests.unit.promotion.test_altered_evidence import of_days
from tests.unit.promotion.test_whole_days import MINUTE, OPEN, SESSION

CAME = range(10, SESSION + 1, 10)  # in one minute of ten somebody trades
EVERYTHING = (0, SESSION)
RUNNING = SessionState.RUNNING


@pytest.fixture(scope="module")
def output(tmp_path_factory: pytest.TempPathFactory) -> RunOutput:
    """Any run of one share in New York."""
    folder: Path = tmp_path_factory.mktemp("days")
    return of_days(folder, "2006-01-01", "2006-02-01").backtest()


def ns(minute: int) -> int:
    return OPEN + minute * MINUTE


def bar(minute: int) -> Taken:
    row = np.zeros((1, at.EVENT_WIDTH), dtype=np.int64)
    row[0, at.EVENT_TS], row[0, at.EVENT_KIND] = ns(minute), at.KIND_BAR
    row[0, at.BAR_OPEN_TS] = ns(minute - 1)
    return Taken(SliceInput(ns(minute), minute, 0, to_bytes(row)), b"")


def told(since: int, until: int, has: range | tuple[int, ...] = CAME, problem: str = "") -> Record:
    """Return an answer of the venue's history."""
    closes = minute_closes(ns(since), ns(until))
    bars = {} if problem else {0: to_bits(closes, {ns(minute) for minute in has})}
    return HistoryRead(ns(since), ns(until), ns(until) + FINAL_NS, bars, problem)


def lived(minutes: Iterable[int], came: range = CAME) -> list[Record]:
    """Return what is recorded of some minutes: what the clocks said, and the bar that came."""
    return [
        record
        for minute in minutes
        for record in (ClockRead(0, 0, ns(minute)), *([bar(minute)] if minute in came else []))
    ]


def state(after: SessionState) -> Record:
    return StateChanged("", after.value, "")


def day_of(output: RunOutput, *answers: Record, came: range = CAME) -> PaperDay:
    """Return a day on which a session ran all the time."""
    return seen_as(output, state(RUNNING), *lived(range(SESSION + 1), came), *answers)


def seen_as(output: RunOutput, *records: Record) -> PaperDay:
    seen = Seen(cores=["a"]).take(records)
    (day,) = days_of(DayFacts(seen, output, output, EvidenceClass.REHEARSAL, 0))
    return day


def numbers(day: PaperDay) -> tuple[int, int, int]:
    """Return decisions that were made, bars that count, and those of them that were empty."""
    assert day.decisions_expected == day.bars_expected == SESSION
    return day.decisions_made, day.bars_received, day.bars_empty


def test_a_day_of_before_is_what_it_was(output: RunOutput) -> None:
    """Journals of before have no such record."""
    day = day_of(output)
    assert (*numbers(day), day.history) == (39, 39, 0, "")


def test_minutes_that_the_history_does_not_have_either_are_covered(output: RunOutput) -> None:
    day = day_of(output, told(*EVERYTHING))
    assert (*numbers(day), day.history) == (390, 390, 351, "")


def test_what_nobody_has_asked_of_is_not(output: RunOutput) -> None:
    day = day_of(output, told(0, 360))
    assert numbers(day) == (39 + 324, 39 + 324, 324)
    assert day.history == "it was not asked of all of them"


def test_a_bar_that_did_not_come_and_that_the_history_has_is_missing(output: RunOutput) -> None:
    day = day_of(output, told(*EVERYTHING, has=(*CAME, 15, 16)))
    assert (*numbers(day), day.history) == (388, 388, 349, "")


def test_a_problem_stands_until_an_answer_comes(output: RunOutput) -> None:
    wrong = told(*EVERYTHING, problem="status 500")
    assert day_of(output, wrong).history == "status 500"
    assert numbers(day_of(output, wrong)) == (39, 39, 0)
    healed = day_of(output, wrong, told(*EVERYTHING))
    assert (*numbers(healed), healed.history) == (390, 390, 351, "")


def test_an_answer_that_lacks_what_was_recorded_proves_nothing(output: RunOutput) -> None:
    """It ends too early, or is of another feed: whatever it lacks says nothing."""
    day = day_of(output, told(*EVERYTHING, has=range(10, 380, 10)))
    assert (*numbers(day), day.history) == (39, 39, 0, "it lacks bars that were recorded")


@pytest.mark.parametrize("away", [range(101, 121), range(121, 160)])
def test_who_was_not_there_had_nothing_to_decide_on(output: RunOutput, away: range) -> None:
    """The data are as at the venue; but nobody was there to see it."""
    day = seen_as(
        output,
        state(RUNNING),
        *lived(range(away[0])),
        state(SessionState.RECONCILING),
        *lived(away),
        state(RUNNING),
        *lived(range(away[-1] + 1, SESSION + 1)),
        told(*EVERYTHING),
    )
    assert numbers(day) == (390 - len(away), 390, 351)


@pytest.mark.parametrize(("evidence", "made"), [("real", 390 - 9), ("rehearsal", 390)])
def test_a_machine_that_slept_was_not_there(output: RunOutput, evidence: str, made: int) -> None:
    """In the world the clocks are read each minute; a rehearsal's time may be fast."""
    awake = (minute for minute in range(SESSION + 1) if minute not in range(101, 110))
    day = seen_as(output, opened(evidence), state(RUNNING), *lived(awake), told(*EVERYTHING))
    assert numbers(day) == (made, 390, 351)


def opened(evidence: str) -> Record:
    return Opened("", "", "", {}, {}, "", "", "", "", evidence, "auto", (), {})


def test_what_two_sessions_have_proven_is_added(output: RunOutput) -> None:
    early = day_of(output, told(0, 200), came=range(10, 201, 10))
    late = day_of(output, told(200, 390), came=range(210, 391, 10))
    (day,) = merged([early, late])
    assert day.bars_received == day.bars_expected == 390
    assert day.bars_empty == 351
