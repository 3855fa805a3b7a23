"""Strategies side by side are each what they are alone."""

from __future__ import annotations

from pathlib import Path

import pytest

from data.samples import load_sample
from engine.errors import InputError
from runtime.backtest import run_backtest
from runtime.backtest.many import run_many
from runtime.config import StrategyConfig, parse_strategy

RULES = """
[strategy]
name = "many"
[parameters]
fast = 10
slow = 30
[data]
dataset = "sample:goog"
[rules]
entry = "cross_above(sma(close, fast), sma(close, slow))"
exit = "cross_below(sma(close, fast), sma(close, slow))"
"""
LOOP = """
[risk]
max_quote_age = "1d"
[exits]
[guards]
"""


def strategies() -> list[StrategyConfig]:
    return [
        parse_strategy(RULES, Path("many.toml")),
        parse_strategy(RULES + LOOP, Path("many.toml")),
        parse_strategy(RULES, Path("many.toml")).with_parameters({"fast": 5}),
        parse_strategy(RULES + LOOP, Path("many.toml")).with_parameters({"slow": 60}),
    ]


def test_none_feels_another() -> None:
    history = load_sample("sample:goog")
    alone = [run_backtest(each, history=history) for each in strategies()]
    told: list[tuple[int, int]] = []
    beside = run_many(strategies(), history=history, progress=lambda *done: told.append(done))
    assert [each.state_hash for each in beside] == [each.state_hash for each in alone]
    assert len({each.state_hash for each in beside}) == 4
    assert told[-1][0] == told[-1][1]


def test_an_engine_that_is_not_there_is_refused() -> None:
    with pytest.raises(InputError, match="engine must be one of"):
        run_many(strategies(), history=load_sample("sample:goog"), engine="fast")
