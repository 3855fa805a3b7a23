"""Latches: what stops trading, each set and cleared by name; the worst one counts.

A latch that needs a person (`LATCH_MANUAL`) is cleared by nothing else. One that clears by itself
more than three times in an hour needs a person from then on: what fails and recovers all the time is
not sound.
"""

from __future__ import annotations

from engine.jit import kernel
from engine.kernels.ledger import journal_row
from engine.kernels.money import OVERFLOW
from engine.kernels.wakes import latch_slot, set_wake
from engine.kernels.windows import empty_ring
from engine.model.layout import (
    ACCOUNT_NOW,
    ACCOUNT_SEVERITY,
    ACCOUNT_TOUCHED,
    KIND_LATCH_CLEARED,
    KIND_LATCH_SET,
    UNKNOWN,
)
from engine.model.trading import (
    ACTIVE,
    BY_ITSELF,
    FLATTENING,
    LATCH_API,
    LATCH_DAILY_LOSS,
    LATCH_DATA,
    LATCH_DATABASE,
    LATCH_DRAWDOWN,
    LATCH_KILL,
    LATCH_MINIMUM_EQUITY,
    LATCH_RECONCILING,
    LATCH_TIER,
    LATCH_UNTRUSTED,
    LOCKED,
    REDUCE_ONLY,
)
from engine.model.trading_layout import (
    GUARD_API_GOOD_AT,
    GUARD_CHECKED_AT,
    GUARD_DAY_EXCUSED,
    GUARD_FLAT_READS,
    GUARD_GOOD_CHECKS,
    GUARD_KILLED,
    GUARD_PEAK,
    LATCH_COUNT,
    LATCH_FLATTENED,
    LATCH_LIMIT,
    LATCH_MANUAL,
    LATCH_NUMBER,
    LATCH_RESUME_TIMES,
    LATCH_RESUMES,
    LATCH_SEVERITY,
    LATCH_SINCE,
    LATCH_UNTIL,
    LATCHED_BY,
    LATCHED_EFFECTIVE,
    LATCHED_LATCH,
    LATCHED_LIMIT,
    LATCHED_MANUAL,
    LATCHED_NUMBER,
    LATCHED_SEVERITY,
    LATCHED_UNTIL,
    NEVER,
    RING_API,
    RING_API_TRIPS,
    RING_DATABASE,
)
from engine.rules.equity import day_result_minor, end_quiet
from engine.rules.peaks import restart_peak
from engine.state import Core

NS_PER_HOUR = 3600 * 10**9
RESUMES_MAX = 3  # by itself in an hour


@kernel
def is_set(s: Core, g: int) -> bool:
    """Return whether a latch is set."""
    return s.latches[g, LATCH_SEVERITY] != ACTIVE


@kernel
def effective_severity(s: Core) -> int:
    """Return the severity of the worst latch."""
    worst = ACTIVE
    for g in range(s.latches.shape[0]):
        worst = max(worst, s.latches[g, LATCH_SEVERITY])
    return worst


@kernel
def renew_severity(s: Core) -> None:
    """Keep the account's severity as its latches say; a change is looked at once more."""
    severity = effective_severity(s)
    if severity != s.account[ACCOUNT_SEVERITY]:
        s.account[ACCOUNT_SEVERITY] = severity
        s.account[ACCOUNT_TOUCHED] = 1


@kernel
def journal_latch(s: Core, kind: int, g: int, severity: int, number: int, by: int) -> None:
    """Record that a latch was set, made worse or cleared."""
    n = journal_row(s, kind, UNKNOWN)
    s.journal[n, LATCHED_LATCH] = g
    s.journal[n, LATCHED_SEVERITY] = severity
    s.journal[n, LATCHED_NUMBER] = number
    s.journal[n, LATCHED_LIMIT] = s.latches[g, LATCH_LIMIT]
    s.journal[n, LATCHED_MANUAL] = s.latches[g, LATCH_MANUAL]
    s.journal[n, LATCHED_BY] = by
    s.journal[n, LATCHED_UNTIL] = s.latches[g, LATCH_UNTIL]
    s.journal[n, LATCHED_EFFECTIVE] = s.account[ACCOUNT_SEVERITY]


@kernel
def journal_lock(s: Core, i: int, g: int, number: int, limit: int, until: int) -> None:
    """Record that one instrument alone is kept from entries, for what would set latch `g`."""
    n = journal_row(s, KIND_LATCH_SET, i)
    s.journal[n, LATCHED_LATCH] = g
    s.journal[n, LATCHED_SEVERITY] = REDUCE_ONLY
    s.journal[n, LATCHED_NUMBER] = number
    s.journal[n, LATCHED_LIMIT] = limit
    s.journal[n, LATCHED_UNTIL] = until
    s.journal[n, LATCHED_EFFECTIVE] = s.account[ACCOUNT_SEVERITY]


@kernel
def set_latch(
    s: Core, g: int, severity: int, number: int, limit: int, manual: int, until: int
) -> None:
    """Set a latch, or make one that is set worse, manual or longer; never better.

    `number` and `limit` say what tripped it; `until` (ns; NEVER: no end of its own) when it may clear
    itself.
    """
    before = s.latches[g, LATCH_SEVERITY]
    is_worse = severity > before
    if not is_worse and manual <= s.latches[g, LATCH_MANUAL] and until <= s.latches[g, LATCH_UNTIL]:
        return
    if before == ACTIVE:
        s.latches[g, LATCH_SINCE] = s.account[ACCOUNT_NOW]
        s.latches[g, LATCH_COUNT] += 1
    if is_worse:
        s.latches[g, LATCH_SEVERITY] = severity
        s.latches[g, LATCH_NUMBER] = number
        s.latches[g, LATCH_LIMIT] = limit
        if severity == FLATTENING:
            s.guard[GUARD_FLAT_READS] = 0
    s.latches[g, LATCH_MANUAL] = max(manual, s.latches[g, LATCH_MANUAL])
    s.latches[g, LATCH_UNTIL] = max(until, s.latches[g, LATCH_UNTIL])
    set_wake(s, latch_slot(s, g), s.latches[g, LATCH_UNTIL])
    renew_severity(s)
    number = s.latches[g, LATCH_NUMBER]
    journal_latch(s, KIND_LATCH_SET, g, s.latches[g, LATCH_SEVERITY], number, BY_ITSELF)


@kernel
def close_again(s: Core) -> None:
    """Have the latches that had closed everything close once more: a fill has come after it.

    A latch that halted the account without closing anything closes nothing now either.
    """
    for g in range(s.latches.shape[0]):
        if s.latches[g, LATCH_SEVERITY] == LOCKED and s.latches[g, LATCH_FLATTENED] == 1:
            s.latches[g, LATCH_SEVERITY] = FLATTENING
            s.guard[GUARD_FLAT_READS] = 0
            renew_severity(s)
            journal_latch(s, KIND_LATCH_SET, g, FLATTENING, s.latches[g, LATCH_NUMBER], BY_ITSELF)


@kernel
def is_debounced(g: int) -> bool:
    """Return whether clearing by itself too often makes a latch manual.

    Four only mirror what is known now: a mark that is missing, a tier, a reconciliation under way, the
    age of the data. Their end is a fact and not an attempt.
    """
    if g == LATCH_UNTRUSTED or g == LATCH_TIER:
        return False
    return g != LATCH_RECONCILING and g != LATCH_DATA


@kernel
def resumes_within_hour(s: Core, g: int) -> int:
    """Return how often a latch has cleared itself in the last hour (half-open), three at most."""
    count = 0
    for n in range(LATCH_RESUME_TIMES, LATCH_RESUME_TIMES + RESUMES_MAX):
        ts = s.latches[g, n]
        if ts != 0 and s.account[ACCOUNT_NOW] - ts < NS_PER_HOUR:
            count += 1
    return count


@kernel
def count_resume(s: Core, g: int) -> None:
    """Remember that a latch clears itself now."""
    for n in range(LATCH_RESUME_TIMES, LATCH_RESUME_TIMES + RESUMES_MAX - 1):
        s.latches[g, n] = s.latches[g, n + 1]
    s.latches[g, LATCH_RESUME_TIMES + RESUMES_MAX - 1] = s.account[ACCOUNT_NOW]
    s.latches[g, LATCH_RESUMES] += 1


@kernel
def may_clear_itself(s: Core, g: int) -> bool:
    """Return whether a set latch may clear itself; one that has done so too often becomes manual."""
    if s.latches[g, LATCH_MANUAL] == 1:
        return False
    if is_debounced(g) and resumes_within_hour(s, g) >= RESUMES_MAX:
        severity, number = s.latches[g, LATCH_SEVERITY], s.latches[g, LATCH_NUMBER]
        set_latch(s, g, severity, number, s.latches[g, LATCH_LIMIT], 1, NEVER)
        return False
    return True


@kernel
def clear_latch(s: Core, g: int, by: int) -> bool:
    """Clear one latch, for a `Clearer`; return whether it was. By itself it never clears a manual one."""
    severity = s.latches[g, LATCH_SEVERITY]
    if severity == ACTIVE or (by == BY_ITSELF and not may_clear_itself(s, g)):
        return False
    end_quiet(s)
    s.latches[g, LATCH_SEVERITY] = ACTIVE
    s.latches[g, LATCH_MANUAL] = 0
    s.latches[g, LATCH_UNTIL] = 0
    s.latches[g, LATCH_FLATTENED] = 0
    set_wake(s, latch_slot(s, g), NEVER)
    if by == BY_ITSELF:
        count_resume(s, g)
    else:
        forget_past(s, g)
    begin_anew(s, g)
    renew_severity(s)
    number = s.latches[g, LATCH_NUMBER]
    if g == LATCH_DRAWDOWN or g == LATCH_MINIMUM_EQUITY:
        number = s.guard[GUARD_PEAK]
    journal_latch(s, KIND_LATCH_CLEARED, g, severity, number, by)
    return True


@kernel
def forget_past(s: Core, g: int) -> None:
    """What a person has looked at does not count against a latch any more."""
    s.latches[g, LATCH_RESUMES] = 0
    for n in range(LATCH_RESUME_TIMES, LATCH_RESUME_TIMES + RESUMES_MAX):
        s.latches[g, n] = 0
    if g == LATCH_API:
        empty_ring(s.rings, RING_API)
        empty_ring(s.rings, RING_API_TRIPS)
        s.guard[GUARD_API_GOOD_AT] = 0
    elif g == LATCH_DATABASE:
        empty_ring(s.rings, RING_DATABASE)


@kernel
def begin_anew(s: Core, g: int) -> None:
    """Let what a cleared latch guards count from now: else it would trip again at once."""
    if g == LATCH_DRAWDOWN or g == LATCH_MINIMUM_EQUITY:
        restart_peak(s)
        s.guard[GUARD_GOOD_CHECKS] = 0
        s.guard[GUARD_CHECKED_AT] = 0
    elif g == LATCH_DAILY_LOSS:
        result = day_result_minor(s)
        if result != OVERFLOW:
            s.guard[GUARD_DAY_EXCUSED] = min(result, 0)
    elif g == LATCH_KILL:
        s.guard[GUARD_KILLED] = 0
