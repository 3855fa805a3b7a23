"""Limits of exposure that prices alone have passed: told once an episode, at the account's daily mark.

No order is approved past a limit, but prices move what is held. That denies what would enlarge it (the
checks see it) and closes nothing; a person is told. Problem: bars between which nothing can change are
skipped, and shares of equity change at every bar. Choice: look when the day is marked, where every price
has been taken anyway; an episode ends at the first daily mark that finds all within its limits.
"""

from __future__ import annotations

from engine.jit import kernel
from engine.kernels.ledger import journal_row
from engine.kernels.money import OVERFLOW
from engine.model.denials import (
    DENY_CONCENTRATION,
    DENY_GROSS_EXPOSURE,
    DENY_NET_EXPOSURE,
    DENY_NONE,
    DENY_POSITION_SIZE,
)
from engine.model.layout import KIND_ALERT, TERM_EVENT, TERM_GROUP
from engine.model.trading import ALERT_EXPOSURE, ALERT_WARNING, VERDICT_OVER
from engine.model.trading_layout import (
    ALERT_CODE,
    ALERT_NUMBER,
    ALERT_POSITION,
    ALERT_SEVERITY,
    GUARD_ALERTS,
    GUARD_DRIFTED,
    GUARD_TRUSTED,
    LIMIT_EVENT_PPM,
    LIMIT_GROSS_PPM,
    LIMIT_GROUP_PPM,
    LIMIT_NET_PPM,
    LIMIT_POSITION_PPM,
    LIMIT_RISK,
    MONITOR_POSITION,
    MONITOR_WORST_HIGH,
    MONITOR_WORST_LOW,
)
from engine.rules.checks import judge_share
from engine.rules.exposure import measure_worst, money_of, valued_equity, worst_sums
from engine.state import Core

NO_NEW_ORDER = -1


@kernel
def watch_drift(s: Core) -> None:
    """Tell, once an episode, that a worst case is over its share of equity; unknown changes nothing."""
    if s.limits[LIMIT_RISK] == 0 or s.guard[GUARD_TRUSTED] == 1:
        return
    equity = valued_equity(s)
    if equity == OVERFLOW:
        return
    measure_worst(s, NO_NEW_ORDER)
    i, code = first_passed(s, equity)
    if code == DENY_NONE:
        s.guard[GUARD_DRIFTED] = 0
    elif s.guard[GUARD_DRIFTED] == 0:
        s.guard[GUARD_DRIFTED] = 1
        s.guard[GUARD_ALERTS] += 1
        n = journal_row(s, KIND_ALERT, i)
        s.journal[n, ALERT_CODE] = ALERT_EXPOSURE
        s.journal[n, ALERT_SEVERITY] = ALERT_WARNING
        s.journal[n, ALERT_POSITION] = s.monitors[i, MONITOR_POSITION]
        s.journal[n, ALERT_NUMBER] = code


@kernel
def first_passed(s: Core, equity: int) -> tuple[int, int]:
    """Return the first instrument that is over a limit, and the check that says so, or DENY_NONE."""
    _, _, gross, _, _, net = worst_sums(s, 0)
    of_all = DENY_NONE
    if is_over(gross, equity, s.limits[LIMIT_GROSS_PPM]):
        of_all = DENY_GROSS_EXPOSURE
    elif is_over(net, equity, s.limits[LIMIT_NET_PPM]):
        of_all = DENY_NET_EXPOSURE
    for i in range(s.positions.shape[0]):
        if s.monitors[i, MONITOR_WORST_HIGH] != 0 or s.monitors[i, MONITOR_WORST_LOW] != 0:
            code = passed_by(s, i, equity)
            if code == DENY_NONE:
                code = of_all
            if code != DENY_NONE:
                return i, code
    return 0, DENY_NONE


@kernel
def passed_by(s: Core, i: int, equity: int) -> int:
    """Return the check of an instrument's own share, its group's or its event's that is passed."""
    up, down = money_of(s, i, s.monitors[i, MONITOR_WORST_HIGH]), OVERFLOW
    if up != OVERFLOW:
        down = money_of(s, i, s.monitors[i, MONITOR_WORST_LOW])
    if down != OVERFLOW:
        if is_over(max(abs(up), abs(down)), equity, s.limits[LIMIT_POSITION_PPM]):
            return DENY_POSITION_SIZE
    if s.terms[i, TERM_GROUP] != 0 or s.terms[i, TERM_EVENT] != 0:
        _, _, _, group, event, _ = worst_sums(s, i)
        if s.terms[i, TERM_GROUP] != 0 and is_over(group, equity, s.limits[LIMIT_GROUP_PPM]):
            return DENY_CONCENTRATION
        if s.terms[i, TERM_EVENT] != 0 and is_over(event, equity, s.limits[LIMIT_EVENT_PPM]):
            return DENY_CONCENTRATION
    return DENY_NONE


@kernel
def is_over(minor: int, equity: int, limit_ppm: int) -> bool:
    """Return whether an amount is known to be over its share of equity."""
    verdict, _, _, _ = judge_share(minor, equity, limit_ppm)
    return bool(verdict == VERDICT_OVER)
