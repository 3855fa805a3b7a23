"""Bars for the tests of the rule language: real ones, random ones, and how to stream them."""

from __future__ import annotations

import math
from collections.abc import Sequence
from functools import cache

import numpy as np
from matplotlib.cbook import get_sample_data
from numpy.typing import NDArray

from engine.lang.batch import evaluate_batch
from engine.lang.compiler import compile_program
from engine.lang.panel import BarColumns, SliceBar
from engine.lang.program import Program
from engine.lang.streaming import StreamingProgram
from engine.model.units import NS_PER_DAY, NS_PER_HOUR, NS_PER_MINUTE

Column = NDArray[np.float64]


@cache
def goog() -> BarColumns:
    """The daily bars of GOOG that matplotlib installs with itself."""
    rows = get_sample_data("goog.npz")["price_data"]
    day = rows["date"].astype("datetime64[D]").astype(np.int64)
    return BarColumns(
        "GOOG",
        *(rows[name].astype(np.float64) for name in ("open", "high", "low", "close", "volume")),
        ts_open_ns=day * NS_PER_DAY + 14 * NS_PER_HOUR,
        ts_close_ns=day * NS_PER_DAY + 21 * NS_PER_HOUR,
        slice_index=np.arange(len(rows), dtype=np.int64),
        session_day=day,
    )


def walk(seed: int, count: int, *, symbol: str = "WALK", first: int = 0) -> BarColumns:
    """A random walk of one-minute bars in two decimals, beginning with slice `first`."""
    draw = np.random.default_rng(seed)
    close = np.round(100.0 * np.exp(np.cumsum(draw.normal(0.0, 0.01, count))), 2)
    opened = np.concatenate([[100.0], close[:-1]])[:count]
    high = np.maximum(opened, close) + np.round(draw.exponential(0.3, count), 2)
    low = np.minimum(opened, close) - np.round(draw.exponential(0.3, count), 2)
    volume = draw.integers(1, 1_000, count).astype(np.float64)
    return bars_of(symbol, opened, high, low, close, volume, first=first)


def bars_of(
    symbol: str,
    opened: Column,
    high: Column,
    low: Column,
    close: Column,
    volume: Column,
    *,
    first: int = 0,
    minutes: int = 1,
) -> BarColumns:
    """Bars of some minutes, one after the other around the clock, from slice `first` on."""
    numbers = np.arange(first, first + len(close), dtype=np.int64)
    length_ns = minutes * NS_PER_MINUTE
    ts_open_ns = numbers * length_ns
    return BarColumns(
        symbol,
        opened,
        high,
        low,
        close,
        volume,
        ts_open_ns,
        ts_open_ns + length_ns,
        numbers,
        ts_open_ns // NS_PER_DAY,
    )


def closes(*values: float, symbol: str = "A", first: int = 0, minutes: int = 1) -> BarColumns:
    """Bars whose four prices are one, with a volume of 1."""
    column = np.array(values, dtype=np.float64)
    ones = np.ones(len(column))
    return bars_of(
        symbol,
        column,
        column.copy(),
        column.copy(),
        column.copy(),
        ones,
        first=first,
        minutes=minutes,
    )


def compile_number(text: str, **parameters: float | bool) -> Program:
    """A program of one number called ``x``."""
    return compile_program({"x": text}, parameters, kinds={"x": "number"})


def compile_condition(text: str, **parameters: float | bool) -> Program:
    """A program of one condition called ``x``."""
    return compile_program({"x": text}, parameters, kinds={"x": "condition"})


def run(program: Program, *panel: BarColumns, compiled: bool = False) -> list[Column]:
    """The output ``x`` of each instrument."""
    return evaluate_batch(program, panel, compiled=compiled)["x"]


def numbers(text: str, *panel: BarColumns, **parameters: float | bool) -> list[float]:
    """A number at each bar of the first instrument, interpreted."""
    return run(compile_number(text, **parameters), *panel)[0].tolist()


def conditions(text: str, *panel: BarColumns, **parameters: float | bool) -> str:
    """A condition at each bar of the first instrument: 1, 0 or ? (undefined)."""
    column = run(compile_condition(text, **parameters), *panel)[0]
    return "".join("?" if math.isnan(each) else str(int(each)) for each in column)


def slices(panel: Sequence[BarColumns]) -> list[list[SliceBar]]:
    """The bars of a panel, slice by slice."""
    found: dict[int, list[SliceBar]] = {}
    for index, bars in enumerate(panel):
        for i in range(len(bars)):
            found.setdefault(int(bars.slice_index[i]), []).append(_slice_bar(bars, index, i))
    return [found[number] for number in sorted(found)]


def _slice_bar(bars: BarColumns, index: int, i: int) -> SliceBar:
    close_ns = bars.session_close_ns
    return SliceBar(
        index,
        *(float(each[i]) for each in (bars.open, bars.high, bars.low, bars.close, bars.volume)),
        ts_open_ns=int(bars.ts_open_ns[i]),
        ts_close_ns=int(bars.ts_close_ns[i]),
        session_day=int(bars.session_day[i]),
        session_close_ns=int(close_ns[i]) if close_ns is not None else 0,
    )


def stream(program: Program, panel: Sequence[BarColumns]) -> dict[str, list[Column]]:
    """What `evaluate_batch` returns, made one slice at a time."""
    streaming = StreamingProgram(program, [bars.symbol for bars in panel])
    collected: dict[str, list[list[float]]] = {
        out.key: [[] for _ in panel] for out in program.outputs
    }
    for bars in slices(panel):
        for key, values in streaming.on_slice(bars).items():
            for bar, value in zip(bars, values):
                collected[key][bar.instrument_index].append(value)
    return {key: [np.array(each) for each in rows] for key, rows in collected.items()}


def head(bars: BarColumns, count: int) -> BarColumns:
    """The first `count` bars."""
    columns = (bars.open, bars.high, bars.low, bars.close, bars.volume)
    times = (bars.ts_open_ns, bars.ts_close_ns, bars.slice_index, bars.session_day)
    close_ns = bars.session_close_ns
    return BarColumns(
        bars.symbol,
        *(each[:count].copy() for each in columns),
        *(each[:count] for each in times),
        None if close_ns is None else close_ns[:count],
    )
