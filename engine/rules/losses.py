"""What a closed trip means for what may be opened next: the stop-loss guard and the cool-down."""

from __future__ import annotations

from engine.jit import kernel
from engine.kernels.windows import count_since, entry_of, push_time
from engine.model.layout import ACCOUNT_NOW
from engine.model.trading import LATCH_STOP_LOSSES, REASON_STOP_LOSS, REDUCE_ONLY
from engine.model.trading_layout import (
    GUARD_LAST_LOSS_AT,
    GUARD_LAST_LOSS_INSTRUMENT,
    LIMIT_COOL_DOWN,
    LIMIT_STOP_COUNT,
    LIMIT_STOP_LOCK,
    LIMIT_STOP_SCOPE,
    LIMIT_STOP_WINDOW,
    MONITOR_COOL_UNTIL,
    MONITOR_LOCKED_UNTIL,
    RING_STOPPED,
    RING_STOPS,
)
from engine.rules.latches import journal_lock, set_latch
from engine.state import Core

SCOPE_INSTRUMENT = 1


@kernel
def note_trip_closed(s: Core, i: int, reason: int, result: int) -> None:
    """Count a trip that `reason` (ExitReason; 0: none of ours) closed with `result` minor after fees."""
    if result < 0:
        note_loss(s, i)
    if reason == REASON_STOP_LOSS and s.limits[LIMIT_STOP_COUNT] > 0:
        push_time(s.rings, RING_STOPS, s.account[ACCOUNT_NOW])
        push_time(s.rings, RING_STOPPED, i)
        guard_stops(s, i)


@kernel
def note_loss(s: Core, i: int) -> None:
    """Rest an instrument after a closing with a loss."""
    now, rest = s.account[ACCOUNT_NOW], s.limits[LIMIT_COOL_DOWN]
    s.guard[GUARD_LAST_LOSS_AT] = now
    s.guard[GUARD_LAST_LOSS_INSTRUMENT] = i
    if rest > 0:
        s.monitors[i, MONITOR_COOL_UNTIL] = max(s.monitors[i, MONITOR_COOL_UNTIL], now + rest)


@kernel
def guard_stops(s: Core, i: int) -> None:
    """Stop entries, of the account or of the instrument, where stops have closed too many trips."""
    now, most = s.account[ACCOUNT_NOW], s.limits[LIMIT_STOP_COUNT]
    of_instrument = s.limits[LIMIT_STOP_SCOPE] == SCOPE_INSTRUMENT
    count = count_stops(s, i, of_instrument)
    if count < most:
        return
    until = now + s.limits[LIMIT_STOP_LOCK]
    if of_instrument:
        s.monitors[i, MONITOR_LOCKED_UNTIL] = max(s.monitors[i, MONITOR_LOCKED_UNTIL], until)
        journal_lock(s, i, LATCH_STOP_LOSSES, count, most, until)
    else:
        set_latch(s, LATCH_STOP_LOSSES, REDUCE_ONLY, count, most, 0, until)


@kernel
def count_stops(s: Core, i: int, of_instrument: bool) -> int:
    """Return how many trips stops have closed in the window, those of the instrument or all."""
    total = count_since(s.rings, RING_STOPS, s.account[ACCOUNT_NOW], s.limits[LIMIT_STOP_WINDOW])
    if not of_instrument:
        return total
    count = 0
    for n in range(total):
        if entry_of(s.rings, RING_STOPPED, n) == i:
            count += 1
    return count
