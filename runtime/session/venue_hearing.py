"""`Hearing`: what a venue tells becomes facts for the engine; what it tells of strangers keeps entries out.

All that comes of a venue ends in the same two ways: facts for the engine (`FactsInput`), and what the
engine's breakers are told (`OperatorInput` of a part). What is told is told under the session's lock.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Any

import msgspec

from engine.errors import VenueError
from engine.model import layout as at
from engine.model import trading_layout as loop
from engine.model.instruments import InstrumentKind
from engine.model.trading import ApiErrorClass, Latch
from engine.ports import AccountFacts, BrokerEvent, Clock, Journal, Rows
from runtime.gateway.gateway import Gateway
from runtime.gateway.inbox import QUARANTINE, RELEASE, EngineOrders, Inbox, News
from runtime.gateway.kept import traded_key
from runtime.gateway.ledger import Sent, Tracked
from runtime.journal.records import FactsInput, Input, OperatorInput
from runtime.session.intake import to_bytes
from runtime.session.wishes import PART, part_rows
from runtime.session_core.core import SessionCore
from runtime.session_core.steps import NO_ROWS


class VenueOptions(msgspec.Struct, frozen=True):
    """How a venue is watched. Times in seconds."""

    reconcile_least: float = 30.0
    reconcile_most: float = 60.0
    intent_age_ns: int = 30 * 10**9  # an order that is proven absent goes again until then


@dataclass(slots=True)
class Beside:
    """What a venue's side needs of its session."""

    core: SessionCore
    gateway: Gateway
    lock: asyncio.Lock
    clock: Clock
    draw: Callable[[], float]  # in [0, 1], seeded
    take: Callable[[Input], Awaitable[None]]  # under the lock
    note: Callable[[str, str, str, str], None]  # kind, severity, subject, text
    hold: Callable[[str], None]  # no entries, until `free`
    free: Callable[[str], None]
    accept: Callable[[AccountFacts], None]  # raises where it is not the account to trade
    journal: Journal


@dataclass(slots=True)
class Hearing:
    """See the module.

    Parameters
    ----------
    stir
        Set where something is to be looked up or reported.
    gap
        Set where the account is to be read: something may have been missed.
    moved
        Set where the engine was told something of the venue: what was held may leave.
    is_connected
        The venue's stream is there.
    is_whole
        The account was read since the last gap.
    """

    inbox: Inbox
    beside: Beside
    stir: asyncio.Event = field(default_factory=asyncio.Event)
    gap: asyncio.Event = field(default_factory=asyncio.Event)
    moved: asyncio.Event = field(default_factory=asyncio.Event)
    is_connected: bool = False
    is_whole: bool = False
    _errors: deque[ApiErrorClass] = field(default_factory=deque)

    async def hear(self, event: BrokerEvent, *, is_proven: bool = False) -> None:
        """Take one event; under the lock."""
        if event.kind == 0:
            self.lose(event.reason or "the broker says that something was missed")
            return
        reading = self.inbox.read(event, self._engine, is_proven=is_proven)
        order = self.inbox.books.find(reading.order_id)
        match reading.news:
            case News.FACT:
                assert order is not None
                if reading.is_overfill:
                    self._note_overfill(order, event)
                await self.tell(reading.rows, (*reading.keys, *self._traded(order, event)))
                if event.kind == at.KIND_FILL and order.side > 0 and self._is_coin(order):
                    self.gap.set()  # what the venue keeps of it is known when the account was read
                if event.kind == at.KIND_CANCEL_REJECTED:  # perhaps too late: there may be a fill
                    self.doubt(order, event.kind)
                if reading.is_overfill:
                    terms = {loop.COMPONENT_NUMBER: int(Latch.HEALTH), loop.COMPONENT_GOOD: 0}
                    await self.inform(at.KIND_COMPONENT, terms)
            case News.DOUBT:
                assert order is not None
                self.doubt(order, event.kind)
            case News.FOREIGN:
                await self._foreign(event)
            case News.UNBOOKABLE:
                assert event.execution is not None
                why = f"execution {event.execution.execution_id} is of an order long gone"
                await self.quarantine(event.execution.instrument, why)
            case News.OLD:
                pass

    def lose(self, problem: str) -> None:
        """Something may have been missed: no entries until the account was read."""
        if self.is_whole:
            self.beside.note("broker", "warning", "broker", problem)
        self.is_whole = False
        self.beside.hold(problem)
        self.gap.set()

    def doubt(self, order: Tracked, kind: int) -> None:
        """Have an order looked up: what a request of a kind has done is not proven."""
        if order.sent is not Sent.ENDED:
            self.inbox.books.doubt(order.order_id, kind)
            self.stir.set()

    async def tell(self, rows: Rows, keys: tuple[str, ...]) -> None:
        """Have the engine take facts, and the journal their keys."""
        await self.beside.take(FactsInput(self.beside.core.now_ns, to_bytes(rows), keys))
        self.moved.set()

    async def inform(self, kind: int, terms: dict[int, int]) -> None:
        """Tell the engine something of the session itself; under the lock."""
        core = self.beside.core
        row = part_rows(kind, core.now_ns)
        for column, value in terms.items():
            row[0, column] = value
        await self.beside.take(OperatorInput(core.now_ns, to_bytes(row), PART, "broker"))

    def _is_coin(self, order: Tracked) -> bool:
        """Return whether a venue takes its fee of what an order fills by itself: it says so beside the fill."""
        kind = self.beside.core.instruments[order.instrument].kind
        return kind is InstrumentKind.CRYPTO_SPOT

    def _traded(self, order: Tracked, event: BrokerEvent) -> tuple[str, ...]:
        """Return what to remember of a fill of which a fee may be taken that is told later."""
        one = event.execution
        if one is None or not self._is_coin(order):
            return ()
        item = self.beside.core.instruments[order.instrument]
        value = int(one.lots * one.price_ticks * item.notional_fraction)
        return (traded_key(order.instrument, order.side, one.lots, value),)

    def _note_overfill(self, order: Tracked, event: BrokerEvent) -> None:
        """Tell a person, before it is booked: a crash between the two tells twice, and never not."""
        assert event.execution is not None
        lots = order.filled_lots + event.execution.lots
        text = f"order {order.order_id}: {lots} lots are filled of {order.quantity_lots}"
        self.beside.note("overfill", "critical", self.symbol(order.instrument), text)

    async def _foreign(self, event: BrokerEvent) -> None:
        if event.execution is None:
            self.gap.set()  # reading the account says what it is about
        else:
            what = f"execution {event.execution.execution_id} is not ours"
            await self.quarantine(event.execution.instrument, what)

    async def quarantine(self, instrument: int, why: str) -> None:
        """Nothing is entered in an instrument until it is explained, or a person releases it."""
        if instrument in self.inbox.quarantined:
            return
        self.beside.note("quarantine", "critical", self.symbol(instrument), why)
        await self.tell(NO_ROWS, (f"{QUARANTINE}{instrument}:{why}",))

    async def release(self, instrument: int, said: str) -> None:
        """Allow entries again; under the lock. `said` stands in the journal."""
        if instrument in self.inbox.quarantined:
            self.beside.note("quarantine", "info", self.symbol(instrument), said)
            await self.tell(NO_ROWS, (f"{RELEASE}{instrument}",))

    # --- errors of the venue -----------------------------------------------------------------------
    def count(self, error: VenueError) -> None:
        """Count an error of the venue; `report_errors` tells it to the engine."""
        auth, other = ApiErrorClass.AUTHORIZATION, ApiErrorClass.TRANSIENT
        self._errors.append(auth if error.is_authorization else other)
        self.stir.set()

    def unanswered(self) -> None:
        """Count a request that got no answer."""
        self._errors.append(ApiErrorClass.TRANSIENT)

    async def report_errors(self) -> None:
        """Tell the engine's breakers of the errors that were counted; takes the lock."""
        while self._errors:
            async with self.beside.lock:
                error = self._errors.popleft()
                await self.inform(at.KIND_API_ERROR, {loop.ERROR_CLASS: int(error)})

    # --- small things ------------------------------------------------------------------------------
    def event(self, kind: int, order: Tracked, key: str) -> BrokerEvent:
        """Return what a look has proven as an event of the venue's."""
        now = self.beside.core.now_ns
        return BrokerEvent(
            kind, key, "poll", order.client_id, ts_ns=now, filled_lots=order.filled_lots
        )

    @property
    def _engine(self) -> EngineOrders:
        return engine_orders(self.beside.core)

    def status_of(self, order_id: int) -> int:
        """Return what the engine says an order is; 0 where it is not in its table."""
        return self._engine.status(order_id)

    @property
    def now(self) -> int:
        """The monotonic clock's time."""
        return self.beside.clock.monotonic_ns()

    def symbol(self, instrument: int) -> str:
        """Return an instrument's name, for people."""
        if instrument < 0:
            return "an instrument that is none of the session's"
        return self.beside.core.instruments[instrument].symbol


def engine_orders(core: SessionCore) -> EngineOrders:
    """Return what an engine knows of its orders, as it is at each question."""
    plain: Any = core.plain

    def status(order_id: int) -> int:
        for row in range(plain.account[at.ACCOUNT_ORDERS]):
            if plain.orders[row, at.ORDER_ID] == order_id:
                found: int = plain.orders[row, at.ORDER_STATUS]
                return found
        return 0

    def takes_late(order_id: int) -> bool:
        if plain.account[at.ACCOUNT_TRADING] == 0:
            return False
        place = order_id % plain.ended.shape[0]
        return bool(plain.ended[place, at.ORDER_ID] == order_id)

    return EngineOrders(status, takes_late)
