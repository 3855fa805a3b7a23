"""Where quantstats means the same we equal it; where it does not, the difference is pinned.

docs/reference/metrics.md says in words what this file says in numbers.
"""

from __future__ import annotations

from functools import cache
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from engine.rules import metrics as m

pytestmark = pytest.mark.filterwarnings("ignore")


@cache
def taken(name: str) -> Any:
    """Return a library; pictures and all that quantstats loads take seconds, so not for collecting."""
    return pytest.importorskip(name)


def some_returns(seed: int, n: int = 500) -> NDArray[np.float64]:
    return np.random.default_rng(seed).standard_t(4, n) * 0.01 + 0.0004


def theirs(name: str, returns: NDArray[np.float64]) -> float:
    pd = taken("pandas")
    series = pd.Series(returns, index=pd.bdate_range("2020-01-01", periods=returns.size))
    return float(getattr(taken("quantstats.stats"), name)(series))


SAME = [
    ("comp", m.total_return),
    ("cagr", lambda r: m.cagr(r, periods_per_year=252)),
    ("volatility", lambda r: m.volatility(r, periods_per_year=252)),
    ("sharpe", lambda r: m.sharpe_ratio(r, periods_per_year=252)),
    ("sortino", lambda r: m.sortino_ratio(r, periods_per_year=252)),
    ("calmar", lambda r: m.calmar_ratio(r, periods_per_year=252)),
    ("max_drawdown", m.max_drawdown),
    # of days there, of closed trades here: the formulas are the same
    ("profit_factor", m.profit_factor),
    ("payoff_ratio", m.payoff_ratio),
    ("win_rate", m.hit_rate),
]


@pytest.mark.parametrize(("name", "ours"), SAME, ids=[row[0] for row in SAME])
@pytest.mark.parametrize("seed", range(3))
def test_a_metric_equals_quantstats(name: str, ours, seed: int) -> None:  # type: ignore[no-untyped-def]
    returns = some_returns(seed)
    assert ours(returns) == pytest.approx(theirs(name, returns), rel=1e-9)


def test_beta_equals_quantstats_and_alpha_is_compounded_instead_of_multiplied() -> None:
    market = some_returns(7)
    returns = 0.5 * market + some_returns(8)
    pd = taken("pandas")
    dates = pd.bdate_range("2020-01-01", periods=returns.size)
    greeks = taken("quantstats.stats").greeks(
        pd.Series(returns, index=dates), pd.Series(market, index=dates)
    )
    ours = m.alpha(returns, market, periods_per_year=252)
    assert m.beta(returns, market) == pytest.approx(greeks["beta"], rel=1e-9)
    assert ours == pytest.approx((1 + greeks["alpha"] / 252) ** 252 - 1, rel=1e-9)


def test_value_at_risk_is_the_sample_s_quantile_and_there_a_normal_s() -> None:
    returns = some_returns(9)
    assert m.value_at_risk(returns) == pytest.approx(np.quantile(returns, 0.05))
    fitted = taken("scipy.stats").norm.ppf(0.05, returns.mean(), returns.std(ddof=1))
    assert theirs("value_at_risk", returns) == pytest.approx(fitted)


def test_moments_are_biased_and_there_corrected() -> None:
    returns = some_returns(10)
    ours = m.measure(m.DailyAccount(100.0 * m.growth_index(returns), 252))
    assert ours["skewness"] == pytest.approx(taken("scipy.stats").skew(returns), rel=1e-6)
    assert theirs("skew", returns) == pytest.approx(taken("scipy.stats").skew(returns, bias=False))
    assert theirs("kurtosis", returns) == pytest.approx(
        taken("scipy.stats").kurtosis(returns, bias=False)
    )


def test_the_probability_of_skill_agrees_to_the_bias_of_the_moments() -> None:
    returns = some_returns(11)
    found = theirs("probabilistic_sharpe_ratio", returns)
    assert m.probability_of_skill(returns) == pytest.approx(found, abs=1e-3)
