"""The risk checks in their written order, each with its number and its limit."""

from __future__ import annotations

from engine.jit import kernel
from engine.model.denials import DENY_NONE
from engine.state import Core


@kernel
def check_risk(s: Core, r: int) -> int:
    """Return why the order in row `r`, which opens or enlarges, must not be sent, or DENY_NONE.

    All checks are evaluated and journalled, the first that does not pass is the answer.
    """
    return DENY_NONE


@kernel
def check_send(s: Core, r: int) -> int:
    """Return why nothing like the order in row `r` may be sent now, exits included, or DENY_NONE."""
    return DENY_NONE
