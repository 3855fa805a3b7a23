"""The functions of the rule language: what one writes, and what it computes.

Each entry is at once the checker's table (names, arguments, limits), the builder (the operations it
becomes) and the source of docs/reference/indicators.md. Where an indicator is a combination of
others (Bollinger bands are a mean and a deviation) it is built from them, so that two functions
that need the same average share it.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from enum import Enum

from engine.kernels import indicators_pointwise as pointwise
from engine.lang import builders as build
from engine.lang import operations as op
from engine.lang.program import ValueType

WINDOW_MAX = 100_000  # bars; a window is memory


class ArgumentKind(Enum):
    """What may stand for an argument."""

    SERIES = "a number"
    CONDITION = "a condition"
    WINDOW = "a whole number of bars"
    CONSTANT = "a constant number"


@dataclass(frozen=True, slots=True)
class Argument:
    """One argument; without a default it must be given."""

    name: str
    kind: ArgumentKind = ArgumentKind.SERIES
    default: float | None = None
    minimum: float = -math.inf


@dataclass(frozen=True, slots=True)
class Function:
    """A function of the language.

    Attributes
    ----------
    first_valid
        The index of the first valid bar, as a formula of the arguments, where its inputs are
        defined from bar 0.
    talib
        The call of TA-Lib that it equals; empty where TA-Lib has none.
    requirement
        A relation between arguments that must hold: its text and its test.
    """

    name: str
    group: str
    arguments: tuple[Argument, ...]
    summary: str
    build: build.Build
    seed: str = ""
    first_valid: str = "0"
    talib: str = ""
    result: ValueType = ValueType.NUMBER
    is_cross_sectional: bool = False
    requirement: tuple[str, Callable[[dict[str, float]], bool]] | None = None

    @property
    def signature(self) -> str:
        """How it is written, with defaults."""
        parts = [
            each.name if each.default is None else f"{each.name}={each.default:g}"
            for each in self.arguments
        ]
        return f"{self.name}({', '.join(parts)})"


def series(name: str = "x") -> Argument:
    """Return an argument that is a number at each bar."""
    return Argument(name)


def window(name: str = "n", default: float | None = None, minimum: int = 1) -> Argument:
    """Return an argument that is a number of bars."""
    return Argument(name, ArgumentKind.WINDOW, default, minimum)


def constant(name: str, default: float | None = None, minimum: float = -math.inf) -> Argument:
    """Return an argument that is a constant."""
    return Argument(name, ArgumentKind.CONSTANT, default, minimum)


_HLC = ("high", "low", "close")
_X_N = (series(), window())
_MACD_ARGUMENTS = (
    series(),
    window("fast", 12),
    window("slow", 26),
    window("signal", 9),
)
_FAST_BELOW_SLOW = (
    "fast must be smaller than slow",
    lambda given: given["fast"] < given["slow"],
)
_BOLLINGER = (series(), window("n", 20, 2), constant("k", 2, 0))
_KELTNER = (window("n", 20), constant("k", 2, 0), window("atr_n", 10))
_STOCHASTIC = (window("n", 14), window("smooth", 1), window("d", 3))
_SLOW_STOCHASTIC = (window("n", 14), window("smooth", 3), window("d", 3))
_STOCHASTIC_NAMES = ("n", "smooth", "d")
_KELTNER_WIDTH = build.of_bars(op.ATR, _HLC, ("atr_n",))
_KELTNER_VALID = "max(n - 1, atr_n)"
_WILDER_SEED = "Wilder: mean of the first n"
_MACD_SEED = "both averages begin at bar slow - 1, the fast one with the fast values up to it"
_NO_VARIATION = "undefined where nothing varies"

AVERAGES = "Averages"
MOMENTUM = "Momentum"
RANGE = "Range and deviation"
VOLUME = "Volume"
TWO_SERIES = "Two series"
LOGIC = "One bar and the one before"
ACROSS = "Across instruments"

_TABLE = (
    Function("sma", AVERAGES, _X_N, "mean", build.windowed(op.SMA), "", "n - 1", "SMA(x, n)"),
    Function(
        "ema",
        AVERAGES,
        _X_N,
        "exponential average, weight 2 / (n + 1)",
        build.windowed(op.EMA),
        "mean of the first n values",
        "n - 1",
        "EMA(x, n)",
    ),
    Function(
        "wma",
        AVERAGES,
        _X_N,
        "mean weighted 1 (oldest) to n",
        build.windowed(op.WMA),
        "",
        "n - 1",
        "WMA(x, n)",
    ),
    Function("sum", AVERAGES, _X_N, "sum", build.windowed(op.SUM), "", "n - 1", "SUM(x, n)"),
    Function(
        "macd",
        AVERAGES,
        _MACD_ARGUMENTS,
        "fast less slow exponential average",
        build.macd(op.MACD),
        _MACD_SEED,
        "slow + signal - 2",
        "MACD(x, fast, slow, signal)[0]",
        requirement=_FAST_BELOW_SLOW,
    ),
    Function(
        "macd_signal",
        AVERAGES,
        _MACD_ARGUMENTS,
        "exponential average of macd",
        build.macd(op.MACD_SIGNAL),
        "mean of the first `signal` values of macd",
        "slow + signal - 2",
        "MACD(x, fast, slow, signal)[1]",
        requirement=_FAST_BELOW_SLOW,
    ),
    Function(
        "macd_histogram",
        AVERAGES,
        _MACD_ARGUMENTS,
        "macd less macd_signal",
        build.macd_histogram,
        "",
        "slow + signal - 2",
        "MACD(x, fast, slow, signal)[2]",
        requirement=_FAST_BELOW_SLOW,
    ),
    Function(
        "rsi",
        MOMENTUM,
        (series(), window("n", 14, 2)),
        "relative strength, 0 to 100; 0 where nothing moved",
        build.windowed(op.RSI),
        f"{_WILDER_SEED} gains, losses",
        "n",
        "RSI(x, n)",
    ),
    Function(
        "stochastic_k",
        MOMENTUM,
        _STOCHASTIC,
        "place of close in the range of n bars, 0 to 100, mean of `smooth`",
        build.of_bars(op.STOCHASTIC_K, _HLC, _STOCHASTIC_NAMES),
        "given from where stochastic_d is; 0 in a range of zero",
        "n + smooth + d - 3",
        "STOCH(high, low, close, n, smooth, 0, d, 0)[0]",
    ),
    Function(
        "stochastic_d",
        MOMENTUM,
        _STOCHASTIC,
        "mean of d values of stochastic_k",
        build.of_bars(op.STOCHASTIC_D, _HLC, _STOCHASTIC_NAMES),
        "",
        "n + smooth + d - 3",
        "STOCH(high, low, close, n, smooth, 0, d, 0)[1]",
    ),
    Function(
        "slow_stochastic_k",
        MOMENTUM,
        _SLOW_STOCHASTIC,
        "stochastic_k with a smoothing of 3",
        build.of_bars(op.STOCHASTIC_K, _HLC, _STOCHASTIC_NAMES),
        "",
        "n + smooth + d - 3",
        "STOCH(high, low, close, n, smooth, 0, d, 0)[0]",
    ),
    Function(
        "slow_stochastic_d",
        MOMENTUM,
        _SLOW_STOCHASTIC,
        "stochastic_d with a smoothing of 3",
        build.of_bars(op.STOCHASTIC_D, _HLC, _STOCHASTIC_NAMES),
        "",
        "n + smooth + d - 3",
        "STOCH(high, low, close, n, smooth, 0, d, 0)[1]",
    ),
    Function(
        "cci",
        MOMENTUM,
        (window("n", 20, 2),),
        "typical price less its mean, over 0.015 mean deviations; 0 where nothing moved",
        build.cci,
        "",
        "n - 1",
        "CCI(high, low, close, n)",
    ),
    Function(
        "adx",
        MOMENTUM,
        (window("n", 14, 2),),
        "strength of the trend, 0 to 100",
        build.of_bars(op.ADX, _HLC, ("n",)),
        "mean of the first n DX",
        "2 * n - 1",
        "ADX(high, low, close, n)",
    ),
    Function(
        "plus_di",
        MOMENTUM,
        (window("n", 14, 2),),
        "positive directional indicator, 0 to 100",
        build.of_bars(op.PLUS_DI, _HLC, ("n",)),
        "sums of the first n - 1 changes",
        "n",
        "PLUS_DI(high, low, close, n)",
    ),
    Function(
        "minus_di",
        MOMENTUM,
        (window("n", 14, 2),),
        "negative directional indicator, 0 to 100",
        build.of_bars(op.MINUS_DI, _HLC, ("n",)),
        "sums of the first n - 1 changes",
        "n",
        "MINUS_DI(high, low, close, n)",
    ),
    Function(
        "momentum",
        MOMENTUM,
        (series(), window("n", 10)),
        "x less x of n bars ago",
        build.momentum,
        "",
        "n",
        "MOM(x, n)",
    ),
    Function(
        "roc",
        MOMENTUM,
        (series(), window("n", 10)),
        "change over n bars in percent",
        build.rate_of_change,
        "undefined from zero",
        "n",
        "ROC(x, n)",
    ),
    Function(
        "returns",
        MOMENTUM,
        (series(), window("n", 1)),
        "simple return over n bars, as a fraction",
        build.windowed(op.RETURNS),
        "undefined from zero",
        "n",
        "ROCP(x, n)",
    ),
    Function(
        "highest",
        RANGE,
        _X_N,
        "largest value",
        build.windowed(op.HIGHEST),
        "",
        "n - 1",
        "MAX(x, n)",
    ),
    Function(
        "lowest",
        RANGE,
        _X_N,
        "smallest value",
        build.windowed(op.LOWEST),
        "",
        "n - 1",
        "MIN(x, n)",
    ),
    Function(
        "donchian_upper",
        RANGE,
        (window("n", 20),),
        "highest high",
        build.of_bars(op.HIGHEST, ("high",), ("n",)),
        "",
        "n - 1",
        "MAX(high, n)",
    ),
    Function(
        "donchian_middle",
        RANGE,
        (window("n", 20),),
        "halfway between the bands",
        build.donchian_middle,
        "",
        "n - 1",
        "MIDPRICE(high, low, n)",
    ),
    Function(
        "donchian_lower",
        RANGE,
        (window("n", 20),),
        "lowest low",
        build.of_bars(op.LOWEST, ("low",), ("n",)),
        "",
        "n - 1",
        "MIN(low, n)",
    ),
    Function(
        "stdev",
        RANGE,
        (series(), window("n", None, 2)),
        "population deviation (divides by n)",
        build.deviation(0.0),
        "",
        "n - 1",
        "STDDEV(x, n)",
    ),
    Function(
        "stdev_sample",
        RANGE,
        (series(), window("n", None, 2)),
        "sample deviation (divides by n - 1)",
        build.deviation(1.0),
        "",
        "n - 1",
    ),
    Function(
        "zscore",
        RANGE,
        (series(), window("n", None, 2)),
        "x less its mean, in population deviations",
        build.z_score,
        _NO_VARIATION,
        "n - 1",
    ),
    Function(
        "volatility",
        RANGE,
        (
            series(),
            window("n", None, 2),
            Argument("periods_per_year", ArgumentKind.CONSTANT, 1, 0),
        ),
        "sample deviation of 1-bar returns, times the root of periods_per_year",
        build.volatility,
        "",
        "n",
    ),
    Function(
        "bollinger_upper",
        RANGE,
        _BOLLINGER,
        "mean + k population deviations",
        build.band(1.0, build.windowed(op.SMA), build.deviation(0.0)),
        "",
        "n - 1",
        "BBANDS(x, n, k, k)[0]",
    ),
    Function(
        "bollinger_middle",
        RANGE,
        _BOLLINGER,
        "mean",
        build.windowed(op.SMA),
        "",
        "n - 1",
        "BBANDS(x, n, k, k)[1]",
    ),
    Function(
        "bollinger_lower",
        RANGE,
        _BOLLINGER,
        "mean - k population deviations",
        build.band(-1.0, build.windowed(op.SMA), build.deviation(0.0)),
        "",
        "n - 1",
        "BBANDS(x, n, k, k)[2]",
    ),
    Function(
        "true_range",
        RANGE,
        (),
        "largest of high - low and the distances of both from the close before",
        build.of_bars(op.TRUE_RANGE, _HLC, ()),
        "",
        "1",
        "TRANGE(high, low, close)",
    ),
    Function(
        "atr",
        RANGE,
        (window("n", 14),),
        "average true range",
        build.of_bars(op.ATR, _HLC, ("n",)),
        f"{_WILDER_SEED} true ranges, the first being bar 1's",
        "n",
        "ATR(high, low, close, n)",
    ),
    Function(
        "keltner_upper",
        RANGE,
        _KELTNER,
        "ema of close + k average true ranges",
        build.band(1.0, build.keltner_middle, _KELTNER_WIDTH),
        "as ema and atr",
        _KELTNER_VALID,
    ),
    Function(
        "keltner_middle",
        RANGE,
        _KELTNER,
        "ema of close",
        build.keltner_middle,
        "as ema",
        "n - 1",
        "EMA(close, n)",
    ),
    Function(
        "keltner_lower",
        RANGE,
        _KELTNER,
        "ema of close - k average true ranges",
        build.band(-1.0, build.keltner_middle, _KELTNER_WIDTH),
        "as ema and atr",
        _KELTNER_VALID,
    ),
    Function(
        "typical_price",
        VOLUME,
        (),
        "(high + low + close) / 3",
        build.typical_price,
        "",
        "0",
        "TYPPRICE(high, low, close)",
    ),
    Function(
        "obv",
        VOLUME,
        (),
        "on-balance volume",
        build.of_bars(op.OBV, ("close", "volume"), ()),
        "the first bar's volume",
        "0",
        "OBV(close, volume)",
    ),
    Function(
        "vwap",
        VOLUME,
        (window(),),
        "typical price weighted by volume over n bars",
        build.vwap,
        "undefined without volume",
        "n - 1",
    ),
    Function(
        "session_vwap",
        VOLUME,
        (),
        "typical price weighted by volume since the trading day began",
        build.session_vwap,
        "anew with the first bar of each trading day; undefined without volume",
        "0",
    ),
    Function(
        "correlation",
        TWO_SERIES,
        (series("x"), series("y"), window("n", None, 2)),
        "Pearson correlation of the values",
        build.windowed(op.CORRELATION, ("x", "y")),
        f"{_NO_VARIATION} (TA-Lib: 0)",
        "n - 1",
        "CORREL(x, y, n)",
    ),
    Function(
        "beta",
        TWO_SERIES,
        (series("x"), series("y"), window("n", None, 2)),
        "slope of the 1-bar returns of x on those of y",
        build.windowed(op.BETA, ("x", "y")),
        f"{_NO_VARIATION} (TA-Lib: 0)",
        "n",
        "BETA(y, x, n)",
    ),
    Function(
        "lag",
        LOGIC,
        (series(), window("n", 1)),
        "x of n bars ago",
        build.windowed(op.LAG),
        "",
        "n",
    ),
    Function(
        "cross_above",
        LOGIC,
        (series("x"), series("y")),
        "x > y now, and x <= y at the bar before",
        build.cross_over("x", "y"),
        "",
        "1",
        result=ValueType.CONDITION,
    ),
    Function(
        "cross_below",
        LOGIC,
        (series("x"), series("y")),
        "x < y now, and x >= y at the bar before",
        build.cross_over("y", "x"),
        "",
        "1",
        result=ValueType.CONDITION,
    ),
    Function(
        "bars_since",
        LOGIC,
        (Argument("condition", ArgumentKind.CONDITION),),
        "bars since the condition was last true, 0 at that bar",
        build.bars_since,
        "undefined before the first time",
    ),
    Function(
        "where",
        LOGIC,
        (Argument("condition", ArgumentKind.CONDITION), series("x"), series("y")),
        "x where the condition is true, y where it is false",
        build.where,
    ),
    Function(
        "min",
        LOGIC,
        (series("x"), series("y")),
        "smaller of two",
        build.arithmetic(pointwise.MINIMUM, "x", "y"),
    ),
    Function(
        "max",
        LOGIC,
        (series("x"), series("y")),
        "larger of two",
        build.arithmetic(pointwise.MAXIMUM, "x", "y"),
    ),
    Function(
        "abs", LOGIC, (series(),), "without its sign", build.arithmetic(pointwise.ABSOLUTE, "x")
    ),
    Function(
        "sqrt",
        LOGIC,
        (series(),),
        "square root, undefined below zero",
        build.arithmetic(pointwise.ROOT, "x"),
    ),
    Function(
        "rank",
        ACROSS,
        (series(),),
        "place of this instrument, 1 for the largest; ties in the order of the instruments",
        build.across("rank"),
        is_cross_sectional=True,
    ),
    Function(
        "rank_fraction",
        ACROSS,
        (series(),),
        "rank over count, in (0, 1]: <= 0.1 is the best tenth",
        build.across("rank_fraction"),
        is_cross_sectional=True,
    ),
    Function(
        "count",
        ACROSS,
        (series(),),
        "instruments of this slice where x is defined",
        build.across("count"),
        is_cross_sectional=True,
    ),
)

FUNCTIONS: dict[str, Function] = {each.name: each for each in _TABLE}
