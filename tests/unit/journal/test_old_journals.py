"""Journals of earlier programs are read as they were meant, and never rewritten."""

from __future__ import annotations

from pathlib import Path

import msgspec
import pytest

from runtime.journal import codec
from runtime.journal.codec import TYPES, VERSIONS, decode
from runtime.journal.entries import Head, genesis
from runtime.journal.failures import JournalDamaged
from runtime.journal.records import Noted
from runtime.journal.verifying import verify_entries
from tests.unit.journal.corpus import FOLDER, SESSION, read

FILES = sorted(FOLDER.glob("*.txt"))


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_an_old_journal_says_what_it_always_said(path: Path) -> None:
    for entry, said in read(path):
        assert entry.record == said


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_an_old_chain_is_sound(path: Path) -> None:
    entries = [entry for entry, _ in read(path)]
    verdict = verify_entries(entries, Head(0, genesis(SESSION)), subject=path.stem)
    assert verdict.is_sound, verdict.problem
    assert verdict.records == len(entries)


def test_every_kind_is_among_the_old_ones() -> None:
    assert {entry.kind for path in FILES for entry, _ in read(path)} == set(TYPES)


def test_every_version_but_the_newest_has_its_up_caster() -> None:
    older = {(kind, n) for kind, newest in VERSIONS.items() for n in range(1, newest)}
    assert set(codec.UP_CASTERS) == older


def test_a_record_of_an_old_version_is_raised_step_by_step(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """As if a note had had a title first, and then a number for its severity."""
    monkeypatch.setitem(VERSIONS, "noted", 3)
    names = ("information", "warning")
    monkeypatch.setitem(
        codec.UP_CASTERS, ("noted", 1), lambda old: {**old, "subject": old.pop("title")}
    )
    monkeypatch.setitem(
        codec.UP_CASTERS, ("noted", 2), lambda old: {**old, "severity": names[old["severity"]]}
    )
    first = {"type": "noted", "kind": "feed", "severity": 1, "title": "ACME", "text": "gap"}
    second = {"type": "noted", "kind": "feed", "severity": 1, "subject": "ACME", "text": "gap"}
    wanted = Noted("feed", "warning", "ACME", "gap")
    assert decode("noted", 1, msgspec.msgpack.encode(first)) == wanted
    assert decode("noted", 2, msgspec.msgpack.encode(second)) == wanted
    assert decode("noted", 3, msgspec.msgpack.encode(wanted)) == wanted
    with pytest.raises(JournalDamaged):
        decode("noted", 1, msgspec.msgpack.encode(second))  # has no title
