"""Sliding windows: the state machines from which the indicators are made.

The problem: a window of n values must be kept in a flat float64 block, in constant time per value,
with the same bits whether values come one by one or by the million.

Options for a rolling sum: add all n values each time (exact, n times slower); add the new and
subtract the old (fast, but roundings pile up without bound, and one huge value spoils the rest of
the series); a compensated sum (four times the work). The choice: add the difference of new and old,
and each time the ring has come round, that is every n values, add the window afresh from left to
right. The error is then bounded by 2n roundings of the values in sight, for one more
addition per value. Sums of squares are kept around a nearby value (the shift) and renewed as soon
as cancellation has cost six digits; a window of equal values has a deviation of exactly zero.

Rules that hold for every function here:

- A block of zeros is a fresh machine. `base` is where this machine's part of `state` begins.
- Only defined values are pushed; the caller skips NaN, so that an undefined value leaves the
  window as it is and the window counts defined values.
- The result is NaN until the window is full.
"""

from __future__ import annotations

import math
from typing import Protocol

from engine.jit import kernel

NAN = math.nan

# Sums of squares are renewed when less than this part of them is left: about six of the sixteen
# digits are lost by then, ten remain.
RENEWAL_RATIO = 1e-6


class Floats(Protocol):
    """A one-dimensional block of float64: a numpy array when compiled, else a memoryview."""

    def __len__(self) -> int: ...

    def __getitem__(self, index: int, /) -> float: ...

    def __setitem__(self, index: int, value: float, /) -> None: ...


@kernel
def larger(a: float, b: float) -> float:
    """Return the larger; spelled out because `max` treats NaN and -0.0 in its own way."""
    return b if b > a else a  # noqa: FURB136


@kernel
def smaller(a: float, b: float) -> float:
    """Return the smaller; see `larger`."""
    return b if b < a else a  # noqa: FURB136


@kernel
def finite_or_nan(x: float) -> float:
    """Return `x`, or the one NaN for anything that is not a finite number.

    Also a matter of bits: NaN has many, and processors and compilers choose differently.
    """
    return x if x - x == 0.0 else NAN


# state of a sum: count, position, total, then the ring of n values
SUM_RING = 3


@kernel
def step_sum(
    x: float, n: int, count: float, position: int, total: float, state: Floats, ring: int
) -> tuple[float, int, float]:
    """Push `x` into a sum whose numbers are at hand; return them anew.

    Shared by the single step, which keeps them in the block, and by the loops, which keep them in
    registers: that is twice as fast.
    """
    if count < n:
        count += 1.0
        total += x
    else:
        total += x - state[ring + position]
    state[ring + position] = x
    position += 1
    if position == n:
        position = 0
        total = 0.0
        for i in range(n):
            total += state[ring + i]
    return count, position, total


@kernel
def slide_sum(x: float, n: int, state: Floats, base: int) -> float:
    """Push `x` and return the sum of the last `n` values. State: ``n + 3``."""
    count, position, total = step_sum(
        x, n, state[base], int(state[base + 1]), state[base + 2], state, base + SUM_RING
    )
    state[base] = count
    state[base + 1] = position
    state[base + 2] = total
    return total if count >= n else NAN


# state of a weighted sum: count, position, total, weighted total, then the ring
WEIGHTED_RING = 4


@kernel
def slide_weighted_sum(x: float, n: int, state: Floats, base: int) -> float:
    """Push `x`; return the sum of the last `n` values weighted 1 (oldest) to n. State: ``n + 4``."""
    count = state[base]
    position = int(state[base + 1])
    total = state[base + 2]
    weighted = state[base + 3]
    ring = base + WEIGHTED_RING
    if count < n:
        count += 1.0
        state[base] = count
        weighted += count * x
    else:
        weighted = weighted - total + n * x
        total -= state[ring + position]
    total += x
    state[ring + position] = x
    position += 1
    if position == n:
        position = 0
        total = 0.0
        weighted = 0.0
        for i in range(n):
            total += state[ring + i]
            weighted += (i + 1.0) * state[ring + i]
    state[base + 1] = position
    state[base + 2] = total
    state[base + 3] = weighted
    return weighted if count >= n else NAN


# state of an extreme: values seen, head, size, then n values and the n times they came
EXTREME_RING = 3


@kernel
def slide_highest(x: float, n: int, state: Floats, base: int) -> float:
    """Push `x` and return the largest of the last `n` values. State: ``2 n + 3``.

    A monotonic queue: a value that is not larger than a later one can never be the answer, so
    each value enters and leaves once. Push ``-x`` for the smallest.
    """
    clock = state[base] + 1.0
    head = int(state[base + 1])
    size = int(state[base + 2])
    values = base + EXTREME_RING
    times = values + n
    if size > 0 and state[times + head] <= clock - n:
        head += 1
        if head == n:
            head = 0
        size -= 1
    tail = head + size
    if tail >= n:
        tail -= n
    while size > 0:
        last = tail - 1 if tail > 0 else n - 1
        if state[values + last] > x:
            break
        tail = last
        size -= 1
    state[values + tail] = x
    state[times + tail] = clock
    state[base] = clock
    state[base + 1] = head
    state[base + 2] = size + 1
    return state[values + head] if clock >= n else NAN


# state of moments: count, position, shift, sum, sum of squares, their peak, run of equal values,
# last value, then the ring
MOMENTS_RING = 8


@kernel
def slide_moments(x: float, n: int, state: Floats, base: int) -> float:
    """Push `x`; return the sum of squared deviations from the mean. State: ``n + 8``."""
    position = int(state[base + 1])
    ring = base + MOMENTS_RING
    shifted = x - state[base + 2]
    if state[base] < n:
        state[base] += 1.0
    else:
        left = state[ring + position] - state[base + 2]
        state[base + 3] -= left
        state[base + 4] -= left * left
    state[base + 3] += shifted
    state[base + 4] += shifted * shifted
    state[base + 5] = larger(state[base + 5], state[base + 4])
    state[base + 6] = state[base + 6] + 1.0 if x == state[base + 7] else 1.0
    state[base + 7] = x
    state[ring + position] = x
    position += 1
    if position == n:
        position = 0
    state[base + 1] = position
    if state[base] < n:
        return NAN
    if position == 0:
        _renew_moments(x, n, state, base)
    if state[base + 6] >= n:
        return 0.0
    squares = _centered(n, state, base)
    if squares < RENEWAL_RATIO * state[base + 5]:
        _renew_moments(x, n, state, base)
        squares = _centered(n, state, base)
    return larger(squares, 0.0)


@kernel
def _centered(n: int, state: Floats, base: int) -> float:
    return state[base + 4] - state[base + 3] * state[base + 3] / n


@kernel
def _renew_moments(shift: float, n: int, state: Floats, base: int) -> None:
    total = 0.0
    squares = 0.0
    for i in range(n):
        difference = state[base + MOMENTS_RING + i] - shift
        total += difference
        squares += difference * difference
    state[base + 2] = shift
    state[base + 3] = total
    state[base + 4] = squares
    state[base + 5] = squares


# state of two series together: count, position, shifts of x and y, sums of x, y, xx, yy, xy,
# peaks of xx and yy, runs of equal x and y, then the results xx, yy, xy; then the two rings
PAIR_SHIFTS = 2
PAIR_SUMS = 4
PAIR_PEAKS = 9
PAIR_RUNS = 11
PAIR_RESULTS = 13
PAIR_RINGS = 16


@kernel
def slide_pair(x: float, y: float, n: int, state: Floats, base: int) -> bool:
    """Push a pair; return whether the window is full. State: ``2 n + 16``.

    The sums of squared deviations of x, of y, and of their products are then at
    ``base + PAIR_RESULTS``, in this order.
    """
    position = int(state[base + 1])
    ring_x = base + PAIR_RINGS
    ring_y = ring_x + n
    newest = position - 1 if position > 0 else n - 1
    _count_run(x, state[ring_x + newest], state, base)
    _count_run(y, state[ring_y + newest], state, base + 1)
    if state[base] < n:
        state[base] += 1.0
    else:
        _add_pair(state[ring_x + position], state[ring_y + position], -1.0, state, base)
    _add_pair(x, y, 1.0, state, base)
    state[ring_x + position] = x
    state[ring_y + position] = y
    position += 1
    if position == n:
        position = 0
    state[base + 1] = position
    if state[base] < n:
        return False
    _pair_results(n, state, base)
    if position == 0 or _is_pair_worn(n, state, base):
        _renew_pair(x, y, n, state, base)
        _pair_results(n, state, base)
    return True


@kernel
def _count_run(value: float, before: float, state: Floats, base: int) -> None:
    run = base + PAIR_RUNS
    state[run] = state[run] + 1.0 if value == before and state[run] > 0.0 else 1.0


@kernel
def _add_pair(x: float, y: float, sign: float, state: Floats, base: int) -> None:
    dx = x - state[base + PAIR_SHIFTS]
    dy = y - state[base + PAIR_SHIFTS + 1]
    sums = base + PAIR_SUMS
    state[sums] += sign * dx
    state[sums + 1] += sign * dy
    state[sums + 2] += sign * (dx * dx)
    state[sums + 3] += sign * (dy * dy)
    state[sums + 4] += sign * (dx * dy)
    peaks = base + PAIR_PEAKS
    state[peaks] = larger(state[peaks], state[sums + 2])
    state[peaks + 1] = larger(state[peaks + 1], state[sums + 3])


@kernel
def _pair_results(n: int, state: Floats, base: int) -> None:
    sums = base + PAIR_SUMS
    results = base + PAIR_RESULTS
    for i in range(2):
        squares = state[sums + 2 + i] - state[sums + i] * state[sums + i] / n
        is_flat = state[base + PAIR_RUNS + i] >= n
        state[results + i] = 0.0 if is_flat else larger(squares, 0.0)
    state[results + 2] = state[sums + 4] - state[sums] * state[sums + 1] / n


@kernel
def _is_pair_worn(n: int, state: Floats, base: int) -> bool:
    """Return whether cancellation has eaten into a result; the zero of a flat run is exact."""
    for i in range(2):
        is_flat = state[base + PAIR_RUNS + i] >= n
        limit = RENEWAL_RATIO * state[base + PAIR_PEAKS + i]
        if not is_flat and state[base + PAIR_RESULTS + i] < limit:
            return True
    return False


@kernel
def _renew_pair(x: float, y: float, n: int, state: Floats, base: int) -> None:
    state[base + PAIR_SHIFTS] = x
    state[base + PAIR_SHIFTS + 1] = y
    for i in range(PAIR_SUMS, PAIR_PEAKS + 2):
        state[base + i] = 0.0
    for i in range(n):
        _add_pair(state[base + PAIR_RINGS + i], state[base + PAIR_RINGS + n + i], 1.0, state, base)
    # What was added up afresh has lost nothing yet.
    state[base + PAIR_PEAKS] = state[base + PAIR_SUMS + 2]
    state[base + PAIR_PEAKS + 1] = state[base + PAIR_SUMS + 3]
