"""Live years of which the truth is known, through the monitors: how often do they alarm, and how soon?

``python -m tests.unit.gate.drift_worlds 1000`` prints the table of docs/explain/gate.md.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator

import numpy as np

from engine.gate.drift import PROBATION_DAYS, Baseline, DriftState, LiveDay, baseline_of, follow
from tests.unit.gate.evidence_worlds import START_MINOR, Floats, earning, evidence_of

YEAR = 252
DEVIATION = 0.01


def lives(*, sharpe: float, spread: float, runs: int, seed: int) -> Iterator[Floats]:
    """Yield years of daily returns with this true annual ratio of before, `spread` times as volatile."""
    rng = np.random.default_rng(seed)
    mean = sharpe * DEVIATION / np.sqrt(YEAR)
    yield from rng.normal(mean, spread * DEVIATION, size=(runs, YEAR))


def first_alarms(baseline: Baseline, returns: Floats, cost_bps: float) -> dict[str, int]:
    """Return each monitor's first day of alarm; a fill a day costs so much, give or take 1 bp."""
    state, first = DriftState(), dict[str, int]()
    costs = cost_bps + np.sin(np.arange(returns.size) * 2.4)
    for number, (earned, cost) in enumerate(zip(returns.tolist(), costs.tolist(), strict=True), 1):
        day = LiveDay(
            day_number=number,
            equity_before_minor=START_MINOR,
            equity_minor=START_MINOR + round(earned * START_MINOR),
            shortfalls_bps=(cost,),
        )
        state, alarms = follow(baseline, state, day)
        for alarm in alarms:
            first.setdefault(alarm.monitor, number)
    return first


CASES = (
    ("as the backtest: a ratio of 2", 2.0, 1.0, 0.75),
    ("the edge is gone: 0", 0.0, 1.0, 0.75),
    ("it has turned: -2", -2.0, 1.0, 0.75),
    ("it loses a deviation every third day: -6", -6.0, 1.0, 0.75),
    ("the same mean, twice as volatile", 2.0, 2.0, 0.75),
    ("a ratio of 2, fills 2 bps dearer", 2.0, 1.0, 2.75),
    ("a ratio of 2, fills 5 bps dearer", 2.0, 1.0, 5.75),
)


MONITORS = ("fast", "sprt", "slow", "cost", "drawdown")


def main(runs: int) -> None:
    """Print how many probations and years have an alarm, of any monitor and of each."""
    baseline = baseline_of(evidence_of(earning(2.0, days=1_260)))
    print(f"| what live trading is | in 60 days | in 252 | median day | {' | '.join(MONITORS)} |")
    print("|---|---|---|---|---|---|---|---|---|")
    for name, sharpe, spread, cost in CASES:
        years = lives(sharpe=sharpe, spread=spread, runs=runs, seed=1)
        found = [first_alarms(baseline, returns, cost) for returns in years]
        days = [min(each.values()) for each in found if each]
        early = sum(day <= PROBATION_DAYS for day in days) / runs
        middle = f"{np.median(days):.0f}" if days else "-"
        each_of = " | ".join(
            f"{sum(monitor in first for first in found) / runs:.0%}" for monitor in MONITORS
        )
        print(
            f"| {name} | {early:.0%} | {len(days) / runs:.0%} | {middle} | {each_of} |", flush=True
        )


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 100)
