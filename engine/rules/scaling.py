"""What a split changes in the trading loop's memory of a position."""

from __future__ import annotations

from engine.jit import kernel
from engine.state import Core


@kernel
def scale_monitor(s: Core, i: int, numerator: int, denominator: int) -> None:
    """Scale what is remembered in ticks and lots of an instrument."""
