"""`VenueSide`: a broker with a market of its own, beside a session: what it tells, and what it is asked.

    listen      what it tells by itself, each event once; a broken connection is made again
    resolve     orders of which nobody knows what has become of them; see `venue_doubts`
    release     what waits with us for the end of another order; see `venue_waiting`
    reconcile   its positions, orders and fills held against ours; see `venue_account`

All end in `venue_hearing`.
"""

from __future__ import annotations

from collections.abc import Coroutine
from typing import Any

from engine.errors import TraderError, VenueError
from engine.ports import AccountFacts, Broker, SubmitStatus
from runtime.gateway.inbox import Inbox
from runtime.gateway.ledger import HELD
from runtime.gateway.retrying import wait_seconds
from runtime.journal.records import Outcome
from runtime.session.refused_in_a_row import RefusedInARow
from runtime.session.venue_account import AccountReading
from runtime.session.venue_doubts import Doubts
from runtime.session.venue_hearing import Beside, Hearing, VenueOptions
from runtime.session.venue_waiting import Waiting
from runtime.session_core.steps import NO_ROWS


class VenueSide:
    """See the module."""

    def __init__(self, broker: Broker, inbox: Inbox, beside: Beside, options: VenueOptions) -> None:
        self.inbox = inbox
        self._broker, self._beside = broker, beside
        self._hearing = Hearing(inbox, beside)
        symbols = [each.symbol for each in beside.core.instruments]
        self._refusals = RefusedInARow(inbox.books, symbols, beside.note)
        self._doubts = Doubts(broker, beside, self._hearing, options.intent_age_ns)
        self._waiting = Waiting(beside, self._hearing)
        self._account = AccountReading(broker, beside, self._hearing, self._doubts, options)

    def tasks(self) -> list[Coroutine[Any, Any, None]]:
        """Return what runs as long as the session."""
        self._doubts.begin()
        self._beside.hold("the broker's truth is read")
        return [
            self.listen(),
            self._doubts.resolve(),
            self._waiting.release(),
            self._account.reconcile(),
        ]

    def read_soon(self) -> None:
        """Read the account at the next moment, though nothing seems to be missing."""
        self._hearing.gap.set()

    def outcome(self, outcome: Outcome) -> None:
        """Hear what has become of a request: one without an answer counts as an error of the venue."""
        self._refusals.hear(outcome)
        if outcome.status == HELD:
            self._hearing.moved.set()
        if outcome.status in (SubmitStatus.UNKNOWN, SubmitStatus.NOT_SENT):
            if outcome.code != "crash":
                self._hearing.unanswered()
            self._hearing.stir.set()
        elif outcome.status == SubmitStatus.REFUSED:
            self._hearing.stir.set()

    @property
    def quarantined(self) -> frozenset[int]:
        """Instruments in which nothing is entered."""
        return frozenset(self.inbox.quarantined)

    @property
    def cash_differs(self) -> str:
        """How the account's cash is not explained, in words; empty: it is."""
        return self._account.cash_differs

    async def accept_cash(self, said: str) -> bool:
        """Take the account's cash as it is, because a person has explained it; under the lock.

        Returns whether there was something to explain. `said` stands in the journal.
        """
        return await self._account.accept_cash(said)

    async def release(self, instrument: int, said: str) -> None:
        """Allow entries in an instrument again; under the lock. `said` stands in the journal.

        Fills that are not ours are explained by that: the next reading does not stop at them.
        """
        await self._hearing.tell(NO_ROWS, self._account.explained(instrument))
        await self._hearing.release(instrument, said)

    def stated(self, instrument: int) -> int | None:
        """Return the lots that the venue holds, as it last said; None where it was not asked."""
        return self._account.stated(instrument)

    @property
    def is_read(self) -> bool:
        """Whether the account was read since the day of the market began."""
        return self._account.is_read

    @property
    def is_late(self) -> bool:
        """Whether it was waited for that long enough."""
        return self._account.is_late

    async def read_anew(self) -> None:
        """Have the account read before something is decided; see `AccountReading.read_anew`."""
        await self._account.read_anew()

    async def listen(self) -> None:
        """Take what the venue tells by itself, as long as the session runs."""
        while True:
            await self._connect()
            problem = "the broker's stream has ended"
            try:
                async for event in self._broker.events():
                    async with self._beside.lock:
                        await self._hearing.hear(event)
            except VenueError as error:
                problem = error.problem
                self._hearing.count(error)
            self._hearing.is_connected = False
            self._hearing.lose(problem)

    async def _connect(self) -> None:
        attempt = 0
        while True:
            try:
                self._beside.accept(await self._broker.connect())
            except VenueError as error:
                self._hearing.count(error)
                wait = wait_seconds(attempt, self._beside.draw(), error.retry_after_seconds)
                await self._beside.clock.sleep(wait)
                attempt += 1
            else:
                self._hearing.is_connected = True
                self._hearing.gap.set()
                return


def require_account(facts: AccountFacts, account: str) -> None:
    """Refuse an account that is not the one that a session may trade.

    Raises
    ------
    TraderError
        So that the session ends.
    """
    if facts.account != account:
        raise TraderError(f"the broker's account is {facts.account}, not {account}")
