"""The trading loop's inputs beside the rows of a slice; the batch form is `runtime.backtest.inputs`."""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from typing import Any, Final

import msgspec
import numpy as np

from data.history import History
from engine.jit import as_plain
from engine.model import layout as at
from engine.model.instruments import Instrument
from engine.model.trading_layout import KEEP, NOT_GIVEN
from engine.model.units import INT64_MAX
from runtime.backtest.inputs import FRACTION_MAX, counts_volume, gives_inputs
from runtime.config import StrategyConfig

_PPB: Final = 10**9
_TICKS_MAX: Final = 2.0**62
_NONE: Final = 0  # no kind of event


def volume_kinds(history: History) -> tuple[int, ...]:
    """Return by instrument which events tell what has traded: bars, prints or none."""
    kinds = []
    for part in history.parts:
        if part.bars is not None and part.bars.has_volume:
            kinds.append(at.KIND_BAR)
        else:
            kinds.append(_NONE if part.trades is None else at.KIND_TRADE)
    return tuple(kinds)


class Volume(msgspec.Struct, array_like=True):
    """What one instrument has traded, as far as it may still count."""

    first_ns: int = INT64_MAX  # since when volumes are known
    total: int = 0
    seen: list[tuple[int, int]] = []


class _Volumes:
    """One instrument's lots within a window that moves."""

    def __init__(self, window_ns: int, kind: int) -> None:
        self._window_ns, self.kind = window_ns, kind
        self.first_ns, self.total = INT64_MAX, 0
        self.seen: deque[tuple[int, int]] = deque()

    def take(self, events: Any, row: int) -> None:
        """Take what a bar or a print has traded."""
        is_bar = self.kind == at.KIND_BAR
        if self.first_ns == INT64_MAX:
            self.first_ns = events[row, at.BAR_OPEN_TS if is_bar else at.EVENT_TS]
        lots = events[row, at.BAR_VOLUME if is_bar else at.TRADE_SIZE]
        self.seen.append((events[row, at.EVENT_TS], lots))
        self.total += lots

    def within(self, now: int) -> int:
        """Return the lots of (now - window, now]; NOT_GIVEN before all of it is known."""
        since = now - self._window_ns
        while self.seen and self.seen[0][0] <= since:
            self.total -= self.seen.popleft()[1]
        return self.total if since >= self.first_ns else NOT_GIVEN


class SliceInputs:
    """Writes the inputs of a strategy's slices.

    Parameters
    ----------
    kinds
        Of `volume_kinds`.
    """

    def __init__(
        self, config: StrategyConfig, instruments: Sequence[Instrument], kinds: Sequence[int]
    ) -> None:
        exits = config.exits
        self.is_given = gives_inputs(config, instruments)
        self._volumes: list[_Volumes | None] = [
            _Volumes(exits.volume_window_ns, kind)
            if exits is not None and counts_volume(config, item)
            else None
            for item, kind in zip(instruments, kinds, strict=True)
        ]
        self._counts = any(each is not None for each in self._volumes)
        self._reserve(16)

    def _reserve(self, rows: int) -> None:
        self.block = np.zeros((rows, at.SIGNAL_WIDTH), dtype=np.int64)
        self.rows: Any = as_plain(self.block)

    def make_room(self, count: int) -> None:
        """Have a row beside each of `count` events."""
        if count > len(self.block):
            self._reserve(2 * count)

    def write_slice(self, events: Any, count: int) -> None:
        """Write what is known without formulas: volumes. To be followed by `write_bar`."""
        volumes, table = self._volumes, self.rows
        for row in range(count) if self._counts else ():
            kind = events[row, at.EVENT_KIND]
            if at.KIND_BAR <= kind <= at.KIND_TRADE:
                own = volumes[events[row, at.EVENT_INSTRUMENT]]
                if own is not None and own.kind == kind:
                    own.take(events, row)
        for row in range(count):
            if at.KIND_BAR <= events[row, at.EVENT_KIND] <= at.KIND_TRADE:
                own = volumes[events[row, at.EVENT_INSTRUMENT]]
                table[row, at.SIGNAL_EDGE] = KEEP
                table[row, at.SIGNAL_CONFIDENCE] = KEEP
                table[row, at.SIGNAL_GOAL] = KEEP
                table[row, at.SIGNAL_VOLATILITY] = KEEP
                table[row, at.SIGNAL_VOLUME] = (
                    KEEP if own is None else own.within(events[row, at.EVENT_TS])
                )

    def write_bar(
        self, row: int, values: Sequence[tuple[str, float]], unit: float, factor: float | None
    ) -> None:
        """Write what formulas say at a bar; `unit` and `factor` make ticks of their prices."""
        table = self.rows
        for key, value in values:
            if key == "target_price":
                goal = value if factor is None else value / factor
                ticks = to_given(goal * unit, _TICKS_MAX)
                table[row, at.SIGNAL_GOAL] = ticks if ticks > 0 else NOT_GIVEN
            else:
                table[row, _COLUMNS[key]] = to_given(value * _PPB, FRACTION_MAX * _PPB)

    def memory(self) -> list[Volume]:
        """Return what is remembered."""
        return [
            Volume() if own is None else Volume(own.first_ns, own.total, list(own.seen))
            for own in self._volumes
        ]

    def remember(self, memory: Sequence[Volume]) -> None:
        """Go on from what `memory` has returned."""
        for own, known in zip(self._volumes, memory, strict=True):
            if own is not None:
                own.first_ns, own.total, own.seen = known.first_ns, known.total, deque(known.seen)


_COLUMNS: Final = {
    "edge": at.SIGNAL_EDGE,
    "probability": at.SIGNAL_EDGE,
    "confidence": at.SIGNAL_CONFIDENCE,
    "volatility": at.SIGNAL_VOLATILITY,
}


def to_given(scaled: float, most: float) -> int:
    """Return a whole number, half-even; NOT_GIVEN where there is none, or one beyond `most`."""
    return round(scaled) if abs(scaled) <= most else NOT_GIVEN
