"""The statistical checks of the backtest, S01 to S12: is there an edge, and how much of it is luck?"""

from __future__ import annotations

import math

import numpy as np

from engine.gate.evidence import unpack_returns
from engine.gate.findings import (
    Case,
    Objection,
    contradicted,
    date,
    judge,
    lacking,
    settle,
    text,
)
from engine.gate.statistics import (
    Floats,
    Sample,
    daily_ratios,
    days_needed,
    effective_trials,
    hac_sharpe,
    mean_correlation,
    overfitting,
    probability_over,
    profits_of,
    returns_of,
    sample_of,
    selection_probability,
)
from engine.gate.verdicts import Finding, Verdict
from engine.rules.deflated import deflated_sharpe

STORED_SHARE_MIN = 0.9  # of the trials' returns, for anything that is made of them
OVERFITTING_TRIALS_MIN = 10
HOLDOUT_SHARE = 0.2
BEST_DAYS = 5
STRESS_PERCENT, STRESS_BARS = 200, 1
_BETTER = "A strategy with a better ratio, or more days of this one."


def sample_size(case: Case) -> Finding:
    """Daily returns and closed trades."""
    days, asked = len(returns_of(case.backtest.daily)), case.asked
    trades = len(case.backtest.trade_profits_minor)
    objections = []
    if days < asked.sample_days_min:
        objections.append(lacking(f"{days} of {asked.sample_days_min} days.", "A longer backtest."))
    if trades < asked.sample_trades_min:
        objections.append(
            lacking(
                f"{trades} of {asked.sample_trades_min} closed trades.",
                "A longer backtest, or a strategy that trades more.",
            )
        )
    passed = f"{days} days and {trades} closed trades."
    return settle(objections, passed, value=days, threshold=asked.sample_days_min)


def hac(case: Case) -> Finding:
    """The Sharpe ratio when days that follow each other are not taken as independent."""
    value = hac_sharpe(case.sample)
    if value is None:
        return _undefined("The long-run variance is not over 0.")
    return judge(
        value,
        what="The Sharpe ratio by the long-run variance",
        at_least=case.asked.hac_sharpe_min,
        would_change=_BETTER,
    )


def psr(case: Case) -> Finding:
    """The probability that the true Sharpe ratio is over 0."""
    sample = case.sample
    otherwise = Verdict.FAIL if sample.ratio <= 0.0 else Verdict.INSUFFICIENT
    return judge(
        _over_zero(sample),
        what="The probability that the true Sharpe ratio is over 0",
        at_least=case.asked.skill_probability_min,
        otherwise=otherwise,
        would_change=_days_wanted(sample),
    )


def min_trl(case: Case) -> Finding:
    """Days until the Sharpe ratio would be over 0 with 95 %."""
    sample, needed = case.sample, days_needed(case.sample)
    if needed is None:
        objection = contradicted("No number of days would show this ratio to be over 0.", _BETTER)
        return settle([objection], "")
    enough = sample.count >= needed
    what = f"{math.ceil(needed)} days are needed, {sample.count} are there."
    objections = [] if enough else [lacking(what, _days_wanted(sample))]
    return settle(objections, what, value=needed, threshold=sample.count)


def _days_wanted(sample: Sample) -> str:
    needed = days_needed(sample)
    if needed is None:
        return _BETTER
    days = math.ceil(needed)
    more = f", {days - sample.count} more" if days > sample.count else ""
    return f"{days} days with this ratio{more}."


def _over_zero(sample: Sample) -> float:
    found = probability_over(sample)
    return math.nan if found is None else found  # out of the formula's range: never in favour


def _undefined(sentence: str) -> Finding:
    return settle([lacking(sentence, "More data, or data that vary.")], "")


# --- trials ---------------------------------------------------------------------------------------------
def trial_rows(case: Case) -> Floats:
    """Return the stored returns of trials, a row each.

    Raises
    ------
    ValueError
        If they are not finite, or more than were counted: then the count is wrong.
    """
    rows = unpack_returns(case.trials.returns, days=len(case.trials.day_numbers))
    if not np.isfinite(rows).all():
        raise ValueError("a trial's return is not a finite number")
    if not max(rows.shape[0], 1) <= case.trials.count:
        raise ValueError(f"{case.trials.count} trials are counted, {rows.shape[0]} are stored")
    if min(case.trials.failed_attempts, case.trials.holdout_looks) < 0:
        raise ValueError("a count of attempts or looks is under 0")
    return rows


def trial_count(case: Case) -> int:
    """Return N: evaluations, failed requests and looks at the holdout."""
    trials = case.trials
    return trials.count + trials.failed_attempts + trials.holdout_looks


def _is_stored(case: Case, rows: Floats) -> bool:
    return bool(rows.shape[0] >= STORED_SHARE_MIN * case.trials.count)


def selection(case: Case) -> Finding:
    """The probability that the best of so many trials without an edge looks this good."""
    rows, count, asked = trial_rows(case), trial_count(case), case.asked
    worth = float(count)
    if _is_stored(case, rows):
        worth = effective_trials(count, mean_correlation(rows))
    value = selection_probability(_over_zero(case.sample), worth)
    is_lost = value > asked.selection_fail_over
    tried = "1 trial" if count == 1 else f"the best of {count} trials (worth {text(worth)})"
    return judge(
        value,
        what=f"The probability that {tried} without an edge looks so good",
        at_most=asked.selection_pass_max,
        otherwise=Verdict.FAIL if is_lost else Verdict.INSUFFICIENT,
        would_change="More days of the same strategy, untried before; fewer trials next time.",
    )


def dsr(case: Case) -> Finding:
    """The probability that the true Sharpe ratio is over what luck gives to the best trial."""
    sample, rows, count = case.sample, trial_rows(case), trial_count(case)
    if not _is_stored(case, rows):
        return _undefined(f"{rows.shape[0]} of {case.trials.count} trials have their returns.")
    variance = float(daily_ratios(rows).var(ddof=1)) if rows.shape[0] >= 2 else 0.0
    found = deflated_sharpe(
        sample.returns,
        trials=count,
        trial_variance=variance,
        periods_per_year=sample.periods_per_year,
    )
    if found is None:
        return _undefined("The returns are too few or do not vary.")
    return judge(
        found.probability,
        what=f"The probability that the true Sharpe ratio is over {text(found.luck)}, what luck gives to "
        f"the best of {count},",
        at_least=case.asked.deflated_probability_min,
        would_change=_BETTER,
    )


def pbo(case: Case) -> Finding:
    """How often the best trial of one half of the days is in the lower half on the other days."""
    rows, asked = trial_rows(case), case.asked
    if rows.shape[0] < OVERFITTING_TRIALS_MIN or not _is_stored(case, rows):
        return settle(
            [
                lacking(
                    f"{rows.shape[0]} of {case.trials.count} trials have their returns; "
                    f"{OVERFITTING_TRIALS_MIN} are asked for.",
                    "A search over parameters.",
                )
            ],
            "",
        )
    found = overfitting(rows)
    if found is None:
        return _undefined("The trials have too few days.")
    value = found[0]
    is_lost = value > asked.overfitting_fail_over
    return judge(
        value,
        what=f"The probability of overfitting among {rows.shape[0]} trials",
        at_most=asked.overfitting_pass_max,
        otherwise=Verdict.FAIL if is_lost else Verdict.INSUFFICIENT,
        would_change="A search in which the best parameters stay good on other days.",
    )


# --- other data, other costs ----------------------------------------------------------------------------
def holdout(case: Case) -> Finding:
    """The Sharpe ratio on the days that nobody has seen, beside that on the others."""
    held, asked, rest = case.holdout, case.asked, case.sample
    wanted = max(asked.holdout_days_min, math.floor(HOLDOUT_SHARE * held.data_days))
    more = "New data, of which the last part stays unread."
    objections: list[Objection] = []
    if held.days < wanted:
        objections.append(lacking(f"The holdout has {held.days} of {wanted} days.", more))
    if held.read_by:
        objections.append(lacking(f"The holdout was read by run {held.read_by[0]}.", more))
    if held.daily is None:
        objections.append(lacking("The holdout is sealed.", "A request, which reads it once."))
    if objections or held.daily is None:
        return settle(objections, "")
    if held.daily.day_numbers[0] < case.backtest.daily.day_numbers[-1]:
        began = date(held.daily.day_numbers[0])
        return settle([contradicted(f"The backtest has read on after {began}.", more)], "")
    sample = sample_of(returns_of(held.daily), case.backtest.periods_per_year)
    if sample is None or sample.count < held.days:
        return _undefined("The holdout's returns are too few or do not vary.")
    wanted_sharpe = asked.holdout_share_min * rest.sharpe
    finding = judge(
        sample.sharpe,
        what=f"The Sharpe ratio of the {sample.count} unseen days",
        at_least=max(wanted_sharpe, 0.0),
        would_change="A strategy that stays good on data it was not made on.",
    )
    if finding.verdict is Verdict.PASS and not sample.sharpe > 0.0:
        return settle([contradicted("The unseen days earned nothing.", more)], "", value=0.0)
    return finding


def cost_stress(case: Case) -> Finding:
    """The Sharpe ratio with fees and slippage twice as high and one bar of delay."""
    stressed = case.stressed
    if (
        min(stressed.fees_percent, stressed.slippage_percent) < STRESS_PERCENT
        or stressed.delay_bars < STRESS_BARS
    ):
        objection = lacking(
            "Trading was not made dear enough, or it cost nothing at all.",
            "A backtest with costs ([fills.slippage], [fills.fees]), and one with twice as high ones.",
        )
        return settle([objection], "")
    sample = sample_of(returns_of(stressed.daily), case.backtest.periods_per_year)
    if sample is None:
        return _undefined("The stressed run has too few days, or days that do not vary.")
    return judge(
        sample.sharpe,
        what="The Sharpe ratio with costs x 2 and a bar of delay",
        at_least=case.asked.stressed_sharpe_min,
        would_change="A strategy that earns more per trade, or trades less.",
    )


def concentration(case: Case) -> Finding:
    """Whether a few days or one trade made the profit."""
    profits, asked = sorted(profits_of(case.backtest.daily)), case.asked
    total, fix = sum(profits), "Profit from more days and more trades."
    rest = sum(profits[:-BEST_DAYS])
    trades = case.backtest.trade_profits_minor + case.backtest.open_profits_minor
    largest = max(trades, default=0)
    if total <= 0:
        return settle([contradicted("There is no profit.", fix)], "")
    objections = []
    if rest <= 0:
        objections.append(
            contradicted(f"Without the {BEST_DAYS} best days there is no profit.", fix)
        )
    share = largest / total
    if share > asked.largest_trade_share_max:
        objections.append(contradicted(f"One trade made {text(share)} of the profit.", fix))
    passed = f"The largest trade made {text(share)} of the profit."
    return settle(objections, passed, value=share, threshold=asked.largest_trade_share_max)


def plausible(case: Case) -> Finding:
    """Results that are too good to be true."""
    sample, asked = case.sample, case.asked
    moved = sample.returns[sample.returns != 0.0]  # days without a position win nothing
    winning = float((moved > 0.0).mean())
    fix = "Find the error: look-ahead, a mark that is no price, free trades."
    objections = []
    if sample.sharpe > asked.plausible_sharpe_max:
        objections.append(
            contradicted(f"A Sharpe ratio of {text(sample.sharpe)} is hardly true.", fix)
        )
    if winning > asked.winning_days_share_max:
        objections.append(contradicted(f"{text(winning)} of the days that moved are winners.", fix))
    passed = f"A Sharpe ratio of {text(sample.sharpe)}, and {text(winning)} of days won."
    return settle(objections, passed, value=sample.sharpe, threshold=asked.plausible_sharpe_max)


def capacity(case: Case) -> Finding:
    """The Sharpe ratio when every order moves its market, and the largest share of volume."""
    backtest, asked = case.backtest, case.asked
    if backtest.orders is None:
        return _undefined("Volumes are not known.")
    returns = returns_of(backtest.daily)
    place = {day: n for n, day in enumerate(backtest.daily.day_numbers)}
    before = backtest.daily.equity_minor
    for order in backtest.orders:
        if not (order.adv_share >= 0.0 and order.sigma_day >= 0.0):
            raise ValueError("an order's share of volume or deviation is no number")
        day = place[order.day_number]
        impact = order.sigma_day * math.sqrt(order.adv_share)
        if day > 0:
            returns[day - 1] -= impact * order.value_minor / before[day - 1]
    sample = sample_of(returns, backtest.periods_per_year)
    if sample is None:
        return _undefined("With impact the returns are too few or do not vary.")
    largest = max((order.adv_share for order in backtest.orders), default=0.0)
    finding = judge(
        sample.sharpe,
        what=f"The Sharpe ratio with impact (largest order {text(largest)} of daily volume)",
        at_least=asked.capacity_sharpe_min,
        would_change="Smaller orders, or markets with more volume.",
    )
    if largest <= asked.capacity_adv_share_max:
        return finding
    return settle(
        [
            contradicted(
                f"An order is {text(largest)} of the daily volume; at most "
                f"{text(asked.capacity_adv_share_max)}.",
                "Smaller orders, or markets with more volume.",
            )
        ],
        "",
        value=finding.value,
        threshold=finding.threshold,
    )
