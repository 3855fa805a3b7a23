"""Volume, and two series together: OBV, session VWAP, correlation and beta."""

from __future__ import annotations

import math
from math import isnan

from engine.jit import kernel
from engine.kernels.indicators_windows import (
    NAN,
    PAIR_RESULTS,
    Floats,
    finite_or_nan,
    slide_pair,
)

OBV_SIZE = 3


@kernel
def update_obv(a: float, b: float, c: float, params: Floats, state: Floats) -> float:
    """On-balance volume of close `a` and volume `b`; begins with the first bar's volume."""
    if isnan(a) or isnan(b):
        return NAN
    if state[0] == 0.0:
        state[0] = 1.0
        state[2] = b
    elif a > state[1]:
        state[2] += b
    elif a < state[1]:
        state[2] -= b
    state[1] = a
    return finite_or_nan(state[2])


@kernel
def batch_obv(
    in0: Floats, in1: Floats, in2: Floats, params: Floats, state: Floats, out: Floats
) -> None:
    """Loop over `update_obv`."""
    for i in range(len(out)):
        out[i] = update_obv(in0[i], in1[i], in2[i], params, state)


# state: whether a session was seen, its key, sum of price x volume, sum of volume
SESSION_VWAP_SIZE = 4


@kernel
def update_session_vwap(a: float, b: float, c: float, params: Floats, state: Floats) -> float:
    """Average of price `a` weighted by volume `b` since session `c` began."""
    if isnan(a) or isnan(b) or isnan(c):
        return NAN
    if state[0] == 0.0 or state[1] != c:
        state[0] = 1.0
        state[1] = c
        state[2] = 0.0
        state[3] = 0.0
    state[2] += a * b
    state[3] += b
    return finite_or_nan(state[2] / state[3]) if state[3] != 0.0 else NAN


@kernel
def batch_session_vwap(
    in0: Floats, in1: Floats, in2: Floats, params: Floats, state: Floats, out: Floats
) -> None:
    """Loop over `update_session_vwap`."""
    for i in range(len(out)):
        out[i] = update_session_vwap(in0[i], in1[i], in2[i], params, state)


@kernel
def update_correlation(a: float, b: float, c: float, params: Floats, state: Floats) -> float:
    """Pearson correlation of the last n pairs; undefined where one of them does not vary."""
    if isnan(a) or isnan(b) or not slide_pair(a, b, int(params[0]), state, 0):
        return NAN
    scale = math.sqrt(state[PAIR_RESULTS]) * math.sqrt(state[PAIR_RESULTS + 1])
    if not scale > 0.0:
        return NAN
    value = state[PAIR_RESULTS + 2] / scale
    if value > 1.0:
        return 1.0
    return -1.0 if value < -1.0 else finite_or_nan(value)


@kernel
def batch_correlation(
    in0: Floats, in1: Floats, in2: Floats, params: Floats, state: Floats, out: Floats
) -> None:
    """Loop over `update_correlation`."""
    for i in range(len(out)):
        out[i] = update_correlation(in0[i], in1[i], in2[i], params, state)


# state of beta: whether a pair was seen, that pair, then the pair of returns
BETA_PAIR = 3


@kernel
def update_beta(a: float, b: float, c: float, params: Floats, state: Floats) -> float:
    """Slope of the 1-bar returns of `a` on those of `b` over n bars."""
    if isnan(a) or isnan(b):
        return NAN
    before_a, before_b, is_first = state[1], state[2], state[0] == 0.0
    state[0] = 1.0
    state[1] = a
    state[2] = b
    if is_first or before_a == 0.0 or before_b == 0.0:
        return NAN
    return_a = (a - before_a) / before_a
    return_b = (b - before_b) / before_b
    if not slide_pair(return_b, return_a, int(params[0]), state, BETA_PAIR):
        return NAN
    variation = state[BETA_PAIR + PAIR_RESULTS]
    if not variation > 0.0:
        return NAN
    return finite_or_nan(state[BETA_PAIR + PAIR_RESULTS + 2] / variation)


@kernel
def batch_beta(
    in0: Floats, in1: Floats, in2: Floats, params: Floats, state: Floats, out: Floats
) -> None:
    """Loop over `update_beta`."""
    for i in range(len(out)):
        out[i] = update_beta(in0[i], in1[i], in2[i], params, state)
