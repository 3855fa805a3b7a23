"""`Tape`: data as numbered messages, the same each time, from any number on.

What a history holds of the market, its actions and the marks of equity are told; sessions are not:
who listens has a calendar. Faults of the data are messages too many; see `runtime.feeds.faults`.
"""

from __future__ import annotations

import hashlib
from bisect import bisect_left, bisect_right
from collections.abc import Iterator
from typing import Final, NamedTuple

import msgspec
import numpy as np

from data.history import History, InstrumentHistory
from data.manifest import InstrumentEntry
from engine.model import layout as at
from engine.model.units import INT64_MAX
from runtime.backtest.clockwork import first_ns
from runtime.feeds import wire
from runtime.feeds.faults import IN_DATA, Fault, FaultKind, FaultSchedule
from runtime.feeds.rows import ReplayRows

_CALENDAR = (at.KIND_SESSION_CLOSE, at.KIND_ACCRUAL, at.KIND_SESSION_OPEN)


class Numbered(NamedTuple):
    """One message, encoded."""

    seq: int
    ts_ns: int
    content: bytes


class Tape:
    """Messages of some data.

    Parameters
    ----------
    rows
        The data.
    schedule
        What is wrong with them.
    """

    def __init__(self, rows: ReplayRows, schedule: FaultSchedule | None = None) -> None:
        self.schedule = schedule or FaultSchedule()
        self._rows = rows
        span = rows.outline.span_ns()
        assert span is not None
        self.last_ns = span[1]
        self.rows_count = _rows_told(rows)
        self._anchors = [(0, 0)]  # rows told, and slices, where a block begins
        faults = [self._inside(fault) for fault in self.schedule.of(*IN_DATA)]
        extras = sorted(((self._position(f), f) for f in faults), key=lambda pair: pair[0])
        self._positions = [position for position, _ in extras]
        self._extras = [self._extra(n, *pair) for n, pair in enumerate(extras, start=1)]

    def __len__(self) -> int:
        """Return how many messages there are, which is the last one's number."""
        return self.rows_count + len(self._extras)

    def hello(self, head: int, clock: str = "replay") -> wire.Hello:
        """Return what to say first."""
        outline = self._rows.outline
        return wire.Hello(
            stream=self.identity,
            head=head,
            instruments=tuple(InstrumentEntry.of(one) for one in outline.instruments),
            kinds={part.instrument.symbol: _kinds(part) for part in outline.parts},
            starts_ns=first_ns(outline),
            clock="wall" if clock == "wall" else "replay",
        )

    @property
    def identity(self) -> str:
        """What tells this tape from another one."""
        digest = hashlib.blake2b(self._rows.outline.fingerprint.encode(), digest_size=16)
        digest.update(msgspec.json.encode(self.schedule))
        digest.update(
            str([(s.kind, s.instrument, len(s.ts_ns)) for s in self._rows.others]).encode()
        )
        return digest.hexdigest()

    def number_of_row(self, row: int) -> int:
        """Return the number of the message that tells a row; rows count from 1."""
        return row + bisect_left(self._positions, row)

    def messages(self, after: int = 0) -> Iterator[Numbered]:
        """Yield the messages after a number."""
        told = max(after - len(self._extras), 0)  # so many rows at least are in the first `after`
        n = bisect_right(self._positions, told)
        for row, values in self._rows_from(told):
            number = row + n
            if number > after:
                yield self._numbered(wire.to_message(values, number, self._rows.instruments))
            while n < len(self._extras) and self._positions[n] <= row:
                if self._extras[n].seq > after:
                    yield self._extras[n]
                n += 1

    def _rows_from(self, row: int) -> Iterator[tuple[int, list[int]]]:
        """Yield the rows that are told behind the first so many, each with its number."""
        told, slices = self._anchors[bisect_right(self._anchors, (row, INT64_MAX)) - 1]
        for block in self._rows.blocks(slices):
            if told > self._anchors[-1][0]:
                self._anchors.append((told, block.first))
            events = block.events[block.starts[0] :]
            events = events[~np.isin(events[:, at.EVENT_KIND], _CALENDAR)]
            for values in events[max(row - told, 0) :].tolist():
                row += 1
                yield row, values
            told += len(events)

    def _numbered(self, message: wire.Market) -> Numbered:
        return Numbered(message.seq, message.ts, wire.encode(message))

    # --- Messages too many ----------------------------------------------------------------------------
    def _inside(self, fault: Fault) -> Fault:
        return msgspec.structs.replace(fault, at=min(fault.at, self.rows_count))

    def _position(self, fault: Fault) -> int:
        """Return behind which row a fault's message comes."""
        late = fault.count if fault.kind in (FaultKind.LATE, FaultKind.REVISED) else 0
        return min(fault.at + late, self.rows_count)

    def _extra(self, n: int, position: int, fault: Fault) -> Numbered:
        """Return the n-th message too many."""
        _, values = next(self._rows_from(fault.at - 1))
        seq = position + n
        told = wire.to_message(values, seq, self._rows.instruments)
        if fault.kind is FaultKind.LATE:
            return self._numbered(told)
        if fault.kind is FaultKind.REVISED:
            return self._numbered(_revised(told))
        symbol = getattr(told, "symbol", self._rows.instruments[0].symbol)
        if fault.kind is FaultKind.CROSSED:
            return self._numbered(wire.Quote(seq, symbol, told.ts, bid="1", ask="0.5"))
        content = {"seq": seq, "symbol": symbol, "ts": told.ts, **_WRONG[fault.kind]}
        return Numbered(seq, told.ts, msgspec.json.encode(content))


_WRONG: Final[dict[FaultKind, dict[str, object]]] = {
    FaultKind.ZERO_PRICE: {"type": "trade", "price": "0.00", "size": "1"},
    FaultKind.NEGATIVE_PRICE: {"type": "trade", "price": "-1", "size": "1"},
    FaultKind.NAN_PRICE: {"type": "trade", "price": "NaN", "size": "1"},
    FaultKind.FLOAT_PRICE: {"type": "trade", "price": 1.5, "size": "1"},
    FaultKind.WRONG_ENUM: {"type": "trade", "price": "1", "size": "1", "aggressor": "maker"},
}


def _revised(message: wire.Market) -> wire.Market:
    if not isinstance(message, wire.Bar):
        return message
    values = {"open": message.low, "close": message.low, "revision": 1}
    return msgspec.structs.replace(message, **values)


def _rows_told(rows: ReplayRows) -> int:
    market = rows.market
    if isinstance(market, History):
        count = sum(len(columns) for _, columns in market.columns())
    else:
        count = len(market)
    return count + sum(len(s.ts_ns) for s in rows.others if s.kind not in _CALENDAR)


def _kinds(part: InstrumentHistory) -> tuple[str, ...]:
    """Return what comes of an instrument; blocks without rows are nothing."""
    found = (("bars", part.bars), ("quotes", part.quotes), ("trades", part.trades))
    return tuple(name for name, columns in found if columns is not None and len(columns))
