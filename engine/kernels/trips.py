"""Trips: a position from flat to flat, numbered, with what the exits need to know of it."""

from __future__ import annotations

from engine.jit import kernel, loop_door
from engine.kernels.held import renew_held
from engine.kernels.ledger import journal_row
from engine.kernels.money import OVERFLOW, add_checked
from engine.kernels.positions import tradable_lots
from engine.model.layout import (
    ACCOUNT_NEXT_POSITION,
    ACCOUNT_NOW,
    ACCOUNT_TOUCHED,
    ACCOUNT_TRADING,
    KIND_POSITION_CLOSED,
    KIND_POSITION_OPENED,
)
from engine.model.trading import PHASE_IDLE
from engine.model.trading_layout import (
    ENTRY_CLASS,
    ENTRY_GOAL,
    ENTRY_SIGNAL,
    EXIT_ALERTED,
    EXIT_PHASE,
    EXIT_REASON,
    MONITOR_BASE,
    MONITOR_CLASS,
    MONITOR_DIRECTION,
    MONITOR_FEES,
    MONITOR_FIRED,
    MONITOR_MARKS,
    MONITOR_OPENED,
    MONITOR_PEAK,
    MONITOR_POSITION,
    MONITOR_QUANTITY,
    MONITOR_REALIZED,
    MONITOR_SIGNAL,
    MONITOR_STAGES,
    MONITOR_STOP,
    MONITOR_TARGET_GOAL,
    MONITOR_WANTS,
    NOT_GIVEN,
    TRIP_BASE,
    TRIP_DIRECTION,
    TRIP_FEES,
    TRIP_POSITION,
    TRIP_REALIZED,
    TRIP_REASON,
    TRIP_SIGNAL,
    TRIP_SINCE,
    WANTS_EXIT,
)
from engine.rules.latches import close_again
from engine.rules.losses import note_trip_closed
from engine.state import Core

CLASS_MEDIUM = 2


@loop_door
def note_position(s: Core, i: int, realized: int, fee: int) -> None:
    """Follow a change of position: `realized` and `fee` (minor of its currency) belong to the trip.

    What turns a position around ends one trip, to which its money belongs, and begins the next.
    """
    if s.account[ACCOUNT_TRADING] == 0:
        return
    before, after = s.monitors[i, MONITOR_QUANTITY], tradable_lots(s, i)
    s.account[ACCOUNT_TOUCHED] = 1
    s.monitors[i, MONITOR_QUANTITY] = after
    if s.monitors[i, MONITOR_POSITION] == 0 and after != 0:
        open_trip(s, i, after)
        before = after
    add_to_trip(s, i, MONITOR_REALIZED, realized)
    add_to_trip(s, i, MONITOR_FEES, fee)
    if before != 0 and (after == 0 or (before > 0) != (after > 0)):
        close_trip(s, i)
        if after != 0:
            open_trip(s, i, after)
    elif after != 0:
        s.monitors[i, MONITOR_BASE] = max(s.monitors[i, MONITOR_BASE], abs(after))
    renew_held(s, i)


@loop_door
def note_late_position(s: Core, i: int, realized: int, fee: int, signal: int) -> None:
    """Do so after a late fill: a trip that it opens follows its order's signal, whose entry has ended.

    Where a guard had closed everything before it came, it is closed as well.
    """
    if s.account[ACCOUNT_TRADING] == 0:
        return
    has_entry = s.monitors[i, ENTRY_SIGNAL] != 0
    if not has_entry:
        s.monitors[i, ENTRY_SIGNAL] = signal
        s.monitors[i, ENTRY_CLASS] = CLASS_MEDIUM
    note_position(s, i, realized, fee)
    if tradable_lots(s, i) != 0:
        close_again(s)
    if not has_entry:
        s.monitors[i, ENTRY_SIGNAL] = 0
        s.monitors[i, ENTRY_CLASS] = 0
        renew_held(s, i)


@kernel
def add_to_trip(s: Core, i: int, column: int, minor: int) -> None:
    """Add money to a trip's sum; one that does not fit is left out (the ledger has faulted then)."""
    total = add_checked(s.monitors[i, column], minor)
    if total != OVERFLOW:
        s.monitors[i, column] = total


@kernel
def open_trip(s: Core, i: int, lots: int) -> None:
    """Begin a trip with `lots` held; what its entry's signal said goes with it."""
    number = s.account[ACCOUNT_NEXT_POSITION]
    s.account[ACCOUNT_NEXT_POSITION] = number + 1
    s.monitors[i, MONITOR_POSITION] = number
    s.monitors[i, MONITOR_DIRECTION] = 1 if lots > 0 else -1
    s.monitors[i, MONITOR_OPENED] = s.account[ACCOUNT_NOW]
    s.monitors[i, MONITOR_BASE] = abs(lots)
    is_signalled = s.monitors[i, ENTRY_SIGNAL] != 0
    s.monitors[i, MONITOR_SIGNAL] = s.monitors[i, ENTRY_SIGNAL]
    s.monitors[i, MONITOR_CLASS] = s.monitors[i, ENTRY_CLASS] if is_signalled else CLASS_MEDIUM
    s.monitors[i, MONITOR_TARGET_GOAL] = s.monitors[i, ENTRY_GOAL] if is_signalled else NOT_GIVEN
    s.monitors[i, MONITOR_MARKS] = 0
    journal_trip(s, i, KIND_POSITION_OPENED, 0)


@kernel
def close_trip(s: Core, i: int) -> None:
    """End a trip: tell what came of it, and forget it."""
    reason = 0
    if s.monitors[i, EXIT_PHASE] != PHASE_IDLE:
        reason = s.monitors[i, EXIT_REASON]
    journal_trip(s, i, KIND_POSITION_CLOSED, reason)
    result = add_checked(s.monitors[i, MONITOR_REALIZED], -s.monitors[i, MONITOR_FEES])
    note_trip_closed(s, i, reason, result)
    for column in (
        MONITOR_POSITION,
        MONITOR_DIRECTION,
        MONITOR_BASE,
        MONITOR_SIGNAL,
        MONITOR_CLASS,
        MONITOR_REALIZED,
        MONITOR_FEES,
        MONITOR_STAGES,
        MONITOR_PEAK,
        MONITOR_STOP,
        MONITOR_FIRED,
    ):
        s.monitors[i, column] = 0
    if s.monitors[i, EXIT_PHASE] == PHASE_IDLE:
        s.monitors[i, EXIT_ALERTED] = 0  # the next position that cannot be closed is told of again
    s.monitors[i, MONITOR_TARGET_GOAL] = NOT_GIVEN
    s.monitors[i, MONITOR_WANTS] = s.monitors[i, MONITOR_WANTS] & ~WANTS_EXIT


@kernel
def journal_trip(s: Core, i: int, kind: int, reason: int) -> None:
    """Record the beginning or the end of a trip."""
    n = journal_row(s, kind, i)
    s.journal[n, TRIP_POSITION] = s.monitors[i, MONITOR_POSITION]
    s.journal[n, TRIP_DIRECTION] = s.monitors[i, MONITOR_DIRECTION]
    s.journal[n, TRIP_SIGNAL] = s.monitors[i, MONITOR_SIGNAL]
    s.journal[n, TRIP_REASON] = reason
    s.journal[n, TRIP_REALIZED] = s.monitors[i, MONITOR_REALIZED]
    s.journal[n, TRIP_FEES] = s.monitors[i, MONITOR_FEES]
    s.journal[n, TRIP_BASE] = s.monitors[i, MONITOR_BASE]
    s.journal[n, TRIP_SINCE] = s.monitors[i, MONITOR_OPENED]
