"""The statistical checks of paper trading, P01 to P06: does it do what the backtest does, at its cost?"""

from __future__ import annotations

from collections import Counter

import numpy as np

from engine.gate.evidence import DailySeries
from engine.gate.findings import Case, contradicted, judge, lacking, settle, text
from engine.gate.paper_days import paper_days
from engine.gate.statistics import (
    Floats,
    deepest_drawdown,
    drawdown_quantiles,
    returns_of,
    tracking_error,
    upper_confidence,
)
from engine.gate.verdicts import Finding


def shadow_decisions(case: Case) -> Finding:
    """Equal intents of paper and of a backtest over its tape, over all of both."""
    ours, shadow = case.paper.intents, case.paper.shadow_intents
    if ours is None or shadow is None:
        return settle(
            [
                lacking(
                    "No tape of this version was replayed.",
                    "Paper sessions of it that can be played again.",
                )
            ],
            "",
        )
    equal = (Counter(ours) & Counter(shadow)).total()
    union = (Counter(ours) | Counter(shadow)).total()
    if not union:
        return settle([lacking("Nothing was decided.", "Paper days with decisions.")], "")
    return judge(
        equal / union,
        what=f"The share of {union} intents that paper and shadow have in common",
        at_least=case.asked.intents_share_min,
        would_change="Find the first difference (`trader diff`), correct it, and trade on paper again.",
    )


def shortfall(case: Case) -> Finding:
    """What fills on paper cost more than in the shadow, in basis points; upper end of the 95 %."""
    costs, asked = case.paper.shortfalls_bps, case.asked
    count = 0 if costs is None else len(costs)
    if costs is None or count < asked.shortfall_fills_min:
        needed = asked.shortfall_fills_min
        value = None if costs is None or count < 2 else _finite_bound(costs)
        return settle(
            [lacking(f"{count} of {needed} fills.", f"{needed - count} more fills on paper.")],
            "",
            value=value,
            threshold=asked.shortfall_bps_max,
        )
    return judge(
        _finite_bound(costs),
        what=f"The upper confidence bound of the shortfall of {count} fills, in bps,",
        at_most=asked.shortfall_bps_max,
        would_change="Costs in the backtest as high as on paper, or cheaper execution.",
    )


def _finite_bound(costs: tuple[float, ...]) -> float:
    """Return the bound; that of fills which all cost the same is that cost."""
    if not np.isfinite(costs).all():
        raise ValueError("a shortfall is not a finite number")
    return upper_confidence(costs)


def tracking(case: Case) -> Finding:
    """How far the daily returns of paper and shadow are apart, in the shadow's deviations."""
    pair = _paired(case)
    if pair is None:
        return settle(
            [
                lacking(
                    "No tape of this version was replayed.",
                    "Paper sessions of it that can be played again.",
                )
            ],
            "",
        )
    ours, shadow = pair
    short = _too_few_days(case, ours)
    if short is not None:
        return short
    value = tracking_error(ours, shadow)
    if value is None:
        return settle([lacking("The shadow's returns do not vary.", "Paper days that do.")], "")
    return judge(
        value,
        what="The tracking error against the shadow",
        at_most=case.asked.tracking_max,
        would_change="Find what paper does otherwise than its shadow.",
    )


def _paired(case: Case) -> tuple[Floats, Floats] | None:
    ours, shadow = case.paper.daily, case.paper.shadow_daily
    if ours is None or shadow is None:
        return None
    if ours.day_numbers != shadow.day_numbers:
        raise ValueError("paper and shadow have different days")
    return returns_of(ours), returns_of(shadow)


def _paper_returns(case: Case) -> Floats:
    daily = case.paper.daily
    return returns_of(daily if daily is not None else DailySeries((), (), ()))


def _too_few_days(case: Case, returns: Floats) -> Finding | None:
    needed = case.asked.paper_days_min
    if returns.size >= needed:
        return None
    sentence = f"{returns.size} of {needed} daily returns on paper."
    return settle([lacking(sentence, "More paper days.")], "")


def consistency(case: Case) -> Finding:
    """How far the mean daily return on paper is from that of the backtest, in standard errors."""
    returns, sample = _paper_returns(case), case.sample
    short = _too_few_days(case, returns)
    if short is not None:
        return short
    error = sample.deviation / float(np.sqrt(returns.size))
    return judge(
        (float(returns.mean()) - sample.mean) / error,
        what=f"The mean of {returns.size} paper days, in standard errors from the backtest's,",
        at_least=case.asked.consistency_z_min,
        would_change="Find out why paper earns so much less; then paper days with what was changed.",
    )


def tape(case: Case) -> Finding:
    """Recorded bars that are the venue's, and no day's bars twice."""
    if case.is_rehearsal:
        return settle([lacking("A rehearsal's tape has no venue.", "A live feed.")], "")
    counted = [each.day_number for each in paper_days(case).counted]
    days = [each for each in case.paper.days if each.day_number in counted]
    seen: dict[str, int] = {}
    for day in days:
        for content in day.tape_hashes:
            if seen.setdefault(content, day.day_number) != day.day_number:
                fix = "Paper days whose tape is the venue's."
                return settle([contradicted("Two days have the same bars.", fix)], "")
    unknown = any(each.tape_bars is None or each.tape_agreeing is None for each in days)
    bars = sum(each.tape_bars or 0 for each in days)
    if unknown or not bars or not all(each.tape_hashes for each in days):
        return settle(
            [
                lacking(
                    "The tape was not fetched again.",
                    "The venue tells the bars of these days again.",
                )
            ],
            "",
        )
    return judge(
        sum(each.tape_agreeing or 0 for each in days) / bars,
        what=f"The share of {bars} recorded bars that are the venue's",
        at_least=case.asked.tape_share_min,
        would_change="A tape that is the venue's.",
    )


def drawdown_envelope(case: Case) -> Finding:
    """The drawdown on paper among those that the backtest's returns make in as many days."""
    returns, sample, asked = _paper_returns(case), case.sample, case.asked
    short = _too_few_days(case, returns)
    if short is not None:
        return short
    quantiles = drawdown_quantiles(
        sample.returns,
        seed=case.subject.seed,
        days=returns.size,
        quantile=asked.envelope_quantile_max,
    )
    return judge(
        deepest_drawdown(returns),
        what=f"The drawdown on paper over {returns.size} days, as a fraction,",
        at_most=float(quantiles[-1]),
        would_change=f"Paper days with a drawdown of at most {text(float(quantiles[-1]))}.",
    )
