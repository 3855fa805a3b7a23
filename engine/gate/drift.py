"""What watches a promoted strategy: is what it does live still what earned the certificate?

Every closed venue day is one step of a fold; the state is a few numbers that a journal can hold. Daily
returns are standardized by the backtest (z = 0 on average, deviation 1), shortfalls by paper. Five
monitors look at them, each for another kind of going wrong:

- `fast`: CUSUM (Page 1954), a sudden loss of the edge. Alarms once in 930 days without cause and ten days
  after the mean has fallen by a deviation.
- `sprt`: sequential probability ratio test (Wald 1945) of a mean half a deviation lower.
- `slow`: a confidence band around the mean z that holds at all times together (Robbins 1970).
- `cost`: CUSUM of what fills cost more than on paper. Paper is filled as its shadow is, so its deviation is 0
  or nearly: it counts as 5 basis points at least, as much as the gate lets fills cost more on average (P02).
- `drawdown`: deeper than 99 % of what the backtest's days make in as many days.

An alarm decides nothing here: the session goes reduce-only, the certificate is suspended, a person looks.
"""

from __future__ import annotations

import math
from typing import Final

import msgspec
import numpy as np

from engine.errors import InputError
from engine.gate.evidence import Evidence
from engine.gate.statistics import MONEY_LIMIT, drawdown_quantiles, returns_of, sample_of

CUSUM_SLACK, CUSUM_ALARM = 0.5, 5.0
SPRT_ALARM: Final = math.log(0.8 / 0.05)
SPRT_RESTART: Final = math.log(0.2 / 0.95)
BAND_RHO, BAND_ALPHA = 0.05, 0.05
DRAWDOWN_QUANTILE = 0.99
PROBATION_DAYS = 60  # also the shortest time over which a drawdown is judged
LONGEST_DAYS = 504  # over which drawdowns are drawn; later days are judged by the last limit
SHORTFALL_DEVIATION_BPS_MIN = 5.0  # with 1, fills give or take 2 alarm in 9 of 10 probations


class Baseline(msgspec.Struct, frozen=True, kw_only=True):
    """What live trading is compared with; made of the evidence that was promoted.

    Parameters
    ----------
    mean, deviation
        Of the backtest's daily returns, fractions.
    shortfall_mean_bps, shortfall_deviation_bps
        Of the fills on paper, in basis points; None where there were under two: costs are not followed.
    drawdown_limits
        As fractions over 0: for `PROBATION_DAYS` days and less, then one for each day more.
    """

    mean: float
    deviation: float
    shortfall_mean_bps: float | None
    shortfall_deviation_bps: float | None
    drawdown_limits: tuple[float, ...]


class LiveDay(msgspec.Struct, frozen=True, kw_only=True):
    """A closed venue day of a live session.

    Parameters
    ----------
    day_number
        Days since 1970-01-01 by the venue's calendar.
    equity_before_minor, equity_minor
        At the close before and at this close, in minor units.
    flow_minor
        Deposits minus withdrawals of the day.
    shortfalls_bps
        For each fill: its price against the one that was decided on, adverse positive.
    """

    day_number: int
    equity_before_minor: int
    equity_minor: int
    flow_minor: int = 0
    shortfalls_bps: tuple[float, ...] = ()


class DriftState(msgspec.Struct, frozen=True, kw_only=True):
    """All that the monitors remember.

    Parameters
    ----------
    days
        Days followed.
    last_day
        The newest of them; None before the first.
    alarms
        How many alarms there have been; a stage rises by `engine.gate.stages`.
    fast, sprt, cost
        The scores of the monitors with these names.
    z_sum
        Sum of the standardized returns.
    wealth, peak
        Compounded growth since the first day, and the highest value of it.
    """

    days: int = 0
    last_day: int | None = None
    alarms: int = 0
    fast: float = 0.0
    sprt: float = 0.0
    cost: float = 0.0
    z_sum: float = 0.0
    wealth: float = 1.0
    peak: float = 1.0


class Alarm(msgspec.Struct, frozen=True, kw_only=True):
    """A monitor that has passed its limit on a day."""

    monitor: str
    day_number: int
    value: float
    limit: float
    sentence: str


class Reading(msgspec.Struct, frozen=True, kw_only=True):
    """Where a monitor stands beside its limit."""

    monitor: str
    value: float
    limit: float
    is_alarm: bool


def baseline_of(evidence: Evidence) -> Baseline:
    """Return what a promoted strategy is compared with.

    Raises
    ------
    InputError
        If the evidence has no backtest whose returns vary: such a one is not promoted.
    """
    backtest, paper = evidence.backtest, evidence.paper
    sample = (
        None
        if backtest is None
        else sample_of(returns_of(backtest.daily), backtest.periods_per_year)
    )
    if sample is None:
        raise InputError("there are no varying daily returns to compare live trading with")
    costs = np.array((paper.shortfalls_bps if paper is not None else None) or (), dtype=np.float64)
    is_known = costs.size >= 2 and bool(np.isfinite(costs).all())
    limits = drawdown_quantiles(
        sample.returns,
        seed=evidence.subject.seed,
        days=LONGEST_DAYS,
        quantile=DRAWDOWN_QUANTILE,
    )
    return Baseline(
        mean=sample.mean,
        deviation=sample.deviation,
        shortfall_mean_bps=float(costs.mean()) if is_known else None,
        shortfall_deviation_bps=(
            max(float(costs.std(ddof=1)), SHORTFALL_DEVIATION_BPS_MIN) if is_known else None
        ),
        drawdown_limits=tuple(limits[PROBATION_DAYS - 1 :].tolist()),
    )


def follow(
    baseline: Baseline, state: DriftState, day: LiveDay
) -> tuple[DriftState, tuple[Alarm, ...]]:
    """Take one closed day into account.

    Returns
    -------
    tuple[DriftState, tuple[Alarm, ...]]
        The next state and the alarms of this day. A day that is told again changes nothing.

    Raises
    ------
    InputError
        If the day is earlier than one that was followed, or has no return: then nobody knows whether the
        strategy drifts, and the caller has to act as on an alarm.
    """
    if day.day_number == state.last_day:
        return state, ()
    if state.last_day is not None and day.day_number < state.last_day:
        raise InputError(f"day {day.day_number} comes after day {state.last_day} was followed")
    earned = return_of(day)
    z = (earned - baseline.mean) / baseline.deviation
    wealth = state.wealth * (1.0 + earned)
    moved = msgspec.structs.replace(
        state,
        days=state.days + 1,
        last_day=day.day_number,
        fast=next_cusum(state.fast, z),
        sprt=next_sprt(state.sprt, z),
        cost=_next_cost(baseline, state.cost, day.shortfalls_bps),
        z_sum=state.z_sum + z,
        wealth=wealth,
        peak=max(state.peak, wealth),
    )
    alarms = _alarms_of(baseline, moved, day)
    return msgspec.structs.replace(moved, alarms=moved.alarms + len(alarms)), alarms


def return_of(day: LiveDay) -> float:
    """Return the day's return, flows removed.

    Raises
    ------
    InputError
        If the day began without equity, or an amount is out of range.
    """
    amounts = (day.equity_before_minor, day.equity_minor, day.flow_minor)
    if day.equity_before_minor <= 0 or max(map(abs, amounts)) >= MONEY_LIMIT:
        raise InputError(f"day {day.day_number} has no return: its equity is {amounts}")
    return (day.equity_minor - day.equity_before_minor - day.flow_minor) / day.equity_before_minor


# --- the monitors ---------------------------------------------------------------------------------------
def next_cusum(score: float, z: float) -> float:
    """Return ``max(0, S - z - 0.5)``.

    Examples
    --------
    >>> round(next_cusum(0.8, -2.1), 6)
    2.4
    """
    return max(0.0, score - z - CUSUM_SLACK)


def next_sprt(ratio: float, z: float) -> float:
    """Return the next log-ratio; 0 where the lower bound says that nothing has changed.

    Examples
    --------
    >>> round(next_sprt(0.0, 0.3), 6), next_sprt(-1.5, 1.0)
    (-0.275, 0.0)
    """
    moved = ratio - 0.5 * z - 0.125
    return 0.0 if moved <= SPRT_RESTART else moved


def band_half_width(days: int) -> float:
    """Return half the width of the confidence band of the mean z after so many days.

    Examples
    --------
    >>> round(band_half_width(60), 6)
    0.404908
    """
    spread = 1.0 + days * BAND_RHO
    return math.sqrt(spread / (days**2 * BAND_RHO) * math.log(spread / BAND_ALPHA**2))


def drawdown_limit(baseline: Baseline, days: int) -> float:
    """Return the drawdown that 99 % of the backtest's paths of that length do not pass.

    For all days of the first `PROBATION_DAYS` it is the same, so that together they alarm without cause
    once in a hundred times, as far as the backtest's days are the truth. Two years of them are few blocks
    of ten: measured over 25 backtests of 504 independent days it was 2 in 100 on average and 5 at worst,
    of ten years 1.2.
    """
    place = min(max(days - PROBATION_DAYS, 0), len(baseline.drawdown_limits) - 1)
    return baseline.drawdown_limits[place]


def _next_cost(baseline: Baseline, score: float, shortfalls_bps: tuple[float, ...]) -> float:
    mean, deviation = baseline.shortfall_mean_bps, baseline.shortfall_deviation_bps
    if mean is None or deviation is None:
        return score
    for shortfall in shortfalls_bps:
        if not math.isfinite(shortfall):
            return math.inf  # what a fill cost is not known: as bad as can be
        score = next_cusum(score, -(shortfall - mean) / deviation)
        if score >= CUSUM_ALARM:
            return score  # the alarm is not taken back by a cheap fill later that day
    return score


def readings(baseline: Baseline, state: DriftState) -> tuple[Reading, ...]:
    """Return where each monitor stands after the last day that was followed; none before the first."""
    if state.days == 0:
        return ()
    drawdown = 1.0 - state.wealth / state.peak
    upper = state.z_sum / state.days + band_half_width(state.days)
    limit = drawdown_limit(baseline, state.days)
    found = (
        ("fast", state.fast, CUSUM_ALARM, state.fast >= CUSUM_ALARM),
        ("sprt", state.sprt, SPRT_ALARM, state.sprt >= SPRT_ALARM),
        ("slow", upper, 0.0, upper < 0.0),
        ("cost", state.cost, CUSUM_ALARM, state.cost >= CUSUM_ALARM),
        ("drawdown", drawdown, limit, drawdown > limit),
    )
    return tuple(
        Reading(monitor=name, value=value, limit=bound, is_alarm=is_alarm)
        for name, value, bound, is_alarm in found
    )


_WHAT: Final = {
    "fast": "The returns of the last days are",
    "sprt": "The mean return of a while is",
    "slow": "The mean return of all days is",
    "cost": "The cost of fills is",
    "drawdown": "The drawdown is",
}


def _alarms_of(baseline: Baseline, state: DriftState, day: LiveDay) -> tuple[Alarm, ...]:
    return tuple(
        Alarm(
            monitor=one.monitor,
            day_number=day.day_number,
            value=one.value,
            limit=one.limit,
            sentence=f"{_WHAT[one.monitor]} not as the evidence has it: {one.value:.6g}, "
            f"limit {one.limit:.6g}.",
        )
        for one in readings(baseline, state)
        if one.is_alarm
    )
