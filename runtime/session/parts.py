"""What a session is made of: its parts, how it is run, who looks on, and what people ask of it."""

from __future__ import annotations

import random
from collections.abc import Awaitable, Callable, Coroutine, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import msgspec

from engine.ports import Broker, Clock, Feed, FeedItem, Rows
from runtime.gateway.checks import Limits
from runtime.gateway.inbox import Inbox
from runtime.gateway.ledger import OrderLedger
from runtime.gateway.refusals import Refused
from runtime.journal.journal import SessionJournal
from runtime.journal.records import Noted, StateChanged
from runtime.memory import memory_share
from runtime.session.kill_switch import KillSwitch
from runtime.session.venue_hearing import VenueOptions
from runtime.session_core.core import SessionCore

if TYPE_CHECKING:
    from runtime.session.session import Session


class Again(msgspec.Struct, frozen=True):
    """Why a session is begun again; where that was too often, it enters nothing until a person resumes it."""

    reason: str
    is_too_often: bool = False


class Options(msgspec.Struct, frozen=True):
    """How a session is run; nothing of it decides about trading. Times in seconds."""

    checkpoint_seconds: float = 60.0
    control_seconds: float = 0.5
    lease_seconds: float = 10.0
    clock_seconds: float = (
        60.0  # between two readings of the clocks, for whoever judges the session
    )
    decision_seconds: float = 2.0  # a strategy that takes longer is too late: what it wants expires
    callback_seconds: float = 5.0  # one that takes longer is ended
    on_stop: str = "keep"  # keep, cancel or flatten: what becomes of what works and is held
    settle_seconds: float = 30.0  # how long a stop waits for what `on_stop` says to come about
    compiles: bool = False  # whether it goes on compiled when it has run for a while
    again: Again | None = None  # a supervisor has begun it again


class Asked(msgspec.Struct, frozen=True):
    """What a person asks of a running session."""

    verb: str  # pause, resume, stop, flatten, ...
    who: str
    why: str = ""
    argument: str = ""
    number: str = ""  # in the database


class Keeper(msgspec.Struct, frozen=True):
    """What a session needs of its database beside the journal."""

    checkpoint: Callable[[int, int, bytes], Awaitable[None]]  # sequence, cursor, state
    # Waits for wishes, or until the kill switch is not as the argument says.
    controls: Callable[[bool], Awaitable[list[Asked]]]
    answer: Callable[[Asked, str], Awaitable[None]]


@dataclass(slots=True)
class Observers:
    """Who looks on; they are told, and asked by people only. `runtime.observing` has those that a person wants.

    `begun` is told an item before it is taken, `item` afterwards; `sending` that commands are about to be
    sent, and that they were. `tasks` run beside the session's own.
    """

    rows: Callable[[Rows], None] = lambda rows: None
    state: Callable[[StateChanged], None] = lambda changed: None
    noted: Callable[[Noted], None] = lambda noted: None
    refused: Callable[[Any, Refused], None] = lambda command, refused: None
    begun: Callable[[FeedItem], None] = lambda item: None
    sending: Callable[[bool], None] = lambda begins: None
    item: Callable[[FeedItem], None] = lambda item: None
    joined: Callable[[Session], None] = lambda session: None
    tasks: Callable[[], Sequence[Coroutine[Any, Any, None]]] = lambda: ()
    ended: Callable[[], None] = lambda: None
    masked: Callable[[str], str] = lambda text: text  # a text without secrets
    pulse: Callable[[], str] = lambda: (
        ""
    )  # how it fares, as JSON; see `runtime.observing.heartbeat`


async def _nothing_wrong() -> str:
    return ""


@dataclass(slots=True)
class Parts:
    """What a session is made of."""

    core: SessionCore
    feed: Feed
    broker: Broker
    journal: SessionJournal
    keeper: Keeper
    books: OrderLedger
    clock: Clock
    account: str
    fingerprint: str
    switch: KillSwitch
    limits: Limits = field(default_factory=Limits)
    options: Options = field(default_factory=Options)
    observers: Observers = field(default_factory=Observers)
    inbox: Inbox | None = None  # of a broker with a market of its own
    venue: VenueOptions = field(default_factory=VenueOptions)
    draw: Callable[[], float] = random.random  # for waits, in [0, 1)
    memory: Callable[[], float | None] = memory_share
    # What is wrong with the certificate that a broker with a market of its own needs; empty: nothing.
    certificate: Callable[[], str] = lambda: "no certificate was given"
    # Looks at it again before people's resume is followed; returns the same.
    renew_certificate: Callable[[], Awaitable[str]] = _nothing_wrong
    rules: Mapping[int, str] = field(default_factory=dict)  # the formulas that enter, by the side
    # What runs beside a session as long as it does: it may ask something of it, and end it.
    beside: Callable[[Session], Sequence[Coroutine[Any, Any, None]]] = lambda session: ()
