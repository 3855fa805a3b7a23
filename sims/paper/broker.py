"""`PaperBroker`: a broker whose venue is the fill book.

What it sees of the market is what it is told to meet, and its time is the session's: an order arrives
after its latency, counted from the moment of the decision. So a session over replayed data is filled as
a backtest over them, whatever the wall clock says.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import AsyncIterator, Callable, Sequence
from typing import Final

import msgspec
import numpy as np

from engine.approved import CancelApproved, ReplaceApproved, RiskApproved
from engine.errors import InputError, InternalFault
from engine.jit import as_plain
from engine.model import layout as at
from engine.model.instruments import Instrument
from engine.ports import (
    AccountFacts,
    BrokerEvent,
    ClientIds,
    Environment,
    Execution,
    Rows,
    SubmitOutcome,
    SubmitStatus,
    VenueOrder,
    VenuePosition,
)
from engine.sealed import seal, unseal
from sims.fillbook import layout as book_at
from sims.fillbook.layout import Book
from sims.fillbook.orders import is_working
from sims.paper.tally import Tally
from sims.stepping.stepper import Stepper
from sims.stepping.steps import BOOK_CANCEL, BOOK_MEET, BOOK_REPLACE, BOOK_SUBMIT, step_book

REMEMBERED: Final = 10_000  # ended orders, and executions, that can still be asked for
_NO_ROWS: Final = np.empty((0, at.EVENT_WIDTH), dtype=np.int64)
_EVENTS: Final = 0  # the block of the stepping kernel that is shown rows
_STATE_BLOCKS: Final = ("market", "orders", "counters", "requests")
_SNAPSHOT: Final = ("paper broker", 1)
_ENDED: Final = {
    at.KIND_CANCELED: at.STATUS_CANCELED,
    at.KIND_EXPIRED: at.STATUS_EXPIRED,
    at.KIND_REJECTED: at.STATUS_REJECTED,
}


class _Order(msgspec.Struct, array_like=True):
    """An order as the venue keeps it beside the book; `status` 0 while it works."""

    order_id: int
    client_id: str
    instrument: int
    side: int
    quantity_lots: int
    filled_lots: int = 0
    status: int = 0


class _Snapshot(msgspec.Struct, array_like=True):
    blocks: dict[str, bytes]
    orders: list[_Order]
    executions: list[Execution]
    executed: int
    tally: Tally


class PaperBroker:
    """A simulated account; fulfils `engine.ports.SimulatedBroker`.

    Parameters
    ----------
    account
        Its name.
    instruments
        What trades, by number.
    book
        Empty blocks; see `runtime.backtest.account.Setup.fresh_book`.
    now_ns
        The session's time: `SessionCore.now_ns`.
    """

    def __init__(
        self,
        account: str,
        instruments: Sequence[Instrument],
        book: Book,
        *,
        currency: str,
        cash_minor: int,
        now_ns: Callable[[], int],
    ) -> None:
        self._account, self._currency = account, currency
        self._instruments = tuple(instruments)
        self._now = now_ns
        self._blocks = book
        self._book = Book(*(as_plain(block) for block in book))
        self._order = np.zeros((1, at.ORDER_WIDTH), dtype=np.int64)
        self._step = Stepper(step_book, book, _NO_ROWS, self._order)
        self._events: Rows = _NO_ROWS
        self._orders: dict[int, _Order] = {}  # by our order id, ended ones too
        self._ids: dict[str, int] = {}  # client id -> order id
        self._ended: deque[int] = deque()
        self._executions: deque[Execution] = deque(maxlen=REMEMBERED)
        self._executed = 0
        self._tally = Tally.opened(instruments, currency, cash_minor)
        self._closed = asyncio.Event()

    @property
    def name(self) -> str:
        """What a person calls it."""
        return "paper"

    @property
    def client_ids(self) -> ClientIds:
        """The same id again is the same order."""
        return ClientIds.FOREVER

    # --- the market ------------------------------------------------------------------------------
    def meet(self, events: Rows, row: int) -> Rows:
        """Match one event against working orders; return the facts as event rows."""
        if events is not self._events:
            self._events = events
            self._step.show(_EVENTS, events)
        self._step(BOOK_MEET, row)
        counters = self._book.counters
        if counters[book_at.COUNT_EVENTS] == 0 and counters[book_at.COUNT_FAULT] == 0:
            return _NO_ROWS
        return self.answers()

    def answers(self) -> Rows:
        """Return, once, what the book has answered to requests since the last call, as event rows."""
        counters = self._book.counters
        if counters[book_at.COUNT_FAULT]:
            raise _fault(counters[book_at.COUNT_FAULT])
        count = counters[book_at.COUNT_EVENTS]
        if count == 0:
            return _NO_ROWS
        facts = self._blocks.events[:count].copy()
        counters[book_at.COUNT_EVENTS] = 0
        for values in facts.tolist():
            self._hear(values)
        return facts

    def follow(self, instrument: int, lots: int) -> None:
        """Take over a position that an action (a split, a settlement) has changed."""
        self._book.market[instrument, book_at.MARKET_POSITION] = lots
        self._tally.follow(instrument, lots)

    @property
    def ambiguities(self) -> int:
        """How often the market data left open what an order would have met."""
        return int(self._book.counters[book_at.COUNT_AMBIGUITIES])

    # --- requests --------------------------------------------------------------------------------
    async def submit(self, order: RiskApproved, client_id: str) -> SubmitOutcome:
        """Send a new order; the same client id again is the same order."""
        if client_id in self._ids:
            return SubmitOutcome(SubmitStatus.TAKEN, venue_id=str(self._ids[client_id]))
        if order.order_id in self._orders:
            return SubmitOutcome(SubmitStatus.REFUSED, code="duplicate_order")
        _write(self._order, order)
        self._step(BOOK_SUBMIT, self._now())
        self._require_sound()
        self._ids[client_id] = order.order_id
        self._orders[order.order_id] = _Order(
            order.order_id, client_id, order.instrument, order.side, order.quantity_lots
        )
        return SubmitOutcome(SubmitStatus.TAKEN, venue_id=str(order.order_id))

    async def cancel(self, order: CancelApproved, client_id: str) -> SubmitOutcome:
        """Ask to end an order; of one that works no more the book says so (`answers`)."""
        self._step(BOOK_CANCEL, order.order_id, self._now())
        self._require_sound()
        return SubmitOutcome(SubmitStatus.TAKEN, venue_id=str(order.order_id))

    async def replace(self, order: ReplaceApproved, client_id: str) -> SubmitOutcome:
        """Ask to change an order; of one that works no more the book says so (`answers`)."""
        self._step(
            BOOK_REPLACE,
            order.order_id,
            order.quantity_lots,
            order.limit_ticks,
            order.stop_ticks,
            self._now(),
        )
        self._require_sound()
        return SubmitOutcome(SubmitStatus.TAKEN, venue_id=str(order.order_id))

    # --- questions -------------------------------------------------------------------------------
    async def connect(self) -> AccountFacts:
        """Return what the account is."""
        return await self.account()

    async def close(self) -> None:
        """End `events`."""
        self._closed.set()

    async def account(self) -> AccountFacts:
        """Return what the account is now; cash as `sims.paper.tally` counts it."""
        cash = self._tally.cash.get(self._currency, 0)
        return AccountFacts(
            self._account,
            Environment.PAPER,
            self._currency,
            cash_minor=cash,
            buying_power_minor=cash,
        )

    async def positions(self) -> Sequence[VenuePosition]:
        """Return the positions that its own fills have made."""
        return [
            VenuePosition(i, held.lots) for i, held in enumerate(self._tally.held) if held.lots != 0
        ]

    async def open_orders(self) -> Sequence[VenueOrder]:
        """Return all orders that work."""
        return [self._working(o) for o in self._rows()]

    async def order(self, client_id: str) -> VenueOrder | None:
        """Return one order, None where the venue does not know it."""
        found = self._orders.get(self._ids.get(client_id, 0))
        if found is None:
            return None
        for o in self._rows():
            if self._book.orders[o, at.ORDER_ID] == found.order_id:
                return self._working(o)
        return _as_venue_order(found, found.status, found.quantity_lots, found.filled_lots)

    async def executions(self, since: str) -> Sequence[Execution]:
        """Return the fills after a cursor, oldest first; the last ten thousand are remembered."""
        after = int(since) if since else 0
        return [each for each in self._executions if int(each.execution_id) > after]

    async def events(self) -> AsyncIterator[BrokerEvent]:
        """Yield nothing until closed: what happens here comes of `meet`."""
        await self._closed.wait()
        return
        yield  # an iterator, though an empty one

    # --- snapshots -------------------------------------------------------------------------------
    def snapshot(self) -> bytes:
        """Return all that it knows, for `restore`."""
        assert self._book.counters[book_at.COUNT_EVENTS] == 0, "facts have not been taken"
        blocks = {name: getattr(self._blocks, name).tobytes() for name in _STATE_BLOCKS}
        body = _Snapshot(
            blocks,
            list(self._orders.values()),
            list(self._executions),
            self._executed,
            self._tally,
        )
        return seal(*_SNAPSHOT, msgspec.msgpack.encode(body))

    def restore(self, snapshot: bytes) -> None:
        """Go on from a snapshot of an account with the same instruments.

        Raises
        ------
        InputError
            If it is damaged, or of other instruments.
        """
        found = msgspec.msgpack.decode(unseal(*_SNAPSHOT, snapshot), type=_Snapshot)
        for name, data in found.blocks.items():
            block = getattr(self._blocks, name)
            if len(data) != block.nbytes:
                raise InputError(
                    "the snapshot is of other instruments", code="snapshot.other_shape"
                )
            block[:] = np.frombuffer(data, dtype="<i8").reshape(block.shape)
        self._orders = {each.order_id: each for each in found.orders}
        self._ids = {each.client_id: each.order_id for each in found.orders}
        self._ended = deque(each.order_id for each in found.orders if each.status != 0)
        self._executions = deque(found.executions, maxlen=REMEMBERED)
        self._executed, self._tally = found.executed, found.tally

    # --- speed -----------------------------------------------------------------------------------
    def compile(self, door: Callable[..., int]) -> None:
        """Go on in compiled code, between two inputs of the session; see `sims.stepping.entry`."""
        self._events = _NO_ROWS
        self._step.compile(door, shown=1)

    # --- what happens ----------------------------------------------------------------------------
    def _hear(self, fact: list[int]) -> None:
        """Keep the account's own books."""
        order = self._orders.get(fact[at.FACT_ORDER])
        if order is None:
            return
        kind = fact[at.EVENT_KIND]
        if kind == at.KIND_FILL:
            self._fill(order, fact)
        elif kind == at.KIND_REPLACED:
            order.quantity_lots = fact[at.FACT_LOTS]
        elif kind in _ENDED:
            self._end(order, _ENDED[kind])

    def _fill(self, order: _Order, fact: list[int]) -> None:
        i, lots, price = order.instrument, fact[at.FACT_LOTS], fact[at.FACT_PRICE]
        item = self._instruments[i]
        self._executed += 1
        self._executions.append(
            Execution(
                str(self._executed),
                order.client_id,
                str(order.order_id),
                i,
                order.side,
                lots,
                price,
                fact[at.FACT_FEE],
                item.currency,
                fact[at.FACT_LIQUIDITY],
                fact[at.EVENT_TS],
            )
        )
        self._tally.fill(
            i, item, order.side * lots, price, fact[at.FACT_FEE], fact[at.FACT_FEE_LOTS]
        )
        order.filled_lots += lots
        if order.filled_lots >= order.quantity_lots:
            self._end(order, at.STATUS_FILLED)

    def _end(self, order: _Order, status: int) -> None:
        """An order has ended; the oldest ended ones are forgotten."""
        if order.status == 0:
            self._ended.append(order.order_id)
        order.status = status
        if len(self._ended) > REMEMBERED:
            forgotten = self._orders.pop(self._ended.popleft())
            del self._ids[forgotten.client_id]

    def _rows(self) -> list[int]:
        """Return the book's rows of orders that work."""
        count = self._book.counters[book_at.COUNT_ORDERS]
        return [o for o in range(count) if is_working(self._book, o)]

    def _working(self, o: int) -> VenueOrder:
        orders = self._book.orders
        return _as_venue_order(
            self._orders[orders[o, at.ORDER_ID]],
            orders[o, at.ORDER_STATUS],
            orders[o, at.ORDER_QUANTITY],
            orders[o, at.ORDER_FILLED],
        )

    def _require_sound(self) -> None:
        if self._book.counters[book_at.COUNT_FAULT]:
            raise _fault(self._book.counters[book_at.COUNT_FAULT])


def _as_venue_order(order: _Order, status: int, quantity: int, filled: int) -> VenueOrder:
    return VenueOrder(
        order.client_id,
        str(order.order_id),
        order.order_id,
        order.instrument,
        status,
        quantity,
        filled,
    )


def _write(block: Rows, order: RiskApproved) -> None:
    """Write the request part of an order's row."""
    block[0, :] = 0
    for column, value in (
        (at.ORDER_ID, order.order_id),
        (at.ORDER_INSTRUMENT, order.instrument),
        (at.ORDER_SIDE, order.side),
        (at.ORDER_TYPE, order.order_type),
        (at.ORDER_TIF, order.time_in_force),
        (at.ORDER_QUANTITY, order.quantity_lots),
        (at.ORDER_LIMIT, order.limit_ticks),
        (at.ORDER_STOP, order.stop_ticks),
        (at.ORDER_TRAIL_TICKS, order.trail_ticks),
        (at.ORDER_TRAIL_PPM, order.trail_ppm),
        (at.ORDER_EXPIRE, order.expires_ns),
        (at.ORDER_FLAGS, order.flags),
        (at.ORDER_PARENT, order.parent_id),
        (at.ORDER_GROUP, order.group_id),
    ):
        block[0, column] = value


def _fault(code: int) -> InputError | InternalFault:
    if code == book_at.FAULT_OVERFLOW:
        return InputError(
            "an amount of money or a quantity left the range of 64 bits",
            remedy="trade smaller, or check the data's prices and quantities",
            code="engine.out_of_range",
        )
    return InternalFault(f"the fill book stopped itself (fault {code})")
