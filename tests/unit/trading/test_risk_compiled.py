"""The tables of signals and risk once more, through the compiled kernels."""

from __future__ import annotations

import pytest

from tests.unit.trading import test_risk_table, test_signals_table


@pytest.mark.timeout(900)
def test_every_line_says_the_same_compiled() -> None:
    for line in test_risk_table.LINES:
        assert test_risk_table.play(line, "compiled") == line.columns[2], line
    for line in test_signals_table.LINES:
        said = test_signals_table.play(line, "compiled")
        assert "; ".join(said) == line.columns[2], line
