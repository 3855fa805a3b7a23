"""Every metric beside empyrical's number or a table computed by hand, and its undefined cases."""

from __future__ import annotations

import math
from collections.abc import Callable
from pathlib import Path

import empyrical
import numpy as np
import pytest
from numpy.typing import NDArray

from engine.errors import InputError
from engine.rules import metrics as m

Floats = NDArray[np.float64]
PAGE = Path(__file__).parents[3] / "docs" / "reference" / "metrics.md"


def some_returns(seed: int, n: int = 500) -> Floats:
    return np.random.default_rng(seed).standard_t(4, n) * 0.01 + 0.0004


def closes_of(returns: Floats, start: float = 10_000.0) -> Floats:
    return start * m.growth_index(returns)


# key, our function of (returns, benchmark), empyrical's
JUDGED: list[
    tuple[str, Callable[[Floats, Floats], float | None], Callable[[Floats, Floats], float]]
] = [
    ("total_return", lambda r, b: m.total_return(r), lambda r, b: empyrical.cum_returns_final(r)),
    (
        "cagr",
        lambda r, b: m.cagr(r, periods_per_year=252),
        lambda r, b: empyrical.annual_return(r, annualization=252),
    ),
    (
        "volatility",
        lambda r, b: m.volatility(r, periods_per_year=252),
        lambda r, b: empyrical.annual_volatility(r, annualization=252),
    ),
    (
        "sharpe",
        lambda r, b: m.sharpe_ratio(r, periods_per_year=365, risk_free_per_period=1e-4),
        lambda r, b: empyrical.sharpe_ratio(r, risk_free=1e-4, annualization=365),
    ),
    (
        "sortino",
        lambda r, b: m.sortino_ratio(r, periods_per_year=252),
        lambda r, b: empyrical.sortino_ratio(r, annualization=252),
    ),
    (
        "calmar",
        lambda r, b: m.calmar_ratio(r, periods_per_year=252),
        lambda r, b: empyrical.calmar_ratio(r, annualization=252),
    ),
    ("max_drawdown", lambda r, b: m.max_drawdown(r), lambda r, b: empyrical.max_drawdown(r)),
    ("var_95", lambda r, b: m.value_at_risk(r), lambda r, b: empyrical.value_at_risk(r)),
    (
        "cvar_95",
        lambda r, b: m.conditional_value_at_risk(r),
        lambda r, b: empyrical.conditional_value_at_risk(r),
    ),
    (
        "alpha",
        lambda r, b: m.alpha(r, b, periods_per_year=252, risk_free_per_period=1e-4),
        lambda r, b: empyrical.alpha(r, b, risk_free=1e-4, annualization=252),
    ),
    ("beta", m.beta, lambda r, b: empyrical.beta(r, b)),
]


@pytest.mark.parametrize(("key", "ours", "theirs"), JUDGED, ids=[row[0] for row in JUDGED])
@pytest.mark.parametrize("seed", range(5))
def test_a_metric_equals_empyrical(
    key: str,
    ours: Callable[[Floats, Floats], float | None],
    theirs: Callable[[Floats, Floats], float],
    seed: int,
) -> None:
    benchmark = some_returns(seed + 100)
    returns = 0.6 * benchmark + 0.5 * some_returns(seed)
    assert ours(returns, benchmark) == pytest.approx(theirs(returns, benchmark), rel=1e-9)


@pytest.mark.parametrize("row", JUDGED, ids=[row[0] for row in JUDGED])
@pytest.mark.parametrize(
    "returns",
    [np.empty(0), some_returns(1, 19), np.zeros(50), np.full(50, 0.001)],
    ids=["empty", "19 days", "flat", "constant"],
)
def test_a_thin_series_has_no_metric(row: tuple[str, Callable, Callable], returns: Floats) -> None:  # type: ignore[type-arg]
    assert row[1](returns, returns) is None


# win, loss and flat counts are the arithmetic: 12 wins of 30, 6 losses of 20, 2 at zero
TWENTY_TRADES = np.array([30.0] * 12 + [-20.0] * 6 + [0.0] * 2)

BY_HAND = [
    # key, expected, arithmetic
    ("hit_rate", 12 / 20),
    ("profit_factor", (12 * 30) / (6 * 20)),
    ("payoff_ratio", 30 / 20),
    ("expectancy", (12 * 30 - 6 * 20) / 20),
]


@pytest.mark.parametrize(("key", "expected"), BY_HAND)
def test_trade_metrics_equal_the_table_in_units_and_in_minor_units(
    key: str, expected: float
) -> None:
    account = m.DailyAccount(np.full(30, 100.0), periods_per_year=252)
    in_minor = (TWENTY_TRADES * 10**8).astype(np.int64)
    for pnl in (TWENTY_TRADES, in_minor):
        assert m.measure(account, trade_pnl=pnl)[key] == pytest.approx(expected, rel=1e-15)


@pytest.mark.parametrize(
    ("pnl", "key", "reason"),
    [
        ([1.0] * 20, "profit_factor", "no trade lost"),
        ([1.0] * 20, "payoff_ratio", "no trade won or no trade lost"),
        ([-1.0] * 20, "payoff_ratio", "no trade won or no trade lost"),
        ([1.0] * 19, "hit_rate", "19 of the 20 closed trades needed"),
        ([], "expectancy", "0 of the 20 closed trades needed"),
    ],
)
def test_an_undefined_trade_metric_says_why(pnl: list[float], key: str, reason: str) -> None:
    account = m.DailyAccount(np.full(30, 100.0), periods_per_year=252)
    measured = m.measure(account, trade_pnl=np.array(pnl))
    assert (measured[key], measured.reason(key)) == (None, reason)


def test_all_losing_trades_have_a_profit_factor_and_hit_rate_of_zero() -> None:
    pnl = np.full(20, -1.0)
    assert (m.hit_rate(pnl), m.profit_factor(pnl)) == (0.0, 0.0)


@pytest.mark.parametrize(
    ("closes", "expected"),
    [
        # peak at day 1 (110), deepest day 3 (88), back over 110 at day 6
        ([100, 110, 99, 88, 100, 105, 111] + [112 + i for i in range(20)], 5.0),
        # never reached again: to the last close, 22 - 1
        ([100, 110, 99] + [90 + i / 10 for i in range(20)], 21.0),
        # a long shallow one does not count: the deepest is 120 -> 60 -> 130, day 21 to 23
        ([100] + [99] * 19 + [101, 120, 60, 130], 2.0),
        # flat at the peak for 5 closes, day 1 to 5: it is left at day 5 and reached again at day 8
        ([100] + [110] * 5 + [88, 99, 110] + [112 + i for i in range(20)], 3.0),
    ],
)
def test_drawdown_duration_belongs_to_the_deepest_drawdown(
    closes: list[float], expected: float
) -> None:
    returns = m.daily_returns(np.array(closes, dtype=np.float64))
    assert returns is not None
    assert m.max_drawdown_days(returns) == expected


def test_drawdown_duration_counts_calendar_days_where_they_are_known() -> None:
    closes = np.array([100.0, 110.0, 99.0, 111.0] + [112.0 + i for i in range(20)])
    days = np.arange(24) + np.where(np.arange(24) >= 2, 2, 0)  # a weekend after day 1
    measured = m.measure(m.DailyAccount(closes, 252, day_numbers=days))
    assert measured["max_drawdown_days"] == 4.0


def test_a_deposit_is_no_profit_and_a_withdrawal_no_loss() -> None:
    returns = some_returns(3, 60)
    flows = np.zeros(61)
    flows[20], flows[40] = 5_000.0, -3_000.0
    equity = np.empty(61)
    equity[0] = 10_000.0
    for day in range(60):
        equity[day + 1] = equity[day] * (1 + returns[day]) + flows[day + 1]
    seen = m.daily_returns(equity, flows)
    assert seen is not None
    assert np.allclose(seen, returns, rtol=1e-9, atol=1e-12)


def test_money_in_minor_units_gives_the_metrics_of_money_in_units() -> None:
    closes = closes_of(some_returns(7, 300)).round(8)
    in_minor = np.rint(closes * 1e8).astype(np.int64)
    a = m.measure(m.DailyAccount(closes, 252))
    b = m.measure(m.DailyAccount(in_minor, 252))
    for left, right in zip(a, b, strict=True):
        assert left.value == (None if right.value is None else pytest.approx(right.value, rel=1e-9))


def test_minor_units_beyond_exact_floats_keep_small_moves() -> None:
    """90 billion units: one unit of 10^-8 more is far under the resolution of a float."""
    closes = np.array([9 * 10**18, 9 * 10**18 + 2], dtype=np.int64)
    returns = m.daily_returns(closes)
    assert returns is not None
    assert returns[0] == 2 / 9e18


def test_exposure_and_turnover_equal_the_table() -> None:
    equity = np.array([100.0] + [100.0, 200.0] * 10)
    gross = np.array([999.0] + [50.0, 200.0] * 10)
    traded = np.array([999.0] + [30.0] * 20)
    account = m.DailyAccount(equity, 252, gross_exposure=gross, traded_value=traded)
    measured = m.measure(account)
    assert measured["exposure"] == pytest.approx((0.5 + 1.0) / 2)
    # 20 days of 30, one-sided 300, over a mean equity of 150 = 2 in 20 days
    assert measured["turnover"] == pytest.approx(2 * 252 / 20)


def test_implementation_shortfall_is_cost_over_decision_value() -> None:
    costs = m.FillCosts(np.full(20, 1_000.0), np.array([2.0, -1.0] * 10))
    account = m.DailyAccount(np.full(30, 100.0), 252)
    assert m.measure(account, fill_costs=costs)["implementation_shortfall"] == 0.0005
    assert m.measure(account).reason("implementation_shortfall") == "0 of the 20 fills needed"


def test_a_ruined_account_has_no_growth_rate_and_nothing_is_infinite() -> None:
    closes = closes_of(some_returns(1, 40))
    closes[-1] = -5.0
    measured = m.measure(m.DailyAccount(closes, 252))
    assert measured["cagr"] is None
    assert measured["total_return"] == pytest.approx(-5.0 / 10_000 - 1)
    closes[20] = 0.0
    after = m.measure(m.DailyAccount(closes, 252))
    assert after.reason("sharpe") == "equity was not positive at every close"


def test_a_doubling_every_day_overflows_into_undefined() -> None:
    closes = closes_of(np.array([1.0, 1.5] * 15))
    measured = m.measure(m.DailyAccount(closes, 252_000), benchmark_close=closes[::-1].copy())
    assert measured["cagr"] is None
    assert all(row.value is None or math.isfinite(row.value) for row in measured)


def test_a_benchmark_that_does_not_vary_gives_no_beta() -> None:
    closes = closes_of(some_returns(1, 40))
    measured = m.measure(m.DailyAccount(closes, 252), benchmark_close=np.full(41, 5.0))
    assert measured.reason("beta") == "there is no benchmark or it did not vary"


@pytest.mark.parametrize(
    ("make", "says"),
    [
        (lambda: m.DailyAccount(np.array([1.0, math.nan]), 252), "NaN"),
        (lambda: m.DailyAccount(np.ones((2, 2)), 252), "one dimension"),
        (lambda: m.DailyAccount(np.ones(3), 0.0), "periods_per_year"),
        (lambda: m.DailyAccount(np.ones(3), 252, flows=np.ones(2)), "flows has 2"),
        (lambda: m.DailyAccount(np.array(["a"]), 252), "int64 or float64"),
        (lambda: m.definition_of("sharp"), "no metric 'sharp'"),
    ],
)
def test_bad_input_is_refused_with_the_reason(make: Callable[[], object], says: str) -> None:
    with pytest.raises(InputError, match=says):
        make()


def test_every_definition_is_measured_in_order() -> None:
    measured = m.measure(m.DailyAccount(np.empty(0), 252))
    assert [row.key for row in measured] == [row.key for row in m.DEFINITIONS]
    assert all(row.value is None and row.reason for row in measured)


def test_the_reference_page_is_the_registry() -> None:
    assert PAGE.read_text(encoding="utf-8") == m.definitions_to_markdown(), (
        "stale: write definitions_to_markdown() to docs/reference/metrics.md"
    )
