"""`Session`: one strategy on one feed and one broker, until the feed ends or somebody stops it.

One task takes the inputs; whoever else has something for the engine (a person, a broker's stream, a
guard) waits for the same lock, so that there is one order of things, the journal's. Nothing in here
decides about trading.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Coroutine
from contextlib import AsyncExitStack, suppress
from hashlib import blake2b
from typing import Any, Final, cast

import msgspec

from engine.errors import InputError, TraderError
from engine.model import layout as at
from engine.model import trading_layout as loop
from engine.model.trading import Latch, Severity
from engine.model.units import NS_PER_SECOND
from engine.ports import (
    Broker,
    EvidenceClass,
    FeedItem,
    Notice,
    NoticeKind,
    SimulatedBroker,
    Slice,
    TellsTime,
    TimePassed,
)
from runtime.approvals import QueuedSignal, queued_signals
from runtime.gateway.checks import Market, Situation
from runtime.gateway.gateway import Gateway
from runtime.gateway.inbox import Inbox
from runtime.journal.failures import LeaseLost, NotDurable, Trouble, TroubleKind
from runtime.journal.journal import JournalState
from runtime.journal.records import (
    Checkpointed,
    ClockRead,
    Closed,
    Input,
    Noted,
    OperatorInput,
    Outcome,
    Reconciled,
    StartInput,
    StateChanged,
    StopInput,
)
from runtime.session.compiling import change_over
from runtime.session.intake import InHand, Intake, to_bytes
from runtime.session.parts import Asked, Parts
from runtime.session.periodic import again, every
from runtime.session.reconciling import differences
from runtime.session.recovery import Recovered, image_of
from runtime.session.states import FEED_ENDED, SessionState, require_transition
from runtime.session.tidying import tidy
from runtime.session.venue import Beside, VenueSide, require_account
from runtime.session.wishes import PART, part_rows, rows_of

_S = SessionState
LATES_MAX: Final = 3
REFUSED: Final = "refused"  # so begins the answer to a wish that is not followed
_PRESSURE_OF_REPLAY: Final = 0.25  # then replayed data waits for the journal


class Session:
    """A session; `run` is its life.

    Parameters
    ----------
    recovered
        Where it goes on; a new one begins.
    """

    def __init__(self, parts: Parts, recovered: Recovered | None = None) -> None:
        self.parts = parts
        self.state, self.cause = _S.CREATED, ""  # and why it is in that state
        self._recovered = recovered or Recovered()
        self.cursor, self._has_started = self._recovered.cursor, self._recovered.has_started
        self._has_stopped = self._recovered.has_stopped
        self._core, self._journal = parts.core, parts.journal
        self._core.guard.limit_seconds = parts.options.callback_seconds
        self._core.guard.timer = parts.clock.monotonic_ns
        self._late_ns = round(parts.options.decision_seconds * NS_PER_SECOND)
        self._lates = 0  # in a row
        self._market = simulated(parts.broker)
        self.gateway = Gateway(
            parts.broker,
            parts.core.instruments,
            parts.books,
            session=parts.journal.session_id,
            account=parts.account,
            limits=msgspec.structs.replace(
                parts.limits, intent_age_ns=min(parts.limits.intent_age_ns, self._late_ns)
            ),
            situation=self._situation,
            note=self._outcome,
            told=parts.observers.refused,
            asks_first=self._market is None,
        )
        inbox = None if self._market else parts.inbox or Inbox(parts.books)
        self.intake = Intake(
            parts.core,
            parts.journal,
            self.gateway,
            self._market,
            decided=parts.observers.rows,
            sending=parts.observers.sending,
            inbox=inbox,
        )
        self._lock = asyncio.Lock()
        self._venue = None if inbox is None else self._beside(inbox)
        self._stop_asked: asyncio.Future[str] | None = None
        self._standing = self._recovered.standing
        self._holds: dict[str, str] = {}  # who keeps it from entries, and why
        self._decided_ns = 0
        self._state_in_hand: SessionState | None = None
        self._troubles: asyncio.Queue[Trouble] = asyncio.Queue()
        parts.journal.on_trouble = self._troubles.put_nowait
        parts.observers.joined(self)

    # --- its life --------------------------------------------------------------------------------
    async def run(self) -> SessionState:
        """Run until the feed ends or somebody stops it; return the state that it ends in."""
        self._stop_asked = asyncio.get_running_loop().create_future()
        try:
            self._go(_S.STARTING, "continued" if self._recovered.has_started else "begun")
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

    @property
    def is_killed(self) -> bool:
        """Whether it has followed the kill switch."""
        return self._standing.is_killed

    @property
    def is_connected(self) -> bool:
        """Whether the broker answers, as far as is known."""
        return "broker" not in self._holds

    @property
    def is_stopping(self) -> bool:
        """Whether it was asked to stop, or has ended."""
        return self._stop_asked is not None and self._stop_asked.done()

    async def _connect(self) -> None:
        """Read the broker's truth and go to where the session was, or to work."""
        self._go(_S.RECONCILING, "the broker's truth is read")
        if self._venue is not None:  # it is read while the session runs, without entries
            await self._begin()
            return
        facts = await self.parts.broker.connect()
        if facts.is_blocked:
            raise TraderError(f"the broker says that account {facts.account} is blocked")
        if self._recovered.in_hand:
            await self._finish_in_hand()
        found = await differences(self._core, self.parts.broker)
        if found:
            self._note("reconcile", "critical", "broker", "; ".join(found))
            raise TraderError(
                f"the broker and the journal differ: {found[0]}",
                remedy="`trader verify` looks at the journal; nothing is traded to make them equal",
                code="session.not_reconciled",
            )
        if not self._has_started:
            await self.intake.take(StartInput())
        self._go(_S.PAUSED if self._standing.is_paused else _S.RUNNING, "reconciled")
        await self._follow_switch()
        self._after_input()

    async def _tell_again(self) -> None:
        """Say that a supervisor has begun it again; where that was too often, nothing more is entered."""
        again = self.parts.options.again
        if again is None:
            return
        if not again.is_too_often:
            self._note("supervisor", "warning", "restarted", again.reason)
            return
        why = f"begun again more than five times in a minute, at last for {again.reason}"
        self._note("supervisor", "critical", "restarts", f"{why}; nothing is entered")
        async with self._lock:
            await self.ask(Asked("pause", "supervisor", why))

    async def _begin(self) -> None:
        if self._recovered.in_hand:
            await self._finish_in_hand()
        if not self._has_started:
            await self.intake.take(StartInput())
        await self._follow_switch()

    async def _finish_in_hand(self) -> None:
        """Take to its end what a crash has cut off."""
        recovered = self._recovered
        recorded = {each.sending: each for each in recovered.in_hand}
        one = recovered.in_hand[0].input
        assert one is not None, "the first sending of an input has the input"
        if isinstance(one, OperatorInput):
            self._standing = self._standing.after(one.verb)
        self._decided_ns = self.parts.clock.monotonic_ns()
        if self._market is not None and recovered.state:
            # It is where it was: what else this input sends is judged as it was then.
            self._state_in_hand = SessionState(recovered.state)
        await self.intake.take(one, recorded=InHand(recorded, recovered.outcomes))
        self._state_in_hand = None
        self.cursor = getattr(one, "cursor", self.cursor)
        self._has_started = self._has_started or isinstance(one, StartInput)
        self._has_stopped = self._has_stopped or isinstance(one, StopInput)

    async def _work(self) -> str:
        """Run the tasks until the first of them that may end has ended; return why."""
        assert self._stop_asked is not None
        await self._read_clocks()
        options, pump = self.parts.options, asyncio.create_task(self._pump())
        others = [
            asyncio.create_task(each)
            for each in (
                *(self._venue.tasks() if self._venue is not None else ()),
                again(self._obey, self._tell_database, "obey"),
                every(
                    self.parts.clock,
                    options.checkpoint_seconds,
                    self.checkpoint,
                    self._tell_database,
                    self._phase(),
                ),
                every(self.parts.clock, options.lease_seconds, self._renew, self._tell_database),
                every(
                    self.parts.clock, options.control_seconds, self._close_rest, self._tell_database
                ),
                every(
                    self.parts.clock, options.clock_seconds, self._read_clocks, self._tell_database
                ),
                self._heed_journal(),
                *([self._change_over()] if options.compiles else ()),
                *self.parts.beside(self),
                *self.parts.observers.tasks(),
            )
        ]
        waited: set[asyncio.Future[Any]] = {pump, self._stop_asked, *others}
        try:
            done, _ = await asyncio.wait(waited, return_when=asyncio.FIRST_COMPLETED)
            for each in done:
                if each is not self._stop_asked:
                    each.result()  # raises what has ended it
            return self._stop_asked.result() if self._stop_asked.done() else FEED_ENDED
        finally:
            async with self._lock:  # so that no input is cut in its middle
                for task in (pump, *others):
                    task.cancel()
            await asyncio.gather(pump, *others, return_exceptions=True)

    async def _leave(self, cause: str) -> None:
        """Stop: no entries, what works treated as asked, everything durable."""
        self._go(_S.STOPPING, cause)
        on_stop = self.parts.options.on_stop
        if cause == FEED_ENDED:  # it is over for good: nobody goes on from a checkpoint
            if not self._has_stopped:
                await self.intake.take(StopInput())
        else:
            if on_stop in ("cancel", "flatten"):
                await self.intake.take(self._wish(Asked(on_stop, "session", cause)))
            await self._checkpoint_at_end()
        self._journal.append(Closed(self._core.state_hash, cause))
        self._go(_S.STOPPED, cause)

    async def _checkpoint_at_end(self) -> None:
        try:
            await self.checkpoint()
        except LeaseLost:
            raise
        except InputError as error:  # the emergency file has what follows
            self._note("database", "warning", "checkpoint", error.problem)

    def _fail(self, error: BaseException) -> None:
        if self.state.is_final:
            return
        try:
            self._note("session", "critical", "session", str(error))
            self._go(_S.FAILED, str(error))
        except TraderError:
            self.state = _S.FAILED  # the journal takes nothing any more: recovery finds that out

    # --- tasks -----------------------------------------------------------------------------------
    async def _pump(self) -> None:
        """Take what the feed has, one item after the other."""
        throttles = self.parts.feed.evidence is EvidenceClass.REHEARSAL
        items: AsyncIterator[FeedItem] = self.parts.feed.items(self.cursor)
        async for item in items:
            if type(item) is TimePassed and self._is_idle_until(item.now_ns):
                self.parts.observers.begun(item)
                self.parts.observers.item(item)
                continue
            async with self._lock:
                await self._item(item)
            tidy()
            if throttles and self._journal.pressure > _PRESSURE_OF_REPLAY:
                with suppress(NotDurable):  # then the emergency file has it
                    await self._journal.durable(self._journal.head[0])

    def _change_over(self) -> Coroutine[Any, Any, None]:
        def told(severity: str, text: str) -> None:
            self._note("session", severity, "kernels", text)

        return change_over(self._core, self._market, self._lock, self.parts.clock, told)

    def _is_idle_until(self, now_ns: int) -> bool:
        """Return whether no wait ends until a time, and nothing is under way that could begin one."""
        return self._core.next_wake_ns > now_ns and not self._lock.locked()

    async def _item(self, item: FeedItem) -> None:
        self._decided_ns = self.parts.clock.monotonic_ns()
        self.parts.observers.begun(item)
        match item:
            case Slice():
                await self.intake.slice(item)
                self.cursor = item.cursor
                if item.events[0, at.EVENT_KIND] == at.KIND_SESSION_CLOSE:
                    await self._compare()
                spent_ns = self._core.guard.take_spent_ns()
                if spent_ns is not None:  # else the strategy is not shown such a slice
                    await self._follow_pace(spent_ns)
            case TimePassed():
                await self.intake.time(item.now_ns)
            case Notice():
                self._heed(item)
        self.parts.observers.item(item)
        self._after_input()

    async def _follow_pace(self, spent_ns: int) -> None:
        """Pause a strategy that was too slow three times in a row; what it wanted has expired."""
        self._lates = self._lates + 1 if spent_ns > self._late_ns else 0
        if self._lates < LATES_MAX or self._standing.is_paused:
            return
        self._lates = 0
        seconds = self.parts.options.decision_seconds
        why = f"{LATES_MAX} decisions in a row took longer than {seconds:g} seconds"
        self._note("strategy", "critical", "slow", why)
        await self.ask(Asked("pause", "watchdog", why))

    def _heed(self, notice: Notice) -> None:
        """Follow what the feed says of itself: without a whole feed nothing is entered."""
        is_bad = notice.kind in (NoticeKind.DISCONNECTED, NoticeKind.GAP, NoticeKind.STALE)
        self._note("feed", "warning" if is_bad else "info", notice.kind.value, notice.detail)
        if is_bad:
            self._hold("feed", f"feed {notice.kind.value}: {notice.detail}")
        elif notice.kind in (NoticeKind.CONNECTED, NoticeKind.FILLED):
            self._free("feed", "the feed is whole again")

    def _hold(self, who: str, cause: str) -> None:
        """Take no new risk until `_free`: something is not whole."""
        self._holds[who] = cause
        if self.state in (_S.RUNNING, _S.PAUSED, _S.HALTED):
            self._go(_S.RECONCILING, cause)

    def _free(self, who: str, cause: str) -> None:
        was_held = self._holds.pop(who, None) is not None
        if was_held and not self._holds and self.state is _S.RECONCILING:
            self._go(_S.PAUSED if self._standing.is_paused else _S.RUNNING, cause)
            self._after_input()

    def _beside(self, inbox: Inbox) -> VenueSide:
        """Return the side of a broker with a market of its own."""
        beside = Beside(
            self._core,
            self.gateway,
            self._lock,
            self.parts.clock,
            self.parts.draw,
            self._take,
            self._note,
            lambda cause: self._hold("broker", cause),
            lambda cause: self._free("broker", cause),
            lambda facts: require_account(facts, self.parts.account),
        )
        return VenueSide(self.parts.broker, inbox, beside, self.parts.venue)

    async def _take(self, one: Input) -> None:
        """Take what the broker's side has for the engine; under the lock."""
        self._decided_ns = self.parts.clock.monotonic_ns()
        await self.intake.take(one)
        self._after_input()

    def _tell_database(self, name: str, problem: str) -> None:
        self._note("database", "warning", name, problem)

    def _phase(self) -> float:
        """Return when it stores its state between two of its times: not all sessions at once."""
        return blake2b(self.parts.account.encode(), digest_size=1).digest()[0] / 256

    async def _obey(self) -> None:
        """Do what people ask for, as soon as they do; the kill switch comes first."""
        found = await self.parts.keeper.controls(self._standing.is_killed)
        async with self._lock:
            await self._follow_switch()
        for asked in found:
            async with self._lock:
                answer = await self.ask(asked)
                if self.is_stopping:  # this task ends with the lock: who stops would be asked again
                    await self.parts.keeper.answer(asked, answer)
                    continue
            await self.parts.keeper.answer(asked, answer)

    async def _follow_switch(self) -> None:
        """Withdraw everything, and close it where that is wanted; or go on, when it was released."""
        halt, standing = self.parts.switch.state(), self._standing
        if halt is None:
            if standing.is_killed:
                await self._follow(Asked("release", "kill switch", "it was released"))
        elif not standing.is_killed or (halt.flatten and not standing.is_closing):
            self._note("halt", "critical", "kill switch", f"{halt.who}: {halt.why}")
            verb = "kill_flatten" if halt.flatten else "kill"
            await self._follow(Asked(verb, halt.who, halt.why))

    async def _follow(self, asked: Asked) -> None:
        """Have the engine take a wish; what it leaves standing stands before anything is sent."""
        wish = self._wish(asked)
        self._standing = self._standing.after(asked.verb)
        await self.intake.take(wish)
        self._after_input()

    async def _close_rest(self) -> None:
        """Close what could not be closed at once: the orders withdrawn were in its way.

        With the trading loop that is the engine's own work. A halt that is on may want more by now.
        """
        async with self._lock:
            await self._follow_switch()
            standing = self._standing
            if not standing.is_closing or self._core.plain.account[at.ACCOUNT_TRADING]:
                return
            if not self._core.positions():
                self._standing = standing.flat()
            elif not self.gateway.books.live():
                verb = "kill_flatten" if standing.is_killed else "flatten"
                await self._follow(Asked(verb, "session", "the rest"))

    async def _compare(self) -> None:
        """Hold books and broker against each other, after a session of the market."""
        await self._read_clocks()
        if self._venue is not None:
            self._venue.read_soon()
            return
        found = await differences(self._core, self.parts.broker)
        self._journal.append(Reconciled(self._core.now_ns, tuple(found)))
        if found:
            self._note("reconcile", "critical", "broker", "; ".join(found))
            self._hold("reconcile", f"the broker and the journal differ: {found[0]}")
        else:
            self._free("reconcile", "the broker and the journal agree again")

    async def _read_clocks(self) -> None:
        clock, feed = self.parts.clock, self.parts.feed
        venue_ns = feed.venue_now_ns() if isinstance(feed, TellsTime) else None
        self._journal.append(ClockRead(clock.now_ns(), clock.monotonic_ns(), venue_ns))

    async def checkpoint(self) -> None:
        """Store the state, so that a restart has less to play."""
        if not self._core.has_snapshots:
            return
        async with self._lock:
            books = self.gateway.books
            inbox = None if self._venue is None else self._venue.inbox
            standing, state = self._standing, self.state.value
            image = image_of(self._core, self._market, books, standing, state, inbox)
            record = Checkpointed(self._core.state_hash, self.cursor)
            sequence, cursor = self._journal.append(record), self.cursor
        await self._journal.durable(sequence)
        if self._journal.state is not JournalState.OPEN:
            return  # an emergency file has the record: the database would have a hole before it
        await self.parts.keeper.checkpoint(sequence, cursor, image)
        await self._journal.anchor("checkpoint")

    async def _renew(self) -> None:
        """Keep the account, and bring what an emergency file has back into the database."""
        if self._journal.state is JournalState.EMERGENCY:
            await self._journal.merge()
            self._note("journal", "info", "journal", "the database has everything again")
            return
        await self._journal.renew()

    async def _heed_journal(self) -> None:
        """Tell the engine's breaker of the database's errors; end where nothing can be written."""
        while True:
            trouble = await self._troubles.get()
            if trouble.halts:
                raise cannot_go_on(trouble)
            async with self._lock:
                self._note("journal", "critical", trouble.kind.value, trouble.problem)
                rows = part_rows(at.KIND_DATABASE_ERROR, self._core.now_ns)
                one = OperatorInput(self._core.now_ns, to_bytes(rows), PART, "journal")
                await self.intake.take(one)
                self._after_input()

    # --- wishes ----------------------------------------------------------------------------------
    async def ask(self, asked: Asked) -> str:
        """Do what a person asks; return what is to be said to them."""
        said = f"{asked.who}: {asked.why or asked.verb}"
        if asked.verb == "stop":
            self.stop(said)
            return "stopping"
        if asked.verb == "signals":
            return self._waiting_signals()
        if asked.verb == "release_symbol":
            return await self._release(asked)
        if asked.verb == "resume" and (problem := await self.parts.renew_certificate()):
            return f"{REFUSED}: {problem}"
        try:
            wish = self._wish(asked)
        except InputError as error:
            return f"{REFUSED}: {error}"
        if asked.verb in ("approve", "reject") and not self._is_waiting(asked.argument):
            return f"{REFUSED}: no signal {asked.argument} waits: it was decided, or is too late"
        self._standing = self._standing.after(asked.verb)
        await self.intake.take(wish)
        if self._standing.is_paused and self.state in (_S.RUNNING, _S.HALTED):
            self._go(_S.PAUSED, said)
        elif not self._standing.is_paused and self.state is _S.PAUSED:
            self._go(_S.RUNNING, said)
        self._after_input()
        return f"{asked.verb}: done; the session is {self.state.value}"

    async def _release(self, asked: Asked) -> str:
        """Allow entries again in an instrument that was quarantined."""
        symbols = [each.symbol for each in self._core.instruments]
        quarantined = frozenset[int]() if self._venue is None else self._venue.quarantined
        number = symbols.index(asked.argument) if asked.argument in symbols else -1
        if self._venue is None or number not in quarantined:
            held = ", ".join(symbols[each] for each in sorted(quarantined)) or "nothing"
            return f"{REFUSED}: {asked.argument!r} is not quarantined; {held} is"
        await self._venue.release(number, f"released by {asked.who}: {asked.why}")
        return f"{asked.argument} may be entered again"

    async def tell_component(self, latch: Latch, who: str, *, is_good: bool) -> None:
        """Tell the engine that a part of the session is good, or is not: a latch of its own."""
        async with self._lock:
            rows = part_rows(at.KIND_COMPONENT, self._core.now_ns)
            rows[0, loop.COMPONENT_NUMBER], rows[0, loop.COMPONENT_GOOD] = latch, is_good
            await self.intake.take(OperatorInput(self._core.now_ns, to_bytes(rows), PART, who))
            self._after_input()

    def _waiting(self) -> tuple[QueuedSignal, ...]:
        return queued_signals(
            self._core.plain,
            self._core.instruments,
            fingerprint=self.parts.fingerprint,
            now_ns=self._core.now_ns,
        )

    def _waiting_signals(self) -> str:
        """Return, as JSON, the signals that wait for a person."""
        return msgspec.json.encode(self._waiting()).decode()

    def _is_waiting(self, number: str) -> bool:
        return any(each.number == int(number) for each in self._waiting())

    def _wish(self, asked: Asked) -> OperatorInput:
        now_ns = self._core.now_ns
        rows = rows_of(asked.verb, asked.argument, now_ns)
        return OperatorInput(now_ns, to_bytes(rows), asked.verb, asked.who, asked.why)

    # --- what is so ------------------------------------------------------------------------------
    def _situation(self) -> Situation:
        """Return what the gateway's checks look at, as it is now."""
        killed, closes = self.parts.switch.flags()
        state = self._state_in_hand or self.state
        return Situation(
            now_ns=self._core.now_ns,
            decided_ns=self._decided_ns,
            monotonic_ns=self.parts.clock.monotonic_ns(),
            may_enter=state.enters,
            may_close=state not in (_S.STOPPED, _S.FAILED, _S.CREATED),
            is_killed=killed,
            kill_closes=closes,
            lease_until_ns=self._journal.lease.until_monotonic_ns,
            severity=self.severity,
            certificate="" if self._market is not None else self.parts.certificate(),
            account="",
            pressure=self._journal.pressure,
            quarantined=frozenset() if self._venue is None else self._venue.quarantined,
            markets=self._price,
            stated=_nothing_stated if self._venue is None else self._venue.stated,
        )

    def _price(self, i: int) -> Market:
        row = self._core.plain.positions
        return Market(row[i, at.POSITION_LAST], row[i, at.POSITION_QUANTITY])

    @property
    def severity(self) -> Severity:
        """What the engine's guards let through."""
        return Severity(self._core.plain.account[at.ACCOUNT_SEVERITY])

    def _after_input(self) -> None:
        """Follow what the input has changed: a guard that halts, a strategy that broke."""
        fault = self._core.take_fault()
        if fault is not None:
            self._standing = self._standing.paused()
            self._note("strategy", "critical", "strategy", str(fault))
            if self.state is _S.RUNNING:
                self._go(_S.PAUSED, "the strategy broke; what is open stays managed")
        severity = self._core.plain.account[at.ACCOUNT_SEVERITY]  # no member: that takes longer
        is_halted = self._standing.is_killed or severity >= Severity.FLATTENING
        if is_halted and self.state in (_S.RUNNING, _S.PAUSED):
            cause = (
                "the kill switch is on"
                if self._standing.is_killed
                else "a guard has halted the account"
            )
            self._go(_S.HALTED, cause)
        elif not is_halted and self.state is _S.HALTED:
            self._go(
                _S.PAUSED if self._standing.is_paused else _S.RUNNING,
                "what had halted it was released",
            )

    def _go(self, state: SessionState, cause: str) -> None:
        require_transition(self.state, state)
        cause = self.parts.observers.masked(cause)
        changed = StateChanged(self.state.value, state.value, cause)
        self._journal.append(changed)
        self.state, self.cause = state, cause
        self.parts.observers.state(changed)

    def _note(self, kind: str, severity: str, subject: str, text: str) -> None:
        text = self.parts.observers.masked(text)
        noted = Noted(kind, severity, subject, text, self._core.now_ns)
        self._journal.append(noted)
        self.parts.observers.noted(noted)

    def note(self, kind: str, severity: str, subject: str, text: str) -> None:
        """Keep what a part of the session has to say, and show it to whoever looks on."""
        self._note(kind, severity, subject, text)

    def _outcome(self, outcome: Outcome) -> None:
        if outcome.status != "taken" or self._venue is not None:
            said = self.parts.observers.masked(outcome.problem)  # a broker's own words
            self._journal.append(msgspec.structs.replace(outcome, problem=said))
        if self._venue is not None:
            self._venue.outcome(outcome)


def cannot_go_on(trouble: Trouble) -> TraderError:
    """Return what a person is told whose session's journal takes nothing more."""
    problem, code = f"the journal cannot go on: {trouble.problem}", "session.journal"
    match trouble.kind:
        case TroubleKind.DISK_FULL | TroubleKind.LOST:
            remedy = "make room on the disk, or make it writable; the same command then goes on"
            return InputError(problem, remedy=remedy, code=code)
        case TroubleKind.LEASE:
            remedy = "`trader sessions list` shows who has the account now"
            return InputError(problem, remedy=remedy, code=code)
        case _:
            remedy = "nothing was overwritten; `trader verify` names the record"
            return TraderError(problem, remedy=remedy, code=code)


def _nothing_stated(instrument: int) -> int | None:
    """A paper market holds what its session holds."""
    return None


def simulated(broker: Broker) -> SimulatedBroker | None:
    """Return a broker whose market is the feed; None where it has a market of its own."""
    return cast(SimulatedBroker, broker) if hasattr(broker, "meet") else None
