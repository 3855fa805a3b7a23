"""Waits as state: slots with the time at which each ends, and a heap of them by time and number.

A slot belongs to an instrument, then to a latch, then to the account. Of a slot one wait runs at a
time; setting it anew replaces it, NEVER ends it.
"""

from __future__ import annotations

from engine.jit import kernel, loop_door
from engine.model.layout import ACCOUNT_NEXT_WAKE, ACCOUNT_NOW, ACCOUNT_TOUCHED
from engine.model.trading_layout import LATCHES_ROWS, NEVER, WAKE_AT, WAKE_PLACE
from engine.state import Core


@kernel
def latch_slot(s: Core, latch: int) -> int:
    """Return the slot of a latch."""
    return s.monitors.shape[0] + latch


@kernel
def account_slot(s: Core, place: int) -> int:
    """Return one of the account's own slots (WAKE_LOSS and the like)."""
    return s.monitors.shape[0] + LATCHES_ROWS + place


@kernel
def queue_length(s: Core) -> int:
    """Return how many slots wait; the number stands in the last place of `queue`."""
    length: int = s.queue[s.queue.shape[0] - 1]
    return length


@kernel
def ends_before(s: Core, a: int, b: int) -> bool:
    """Return whether slot `a` is due before slot `b`."""
    if s.wakes[a, WAKE_AT] != s.wakes[b, WAKE_AT]:
        return s.wakes[a, WAKE_AT] < s.wakes[b, WAKE_AT]
    return a < b


@kernel
def put_slot(s: Core, slot: int, place: int) -> None:
    """Let a slot stand at a place of the heap."""
    s.queue[place] = slot
    s.wakes[slot, WAKE_PLACE] = place + 1


@kernel
def rise(s: Core, place: int) -> None:
    """Move the slot at `place` towards the root as far as it is due earlier."""
    slot = s.queue[place]
    while place > 0 and ends_before(s, slot, s.queue[(place - 1) // 2]):
        put_slot(s, s.queue[(place - 1) // 2], place)
        place = (place - 1) // 2
    put_slot(s, slot, place)


@kernel
def sink(s: Core, place: int) -> None:
    """Move the slot at `place` away from the root as far as it is due later."""
    slot, length = s.queue[place], queue_length(s)
    while 2 * place + 1 < length:
        child = 2 * place + 1
        if child + 1 < length and ends_before(s, s.queue[child + 1], s.queue[child]):
            child += 1
        if not ends_before(s, s.queue[child], slot):
            break
        put_slot(s, s.queue[child], place)
        place = child
    put_slot(s, slot, place)


@kernel
def set_wake(s: Core, slot: int, at: int) -> None:
    """Let a slot's wait end at `at`, after now at the earliest; NEVER ends it without a wake."""
    at = max(at, s.account[ACCOUNT_NOW] + 1)
    if s.wakes[slot, WAKE_AT] == at:
        return
    place, last = s.wakes[slot, WAKE_PLACE] - 1, s.queue.shape[0] - 1
    length = queue_length(s)
    s.wakes[slot, WAKE_AT] = at
    if at == NEVER:
        if place >= 0:
            s.wakes[slot, WAKE_PLACE] = 0
            s.queue[last] = length - 1
            moved = s.queue[length - 1]
            s.queue[length - 1] = 0
            if moved != slot:
                put_slot(s, moved, place)
                rise(s, place)
                sink(s, s.wakes[moved, WAKE_PLACE] - 1)
    else:
        if place < 0:
            place = length
            s.queue[last] = length + 1
            put_slot(s, slot, place)
        rise(s, place)
        sink(s, s.wakes[slot, WAKE_PLACE] - 1)
    s.account[ACCOUNT_NEXT_WAKE] = next_wake(s)


@kernel
def next_wake(s: Core) -> int:
    """Return when the earliest wait ends, or NEVER."""
    if queue_length(s) == 0:
        return NEVER
    at: int = s.wakes[s.queue[0], WAKE_AT]
    return at


@loop_door
def take_due(s: Core) -> None:
    """End the waits that are due now; what they were for looks at the time itself."""
    while s.account[ACCOUNT_NEXT_WAKE] <= s.account[ACCOUNT_NOW]:
        slot = s.queue[0]
        s.account[ACCOUNT_TOUCHED] = 1
        end_wait(s, slot)


@kernel
def end_wait(s: Core, slot: int) -> None:
    """End a slot's wait."""
    set_wake(s, slot, NEVER)
