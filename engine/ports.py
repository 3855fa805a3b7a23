"""What a session needs of the world: Clock, Feed, Broker and Journal, as Protocols.

Backtest, paper and live differ in what stands behind these and in nothing else. Everything here is
shape, not code: the floors above fulfil it (`sims`, `brokers`, `runtime`).

Times are nanoseconds since 1970, UTC. Rows are int64 with the columns of `engine.model.layout`.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Collection, Sequence
from enum import StrEnum
from typing import Final, Protocol, TypeAlias, runtime_checkable

import msgspec
import numpy as np
from numpy.typing import NDArray

from engine.approved import CancelApproved, ReplaceApproved, RiskApproved
from engine.model.instruments import Instrument

Rows: TypeAlias = NDArray[np.int64]
_LEG: Final = "-s"  # after a target's client id: its stop's


class EvidenceClass(StrEnum):
    """What a session's results can be evidence for."""

    REAL = "real"  # wall clock, real venue's feed
    REHEARSAL = "rehearsal"  # replayed, accelerated or simulated


class Clock(Protocol):
    """Time as the shell sees it; the engine gets its own with each input."""

    def now_ns(self) -> int:
        """Return the wall clock's time, for labels only: it may step."""

    def monotonic_ns(self) -> int:
        """Return a time that never goes back, for measuring and for waits."""

    async def sleep(self, seconds: float) -> None:
        """Wait."""


# --- Feed ---------------------------------------------------------------------------------------------
class Slice(msgspec.Struct, frozen=True, eq=False, gc=False):
    """All events of one time that are decided on together, in the order of a replay.

    Parameters
    ----------
    ts_ns
        Time of every row.
    events
        Shape ``(n, EVENT_WIDTH)``: market data, or one action, session or account event.
    cursor
        Where the feed stands after this slice; `Feed.items` goes on from there.
    received_ns
        When we got it; 0 for replayed data.
    """

    ts_ns: int
    events: Rows
    cursor: int
    received_ns: int = 0


class TimePassed(msgspec.Struct, frozen=True):
    """Nothing more will come of a time up to `now_ns`: waits that end until then may end."""

    now_ns: int


class NoticeKind(StrEnum):
    """What a feed has to say about itself."""

    CONNECTED = "connected"
    DISCONNECTED = "disconnected"
    GAP = "gap"  # something is missing and is being fetched
    FILLED = "filled"  # what was missing has been delivered
    STALE = "stale"  # nothing has come for too long
    LATE = "late"  # came after its time had been decided on, and was dropped
    DUPLICATE = "duplicate"
    REFUSED = "refused"  # could not be read: zero, negative or not a price
    REVISED = "revised"  # a bar was told differently after it had been decided on
    LOST = "lost"  # what was missing cannot be had any more


class Notice(msgspec.Struct, frozen=True):
    """Something about the feed itself; `instrument` is -1 where it is about all.

    `is_refused`: whoever has the data does not let us have them any more, as with a key that was taken back.
    """

    kind: NoticeKind
    detail: str
    instrument: int = -1
    since_ns: int = 0
    until_ns: int = 0
    is_refused: bool = False


class WarmUp(msgspec.Struct, frozen=True, eq=False):
    """Bars of before a feed's first slice: formulas see them, and nothing is decided on them.

    Parameters
    ----------
    until_ns
        The feed begins after it.
    events
        Bars and splits in order, shape ``(n, EVENT_WIDTH)``.
    cursor
        Where the feed stands after them.
    detail
        In words what they are; with `is_short` also what is missing.
    """

    until_ns: int
    events: Rows
    cursor: int
    detail: str
    is_short: bool = False


class HistoryTold(msgspec.Struct, frozen=True, eq=False):
    """What a venue's history has of minutes of which bars have not come: where it has none either, nobody traded.

    Parameters
    ----------
    since_ns, until_ns
        The minutes that close after the one and up to the other, all of one session.
    asked_ns
        When it was asked, in the venue's time.
    bars
        By instrument a bit for each minute, the earliest one lowest, little-endian: whether the history has a
        bar of it.
    missed
        How many bars it has that had not come when their minutes were decided on.
    problem
        Why it is not known; then there are no bars.
    """

    since_ns: int
    until_ns: int
    asked_ns: int
    bars: dict[int, bytes]
    missed: int = 0
    problem: str = ""


FeedItem: TypeAlias = WarmUp | Slice | TimePassed | Notice | HistoryTold


class Feed(Protocol):
    """A source of market data and of time, in order."""

    @property
    def name(self) -> str:
        """What a person calls it, e.g. ``replay`` or ``stream ws://127.0.0.1:8765``."""

    @property
    def evidence(self) -> EvidenceClass:
        """What may be concluded of what it shows."""

    @property
    def instruments(self) -> Sequence[Instrument]:
        """Their places here are the instrument numbers of all rows."""

    def items(self, after: int = 0) -> AsyncIterator[FeedItem]:
        """Yield what follows a cursor; ends where the data ends, raises where it cannot go on."""

    async def close(self) -> None:
        """Give back what it holds."""


@runtime_checkable
class TellsTime(Protocol):
    """A feed that knows what time it is at its venue."""

    def venue_now_ns(self) -> int | None:
        """Return the venue's time now; None while it is not known."""


@runtime_checkable
class TellsAge(Protocol):
    """A feed that knows how old its data are: its times are the world's."""

    def age_ns(self, ts_ns: int) -> int | None:
        """Return how long ago a time of its data was; None where its times are not the world's."""


@runtime_checkable
class AsksHistory(Protocol):
    """A feed that may ask its venue's history of minutes of which no bar has come; see `HistoryTold`."""

    @property
    def asks_history(self) -> bool:
        """Whether it does."""


@runtime_checkable
class AsksPrices(Protocol):
    """A feed that asks its venue what something costs that is held and of which nothing comes."""

    def watch(self, held: Callable[[], Collection[int]]) -> None:
        """Ask for what is held, by instrument number, whenever that is due."""


# --- Broker -------------------------------------------------------------------------------------------
class Environment(StrEnum):
    """What an account is, as its venue states it or its host proves."""

    PAPER = "paper"
    REHEARSAL = "rehearsal"
    LIVE = "live"


class ClientIds(StrEnum):
    """How far a venue keeps the ids that we give our orders apart."""

    FOREVER = "forever"  # a used id is refused, or answered with the order that has it
    OPEN = "open"  # among working orders only
    NONE = "none"  # it has none, or does not look


class AccountFacts(msgspec.Struct, frozen=True):
    """An account as its broker states it; `is_blocked` where it may not trade, whatever the reason."""

    account: str
    environment: Environment
    currency: str
    status: str = "active"
    is_blocked: bool = False
    cash_minor: int = 0
    buying_power_minor: int = 0
    equity_minor: int = 0
    may_short: bool = False


class VenuePosition(msgspec.Struct, frozen=True):
    """A position as the broker states it, in lots, negative for short.

    `instrument` is -1 here and below for what is none of the session's.
    """

    instrument: int
    lots: int


class VenueOrder(msgspec.Struct, frozen=True):
    """An order as the broker states it; `order_id` is ours, 0 where it is foreign or not told.

    `side`, `limit_ticks` and `stop_ticks` are 0 where it is not told.
    """

    client_id: str
    venue_id: str
    order_id: int
    instrument: int
    status: int  # engine.model.orders.OrderStatus
    quantity_lots: int
    filled_lots: int
    side: int = 0
    limit_ticks: int = 0
    stop_ticks: int = 0


class Execution(msgspec.Struct, frozen=True):
    """One fill as the broker states it; `execution_id` never repeats at a venue."""

    execution_id: str
    client_id: str
    venue_id: str
    instrument: int
    side: int
    lots: int
    price_ticks: int
    fee_minor: int
    fee_currency: str
    liquidity: int
    ts_ns: int


class CashKind(StrEnum):
    """Why a venue has moved cash beside fills."""

    FEE = "fee"
    INTEREST = "interest"
    DIVIDEND = "dividend"
    WITHHELD = "withheld"  # tax on a dividend
    FRACTION = "fraction"  # of a unit that a split has left: paid in cash
    TRANSFER = "transfer"  # in or out: neither gain nor loss
    OTHER = "other"


class CashEntry(msgspec.Struct, frozen=True):
    """Cash that a venue has moved beside fills, as it states it; `entry_id` never repeats at a venue.

    Ids ascend in the order in which the venue has booked. `minor` is negative for what was taken;
    `is_foreign`: it is of an instrument that is none of the session's. `text`: the venue's own words.
    `kept_lots`: what the venue has kept of the instrument in place of money, as a fee.
    """

    entry_id: str
    kind: CashKind
    minor: int
    instrument: int = -1
    is_foreign: bool = False
    text: str = ""
    kept_lots: int = 0


class SubmitStatus(StrEnum):
    """What one request has come to."""

    TAKEN = "taken"  # the venue has it; what becomes of it comes as events
    REFUSED = "refused"  # definitely: it will never work
    NOT_SENT = "not_sent"  # definitely: no byte has left
    UNKNOWN = "unknown"  # it may work or not: to be looked up by its client id


class SubmitOutcome(msgspec.Struct, frozen=True):
    """The answer to a submit, cancel or replace; `raw` is the venue's own words, secrets masked."""

    status: SubmitStatus
    venue_id: str = ""
    code: str = ""
    problem: str = ""
    raw: str = ""


class BrokerEvent(msgspec.Struct, frozen=True):
    """What a venue says of an order by itself, on a stream or found by asking.

    `kind` is an `engine.model.layout.EventKind` (ACCEPTED to CANCEL_REJECTED) or 0: something may
    have been missed, and the account is to be read. `key` is what makes it the same event when it
    is told twice. `filled_lots` is what the venue counts as filled so far, -1 where it does not say.
    """

    kind: int
    key: str
    source: str  # stream, poll or reconcile
    client_id: str = ""
    venue_id: str = ""
    execution: Execution | None = None
    reason: str = ""
    ts_ns: int = 0
    received_ns: int = 0
    filled_lots: int = -1


class Broker(Protocol):
    """One account at one venue. Expected outcomes are values; every call has its own deadline.

    A question that is not answered raises `engine.errors.VenueError`. The iterator of `events` may
    end or raise so: then the connection is gone, and `connect` is called before it is asked again.
    """

    @property
    def name(self) -> str:
        """What a person calls it."""

    @property
    def client_ids(self) -> ClientIds:
        """How far the venue keeps our ids apart."""

    async def connect(self) -> AccountFacts:
        """Connect and return what the venue says the account is."""

    async def close(self) -> None:
        """Give back what it holds."""

    async def submit(self, order: RiskApproved, client_id: str) -> SubmitOutcome:
        """Send a new order once."""

    async def cancel(self, order: CancelApproved, client_id: str) -> SubmitOutcome:
        """Ask to end an order."""

    async def replace(self, order: ReplaceApproved, client_id: str) -> SubmitOutcome:
        """Ask to change an order."""

    async def account(self) -> AccountFacts:
        """Return what the account is now."""

    async def positions(self) -> Sequence[VenuePosition]:
        """Return all positions."""

    async def open_orders(self) -> Sequence[VenueOrder]:
        """Return all orders that work."""

    async def order(self, client_id: str) -> VenueOrder | None:
        """Return one order, None where the venue does not know it."""

    async def executions(self, since: str) -> Sequence[Execution]:
        """Return the fills after a cursor (an execution id, or empty for all), oldest first."""

    def events(self) -> AsyncIterator[BrokerEvent]:
        """Yield what the venue tells by itself; a hint, the truth is what the calls above return."""


@runtime_checkable
class TellsCash(Protocol):
    """A broker that says what has moved its account's cash beside fills."""

    async def account(self) -> AccountFacts:
        """Return what the account is now."""

    async def cash_entries(self, since: str) -> Sequence[CashEntry]:
        """Return the entries after a cursor (an entry's id, or empty: lately); some before it come again."""


@runtime_checkable
class TakesPairs(Protocol):
    """A broker whose venue takes a target and a stop for the same lots as one order: one ends the other."""

    async def submit_pair(
        self, target: RiskApproved, stop: RiskApproved, client_id: str
    ) -> SubmitOutcome:
        """Send both by one request; the target is called `client_id`, the stop `leg_id` of it."""


def leg_id(client_id: str) -> str:
    """Return the client id of the stop that is one order with the target of a client id.

    Venues name such a stop themselves: ours follows from the target's, whoever sees the two.
    """
    return f"{client_id}{_LEG}"


def target_id(client_id: str) -> str | None:
    """Return the client id of the target that a stop is one order with; None of any other order.

    Examples
    --------
    >>> target_id(leg_id("tr-abc")), target_id("tr-abc")
    ('tr-abc', None)
    """
    return client_id.removesuffix(_LEG) if client_id.endswith(_LEG) else None


class SimulatedBroker(Broker, Protocol):
    """A broker whose market is the feed: it meets every event before the engine does."""

    def meet(self, events: Rows, row: int) -> Rows:
        """Match one event against working orders; return the facts as event rows."""

    def answers(self) -> Rows:
        """Return, once, what requests since the last call were answered at once, as event rows."""

    def follow(self, instrument: int, lots: int) -> None:
        """Take over a position that an action (a split, a settlement) has changed."""

    def compile(self, door: Callable[..., int]) -> None:
        """Go on in compiled code, between two inputs of the session."""

    def snapshot(self) -> bytes:
        """Return all that it knows, for `restore`."""

    def restore(self, snapshot: bytes) -> None:
        """Go on from a snapshot of an account with the same instruments."""


# --- Journal ------------------------------------------------------------------------------------------
class Journal(Protocol):
    """An append-only record of one session."""

    def append(self, record: msgspec.Struct) -> int:
        """Add a record, soon durable, and return its sequence; refused when the lease is lost."""

    async def durable(self, sequence: int) -> None:
        """Wait until a record, and all before it, would survive a power cut."""

    @property
    def head(self) -> tuple[int, bytes]:
        """The last sequence and the chain's hash there."""
