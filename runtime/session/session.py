"""`Session`: one strategy on one feed and one broker, until the feed ends or somebody stops it.

One task takes the inputs; whoever else has something for the engine (a person, a broker's stream, a
guard) waits for the same lock, so that there is one order of things, the journal's. Nothing in here
decides about trading.

    FeedSide        what the feed tells
    OperatorSide    what people ask, and the kill switch
    VenueSide       what a broker with a market of its own tells, and is asked
    Bookkeeping     what the journal is told beside that
    Condition       the state that follows from all of it
"""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from contextlib import AsyncExitStack
from typing import Any, Final, cast

import msgspec

from engine.errors import TraderError
from engine.model import layout as at
from engine.model import trading_layout as loop
from engine.model.trading import Latch, Severity
from engine.model.units import NS_PER_SECOND
from engine.ports import AccountFacts, AsksPrices, Broker, SimulatedBroker
from runtime.gateway.gateway import Gateway
from runtime.gateway.inbox import Inbox
from runtime.journal.records import (
    Closed,
    Input,
    OperatorInput,
    Outcome,
    StartInput,
    StopInput,
)
from runtime.session.bookkeeping import Bookkeeping
from runtime.session.compiling import change_over
from runtime.session.condition import Condition
from runtime.session.feeding import FeedSide
from runtime.session.intake import InHand, Intake, to_bytes
from runtime.session.operators import OperatorSide
from runtime.session.parts import Asked, Parts
from runtime.session.periodic import again, every
from runtime.session.reconciling import differences
from runtime.session.recovery import Recovered
from runtime.session.settling import Left, Settling, left_of
from runtime.session.states import FEED_ENDED, SessionState
from runtime.session.surroundings import Surroundings
from runtime.session.venue import VenueSide, require_account
from runtime.session.venue_hearing import Beside
from runtime.session.wishes import PART, part_rows

_S = SessionState
_ACCOUNT: Final = "account"


class Session:
    """A session; `run` is its life.

    Parameters
    ----------
    recovered
        Where it goes on; a new one begins.
    """

    def __init__(self, parts: Parts, recovered: Recovered | None = None) -> None:
        self.parts = parts
        self._recovered = recovered = recovered or Recovered()
        self._has_started, self._has_stopped = recovered.has_started, recovered.has_stopped
        self._core, self._journal = parts.core, parts.journal
        self._core.guard.limit_seconds = parts.options.callback_seconds
        self._core.guard.timer = parts.clock.monotonic_ns
        self._market = simulated(parts.broker)
        self._condition = condition = Condition(
            parts.core, parts.journal, parts.observers, recovered.standing
        )
        self._surroundings = Surroundings(parts, condition, needs_certificate=self._market is None)
        late_ns = round(parts.options.decision_seconds * NS_PER_SECOND)
        self.gateway = Gateway(
            parts.broker,
            parts.core.instruments,
            parts.books,
            session=parts.journal.session_id,
            account=parts.account,
            limits=msgspec.structs.replace(
                parts.limits, intent_age_ns=min(parts.limits.intent_age_ns, late_ns)
            ),
            situation=self._surroundings.situation,
            note=self._outcome,
            told=parts.observers.refused,
            asks_first=self._market is None,
        )
        inbox = None if self._market else parts.inbox or Inbox(parts.books)
        self.intake = intake = Intake(
            parts.core,
            parts.journal,
            self.gateway,
            self._market,
            begins=self._surroundings.decides,
            decided=parts.observers.rows,
            sending=parts.observers.sending,
            inbox=inbox,
            cursor=recovered.cursor,
        )
        self._lock = lock = asyncio.Lock()
        self._venue = venue = None if inbox is None else self._beside(inbox)
        self._surroundings.venue = venue
        self._books = Bookkeeping(parts, condition, intake, lock, self._market, venue)
        self._people = OperatorSide(
            parts,
            condition,
            intake,
            lock,
            venue,
            self.stop,
            lambda: self.is_stopping,
            self._surroundings,
        )
        self._settling = Settling(
            parts,
            condition,
            self._people,
            self._surroundings,
            lock,
            is_paper=self._market is not None,
        )
        self._feed = FeedSide(
            parts,
            condition,
            intake,
            lock,
            self._surroundings,
            self._books.compare,
            self.ask,
            self._tell_age,
        )
        if isinstance(parts.feed, AsksPrices):
            parts.feed.watch(lambda: [each.instrument for each in parts.core.positions()])
        self._stop_asked: asyncio.Future[str] | None = None
        parts.observers.joined(self)

    def _beside(self, inbox: Inbox) -> VenueSide:
        """Return the side of a broker with a market of its own."""
        condition = self._condition
        beside = Beside(
            self._core,
            self.gateway,
            self._lock,
            self.parts.clock,
            self.parts.draw,
            self._take,
            condition.note,
            lambda cause: condition.hold("broker", cause),
            lambda cause: condition.free("broker", cause),
            self._accept,
            self.parts.journal,
        )
        return VenueSide(self.parts.broker, inbox, beside, self.parts.venue)

    # --- its life --------------------------------------------------------------------------------
    async def run(self) -> SessionState:
        """Run until the feed ends or somebody stops it; return the state that it ends in."""
        self._stop_asked = asyncio.get_running_loop().create_future()
        try:
            begins = "continued" if self._recovered.has_started else "begun"
            self._condition.go(_S.STARTING, begins)
            await self._connect()
            await self._tell_again()
            cause = await self._work()
            await self._leave(cause)
        except Exception as error:
            self._fail(error)
            raise
        finally:
            async with AsyncExitStack() as last:  # each, whatever becomes of the others
                last.callback(self.parts.observers.ended)
                last.push_async_callback(self._journal.close)
                last.push_async_callback(self.parts.broker.close)
                last.push_async_callback(self.parts.feed.close)
        return self.state

    def stop(self, cause: str) -> None:
        """Ask it to stop; what works and is held is treated as `Options.on_stop` says."""
        if self._stop_asked is not None and not self._stop_asked.done():
            self._stop_asked.set_result(cause)

    async def _connect(self) -> None:
        """Read the broker's truth and go to where the session was, or to work."""
        self._condition.go(_S.RECONCILING, "the broker's truth is read")
        if self._venue is not None:  # it is read while the session runs, without entries
            await self._finish_in_hand()
            await self._start()
            await self._people.follow_switch()
            return
        facts = await self.parts.broker.connect()
        if facts.is_blocked:
            raise TraderError(f"the broker says that account {facts.account} is blocked")
        await self._finish_in_hand()
        found = await differences(self._core, self.parts.broker)
        if found:
            self.note("reconcile", "critical", "broker", "; ".join(found))
            raise TraderError(
                f"the broker and the journal differ: {found[0]}",
                remedy="`trader verify` looks at the journal; nothing is traded to make them equal",
                code="session.not_reconciled",
            )
        await self._start()
        self._condition.go_to_work("reconciled")
        await self._people.follow_switch()
        self._condition.follow()

    async def _start(self) -> None:
        if not self._has_started:
            await self.intake.take(StartInput())

    async def _finish_in_hand(self) -> None:
        """Take to its end what a crash has cut off."""
        recovered = self._recovered
        if not recovered.in_hand:
            return
        recorded = {each.sending: each for each in recovered.in_hand}
        one = recovered.in_hand[0].input
        assert one is not None, "the first sending of an input has the input"
        if isinstance(one, OperatorInput):
            self._condition.standing = self._condition.standing.after(one.verb)
        if self._market is not None and recovered.state:
            # It is where it was: what else this input sends is judged as it was then.
            self._surroundings.state_in_hand = SessionState(recovered.state)
        self._surroundings.is_wish = isinstance(one, OperatorInput)
        await self.intake.take(one, recorded=InHand(recorded, recovered.outcomes))
        self._surroundings.is_wish, self._surroundings.state_in_hand = False, None
        self._has_started = self._has_started or isinstance(one, StartInput)
        self._has_stopped = self._has_stopped or isinstance(one, StopInput)

    async def _tell_again(self) -> None:
        """Say that a supervisor has begun it again; where that was too often, nothing more is entered."""
        again = self.parts.options.again
        if again is None:
            return
        if not again.is_too_often:
            self.note("supervisor", "warning", "restarted", again.reason)
            return
        why = f"begun again more than five times in a minute, at last for {again.reason}"
        self.note("supervisor", "critical", "restarts", f"{why}; nothing is entered")
        async with self._lock:
            await self.ask(Asked("pause", "supervisor", why))

    async def _work(self) -> str:
        """Run the tasks until the first of them that may end has ended; return why."""
        assert self._stop_asked is not None
        await self._books.read_clocks()
        pump = asyncio.create_task(self._feed.run())
        others = [asyncio.create_task(each) for each in self._tasks()]
        waited: set[asyncio.Future[Any]] = {pump, self._stop_asked, *others}
        try:
            done, _ = await asyncio.wait(waited, return_when=asyncio.FIRST_COMPLETED)
            for each in done:
                if each is not self._stop_asked:
                    each.result()  # raises what has ended it
            cause = self._stop_asked.result() if self._stop_asked.done() else FEED_ENDED
            if cause != FEED_ENDED:
                await self._settling.settle(cause, pump, others)
            elif self._venue is not None:  # on paper nothing is filled any more
                async with self._lock:
                    await self._end_strategy()
                await self._settling.settle(cause, pump, others)
            return cause
        finally:
            async with self._lock:  # so that no input is cut in its middle
                for task in (pump, *others):
                    task.cancel()
            await asyncio.gather(pump, *others, return_exceptions=True)

    def _tasks(self) -> list[Coroutine[Any, Any, None]]:
        """Return what runs beside the feed, as long as the session."""
        parts, options, people = self.parts, self.parts.options, self._people

        def tell(name: str, problem: str) -> None:
            self.note("database", "warning", name, problem)

        return [
            *(self._venue.tasks() if self._venue is not None else ()),
            again(people.obey, tell, "obey"),
            every(parts.clock, options.control_seconds, people.close_rest, tell),
            *self._books.tasks(tell),
            *([self._change_over()] if options.compiles else ()),
            *parts.beside(self),
            *parts.observers.tasks(),
        ]

    def _change_over(self) -> Coroutine[Any, Any, None]:
        def told(severity: str, text: str) -> None:
            self.note("session", severity, "kernels", text)

        return change_over(self._core, self._market, self._lock, self.parts.clock, told)

    async def _leave(self, cause: str) -> None:
        """End, with everything durable."""
        if cause == FEED_ENDED:  # it is over for good: nobody goes on from a checkpoint
            await self._end_strategy()
        else:
            await self._books.checkpoint_at_end()
        self._journal.append(Closed(self._core.state_hash, cause))
        self._condition.go(_S.STOPPED, cause)

    async def _end_strategy(self) -> None:
        """Tell the strategy, once, that the feed has ended."""
        if self.state is not _S.STOPPING:
            self._condition.go(_S.STOPPING, FEED_ENDED)
        if not self._has_stopped:
            self._has_stopped = True
            await self.intake.take(StopInput())

    def _fail(self, error: BaseException) -> None:
        if self.state.is_final:
            return
        try:
            self.note("session", "critical", "session", str(error))
            self._condition.go(_S.FAILED, str(error))
        except TraderError:  # the journal takes nothing any more: recovery finds that out
            self._condition.state = _S.FAILED

    def _accept(self, facts: AccountFacts) -> None:
        """Go on with the account that was proven; where it may not trade, or nobody knows, nothing is entered."""
        require_account(facts, self.parts.account)
        was_held = self._condition.is_held_by(_ACCOUNT)
        if not facts.is_blocked:
            if was_held:
                self.note(_ACCOUNT, "info", _ACCOUNT, f"the broker says that it is {facts.status}")
            self._condition.free(_ACCOUNT, "the account may trade again")
            return
        why = f"the broker says that account {facts.account} is {facts.status}, or may not trade"
        if not was_held:
            told = f"{why}: nothing is entered, what is open is closed as far as the broker lets it"
            self.note(_ACCOUNT, "critical", _ACCOUNT, told)
        self._condition.hold(_ACCOUNT, why)

    # --- what others have for it -----------------------------------------------------------------
    async def ask(self, asked: Asked) -> str:
        """Do what a person asks, under the lock; return what is to be said to them."""
        return await self._people.ask(asked)

    async def tell_component(self, latch: Latch, who: str, *, is_good: bool) -> None:
        """Tell the engine that a part of the session is good, or is not: a latch of its own."""
        async with self._lock:
            await self._tell(latch, who, is_good=is_good)
            self._condition.follow()

    async def _tell(self, latch: Latch, who: str, *, is_good: bool) -> None:
        rows = part_rows(at.KIND_COMPONENT, self._core.now_ns)
        rows[0, loop.COMPONENT_NUMBER], rows[0, loop.COMPONENT_GOOD] = latch, is_good
        await self.intake.take(OperatorInput(self._core.now_ns, to_bytes(rows), PART, who))

    async def _tell_age(self) -> None:
        """Let exits wait while what they would be decided on is of before: the gateway sends none of them."""
        if not self._surroundings.judges_again:
            return
        waits = self._core.plain.latches[Latch.DATA, loop.LATCH_SEVERITY] != Severity.ACTIVE
        if self._surroundings.is_of_before != waits:
            await self._tell(Latch.DATA, "feed", is_good=waits)

    def note(self, kind: str, severity: str, subject: str, text: str) -> None:
        """Keep what a part of the session has to say, and show it to whoever looks on."""
        self._condition.note(kind, severity, subject, text)

    async def _take(self, one: Input) -> None:
        """Take what the broker's side has for the engine; under the lock."""
        await self._tell_age()
        await self.intake.take(one)
        self._condition.follow()

    def _outcome(self, outcome: Outcome) -> None:
        if outcome.status != "taken" or self._venue is not None:
            said = self.parts.observers.masked(outcome.problem)  # a broker's own words
            self._journal.append(msgspec.structs.replace(outcome, problem=said))
        if self._venue is not None:
            self._venue.outcome(outcome)

    # --- what is so ------------------------------------------------------------------------------
    @property
    def state(self) -> SessionState:
        """Where it is in its life."""
        return self._condition.state

    @property
    def cause(self) -> str:
        """Why it is there."""
        return self._condition.cause

    @property
    def holds(self) -> tuple[str, ...]:
        """Why it takes no new risk, where something is not whole; at its end, what was not by then."""
        return self._condition.holds

    @property
    def severity(self) -> Severity:
        """What the engine's guards let through."""
        return self._condition.severity

    @property
    def cursor(self) -> int:
        """The feed's slices so far."""
        return self.intake.cursor

    @property
    def is_killed(self) -> bool:
        """Whether it has followed the kill switch."""
        return self._condition.standing.is_killed

    @property
    def left(self) -> Left:
        """What is held and what works."""
        return left_of(self._core, self.parts.books)

    @property
    def is_settling(self) -> bool:
        """Whether it was asked to stop and waits for what is wanted then to come about."""
        return self._settling.waits

    @property
    def is_connected(self) -> bool:
        """Whether the broker answers, as far as is known."""
        return not self._condition.is_held_by("broker")

    @property
    def is_stopping(self) -> bool:
        """Whether it was asked to stop, or has ended."""
        return self._stop_asked is not None and self._stop_asked.done()


def simulated(broker: Broker) -> SimulatedBroker | None:
    """Return a broker whose market is the feed; None where it has a market of its own."""
    return cast(SimulatedBroker, broker) if hasattr(broker, "meet") else None
