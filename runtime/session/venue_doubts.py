"""`Doubts`: orders of which nobody knows what has become of them, looked up until that is proven.

The venue is asked without the session's lock; what it says is taken under it, and judged by what is known
then.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from typing import Final

from engine.approved import approved_again, cancel_of
from engine.errors import VenueError
from engine.model import layout as at
from engine.model.orders import OrderStatus
from engine.ports import Broker, SubmitStatus, VenueOrder
from runtime.gateway.inbox import fact_row
from runtime.gateway.ledger import Sent, Tracked
from runtime.gateway.reconciling import fill_event
from runtime.gateway.refusals import Refusal
from runtime.gateway.resolving import LOST_AFTER_NS, Doubt, Finding, finding
from runtime.gateway.retrying import wait_seconds
from runtime.session.venue_hearing import Beside, Hearing

_END_OF: Final = {
    OrderStatus.CANCELED: at.KIND_CANCELED,
    OrderStatus.EXPIRED: at.KIND_EXPIRED,
    OrderStatus.REJECTED: at.KIND_REJECTED,
    OrderStatus.FILLED: at.KIND_CANCELED,  # of what is left of it in our books
}


@dataclass(slots=True)
class Doubts:
    """See the module.

    Parameters
    ----------
    intent_age_ns
        An order that is proven absent goes again until its decision is so old.
    """

    broker: Broker
    beside: Beside
    hearing: Hearing
    intent_age_ns: int
    _doubts: dict[int, Doubt] = field(default_factory=dict)
    _old: frozenset[int] = frozenset()  # in doubt since before this process

    def begin(self) -> None:
        """What is in doubt now is so since before this process: it does not go again."""
        self._old = frozenset(each.order_id for each in self.hearing.inbox.books.doubtful())

    def is_lost(self, instrument: int) -> bool:
        """Return whether an order of an instrument is in doubt for so long that a person was told."""
        return any(
            each.instrument == instrument and self._doubts[each.order_id].is_told
            for each in self.hearing.inbox.books.doubtful()
            if each.order_id in self._doubts
        )

    async def resolve(self) -> None:
        """Look up what is in doubt until it is proven."""
        while True:
            await self.hearing.report_errors()
            wait = self._next_look()
            self.hearing.stir.clear()
            if wait is None:
                await self.hearing.stir.wait()
                continue
            if wait > 0:
                await self._stirred(wait)
                continue
            for order in self.hearing.inbox.books.doubtful():
                if self._doubts[order.order_id].is_due(self.hearing.now):
                    await self._look(order)

    async def _stirred(self, seconds: float) -> None:
        """Wait, but not longer than until something stirs."""
        sleep = asyncio.ensure_future(self.beside.clock.sleep(seconds))
        stir = asyncio.ensure_future(self.hearing.stir.wait())
        try:
            await asyncio.wait((sleep, stir), return_when=asyncio.FIRST_COMPLETED)
        finally:
            sleep.cancel()
            stir.cancel()

    def _next_look(self) -> float | None:
        """Return the seconds until the next look; None where nothing is in doubt."""
        orders = self.hearing.inbox.books.doubtful()
        self._doubts = {
            each.order_id: self._doubts.get(each.order_id) or Doubt(self.hearing.now)
            for each in orders
        }
        if not self._doubts:
            return None
        return max(min(each.next_ns for each in self._doubts.values()) - self.hearing.now, 0) / 1e9

    async def _look(self, order: Tracked) -> None:
        """Ask what has become of an order: first the order, then the fills that it must have."""
        doubt = self._doubts[order.order_id]
        try:
            found = await self.broker.order(order.client_id)
            executions = await self.broker.executions(self.hearing.inbox.cursor)
        except VenueError as error:
            self.hearing.count(error)
            wait = wait_seconds(doubt.looks + 3, self.beside.draw(), error.retry_after_seconds)
            doubt.next_ns = self.hearing.now + round(wait * 1e9)
            return
        async with self.beside.lock:
            for one in executions:
                await self.hearing.hear(fill_event(one, "poll"))
            if order.is_doubtful:
                doubt.looked(self.hearing.now, self.beside.draw())
                await self._settle(order, found, doubt)

    async def _settle(self, order: Tracked, found: VenueOrder | None, doubt: Doubt) -> None:
        """Do what a look has proven; under the lock."""
        again = approved_again(self.beside.core.plain, order.order_id)
        is_fresh = order.order_id not in self._old and (
            self.hearing.now - doubt.since_ns <= self.intent_age_ns
        )
        may_go_again = again is not None and (is_fresh or self.beside.gateway.can_only_close(again))
        proven = finding(
            order, found, doubt, self.hearing.now, self.broker.client_ids, may_go_again=may_go_again
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
                await self.hearing.hear(self.hearing.event(kind, order, "ended"), is_proven=True)
                self._settled(order)
            case Finding.AGAIN | Finding.ABSENT if order.held_for:
                self.hearing.inbox.books.mark(order.order_id, Sent.HELD)
                self._settled(order)
                self.hearing.moved.set()
            case Finding.AGAIN:
                assert again is not None
                refused = await self.beside.gateway.submit_again(again)
                if refused is not None:
                    await self._absent(order, refused.code)
                doubt.since_ns, doubt.looks = self.hearing.now, 0
            case Finding.ABSENT:
                await self._absent(order, Refusal.NOT_SENT)
            case Finding.LOST:
                await self._tell_lost(order, doubt, "the venue does not know it any more")

    async def _works(self, order: Tracked, found: VenueOrder, doubt: Doubt) -> None:
        """An order works at the venue: what was asked of it since has come about or not."""
        books, kind = self.hearing.inbox.books, order.doubts
        books.mark(order.order_id, Sent.TAKEN, found.venue_id)
        if not order.is_accepted:
            await self.hearing.hear(self.hearing.event(at.KIND_ACCEPTED, order, "accepted"))
        is_proven = doubt.is_proven_absent(self.hearing.now)
        match kind:
            case at.KIND_CANCEL_SENT:
                cancel = cancel_of(order.order_id, order.instrument)
                outcome = await self.beside.gateway.cancel_again(cancel)
                if outcome.status is SubmitStatus.TAKEN:
                    self._settled(order)
                elif is_proven and outcome.status is SubmitStatus.REFUSED:
                    await self.hearing.hear(
                        self.hearing.event(at.KIND_CANCEL_REJECTED, order, f"c{self.hearing.now}")
                    )
                    self._settled(order)
            case at.KIND_REPLACE_SENT | at.KIND_REPLACED:
                if order.wanted_lots and _is_as_wanted(order, found):
                    await self.hearing.hear(
                        self.hearing.event(at.KIND_REPLACED, order, f"r{self.hearing.now}")
                    )
                    self._settled(order)
                elif is_proven:
                    await self.hearing.hear(
                        self.hearing.event(at.KIND_CANCEL_REJECTED, order, f"c{self.hearing.now}")
                    )
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
        await self.hearing.tell(row, (f"{order.client_id}/absent",))
        self._settled(order)

    async def _tell_lost(self, order: Tracked, doubt: Doubt, why: str) -> None:
        if doubt.is_told or self.hearing.now - doubt.since_ns < LOST_AFTER_NS:
            return
        doubt.is_told = True
        await self.hearing.quarantine(order.instrument, f"order {order.order_id}: {why}")

    def _settled(self, order: Tracked) -> None:
        self.hearing.inbox.books.doubt(order.order_id, 0)
        self._doubts.pop(order.order_id, None)


def _is_as_wanted(order: Tracked, found: VenueOrder) -> bool:
    """Return whether an order at the venue has the terms that were asked for last."""
    if found.quantity_lots != order.wanted_lots:
        return False
    return found.limit_ticks in (0, order.wanted_limit) and found.stop_ticks in (
        0,
        order.wanted_stop,
    )
