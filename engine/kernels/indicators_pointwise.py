"""What looks at one bar, or at a bar and the one before: arithmetic, comparison, logic, crossing.

A condition is 1.0 (true), 0.0 (false) or NaN (undefined), with Kleene's logic: a comparison with an
undefined number is undefined, `not` of undefined is undefined, but ``false and undefined`` is false
and ``true or undefined`` is true whatever the unknown would turn out to be.

One entry point serves a family of operators, chosen by ``params[0]``: a compiled loop each would
cost more to compile than it saves.
"""

from __future__ import annotations

import math
from math import isnan
from typing import Protocol

from engine.jit import kernel
from engine.kernels.indicators_windows import NAN, Floats, finite_or_nan, larger, smaller


class Indices(Protocol):
    """A one-dimensional block of int64."""

    def __setitem__(self, index: int, value: int, /) -> None: ...


ADD, SUBTRACT, MULTIPLY, DIVIDE, NEGATE, ABSOLUTE, MINIMUM, MAXIMUM, ROOT = range(9)
GREATER, GREATER_EQUAL, EQUAL, UNEQUAL = range(4)
AND, OR, NOT, WHERE = range(4)


@kernel
def update_arithmetic(a: float, b: float, c: float, params: Floats, state: Floats) -> float:
    """Arithmetic of one bar; what is not a finite number (division by zero) is undefined."""
    operator = int(params[0])
    if operator == ADD:
        return finite_or_nan(a + b)
    if operator == SUBTRACT:
        return finite_or_nan(a - b)
    if operator == MULTIPLY:
        return finite_or_nan(a * b)
    if operator == DIVIDE:
        return finite_or_nan(a / b) if b != 0.0 else NAN
    if operator == NEGATE:
        return finite_or_nan(-a)
    if operator == ABSOLUTE:
        return finite_or_nan(abs(a))
    if operator == ROOT:
        return finite_or_nan(math.sqrt(a)) if a >= 0.0 else NAN
    if isnan(a) or isnan(b):
        return NAN
    if operator == MINIMUM:
        return finite_or_nan(smaller(a, b))
    return finite_or_nan(larger(a, b))


@kernel
def batch_arithmetic(
    in0: Floats, in1: Floats, in2: Floats, params: Floats, state: Floats, out: Floats
) -> None:
    """Loop over `update_arithmetic`."""
    for i in range(len(out)):
        out[i] = update_arithmetic(in0[i], in1[i], in2[i], params, state)


@kernel
def update_comparison(a: float, b: float, c: float, params: Floats, state: Floats) -> float:
    """Compare two numbers; undefined where one of them is."""
    if isnan(a) or isnan(b):
        return NAN
    operator = int(params[0])
    if operator == GREATER:
        is_true = a > b
    elif operator == GREATER_EQUAL:
        is_true = a >= b
    elif operator == EQUAL:
        is_true = a == b
    else:
        is_true = a != b
    return 1.0 if is_true else 0.0


@kernel
def batch_comparison(
    in0: Floats, in1: Floats, in2: Floats, params: Floats, state: Floats, out: Floats
) -> None:
    """Loop over `update_comparison`."""
    for i in range(len(out)):
        out[i] = update_comparison(in0[i], in1[i], in2[i], params, state)


@kernel
def update_logic(a: float, b: float, c: float, params: Floats, state: Floats) -> float:
    """Kleene's and, or, not; and ``where(a, b, c)``, undefined where `a` is."""
    operator = int(params[0])
    if operator == AND:
        if a == 0.0 or b == 0.0:
            return 0.0
        return 1.0 if a == 1.0 and b == 1.0 else NAN
    if operator == OR:
        if a == 1.0 or b == 1.0:
            return 1.0
        return 0.0 if a == 0.0 and b == 0.0 else NAN
    if isnan(a):
        return NAN
    if operator == NOT:
        return 1.0 - a
    return finite_or_nan(b if a == 1.0 else c)


@kernel
def batch_logic(
    in0: Floats, in1: Floats, in2: Floats, params: Floats, state: Floats, out: Floats
) -> None:
    """Loop over `update_logic`."""
    for i in range(len(out)):
        out[i] = update_logic(in0[i], in1[i], in2[i], params, state)


CROSS_SIZE = 2


@kernel
def update_cross_above(a: float, b: float, c: float, params: Floats, state: Floats) -> float:
    """1.0 where `a` > `b` now and `a` <= `b` at the last bar at which both were defined."""
    if isnan(a) or isnan(b):
        return NAN
    # state: whether a pair was seen, whether it was at or below
    was_seen, was_below = state[0], state[1]
    state[0] = 1.0
    state[1] = 1.0 if a <= b else 0.0
    if was_seen == 0.0:
        return NAN
    return 1.0 if was_below == 1.0 and a > b else 0.0


@kernel
def batch_cross_above(
    in0: Floats, in1: Floats, in2: Floats, params: Floats, state: Floats, out: Floats
) -> None:
    """Loop over `update_cross_above`."""
    for i in range(len(out)):
        out[i] = update_cross_above(in0[i], in1[i], in2[i], params, state)


@kernel
def crossings(
    a: Floats, b: Floats, rows: Indices, bits: Indices, up_bits: int, down_bits: int
) -> int:
    """Write the bars at which `a` crosses `b`, and which way; return how many.

    The bars at which `update_cross_above` of `a` and `b` is 1.0 get `up_bits`, those at which it is of
    `b` and `a` get `down_bits`; a way whose bits are 0 is left out.
    """
    count, side = 0, -2  # of the last bar at which both were defined; -2: there was none
    for i in range(len(a)):
        x, y = a[i], b[i]
        now = side
        if x > y:
            now = 1
        elif x < y:
            now = -1
        elif x == y:
            now = 0
        if now != side:
            found = up_bits if now == 1 else down_bits
            if side != -2 and now != 0 and found != 0:
                rows[count] = i
                bits[count] = found
                count += 1
            side = now
    return count


# state of a lag: count, position, then the ring of n values
LAG_RING = 2


@kernel
def _swap_lag(x: float, n: int, state: Floats) -> float:
    """Push `x` and return the value pushed n times before it, NaN when there is none."""
    position = int(state[1])
    before = state[LAG_RING + position] if state[0] >= n else NAN
    state[LAG_RING + position] = x
    state[1] = position + 1 if position + 1 < n else 0
    if state[0] < n:
        state[0] += 1.0
    return before


@kernel
def update_lag(a: float, b: float, c: float, params: Floats, state: Floats) -> float:
    """The value n bars ago, undefined where it was undefined."""
    return finite_or_nan(_swap_lag(finite_or_nan(a), int(params[0]), state))


@kernel
def batch_lag(
    in0: Floats, in1: Floats, in2: Floats, params: Floats, state: Floats, out: Floats
) -> None:
    """Loop over `update_lag`."""
    for i in range(len(out)):
        out[i] = update_lag(in0[i], in1[i], in2[i], params, state)


@kernel
def update_returns(a: float, b: float, c: float, params: Floats, state: Floats) -> float:
    """Simple return over n bars; undefined from zero."""
    return change(a, _swap_lag(finite_or_nan(a), int(params[0]), state))


@kernel
def change(now: float, before: float) -> float:
    """What a value has gained since, as a fraction of what it was; undefined from zero."""
    if isnan(before) or before == 0.0:
        return NAN
    return finite_or_nan((now - before) / before)


@kernel
def batch_change(
    in0: Floats, in1: Floats, in2: Floats, params: Floats, state: Floats, out: Floats
) -> None:
    """Loop over `change`, where the values before are at hand."""
    for i in range(len(out)):
        out[i] = change(in0[i], in1[i])


@kernel
def batch_returns(
    in0: Floats, in1: Floats, in2: Floats, params: Floats, state: Floats, out: Floats
) -> None:
    """Loop over `update_returns`."""
    for i in range(len(out)):
        out[i] = update_returns(in0[i], in1[i], in2[i], params, state)


@kernel
def update_bars_since(a: float, b: float, c: float, params: Floats, state: Floats) -> float:
    """Bars since condition `a` was last true, 0 at that bar; undefined before the first time."""
    if a == 1.0:
        state[0] = 1.0
        state[1] = 0.0
        return 0.0
    state[1] += 1.0
    return state[1] if state[0] == 1.0 else NAN


@kernel
def batch_bars_since(
    in0: Floats, in1: Floats, in2: Floats, params: Floats, state: Floats, out: Floats
) -> None:
    """Loop over `update_bars_since`."""
    for i in range(len(out)):
        out[i] = update_bars_since(in0[i], in1[i], in2[i], params, state)
