"""`trader`: one strategy through backtest, paper and live without changing a line of it.

    from trader import Bar, Strategy, indicator, parameter

What is named here is the public interface; everything else may move.
"""

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

__version__ = "0.1.0"

__all__ = [
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
    "StrategyError",
    "Trade",
    "TraderError",
    "compiled_strategy",
    "condition",
    "indicator",
    "parameter",
]
