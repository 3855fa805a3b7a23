"""A venue with a market of its own behind a network that loses, repeats, delays and lies: for simulations.

`Exchange` is the venue's truth: the fill book, its orders, executions and positions, and what venues do that
a fill book does not (a fill after the cancel was confirmed, more filled than was ordered). It keeps what an
auditor asks for. `Endpoint` is one process's connection to it, an `engine.ports.Broker`: every fault is a
draw from the seeded source that the network was made with, so a seed is a story.

The exchange moves when it is shown the market (`meet`), the network in the running loop's time.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Coroutine, Sequence
from dataclasses import dataclass, field
from random import Random
from typing import Any, Final, TypeVar

import msgspec

from engine.approved import CancelApproved, ReplaceApproved, RiskApproved, cancel_of
from engine.errors import VenueError
from engine.model import layout as at
from engine.model.orders import Liquidity, OrderStatus
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
from sims.paper import PaperBroker
from sims.request_limit import Admission, Purpose, RequestLimit, Throttle

T = TypeVar("T")
_ENDS: Final = {
    at.KIND_CANCELED: OrderStatus.CANCELED,
    at.KIND_EXPIRED: OrderStatus.EXPIRED,
    at.KIND_REJECTED: OrderStatus.REJECTED,
}


class Odds(msgspec.Struct, frozen=True):
    """How likely each fault is, for each time that it could happen."""

    not_sent: float = 0.0
    request_lost: float = 0.0  # the venue never gets it, and we do not know
    answer_lost: float = 0.0  # the venue has it, and we do not know
    request_late: float = 0.0  # the venue gets it long after we have given up waiting
    refused: float = 0.0
    read_failed: float = 0.0
    event_lost: float = 0.0
    event_twice: float = 0.0
    event_late: float = 0.0
    fill_after_cancel: float = 0.0
    overfill: float = 0.0
    cancel_refused: float = 0.0
    read_lag: float = 0.0  # an order or a fill is not to be read for a while
    busy: float = 0.0  # a request is one too many (429)
    banned: float = 0.0  # no request for a while (418)


@dataclass(slots=True, eq=False)
class Booked:
    """One order as the venue has it; `intent` is our number of it, which a venue does not know."""

    number: int
    client_id: str
    intent: int
    instrument: int
    side: int
    quantity: int
    limit: int
    stop: int
    filled: int = 0
    status: OrderStatus = OrderStatus.IN_FLIGHT
    visible: float = 0.0

    @property
    def open_lots(self) -> int:
        """What may still be filled."""
        return 0 if self.status.is_closed else max(self.quantity - self.filled, 0)


@dataclass(slots=True)
class Exchange:
    """The venue's truth.

    Parameters
    ----------
    paper
        A fill book with nothing in it.
    tell
        Called with everything that the venue says by itself.
    seconds
        The loop's time.
    limit
        Of requests; None: it answers all.
    """

    paper: PaperBroker
    random: Random
    odds: Odds
    ids: ClientIds
    seconds: Callable[[], float]
    tell: Callable[[BrokerEvent], None] = lambda event: None
    watch: Callable[[BrokerEvent], None] = lambda event: None  # the same, for whoever looks on
    orders: dict[int, Booked] = field(default_factory=dict)  # by the venue's number
    executions: list[tuple[float, Execution]] = field(default_factory=list)  # when to be read
    positions: dict[int, int] = field(default_factory=dict)
    overfilled: set[str] = field(default_factory=set)  # executions beyond what was ordered
    surprises: set[str] = field(
        default_factory=set
    )  # executions of orders that had ended, or of nobody
    last: dict[int, int] = field(default_factory=dict)  # prices
    limit: RequestLimit | None = None
    now_ns: int = 0
    _told: int = 0

    def admit(self) -> Admission:
        """Count a request that arrives, and say whether it is looked at."""
        if self.limit is None:
            return Admission()
        return self.limit.admit(busy=self.odds.busy, bans=self.odds.banned)

    def meet(self, events: Rows, row: int) -> None:
        """See one event of the market."""
        self.now_ns = int(events[row, at.EVENT_TS])
        if events[row, at.EVENT_KIND] == at.KIND_BAR:
            self.last[int(events[row, at.EVENT_INSTRUMENT])] = int(events[row, at.BAR_CLOSE])
        self._hear(self.paper.meet(events, row))

    def submit(self, order: RiskApproved, client_id: str) -> SubmitOutcome:
        """Take an order, or refuse it."""
        known = [each for each in self.orders.values() if each.client_id == client_id]
        works = any(not each.status.is_closed for each in known)
        if (known and self.ids is ClientIds.FOREVER) or (works and self.ids is ClientIds.OPEN):
            return SubmitOutcome(SubmitStatus.REFUSED, code="duplicate")
        if order.parent_id or order.group_id:  # as the real adapters
            problem = "orders that hang on others are not taken"
            return SubmitOutcome(SubmitStatus.REFUSED, code="bad_request", problem=problem)
        if self.random.random() < self.odds.refused:
            return SubmitOutcome(SubmitStatus.REFUSED, code="funds", problem="not today")
        number = len(self.orders) + 1
        booked = Booked(
            number,
            client_id,
            order.order_id,
            order.instrument,
            order.side,
            order.quantity_lots,
            order.limit_ticks,
            order.stop_ticks,
            visible=self._visible(),
        )
        self.orders[number] = booked
        ours = msgspec.structs.replace(order, order_id=number)
        _at_once(self.paper.submit(ours, str(number)))
        booked.status = OrderStatus.OPEN
        self._say(at.KIND_ACCEPTED, booked)
        self._hear(self.paper.answers())
        return SubmitOutcome(SubmitStatus.TAKEN, venue_id=str(number))

    def cancel(self, client_id: str) -> SubmitOutcome:
        """Take the wish to end an order, which it does at the next event of its market."""
        booked = self.find(client_id)
        if booked is None or booked.status.is_closed:
            return SubmitOutcome(SubmitStatus.REFUSED, code="too_late")
        if self.random.random() < self.odds.cancel_refused:
            return SubmitOutcome(SubmitStatus.REFUSED, code="busy")
        _at_once(self.paper.cancel(cancel_of(booked.number, booked.instrument), ""))
        self._hear(self.paper.answers())
        return SubmitOutcome(SubmitStatus.TAKEN, venue_id=str(booked.number))

    def replace(self, change: ReplaceApproved, client_id: str) -> SubmitOutcome:
        """Take the wish to change an order."""
        booked = self.find(client_id)
        if booked is None or booked.status.is_closed:
            return SubmitOutcome(SubmitStatus.REFUSED, code="too_late")
        ours = msgspec.structs.replace(change, order_id=booked.number)
        _at_once(self.paper.replace(ours, ""))
        self._hear(self.paper.answers())
        return SubmitOutcome(SubmitStatus.TAKEN, venue_id=str(booked.number))

    def find(self, client_id: str) -> Booked | None:
        """Return the last order of a name."""
        found = [each for each in self.orders.values() if each.client_id == client_id]
        return found[-1] if found else None

    def working(self, instrument: int) -> tuple[int, int]:
        """Return the lots that may still be bought and sold."""
        buys = sells = 0
        for each in self.orders.values():
            if each.instrument == instrument:
                buys += each.open_lots if each.side > 0 else 0
                sells += each.open_lots if each.side < 0 else 0
        return buys, sells

    def trade_by_hand(self, instrument: int, lots: int) -> None:
        """Somebody else trades on the account."""
        stranger = Booked(
            0, "by-hand", 0, instrument, 1 if lots > 0 else -1, abs(lots), 0, 0, visible=0.0
        )
        self.surprises.add(self._next_execution)
        self._execute(stranger, abs(lots), self.last.get(instrument, 1), 0)

    # --- what happens ------------------------------------------------------------------------------
    def _hear(self, facts: Rows) -> None:
        for fact in facts.tolist():
            booked = self.orders[fact[at.FACT_ORDER]]
            kind = fact[at.EVENT_KIND]
            if kind == at.KIND_FILL:
                self._fill(booked, fact)
            elif kind in _ENDS:
                self._end(booked, kind)
            elif kind == at.KIND_REPLACED:
                booked.quantity = fact[at.FACT_LOTS]
                booked.limit, booked.stop = fact[at.FACT_PRICE], fact[at.FACT_REFERENCE]
                self._say(kind, booked)
            elif kind != at.KIND_ACCEPTED:
                self._say(kind, booked)

    def _fill(self, booked: Booked, fact: list[int]) -> None:
        lots, price = fact[at.FACT_LOTS], fact[at.FACT_PRICE]
        self._execute(booked, lots, price, fact[at.FACT_FEE])
        if booked.filled < booked.quantity:
            booked.status = OrderStatus.PARTIALLY_FILLED
            return
        booked.status = OrderStatus.FILLED
        if self.random.random() < self.odds.overfill:
            self.overfilled.add(self._surprise(booked, lots, price))

    def _end(self, booked: Booked, kind: int) -> None:
        booked.status = _ENDS[kind]
        self._say(kind, booked)
        rest = booked.quantity - booked.filled
        if kind == at.KIND_CANCELED and rest > 0:
            if self.random.random() < self.odds.fill_after_cancel:
                self._surprise(booked, rest, self.last[booked.instrument])

    def _surprise(self, booked: Booked, most: int, price: int) -> str:
        """A fill of an order that has ended; return its id."""
        name = self._next_execution
        self.surprises.add(name)
        self._execute(booked, self.random.randint(1, most), price, 0)
        return name

    @property
    def _next_execution(self) -> str:
        return f"e{len(self.executions) + 1:06}"

    def _execute(self, booked: Booked, lots: int, price: int, fee: int) -> None:
        booked.filled += lots
        held = self.positions.get(booked.instrument, 0)
        self.positions[booked.instrument] = held + booked.side * lots
        one = Execution(
            self._next_execution,
            booked.client_id,
            str(booked.number),
            booked.instrument,
            booked.side,
            lots,
            price,
            fee,
            "USD",
            int(Liquidity.TAKER),
            self.now_ns,
        )
        before = self.executions[-1][0] if self.executions else 0.0
        self.executions.append((max(before, self._visible()), one))
        self._say(at.KIND_FILL, booked, one)

    def _say(self, kind: int, booked: Booked, one: Execution | None = None) -> None:
        self._told += 1
        event = BrokerEvent(
            kind,
            f"{booked.number}.{self._told}",
            "stream",
            booked.client_id,
            str(booked.number),
            one,
            ts_ns=self.now_ns,
            filled_lots=booked.filled,
        )
        self.watch(event)
        self.tell(event)

    def _visible(self) -> float:
        lag = self.random.uniform(0, 3) if self.random.random() < self.odds.read_lag else 0.0
        return self.seconds() + lag


class NetworkPlan(msgspec.Struct, frozen=True):
    """How the network is: delays in seconds, and when nothing passes."""

    delay: float = 0.05
    deadline: float = 2.0
    late: float = 6.0  # so much later than the deadline a late request may arrive
    outages: tuple[tuple[float, float], ...] = ()


class Endpoint:
    """One process's connection; fulfils `engine.ports.Broker`.

    Parameters
    ----------
    effect
        Called before and after each request leaves: where a process dies.
    gossip
        What every problem that it tells of says as well, e.g. what nobody should read.
    throttle
        Keeps it under the venue's limit of requests.
    """

    name = "simulated venue"

    def __init__(
        self,
        exchange: Exchange,
        plan: NetworkPlan,
        random: Random,
        account: str,
        effect: Callable[[str], None] = lambda what: None,
        *,
        gossip: str = "",
        throttle: Throttle | None = None,
    ) -> None:
        self._throttle = throttle
        self.exchange, self._plan, self._random = exchange, plan, random
        self._account, self._effect, self._gossip = account, effect, gossip
        self._queue: asyncio.Queue[BrokerEvent | None] | None = None
        self._connections = 0

    @property
    def client_ids(self) -> ClientIds:
        """How far the venue keeps our ids apart."""
        return self.exchange.ids

    # --- the connection ----------------------------------------------------------------------------
    async def connect(self) -> AccountFacts:
        """Connect; what the venue says from now on is kept for `events`."""
        await self._ask()
        self._queue = asyncio.Queue()
        self._connections += 1
        self.exchange.tell = self._deliver
        for start, _ in self._plan.outages:
            wait = start - self._seconds
            if wait > 0:
                asyncio.get_running_loop().call_later(wait, self._cut, self._connections)
        return await self.account()

    async def close(self) -> None:
        """End `events`."""
        self._cut(self._connections)

    async def events(self) -> AsyncIterator[BrokerEvent]:
        """Yield what arrives until the connection is cut."""
        queue = self._queue
        assert queue is not None, "connect comes first"
        while True:
            event = await queue.get()
            if event is None:
                raise VenueError(f"the connection is lost{self._gossip}")
            yield event

    def _cut(self, connection: int) -> None:
        if connection == self._connections and self._queue is not None:
            self._queue.put_nowait(None)
            self._queue = None

    def _deliver(self, event: BrokerEvent) -> None:
        odds, random = self.exchange.odds, self._random
        if self._queue is None or random.random() < odds.event_lost:
            return
        for _ in range(2 if random.random() < odds.event_twice else 1):
            most = 45.0 if random.random() < odds.event_late else 2 * self._plan.delay
            loop, queue = asyncio.get_running_loop(), self._queue
            loop.call_later(random.uniform(0, most), self._arrive, queue, event)

    def _arrive(self, queue: asyncio.Queue[BrokerEvent | None], event: BrokerEvent) -> None:
        if queue is self._queue:
            queue.put_nowait(event)

    # --- requests ----------------------------------------------------------------------------------
    async def submit(self, order: RiskApproved, client_id: str) -> SubmitOutcome:
        """Send a new order once."""
        return await self._request(lambda: self.exchange.submit(order, client_id), Purpose.ORDER)

    async def cancel(self, order: CancelApproved, client_id: str) -> SubmitOutcome:
        """Ask to end an order."""
        return await self._request(lambda: self.exchange.cancel(client_id), Purpose.CANCEL)

    async def replace(self, order: ReplaceApproved, client_id: str) -> SubmitOutcome:
        """Ask to change an order."""
        return await self._request(lambda: self.exchange.replace(order, client_id), Purpose.ORDER)

    async def _request(self, ask: Callable[[], SubmitOutcome], purpose: Purpose) -> SubmitOutcome:
        odds, draw = self.exchange.odds, self._random.random()
        if lacking := await self._lacking(purpose):
            problem = f"there is no room for requests for {lacking:.1f} s{self._gossip}"
            return SubmitOutcome(SubmitStatus.NOT_SENT, code="rate_limited", problem=problem)
        self._effect("request")
        if not self._is_up or draw < odds.not_sent:
            return SubmitOutcome(SubmitStatus.NOT_SENT, problem=f"no connection{self._gossip}")
        draw -= odds.not_sent
        await self._travel()
        if draw < odds.request_lost:
            return await self._silence()
        draw -= odds.request_lost
        if draw < odds.request_late:
            wait = self._plan.deadline + self._random.uniform(0, self._plan.late)
            asyncio.get_running_loop().call_later(wait, self._arrive_with, ask)
            return await self._silence()
        draw -= odds.request_late
        outcome, admission = self._arrive_with(ask)
        self._effect("arrived")
        if draw < odds.answer_lost:
            return await self._silence()
        await self._travel()
        self._heed(admission)
        return outcome

    def _arrive_with(self, ask: Callable[[], SubmitOutcome]) -> tuple[SubmitOutcome, Admission]:
        """Have a request arrive at the venue; return what it answers."""
        admission = self.exchange.admit()
        if admission.is_refused:
            said = f"too many requests{self._gossip}"
            return SubmitOutcome(SubmitStatus.REFUSED, code="rate_limited", problem=said), admission
        return ask(), admission

    async def _lacking(self, purpose: Purpose) -> float:
        """Wait until a request may leave; return the seconds that it would have to wait longer."""
        if self._throttle is None:
            return 0.0
        return await self._throttle.wait(purpose, self._plan.deadline)

    def _heed(self, admission: Admission) -> None:
        if self._throttle is not None:
            self._throttle.heed(admission)

    async def _silence(self) -> SubmitOutcome:
        await asyncio.sleep(self._plan.deadline)
        problem = f"no answer in time{self._gossip}"
        return SubmitOutcome(SubmitStatus.UNKNOWN, code="timeout", problem=problem)

    # --- questions ---------------------------------------------------------------------------------
    async def account(self) -> AccountFacts:
        """Return what the account is."""
        return AccountFacts(self._account, Environment.REHEARSAL, "USD")

    async def positions(self) -> Sequence[VenuePosition]:
        """Return all positions."""
        await self._question()
        return [VenuePosition(i, lots) for i, lots in self.exchange.positions.items() if lots]

    async def open_orders(self) -> Sequence[VenueOrder]:
        """Return all orders that work and can be read."""
        await self._question()
        orders = self.exchange.orders.values()
        return [_told(each) for each in orders if not each.status.is_closed and self._sees(each)]

    async def order(self, client_id: str) -> VenueOrder | None:
        """Return one order, None where it cannot be read (yet)."""
        await self._question()
        found = self.exchange.find(client_id)
        return _told(found) if found is not None and self._sees(found) else None

    async def executions(self, since: str) -> Sequence[Execution]:
        """Return the fills after a cursor that can be read."""
        await self._question()
        now = self._seconds
        seen = [one for visible, one in self.exchange.executions if visible <= now]
        return [one for one in seen if one.execution_id > since]

    async def _question(self) -> None:
        await self._ask()
        if self._random.random() < self.exchange.odds.read_failed:
            problem = f"no answer{self._gossip}"
            raise VenueError(problem, retry_after_seconds=self._random.choice((0.0, 0.0, 2.0)))

    async def _ask(self) -> None:
        """Have a question reach the venue and be admitted."""
        if lacking := await self._lacking(Purpose.QUESTION):
            problem = f"there is no room for requests{self._gossip}"
            raise VenueError(problem, retry_after_seconds=lacking)
        await self._travel()
        self._require_up()
        admission = self.exchange.admit()
        self._heed(admission)
        if admission.is_refused:
            problem = f"too many requests{self._gossip}"
            raise VenueError(problem, retry_after_seconds=admission.seconds)

    # --- small things ------------------------------------------------------------------------------
    async def _travel(self) -> None:
        await asyncio.sleep(self._random.uniform(0, self._plan.delay))

    def _require_up(self) -> None:
        if not self._is_up:
            raise VenueError(f"the venue cannot be reached{self._gossip}")

    @property
    def _is_up(self) -> bool:
        now = self._seconds
        return not any(start <= now < end for start, end in self._plan.outages)

    @property
    def _seconds(self) -> float:
        return asyncio.get_running_loop().time()

    def _sees(self, booked: Booked) -> bool:
        return booked.visible <= self._seconds


def _told(booked: Booked) -> VenueOrder:
    return VenueOrder(
        booked.client_id,
        str(booked.number),
        0,
        booked.instrument,
        int(booked.status),
        booked.quantity,
        booked.filled,
        booked.side,
        booked.limit,
        booked.stop,
    )


def _at_once(answer: Coroutine[Any, Any, T]) -> T:
    """Return what a coroutine returns that waits for nothing."""
    try:
        answer.send(None)
    except StopIteration as done:
        value: T = done.value
        return value
    raise AssertionError("it waits for something")
