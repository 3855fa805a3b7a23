"""A session that is stopped and gone on with by other code: each day has the fingerprint that decided on it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from engine.gate.evidence import PaperDay
from runtime.journal.records import Continued, Record
from runtime.promotion import fingerprint
from runtime.promotion.evidence.days import DayFacts, days_of
from runtime.promotion.evidence.on_paper import OnPaper
from runtime.promotion.evidence.seen import Seen
from runtime.promotion.fingerprint import fingerprint_of, parts_text
from tests.unit.promotion.test_altered_evidence import edit, evidence_of, of_days
from tests.unit.session.papers import Desk

CODE = dict(fingerprint._code())


@contextmanager
def other_engine(patch: pytest.MonkeyPatch) -> Iterator[None]:
    """Run as if the engine's sources were others."""
    with patch.context() as changed:
        changed.setattr(fingerprint, "_code", lambda: {**CODE, "code.engine": "e" * 64})
        yield


@pytest.fixture
def whole(tmp_path: Path) -> Desk:
    """A month, of which a session has played the first half and was killed."""
    whole = of_days(tmp_path, "2006-01-01", "2006-02-01")
    middle = np.datetime64("2006-01-15", "ns").astype(int).item()
    first = replace(whole, history=whole.history.between(0, middle))
    first.run()
    # As after a kill: the feed has not ended.
    edit(tmp_path, "UPDATE sessions SET cause = '', state = 'running'")
    return whole


def days_by_core(found: OnPaper) -> dict[tuple[str, ...], int]:
    days = [each.fingerprints for each in found.paper.days]
    return {each: days.count(each) for each in dict.fromkeys(days)}


def test_days_after_a_change_of_the_engine_are_of_the_other_fingerprint(
    whole: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = whole.core
    with other_engine(monkeypatch):
        after = whole.core
        whole.run()
        found = evidence_of(whole)
    assert before != after
    assert days_by_core(found) == {(before,): 9, (after,): 11}
    (session,) = found.paper.sessions
    assert session.fingerprint == "", "it is judged whichever of the two is promoted"
    (journal,) = found.integrity
    assert journal.fingerprint == after
    assert found.newest is not None and found.newest.core == after
    assert found.paper.intents is not None


def test_going_on_with_the_same_code_changes_nothing(whole: Desk) -> None:
    core = whole.core
    whole.run()
    found = evidence_of(whole)
    assert days_by_core(found) == {(core,): 20}
    (session,) = found.paper.sessions
    assert session.fingerprint == core


def test_a_day_within_which_the_code_changes_has_both(whole: Desk) -> None:
    """The journal as it would be, had the session been begun again between two bars of a day."""
    whole.run()
    with whole.store() as store:
        (record,) = store.list()
        records = [entry.record for entry in store.entries(record.id)]
    other = fingerprint_of(whole.config, timeframe="1m", venue="elsewhere")
    changed = Continued(other.core, parts_text(other))
    seen = Seen().take(_with(records, changed, after=7))
    assert seen.ran[6:9] == [whole.core] + [other.core] * 2
    joined = Seen().take(records)
    # All bars on one day: the time of each is that of the first.
    joined.slices = [joined.slices[0]] * 2
    joined.ran = seen.ran[6:8]
    (day,) = _days(whole, joined)
    assert day.fingerprints == (whole.core, other.core)


def _with(records: list[Record], one: Record, after: int) -> list[Record]:
    """Put a record after so many slices."""
    seen = Seen()
    for place, record in enumerate(records):
        if len(seen.take([record]).slices) == after:
            return [*records[: place + 1], one, *records[place + 1 :]]
    raise AssertionError("there are fewer slices")


def _days(desk: Desk, seen: Seen) -> list[PaperDay]:
    from engine.ports import EvidenceClass

    output = desk.backtest()
    return days_of(DayFacts(seen, output, output, EvidenceClass.REHEARSAL, 0))


def test_a_journal_from_before_is_read_as_before(whole: Desk, tmp_path: Path) -> None:
    """No record of going on: what it was opened with holds for all of its days."""
    core = whole.core
    whole.run()
    with whole.store() as store:
        (record,) = store.list()
        entries = [entry.record for entry in store.entries(record.id)]
    old = Seen().take(each for each in entries if not isinstance(each, Continued))
    assert set(old.ran) == {core} and old.cores == [core]
