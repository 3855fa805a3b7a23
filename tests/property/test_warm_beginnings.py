"""A session whose formulas have seen the bars of before decides as a backtest that begins there; from a history
that is read in one piece, or by a session bar for bar."""

from __future__ import annotations

from pathlib import Path
from random import Random

import numpy as np
import pytest

from data.history import History
from engine.model import layout as at
from engine.ports import Rows
from runtime.backtest import run_backtest
from runtime.config import StrategyConfig
from tests.property.session_slices import Session, require_same, slices_of
from tests.property.test_session_strategies import class_config, function_config
from tests.property.test_trading_backtests import config_of
from tests.property.test_windows import config_of as plain_config_of
from tests.property.window_worlds import make_dataset

TRADING = ["inputs and all tables", "limit orders that wait"]
PLAIN = ["crossing", "higher", "weights", "every"]
OWN = ["class", "function"]


def config_for(name: str, folder: Path, seed: int) -> StrategyConfig:
    """Return a strategy of rules, a class or a compiled function."""
    if name == "class":
        return class_config(folder, "both with indicators", seed, loop=True)
    if name == "function":
        return function_config(folder, "indicators", loop=True)
    return config_of(name) if name in TRADING else plain_config_of(name)


def bars_and_splits(config: StrategyConfig, history: History) -> Rows:
    """Return what a venue tells of a history."""
    rows = np.concatenate([one.events for one in slices_of(config, history)])
    return rows[np.isin(rows[:, at.EVENT_KIND], (at.KIND_BAR, at.KIND_SPLIT))]


@pytest.mark.parametrize("name", [*TRADING, *PLAIN, *OWN])
def test_a_warm_session_decides_as_a_backtest_that_has_seen_the_same(
    name: str, tmp_path: Path
) -> None:
    decided = 0
    for seed in (1, 2):
        config = config_for(name, tmp_path / f"code{seed}", seed)
        history = make_dataset(tmp_path / str(seed), seed, bars=100).load()
        span = history.span_ns()
        assert span is not None
        start_ns = span[0] + round((span[1] - span[0]) * Random(seed).uniform(0.3, 0.7))
        past, rest = history.between(None, start_ns), history.between(start_ns, None)
        session = Session(config, history)
        session.core.warm(bars_and_splits(config, past))
        assert len(session.core.take_journal()) == 0
        expected = run_backtest(
            config, history=history, start_ns=start_ns, engine="interpreted"
        ).pessimistic
        require_same(session.run_all(slices_of(config, rest)), expected)
        decided += int((expected.journal[:, at.EVENT_KIND] == at.KIND_SUBMITTED).sum())
    assert decided > 3
