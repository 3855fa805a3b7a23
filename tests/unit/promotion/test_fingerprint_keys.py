"""Every key of a strategy file: it changes the fingerprint, or it decides nothing."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Literal, get_args, get_origin

import pytest

from engine.errors import InputError
from runtime.config.locate import Key
from runtime.config.schema import StrategyFile
from runtime.config.wording import fields_of, model_in
from runtime.promotion.fingerprint import Fingerprint, differences, fingerprint_of
from tests.unit.config.strategy_texts import parse
from tests.unit.config.test_every_key import keys

BASE: dict[Key, str] = {
    ("strategy", "name"): '"base"',
    ("data", "dataset"): '"world:minute_bars"',
    ("rules", "entry"): '"close > 1"',
    **{(name,): "{}" for name in ("signals", "risk", "exits", "guards", "monitoring")},
}
# What names, describes, bounds what may be searched, or says on which part of history.
DECIDES_NOTHING = (
    "strategy.description", "parameters.some.min", "parameters.some.max", "parameters.some.step",
    "parameters.some.description", "data.start", "data.end", "data.holdout", "data.benchmark",
    "data.world",
)  # fmt: skip
VALUES = (
    "1", "2", "7", "20", "200", "600", "0.5", "0.7", "true", "false", '"a name"', '["A"]', '"close > 2"', '"close > 3"',
    '"close"', '"volume"', '"2m"', '"90s"', '"100ms"', '"off"', '"world:quotes"', '"A"', '{ A = "B" }', '{ A = "C" }', '{ a = ["B"] }', '{ b = ["B"] }', '["B"]', '"40s"', '"10m"',
    "{ default = 3 }", "[[10, 50], [20, 25]]", "[[10, 50], [30, 25]]", "120", "3000", "20000",
)  # fmt: skip
# Keys that need others beside them: these, and two values.
WITH: dict[str, tuple[dict[str, str], str, str]] = {
    "rules.short_exit": ({"rules.short_entry": '"close < 1"'}, '"close > 3"', '"close > 4"'),
    "rules.weight": ({"rules.entry": ""}, '"0.5"', '"0.6"'),
    "rules.rebalance": ({"rules.entry": "", "rules.weight": '"0.5"'}, '"daily"', '"weekly"'),
    "sizing.method": (
        {"sizing.fraction": "0.01"}, '"equal_weight"', '"fixed_fraction"',
    ),
    "sizing.quantity": ({"sizing.method": '"fixed_quantity"'}, "1", "2"),
    "sizing.notional": ({"sizing.method": '"fixed_notional"'}, "1", "2"),
    "sizing.form": (
        {"sizing.method": '"kelly"', "rules.edge": '"0.1"', "sizing.volatility": '"0.2"',
         "rules.target_price": '"close"', "rules.confidence": '"0.6"'},
        '"continuous"',
        '"odds"',
    ),
    "sizing.sample": (
        {"sizing.method": '"kelly"', "rules.edge": '"0.1"', "sizing.volatility": '"0.2"'}, "5", "6",
    ),
    "sizing.target_volatility_percent": (
        {"sizing.method": '"vol_target"', "sizing.volatility": '"0.2"'}, "5", "6",
    ),
    "sizing.volatility": (
        {"sizing.method": '"vol_target"', "sizing.target_volatility_percent": "5"}, '"0.2"', '"0.3"',
    ),
    "execution.retries": ({"execution.on_timeout": '"retry"'}, "2", "4"),
    "execution.walks": ({"execution.on_timeout": '"walk"'}, "2", "4"),
    "account.currency": ({}, '"EUR"', '"CHF"'),
    "fills.slippage.model": ({"fills.slippage.value": "1"}, '"bps"', '"fixed"'),
    "fills.slippage.value": ({"fills.slippage.model": '"bps"'}, "1", "2"),
    "fills.fees.model": ({}, '"none"', '"bps"'),
    "fills.fees.maker_bps": ({"fills.fees.model": '"bps"', "fills.fees.taker_bps": "1"}, "1", "2"),
    "fills.fees.taker_bps": ({"fills.fees.model": '"bps"', "fills.fees.maker_bps": "1"}, "1", "2"),
    "fills.fees.per_unit": ({"fills.fees.model": '"per_share"'}, "1", "2"),
    "fills.fees.minimum": (
        {"fills.fees.model": '"per_share"', "fills.fees.per_unit": "1"}, "1", "2",
    ),
    "fills.fees.maximum_fraction": (
        {"fills.fees.model": '"per_share"', "fills.fees.per_unit": "1"}, "0.1", "0.2",
    ),
    "fills.fees.taker_rate": ({"fills.fees.model": '"kalshi"'}, "0.1", "0.2"),
    "fills.fees.maker_rate": ({"fills.fees.model": '"kalshi"'}, "0.1", "0.2"),
    "risk.correlation_window": ({"risk.min_returns": "5"}, "30", "40"),
    "exits.circuit_breaker.enabled": ({"guards": ""}, "true", "false"),
    "exits.enabled": ({"guards": ""}, "true", "false"),
}  # fmt: skip
ELSEWHERE = ("strategy.class", "strategy.compiled")  # they need files


def leaves() -> Iterator[str]:
    """Yield every key that holds a value and decides."""
    for key in keys(StrategyFile):
        name = ".".join(key)
        has_keys = model_in(annotation(key)) is not None
        if not has_keys and not name.startswith(DECIDES_NOTHING) and name not in ELSEWHERE:
            yield name


def annotation(key: Key) -> object:
    """Return the type of a key's value."""
    model, found = StrategyFile, None
    for part in key:
        field = dict(fields_of(model)).get(part)
        if field is not None:  # a name of a parameter is none
            found = field.annotation
            model = model_in(found) or model
    return found


def words(found: object) -> Iterator[str]:
    """Yield the words that a type accepts, as TOML."""
    if get_origin(found) is Literal:
        yield from (f'"{each}"' for each in get_args(found) if isinstance(each, str))
    for each in get_args(found):
        yield from words(each)


def fingerprint(given: dict[str, str]) -> Fingerprint:
    """Return that of the base file with some keys put in; an empty text leaves one out."""
    lines = {tuple(name.split(".")): text for name, text in given.items()}
    kept = {
        path: text
        for path, text in BASE.items()
        if not any(key[: len(path)] == path or path[: len(key)] == key for key in lines)
    }
    written = [f"{'.'.join(key)} = {text}" for key, text in {**kept, **lines}.items() if text]
    return fingerprint_of(parse("\n".join(written)))


def of_values(name: str) -> Iterator[Fingerprint]:
    """Yield the fingerprints with each value of a key that is accepted."""
    beside, *values = WITH.get(name, ({}, *words(annotation(tuple(name.split(".")))), *VALUES))
    assert isinstance(beside, dict)
    for value in values:
        assert isinstance(value, str)
        try:
            yield fingerprint({**beside, name: value})
        except InputError:
            assert name not in WITH, "a value that is not accepted shows nothing"


@pytest.mark.parametrize("name", list(leaves()))
def test_a_key_that_decides_changes_the_fingerprint(name: str) -> None:
    found = of_values(name)
    first = next(found)
    second = next(each for each in found if each.core != first.core)
    (told, *more) = differences(first, second)
    table = name.partition(".")[0]
    renamed = {
        "strategy.name": "the strategy is",
        "data.dataset": "the instruments are",
        "data.instruments": "the instruments are",
    }
    assert renamed.get(name, "") in told or f"[{table}]" in told or table == "execution"
    assert len(more) <= 3, "one key is not told as many"


@pytest.mark.parametrize("name", [name for name in DECIDES_NOTHING if "parameters" not in name])
def test_a_key_that_decides_nothing_leaves_the_fingerprint(name: str) -> None:
    values = {
        "data.world": "{ seed = 5 }",
        "strategy.description": '"words"',
        "data.benchmark": '"A"',
    }
    value = values.get(name, "2020-01-01")
    assert fingerprint({name: value}).core == fingerprint({}).core


def test_a_parameters_bounds_decide_nothing_and_its_value_does() -> None:
    bounds = "{ default = 3, min = 1, max = 9, step = 1, description = 'days' }"
    plain = fingerprint({"parameters.fast": "3"})
    assert fingerprint({"parameters.fast": bounds}).core == plain.core
    changed = fingerprint({"parameters.fast": "4"})
    assert differences(plain, changed) == ["[parameters] fast was changed: 4, it was 3"]
