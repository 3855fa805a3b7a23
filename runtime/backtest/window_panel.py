"""The bars of one window as formulas see them; see `runtime.backtest.panel`."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from data.actions import ActionKind
from data.adjustment import FactorSteps
from data.history import BarColumns, History
from runtime.backtest.clockwork import Clockwork
from runtime.backtest.panel import Panel, Times, times_of

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]


@dataclass(slots=True, eq=False)
class SplitMemory:
    """One instrument's splits, and when its first bar opened: what came before it counts for nothing.

    The factor of a bar is the product of the splits after the first bar's opening and not after its
    own; see `data.adjustment.forward_split_factors`.
    """

    splits: tuple[tuple[int, Fraction], ...]
    first_open_ns: int | None = None

    def factors(self, bars: BarColumns) -> Floats | None:
        """Return the factor of each bar of the next window; None where there has been no split."""
        if not len(bars):
            return None
        if self.first_open_ns is None:
            self.first_open_ns = int(bars.ts_open_ns[0])
        starts, factors = [0], [Fraction(1)]
        for ts_ns, ratio in self.splits:
            place = int(np.searchsorted(bars.ts_open_ns, ts_ns))
            if ts_ns <= self.first_open_ns or place == len(bars):
                continue
            if place == starts[-1]:
                factors[-1] *= ratio
            else:
                starts.append(place)
                factors.append(factors[-1] * ratio)
        if factors == [1]:
            return None
        return FactorSteps(tuple(starts), tuple(factors), len(bars)).floats()


class WindowPanel(Panel):
    """A `Panel` over one window."""

    def __init__(
        self,
        history: History,
        index: int,
        bars: BarColumns,
        times: Times,
        clockwork: Clockwork,
        splits: SplitMemory | None,
    ) -> None:
        super().__init__(history, index, bars, times, clockwork, "none")
        self._steps = None if splits is None else splits.factors(bars)

    @cached_property
    def _factors(self) -> Floats | None:
        return self._steps


class PanelMaker:
    """Makes the panels of one window after the other.

    Parameters
    ----------
    outline
        Instruments and actions of the whole history.
    adjustment
        See `runtime.backtest.panel.Panel`.
    """

    def __init__(self, outline: History, clockwork: Clockwork, adjustment: str) -> None:
        self._outline, self._clockwork = History(outline.parts), clockwork
        splits = _splits_of(outline) if adjustment == "splits" else {}
        self._splits = [splits.get(symbol) for symbol in outline.symbols]

    def panel(self, bars: Sequence[BarColumns]) -> list[WindowPanel]:
        """Return the next window's bars, one block for each instrument, as formulas see them."""
        times = times_of([block.ts_close_ns for block in bars])
        return [
            WindowPanel(self._outline, k, block, own, self._clockwork, self._splits[k])
            for k, (block, own) in enumerate(zip(bars, times, strict=True))
        ]


def _splits_of(outline: History) -> dict[str, SplitMemory]:
    found: dict[str, list[tuple[int, Fraction]]] = {}
    for action in outline.actions:
        if action.kind is ActionKind.SPLIT:
            found.setdefault(action.symbol, []).append((action.ts_ex_ns, action.ratio))
    return {symbol: SplitMemory(tuple(splits)) for symbol, splits in found.items()}
