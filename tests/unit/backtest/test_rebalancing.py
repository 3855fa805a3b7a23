"""Target weights are followed on rebalancing days, and evaluated there alone."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pytest

from engine.errors import DataError
from engine.lang.batch import evaluate_batch
from engine.lang.panel import PanelColumns
from runtime.backtest import signals
from runtime.backtest.clockwork import clockwork_of
from runtime.backtest.signals import Signals, panel_of, signals_of
from runtime.config import StrategyConfig
from tests.unit.sweep.sweep_samples import WEIGHTS, config_of, history_of


def with_weight(text: str) -> StrategyConfig:
    lines = WEIGHTS.splitlines()
    return config_of("\n".join(text if line.startswith("weight") else line for line in lines))


def signals_on(config: StrategyConfig) -> Signals:
    history = history_of(config)
    panel = panel_of(history, clockwork_of(history), adjustment="splits")
    assert config.rules is not None
    program = config.compile_rules(symbols=history.symbols)
    return signals_of(program, panel, config.rules, compiled=False)


@pytest.mark.parametrize(
    "weight",
    [
        'weight = "where(rank(returns(close, lookback)) <= 2, 0.4, 0)"',
        'weight = "where(close > sma(close, lookback), 1, 0) / count(close)"',
        'weight = "lag(rank_fraction(volume), 3) / 3"',
    ],
)
def test_the_days_between_make_no_difference(weight: str, monkeypatch: pytest.MonkeyPatch) -> None:
    config = with_weight(weight)
    quick = signals_on(config)
    monkeypatch.setattr(signals, "_SELDOM", 10**9)
    slow = signals_on(config)
    assert quick.wishes() == slow.wishes() > 0 and quick.is_defined and slow.is_defined
    for a, b in zip(quick.wakes, slow.wakes, strict=True):
        assert len(a) <= 8  # months
        assert a.rows.tolist() == b.rows.tolist()
        assert a.bits.tolist() == b.bits.tolist()
        assert a.weights.tolist() == b.weights.tolist()


def test_weights_between_rebalancing_days_are_not_computed(monkeypatch: pytest.MonkeyPatch) -> None:
    def refused(*_: Any, **__: Any) -> None:
        raise AssertionError("the whole history was evaluated")

    monkeypatch.setattr(signals, "evaluate_batch", refused)
    assert signals_on(config_of(WEIGHTS)).wishes() > 0


def test_weights_without_a_value_on_those_days_are_looked_for_on_all(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    calls: list[int] = []

    def told(program: Any, panel: Sequence[PanelColumns], **more: Any) -> Any:
        calls.append(len(panel))
        return evaluate_batch(program, panel, **more)

    monkeypatch.setattr(signals, "evaluate_batch", told)
    never = signals_on(with_weight('weight = "1 / (close - close)"'))
    assert calls == [4] and not never.is_defined and never.wishes() == 0


def test_a_weight_that_must_be_a_mistake_is_refused_with_its_day() -> None:
    with pytest.raises(DataError, match=r"is 1e\+06 at \d{4}-\d{2}-\d{2}T"):
        signals_on(with_weight('weight = "where(lag(close, 40) > 0, 1000000, 0)"'))
    assert np.isfinite(signals.WEIGHT_MAX)
