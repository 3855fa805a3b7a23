"""What was tried leaves a line beside the database: what is deleted there is missed here."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import pytest

from engine.errors import InputError
from runtime.store import Store
from runtime.store.witness import (
    ACCEPTED,
    BEGUN,
    Witness,
    Witnessed,
    accepted_lines,
    hash_of,
    shortened,
)
from tests.unit.store.test_store import FAMILY, RUN, SWEEP, trial

LINE = 51  # three words of sixteen characters, and what is between them
FIRST, SECOND = shortened("one"), shortened("two")


def told(witnessed: Witnessed) -> dict[str, int]:
    """Return how many evaluations it has by family."""
    return {family: len(each) for family, each in witnessed.evaluations.items()}


# --- the registry -----------------------------------------------------------------------------------------
def test_each_run_and_each_trial_of_a_search_has_a_line(store: Store) -> None:
    store.begin(RUN)
    store.begin(replace(RUN, fingerprint="f1" * 32))
    sweep = store.begin_sweep(SWEEP)
    store.add_trials(sweep, [trial(n) for n in range(1000)])
    found = store.witness.read()
    assert told(found) == {shortened(FAMILY): 1002}
    assert (found.why, found.broken, len(found.hashes)) == (BEGUN, 0, 1003)
    assert {(shortened(one), shortened(two)) for one, two in store.tried()} == {
        (family, each) for family, known in found.evaluations.items() for each in known
    }


def test_an_evaluation_that_is_made_again_is_the_same(store: Store) -> None:
    for _ in range(3):
        store.begin(RUN)
    assert told(store.witness.read()) == {shortened(FAMILY): 1}


def test_a_witness_that_is_gone_stays_gone(store: Store) -> None:
    """Begun anew it would say that nothing was tried before."""
    store.begin(RUN)
    store.witness.path.unlink()
    store.begin(RUN)
    store.add_trials(store.begin_sweep(SWEEP), [trial(1)])
    assert not store.witness.exists


def test_a_registry_that_has_runs_already_begins_none(store: Store) -> None:
    """One from before there were witnesses: nobody knows what it has lost."""
    store.begin(RUN)
    store.witness.path.unlink()
    sweep = store.begin_sweep(SWEEP)
    store.add_trials(sweep, [trial(1)])
    assert not store.witness.exists


# --- the file ---------------------------------------------------------------------------------------------
@pytest.fixture
def witness(tmp_path: Path) -> Witness:
    """Return one with two lines."""
    made = Witness(tmp_path / "files" / "trials.witness")
    made.begin()
    made.add("one", ["a"])
    made.add("two", ["b"])
    return made


def test_what_is_added_by_several_at_once_is_one_chain(witness: Witness) -> None:
    with ThreadPoolExecutor(8) as threads:
        list(threads.map(lambda n: Witness(witness.path).add("one", [f"{n}", f"{n}!"]), range(50)))
    found = witness.read()
    assert (told(found), found.broken) == ({FIRST: 101, SECOND: 1}, 0)


def line_removed(content: bytes) -> bytes:
    return content[:LINE] + content[2 * LINE :]


def family_edited(content: bytes) -> bytes:
    return content.replace(FIRST.encode(), SECOND.encode())


def line_added(content: bytes) -> bytes:
    return content + content[-LINE:]


def emptied(content: bytes) -> bytes:
    return b"\0" * len(content)


@pytest.mark.parametrize(
    ("edit", "line"), [(line_removed, 2), (family_edited, 2), (line_added, 4), (emptied, 1)]
)
def test_a_line_that_is_not_as_it_was_written_is_named(
    witness: Witness, edit: Callable[[bytes], bytes], line: int
) -> None:
    witness.path.write_bytes(edit(witness.path.read_bytes()))
    assert witness.read().broken == line
    witness.add("one", ["c"])
    assert witness.read().broken == line, "and what is added later does not hide it"


def test_a_line_that_a_power_cut_has_torn_is_written_over(witness: Witness) -> None:
    with witness.path.open("ab") as file:
        file.write(b"7f17b4dbd0c6")
    assert witness.read().broken == 0
    witness.add("two", ["c"])
    found = witness.read()
    assert (told(found), found.broken) == ({FIRST: 1, SECOND: 2}, 0)


def test_what_a_person_accepts_begins_another_one(witness: Witness) -> None:
    lines = accepted_lines([("one", "a"), ("two", "b")])
    witness.replace(lines)
    found = witness.read()
    assert (found.why, told(found)) == (ACCEPTED, {FIRST: 1, SECOND: 1})
    assert found.hashes[-1] == hash_of(lines)
    (kept,) = witness.path.parent.glob("trials.witness.*")
    assert kept.stat().st_size == 3 * LINE


def test_a_file_that_cannot_be_written_is_told(tmp_path: Path) -> None:
    path = tmp_path / "trials.witness"
    path.mkdir()
    with pytest.raises(InputError, match="cannot be witnessed"):
        Witness(path).add("one", ["a"])
