"""Correlation of returns over a rolling window that is kept in the state."""

from __future__ import annotations

from engine.jit import kernel
from engine.state import Core


@kernel
def sample_returns(s: Core) -> None:
    """Take each instrument's return since the last sample; called at the account's accruals."""
