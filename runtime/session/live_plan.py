"""What is to be known before a live session begins: the plan, and what is shown of it to a person."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field

from engine.ports import Feed
from runtime.config import StrategyConfig
from runtime.gateway.checks import Limits
from runtime.journal.sessions import SessionRecord, SessionStore
from runtime.promotion.certificate import Verdict, VerifiedCertificate
from runtime.session.dry_run import Unsent
from runtime.session.kill_switch import KillSwitch
from runtime.session.live_proof import Door, Proven
from runtime.session.parts import Observers, Options
from runtime.session.venue_hearing import VenueOptions
from runtime.session_core.assembling import Market


@dataclass(slots=True)
class LivePlan:
    """A live session to be.

    Parameters
    ----------
    door
        The account, as the workspace names it.
    account
        Its number, where a person has named it: then it has to be this one.
    content
        The certificate's file; the newest of the record when left out.
    is_new
        Begin anew, also where an unfinished session could be gone on with.
    confirm
        Shown what is about to begin; raises where it shall not. It may wait for a
        person.
    limits_now
        Reads the workspace's limits again, of which a person is told where they are others; None: nobody looks.
    dry
        Where a dry run is recorded, apart from everything else; None: orders are sent.
    unsent
        Told each order that a dry run would have sent.
    off_loop
        Runs what may wait for a database.
    """

    config: StrategyConfig
    feed: Feed
    market: Market
    door: Door
    account: str = ""
    content: bytes | None = None
    mode: str = "auto"
    command: str = ""
    limits: Limits = field(default_factory=Limits)
    limits_now: Callable[[], Limits] | None = None
    options: Options = field(default_factory=Options)
    observers: Observers = field(default_factory=Observers)
    venue: VenueOptions = field(default_factory=VenueOptions)
    switch: KillSwitch | None = None
    is_new: bool = False
    confirm: Callable[[LiveStart], None] = lambda start: None
    progress: Callable[[int], None] = lambda played: None
    dry: SessionStore | None = None
    unsent: Callable[[Unsent], None] = lambda unsent: None
    off_loop: Callable[[Callable[[], Verdict]], Awaitable[Verdict]] = asyncio.to_thread


@dataclass(frozen=True, slots=True)
class Held:
    """A position that the account has at the start; `is_ours`: the session's journal knows it."""

    symbol: str
    lots: int
    ours: int

    @property
    def is_ours(self) -> bool:
        """Whether the session's books have the same."""
        return self.lots == self.ours


@dataclass(frozen=True, slots=True)
class LiveStart:
    """What is about to begin, after nothing spoke against it.

    Parameters
    ----------
    going_on
        The session that goes on; None: a new one begins.
    limits, percent
        Of the gateway, after the certificate's stage has made them smaller by that share.
    capital_minor
        What the strategy may use.
    """

    certificate: VerifiedCertificate
    proven: Proven
    going_on: SessionRecord | None
    held: Sequence[Held]
    limits: Limits
    percent: int
    capital_minor: int
