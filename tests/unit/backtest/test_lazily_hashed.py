"""What takes long and may never be asked for is computed when it is first read, from what ran."""

from __future__ import annotations

import hashlib
from typing import Any

import numpy as np
import pytest

from data.fingerprint import history_fingerprint
from data.history import History
from data.samples import load_sample
from runtime.backtest import backtest_text
from runtime.results import BacktestResult, RunOutput, passport_lines

RULE = """
    [strategy]
    name = "cross"
    [data]
    dataset = "sample:goog"
    [rules]
    entry = "cross_above(sma(close, 5), sma(close, 20))"
    exit = "cross_below(sma(close, 5), sma(close, 20))"
"""
BLOCKS = ("journal", "ledger", "positions", "orders")


def run(history: History) -> BacktestResult:
    return backtest_text(RULE, history=history, engine="interpreted")


def eager_hash(output: RunOutput) -> str:
    """The hash as one piece: all blocks behind one another."""
    blocks = [getattr(output, name).astype("<i8").tobytes() for name in BLOCKS]
    return hashlib.blake2b(b"".join(blocks), digest_size=16).hexdigest()


def test_a_run_hashes_nothing_that_nobody_reads(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: Any) -> str:
        raise AssertionError("hashed without need")

    history = load_sample("goog")
    monkeypatch.setattr("data.history.history_fingerprint", refuse)
    result = run(history)
    assert result.summary.pessimistic.trades.fills > 0
    assert "state_hash" not in vars(result.pessimistic)
    with pytest.raises(AssertionError, match="without need"):
        list(result.summary.passport)


def test_what_is_read_later_is_what_the_run_was() -> None:
    history = load_sample("goog")
    result = run(history)
    assert result.state_hash == eager_hash(result.pessimistic) == run(history).state_hash
    assert result.summary.pessimistic.state_hash == result.state_hash
    assert tuple(result.summary.passport) == passport_lines(history)
    assert f"fingerprint: {history_fingerprint(history)}" in result.summary.passport
    assert result.summary.passport[0].startswith("source: ") and len(result.summary.passport) > 3


@pytest.mark.parametrize("name", BLOCKS)
def test_what_a_run_left_behind_is_read_only(name: str) -> None:
    block = getattr(run(load_sample("goog")).pessimistic, name)
    with pytest.raises(ValueError, match="read-only"):
        block[0, 0] = np.int64(7)
