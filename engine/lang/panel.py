"""What a program is evaluated on: columns of bars, or one slice of bars after the other."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

import msgspec
import numpy as np
from numpy.typing import NDArray

from engine.errors import DataError


@dataclass(frozen=True, slots=True, eq=False)
class BarColumns:
    """The bars of one instrument, ascending in time; all columns have one length.

    Attributes
    ----------
    open, high, low, close, volume
        float64; NaN where undefined.
    ts_open_ns, ts_close_ns
        int64 nanoseconds UTC.
    slice_index
        int64, strictly ascending: the number of the timestamp, among those of all instruments, at
        which the bar closed. Bars of several instruments with one number form one slice.
    session_day
        int64 days since 1970-01-01 of the trading day that the bar belongs to.
    session_close_ns
        int64 nanoseconds UTC of that day's close, 0 where unknown; None where it is for all.
    """

    symbol: str
    open: NDArray[np.float64]
    high: NDArray[np.float64]
    low: NDArray[np.float64]
    close: NDArray[np.float64]
    volume: NDArray[np.float64]
    ts_open_ns: NDArray[np.int64]
    ts_close_ns: NDArray[np.int64]
    slice_index: NDArray[np.int64]
    session_day: NDArray[np.int64]
    session_close_ns: NDArray[np.int64] | None = None

    def __len__(self) -> int:
        return len(self.close)

    def at(self, name: str, rows: NDArray[np.int64] | slice) -> NDArray[np.float64]:
        """Return a field at some bars."""
        column: NDArray[np.float64] = getattr(self, name)
        return column[rows]


class PanelColumns(Protocol):
    """`BarColumns`, or an object with the same columns that makes each when it is first read."""

    @property
    def symbol(self) -> str:
        """The instrument."""

    @property
    def ts_open_ns(self) -> NDArray[np.int64]:
        """When each bar opened."""

    @property
    def ts_close_ns(self) -> NDArray[np.int64]:
        """When each bar closed."""

    @property
    def slice_index(self) -> NDArray[np.int64]:
        """The number of its time."""

    @property
    def session_day(self) -> NDArray[np.int64]:
        """Its trading day."""

    @property
    def session_close_ns(self) -> NDArray[np.int64] | None:
        """That day's close."""

    def __len__(self) -> int:
        """How many bars there are."""

    def at(self, name: str, rows: NDArray[np.int64] | slice, /) -> NDArray[np.float64]:
        """Return a field of the language at some bars."""


class SliceBar(msgspec.Struct, frozen=True, gc=False):
    """One bar of a slice; `instrument_index` counts the instruments of the streaming program."""

    instrument_index: int
    open: float
    high: float
    low: float
    close: float
    volume: float
    ts_open_ns: int
    ts_close_ns: int
    session_day: int
    session_close_ns: int = 0


def require_symbols(references: tuple[str, ...], symbols: tuple[str, ...]) -> None:
    """Raise unless each symbol occurs once, and those that formulas read are there.

    Raises
    ------
    DataError
        With the symbol that occurs twice, or that is missing.
    """
    different = set(symbols)
    if len(different) < len(symbols):
        twice = [symbol for symbol in sorted(different) if symbols.count(symbol) > 1]
        raise DataError(f"two instruments have the symbol {twice[0]!r}", remedy="rename one")
    missing = [symbol for symbol in references if symbol not in different]
    if missing:
        raise DataError(
            f"a formula reads {missing[0]!r}, and there is no data of it",
            remedy=f"add it to the instruments; there are: {', '.join(symbols) or 'none'}",
        )
