"""Data that are held out: nobody reads them but the promotion gate."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from engine.errors import ConfigError
from runtime.backtest.run import run_backtest
from runtime.config import StrategyConfig, parse_strategy
from runtime.config.moments import moment_to_ns

SEALED = "2008-01-01"


def strategy(data: str = "") -> StrategyConfig:
    text = f"""
[strategy]
name = "held-out"
[data]
dataset = "sample:goog"
{data}
[rules]
entry = "close > sma(close, 10)"
exit = "close < sma(close, 10)"
"""
    return parse_strategy(text, path=Path("held_out.toml"))


@pytest.mark.parametrize(
    ("data", "start", "end", "reads_until", "unsealed_until"),
    [
        ("", None, None, None, None),
        (f"holdout = {SEALED}", None, None, SEALED, None),
        (f"holdout = {SEALED}\nend = 2008-06-01", None, None, SEALED, "2008-06-01"),
        (f"holdout = {SEALED}\nend = 2007-06-01", None, None, "2007-06-01", "2007-06-01"),
        (f"holdout = {SEALED}", None, "2008-06-01", SEALED, "2008-06-01"),
        (f"holdout = {SEALED}", None, "2007-06-01", "2007-06-01", "2007-06-01"),
        (f"holdout = {SEALED}", "2006-01-01", None, SEALED, None),
    ],
)
def test_what_a_run_reads_and_what_the_gate_reads(
    data: str, start: str | None, end: str | None, reads_until: str, unsealed_until: str
) -> None:
    config = strategy(data).with_data(
        start_ns=None if start is None else moment_to_ns(start),
        end_ns=None if end is None else moment_to_ns(end),
    )
    assert config.data.end_ns == (reads_until and moment_to_ns(reads_until))
    assert config.data.unsealed().end_ns == (unsealed_until and moment_to_ns(unsealed_until))


def test_a_backtest_ends_before_what_is_held_out() -> None:
    config = strategy(f"holdout = {SEALED}")
    sealed = run_backtest(config, engine="interpreted")
    ended = run_backtest(strategy(f"end = {SEALED}"), engine="interpreted")
    whole = run_backtest(replace(config, data=config.data.unsealed()), engine="interpreted")
    assert sealed.state_hash == ended.state_hash
    assert whole.state_hash == run_backtest(strategy(), engine="interpreted").state_hash


def test_a_holdout_that_would_seal_everything_is_refused() -> None:
    with pytest.raises(ConfigError, match="holdout is not after start"):
        strategy(f"start = {SEALED}\nholdout = {SEALED}")
