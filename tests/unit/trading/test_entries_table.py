"""Every line of entries.txt is a test of the real kernels."""

from __future__ import annotations

import pytest

from tests.unit.trading.entry_stories import Story
from tests.unit.trading.trading_books import Line, read_table

LINES = read_table("entries.txt", 4)


def expected_of(line: Line) -> list[str]:
    return [item.strip() for item in line.columns[2].split(";")]


@pytest.mark.parametrize("line", LINES, ids=str)
def test_a_line_of_the_table(line: Line) -> None:
    settings, happens, _, comment = line.columns
    assert Story(settings).play(happens) == expected_of(line), comment


def test_the_compiled_kernels_read_the_table_alike() -> None:
    said = [Story(line.columns[0], fast=True).play(line.columns[1]) for line in LINES]
    assert said == [expected_of(line) for line in LINES]


def test_the_table_is_long_enough() -> None:
    assert len(LINES) >= 50
