"""Small strategy files for tests."""

from __future__ import annotations

from pathlib import Path

from runtime.config import StrategyConfig, parse_strategy

MINIMAL = """\
[strategy]
name = "minimal"

[data]
dataset = "sample:goog"

[rules]
entry = "close > sma(close, 20)"
"""


def parse(text: str) -> StrategyConfig:
    """Parse a text as if it stood in a file beside nothing."""
    return parse_strategy(text, Path("strategy.toml"))
