"""`Settling`: what a session that is to end, as it was asked or as its feed has ended, does before it does.

==========  ==================================================================================
`on_stop`   it ends when
==========  ==================================================================================
keep        no entry works: nobody would watch it. What protects a position goes on working.
cancel      no order works
flatten     no order works, and nothing is held
==========  ==================================================================================

A venue answers when it likes: until then the session goes on listening, and sends only what closes. After
`Options.settle_seconds` it ends all the same, and a person is told what is left. A paper account's orders
work in the session's own process, so that none works unwatched: `keep` leaves all of them there.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Any, Final

import msgspec

from engine.model import layout as at
from engine.model.instruments import Instrument
from engine.model.units import NS_PER_SECOND, from_quanta
from engine.rules.risk import opens
from runtime.gateway.ledger import OrderLedger, Sent
from runtime.session.condition import Condition
from runtime.session.operators import OperatorSide
from runtime.session.parts import Asked, Parts
from runtime.session.states import SessionState
from runtime.session.surroundings import Surroundings
from runtime.session.wishes import WITHDRAW_ENTRIES
from runtime.session_core.core import SessionCore

_LOOK_SECONDS: Final = 0.05
_SESSION: Final = "session"
_VERBS: Final = {"keep": WITHDRAW_ENTRIES, "cancel": "cancel", "flatten": "flatten"}


class Left(msgspec.Struct, frozen=True):
    """What is held and what may still work, for people."""

    held: tuple[str, ...] = ()
    working: tuple[str, ...] = ()

    def __str__(self) -> str:
        """Return it as one line."""
        parts = (("held", self.held), ("working", self.working))
        return "; ".join(f"{name}: {', '.join(each)}" for name, each in parts if each) or "nothing"


def left_of(core: SessionCore, books: OrderLedger) -> Left:
    """Return what a session's account has."""
    held = [
        _quantity(each.lots, core.instruments[each.instrument], unsigned=False)
        for each in core.positions()
    ]
    working = [
        f"{'buy' if each.side > 0 else 'sell'} "
        + _quantity(each.open_lots, core.instruments[each.instrument])
        + (" (perhaps)" if each.sent is Sent.UNKNOWN else "")
        for each in books.live()
    ]
    return Left(tuple(held), tuple(working))


def _quantity(lots: int, instrument: Instrument, *, unsigned: bool = True) -> str:
    lots = abs(lots) if unsigned else lots
    return f"{from_quanta(lots, instrument.quantity_precision):f} {instrument.symbol}"


class Settling:
    """See the module.

    Parameters
    ----------
    is_paper
        The orders work in this process.
    """

    def __init__(
        self,
        parts: Parts,
        condition: Condition,
        people: OperatorSide,
        surroundings: Surroundings,
        lock: asyncio.Lock,
        *,
        is_paper: bool,
    ) -> None:
        self._parts, self._condition, self._people = parts, condition, people
        self._surroundings, self._lock, self._is_paper = surroundings, lock, is_paper
        self.waits = False  # for what is wanted to come about

    async def settle(
        self, cause: str, feed: asyncio.Future[Any], others: Sequence[asyncio.Future[Any]]
    ) -> None:
        """Bring about what is wanted at a stop, while feed and others go on; raise what ends one of them."""
        how, was_paused = self._parts.options.on_stop, self._condition.standing.is_paused
        async with self._lock:
            if self._condition.state is not SessionState.STOPPING:
                self._condition.go(SessionState.STOPPING, cause)
            if self._is_settled:
                return
            # With the trading loop it is the engine that closes, not by the wish alone.
            is_loop = bool(self._parts.core.plain.account[at.ACCOUNT_TRADING])
            self._surroundings.is_withdrawing = how == "cancel" or (
                how == "flatten" and not is_loop
            )
            await self._people.follow(Asked(_VERBS[how], _SESSION, cause))
        self.waits = True
        await self._wait(feed, others)
        self.waits = False
        async with self._lock:
            if not self._is_settled:
                self._tell()
            elif how == "flatten" and not was_paused:  # it is done, and forbids nothing later
                await self._people.follow(Asked("resume", _SESSION, "everything is closed"))

    async def _wait(self, feed: asyncio.Future[Any], others: Sequence[asyncio.Future[Any]]) -> None:
        clock = self._parts.clock
        until_ns = clock.monotonic_ns() + round(self._parts.options.settle_seconds * NS_PER_SECOND)
        while not self._is_settled and clock.monotonic_ns() < until_ns:
            for each in (feed, *others):
                if each.done():
                    each.result()
            if self._is_paper and feed.done():
                return  # nothing is filled any more
            await clock.sleep(_LOOK_SECONDS)

    @property
    def _is_settled(self) -> bool:
        core, how = self._parts.core, self._parts.options.on_stop
        if how == "keep":
            waits = self._parts.books.held() or any(
                opens(core.plain, row) for row in range(len(core.orders()))
            )
            return self._is_paper or not waits
        is_quiet = not self._parts.books.live() and not len(core.orders())
        return is_quiet and (how == "cancel" or not core.positions())

    def _tell(self) -> None:
        """Tell a person what is left, where it is not what was wanted."""
        options, left = self._parts.options, left_of(self._parts.core, self._parts.books)
        text = f"{options.on_stop} was not done in {options.settle_seconds:g} s; {left}"
        self._condition.note("stop", "critical", _SESSION, text)
