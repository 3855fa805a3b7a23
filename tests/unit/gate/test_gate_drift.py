"""What watches a promoted strategy: the worked example E11, and how often each monitor is wrong."""

from __future__ import annotations

import math
import os

import msgspec
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.errors import InputError
from engine.gate.drift import (
    CUSUM_ALARM,
    PROBATION_DAYS,
    SPRT_ALARM,
    SPRT_RESTART,
    Alarm,
    Baseline,
    DriftState,
    LiveDay,
    band_half_width,
    baseline_of,
    drawdown_limit,
    follow,
    next_cusum,
    next_sprt,
    readings,
)
from engine.gate.statistics import deepest_drawdown
from engine.rules.bootstrap import Resampling, resampled_indices
from tests.unit.gate.evidence_worlds import changed, earning, evidence_of
from tests.unit.gate.test_gate_formulas import close

RUNS = int(os.environ.get("TRADER_POWER_RUNS", "400"))
START = 10**13

# A mean of 0 and a deviation of 1 %: a return of -0.008 is z = -0.8. Drawdowns never alarm.
PLAIN = Baseline(
    mean=0.0,
    deviation=0.01,
    shortfall_mean_bps=1.0,
    shortfall_deviation_bps=2.0,
    drawdown_limits=(1.0,),
)


def day_of(number: int, earned: float, *shortfalls_bps: float) -> LiveDay:
    return LiveDay(
        day_number=number,
        equity_before_minor=START,
        equity_minor=START + round(earned * START),
        shortfalls_bps=shortfalls_bps,
    )


def follow_all(
    returns: list[float], baseline: Baseline = PLAIN
) -> tuple[list[DriftState], list[Alarm]]:
    state, states, alarms = DriftState(), [], []
    for number, earned in enumerate(returns, start=1):
        state, new = follow(baseline, state, day_of(number, earned))
        states.append(state)
        alarms += new
    return states, alarms


# --- E11 --------------------------------------------------------------------------------------------------
# day:   1      2     3      4     5      6     7      8     9      10
Z = (0.3, -0.8, -1.2, 0.1, -0.9, -2.1, -1.4, 0.5, -1.7, -2.2)
CUSUM = (0.0, 0.3, 1.0, 0.4, 0.8, 2.4, 3.3, 2.3, 3.5, 5.2)
SPRT = (-0.275, 0.0, 0.475, 0.3, 0.625, 1.55, 2.125, 1.75, 2.475, 3.45)


def test_ten_bad_days_end_in_an_alarm() -> None:
    states, alarms = follow_all([z / 100 for z in Z])
    assert [each.fast for each in states] == [close(each) for each in CUSUM]
    assert [each.sprt for each in states] == [close(each) for each in SPRT]
    assert [(each.monitor, each.day_number) for each in alarms] == [("fast", 10), ("sprt", 10)]
    assert (close(2.772589), close(-1.558145)) == (SPRT_ALARM, SPRT_RESTART)


@pytest.mark.parametrize(("days", "half"), [(20, 0.817595), (60, 0.404908), (252, 0.191943)])
def test_the_band_narrows(days: int, half: float) -> None:
    assert band_half_width(days) == close(half)


# --- each monitor at its edge ----------------------------------------------------------------------------
def test_good_days_restart_the_ratio_and_leave_the_score_at_0() -> None:
    states, alarms = follow_all([0.01] * 3)  # -0.625, -1.25, -1.875: under the bound
    assert [each.sprt for each in states] == [close(-0.625), close(-1.25), 0.0]
    assert {each.fast for each in states} == {0.0}
    assert alarms == []


def test_the_score_alarms_at_five() -> None:
    assert next_cusum(0.0, -5.5) == CUSUM_ALARM
    assert [each.monitor for each in follow_all([-0.055])[1]] == ["fast"]
    assert follow_all([-0.0549])[1] == []


def test_a_slow_loss_is_found_by_the_band() -> None:
    """A mean z of -0.41 for 60 days: under the half-width of 0.4049, so the upper end is below 0."""
    state = DriftState(days=59, last_day=59, z_sum=-0.41 * 59)
    _, alarms = follow(PLAIN, state, day_of(60, -0.0041))
    assert [each.monitor for each in alarms] == ["slow"]
    _, alarms = follow(PLAIN, msgspec.structs.replace(state, z_sum=-0.40 * 59), day_of(60, -0.004))
    assert alarms == ()


def test_dear_fills_alarm() -> None:
    """Paper: 1 bp on average, 2 bps deviation. 13 bps are six deviations: 6 - 0.5 = 5.5."""
    state, alarms = follow(PLAIN, DriftState(), day_of(1, 0.0, 13.0, -30.0))
    assert [(each.monitor, each.value) for each in alarms] == [("cost", close(5.5))]
    assert state.alarms == 1
    assert follow(PLAIN, DriftState(), day_of(1, 0.0, 11.9))[1] == ()


def test_each_monitor_tells_where_it_stands() -> None:
    state, _ = follow(PLAIN, DriftState(), day_of(1, 0.0, 13.0))
    told = {
        each.monitor: (each.value, each.limit, each.is_alarm) for each in readings(PLAIN, state)
    }
    assert told["cost"] == (close(5.5), CUSUM_ALARM, True)
    assert told["fast"] == (0.0, CUSUM_ALARM, False)
    assert told["drawdown"] == (0.0, 1.0, False)
    assert readings(PLAIN, DriftState()) == ()


def test_a_fill_whose_cost_is_unknown_alarms() -> None:
    _, alarms = follow(PLAIN, DriftState(), day_of(1, 0.0, math.nan))
    assert [each.monitor for each in alarms] == ["cost"]


def test_costs_are_not_followed_where_paper_had_none() -> None:
    without = changed(PLAIN, "shortfall_mean_bps", None)
    assert follow(without, DriftState(), day_of(1, 0.0, 500.0))[1] == ()


def test_a_deep_drawdown_alarms() -> None:
    """5 % are allowed, from the highest value."""
    baseline = Baseline(
        mean=0.0,
        deviation=0.1,
        shortfall_mean_bps=None,
        shortfall_deviation_bps=None,
        drawdown_limits=(0.05,),
    )
    assert follow_all([0.1, -0.049], baseline)[1] == []
    assert [each.monitor for each in follow_all([0.1, -0.051], baseline)[1]] == ["drawdown"]


def test_a_withdrawal_is_no_loss() -> None:
    day = LiveDay(day_number=1, equity_before_minor=100, equity_minor=60, flow_minor=-40)
    state, alarms = follow(PLAIN, DriftState(), day)
    assert (state.z_sum, alarms) == (0.0, ())


# --- the fold ---------------------------------------------------------------------------------------------
@given(st.lists(st.floats(-0.05, 0.05), max_size=40), st.integers(0, 40))
def test_a_state_that_was_written_down_goes_on_as_if_it_had_not_been(
    returns: list[float], cut: int
) -> None:
    states, alarms = follow_all(returns)
    state, found = DriftState(), []
    for number, earned in enumerate(returns, start=1):
        if number == cut:
            state = msgspec.json.decode(msgspec.json.encode(state), type=DriftState)
        state, new = follow(PLAIN, state, day_of(number, earned))
        found += new
    assert [state] == (states[-1:] or [DriftState()])
    assert found == alarms
    assert state.alarms == len(alarms)


def test_a_day_told_again_changes_nothing() -> None:
    state, _ = follow(PLAIN, DriftState(), day_of(5, -0.03))
    assert follow(PLAIN, state, day_of(5, -0.03)) == (state, ())


@pytest.mark.parametrize(
    "day",
    [
        day_of(4, 0.0),
        LiveDay(day_number=6, equity_before_minor=0, equity_minor=100),
        LiveDay(day_number=6, equity_before_minor=-5, equity_minor=100),
        LiveDay(day_number=6, equity_before_minor=100, equity_minor=2**62),
    ],
    ids=["earlier", "no equity", "debt", "too much"],
)
def test_a_day_without_a_return_is_refused(day: LiveDay) -> None:
    state, _ = follow(PLAIN, DriftState(), day_of(5, -0.03))
    with pytest.raises(InputError):
        follow(PLAIN, state, day)


# --- the baseline -----------------------------------------------------------------------------------------
def test_the_baseline_is_the_backtest_and_paper() -> None:
    baseline = baseline_of(evidence_of(earning(2.0)))
    assert baseline.mean == pytest.approx(2.0 * 0.01 / np.sqrt(252), rel=1e-6)
    assert baseline.deviation == pytest.approx(0.01, rel=1e-6)
    assert baseline.shortfall_mean_bps == pytest.approx(0.75)
    assert baseline.shortfall_deviation_bps == 5.0  # of 0.57, but never under 5 bps
    assert drawdown_limit(baseline, 1) == drawdown_limit(baseline, PROBATION_DAYS)
    assert drawdown_limit(baseline, 61) >= drawdown_limit(baseline, 60)
    assert drawdown_limit(baseline, 10_000) == baseline.drawdown_limits[-1]


def test_without_a_backtest_there_is_nothing_to_compare_with() -> None:
    with pytest.raises(InputError):
        baseline_of(changed(evidence_of(), "backtest", None))


# --- how often they are wrong, and how soon they are right -----------------------------------------------
def binomial_bound(chance: float, runs: int) -> float:
    """Four standard errors: less than one seed in ten thousand is outside."""
    return 4.0 * math.sqrt(chance * (1.0 - chance) / runs)


def first_alarms(monitor: str, *, mean: float, days: int, seed: int) -> list[int | None]:
    """The day of a monitor's first alarm in each of many years with this mean z."""
    rng = np.random.default_rng(seed)
    found: list[int | None] = []
    for row in rng.normal(mean, 1.0, size=(RUNS, days)):
        state, day = 0.0, None
        for number, z in enumerate(row.tolist(), start=1):
            if monitor == "fast":
                state = next_cusum(state, z)
                is_alarm = state >= CUSUM_ALARM
            elif monitor == "sprt":
                state = next_sprt(state, z)
                is_alarm = state >= SPRT_ALARM
            else:
                state += z
                is_alarm = state / number + band_half_width(number) < 0.0
            if is_alarm:
                day = number
                break
        found.append(day)
    return found


def test_a_score_alarms_without_cause_once_in_930_days() -> None:
    """Siegmund (1985): the run length is (e^d - d - 1) / 0.5 with d = 5 + 1.166, 938 days; almost
    exponential, so that a year of 252 days has an alarm with probability 1 - e^(-252/938) = 0.236.
    """
    days = first_alarms("fast", mean=0.0, days=252, seed=1)
    share = sum(day is not None for day in days) / RUNS
    assert share == pytest.approx(0.236, abs=binomial_bound(0.236, RUNS) + 0.01)


@pytest.mark.parametrize(("mean", "delay"), [(-1.0, 10.4), (-2.0, 4.0)])
def test_a_score_finds_a_fallen_mean(mean: float, delay: float) -> None:
    """Delays of the tables for slack 0.5 and limit 5 (Montgomery, Statistical Quality Control)."""
    days = first_alarms("fast", mean=mean, days=200, seed=2)
    assert None not in days
    assert np.mean([day for day in days if day]) == pytest.approx(delay, rel=0.12)


def test_the_ratio_errs_less_often_than_it_may() -> None:
    """Wald: without a change at most e^-2.77 = 1/16 of its rounds end in an alarm, and of those with a
    mean of -0.5 at most 0.2/0.95 end in a restart.
    """
    rng = np.random.default_rng(3)
    for mean, wrong_end, most in ((0.0, SPRT_ALARM, 1 / 16), (-0.5, SPRT_RESTART, 0.2 / 0.95)):
        wrong = 0
        for _ in range(RUNS):
            ratio = 0.0
            while True:
                moved = ratio - 0.5 * rng.normal(mean, 1.0) - 0.125
                ratio = next_sprt(ratio, -(moved - ratio + 0.125) / 0.5)
                if moved <= SPRT_RESTART or ratio >= SPRT_ALARM:
                    wrong += (moved <= SPRT_RESTART) is (wrong_end == SPRT_RESTART)
                    break
        assert wrong / RUNS <= most + binomial_bound(most, RUNS)


def test_the_band_holds_at_all_times_together() -> None:
    """Robbins: at most 5 % leave it, on either side, in any time; two years here."""
    days = first_alarms("slow", mean=0.0, days=504, seed=4)
    assert sum(day is not None for day in days) / RUNS <= 0.05 + binomial_bound(0.05, RUNS)


def test_the_band_finds_a_mean_that_is_half_a_deviation_lower() -> None:
    """After 60 days the half-width is 0.405: a mean of -0.5 is outside for most, -1 for all."""
    assert None not in first_alarms("slow", mean=-1.0, days=60, seed=5)
    half = first_alarms("slow", mean=-0.5, days=60, seed=5)
    assert sum(day is not None for day in half) / RUNS > 0.6


def test_a_drawdown_alarms_without_cause_once_in_a_hundred_probations() -> None:
    """In other paths of the same backtest, 60 days each; the limit itself is out of 2,000."""
    returns = earning(1.0, days=504)
    limit = drawdown_limit(baseline_of(evidence_of(returns)), PROBATION_DAYS)
    others = Resampling(seed=99, paths=10 * RUNS)
    paths = returns[resampled_indices(504, others, 0, 10 * RUNS, length=PROBATION_DAYS)]
    alarms = sum(deepest_drawdown(path) > limit for path in paths)
    allowed = binomial_bound(0.01, 10 * RUNS) + binomial_bound(0.01, 2_000)
    assert alarms / (10 * RUNS) == pytest.approx(0.01, abs=allowed)
