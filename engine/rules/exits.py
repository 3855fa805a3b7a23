"""The ten conditions for closing a position, and which of those that hold wins."""

from __future__ import annotations

from engine.jit import kernel
from engine.state import Core, Table


@kernel
def watch_positions(s: Core, intents: Table) -> None:
    """Evaluate every condition of every position held, and go on with the exits that work."""
