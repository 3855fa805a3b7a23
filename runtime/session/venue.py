"""`VenueSide`: a broker with a market of its own, beside a session: what it tells, and what it is asked.

    listen      what it tells by itself, each event once; a broken connection is made again
    resolve     orders of which nobody knows what has become of them, looked up until that is proven
    reconcile   its positions, orders and fills held against ours: at the start, after each gap,
                and every 30 to 60 s

All three end in the same two ways: facts for the engine (`FactsInput`), and what the engine's breakers are
told (`OperatorInput` of a part). Questions are asked without the session's lock; what they bring is taken
under it, and judged by what is known then.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable, Coroutine
from dataclasses import dataclass, field
from typing import Any, Final, TypeVar

import msgspec

from engine.approved import approved_again, cancel_of
from engine.errors import TraderError, VenueError
from engine.model import layout as at
from engine.model import trading_layout as loop
from engine.model.orders import OrderStatus
from engine.model.trading import ApiErrorClass, Latch
from engine.ports import (
    AccountFacts,
    Broker,
    BrokerEvent,
    Clock,
    Rows,
    SubmitStatus,
    VenueOrder,
)
from runtime.gateway.checks import can_only_close
from runtime.gateway.gateway import Gateway
from runtime.gateway.inbox import (
    CURSOR,
    QUARANTINE,
    RELEASE,
    EngineOrders,
    Inbox,
    News,
    fact_row,
)
from runtime.gateway.ledger import Sent, Tracked
from runtime.gateway.reconciling import Found, Truth, compare, fill_event
from runtime.gateway.refusals import Refusal
from runtime.gateway.resolving import LOST_AFTER_NS, Doubt, Finding, finding
from runtime.gateway.retrying import wait_seconds
from runtime.journal.records import FactsInput, Input, OperatorInput, Outcome
from runtime.session.intake import to_bytes
from runtime.session.wishes import PART, part_rows
from runtime.session_core.core import SessionCore
from runtime.session_core.steps import NO_ROWS

_END_OF: Final = {
    OrderStatus.CANCELED: at.KIND_CANCELED,
    OrderStatus.EXPIRED: at.KIND_EXPIRED,
    OrderStatus.REJECTED: at.KIND_REJECTED,
    OrderStatus.FILLED: at.KIND_CANCELED,  # of what is left of it in our books
}
_ROUNDS: Final = 6  # of reading, until two of them agree
_READ: Final = "reading the account"
T = TypeVar("T")


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


@dataclass(slots=True)
class VenueSide:
    """See the module."""

    broker: Broker
    inbox: Inbox
    beside: Beside
    options: VenueOptions = field(default_factory=VenueOptions)
    _doubts: dict[int, Doubt] = field(default_factory=dict)
    _old: frozenset[int] = frozenset()  # in doubt since before this process
    _errors: deque[ApiErrorClass] = field(default_factory=deque)
    _stir: asyncio.Event = field(default_factory=asyncio.Event)
    _gap: asyncio.Event = field(default_factory=asyncio.Event)
    _stated: dict[int, int] | None = None  # positions, as the venue last said
    _is_connected: bool = False
    _is_whole: bool = False

    def tasks(self) -> list[Coroutine[Any, Any, None]]:
        """Return what runs as long as the session."""
        books = self.inbox.books
        self._old = frozenset(each.order_id for each in books.doubtful())
        self.beside.hold("the broker's truth is read")
        return [self.listen(), self.resolve(), self.reconcile()]

    def read_soon(self) -> None:
        """Read the account at the next moment, though nothing seems to be missing."""
        self._gap.set()

    def outcome(self, outcome: Outcome) -> None:
        """Hear what has become of a request: one without an answer counts as an error of the venue."""
        if outcome.status in (SubmitStatus.UNKNOWN, SubmitStatus.NOT_SENT):
            if outcome.code != "crash":
                self._errors.append(ApiErrorClass.TRANSIENT)
            self._stir.set()
        elif outcome.status == SubmitStatus.REFUSED:
            self._stir.set()

    # --- what it tells -----------------------------------------------------------------------------
    async def listen(self) -> None:
        """Take what the venue tells by itself, as long as the session runs."""
        while True:
            await self._connect()
            problem = "the broker's stream has ended"
            try:
                async for event in self.broker.events():
                    async with self.beside.lock:
                        await self._hear(event)
            except VenueError as error:
                problem = error.problem
                self._count(error)
            self._is_connected = False
            self._lose(problem)

    async def _connect(self) -> None:
        attempt = 0
        while True:
            try:
                self.beside.accept(await self.broker.connect())
            except VenueError as error:
                self._count(error)
                wait = wait_seconds(attempt, self.beside.draw(), error.retry_after_seconds)
                await self.beside.clock.sleep(wait)
                attempt += 1
            else:
                self._is_connected = True
                self._gap.set()
                return

    def _lose(self, problem: str) -> None:
        """Something may have been missed: no entries until the account was read."""
        if self._is_whole:
            self.beside.note("broker", "warning", "broker", problem)
        self._is_whole = False
        self.beside.hold(problem)
        self._gap.set()

    async def _hear(self, event: BrokerEvent, *, is_proven: bool = False) -> None:
        """Take one event; under the lock."""
        if event.kind == 0:
            self._lose(event.reason or "the broker says that something was missed")
            return
        reading = self.inbox.read(event, self._engine, is_proven=is_proven)
        order = self.inbox.books.find(reading.order_id)
        match reading.news:
            case News.FACT:
                assert order is not None
                if reading.is_overfill:
                    self._note_overfill(order, event)
                await self._tell(reading.rows, reading.keys)
                if event.kind == at.KIND_CANCEL_REJECTED:  # perhaps too late: there may be a fill
                    self._doubt(order, event.kind)
                if reading.is_overfill:
                    terms = {loop.COMPONENT_NUMBER: int(Latch.HEALTH), loop.COMPONENT_GOOD: 0}
                    await self._inform(at.KIND_COMPONENT, terms)
            case News.DOUBT:
                assert order is not None
                self._doubt(order, event.kind)
            case News.FOREIGN:
                await self._foreign(event)
            case News.UNBOOKABLE:
                assert event.execution is not None
                why = f"execution {event.execution.execution_id} is of an order long gone"
                await self._quarantine(event.execution.instrument, why)
            case News.OLD:
                pass

    async def _tell(self, rows: Rows, keys: tuple[str, ...]) -> None:
        """Have the engine take facts, and the journal their keys."""
        await self.beside.take(FactsInput(self.beside.core.now_ns, to_bytes(rows), keys))

    def _note_overfill(self, order: Tracked, event: BrokerEvent) -> None:
        """Tell a person, before it is booked: a crash between the two tells twice, and never not."""
        assert event.execution is not None
        lots = order.filled_lots + event.execution.lots
        text = f"order {order.order_id}: {lots} lots are filled of {order.quantity_lots}"
        self.beside.note("overfill", "critical", self._symbol(order.instrument), text)

    async def _foreign(self, event: BrokerEvent) -> None:
        if event.execution is None:
            self._gap.set()  # reading the account says what it is about
        else:
            what = f"execution {event.execution.execution_id} is not ours"
            await self._quarantine(event.execution.instrument, what)

    async def _quarantine(self, instrument: int, why: str) -> None:
        """Nothing is entered in an instrument until it is explained, or a person releases it."""
        if instrument in self.inbox.quarantined:
            return
        self.beside.note("quarantine", "critical", self._symbol(instrument), why)
        await self._tell(NO_ROWS, (f"{QUARANTINE}{instrument}:{why}",))

    async def release(self, instrument: int, said: str) -> None:
        """Allow entries again; under the lock. `said` stands in the journal."""
        if instrument in self.inbox.quarantined:
            self.beside.note("quarantine", "info", self._symbol(instrument), said)
            await self._tell(NO_ROWS, (f"{RELEASE}{instrument}",))

    # --- what is in doubt --------------------------------------------------------------------------
    def _doubt(self, order: Tracked, kind: int) -> None:
        if order.sent is not Sent.ENDED:
            self.inbox.books.doubt(order.order_id, kind)
            self._stir.set()

    async def resolve(self) -> None:
        """Look up what is in doubt until it is proven."""
        while True:
            await self._report_errors()
            wait = self._next_look()
            self._stir.clear()
            if wait is None:
                await self._stir.wait()
                continue
            if wait > 0:
                await self._stirred(wait)
                continue
            for order in self.inbox.books.doubtful():
                if self._doubts[order.order_id].is_due(self._now):
                    await self._look(order)

    async def _stirred(self, seconds: float) -> None:
        """Wait, but not longer than until something stirs."""
        sleep = asyncio.ensure_future(self.beside.clock.sleep(seconds))
        stir = asyncio.ensure_future(self._stir.wait())
        try:
            await asyncio.wait((sleep, stir), return_when=asyncio.FIRST_COMPLETED)
        finally:
            sleep.cancel()
            stir.cancel()

    def _next_look(self) -> float | None:
        """Return the seconds until the next look; None where nothing is in doubt."""
        orders = self.inbox.books.doubtful()
        self._doubts = {
            each.order_id: self._doubts.get(each.order_id) or Doubt(self._now) for each in orders
        }
        if not self._doubts:
            return None
        return max(min(each.next_ns for each in self._doubts.values()) - self._now, 0) / 1e9

    async def _look(self, order: Tracked) -> None:
        """Ask what has become of an order: first the order, then the fills that it must have."""
        doubt = self._doubts[order.order_id]
        try:
            found = await self.broker.order(order.client_id)
            executions = await self.broker.executions(self.inbox.cursor)
        except VenueError as error:
            self._count(error)
            wait = wait_seconds(doubt.looks + 3, self.beside.draw(), error.retry_after_seconds)
            doubt.next_ns = self._now + round(wait * 1e9)
            return
        async with self.beside.lock:
            for one in executions:
                await self._hear(fill_event(one, "poll"))
            if order.is_doubtful:
                doubt.looked(self._now, self.beside.draw())
                await self._settle(order, found, doubt)

    async def _settle(self, order: Tracked, found: VenueOrder | None, doubt: Doubt) -> None:
        """Do what a look has proven; under the lock."""
        again = approved_again(self.beside.core.plain, order.order_id)
        is_fresh = order.order_id not in self._old and (
            self._now - doubt.since_ns <= self.options.intent_age_ns
        )
        may_go_again = again is not None and (is_fresh or can_only_close(again, self.inbox.books))
        proven = finding(
            order, found, doubt, self._now, self.broker.client_ids, may_go_again=may_go_again
        )
        match proven:
            case Finding.WAIT:
                await self._tell_lost(order, doubt, "its end is not proven")
            case Finding.WORKS:
                assert found is not None
                await self._works(order, found, doubt)
            case Finding.ENDED:
                assert found is not None
                kind = _END_OF[OrderStatus(found.status)]
                await self._hear(self._event(kind, order, "ended"), is_proven=True)
                self._settled(order)
            case Finding.AGAIN:
                assert again is not None
                refused = await self.beside.gateway.submit_again(again)
                if refused is not None:
                    await self._absent(order, refused.code)
                doubt.since_ns, doubt.looks = self._now, 0
            case Finding.ABSENT:
                await self._absent(order, Refusal.NOT_SENT)
            case Finding.LOST:
                await self._tell_lost(order, doubt, "the venue does not know it any more")

    async def _works(self, order: Tracked, found: VenueOrder, doubt: Doubt) -> None:
        """An order works at the venue: what was asked of it since has come about or not."""
        books, kind = self.inbox.books, order.doubts
        books.mark(order.order_id, Sent.TAKEN, found.venue_id)
        if not order.is_accepted:
            await self._hear(self._event(at.KIND_ACCEPTED, order, "accepted"))
        is_proven = doubt.is_proven_absent(self._now)
        match kind:
            case at.KIND_CANCEL_SENT:
                cancel = cancel_of(order.order_id, order.instrument)
                outcome = await self.beside.gateway.cancel_again(cancel)
                if outcome.status is SubmitStatus.TAKEN:
                    self._settled(order)
                elif is_proven and outcome.status is SubmitStatus.REFUSED:
                    await self._hear(self._event(at.KIND_CANCEL_REJECTED, order, f"c{self._now}"))
                    self._settled(order)
            case at.KIND_REPLACE_SENT | at.KIND_REPLACED:
                if order.wanted_lots and _is_as_wanted(order, found):
                    await self._hear(self._event(at.KIND_REPLACED, order, f"r{self._now}"))
                    self._settled(order)
                elif is_proven:
                    await self._hear(self._event(at.KIND_CANCEL_REJECTED, order, f"c{self._now}"))
                    self._settled(order)
            case at.KIND_CANCELED | at.KIND_EXPIRED | at.KIND_REJECTED:
                if (
                    is_proven
                ):  # it was told to have ended, and reads as working: the reads are older
                    self._settled(order)
            case _:
                self._settled(order)

    async def _absent(self, order: Tracked, reason: Refusal) -> None:
        """An order is proven not to have arrived, and does not leave any more."""
        row = fact_row(at.KIND_REJECTED, order, self.beside.core.now_ns)
        row[0, at.FACT_REASON] = reason
        await self._tell(row, (f"{order.client_id}/absent",))
        self._settled(order)

    async def _tell_lost(self, order: Tracked, doubt: Doubt, why: str) -> None:
        if doubt.is_told or self._now - doubt.since_ns < LOST_AFTER_NS:
            return
        doubt.is_told = True
        await self._quarantine(order.instrument, f"order {order.order_id}: {why}")

    def _settled(self, order: Tracked) -> None:
        self.inbox.books.doubt(order.order_id, 0)
        self._doubts.pop(order.order_id, None)

    # --- reconciling -------------------------------------------------------------------------------
    async def reconcile(self) -> None:
        """Read the account after each gap and now and then; without that nothing is entered."""
        attempt = 0
        while True:
            try:
                is_whole = self._is_connected and await self._reconcile_once()
            except VenueError as error:
                self._count(error)
                is_whole, attempt = False, attempt + 1
                wait = wait_seconds(attempt, self.beside.draw(), error.retry_after_seconds)
                self._lose(f"{_READ}: {error.problem}")
                self._gap.clear()
                await self.beside.clock.sleep(wait)
                continue
            attempt = 0
            if is_whole and self._is_connected and not self._gap.is_set():
                self._is_whole = True
                self.beside.free("reconciled")
            await self._pause_until_next()

    async def _pause_until_next(self) -> None:
        if self._gap.is_set() and self._is_connected:
            self._gap.clear()
            return
        least, most = self.options.reconcile_least, self.options.reconcile_most
        try:
            async with asyncio.timeout(least + (most - least) * self.beside.draw()):
                await self._gap.wait()
                self._gap.clear()
        except TimeoutError:
            pass

    async def _reconcile_once(self) -> bool:
        """Read until two readings agree on what differs; return whether all is explained."""
        before: Found | None = None
        for _ in range(_ROUNDS):
            known = {each.order_id for each in self.inbox.books.live()}
            truth = await self._truth()
            async with self.beside.lock:
                found = compare(truth, self.inbox)
                for event in found.events:
                    await self._hear(event)
                await self._remember(truth)
                for order_id in found.doubtful:
                    order = self.inbox.books.find(order_id)
                    if order_id in known and order is not None and not order.is_doubtful:
                        self._doubt(order, at.KIND_RECONCILED)
                is_stable = before is not None and before.differing == found.differing
                if not found.events and (not found.differing or is_stable):
                    return await self._conclude(found, truth)
                before = found if not found.events else None
        return False

    async def _truth(self) -> Truth:
        executions = await self.broker.executions(self.inbox.cursor)
        orders = await self.broker.open_orders()
        return Truth(executions, orders, await self.broker.positions())

    async def _remember(self, truth: Truth) -> None:
        """Go on reading after what was read, but for what is not ours: that stays in sight."""
        last = ""
        for one in truth.executions:
            if not self.inbox.has_execution(one.execution_id):
                break
            last = one.execution_id
        if last:
            await self._tell(NO_ROWS, (CURSOR + last,))

    async def _conclude(self, found: Found, truth: Truth) -> bool:
        """Tell the engine how the account compares, and a person what nobody explains."""
        self._stated = {each.instrument: each.lots for each in truth.positions}
        for i, (theirs, ours) in found.differing.items():
            await self._quarantine(i, f"the venue holds {theirs} lots, the books {ours}")
        for each in found.foreign:
            await self._quarantine(each.instrument, f"{each.what} is not ours")
        for order_id in found.astray:
            await self._take_back(order_id)
        unexplained = {*found.differing, *(each.instrument for each in found.foreign)}
        for i in list(self.inbox.quarantined):
            if i not in unexplained and not self._is_lost(i):
                await self.release(i, "released: venue and books are equal again")
        is_good = not unexplained and not found.astray
        is_flat = not truth.orders and not any(each.lots for each in truth.positions)
        terms = {loop.RECONCILED_OK: int(is_good), loop.RECONCILED_FLAT: int(is_flat)}
        await self._inform(at.KIND_RECONCILED, terms)
        return is_good or bool(unexplained)  # what is quarantined does not stop the rest

    def _is_lost(self, instrument: int) -> bool:
        """Return whether an order of an instrument is in doubt for so long that a person was told."""
        books = self.inbox.books
        return any(
            each.instrument == instrument and self._doubts[each.order_id].is_told
            for each in books.doubtful()
            if each.order_id in self._doubts
        )

    async def _take_back(self, order_id: int) -> None:
        """Cancel an order of ours that had ended for us, and works."""
        order = self.inbox.books.find(order_id)
        assert order is not None
        text = f"order {order_id} works at the venue, though it had ended: it is canceled"
        self.beside.note("reconcile", "warning", self._symbol(order.instrument), text)
        await self.beside.gateway.cancel_again(cancel_of(order_id, order.instrument))

    # --- small things ------------------------------------------------------------------------------
    @property
    def quarantined(self) -> frozenset[int]:
        """Instruments in which nothing is entered."""
        return frozenset(self.inbox.quarantined)

    def stated(self, instrument: int) -> int | None:
        """Return the lots that the venue holds, as it last said; None where it was not asked."""
        return None if self._stated is None else self._stated.get(instrument, 0)

    def _count(self, error: VenueError) -> None:
        auth, other = ApiErrorClass.AUTHORIZATION, ApiErrorClass.TRANSIENT
        self._errors.append(auth if error.is_authorization else other)
        self._stir.set()

    async def _report_errors(self) -> None:
        while self._errors:
            async with self.beside.lock:
                error = self._errors.popleft()
                await self._inform(at.KIND_API_ERROR, {loop.ERROR_CLASS: int(error)})

    async def _inform(self, kind: int, terms: dict[int, int]) -> None:
        """Tell the engine something of the session itself; under the lock."""
        core = self.beside.core
        row = part_rows(kind, core.now_ns)
        for column, value in terms.items():
            row[0, column] = value
        await self.beside.take(OperatorInput(core.now_ns, to_bytes(row), PART, "broker"))

    def _event(self, kind: int, order: Tracked, key: str) -> BrokerEvent:
        now = self.beside.core.now_ns
        return BrokerEvent(
            kind, key, "poll", order.client_id, ts_ns=now, filled_lots=order.filled_lots
        )

    @property
    def _engine(self) -> EngineOrders:
        return engine_orders(self.beside.core)

    @property
    def _now(self) -> int:
        return self.beside.clock.monotonic_ns()

    def _symbol(self, instrument: int) -> str:
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


def require_account(facts: AccountFacts, account: str) -> None:
    """Refuse an account that is not the one that a session may trade, or that is blocked.

    Raises
    ------
    TraderError
        So that the session ends.
    """
    if facts.is_blocked:
        raise TraderError(f"the broker says that account {facts.account} is blocked")
    if facts.account != account:
        raise TraderError(f"the broker's account is {facts.account}, not {account}")


def _is_as_wanted(order: Tracked, found: VenueOrder) -> bool:
    """Return whether an order at the venue has the terms that were asked for last."""
    if found.quantity_lots != order.wanted_lots:
        return False
    return found.limit_ticks in (0, order.wanted_limit) and found.stop_ticks in (
        0,
        order.wanted_stop,
    )
