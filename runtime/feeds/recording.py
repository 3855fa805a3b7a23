"""`RecordingFeed`: a feed of which everything is kept, so that it can be backtested.

Market data, actions and settlements become a dataset of the catalog; sessions do not, a calendar has
them. Rows are certain a second after they came at the latest (`data.spool`). A session that goes on
from an earlier cursor records nothing twice; one that goes on from a later one than was certain when the
process died has the rows between fetched again, and recorded without being told.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from decimal import Decimal
from pathlib import Path
from typing import Final

import numpy as np

from data.actions import Action, ActionKind
from data.frames import column_names
from data.manifest import InstrumentEntry, Manifest
from data.spool import Block, Header, Spool
from engine.errors import DataError
from engine.model import layout as at
from engine.model.instruments import Instrument
from engine.model.units import MONEY_PRECISION, NS_PER_SECOND, from_quanta
from engine.ports import (
    AsksHistory,
    Clock,
    EvidenceClass,
    Feed,
    FeedItem,
    Notice,
    NoticeKind,
    Rows,
    Slice,
    TellsAge,
    TimePassed,
)
from runtime.feeds.wire import FUNDING_PRECISION

COMMIT_SECONDS = 1.0
COMMIT_ROWS = 8_192

# The event column of each column of the catalog, in its order.
COLUMNS: Final = {
    at.KIND_BAR: (
        "bars",
        {
            "ts_open_ns": at.BAR_OPEN_TS,
            "ts_close_ns": at.EVENT_TS,
            "open_ticks": at.BAR_OPEN,
            "high_ticks": at.BAR_HIGH,
            "low_ticks": at.BAR_LOW,
            "close_ticks": at.BAR_CLOSE,
            "volume_lots": at.BAR_VOLUME,
        },
    ),
    at.KIND_QUOTE: (
        "quotes",
        {
            "ts_ns": at.EVENT_TS,
            "bid_ticks": at.QUOTE_BID,
            "ask_ticks": at.QUOTE_ASK,
            "bid_size_lots": at.QUOTE_BID_SIZE,
            "ask_size_lots": at.QUOTE_ASK_SIZE,
        },
    ),
    at.KIND_TRADE: (
        "trades",
        {
            "ts_ns": at.EVENT_TS,
            "price_ticks": at.TRADE_PRICE,
            "size_lots": at.TRADE_SIZE,
            "aggressor": at.TRADE_AGGRESSOR,
        },
    ),
}


class RecordingFeed:
    """A feed that is recorded; an `engine.ports.Feed` like the one it wraps.

    Parameters
    ----------
    feed
        Whose items it passes on.
    root, name
        The catalog's folder, and the dataset's name.
    clock
        Says when to make rows certain.

    Raises
    ------
    DataError
        If the recording cannot be opened; see `data.spool`.
    """

    def __init__(self, feed: Feed, root: Path, name: str, clock: Clock) -> None:
        self._feed, self._clock = feed, clock
        entries = tuple(InstrumentEntry.of(one) for one in feed.instruments)
        self._spool = Spool(root, name, Header(entries, feed.name))
        self._waiting: list[Rows] = []
        self._waiting_rows = 0
        self._cursor = self._spool.cursor
        self._committed_ns = clock.monotonic_ns()
        self._committing = asyncio.Lock()
        self.problem = ""  # why nothing is recorded any more

    @property
    def name(self) -> str:
        """What a person calls it."""
        return f"{self._feed.name}, recorded"

    @property
    def evidence(self) -> EvidenceClass:
        """Recording changes nothing of it."""
        return self._feed.evidence

    @property
    def instruments(self) -> Sequence[Instrument]:
        """The instruments of the feed."""
        return self._feed.instruments

    def age_ns(self, ts_ns: int) -> int | None:
        """Return what the feed says of its data's age."""
        return self._feed.age_ns(ts_ns) if isinstance(self._feed, TellsAge) else None

    @property
    def asks_history(self) -> bool:
        """Whether the feed asks the history of minutes of which no bar has come."""
        return isinstance(self._feed, AsksHistory) and self._feed.asks_history

    async def items(self, after: int = 0) -> AsyncIterator[FeedItem]:
        """Yield what follows a cursor, and record what was not recorded yet."""
        try:
            async for item in self._feed.items(min(after, self._spool.cursor)):
                if isinstance(item, Slice):
                    self._keep(item)
                is_new = not isinstance(item, Slice) or item.cursor > after
                is_past = isinstance(item, TimePassed) and self._cursor < after
                notice = await self._commit_when_due()
                if is_new and not is_past:
                    yield item
                if notice is not None:
                    yield notice
        finally:
            await self._commit()

    async def close(self) -> None:
        """Close the feed and write what was recorded into the catalog; it can go on another time."""
        await self._feed.close()
        await self._commit()
        try:
            await asyncio.to_thread(self._spool.seal)
        finally:
            self._spool.close()

    async def finish(self) -> Manifest | None:
        """Close the feed for good: write what was recorded into the catalog, and keep only that."""
        await self._feed.close()
        await self._commit()
        manifest = await asyncio.to_thread(self._spool.seal)
        if self.problem == "":
            self._spool.discard()
        self._spool.close()
        return manifest

    def _keep(self, one: Slice) -> None:
        if one.cursor <= self._cursor:
            return
        self._cursor = one.cursor
        if one.events[0, at.EVENT_KIND] <= at.KIND_TRADE and not self.problem:
            self._waiting.append(one.events)
            self._waiting_rows += len(one.events)

    async def _commit_when_due(self) -> Notice | None:
        """Make rows certain from time to time; return a notice when that cannot be done any more."""
        elapsed = (self._clock.monotonic_ns() - self._committed_ns) / NS_PER_SECOND
        if self._waiting_rows < COMMIT_ROWS and elapsed < COMMIT_SECONDS:
            return None
        had_problem = bool(self.problem)
        await self._commit()
        if self.problem and not had_problem:
            return Notice(NoticeKind.LOST, f"nothing is recorded any more: {self.problem}")
        return None

    async def _commit(self) -> None:
        async with self._committing:  # whoever closes it may come while rows are being written
            await self._commit_alone()

    async def _commit_alone(self) -> None:
        self._committed_ns = self._clock.monotonic_ns()
        if self.problem or self._cursor <= self._spool.cursor:
            return
        waiting, self._waiting, self._waiting_rows = self._waiting, [], 0
        cursor = self._cursor
        try:
            await asyncio.to_thread(self._write, cursor, waiting)
        except DataError as error:
            self.problem = str(error.problem)  # trading goes on; the journal has its own guards

    def _write(self, cursor: int, waiting: Sequence[Rows]) -> None:
        none = np.empty((0, at.EVENT_WIDTH), dtype=np.int64)
        rows = np.concatenate([none, *waiting])
        blocks = []
        for kind, (name, columns) in COLUMNS.items():
            assert tuple(columns) == column_names(name)
            of_kind = rows[rows[:, at.EVENT_KIND] == kind]
            numbers = of_kind[:, at.EVENT_INSTRUMENT]
            for number in np.flatnonzero(np.bincount(numbers)).tolist():
                own = of_kind[numbers == number]
                blocks.append(Block(name, number, own[:, list(columns.values())]))
        actions = rows[rows[:, at.EVENT_KIND] < at.KIND_BAR].tolist()
        made = [action_of(row, self.instruments) for row in actions]
        self._spool.commit(cursor, blocks, [action for action in made if action is not None])


def action_of(row: Sequence[int], instruments: Sequence[Instrument]) -> Action | None:
    """Return an event row as an action of the catalog; None for what it does not keep (halts)."""
    ts_ns, kind, number, _, first, second = row[:6]
    symbol = instruments[number].symbol
    match kind:
        case at.KIND_SPLIT:
            return Action(symbol, ts_ns, ActionKind.SPLIT, first, second)
        case at.KIND_DIVIDEND:
            amount = from_quanta(first, MONEY_PRECISION)
            return Action(symbol, ts_ns, ActionKind.DIVIDEND, amount=amount)
        case at.KIND_FUNDING:
            rate = from_quanta(first, FUNDING_PRECISION)
            return Action(symbol, ts_ns, ActionKind.FUNDING, amount=rate)
        case at.KIND_SETTLEMENT:
            price: Decimal = instruments[number].ticks_to_price(first)
            return Action(symbol, ts_ns, ActionKind.SETTLEMENT, amount=price)
        case at.KIND_SYMBOL_CHANGE:  # a row does not tell the new name
            return Action(symbol, ts_ns, ActionKind.SYMBOL_CHANGE, new_symbol=symbol)
        case _:
            return None
