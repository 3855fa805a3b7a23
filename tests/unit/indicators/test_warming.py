"""How far a value that depends on all bars before it is from that of a long history, when it is warm.

It is warm at its first valid bar, as in TA-Lib: it has its seed then, and forgets it. The weight of the
seed after m further bars is (1 - 2 / (n + 1)) ** m of an EMA, (1 - 1 / n) ** m of Wilder's averages
(RSI, ATR, ADX): what docs/reference/rules.md says is computed here, with TA-Lib on the long history.
"""

from __future__ import annotations

import numpy as np
import pytest
import talib
from numpy.typing import NDArray

from tests.unit.lang.bars import bars_of, numbers, walk

LONG = walk(3, 3_000)
FIRST = 1_000  # where the short history begins


def pair(formula: str, theirs: NDArray[np.float64]) -> tuple[NDArray[np.float64], ...]:
    """Return our values from the first warm bar of the short history on, and those of the long one."""
    fields = (LONG.open, LONG.high, LONG.low, LONG.close, LONG.volume)
    ours = np.array(numbers(formula, bars_of("WALK", *(field[FIRST:] for field in fields))))
    warm = int(np.flatnonzero(~np.isnan(ours))[0])
    return ours[warm:], theirs[FIRST + warm :]


@pytest.mark.parametrize("n", [14, 50])
def test_an_ema_forgets_its_seed_as_its_weight_says(n: int) -> None:
    ours, theirs = pair(f"ema(close, {n})", talib.EMA(LONG.close, n))
    weight = (1 - 2 / (n + 1)) ** np.arange(len(ours))
    np.testing.assert_allclose(ours - theirs, (ours - theirs)[0] * weight, atol=1e-9)
    assert weight[round(3.5 * n)] < 0.001 < weight[3 * n]


@pytest.mark.parametrize("n", [14, 50])
def test_an_atr_forgets_its_seed_at_half_that_pace(n: int) -> None:
    ours, theirs = pair(f"atr({n})", talib.ATR(LONG.high, LONG.low, LONG.close, n))
    weight = (1 - 1 / n) ** np.arange(len(ours))
    np.testing.assert_allclose(ours - theirs, (ours - theirs)[0] * weight, atol=1e-9)
    assert weight[7 * n] < 0.001 < weight[6 * n]


@pytest.mark.parametrize("n", [14, 50])
def test_an_rsi_is_some_points_off_when_it_is_warm_and_a_tenth_after_seven_windows(n: int) -> None:
    ours, theirs = pair(f"rsi(close, {n})", talib.RSI(LONG.close, n))
    apart = np.abs(ours - theirs)
    assert 0.5 < apart[0] < 25
    assert apart[7 * n :].max() < 0.1
