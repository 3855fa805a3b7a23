"""The page of faults has all of them, and names tests that there are."""

from __future__ import annotations

import re
from functools import cache
from pathlib import Path

from docs.refresh import ROOT

PAGE = ROOT / "docs/reference/faults.md"
FAULTS = 82
_ROW = re.compile(r"^\| (\d+) \| (.+) \| (.+) \| (.+) \|$", re.MULTILINE)
_TEST = re.compile(r"\[`(test_\w+)`\]\(([^)]+\.py)\)")


def rows() -> list[tuple[str, ...]]:
    return _ROW.findall(PAGE.read_text(encoding="utf-8"))


@cache
def names_in(path: Path) -> frozenset[str]:
    text = path.read_text(encoding="utf-8")
    return frozenset(re.findall(r"^(?:async )?def (test_\w+)\(", text, re.MULTILINE))


def test_each_fault_has_one_row_in_their_order() -> None:
    assert [int(number) for number, *_ in rows()] == list(range(1, FAULTS + 1))


def test_each_row_names_tests_that_there_are_or_says_that_none_shows_it() -> None:
    wrong = []
    for number, _, _, shown in rows():
        named = _TEST.findall(shown)
        rest = _TEST.sub("", shown).strip()
        is_told = not rest if named else rest == "not shown"
        wrong += [] if is_told or rest.startswith("not shown: ") else [f"{number}: {rest}"]
        wrong += [
            f"{number}: {name}"
            for name, place in named
            if name not in names_in((PAGE.parent / place).resolve())
        ]
    assert wrong == [], "renamed, moved or removed: docs/reference/faults.md says another name"
