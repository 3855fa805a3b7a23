"""The bars of an instrument as formulas see them, each column made when a formula first reads it."""

from __future__ import annotations

from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from data.adjustment import forward_split_factors
from data.history import BarColumns, History
from data.numbers import to_floats
from engine.errors import DataError
from runtime.backtest.clockwork import Clockwork

Ints = NDArray[np.int64]
Floats = NDArray[np.float64]


class Panel:
    """One instrument's columns; see `engine.lang.panel.BarColumns`, whose names these are.

    With `adjustment` ``splits`` prices are raw prices times the units that one unit of the first bar
    has become (volumes divided by it): continuous, and known at each bar's own time.
    """

    def __init__(
        self,
        history: History,
        index: int,
        bars: BarColumns,
        slices: Ints,
        clockwork: Clockwork,
        adjustment: str,
    ) -> None:
        self._instrument = history.parts[index].instrument
        self._bars = bars
        self._slices = slices
        self._clockwork = clockwork
        actions = [one for one in history.actions if one.symbol == self._instrument.symbol]
        self._actions = actions if adjustment == "splits" else []
        self.symbol = self._instrument.symbol
        self.ts_open_ns, self.ts_close_ns = bars.ts_open_ns, bars.ts_close_ns

    def __len__(self) -> int:
        return len(self._bars)

    @property
    def is_adjusted(self) -> bool:
        """Whether prices and volumes differ from those that traded."""
        return self._factors is not None

    @cached_property
    def open(self) -> Floats:
        """First prices."""
        return self._prices(self._bars.open_ticks)

    @cached_property
    def high(self) -> Floats:
        """Highest prices."""
        return self._prices(self._bars.high_ticks)

    @cached_property
    def low(self) -> Floats:
        """Lowest prices."""
        return self._prices(self._bars.low_ticks)

    @cached_property
    def close(self) -> Floats:
        """Last prices."""
        return self._prices(self._bars.close_ticks)

    @cached_property
    def volume(self) -> Floats:
        """Units traded; NaN where the source has none."""
        if not self._bars.has_volume:
            return np.full(len(self), np.nan)
        units = to_floats(self._bars.volume_lots, self._instrument.quantity_precision)
        return units if self._factors is None else units / self._factors

    @cached_property
    def slice_index(self) -> Ints:
        """The number of each bar's time among those of all instruments."""
        if self._slices is self.ts_close_ns:
            return np.arange(len(self))
        return np.searchsorted(self._slices, self.ts_close_ns)

    @cached_property
    def session_day(self) -> Ints:
        """The trading day of each bar, days since 1970."""
        return self._sessions[0]

    @cached_property
    def session_close_ns(self) -> Ints:
        """That day's close, 0 where unknown."""
        return self._sessions[1]

    @cached_property
    def _sessions(self) -> tuple[Ints, Ints]:
        return self._clockwork.session_days(self._instrument.calendar, self.ts_close_ns)

    @cached_property
    def _factors(self) -> Floats | None:
        if not self._actions:
            return None
        steps = forward_split_factors(self._bars, self._actions)
        return steps.floats() if len(steps.factors) > 1 else None

    def _prices(self, ticks: Ints) -> Floats:
        prices = to_floats(ticks, self._instrument.price_precision)
        return prices if self._factors is None else prices * self._factors


def panel_of(history: History, clockwork: Clockwork, *, adjustment: str) -> list[Panel]:
    """Return the bars of a history as formulas see them.

    Raises
    ------
    DataError
        If an instrument has no bars.
    """
    missing = [p.instrument.symbol for p in history.parts if p.bars is None or not len(p.bars)]
    if missing:
        raise DataError(
            f"no bars of {', '.join(missing[:5])} in the chosen dates",
            remedy="formulas need bars; a Python class can trade on quotes and trades alone",
            code="data.no_bars",
        )
    parts = [part.bars for part in history.parts if part.bars is not None]
    times = [bars.ts_close_ns for bars in parts]
    slices = times[0] if len(times) == 1 else np.unique(np.concatenate(times))
    return [Panel(history, k, bars, slices, clockwork, adjustment) for k, bars in enumerate(parts)]
