"""Bars of a slice as formulas see them, one slice at a time; the batch form is `runtime.backtest.panel`."""

from __future__ import annotations

import math
from bisect import bisect_left
from collections.abc import Sequence
from dataclasses import dataclass, field
from fractions import Fraction
from typing import Any

import msgspec

from engine.lang.panel import SliceBar
from engine.model import layout as at
from engine.model.instruments import Instrument
from engine.model.units import NS_PER_DAY
from runtime.backtest.clockwork import Clockwork


@dataclass(slots=True)
class _Bars:
    """One instrument: its units, its sessions' closes, and the splits that are known.

    The factor of a bar is the product of the splits after the first bar's opening and not after its own;
    see `data.adjustment.forward_split_factors`.
    """

    price_unit: float
    lot_unit: float
    closes: list[int]
    first_open_ns: int | None = None
    splits: list[tuple[int, int, int]] = field(default_factory=list)  # that no bar has met yet
    ratio: Fraction = Fraction(1)
    factor: float | None = None

    def meet_splits(self, ts_open_ns: int) -> None:
        """Take the splits into the factor of a bar that opens at a time."""
        assert self.first_open_ns is not None
        for ts_ns, numerator, denominator in [s for s in self.splits if s[0] <= ts_open_ns]:
            self.splits.remove((ts_ns, numerator, denominator))
            if ts_ns > self.first_open_ns:
                self.ratio *= Fraction(numerator, denominator)
                self.factor = float(self.ratio)


class _Memory(msgspec.Struct, array_like=True):
    """What is remembered of one instrument."""

    first_open_ns: int | None
    splits: list[tuple[int, int, int]]
    numerator: int
    denominator: int


class BarReader:
    """Makes bars of event rows.

    Parameters
    ----------
    instruments
        By number.
    clockwork
        Whose closes say which trading day a bar belongs to.
    adjustment
        ``splits``: prices times the units that one unit of the first bar has become.
    """

    def __init__(
        self, instruments: Sequence[Instrument], clockwork: Clockwork, adjustment: str
    ) -> None:
        closes = {name: clockwork.closes[n].tolist() for n, name in enumerate(clockwork.names)}
        self._adjusts = adjustment == "splits"
        self._of = [
            _Bars(10.0**item.price_precision, 10.0**item.quantity_precision, closes[item.calendar])
            for item in instruments
        ]

    def read(self, events: Any, count: int) -> tuple[list[int], list[SliceBar]]:
        """Return the rows of a slice that are bars, and the bars."""
        rows, bars = [], []
        for row in range(count):
            kind = events[row, at.EVENT_KIND]
            if kind == at.KIND_BAR:
                rows.append(row)
                bars.append(self._bar(events, row))
            elif kind == at.KIND_SPLIT and self._adjusts:
                split = tuple(
                    events[row, column]
                    for column in (at.EVENT_TS, at.SPLIT_NUMERATOR, at.SPLIT_DENOMINATOR)
                )
                self._of[events[row, at.EVENT_INSTRUMENT]].splits.append(split)
        return rows, bars

    def factor(self, i: int) -> float | None:
        """Return what raw prices are multiplied with now; None before the first split."""
        return self._of[i].factor

    def price_unit(self, i: int) -> float:
        """Return how many ticks a price of 1 is."""
        return self._of[i].price_unit

    def _bar(self, events: Any, row: int) -> SliceBar:
        i, opened = events[row, at.EVENT_INSTRUMENT], events[row, at.BAR_OPEN_TS]
        ts, lots, own = events[row, at.EVENT_TS], events[row, at.BAR_VOLUME], self._of[i]
        if own.first_open_ns is None:
            own.first_open_ns = opened
        if own.splits:
            own.meet_splits(opened)
        unit = own.price_unit
        prices = (
            events[row, at.BAR_OPEN] / unit,
            events[row, at.BAR_HIGH] / unit,
            events[row, at.BAR_LOW] / unit,
            events[row, at.BAR_CLOSE] / unit,
        )
        volume = math.nan if lots == at.UNKNOWN else lots / own.lot_unit
        if own.factor is not None:
            factor = own.factor
            prices = tuple(price * factor for price in prices)
            volume /= factor
        place = bisect_left(own.closes, ts)
        close = own.closes[place] if place < len(own.closes) else 0
        # A day is named by the moment before its close, as in `Clockwork.session_days`.
        day = ((close or ts) - 1) // NS_PER_DAY
        return SliceBar(i, *prices, volume, opened, ts, day, close)

    def memory(self) -> list[_Memory]:
        """Return what is remembered."""
        return [
            _Memory(each.first_open_ns, each.splits, each.ratio.numerator, each.ratio.denominator)
            for each in self._of
        ]

    def remember(self, memory: Sequence[_Memory]) -> None:
        """Go on from what `memory` has returned."""
        for own, known in zip(self._of, memory, strict=True):
            own.first_open_ns, own.splits = known.first_open_ns, list(known.splits)
            own.ratio = Fraction(known.numerator, known.denominator)
            own.factor = None if own.ratio == 1 and not own.factor else float(own.ratio)


BarsMemory = list[_Memory]
