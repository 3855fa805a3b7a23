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
    """The daily returns of a search's trials, and of its best one on the days that nobody has seen."""

    rows: Floats
    unseen: Floats

    @property
    def best(self) -> Floats:
        """The trial with the highest ratio."""
        ratios = self.rows.mean(axis=1) / self.rows.std(axis=1)
        best: Floats = self.rows[int(ratios.argmax())]
        return best


def worlds(
    *, sharpe: float, trials: int, runs: int, seed: int, correlation: float = 0.0
) -> Iterator[World]:
    """Yield searches among normal trials, each with this true annual ratio and pairwise correlation."""
    rng = np.random.default_rng(seed)
    mean = sharpe * DEVIATION / np.sqrt(252)
    for _ in range(runs):
        own, common = rng.normal(size=(trials, DAYS)), rng.normal(size=DAYS)
        mixed = np.sqrt(1 - correlation) * own + np.sqrt(correlation) * common
        yield World(mean + DEVIATION * mixed, rng.normal(mean, DEVIATION, HOLDOUT_DAYS))


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


def main(runs: int) -> None:
    """Print how many of so many searches pass."""
    print("| true ratio | trials | plain ratio >= 1 | `standard` | `strict` |")
    print("|---|---|---|---|---|")
    for sharpe in (0.0, 1.0, 2.0, 3.0):
        for trials in (1, 20, 100):
            counts = passes(worlds(sharpe=sharpe, trials=trials, runs=runs, seed=1))
            told = [f"{counts[name] / runs:.1%}" for name in ("plain", "standard", "strict")]
            print(f"| {sharpe:g} | {trials} | {' | '.join(told)} |", flush=True)


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 100)
