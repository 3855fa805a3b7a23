"""A session over slices decides what a backtest over the same data decides: the same journal rows and
the same final state, to the bit.
"""

from __future__ import annotations

from pathlib import Path

import pytest

from engine.model import layout as at
from runtime.backtest import run_backtest
from runtime.backtest.histories import load_history
from runtime.config import StrategyConfig, load_strategy
from tests.architecture.source import ROOT
from tests.property.session_slices import Session, require_same, slices_of
from tests.property.test_trading_backtests import STRATEGIES, config_of
from tests.property.test_windows import REINVEST
from tests.property.test_windows import STRATEGIES as PLAIN
from tests.property.test_windows import config_of as plain_config_of
from tests.property.window_worlds import make_dataset

EXAMPLES = [
    "sma_cross.toml",
    "full_loop.toml",
    "momentum.toml",
    "event_contracts.toml",
    "python_class/mean_reversion.toml",
    "compiled/cross.toml",
]


def require_same_run(config: StrategyConfig, folder: Path, seed: int) -> None:
    history = make_dataset(folder, seed).load()
    expected = run_backtest(config, history=history, engine="interpreted").pessimistic
    found = Session(config, history).run_all(slices_of(config, history))
    require_same(found, expected)


@pytest.mark.parametrize("name", EXAMPLES)
def test_an_example_runs_in_a_session_as_in_a_backtest(name: str) -> None:
    config = load_strategy(ROOT / "examples" / name)
    history = load_history(config.data, Path())
    if name == "event_contracts.toml":  # in two of its contracts fires what does in eight
        history = history.select(history.symbols[:2])
    expected = run_backtest(config, history=history, engine="interpreted").pessimistic
    assert (expected.journal[:, at.EVENT_KIND] == at.KIND_FILL).any()
    require_same(Session(config, history).run_all(slices_of(config, history)), expected)


@pytest.mark.parametrize("seed", [0, 2, 3])
@pytest.mark.parametrize("name", PLAIN)
def test_rules_run_in_a_session_as_in_a_backtest(name: str, seed: int, tmp_path: Path) -> None:
    config = plain_config_of(name, account=REINVEST if seed % 4 == 3 else "")
    require_same_run(config, tmp_path, seed)


@pytest.mark.parametrize("seed", [0, 1])
@pytest.mark.parametrize("name", STRATEGIES)
def test_the_trading_loop_runs_in_a_session_as_in_a_backtest(
    name: str, seed: int, tmp_path: Path
) -> None:
    require_same_run(config_of(name), tmp_path, seed)
