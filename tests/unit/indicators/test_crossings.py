"""Crossings found in one pass are those of the indicator, both ways, undefined bars among them."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from engine.jit import as_plain
from engine.kernels.indicators_pointwise import CROSS_SIZE, batch_cross_above, crossings

UP, DOWN = 1, 2


def above(a: NDArray[np.float64], b: NDArray[np.float64]) -> NDArray[np.int64]:
    out = np.empty(len(a))
    blocks = (a, b, a, np.zeros(1), np.zeros(CROSS_SIZE), out)
    batch_cross_above(*(as_plain(block) for block in blocks))
    return np.flatnonzero(out == 1.0)


def found(a: Any, b: Any, up: int, down: int) -> list[tuple[int, int]]:
    rows, bits = np.empty(len(a), dtype=np.int64), np.empty(len(a), dtype=np.int64)
    count = crossings(as_plain(a), as_plain(b), as_plain(rows), as_plain(bits), up, down)
    return list(zip(rows[:count].tolist(), bits[:count].tolist(), strict=True))


@pytest.mark.parametrize("seed", range(20))
def test_they_are_those_of_the_indicator(seed: int) -> None:
    rng = np.random.default_rng(seed)
    a, b = (rng.integers(0, 4, 300).astype(np.float64) for _ in range(2))  # often equal
    a[rng.random(300) < 0.2] = np.nan
    b[:seed] = np.nan
    ups = [(row, UP) for row in above(a, b).tolist()]
    downs = [(row, DOWN) for row in above(b, a).tolist()]
    assert found(a, b, UP, DOWN) == sorted(ups + downs)
    assert found(a, b, UP, 0) == ups
    assert found(a, b, 0, DOWN) == downs
