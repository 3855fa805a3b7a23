"""The trading loop's inputs of each event: edge, confidence, goal, volatility and volume, as integers.

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

from data.history import InstrumentHistory
from engine.model import layout as at
from engine.model.instruments import Instrument
from engine.model.trading_layout import KEEP, NOT_GIVEN
from engine.model.units import INT64_MAX
from runtime.config import StrategyConfig

Ints = NDArray[np.int64]
Floats = NDArray[np.float64]
Column = Ints | int  # an integer is the value of every row
Inputs = tuple[Column, ...]  # edge or probability, confidence, goal, volatility, volume
KindInputs = dict[int, Inputs]  # by kind of event
Values = Mapping[str, Sequence[Floats]]  # of each formula, a column for each instrument

INPUT_KEYS: Final = ("edge", "probability", "confidence", "target_price", "volatility")
FRACTION_MAX = 1_000.0  # beyond it a fraction is a mistake, as is infinity
_PPB = 10**9
_NOTHING: Inputs = (KEEP,) * 4
_NO_INTS = np.empty(0, dtype=np.int64)
_BLOCK_ROWS = 16_384  # converted at a time, so that what is made on the way stays in the cache


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
    """What one instrument has traded, as far as it may still count: of windows before this one too."""

    ts_ns: Ints = field(default_factory=lambda: _NO_INTS)
    lots: Ints = field(default_factory=lambda: _NO_INTS)
    first_ns: int = INT64_MAX  # since when volumes are known

    def take(self, ts_ns: Ints, lots: Ints, first_ns: int) -> None:
        """Take what has traded next."""
        self.ts_ns = np.concatenate((self.ts_ns, ts_ns))
        self.lots = np.concatenate((self.lots, lots))
        self.first_ns = min(self.first_ns, first_ns)

    def within(self, window_ns: int, at_ns: Ints) -> Ints:
        """Return what is in (time - window, time] of each time; NOT_GIVEN before all of it is known."""
        # A sum of all lots may wrap around; the difference of two of them is right again.
        sums = np.concatenate(([0], np.cumsum(self.lots)))
        first = np.searchsorted(self.ts_ns, at_ns - window_ns, side="right")
        last = np.searchsorted(self.ts_ns, at_ns, side="right")
        return np.where(at_ns - window_ns >= self.first_ns, sums[last] - sums[first], NOT_GIVEN)

    def forget(self, window_ns: int) -> None:
        """Forget what cannot count any more."""
        if len(self.ts_ns):
            kept = int(np.searchsorted(self.ts_ns, self.ts_ns[-1] - window_ns, side="right"))
            self.ts_ns, self.lots = self.ts_ns[kept:], self.lots[kept:]


def gives_inputs(config: StrategyConfig, instruments: Sequence[Instrument]) -> bool:
    """Return whether a strategy gives the trading loop any input."""
    is_formula = any(key in INPUT_KEYS for key in config.formulas())
    return config.is_trading and (
        is_formula or any(counts_volume(config, each) for each in instruments)
    )


def inputs_of(
    config: StrategyConfig,
    history: Parts,
    panel: Sequence[Priced] = (),
    values: Values | None = None,
    memory: dict[int, VolumeMemory] | None = None,
) -> list[KindInputs] | None:
    """Return the inputs of each instrument's market data, by kind of event; None where nothing is given.

    Formulas speak at bars only, volumes are known at quotes and prints too.

    Parameters
    ----------
    values
        Of the formulas in INPUT_KEYS that the strategy has.
    memory
        Of the windows before this one; filled in.
    """
    if not gives_inputs(config, [part.instrument for part in history.parts]):
        return None
    found: list[KindInputs] = []
    for k, part in enumerate(history.parts):
        own = {key: columns[k] for key, columns in (values or {}).items()}
        goal = own.get("target_price")
        told: Inputs = (
            _fraction(own.get("edge", own.get("probability"))),
            _fraction(own.get("confidence")),
            KEEP if goal is None else panel[k].ticks_of(goal),
            _fraction(own.get("volatility")),
        )
        remembered = VolumeMemory() if memory is None else memory.setdefault(k, VolumeMemory())
        volumes = _volumes(config, part, remembered)
        made: KindInputs = {kind: (*_NOTHING, volume) for kind, volume in volumes.items()}
        if part.bars is not None:
            made[at.KIND_BAR] = (*told, volumes.get(at.KIND_BAR, KEEP))
        found.append(made)
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
    if column is None:
        return KEEP
    if len(column) and column.strides == (0,):  # a constant, which `signals` gives as one number
        return int(to_given(column[:1] * _PPB, FRACTION_MAX * _PPB)[0])
    found = np.empty(len(column), dtype=np.int64)
    for first in range(0, len(column), _BLOCK_ROWS):
        rows = slice(first, first + _BLOCK_ROWS)
        found[rows] = to_given(column[rows] * _PPB, FRACTION_MAX * _PPB)
    return found


def counts_volume(config: StrategyConfig, instrument: Instrument) -> bool:
    """Return whether an instrument's volume is looked at: of event contracts, or where the file says."""
    exits = config.exits
    if exits is None or not exits.is_on("liquidity_dried_up"):
        return False
    return instrument.is_binary or exits.volume is not None


def _volumes(
    config: StrategyConfig, part: InstrumentHistory, memory: VolumeMemory
) -> dict[int, Ints]:
    """Return the lots that traded in the window that ends with each event, by kind of event."""
    bars, trades, exits = part.bars, part.trades, config.exits
    if exits is None or not counts_volume(config, part.instrument):
        return {}
    if bars is not None and bars.has_volume:
        first = int(bars.ts_open_ns[0]) if len(bars) else INT64_MAX
        memory.take(bars.ts_close_ns, bars.volume_lots, first)
    elif trades is not None:
        first = int(trades.ts_ns[0]) if len(trades) else INT64_MAX
        memory.take(trades.ts_ns, trades.size_lots, first)
    blocks = {at.KIND_BAR: bars, at.KIND_QUOTE: part.quotes, at.KIND_TRADE: trades}
    found = {
        kind: memory.within(exits.volume_window_ns, block.ts_ns)
        for kind, block in blocks.items()
        if block is not None
    }
    memory.forget(exits.volume_window_ns)
    return found
