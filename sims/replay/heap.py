"""The order of lanes: a heap by the time of their next step; of equal times the lower lane comes first."""

from __future__ import annotations

from engine.jit import kernel
from engine.kernels.money import INT64_MAX
from engine.state import Table
from sims.replay.layout import (
    LANE_NEXT_TS,
    LANE_PLACE,
    TURN_SIZE,
)

NEVER = INT64_MAX


@kernel
def comes_before(lanes: Table, a: int, b: int) -> bool:
    """Return whether lane `a` steps before lane `b`."""
    if lanes[a, LANE_NEXT_TS] != lanes[b, LANE_NEXT_TS]:
        return lanes[a, LANE_NEXT_TS] < lanes[b, LANE_NEXT_TS]
    return a < b


@kernel
def sift_up(lanes: Table, heap: Table, place: int) -> None:
    """Move the lane at `place` towards the root as far as it comes earlier."""
    k = heap[place]
    while place > 0:
        parent = (place - 1) // 2
        if not comes_before(lanes, k, heap[parent]):
            break
        heap[place] = heap[parent]
        lanes[heap[place], LANE_PLACE] = place
        place = parent
    heap[place] = k
    lanes[k, LANE_PLACE] = place


@kernel
def sift_down(lanes: Table, heap: Table, size: int, place: int) -> None:
    """Move the lane at `place` away from the root as far as it comes later."""
    k = heap[place]
    while True:
        child = 2 * place + 1
        if child >= size:
            break
        if child + 1 < size and comes_before(lanes, heap[child + 1], heap[child]):
            child += 1
        if not comes_before(lanes, heap[child], k):
            break
        heap[place] = heap[child]
        lanes[heap[place], LANE_PLACE] = place
        place = child
    heap[place] = k
    lanes[k, LANE_PLACE] = place


@kernel
def schedule(lanes: Table, heap: Table, turn: Table, k: int, ts: int) -> None:
    """Set the time of a lane's next step; NEVER takes it out of the heap."""
    place, size = lanes[k, LANE_PLACE], turn[TURN_SIZE]
    lanes[k, LANE_NEXT_TS] = ts
    if ts != NEVER:
        if place < 0:
            place = size
            heap[place] = k
            turn[TURN_SIZE] = size + 1
        sift_up(lanes, heap, place)
        sift_down(lanes, heap, turn[TURN_SIZE], lanes[k, LANE_PLACE])
    elif place >= 0:
        last = heap[size - 1]
        turn[TURN_SIZE] = size - 1
        lanes[k, LANE_PLACE] = -1
        if last != k:
            heap[place] = last
            sift_up(lanes, heap, place)
            sift_down(lanes, heap, size - 1, lanes[last, LANE_PLACE])
