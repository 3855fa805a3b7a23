"""What must hold between the keys of the trading loop."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from runtime.config.problems import Problem
from runtime.config.relations import SIZES_BY_SIGNAL

if TYPE_CHECKING:
    from runtime.config.schema import RulesTable, StrategyFile


def check_trading(file: StrategyFile) -> Iterator[Problem]:
    """Yield everything that is wrong between the trading loop's keys."""
    if file.rules is not None:
        yield from _rules(file.rules)
    yield from _sizes(file)
    yield from _entries(file)
    yield from _risk(file)
    yield from _exits(file)
    yield from _guards(file)


def _rules(rules: RulesTable) -> Iterator[Problem]:
    if rules.edge is not None and rules.probability is not None:
        yield Problem(("rules", "probability"), "edge and probability are given", "keep one")


def _sizes(file: StrategyFile) -> Iterator[Problem]:
    sizing, rules = file.sizing, file.rules
    key = ("sizing", "method")
    if sizing.volatility is not None and rules is None:
        place = ("sizing", "volatility")
        yield Problem(place, "volatility is a formula", "it belongs to a strategy with [rules]")
    if sizing.method in SIZES_BY_SIGNAL and rules is not None and rules.weight is not None:
        return  # said of every method that is not target_weights
    match sizing.method:
        case "kelly":
            if sizing.fraction is not None and sizing.fraction > 1:
                place = ("sizing", "fraction")
                yield Problem(
                    place, f"{sizing.fraction} is over 1", "kelly takes at most all of it"
                )
            if rules is not None and not _can_kelly(file, rules):
                yield Problem(key, "kelly does not know the odds", _KELLY_NEEDS)
        case "fixed_fraction":
            if sizing.fraction is None:
                place = ("sizing", "fraction")
                yield Problem(place, "fraction is missing", "fixed_fraction needs fraction = ...")
            if not _has_stop(file):
                yield Problem(key, "there is no stop to risk the fraction to", _STOP_NEEDS)
        case "vol_target":
            for name in ("target_volatility_percent", "volatility"):
                if getattr(sizing, name) is None and (rules is not None or name != "volatility"):
                    place = ("sizing", name)
                    yield Problem(place, f"{name} is missing", f"vol_target needs {name} = ...")


_KELLY_NEEDS = (
    "give rules.probability; or rules.confidence, target_price and a stop; or rules.edge and "
    "sizing.volatility"
)
_STOP_NEEDS = "give execution.stop_loss_percent, or a table [exits]"


def _can_kelly(file: StrategyFile, rules: RulesTable) -> bool:
    sizing = file.sizing
    can = {
        "binary": rules.probability is not None,
        "odds": rules.confidence is not None and rules.target_price is not None and _has_stop(file),
        "continuous": rules.edge is not None and sizing.volatility is not None,
    }
    return any(can.values()) if sizing.form is None else can[sizing.form]


def _has_stop(file: StrategyFile) -> bool:
    exits = file.exits
    has_exit = exits is not None and exits.enabled and exits.stop_loss.enabled
    return has_exit or file.execution.stop_loss_percent is not None


def _entries(file: StrategyFile) -> Iterator[Problem]:
    execution = file.execution
    for name, owner in (("retries", "retry"), ("walks", "walk")):
        if getattr(execution, name) is not None and execution.on_timeout != owner:
            remedy = f'say on_timeout = "{owner}", or remove it'
            yield Problem(("execution", name), f"{name} belongs to {owner}", remedy)


def _risk(file: StrategyFile) -> Iterator[Problem]:
    risk = file.risk
    if risk is None:
        return
    if risk.min_returns > risk.correlation_window:
        yield Problem(
            ("risk", "min_returns"),
            f"{risk.min_returns} returns do not fit in a window of {risk.correlation_window}",
        )
    seen: dict[str, str] = {}
    for name, group in risk.groups.items():
        for symbol in group:
            if symbol in seen:
                place = ("risk", "groups", name)
                yield Problem(place, f"{symbol} is in {seen[symbol]} already", "name it once")
            seen[symbol] = name


def _exits(file: StrategyFile) -> Iterator[Problem]:
    exits = file.exits
    if exits is None:
        return
    trail = exits.trailing_stop
    if trail.least_percent > trail.distance_percent:
        yield Problem(
            ("exits", "trailing_stop", "least_percent"),
            f"{trail.least_percent} is over distance_percent, {trail.distance_percent}",
        )
    is_breaker_on = exits.enabled and exits.circuit_breaker.enabled
    if file.guards is not None and not is_breaker_on:
        yield Problem(
            ("exits", "circuit_breaker", "enabled") if exits.enabled else ("exits", "enabled"),
            "the guards close positions by circuit_breaker",
            "leave it on, or remove [guards]",
        )


def _guards(file: StrategyFile) -> Iterator[Problem]:
    guards = file.guards
    if guards is None:
        return
    drawdown, tiers = guards.drawdown, guards.tiers
    if drawdown.reset_percent is not None and drawdown.reset_percent > drawdown.percent:
        yield Problem(
            ("guards", "drawdown", "reset_percent"),
            f"{drawdown.reset_percent} is over percent, {drawdown.percent}",
            "equity must have recovered before entries",
        )
    if not tiers.sniper < tiers.hunter < tiers.strategist:
        yield Problem(("guards", "tiers"), "sniper, hunter and strategist do not ascend")
