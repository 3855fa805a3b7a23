"""Rings of times, held against a list that keeps everything."""

from __future__ import annotations

from typing import Any

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from engine.jit import as_plain
from engine.kernels.windows import count_since, empty_ring, entry_of, push_time
from engine.model.trading_layout import RING_CAPACITY, RINGS_ROWS, RINGS_WIDTH


def new_rings() -> Any:
    return as_plain(np.zeros((RINGS_ROWS, RINGS_WIDTH), dtype=np.int64))


@given(
    steps=st.lists(st.integers(0, 5), max_size=30),
    later=st.integers(0, 10),
    window=st.integers(1, 20),
)
def test_a_window_holds_what_is_younger_than_it(steps: list[int], later: int, window: int) -> None:
    rings, times, now = new_rings(), [], 100
    for step in steps:
        now += step
        times.append(now)
        push_time(rings, 3, now)
    now += later
    assert count_since(rings, 3, now, window) == sum(now - ts < window for ts in times)
    assert [entry_of(rings, 3, n) for n in range(len(times))] == times[::-1]
    assert count_since(rings, 2, now, window) == 0


def test_a_ring_keeps_its_newest_entries() -> None:
    rings = new_rings()
    for ts in range(1000):
        push_time(rings, 0, ts)
    assert count_since(rings, 0, 1000, 1001) == RING_CAPACITY
    assert entry_of(rings, 0, 0) == 999
    assert entry_of(rings, 0, RING_CAPACITY - 1) == 1000 - RING_CAPACITY


def test_an_emptied_ring_holds_nothing() -> None:
    rings = new_rings()
    push_time(rings, 0, 5)
    empty_ring(rings, 0)
    assert count_since(rings, 0, 5, 100) == 0
