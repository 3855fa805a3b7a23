"""The bars of an instrument as formulas see them, each column made when a formula first reads it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from data.adjustment import forward_split_factors
from data.history import BarColumns, History
from data.numbers import to_floats
from data.sorting import distinct
from engine.errors import DataError
from engine.model.trading_layout import NOT_GIVEN
from runtime.backtest.clockwork import Clockwork
from runtime.backtest.inputs import to_given

Ints = NDArray[np.int64]
Floats = NDArray[np.float64]


_ALL = slice(None)
_TICKS_MAX = 2.0**62


@dataclass(slots=True, eq=False)
class Times:
    """The bar times of a panel, and what follows from them: made once where instruments share them.

    `slices` are those of all instruments, ascending.
    """

    ts_close_ns: Ints
    slices: Ints
    _numbers: Ints | None = None
    _sessions: dict[str, tuple[Ints, Ints]] = field(default_factory=dict)

    def numbers(self) -> Ints:
        """Return the place of each bar among the slices."""
        if self._numbers is None:
            is_all = self.slices is self.ts_close_ns
            self._numbers = (
                np.arange(len(self.slices))
                if is_all
                else np.searchsorted(self.slices, self.ts_close_ns)
            )
        return self._numbers

    def sessions(self, calendar: str, clockwork: Clockwork) -> tuple[Ints, Ints]:
        """Return the trading day of each bar and its close; see `Clockwork.session_days`."""
        if calendar not in self._sessions:
            self._sessions[calendar] = clockwork.session_days(calendar, self.ts_close_ns)
        return self._sessions[calendar]


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
        times: Times,
        clockwork: Clockwork,
        adjustment: str,
    ) -> None:
        self._instrument = history.parts[index].instrument
        self._bars = bars
        self._times = times
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
        return self._units(_ALL)

    @cached_property
    def slice_index(self) -> Ints:
        """The number of each bar's time among those of all instruments."""
        return self._times.numbers()

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
        return self._times.sessions(self._instrument.calendar, self._clockwork)

    @cached_property
    def _factors(self) -> Floats | None:
        if not self._actions:
            return None
        steps = forward_split_factors(self._bars, self._actions)
        return steps.floats() if len(steps.factors) > 1 else None

    def at(self, name: str, rows: Ints | slice) -> Floats:
        """Return a field at some bars, without making its column."""
        if name == "volume":
            return self._units(rows)
        ticks: Ints = getattr(self._bars, f"{name}_ticks")
        return self._prices(ticks, rows)

    def ticks_of(self, prices: Floats) -> Ints:
        """Return prices that a formula has given as ticks that trade, half-even.

        NOT_GIVEN where there is no price over zero.
        """
        raw = prices if self._factors is None else prices / self._factors
        ticks = to_given(raw * 10.0**self._instrument.price_precision, _TICKS_MAX)
        return np.where(ticks > 0, ticks, NOT_GIVEN)

    def _prices(self, ticks: Ints, rows: Ints | slice = _ALL) -> Floats:
        prices = to_floats(ticks[rows], self._instrument.price_precision)
        return prices if self._factors is None else prices * self._factors[rows]

    def _units(self, rows: Ints | slice) -> Floats:
        if not self._bars.has_volume:
            return np.full(len(self.ts_close_ns[rows]), np.nan)
        units = to_floats(self._bars.volume_lots[rows], self._instrument.quantity_precision)
        return units if self._factors is None else units / self._factors[rows]


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
    times = times_of([bars.ts_close_ns for bars in parts])
    pairs = enumerate(zip(parts, times, strict=True))
    return [Panel(history, k, bars, own, clockwork, adjustment) for k, (bars, own) in pairs]


def times_of(columns: Sequence[Ints]) -> list[Times]:
    """Return the times of each instrument; the same object where all have the same times."""
    first = columns[0]
    if all(each is first or np.array_equal(each, first) for each in columns):
        return [Times(first, first)] * len(columns)
    slices = distinct(np.concatenate(columns))
    return [Times(each, slices) for each in columns]
