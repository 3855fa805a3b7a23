"""Breakers: errors of the venue and of the database, an operator's wishes, a component's health."""

from __future__ import annotations

from engine.jit import kernel
from engine.state import Core, Table


@kernel
def hear_input(s: Core, events: Table, row: int) -> None:
    """Follow an event of the session itself: KIND_API_ERROR to KIND_COMPONENT."""
