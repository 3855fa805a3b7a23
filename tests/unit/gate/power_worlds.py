"""Searches of which the truth is known, through the gate: how many of the worthless does it let pass?

``python -m tests.unit.gate.power_worlds 1000`` prints the table of docs/explain/gate.md.
"""

from __future__ import annotations

import sys
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass

import msgspec
import numpy as np

from engine.gate.evaluate import evaluate
from engine.gate.evidence import Evidence
from engine.gate.findings import Case
from engine.gate.policy import Policy, Profile
from engine.gate.registry import CHECKS
from engine.gate.verdicts import Verdict
from tests.unit.gate.evidence_worlds import (
    FRIDAY,
    HOLDOUT_DAYS,
    Floats,
    approved,
    changed,
    evidence_of,
    good_backtest,
    passing,
    series,
    trials_of,
)

DAYS = 504
DEVIATION = 0.01
COST = 0.0001  # of a day, that dearer trading takes


@dataclass(frozen=True)
class World:
    """A search's trials as rows of daily returns, and the best of them on the days nobody has seen."""

    rows: Floats
    best: Floats
    unseen: Floats


def worlds(
    *,
    sharpe: float,
    trials: int,
    runs: int,
    seed: int,
    correlation: float = 0.0,
    good: int | None = None,
) -> Iterator[World]:
    """Yield searches among normal trials, any two with this correlation.

    The first `good` of them (all where it is None) have the true annual ratio `sharpe`, the others 0.
    """
    rng = np.random.default_rng(seed)
    means = np.zeros(trials)
    means[:good] = sharpe * DEVIATION / np.sqrt(252)
    for _ in range(runs):
        own, common = rng.normal(size=(trials, DAYS)), rng.normal(size=DAYS)
        mixed = np.sqrt(1 - correlation) * own + np.sqrt(correlation) * common
        rows = means[:, np.newaxis] + DEVIATION * mixed
        best = int((rows.mean(axis=1) / rows.std(axis=1)).argmax())
        yield World(rows, rows[best], rng.normal(means[best], DEVIATION, HOLDOUT_DAYS))


def backtest_case(world: World) -> Case:
    """What the checks of the backtest look at; everything else is left out."""
    evidence = msgspec.structs.replace(
        _BARE, backtest=good_backtest(world.best), trials=trials_of(world.rows, holdout_looks=0)
    )
    return Case(evidence, Policy())


_BARE = msgspec.structs.replace(passing(), **dict.fromkeys(Evidence.__struct_fields__[3:]))


def whole_evidence(world: World) -> Evidence:
    """The search with the world's own holdout and dearer trading; all else passes."""
    evidence = evidence_of(world.best, world.rows)
    evidence = changed(evidence, "holdout.daily", series(world.unseen, ends=FRIDAY))
    return approved(changed(evidence, "stressed.daily", series(world.best - COST)))


def verdicts(check_id: str, found: Iterator[World]) -> Counter[Verdict]:
    """Count a check's verdicts over worlds."""
    check = next(each.check for each in CHECKS if each.id == check_id)
    return Counter(check(backtest_case(world)).verdict for world in found)


def passes(found: Iterator[World]) -> dict[str, int]:
    """Count the worlds whose best trial has a plain ratio of 1, and those that a profile lets pass."""
    counts = Counter[str]()
    for world in found:
        report = evaluate(whole_evidence(world), Policy(profile=Profile.STRICT))
        passed = [each.id for each in report.checks if each.verdict is Verdict.PASS]
        counts["plain"] += "R01" in passed
        for profile in Profile:
            required = [each.id for each in CHECKS if profile in each.profiles]
            counts[profile.value] += set(required) <= set(passed)
        assert (report.overall is Verdict.PASS) is (set(required) <= set(passed))
    return counts


SEARCHES = (
    ("worthless, tried once", 0.0, 1, None),
    ("the best of 20 worthless ones", 0.0, 20, None),
    ("the best of 100 worthless ones", 0.0, 100, None),
    ("true ratio 1, tried once", 1.0, 1, None),
    ("true ratio 2, tried once", 2.0, 1, None),
    ("true ratio 3, tried once", 3.0, 1, None),
    ("the best of 20, one of which has 2", 2.0, 20, 1),
    ("the best of 20, one of which has 3", 3.0, 20, 1),
    ("the best of 20, all of which have 2", 2.0, 20, None),
    ("the best of 100, one of which has 3", 3.0, 100, 1),
)


def main(runs: int) -> None:
    """Print how many of so many searches pass."""
    print("| two years of | plain ratio >= 1 | `standard` | `strict` |")
    print("|---|---|---|---|")
    for name, sharpe, trials, good in SEARCHES:
        counts = passes(worlds(sharpe=sharpe, trials=trials, runs=runs, seed=1, good=good))
        told = [f"{counts[rule] / runs:.1%}" for rule in ("plain", "standard", "strict")]
        print(f"| {name} | {' | '.join(told)} |", flush=True)


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 100)
