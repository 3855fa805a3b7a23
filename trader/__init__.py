"""`trader`: one strategy through backtest, paper and live without changing a line of it.

    from trader import Bar, Strategy, indicator, parameter

    result = trader.backtest("sma_cross.toml", params={"fast": 10})

What is named here is the public interface; everything else may move. Importing it is light: what runs
and shows backtests is imported when it is first asked for.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from engine.errors import (
    ConfigError,
    DataError,
    FormulaError,
    InputError,
    InternalFault,
    NegativeAnswer,
    StrategyError,
    TraderError,
)
from engine.strategy import (
    Bar,
    Fill,
    Quote,
    Strategy,
    Trade,
    compiled_strategy,
    condition,
    indicator,
    parameter,
)

if TYPE_CHECKING:
    from runtime.config import StrategyConfig, load_strategy
    from runtime.results import BacktestResult
    from trader.api import backtest, load

__version__ = "0.1.0"

# Public names by the module that has them; each is imported when it is first asked for.
_LATER = {
    "BacktestResult": "runtime.results",
    "StrategyConfig": "runtime.config",
    "backtest": "trader.api",
    "load": "trader.api",
    "load_strategy": "runtime.config",
}

__all__ = [
    "BacktestResult",
    "Bar",
    "ConfigError",
    "DataError",
    "Fill",
    "FormulaError",
    "InputError",
    "InternalFault",
    "NegativeAnswer",
    "Quote",
    "Strategy",
    "StrategyConfig",
    "StrategyError",
    "Trade",
    "TraderError",
    "backtest",
    "compiled_strategy",
    "condition",
    "indicator",
    "load",
    "load_strategy",
    "parameter",
]


def __getattr__(name: str) -> object:
    """Import a public name when it is first asked for."""
    module = _LATER.get(name)
    if module is None:
        raise AttributeError(f"module 'trader' has no attribute {name!r}")
    from importlib import import_module

    value: object = getattr(import_module(module), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted(__all__)
