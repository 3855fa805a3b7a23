"""What a closed trip means for what may be opened next: the stop-loss guard and the cool-down."""

from __future__ import annotations

from engine.jit import kernel
from engine.state import Core


@kernel
def note_trip_closed(s: Core, i: int, reason: int, result: int) -> None:
    """Count a trip that `reason` (ExitReason; 0: none of ours) closed with `result` minor after fees."""
