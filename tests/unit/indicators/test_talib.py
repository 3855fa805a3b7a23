"""Every indicator that TA-Lib has equals TA-Lib: first valid bar and values.

The calls of TA-Lib come from the function table itself, which is also what the reference page
prints: what the page claims is what is compared here.
"""

from __future__ import annotations

import numpy as np
import pytest
import talib

from engine.lang.functions import FUNCTIONS, TWO_SERIES, ArgumentKind, Function
from engine.lang.panel import BarColumns
from engine.lang.parser import parse_formula
from engine.lang.tree import Call, Name, Number
from tests.unit.lang.bars import compile_number, goog, run, walk

WITH_TALIB = [each for each in FUNCTIONS.values() if each.talib]

# window lengths to try besides the defaults
WINDOWS = {
    "n": (2, 3, 14, 50),
    "fast": (5, 12, 3),
    "slow": (13, 26, 40),
    "signal": (4, 9, 1),
    "smooth": (1, 2, 5),
    "d": (1, 3, 4),
    "k": (1.5, 2, 3),
    "atr_n": (5, 10, 14),
}
WORLDS = {"goog": goog(), "walk": walk(7, 900), "other walk": walk(11, 300)}


def _variants(function: Function) -> list[dict[str, float]]:
    names = [a.name for a in function.arguments if a.kind is not ArgumentKind.SERIES]
    if not names:
        return [{}]
    if function.group == TWO_SERIES:
        return [{"n": n} for n in (5, 14, 50)]
    return [
        {name: WINDOWS[name][i % len(WINDOWS[name])] for name in names}
        for i in range(max(len(WINDOWS[name]) for name in names))
    ]


CASES = [
    pytest.param(function, values, id=f"{function.name}-{'-'.join(map(str, values.values()))}")
    for function in WITH_TALIB
    for values in _variants(function)
]


def _ours(function: Function, values: dict[str, float], bars: BarColumns) -> np.ndarray:
    series = {"x": "close", "y": "open"}
    given = [series.get(a.name, a.name) for a in function.arguments]
    return run(compile_number(f"{function.name}({', '.join(given)})", **values), bars)[0]


def _theirs(function: Function, values: dict[str, float], bars: BarColumns) -> np.ndarray:
    """Call TA-Lib as the table writes it, e.g. ``MACD(x, fast, slow, signal)[0]``."""
    text, bracket, index = function.talib.partition("[")
    call = parse_formula(text)
    assert isinstance(call, Call)
    names = {"x": bars.close, "y": bars.open, "high": bars.high, "low": bars.low}
    names |= {"close": bars.close, "volume": bars.volume} | values
    arguments = []
    for each in call.arguments:
        assert isinstance(each, Name | Number)
        arguments.append(names[each.name] if isinstance(each, Name) else int(each.value))
    result = getattr(talib, call.function)(*arguments)
    return result[int(index.rstrip("]"))] if bracket else result


@pytest.mark.parametrize("world", WORLDS)
@pytest.mark.parametrize(("function", "values"), CASES)
def test_it_equals_talib(function: Function, values: dict[str, float], world: str) -> None:
    bars = WORLDS[world]
    ours, theirs = _ours(function, values, bars), _theirs(function, values, bars)
    assert np.array_equal(np.isnan(ours), np.isnan(theirs)), "another first valid bar"
    # TA-Lib's sums for two series are not centered: it is the one that is off by some 1e-10 of
    # the scale there (test_exactness compares ours with two passes at 1e-12).
    tolerance = 1e-9 if function.group == TWO_SERIES else 1e-12
    scale = np.nanmax(np.abs(theirs))
    np.testing.assert_allclose(ours, theirs, rtol=1e-9, atol=tolerance * scale)


def test_the_table_names_talib_wherever_talib_has_it() -> None:
    """What has no counterpart, and why: none of these is a function of TA-Lib."""
    without = {name for name, each in FUNCTIONS.items() if not each.talib}
    assert without == {
        "stdev_sample", "zscore", "volatility", "keltner_upper", "keltner_lower", "vwap",
        "session_vwap", "lag", "cross_above", "cross_below", "bars_since", "where", "min", "max",
        "abs", "sqrt", "rank", "rank_fraction", "count",
    }  # fmt: skip
