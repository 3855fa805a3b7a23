"""Strategy files: text in, a checked frozen value out.

`load_strategy` is the only border where people's text becomes a strategy. Everything behind it
sees the frozen dataclasses of `runtime.config.strategy`.
"""

from runtime.config.loading import load_strategy, parse_strategy
from runtime.config.parameters import ParameterSpec, ParameterValue
from runtime.config.strategy import (
    AccountSection,
    DataSection,
    ExecutionSection,
    FillsSection,
    RulesSection,
    SizingSection,
    StrategyConfig,
    StrategySection,
    WorldSource,
)

__all__ = [
    "AccountSection",
    "DataSection",
    "ExecutionSection",
    "FillsSection",
    "ParameterSpec",
    "ParameterValue",
    "RulesSection",
    "SizingSection",
    "StrategyConfig",
    "StrategySection",
    "WorldSource",
    "load_strategy",
    "parse_strategy",
]
