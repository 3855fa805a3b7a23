"""The data of the benchmarks, made once with a fixed seed and kept as npy files.

Everybody reads the same files: float64 columns with two decimals and times in nanoseconds UTC. In W1
no two of the averages that the strategy compares are ever equal: such a tie would be decided by the
15th digit of a sum, in which libraries may honestly differ, and then trades could not be compared.
"""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]

NS_PER_SECOND = 10**9
NS_PER_MINUTE = 60 * NS_PER_SECOND
NS_PER_DAY = 24 * 60 * NS_PER_MINUTE
START_NS = 1_577_836_800 * NS_PER_SECOND  # 2020-01-01 00:00 UTC
FAST, SLOW = 20, 50
VERSION = 1  # a new number makes new files


def cache_root() -> Path:
    """Return the folder of data and peers: TRADER_BENCH_HOME, else the user's cache folder."""
    chosen = os.environ.get("TRADER_BENCH_HOME")
    if chosen:
        return Path(chosen)
    base = os.environ.get("XDG_CACHE_HOME")
    return (Path(base) if base else Path.home() / ".cache") / "trader-bench"


@dataclass(frozen=True, slots=True, eq=False)
class Columns:
    """Float64 bars in memory, as a user has them; times in ns UTC."""

    ts_close_ns: NDArray[np.int64]
    open: Floats
    high: Floats
    low: Floats
    close: Floats
    volume: Floats


def random_walk(bars: int, *, seed: int = 7) -> Columns:
    """Return one-minute bars of a geometric random walk around 100, rounded to cents."""
    draws = np.random.Generator(np.random.PCG64(seed))
    path = np.cumsum(draws.normal(0.0, 1e-4, bars))
    cents = without_ties(np.round(10_000.0 * np.exp(path)).astype(np.int64))
    close = cents / 100.0
    open_ = np.concatenate(([100.0], close[:-1]))
    spread = np.round(np.abs(draws.normal(0.0, 0.02, bars)), 2)
    high = np.round(np.maximum(open_, close) + spread, 2)
    low = np.round(np.minimum(open_, close) - spread, 2)
    volume = draws.integers(10_000, 100_000, bars).astype(np.float64)
    ts = START_NS + np.arange(1, bars + 1, dtype=np.int64) * NS_PER_MINUTE
    return Columns(ts, open_, high, low, close, volume)


def without_ties(cents: NDArray[np.int64], fast: int = FAST, slow: int = SLOW) -> NDArray[np.int64]:
    """Return closes whose fast and slow average differ at each bar: a tie is moved up by a cent.

    The averages are equal when ``slow * sum(fast) == fast * sum(slow)``; one cent more in the newest
    close changes the difference by ``slow - fast``.
    """
    values: list[int] = cents.tolist()
    fast_sum, slow_sum = sum(values[: slow - 1][-(fast - 1) :]), sum(values[: slow - 1])
    for k in range(slow - 1, len(values)):
        fast_sum += values[k]
        slow_sum += values[k]
        if slow * fast_sum == fast * slow_sum:
            values[k] += 1
            fast_sum += 1
            slow_sum += 1
        fast_sum -= values[k - fast + 1]
        slow_sum -= values[k - slow + 1]
    return np.array(values, dtype=np.int64)


def universe(
    days: int, *, instruments: int = 500, seed: int = 11
) -> dict[str, NDArray[np.generic]]:
    """Return daily bars of many instruments as matrices (days, instruments)."""
    draws = np.random.Generator(np.random.PCG64(seed))
    common = draws.normal(0.0003, 0.008, (days, 1))
    own = draws.normal(0.0, 0.014, (days, instruments))
    first = draws.uniform(40.0, 160.0, instruments)
    close = np.round(np.maximum(first * np.exp(np.cumsum(common + own, axis=0)), 1.0), 2)
    gap = np.exp(draws.normal(0.0, 0.004, (days, instruments)))
    before = np.vstack([first, close[:-1]])
    open_ = np.round(np.maximum(before * gap, 1.0), 2)
    edge = np.exp(np.abs(draws.normal(0.0, 0.006, (days, instruments))))
    high = np.round(np.maximum(open_, close) * edge, 2)
    low = np.round(np.minimum(open_, close) / edge, 2)
    weekdays = np.busday_offset("2012-01-02", np.arange(days), roll="forward")
    ts = weekdays.astype(np.int64) * NS_PER_DAY + 21 * 60 * NS_PER_MINUTE
    return {
        "ts": ts,
        "open": open_,
        "high": np.maximum.reduce([high, open_, close]),
        "low": np.minimum.reduce([low, open_, close]),
        "close": close,
        "volume": np.full(close.shape, 1e7),
    }


def quotes(count: int, *, seed: int = 13) -> dict[str, NDArray[np.generic]]:
    """Return quotes every 100 ms whose bid walks by cents; the spread is one to three cents."""
    draws = np.random.Generator(np.random.PCG64(seed))
    step = draws.choice(np.array([-1, 0, 1]), size=count, p=[0.1, 0.8, 0.1])
    pull = np.cumsum(step)
    bid_cents = 10_000 + pull
    ask_cents = bid_cents + draws.choice(np.array([1, 2, 3]), size=count, p=[0.6, 0.3, 0.1])
    sizes = draws.integers(1, 50, (2, count)).astype(np.float64) * 100.0
    ts = START_NS + np.arange(1, count + 1, dtype=np.int64) * (NS_PER_SECOND // 10)
    return {
        "ts": ts,
        "bid": bid_cents / 100.0,
        "ask": ask_cents / 100.0,
        "bid_size": sizes[0],
        "ask_size": sizes[1],
    }


def bars(count: int) -> dict[str, NDArray[np.generic]]:
    """Return the random walk as named arrays."""
    walk = random_walk(count)
    names = ("open", "high", "low", "close", "volume")
    return {"ts": walk.ts_close_ns} | {name: getattr(walk, name) for name in names}


WORLDS: dict[str, Callable[[int], dict[str, NDArray[np.generic]]]] = {
    "bars": bars,
    "universe": universe,
    "quotes": quotes,
}


def data_folder(world: str, size: int) -> Path:
    """Return a folder with the world's npy files of that size; make them when they are missing.

    A world of another size is not the beginning of this one: slices are taken of the largest.
    """
    folder = cache_root() / "data" / f"{world}-{size}-v{VERSION}"
    marker = folder / "complete.json"
    if not marker.is_file():
        folder.mkdir(parents=True, exist_ok=True)
        arrays = WORLDS[world](size)
        for name, values in arrays.items():
            np.save(folder / f"{name}.npy", values)
        marker.write_text(json.dumps({"world": world, "size": size, "arrays": list(arrays)}))
    return folder
