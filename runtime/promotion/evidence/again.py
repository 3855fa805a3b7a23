"""Recorded bars beside what the venue says of them afterwards: a tape that nobody has made up."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol, TypeAlias

from engine.model import layout as at
from engine.model.instruments import Instrument
from engine.ports import Rows

Prices: TypeAlias = tuple[int, int, int, int]  # open, high, low, close in ticks
_PRICES = (at.BAR_OPEN, at.BAR_HIGH, at.BAR_LOW, at.BAR_CLOSE)


class Fetch(Protocol):
    """Asks a venue for bars that were recorded."""

    def __call__(self, instruments: Sequence[Instrument], bars: Rows) -> BarsAgain | None:
        """Return them as the venue tells them now; None where it cannot be asked."""


@dataclass(frozen=True, slots=True)
class BarsAgain:
    """Bars by instrument and close, as a venue tells them now.

    Parameters
    ----------
    steps
        By instrument its price step in ticks: so far prices may be apart.
    """

    prices: Mapping[tuple[int, int], Prices]
    steps: Sequence[int]

    def agreeing(self, bars: Rows) -> int:
        """Return how many recorded bars the venue tells alike, each price within one step."""
        return sum(self._agrees(bar) for bar in bars)

    def _agrees(self, bar: Rows) -> bool:
        instrument = int(bar[at.EVENT_INSTRUMENT])
        told = self.prices.get((instrument, int(bar[at.EVENT_TS])))
        if told is None:
            return False
        ours = (int(bar[column]) for column in _PRICES)
        step = self.steps[instrument]
        return all(abs(one - its) <= step for one, its in zip(ours, told, strict=True))


def not_asked(instruments: Sequence[Instrument], bars: Rows) -> BarsAgain | None:
    """Ask nobody."""
    return None
