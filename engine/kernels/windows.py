"""Rings of times, and how many of them lie in a window.

Windows are half-open: a time exactly as old as the window is outside. A ring keeps its newest
RING_CAPACITY entries, more than any window may be asked to hold.
"""

from __future__ import annotations

from engine.jit import kernel
from engine.model.trading_layout import RING_CAPACITY, RING_COUNT, RING_FIRST, RING_HEAD
from engine.state import Table


@kernel
def push_time(rings: Table, ring: int, ts: int) -> None:
    """Put a time into a ring; times come in order."""
    head = rings[ring, RING_HEAD]
    rings[ring, RING_FIRST + head] = ts
    rings[ring, RING_HEAD] = (head + 1) % RING_CAPACITY
    rings[ring, RING_COUNT] = min(rings[ring, RING_COUNT] + 1, RING_CAPACITY)


@kernel
def entry_of(rings: Table, ring: int, n: int) -> int:
    """Return the `n`-th newest entry of a ring, 0 the newest; there must be one."""
    place = (rings[ring, RING_HEAD] - 1 - n) % RING_CAPACITY
    entry: int = rings[ring, RING_FIRST + place]
    return entry


@kernel
def count_since(rings: Table, ring: int, now: int, window: int) -> int:
    """Return how many times of a ring are younger than `window` at `now`."""
    total = rings[ring, RING_COUNT]
    count = 0
    while count < total and now - entry_of(rings, ring, count) < window:
        count += 1
    return count


@kernel
def empty_ring(rings: Table, ring: int) -> None:
    """Forget a ring's entries."""
    rings[ring, RING_HEAD] = 0
    rings[ring, RING_COUNT] = 0
