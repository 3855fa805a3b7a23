"""The tables of the guards once more, through the compiled kernels."""

from __future__ import annotations

import pytest

from tests.unit.trading import (
    test_breakers_table,
    test_cadence_table,
    test_guards_table,
    test_tiers_table,
    test_tilt_table,
)
from tests.unit.trading.guarded import duration, split_words


@pytest.mark.timeout(900)
def test_every_line_says_the_same_compiled() -> None:
    for row in test_guards_table.ROWS:
        test_guards_table.check(test_guards_table.play(row, "compiled"), row.columns[2])
    for row in test_breakers_table.ROWS:
        assert test_breakers_table.states(row, "compiled") == row.columns[2].split(), row
    for row in test_tiers_table.ROWS:
        assert test_tiers_table.tiers(row, "compiled") == split_words(row.columns[2]), row
    for row in test_tilt_table.ROWS:
        assert test_tilt_table.play(row, "compiled") == row.columns[2], row
    for row in test_cadence_table.ROWS:
        said = test_cadence_table.play(row, "compiled")
        expected = [(*word.split(), "")[:3] for word in split_words(row.columns[2])]
        assert said == [(name, duration(due), urgent) for name, due, urgent in expected], row


def test_both_worlds_end_in_the_same_state() -> None:
    for row in test_guards_table.ROWS[::7]:
        plain = test_guards_table.play(row, "interpreted")
        compiled = test_guards_table.play(row, "compiled")
        assert (plain.block == compiled.block).all(), row
