"""`Waiting`: what was held until another order has ended leaves, or ends with it.

See `runtime.gateway.holding` for what is held and why. What a venue refuses is asked for again a few times;
then the engine and a person are told.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Final

from engine.approved import RiskApproved, approved_again, at_most
from engine.model import layout as at
from engine.model.orders import OrderType
from runtime.gateway.holding import is_due, lots_beside, room
from runtime.gateway.inbox import fact_row
from runtime.gateway.ledger import OrderLedger, Sent, Tracked
from runtime.gateway.refusals import Refusal, Refused
from runtime.gateway.retrying import wait_seconds
from runtime.journal.records import Outcome
from runtime.session.venue_hearing import Beside, Hearing

_REFUSED_MOST: Final = 5  # times, until nobody expects anything else
_DOUBLINGS: Final = 4  # of the wait: nobody is unprotected for longer than is of use
_LOOK_SECONDS: Final = 1.0
_PATIENCE_NS: Final = 60 * 10**9


@dataclass(slots=True)
class _Attempts:
    """How often an order was tried to be sent, and when it may be next (monotonic)."""

    count: int = 0
    refused: int = 0
    next_ns: int = 0
    since_ns: int = 0  # another order is in its way
    is_told: bool = False


@dataclass(slots=True)
class Waiting:
    """See the module."""

    beside: Beside
    hearing: Hearing
    _attempts: dict[int, _Attempts] = field(default_factory=dict)

    async def release(self) -> None:
        """Send what may leave, as long as the session runs."""
        while True:
            self.hearing.moved.clear()
            if self._books.held():
                async with self.beside.lock:
                    await self._look()
            with suppress(TimeoutError):  # whatever begins to wait is told of
                async with asyncio.timeout(_LOOK_SECONDS if self._books.held() else None):
                    await self.hearing.moved.wait()

    async def _look(self) -> None:
        books = self._books
        held = {each.order_id for each in books.held()}
        self._attempts = {each: self._attempts.get(each) or _Attempts() for each in held}
        for order in books.held():
            if not is_due(order, books):
                await self.beside.gateway.make_way(order.order_id)
            elif order.sent is Sent.HELD:
                group = books.siblings(order) if books.is_child(order) else (order,)
                if all(each.sent is Sent.HELD for each in group):
                    await self._settle(order, group)
        if held and books.doubtful():
            self.hearing.stir.set()

    async def _settle(self, first: Tracked, group: Sequence[Tracked]) -> None:
        """Send a group, the target before the stop; where there is nothing to close, end it."""
        books = self._books
        is_child = books.is_child(first)
        entry = books.find(first.held_for)
        lots = room(first, books)
        if is_child and lots_beside(first, books):
            self._tell_of_another(first)
            return
        if lots == 0 or (is_child and (entry is None or entry.filled_lots == 0)):
            await self._end(group, at.KIND_CANCELED)
            return
        found = [approved_again(self.beside.core.plain, each.order_id) for each in group]
        orders = [each for each in found if each is not None]
        if len(orders) < len(group):  # the engine knows it no more, or wants its end
            await self._end(group, at.KIND_CANCELED)
            return
        orders.sort(key=lambda each: each.order_type is not OrderType.LIMIT)
        await self._send(group, [at_most(each, lots) for each in orders])

    def _tell_of_another(self, first: Tracked) -> None:
        """Tell a person once that an order of the strategy's own keeps what protects from leaving."""
        attempt = self._attempts.setdefault(first.order_id, _Attempts())
        attempt.since_ns = attempt.since_ns or self.hearing.now
        if not attempt.is_told and self.hearing.now - attempt.since_ns > _PATIENCE_NS:
            attempt.is_told = True
            text = f"order {first.order_id} waits: another order closes the same lots, and works"
            self.beside.note("unprotected", "warning", self.hearing.symbol(first.instrument), text)

    async def _send(self, group: Sequence[Tracked], orders: Sequence[RiskApproved]) -> None:
        attempt = self._attempts.setdefault(group[0].order_id, _Attempts())
        if self.hearing.now < attempt.next_ns:
            return
        refused = await self.beside.gateway.release(orders, self._durable)
        if refused is None:
            self.hearing.stir.set()
            return
        attempt.count += 1
        attempt.refused += refused.code is Refusal.VENUE_REFUSED
        wait = wait_seconds(min(attempt.count, _DOUBLINGS), self.beside.draw())
        attempt.next_ns = self.hearing.now + round(wait * 1e9)
        if attempt.refused >= _REFUSED_MOST:
            await self._give_up(group, refused)

    async def _durable(self, outcomes: list[Outcome]) -> None:
        """Have the journal know what is about to leave, and all before it."""
        journal = self.beside.journal
        await journal.durable([journal.append(each) for each in outcomes][-1])

    async def _give_up(self, group: Sequence[Tracked], refused: Refused) -> None:
        """The venue does not take it: the engine decides anew, and a person knows."""
        what = "protects" if self._books.is_child(group[0]) else "closes"
        text = f"order {group[0].order_id}, which {what} what is held, was refused: {refused}"
        symbol = self.hearing.symbol(group[0].instrument)
        self.beside.note("unprotected", "critical", symbol, text)
        await self._end(group, at.KIND_REJECTED)

    async def _end(self, group: Sequence[Tracked], kind: int) -> None:
        """Tell the engine that what was held has ended."""
        status = self.hearing.status_of
        for order in group:
            if order.sent is Sent.ENDED:
                continue
            if status(order.order_id) == 0:
                self._books.mark(order.order_id, Sent.ENDED)
                continue
            row = fact_row(kind, order, self.beside.core.now_ns)
            if kind == at.KIND_REJECTED:
                row[0, at.FACT_REASON] = Refusal.VENUE_REFUSED
            await self.hearing.tell(row, ())

    @property
    def _books(self) -> OrderLedger:
        return self.hearing.inbox.books
