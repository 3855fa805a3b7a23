"""The operations a program is made of: each kernel with the size of its state and its lookback."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeAlias

from engine.kernels import indicators_averages as averages
from engine.kernels import indicators_flows as flows
from engine.kernels import indicators_oscillators as oscillators
from engine.kernels import indicators_pointwise as pointwise
from engine.kernels import indicators_ranges as ranges
from engine.kernels.indicators_windows import (
    EXTREME_RING,
    MOMENTS_RING,
    PAIR_RINGS,
    SUM_RING,
    WEIGHTED_RING,
    Floats,
)

Params: TypeAlias = tuple[float, ...]
Update: TypeAlias = Callable[[float, float, float, Floats, Floats], float]
Batch: TypeAlias = Callable[[Floats, Floats, Floats, Floats, Floats, Floats], None]
Size: TypeAlias = Callable[[Params], int]


@dataclass(frozen=True, slots=True, eq=False)
class Operation:
    """A streaming state machine.

    Attributes
    ----------
    name
        Unique among operations.
    update, batch
        The kernel for one bar, and the loop over it.
    state_size
        Of the parameters: float64 numbers of state; zeros are a fresh machine.
    lookback
        Of the parameters: how many bars after its inputs are defined it is defined itself.
    """

    name: str
    update: Update
    batch: Batch
    state_size: Size
    lookback: Size


def _nothing(_: Params) -> int:
    return 0


def _one(_: Params) -> int:
    return 1


def _window(params: Params) -> int:
    return int(params[0])


def _window_less_one(params: Params) -> int:
    return int(params[0]) - 1


def _fixed(size: int) -> Size:
    return lambda params: size


def _ring(extra: int, rings: int = 1) -> Size:
    return lambda params: rings * int(params[0]) + extra


def _macd_lookback(params: Params) -> int:
    return int(params[1]) + int(params[2]) - 2


def _stochastic_size(params: Params) -> int:
    n, smooth, d = (int(each) for each in params)
    return 2 + 2 * (2 * n + EXTREME_RING) + smooth + d + 2 * SUM_RING


def _stochastic_lookback(params: Params) -> int:
    return int(sum(params)) - 3


def _adx_lookback(params: Params) -> int:
    return 2 * int(params[0]) - 1


ARITHMETIC = Operation(
    "arithmetic", pointwise.update_arithmetic, pointwise.batch_arithmetic, _nothing, _nothing
)
COMPARISON = Operation(
    "comparison", pointwise.update_comparison, pointwise.batch_comparison, _nothing, _nothing
)
LOGIC = Operation("logic", pointwise.update_logic, pointwise.batch_logic, _nothing, _nothing)
CROSS_ABOVE = Operation(
    "cross_above",
    pointwise.update_cross_above,
    pointwise.batch_cross_above,
    _fixed(pointwise.CROSS_SIZE),
    _one,
)
LAG = Operation(
    "lag", pointwise.update_lag, pointwise.batch_lag, _ring(pointwise.LAG_RING), _window
)
RETURNS = Operation(
    "returns",
    pointwise.update_returns,
    pointwise.batch_returns,
    _ring(pointwise.LAG_RING),
    _window,
)
BARS_SINCE = Operation(
    "bars_since", pointwise.update_bars_since, pointwise.batch_bars_since, _fixed(2), _nothing
)
SUM = Operation("sum", averages.update_sum, averages.batch_sum, _ring(SUM_RING), _window_less_one)
SMA = Operation("sma", averages.update_sma, averages.batch_sma, _ring(SUM_RING), _window_less_one)
EMA = Operation(
    "ema", averages.update_ema, averages.batch_ema, _fixed(averages.EMA_SIZE), _window_less_one
)
WMA = Operation(
    "wma", averages.update_wma, averages.batch_wma, _ring(WEIGHTED_RING), _window_less_one
)
MACD = Operation(
    "macd",
    averages.update_macd,
    averages.batch_macd,
    _fixed(averages.MACD_SIZE),
    _macd_lookback,
)
MACD_SIGNAL = Operation(
    "macd_signal",
    averages.update_macd_signal,
    averages.batch_macd_signal,
    _fixed(averages.MACD_SIZE),
    _macd_lookback,
)
HIGHEST = Operation(
    "highest",
    ranges.update_highest,
    ranges.batch_highest,
    _ring(EXTREME_RING, 2),
    _window_less_one,
)
LOWEST = Operation(
    "lowest",
    ranges.update_lowest,
    ranges.batch_lowest,
    _ring(EXTREME_RING, 2),
    _window_less_one,
)
DEVIATION = Operation(
    "deviation",
    ranges.update_deviation,
    ranges.batch_deviation,
    _ring(MOMENTS_RING),
    _window_less_one,
)
TRUE_RANGE = Operation(
    "true_range",
    ranges.update_true_range,
    ranges.batch_true_range,
    _fixed(ranges.TRUE_RANGE_SIZE),
    _one,
)
ATR = Operation("atr", ranges.update_atr, ranges.batch_atr, _fixed(ranges.ATR_SIZE), _window)
RSI = Operation(
    "rsi", oscillators.update_rsi, oscillators.batch_rsi, _fixed(oscillators.RSI_SIZE), _window
)
CCI = Operation(
    "cci", oscillators.update_cci, oscillators.batch_cci, _ring(SUM_RING), _window_less_one
)
STOCHASTIC_K = Operation(
    "stochastic_k",
    oscillators.update_stochastic_k,
    oscillators.batch_stochastic_k,
    _stochastic_size,
    _stochastic_lookback,
)
STOCHASTIC_D = Operation(
    "stochastic_d",
    oscillators.update_stochastic_d,
    oscillators.batch_stochastic_d,
    _stochastic_size,
    _stochastic_lookback,
)
PLUS_DI = Operation(
    "plus_di",
    oscillators.update_plus_di,
    oscillators.batch_plus_di,
    _fixed(oscillators.ADX_SIZE),
    _window,
)
MINUS_DI = Operation(
    "minus_di",
    oscillators.update_minus_di,
    oscillators.batch_minus_di,
    _fixed(oscillators.ADX_SIZE),
    _window,
)
ADX = Operation(
    "adx",
    oscillators.update_adx,
    oscillators.batch_adx,
    _fixed(oscillators.ADX_SIZE),
    _adx_lookback,
)
OBV = Operation("obv", flows.update_obv, flows.batch_obv, _fixed(flows.OBV_SIZE), _nothing)
SESSION_VWAP = Operation(
    "session_vwap",
    flows.update_session_vwap,
    flows.batch_session_vwap,
    _fixed(flows.SESSION_VWAP_SIZE),
    _nothing,
)
CORRELATION = Operation(
    "correlation",
    flows.update_correlation,
    flows.batch_correlation,
    _ring(PAIR_RINGS, 2),
    _window_less_one,
)
BETA = Operation(
    "beta",
    flows.update_beta,
    flows.batch_beta,
    _ring(flows.BETA_PAIR + PAIR_RINGS, 2),
    _window,
)
