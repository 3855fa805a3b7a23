"""Where an account is under its peak: the metric and the table of the report count the same days."""

from __future__ import annotations

import numpy as np
import pytest

from engine.rules.metrics import (
    DailyAccount,
    daily_returns,
    drawdowns,
    growth_index,
    measure,
)
from engine.rules.under_water import Drawdown, deepest_drawdowns


def test_drawdowns_are_told_with_peak_trough_and_recovery() -> None:
    index = np.array([100, 110, 99, 105, 111, 120, 60, 90, 120, 121, 115.0])
    found = deepest_drawdowns(drawdowns(index))
    assert [(d.peak, d.trough, d.end) for d in found] == [(5, 6, 8), (1, 2, 4), (9, 10, None)]
    assert found[0].depth == pytest.approx(-0.5)


@pytest.mark.parametrize("seed", range(20))
def test_the_metric_is_the_first_row_of_the_table_also_for_an_account_that_is_often_flat(
    seed: int,
) -> None:
    rng = np.random.default_rng(seed)
    moves = rng.normal(0.0, 0.01, 120) * (rng.random(120) < 0.3)
    closes = np.concatenate((np.full(8, 1e5), 1e5 * np.cumprod(1.0 + moves)))
    days = np.cumsum(rng.integers(1, 4, closes.size))
    returns = daily_returns(closes)
    assert returns is not None
    (deepest,) = deepest_drawdowns(drawdowns(growth_index(returns)), count=1)
    assert measure(DailyAccount(closes, 252, day_numbers=days))["max_drawdown_days"] == (
        deepest.days(days)
    )


def test_a_drawdown_that_has_not_recovered_lasts_until_the_last_close() -> None:
    assert Drawdown(1, 2, None, -0.1).days(np.array([0, 3, 4, 9])) == 6
