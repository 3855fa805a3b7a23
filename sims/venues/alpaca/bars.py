"""Bars of any length out of what the market has shown: its bars, or its prints where there are none."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Final

from engine.model import layout as at
from engine.model.units import NS_PER_DAY, NS_PER_HOUR, NS_PER_MINUTE
from sims.venues.alpaca.hours import start_of, wall_time
from sims.venues.alpaca.market import Row, Shown
from sims.venues.alpaca.orders import Asset
from sims.venues.alpaca.refusals import malformed

_FRAME: Final = re.compile(r"([1-9]\d?)(Min|T|Hour|H|Day|D)")
_UNITS: Final = {"M": NS_PER_MINUTE, "T": NS_PER_MINUTE, "H": NS_PER_HOUR, "D": NS_PER_DAY}


@dataclass(slots=True)
class Bar:
    """One bar in ticks and lots; `value` is price x lots of its prints, `count` 0 where unknown."""

    start_ns: int
    open: int
    high: int
    low: int
    close: int
    lots: int
    count: int = 0
    value: int = 0

    def add(self, later: Bar) -> None:
        """Take in what came after it."""
        self.high, self.low = max(self.high, later.high), min(self.low, later.low)
        self.close = later.close
        self.lots += later.lots
        self.count += later.count
        self.value += later.value


def parse_timeframe(text: str) -> int:
    """Return the length of bars in ns.

    Raises
    ------
    Refusal
        If it is none of minutes, hours and a day.
    """
    found = _FRAME.fullmatch(text)
    if found is None:
        raise malformed(f"invalid timeframe: {text}")
    length = int(found[1]) * _UNITS[found[2][0]]
    if length > NS_PER_DAY or (found[2][0] == "D" and length != NS_PER_DAY):
        raise malformed(f"invalid timeframe: {text}")
    return length


def day_start(asset: Asset, ns: int) -> int:
    """Return where the day of a time begins: New York's midnight, for what never closes UTC's."""
    if asset.is_crypto or asset.instrument.calendar == "24/7":
        return ns // NS_PER_DAY * NS_PER_DAY
    return start_of(wall_time(ns).date())


def day_before(asset: Asset, start_ns: int) -> int:
    """Return where the day before the one that begins at a time begins."""
    if asset.is_crypto or asset.instrument.calendar == "24/7":
        return start_ns - NS_PER_DAY
    return start_of(wall_time(start_ns).date() - timedelta(days=1))


def bars_of(
    asset: Asset, shown: Shown, length_ns: int, rows: Sequence[Row] | None = None
) -> list[Bar]:
    """Return bars of a length, the last one as far as it has come.

    Parameters
    ----------
    rows
        Only these of what is shown.
    """
    made: list[Bar] = []
    for piece in _pieces(shown, length_ns, rows):
        ns = piece.start_ns
        start = day_start(asset, ns) if length_ns == NS_PER_DAY else ns // length_ns * length_ns
        piece.start_ns = start
        if made and made[-1].start_ns == start:
            made[-1].add(piece)
        else:
            made.append(piece)
    return made


def source_rows(shown: Shown) -> list[Row]:
    """Return what bars are made of."""
    return shown.bars or shown.trades


def _pieces(shown: Shown, length_ns: int, rows: Sequence[Row] | None) -> Iterator[Bar]:
    for row in source_rows(shown) if rows is None else rows:
        if row[at.EVENT_KIND] == at.KIND_BAR:
            if row[at.EVENT_TS] - row[at.BAR_OPEN_TS] <= length_ns:
                yield bar_of(row)
        else:
            price, lots = row[at.TRADE_PRICE], row[at.TRADE_SIZE]
            yield Bar(row[at.EVENT_TS], price, price, price, price, lots, 1, price * lots)


def bar_of(row: Row) -> Bar:
    """Return a bar of the market as it is."""
    opened, high, low, close = row[at.BAR_OPEN : at.BAR_CLOSE + 1]
    return Bar(row[at.BAR_OPEN_TS], opened, high, low, close, max(row[at.BAR_VOLUME], 0))
