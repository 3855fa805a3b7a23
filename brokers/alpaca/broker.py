"""`AlpacaBroker`: one account at Alpaca as an `engine.ports.Broker`."""

from __future__ import annotations

import asyncio
from collections import OrderedDict
from collections.abc import AsyncIterator, Sequence
from typing import Final

import msgspec

from brokers.alpaca.budget import Use
from brokers.alpaca.cash import read_cash
from brokers.alpaca.client import AlpacaClient, Deadlines, Keys, NoAnswer
from brokers.alpaca.environments import Urls, environment_of
from brokers.alpaca.problems import LocalRefusal, Problem, canceled_or_not, taken_or_not
from brokers.alpaca.reading import Listing, MarketState, Reader
from brokers.alpaca.requests import order_body, pair_body, replace_body
from brokers.alpaca.stream import TRADE_UPDATES, OrderStream, open_stream
from brokers.alpaca.translating import SOURCE, link_id
from brokers.alpaca.wire import (
    Authorization,
    Listening,
    Order,
    StreamMessage,
    Unreadable,
    Update,
    decode,
    decode_stream,
)
from engine.approved import CancelApproved, ReplaceApproved, RiskApproved
from engine.errors import VenueError
from engine.model.instruments import Instrument
from engine.ports import (
    AccountFacts,
    BrokerEvent,
    CashEntry,
    ClientIds,
    Clock,
    Environment,
    Execution,
    SubmitOutcome,
    SubmitStatus,
    VenueOrder,
    VenuePosition,
)

_LOOKS_A_WAIT: Final = 3  # how often a stream is suspected while an order is waited for
_HEARD_KEPT: Final = 10_000


class Settings(msgspec.Struct, frozen=True):
    """How an account is used.

    Parameters
    ----------
    begins_ns
        Fills before it are nobody's business: what the account did before the session that is asked about.
    extended_hours
        Limit orders of the day also trade before and after the market's hours.
    """

    begins_ns: int = 0
    extended_hours: bool = False
    deadlines: Deadlines = Deadlines()


class Health(msgspec.Struct, frozen=True):
    """How the connection is; times are monotonic, 0: never."""

    heard_ns: int
    requests_left: int
    problem: str


class AlpacaBroker:
    """See `engine.ports.Broker`.

    Parameters
    ----------
    urls
        Of one environment, which they prove.
    instruments
        The session's, by their numbers.

    Raises
    ------
    ConfigError
        If the addresses prove no environment.
    """

    client_ids = ClientIds.FOREVER

    def __init__(
        self,
        urls: Urls,
        keys: Keys,
        instruments: Sequence[Instrument],
        clock: Clock,
        settings: Settings | None = None,
    ) -> None:
        self.environment: Environment = environment_of(urls)
        self.name = f"alpaca {self.environment}"
        self._urls, self._keys, self._clock = urls, keys, clock
        self._instruments = tuple(instruments)
        self._settings = settings or Settings()
        self._client: AlpacaClient | None = None
        self._reader: Reader | None = None
        self._stream: OrderStream | None = None
        self._heard: OrderedDict[str, None] = OrderedDict()  # orders that the stream has spoken of
        self._awaited: dict[str, int] = {}  # orders that it should, and until when (monotonic)
        self._heard_ns, self._problem = 0, ""
        self._is_paired = asyncio.Event()
        self._is_paired.set()

    # --- the connection ----------------------------------------------------------------------------
    async def connect(self) -> AccountFacts:
        """Listen to the order stream, then read the account: nothing can happen in between.

        Raises
        ------
        VenueError
            If one of them fails.
        """
        await self._disconnect()
        if self._client is None:
            self._client = AlpacaClient(
                self._urls, self._keys, self._clock, deadlines=self._settings.deadlines
            )
            self._reader = Reader(
                self._client, self._instruments, begins_ns=self._settings.begins_ns
            )
        self._awaited.clear()
        stream = await open_stream(self._client)
        try:
            facts = await self.account()
        except BaseException:
            await stream.close()
            raise
        self._stream, self._problem = stream, ""
        self._heard_ns = self._clock.monotonic_ns()
        return facts

    async def close(self) -> None:
        """Give everything back; `events` ends."""
        await self._disconnect()
        if self._client is not None:
            await self._client.close()
            self._client = self._reader = None

    async def _disconnect(self) -> None:
        stream, self._stream = self._stream, None
        if stream is not None:
            await stream.close()

    def health(self) -> Health:
        """Return how the connection is."""
        left = 0 if self._client is None else self._client.budget.left
        return Health(self._heard_ns, left, self._problem)

    # --- orders ------------------------------------------------------------------------------------
    async def submit(self, order: RiskApproved, client_id: str) -> SubmitOutcome:
        """Send a new order: one request, or none."""
        body = order_body(
            order,
            self._instruments[order.instrument],
            client_id,
            extended_hours=self._settings.extended_hours,
        )
        if isinstance(body, LocalRefusal):
            return body.outcome
        return await self._send("POST", "/v2/orders", body, client_id)

    async def submit_pair(
        self, target: RiskApproved, stop: RiskApproved, client_id: str
    ) -> SubmitOutcome:
        """Send a target with its stop, one of which ends the other: one request, or none."""
        body = pair_body(target, stop, self._instruments[target.instrument], client_id)
        if isinstance(body, LocalRefusal):
            return body.outcome
        self._is_paired.clear()  # the stream speaks of the stop by a name that the answer tells
        try:
            return await self._send("POST", "/v2/orders", body, client_id)
        finally:
            self._is_paired.set()

    async def cancel(self, order: CancelApproved, client_id: str) -> SubmitOutcome:
        """Ask to end an order; that this was taken is not its end."""
        chain = None if self._reader is None else self._reader.chains.find(client_id)
        venue_id = "" if chain is None else chain.head
        if not venue_id:
            try:
                found = await self._reading.latest(client_id, Use.CANCEL)
            except VenueError as error:
                return _not_asked(error)
            if found is None:
                return _unknown_order(client_id)
            venue_id = found[1].id
        try:
            answer = await self._http.send("DELETE", f"/v2/orders/{venue_id}", Use.CANCEL)
        except NoAnswer as error:
            return _unanswered(error)
        return canceled_or_not(answer.status, answer.body, answer.raw, venue_id)

    async def replace(self, order: ReplaceApproved, client_id: str) -> SubmitOutcome:
        """Ask to change an order that has filled nothing yet.

        Whether the quantity of a replacement counts what was filled before, nobody says for sure; where
        it does not, the order grows by that. So an order that is partly filled is refused here: it can
        be canceled, and another one sent.
        """
        try:  # what allowed it to leave is some seconds old at most
            async with asyncio.timeout(self._settings.deadlines.read):
                found = await self._reading.latest(client_id)
                if found is None:
                    return _unknown_order(client_id)
                chain, latest = found
                is_filled = latest.filled_qty > 0 or await self._reading.was_filled_before(
                    chain, latest
                )
        except VenueError as error:
            return _not_asked(error)
        except TimeoutError:
            return _not_asked(VenueError("the order that is to be changed was not told in time"))
        if is_filled:
            problem = "it is partly filled: it is not replaced, but can be canceled"
            return LocalRefusal(Problem.SIZE_OR_GRID, problem).outcome
        link = link_id(client_id, chain.number + 1)
        body = replace_body(order, self._instruments[order.instrument], link)
        if isinstance(body, LocalRefusal):
            return body.outcome
        outcome = await self._send("PATCH", f"/v2/orders/{latest.id}", body, link)
        if (
            outcome.code == Problem.DUPLICATE
        ):  # a replacement of before a crash, that was refused then
            chain.number += 1
        return outcome

    async def _send(self, method: str, path: str, body: bytes, name: str) -> SubmitOutcome:
        """Send an order or a replacement that is called `name`."""
        if self._client is None:
            return _not_asked(VenueError("the venue is not connected"))
        try:
            answer = await self._http.send(method, path, Use.ORDER, body=body)
        except NoAnswer as error:
            return _unanswered(error)
        outcome = taken_or_not(answer.status, answer.body, answer.raw, name)
        if outcome.status is SubmitStatus.TAKEN:
            self._reading.chains.see(decode(answer.body, Order))
            if outcome.venue_id not in self._heard:
                until = self._clock.monotonic_ns() + round(self._settings.deadlines.mute * 1e9)
                self._awaited[outcome.venue_id] = until
        return outcome

    # --- questions ---------------------------------------------------------------------------------
    async def account(self) -> AccountFacts:
        """Return what the account is now."""
        return await self._reading.account(self.environment)

    async def market(self) -> MarketState:
        """Return whether the market is open: orders sent while it is closed wait until it opens."""
        return await self._reading.market()

    async def listings(self) -> Sequence[Listing]:
        """Return what may be done with the session's instruments, in their order."""
        return await self._reading.listings([each.symbol for each in self._instruments])

    async def positions(self) -> Sequence[VenuePosition]:
        """Return all positions."""
        return await self._reading.positions()

    async def open_orders(self) -> Sequence[VenueOrder]:
        """Return all orders that work."""
        return await self._reading.open_orders()

    async def order(self, client_id: str) -> VenueOrder | None:
        """Return one order, None where two looks did not find it."""
        return await self._reading.order(client_id)

    async def executions(self, since: str) -> Sequence[Execution]:
        """Return the fills after a cursor, oldest first; some before it come again."""
        return await self._reading.executions(since)

    async def cash_entries(self, since: str) -> Sequence[CashEntry]:
        """Return what has moved cash beside fills after a cursor, oldest first; some before it come again."""
        return await read_cash(self._http, self._instruments, since, self._settings.begins_ns)

    # --- what the venue tells by itself --------------------------------------------------------------
    async def events(self) -> AsyncIterator[BrokerEvent]:
        """Yield what the stream tells; one that is silent of an order that was taken is given up.

        Raises
        ------
        VenueError
            When the stream has ended.
        """
        stream = self._stream
        if stream is None:
            raise VenueError("the order stream is not connected")
        try:
            while True:
                self._require_voice()
                try:
                    frame = await stream.receive(self._settings.deadlines.mute / _LOOKS_A_WAIT)
                except TimeoutError:
                    continue
                await self._is_paired.wait()
                event = self._hear(frame)
                if event is not None:
                    yield event
        except VenueError as error:
            self._problem = error.problem
            await stream.close()
            raise

    def _require_voice(self) -> None:
        now = self._clock.monotonic_ns()
        mute = [each for each, until in self._awaited.items() if until <= now]
        if mute:
            self._awaited.clear()
            raise VenueError(f"the order stream says nothing of order {mute[0]}, which was taken")

    def _hear(self, frame: bytes) -> BrokerEvent | None:
        """Return what a frame tells; what cannot be read may have been anything."""
        self._heard_ns = self._clock.monotonic_ns()
        try:
            message = decode_stream(frame)
            if not isinstance(message, Update):
                _require_listening(message)
                return None
            if self._reading.chains.may_be_leg(message.order):
                reason = f"order {message.order.id} is a leg that nobody has seen yet"
                return BrokerEvent(0, "", SOURCE, reason=reason, received_ns=self._clock.now_ns())
            chain = self._reading.chains.see(message.order)
            self._note(message.order.id)
            return self._reading.translator.event(
                message,
                chain.client_id,
                self._clock.now_ns(),
                says_all=chain.was_filled_before(message.order.id) is False,
            )
        except Unreadable as error:
            reason = f"the order stream cannot be read: {error}"
            return BrokerEvent(0, "", SOURCE, reason=reason, received_ns=self._clock.now_ns())

    def _note(self, order_id: str) -> None:
        self._awaited.pop(order_id, None)
        self._heard[order_id] = None
        if len(self._heard) > _HEARD_KEPT:
            self._heard.popitem(last=False)

    # --- small things ------------------------------------------------------------------------------
    @property
    def _http(self) -> AlpacaClient:
        if self._client is None:
            raise VenueError("the venue is not connected")
        return self._client

    @property
    def _reading(self) -> Reader:
        if self._reader is None:
            raise VenueError("the venue is not connected")
        return self._reader


def _require_listening(message: StreamMessage) -> None:
    """Refuse a stream that takes back what it has confirmed.

    Raises
    ------
    VenueError
        So that it ends.
    """
    if isinstance(message, Authorization) and message.status != "authorized":
        raise VenueError(
            f"the order stream says that we are {message.status}", is_authorization=True
        )
    if isinstance(message, Listening) and TRADE_UPDATES not in message.streams:
        raise VenueError(f"the order stream tells {message.streams} only")


def _unanswered(error: NoAnswer) -> SubmitOutcome:
    """Return what a request without an answer may have done."""
    status = SubmitStatus.UNKNOWN if error.has_left else SubmitStatus.NOT_SENT
    return SubmitOutcome(status, code=error.code, problem=error.problem)


def _not_asked(error: VenueError) -> SubmitOutcome:
    """Return that nothing was sent, as what is to be changed could not be read."""
    return SubmitOutcome(SubmitStatus.NOT_SENT, code=Problem.NOT_SENT, problem=error.problem)


def _unknown_order(client_id: str) -> SubmitOutcome:
    """Return that the venue does not know an order (yet)."""
    problem = f"the venue knows no order {client_id}"
    return SubmitOutcome(SubmitStatus.REFUSED, code=Problem.NOT_FOUND, problem=problem)
