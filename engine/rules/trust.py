"""Whether the account's equity can be trusted, and which marks of it are new.

A mark that is missing or one-sided neither fires a guard nor silences it: until the next valid one
equity is untrusted, which stops entries and says so.
"""

from __future__ import annotations

from engine.jit import kernel, loop_door
from engine.kernels.ledger import journal_row
from engine.kernels.money import OVERFLOW
from engine.kernels.positions import equity_minor
from engine.model.layout import (
    ACCOUNT_HELD,
    ACCOUNT_NOW,
    ACCOUNT_TOUCHED,
    KIND_BAR,
    KIND_TRUST_CHANGED,
    POSITION_LAST,
    POSITION_LAST_TS,
    POSITION_QUANTITY,
    UNKNOWN,
)
from engine.model.trading import (
    BY_ITSELF,
    DISTRUST_MARK_LOST,
    DISTRUST_NO_PRICE,
    DISTRUST_NO_RATE,
    DISTRUST_NONE,
    DISTRUST_TOO_LARGE,
    LATCH_UNTRUSTED,
    REDUCE_ONLY,
)
from engine.model.trading_layout import (
    CHANGED_FROM,
    CHANGED_NUMBER,
    CHANGED_TO,
    GUARD_MARKED_AT,
    GUARD_TRUSTED,
    MONITOR_LOST,
    MONITOR_MARK_KIND,
    MONITOR_SUSPECT,
    NEVER,
)
from engine.rules.equity import has_rates
from engine.rules.latches import clear_latch, is_set, set_latch
from engine.rules.suspects import CONFIRMED_AFTER, is_suspect
from engine.state import Core

NOT_MARKED = 0
MARKED = 1
MARKED_BY_BARS = 2  # all that is held: a bar is confirmed by its length


@loop_door
def lose_mark(s: Core, i: int) -> None:
    """An instrument's mark is missing or one-sided from now on; who buys it now cannot tell its worth."""
    if s.positions[i, POSITION_QUANTITY] != 0:
        s.account[ACCOUNT_TOUCHED] = 1
    if s.monitors[i, MONITOR_LOST] == 0:
        s.monitors[i, MONITOR_LOST] = max(s.account[ACCOUNT_NOW], 1)


@kernel
def distrust_of(s: Core, i: int) -> int:
    """Return why what is held of an instrument has no value that can be trusted, or DISTRUST_NONE."""
    if s.positions[i, POSITION_QUANTITY] == 0:
        return DISTRUST_NONE
    if s.monitors[i, MONITOR_LOST] != 0:
        return DISTRUST_MARK_LOST
    return DISTRUST_NO_PRICE if s.positions[i, POSITION_LAST] <= 0 else DISTRUST_NONE


@kernel
def first_distrust(s: Core) -> tuple[int, int]:
    """Return why equity cannot be trusted, DISTRUST_NONE if it can, and the first instrument concerned."""
    for n in range(s.account[ACCOUNT_HELD]):
        reason = distrust_of(s, s.held[n])
        if reason != DISTRUST_NONE:
            return reason, s.held[n]
    return (DISTRUST_NONE, UNKNOWN) if has_rates(s) else (DISTRUST_NO_RATE, UNKNOWN)


@kernel
def trusted_equity(s: Core) -> int:
    """Return the account's equity, or OVERFLOW while it is not trusted; a change of trust is told."""
    reason, i = first_distrust(s)
    equity = OVERFLOW
    if reason == DISTRUST_NONE:
        equity = equity_minor(s)
        if equity == OVERFLOW:
            reason = DISTRUST_TOO_LARGE
    is_untrusted = 0 if reason == DISTRUST_NONE else 1
    if is_untrusted != s.guard[GUARD_TRUSTED]:
        change_trust(s, is_untrusted, reason, i)
    elif is_untrusted == 1 and not is_set(s, LATCH_UNTRUSTED):
        set_latch(s, LATCH_UNTRUSTED, REDUCE_ONLY, reason, 0, 0, NEVER)  # a reset makes no mark
    return equity


@kernel
def change_trust(s: Core, is_untrusted: int, reason: int, i: int) -> None:
    """Record that equity has become untrusted, or trusted again; entries stop meanwhile."""
    n = journal_row(s, KIND_TRUST_CHANGED, i)
    s.journal[n, CHANGED_FROM] = s.guard[GUARD_TRUSTED]
    s.journal[n, CHANGED_TO] = is_untrusted
    s.journal[n, CHANGED_NUMBER] = reason
    s.guard[GUARD_TRUSTED] = is_untrusted
    if is_untrusted == 1:
        set_latch(s, LATCH_UNTRUSTED, REDUCE_ONLY, reason, 0, 0, NEVER)
    else:
        clear_latch(s, LATCH_UNTRUSTED, BY_ITSELF)


@kernel
def take_marks(s: Core) -> int:
    """Return whether something held has a mark that no watch has counted; a time counts once."""
    now = s.account[ACCOUNT_NOW]
    if s.guard[GUARD_MARKED_AT] == now:
        return NOT_MARKED
    is_new, by_bars = False, True
    for n in range(s.account[ACCOUNT_HELD]):
        i = s.held[n]
        if s.positions[i, POSITION_QUANTITY] != 0:
            is_new = is_new or s.positions[i, POSITION_LAST_TS] == now
            by_bars = by_bars and s.monitors[i, MONITOR_MARK_KIND] == KIND_BAR
    if not is_new:
        return NOT_MARKED
    s.guard[GUARD_MARKED_AT] = now
    return MARKED_BY_BARS if by_bars else MARKED


@kernel
def suspects_end(s: Core) -> int:
    """Return when the last suspect mark of something held is confirmed by time alone; 0: none is."""
    end = 0
    for n in range(s.account[ACCOUNT_HELD]):
        i = s.held[n]
        if s.positions[i, POSITION_QUANTITY] != 0 and is_suspect(s, i):
            end = max(end, s.monitors[i, MONITOR_SUSPECT] + CONFIRMED_AFTER)
    return end


@kernel
def has_positions(s: Core) -> bool:
    """Return whether the account holds anything that has a mark."""
    for n in range(s.account[ACCOUNT_HELD]):
        if s.positions[s.held[n], POSITION_QUANTITY] != 0:
            return True
    return False
