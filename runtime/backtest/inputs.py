"""The trading loop's inputs of each bar: edge, confidence, goal, volatility and volume, as integers.

A formula's float becomes one here, by a named rounding: half-even to 10^-9 for fractions, half-even to a
tick for prices. What has no value (NaN), or none that can be meant, is NOT_GIVEN; unknown means no, so
such an entry is denied and such an exit does not fire. Where there is no formula what is known stays: a
Python strategy says it at times of its own.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final, Protocol

import numpy as np
from numpy.typing import NDArray

from data.history import BarColumns, InstrumentHistory, TradeColumns
from engine.model.instruments import Instrument
from engine.model.trading_layout import KEEP, NOT_GIVEN
from engine.model.units import INT64_MAX
from runtime.config import StrategyConfig

Ints = NDArray[np.int64]
Floats = NDArray[np.float64]
Column = Ints | int  # an integer is the value of every row
Inputs = tuple[Column, ...]  # edge or probability, confidence, goal, volatility, volume
Values = Mapping[str, Sequence[Floats]]  # of each formula, a column for each instrument

INPUT_KEYS: Final = ("edge", "probability", "confidence", "target_price", "volatility")
FRACTION_MAX = 1_000.0  # beyond it a fraction is a mistake, as is infinity
_PPB = 10**9
_NO_INTS = np.empty(0, dtype=np.int64)


class Parts(Protocol):
    """A history, or a window of one."""

    @property
    def parts(self) -> Sequence[InstrumentHistory]:
        """One entry per instrument."""


class Priced(Protocol):
    """An instrument's bars as formulas see them."""

    def ticks_of(self, prices: Floats) -> Ints:
        """Return prices that a formula has given as ticks that trade; NOT_GIVEN where there is none."""


@dataclass(slots=True, eq=False)
class VolumeMemory:
    """What one instrument's volumes remember of the windows before: those that may still count."""

    ts_ns: Ints = field(default_factory=lambda: _NO_INTS)
    lots: Ints = field(default_factory=lambda: _NO_INTS)
    first_ns: int | None = None


def gives_inputs(config: StrategyConfig, instruments: Sequence[Instrument]) -> bool:
    """Return whether a strategy gives the trading loop any input."""
    is_formula = any(key in INPUT_KEYS for key in config.formulas())
    return config.is_trading and (is_formula or any(_counts(config, each) for each in instruments))


def inputs_of(
    config: StrategyConfig,
    history: Parts,
    panel: Sequence[Priced] = (),
    values: Values | None = None,
    memory: dict[int, VolumeMemory] | None = None,
) -> list[Inputs | None] | None:
    """Return the inputs of each instrument's bars; None where nothing is given.

    Parameters
    ----------
    values
        Of the formulas in INPUT_KEYS that the strategy has.
    memory
        Of the windows before this one; filled in.
    """
    values = values or {}
    if not gives_inputs(config, [part.instrument for part in history.parts]):
        return None
    found: list[Inputs | None] = []
    for k, part in enumerate(history.parts):
        own = {key: columns[k] for key, columns in values.items()}
        goal = own.get("target_price")
        remembered = VolumeMemory() if memory is None else memory.setdefault(k, VolumeMemory())
        inputs: Inputs = (
            _fraction(own.get("edge", own.get("probability"))),
            _fraction(own.get("confidence")),
            KEEP if goal is None else panel[k].ticks_of(goal),
            _fraction(own.get("volatility")),
            _volume(config, part, remembered),
        )
        found.append(inputs if part.bars is not None else None)
    return found


def cut_inputs(inputs: Inputs, first: int, last: int) -> Inputs:
    """Return the rows [first, last)."""
    return tuple(each if isinstance(each, int) else each[first:last] for each in inputs)


def to_given(scaled: Floats, most: float) -> Ints:
    """Return whole numbers, half-even; NOT_GIVEN where there is none, or one beyond `most`."""
    with np.errstate(invalid="ignore"):
        known = np.abs(scaled) <= most  # false for NaN
    return np.where(known, np.rint(np.where(known, scaled, 0.0)).astype(np.int64), NOT_GIVEN)


def _fraction(column: Floats | None) -> Column:
    return KEEP if column is None else to_given(column * _PPB, FRACTION_MAX * _PPB)


def _counts(config: StrategyConfig, instrument: Instrument) -> bool:
    """Return whether an instrument's volume is looked at: of event contracts, or where the file says."""
    exits = config.exits
    if exits is None or not exits.is_on("liquidity_dried_up"):
        return False
    return instrument.is_binary or exits.volume is not None


def _volume(config: StrategyConfig, part: InstrumentHistory, memory: VolumeMemory) -> Column:
    """Return the lots that traded in the window that ends with each bar."""
    bars, trades, exits = part.bars, part.trades, config.exits
    if bars is None or exits is None or not _counts(config, part.instrument):
        return KEEP
    if bars.has_volume:
        return _of_bars(bars, exits.volume_window_ns, memory)
    return NOT_GIVEN if trades is None else _of_trades(bars, trades, exits.volume_window_ns, memory)


def _of_bars(bars: BarColumns, window_ns: int, memory: VolumeMemory) -> Ints:
    if len(bars) and memory.first_ns is None:
        memory.first_ns = int(bars.ts_open_ns[0])
    return _windowed(bars.ts_close_ns, bars.ts_close_ns, bars.volume_lots, window_ns, memory)


def _of_trades(
    bars: BarColumns, trades: TradeColumns, window_ns: int, memory: VolumeMemory
) -> Ints:
    if len(trades) and memory.first_ns is None:
        memory.first_ns = int(trades.ts_ns[0])
    return _windowed(bars.ts_close_ns, trades.ts_ns, trades.size_lots, window_ns, memory)


def _windowed(at_ns: Ints, ts_ns: Ints, lots: Ints, window_ns: int, memory: VolumeMemory) -> Ints:
    """Return for each time what is in the window (time - window, time]; NOT_GIVEN before it is full."""
    ts = np.concatenate((memory.ts_ns, ts_ns))
    # A sum of all times may wrap around; the difference of two of them is right again.
    sums = np.concatenate(([0], np.cumsum(np.concatenate((memory.lots, lots)))))
    first = np.searchsorted(ts, at_ns - window_ns, side="right")
    last = np.searchsorted(ts, at_ns, side="right")
    begins = INT64_MAX if memory.first_ns is None else memory.first_ns
    found = np.where(at_ns - window_ns >= begins, sums[last] - sums[first], NOT_GIVEN)
    if len(ts):
        kept = int(np.searchsorted(ts, ts[-1] - window_ns, side="right"))
        memory.lots = np.concatenate((memory.lots, lots))[kept:]
        memory.ts_ns = ts[kept:]
    return found
