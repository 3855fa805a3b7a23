"""Random strategies through the gate: how many of them would have been promoted.

``python -m benchmarks.noise --strategies 1000`` draws rules of the language, runs each through the real
backtest with costs, again with dearer trading and once over what was held out, and asks the gate under
``standard``. Paper, broker, account and all else are a fixture that passes, so what is counted is what
statistics alone let through. No strategy knows anything: on a random walk each that passes is a mistake,
and on a real stock a strategy may have what the stock itself has earned.

Each is judged twice: as a family of its own that was tried once, and as one of a search over its market,
all of whose trials count.
"""

from __future__ import annotations

import argparse
import random
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import islice
from pathlib import Path

import msgspec
import numpy as np

from data.history import History
from engine.gate.evaluate import evaluate
from engine.gate.evidence import Backtest, Evidence, Stressed, Trials, pack_returns
from engine.gate.findings import Case
from engine.gate.policy import Policy, Profile
from engine.gate.registry import CHECKS
from engine.gate.statistics import Floats, returns_of
from engine.gate.verdicts import Report, Verdict
from runtime.backtest import run_backtest
from runtime.backtest.histories import load_history
from runtime.config import StrategyConfig, parse_strategy
from runtime.promotion.evidence.series import daily_series, trade_profits
from runtime.promotion.evidence.stress import stressed
from runtime.promotion.evidence.tested import holdout_of, looked_at
from runtime.store.identity import code_of
from tests.unit.gate.evidence_worlds import approved, passing

POLICY = Policy(profile=Profile.STANDARD)
REQUIRED = [each.id for each in CHECKS if POLICY.profile in each.profiles]
_WALKS = 20
_NOWHERE = Path()  # the markets here are in no catalog

# What costs are in examples/sma_cross.toml.
_FILE = """
[strategy]
name = "random_rules"
[data]
dataset = "{dataset}"
holdout = {holdout}
{world}
[rules]
entry = "{entry}"
exit = "{exit}"
[sizing]
method = "equal_weight"
fraction = 0.95
[account]
cash = 100_000
[fills.slippage]
model = "bps"
value = 2
[fills.fees]
model = "per_share"
per_unit = 0.005
minimum = 1.00
"""


@dataclass(frozen=True)
class Market:
    """A dataset, with the day from which its last fifth is held out."""

    dataset: str
    holdout: str
    world: str = ""


def markets(seed: int) -> dict[str, list[Market]]:
    """Return the real stock, and random walks of five years that earn nothing on average.

    There are several walks: on one of them all strategies would share its luck.
    """
    walk = "[data.world]\nseed = {}\nlength = 1260\ndrift_per_year = 0.0"
    return {
        "GOOG, 2004 to 2008": [Market("sample:goog", "2007-12-14")],
        f"{_WALKS} random walks": [
            Market("world:daily_bars", "2024-01-02", walk.format(_WALKS * seed + number))
            for number in range(_WALKS)
        ],
    }


# --- strategies ---------------------------------------------------------------------------------------
def rule(rng: random.Random) -> str:
    """Draw a condition: one comparison of indicators and thresholds, or two of them."""
    one = _comparison(rng)
    if rng.random() < 0.5:
        return one
    return f"{one} {rng.choice(('and', 'or'))} {_comparison(rng)}"


def _comparison(rng: random.Random) -> str:
    n, k = rng.randint(2, 100), rng.randint(2, 20)
    average, other = rng.choice(("sma", "ema", "wma")), rng.choice(("sma", "ema"))
    sign = rng.choice("<>")
    drawn = (
        f"close {sign} {average}(close, {n})",
        f"{average}(close, {k}) {sign} {other}(close, {n + 1})",
        f"{rng.choice(('cross_above', 'cross_below'))}(close, {average}(close, {n}))",
        f"rsi(close, {k}) {sign} {rng.randint(15, 85)}",
        f"roc(close, {n}) {sign} {rng.randint(-15, 15)}",
        f"zscore(close, {n + 3}) {sign} {rng.uniform(-2, 2):.2f}",
        f"close {sign} {rng.choice(('bollinger_upper', 'bollinger_lower'))}(close, {n + 3}, 1.5)",
        f"close {sign}= {'highest' if sign == '>' else 'lowest'}(close, {n})",
        f"stochastic_k({k}) {sign} {rng.randint(10, 90)}",
        f"adx({k}) {sign} {rng.randint(10, 40)}",
        f"cci({n + 3}) {sign} {rng.randint(-150, 150)}",
        f"volatility(close, {k + 3}) {sign} volatility(close, {n + 20})",
        f"volume {sign} sma(volume, {n})",
    )
    return rng.choice(drawn)


def strategies(market: Market, seed: int) -> Iterator[StrategyConfig]:
    """Yield random strategies, each of another family."""
    rng, known = random.Random(seed), set[str]()
    while True:
        text = _FILE.format(
            dataset=market.dataset,
            holdout=market.holdout,
            world=market.world,
            entry=rule(rng),
            exit=rule(rng),
        )
        config = parse_strategy(text, Path("random_rules.toml"))
        digest = code_of(config).digest
        if digest not in known:
            known.add(digest)
            yield config


# --- evidence -----------------------------------------------------------------------------------------
def evidence_of(config: StrategyConfig, history: History, whole: History) -> Evidence:
    """Return what the gate is told of a strategy that was tried once."""
    result = run_backtest(config, history=history)
    daily = daily_series(result.pessimistic)
    dear = daily_series(run_backtest(stressed(config), history=history).pessimistic)
    held = holdout_of(config, whole)
    assert held is not None
    good = passing()
    assert good.backtest is not None
    backtest = msgspec.structs.replace(
        good.backtest, daily=daily, trade_profits_minor=trade_profits(result), orders=None
    )
    return msgspec.structs.replace(
        good,
        backtest=backtest,
        trials=trials_of(daily.day_numbers, returns_of(daily)[np.newaxis]),
        holdout=looked_at(config, held, whole),
        stressed=Stressed(fees_percent=200, slippage_percent=200, delay_bars=1, daily=dear),
    )


def trials_of(days: Sequence[int], rows: Floats) -> Trials:
    """Return trials that all have their returns, with one look at what was held out."""
    return Trials(
        count=len(rows),
        failed_attempts=0,
        holdout_looks=1,
        day_numbers=tuple(days[1:]),
        returns=pack_returns(rows),
    )


def missed(report: Report) -> list[str]:
    """Return the required checks that do not pass."""
    return [
        each.id for each in report.checks if each.is_required and each.verdict is not Verdict.PASS
    ]


@dataclass(frozen=True)
class Outcome:
    """A strategy: its evidence, whether the plain rule lets it pass, and what the gate has missed."""

    evidence: Evidence
    is_plain: bool
    missed: list[str]


def outcome_of(evidence: Evidence) -> Outcome:
    """Ask the gate."""
    report = evaluate(approved(evidence), POLICY)
    plain = next(each for each in report.checks if each.id == "R01")
    return Outcome(evidence, plain.verdict is Verdict.PASS, missed(report))


def searched(outcomes: Sequence[Outcome]) -> list[Outcome]:
    """Return the same with all of them as trials of one search, which only S05 looks at."""
    first = _backtest(outcomes[0].evidence)
    rows = np.array([returns_of(_backtest(each.evidence).daily) for each in outcomes])
    trials = trials_of(first.daily.day_numbers, rows)
    selection = next(each.check for each in CHECKS if each.id == "S05")
    found = []
    for each in outcomes:
        evidence = msgspec.structs.replace(each.evidence, trials=trials)
        others = [name for name in each.missed if name != "S05"]
        try:
            is_good = selection(Case(evidence, POLICY)).verdict is Verdict.PASS
        except Exception:  # noqa: BLE001  as the gate does: what cannot be judged does not pass
            is_good = False
        found.append(replace(each, missed=others if is_good else [*others, "S05"]))
    for each in found:
        if not each.missed:  # what would pass is judged whole
            evidence = msgspec.structs.replace(each.evidence, trials=trials)
            assert not missed(evaluate(approved(evidence), POLICY))
    return found


def _backtest(evidence: Evidence) -> Backtest:
    assert evidence.backtest is not None
    return evidence.backtest


# --- tables -------------------------------------------------------------------------------------------
def row(name: str, outcomes: Sequence[Outcome]) -> str:
    """Return a line: how many traded and passed, and how many of the plain ones each check stopped."""
    plain = [each for each in outcomes if each.is_plain]
    stops = Counter(name for each in plain for name in each.missed)
    told = ", ".join(f"{check} {count}" for check, count in stops.most_common())
    passed = sum(not each.missed for each in outcomes)
    traded = sum(bool(_backtest(each.evidence).trade_profits_minor) for each in outcomes)
    return f"| {name} | {len(outcomes)} | {traded} | {len(plain)} | {passed} | {told or '-'} |"


def main(strategies_count: int, seed: int) -> None:
    """Print the table; of several markets each is searched alone."""
    print(
        "| market | strategies | traded | Sharpe >= 1 | `standard` | of those with Sharpe >= 1, stopped by |"
    )
    print("|---|---|---|---|---|---|", flush=True)
    for name, places in markets(seed).items():
        alone: list[Outcome] = []
        together: list[Outcome] = []
        count = -(-strategies_count // len(places))
        for place, market in enumerate(places):
            drawn = list(islice(strategies(market, seed + place), count))
            history = load_history(drawn[0].data, _NOWHERE)
            whole = load_history(drawn[0].data.unsealed(), _NOWHERE)
            outcomes = [outcome_of(evidence_of(each, history, whole)) for each in drawn]
            alone += outcomes
            together += searched(outcomes)
        print(row(f"{name}, each tried once", alone), flush=True)
        print(row(f"{name}, as searches of {count}", together), flush=True)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--strategies", type=int, default=1_000)
    parser.add_argument("--seed", type=int, default=1)
    arguments = parser.parse_args()
    main(arguments.strategies, arguments.seed)
