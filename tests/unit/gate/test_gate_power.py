"""Does the gate tell luck from an edge? Worlds of which the truth is known, and rates out of definitions.

More runs: ``TRADER_POWER_RUNS=20000 pytest tests/unit/gate/test_gate_power.py``.
"""

from __future__ import annotations

import math
import os
from statistics import NormalDist

import pytest

from engine.gate.verdicts import Verdict
from tests.unit.gate.power_worlds import DAYS, passes, verdicts, worlds

RUNS = int(os.environ.get("TRADER_POWER_RUNS", "200"))
NORMAL = NormalDist()


def near(chance: float, runs: int = RUNS) -> object:
    """Four standard errors of a count, and 0.01 for what the normal formulas leave out."""
    return pytest.approx(chance, abs=4.0 * math.sqrt(chance * (1.0 - chance) / runs) + 0.01)


def shares(check_id: str, *, sharpe: float, trials: int, seed: int) -> dict[Verdict, float]:
    found = verdicts(check_id, worlds(sharpe=sharpe, trials=trials, runs=RUNS, seed=seed))
    return {verdict: found[verdict] / RUNS for verdict in Verdict}


def test_one_strategy_in_twenty_without_an_edge_passes_s03() -> None:
    """PSR(0) >= 0.95 is a one-sided test at 5 %."""
    found = shares("S03", sharpe=0.0, trials=1, seed=1)
    assert found[Verdict.PASS] == near(0.05)
    assert found[Verdict.FAIL] == near(0.5)  # not over 0


@pytest.mark.parametrize("sharpe", [1.0, 2.0, 3.0])
def test_how_often_an_edge_passes_s03(sharpe: float) -> None:
    """The estimate is normal around the ratio: power = cdf(ratio / se - 1.645)."""
    daily = sharpe / math.sqrt(252)
    score = daily * math.sqrt(DAYS - 1) / math.sqrt(1.0 + daily**2 / 2.0)
    power = NORMAL.cdf(score - NORMAL.inv_cdf(0.95))
    assert shares("S03", sharpe=sharpe, trials=1, seed=2)[Verdict.PASS] == near(power)


@pytest.mark.parametrize("trials", [1, 5, 50])
def test_the_best_of_many_without_an_edge_passes_s05_once_in_twenty(trials: int) -> None:
    """1 - PSR^N <= 0.05 for the best of N: its distribution is that of one, to the power of N."""
    found = shares("S05", sharpe=0.0, trials=trials, seed=3)
    assert found[Verdict.PASS] == near(0.05)
    assert found[Verdict.FAIL] == near(0.80)


def test_without_the_count_of_trials_nearly_all_searches_would_pass() -> None:
    """The best of 50: 1 - 0.95^50 = 0.92 pass S03."""
    found = shares("S03", sharpe=0.0, trials=50, seed=3)
    assert found[Verdict.PASS] == near(1.0 - 0.95**50)


def test_the_best_of_many_without_an_edge_hardly_passes_s06() -> None:
    assert shares("S06", sharpe=0.0, trials=50, seed=4)[Verdict.PASS] <= 0.05


def test_correlated_trials_count_as_fewer_and_still_let_one_in_twenty_pass() -> None:
    found = verdicts("S05", worlds(sharpe=0.0, trials=20, runs=RUNS, seed=5, correlation=0.5))
    assert found[Verdict.PASS] / RUNS <= 0.05 + 4.0 * math.sqrt(0.05 * 0.95 / RUNS)


def test_the_whole_gate_tells_luck_from_an_edge() -> None:
    """Best of 20. Without an edge nearly all have a ratio of 1 in two years, and hardly one passes. With
    a true ratio of 3 what holds back is the holdout: half the ratio in 126 days, cdf(1.5 x sqrt(0.5)) =
    0.856, less where luck has raised the ratio before.
    """
    runs = max(RUNS // 4, 1)
    lucky = passes(worlds(sharpe=0.0, trials=20, runs=runs, seed=6))
    assert lucky["plain"] / runs > 0.8
    assert lucky["standard"] / runs <= 0.05 + 4.0 * math.sqrt(0.05 * 0.95 / runs)
    earned = passes(worlds(sharpe=3.0, trials=1, runs=runs, seed=7))
    assert earned["standard"] / runs == near(0.84, runs)
