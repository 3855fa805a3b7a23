"""Entry orders that wait: timeouts, retries, walking; and the protection of what they have filled."""

from __future__ import annotations

from engine.jit import kernel
from engine.state import Core, Table


@kernel
def follow_entries(s: Core, intents: Table) -> None:
    """Look after every entry of ours that works."""


@kernel
def fit_protection(s: Core, intents: Table) -> None:
    """Keep protective orders as large as the position that they protect."""


@kernel
def follow_pending_targets(s: Core, intents: Table) -> None:
    """Try target weights again that wait for the sells that pay for them."""
