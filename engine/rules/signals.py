"""From a strategy's signal to an order: validation, sizing, checks, and the record of each."""

from __future__ import annotations

from engine.jit import kernel
from engine.state import Core, Table


@kernel
def receive_signal(s: Core, intents: Table, i: int, side: int, source: int) -> int:
    """Take the wish to enter instrument `i` on a side; return the order that it became, or 0."""
    return 0
