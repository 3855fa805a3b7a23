"""What the latches say to an order: the worst of them, and the code that names whose it is."""

from __future__ import annotations

from engine.jit import kernel
from engine.model.denials import (
    DENY_CIRCUIT_BREAKER,
    DENY_DAILY_LOSS,
    DENY_DRAWDOWN_GUARD,
    DENY_KILL_SWITCH,
)
from engine.model.layout import ACCOUNT_SEVERITY
from engine.model.trading import (
    LATCH_API,
    LATCH_DAILY_LOSS,
    LATCH_DRAWDOWN,
    LATCH_KILL,
    LATCH_UNTRUSTED,
)
from engine.model.trading_layout import LATCH_SEVERITY, LATCHES_ROWS
from engine.state import Core


@kernel
def worst_latch(s: Core, first: int, last: int) -> int:
    """Return the worst severity of the latches from `first` to `last`."""
    worst = 0
    for g in range(first, last + 1):
        worst = max(worst, s.latches[g, LATCH_SEVERITY])
    return worst


@kernel
def breaker_severity(s: Core) -> int:
    """Return the worst severity of the latches that have no check of their own.

    A severity of the account that no latch explains counts as theirs: it must not let an order pass.
    """
    worst = worst_latch(s, LATCH_API, LATCHES_ROWS - 1)
    effective: int = s.account[ACCOUNT_SEVERITY]
    if effective > worst_latch(s, LATCH_KILL, LATCHES_ROWS - 1):
        return effective
    return worst


@kernel
def code_of_severity(s: Core) -> int:
    """Return the denial that names the worst latch; of several the first in the checks' order."""
    severity = s.account[ACCOUNT_SEVERITY]
    if worst_latch(s, LATCH_KILL, LATCH_KILL) >= severity:
        return DENY_KILL_SWITCH
    if breaker_severity(s) >= severity:
        return DENY_CIRCUIT_BREAKER
    if worst_latch(s, LATCH_DRAWDOWN, LATCH_UNTRUSTED) >= severity:
        return DENY_DRAWDOWN_GUARD
    if worst_latch(s, LATCH_DAILY_LOSS, LATCH_DAILY_LOSS) >= severity:
        return DENY_DAILY_LOSS
    return DENY_CIRCUIT_BREAKER
