"""Formulas at a few slices have the values that they have there over the whole history."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from engine.errors import DataError
from engine.lang.batch import evaluate_batch
from engine.lang.compiler import compile_program
from engine.lang.panel import BarColumns
from engine.lang.program import Program
from engine.lang.sampled import evaluate_at
from tests.unit.lang.bars import walk

FORMULAS = [
    "close",
    "0.25",
    "lag(close, 3)",
    "lag(lag(close, 2), 5) / close",
    "returns(close, 7)",
    "returns(lag(volume, 4), 2) - lag(returns(volume, 2), 4)",
    "where(rank(returns(close, 9)) <= 2, 0.5, 0)",
    "where(count(close) > 2 and high > low, rank_fraction(0 - volume), lag(0.1, 6))",
    "rank(close / sma(close, 11))",
    "where(close > lag(sma(close, 5), 3), lag(ema(close, 4), 2) / 1000, 0)",
    "lag(rank(close), 3) / 10",
    'close / close["C"] + lag(close["A"], 2)',
    'timeframe("5m", sma(close, 3)) / close',
    "where(bars_since(close > lag(close, 1)) < 2, 1, 0) / (close - close)",
]


def panel_of(seed: int) -> list[BarColumns]:
    """Return four instruments: two with the same bars, one that begins late, one with holes."""
    rng = np.random.default_rng(seed)
    late = walk(seed + 2, 70, symbol="C", first=50)
    whole = walk(seed + 3, 120, symbol="D")
    holed = _rows(whole, np.flatnonzero(rng.random(120) < 0.6))
    zeroed = walk(seed + 1, 120, symbol="B")
    prices = np.where(rng.random(120) < 0.1, 0.0, zeroed.close)
    prices[rng.random(120) < 0.1] = np.nan
    return [walk(seed, 120, symbol="A"), replace(zeroed, close=prices), late, holed]


def _rows(bars: BarColumns, rows: np.ndarray[tuple[int], np.dtype[np.int64]]) -> BarColumns:
    names = ("open", "high", "low", "close", "volume")
    more = ("ts_open_ns", "ts_close_ns", "slice_index", "session_day")
    return replace(bars, **{name: getattr(bars, name)[rows] for name in (*names, *more)})


def program_of(text: str) -> Program:
    return compile_program({"weight": text}, {}, kinds={"weight": "number"})


@pytest.mark.parametrize("text", FORMULAS)
@pytest.mark.parametrize("seed", [0, 1])
def test_they_are_those_of_the_whole_history(text: str, seed: int) -> None:
    panel, program = panel_of(seed), program_of(text)
    slices = np.array([0, 1, 8, 9, 49, 50, 51, 77, 90, 119])
    whole = evaluate_batch(program, panel, compiled=False)["weight"]
    found = evaluate_at(program, "weight", panel, slices, compiled=False)
    for k, bars in enumerate(panel):
        for j, number in enumerate(slices.tolist()):
            row = int(found.rows[k, j])
            places = np.flatnonzero(bars.slice_index == number).tolist()
            assert places == ([] if row < 0 else [row])
            if row >= 0:
                assert found.values[k, j].hex() == whole[k][row].hex(), (bars.symbol, number)


def test_an_instrument_that_is_missing_is_named() -> None:
    with pytest.raises(DataError, match="'Z'"):
        program = program_of('close["Z"]')
        evaluate_at(program, "weight", panel_of(0), np.array([3]), compiled=False)
