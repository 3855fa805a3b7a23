"""Seeded worlds: the whole session under virtual time, against a venue and a network that fail.

Faults end, and within ten minutes everything has to be settled (I12). Most worlds are so after a minute, and
would then only trade on as ever, which costs as much as the faults and finds next to nothing. So a world may end
as soon as it was settled at each look over a whole reconciliation and a bar more. What shows itself later is
looked for in one world of sixteen, which lives to the end.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from pathlib import Path
from random import Random
from tempfile import TemporaryDirectory
from typing import Any

from engine.errors import InternalFault, TraderError
from engine.model.layout import EventKind
from engine.model.trading import ExecutionMode
from engine.model.units import to_minor
from engine.ports import BrokerEvent
from runtime.approvals import QueuedSignal, queued_signals
from runtime.gateway.inbox import Inbox
from runtime.gateway.ledger import OrderLedger
from runtime.journal.failures import JournalFailure
from runtime.journal.leases import LeaseHeld
from runtime.journal.sessions import SessionStore
from runtime.session.parts import Asked
from runtime.session.recovery import recover
from runtime.store.processes import Process
from sims.network import Exchange, Odds
from sims.paper import PaperBroker
from sims.request_limit import RequestLimit
from tests.simulation.auditor import Auditor, Violation
from tests.simulation.availability import Availability
from tests.simulation.databases import (
    WAIT,
    Lasting,
    folder_of_worlds,
    fresh_file,
    fresh_memory,
    open_file,
    open_memory,
)
from tests.simulation.doors import faster_market
from tests.simulation.plans import EPOCH_NS, QUIET_STEP, Plan, clock, plan_of
from tests.simulation.processes import ACCOUNT, SECRET, Life
from tests.simulation.request_counts import RequestCounts
from tests.simulation.seeded_world import SeededWorld, run_world, tagged

RARE = 16  # of so many worlds one has its database in a file, and one
FILE, WHOLE = 0, 4  # ... lives to the end, though it is settled before: which
AGAIN = 8  # of so many worlds' journals one is played again whole: those of `WHOLE` among them
LOOK = 10.0  # seconds between two looks whether a world is settled


class World(SeededWorld):
    """A session that trades at a venue of our own, over a network of our own."""

    plan: Plan
    life: Life | None

    def __init__(self, plan: Plan, folder: Path, *, keeps_story: bool = False) -> None:
        super().__init__(plan, folder, plan.slices[0].ts_ns, keeps_story=keeps_story)
        self.wishes: list[Asked] = []
        self.is_stolen = False
        self.memory: Lasting | None = None  # the database, where it is not in a file
        self.clock = clock()
        ground = plan.ground
        paper = faster_market(
            PaperBroker(
                ACCOUNT,
                ground.setup.instruments,
                ground.setup.fresh_book(ground.config.fills.book),
                currency="USD",
                cash_minor=to_minor(ground.config.account.cash, name="cash"),
                now_ns=lambda: self.exchange.now_ns,
            )
        )
        odds = plan.odds
        self.exchange = Exchange(paper, self.random, odds, plan.ids, lambda: self.seconds)
        self.exchange.watch = self.tell
        most = plan.requests_per_minute
        self.exchange.limit = RequestLimit(clock(), most, Random(plan.seed * 7 + 3))
        counts = RequestCounts(most, lambda: self.seconds, EPOCH_NS / 1e9)
        instruments = len(ground.market.instruments)
        market = Availability(plan.slices, instruments, is_trading=ground.config.is_trading)
        self.auditor = Auditor(self.exchange, counts, market, plan.mode)

    # --- running -------------------------------------------------------------------------------------
    async def run(self) -> None:
        """Run to the end; raise what is wrong."""
        loop = asyncio.get_running_loop()
        loop.set_task_factory(tagged)
        loop.set_exception_handler(lambda loop, context: None)
        tasks = [asyncio.create_task(each) for each in self._happenings()]
        self._begin()
        try:
            ended = asyncio.create_task(self._ended.wait())
            await asyncio.wait((ended,), timeout=self.plan.ends)
            ended.cancel()
            if self.problem is not None:
                raise self.problem
            for each in tasks:
                if each.done() and not each.cancelled() and each.exception():
                    raise each.exception()  # type: ignore[misc]
            if not self.is_stolen:
                self._at_end()
        finally:
            for each in tasks:
                each.cancel()
            if self.life is not None and not self.life.is_over:
                self.life.end()

    def _happenings(self) -> list[Coroutine[Any, Any, None]]:
        plan = self.plan

        async def market() -> None:
            for one in plan.slices:
                await self._until((one.ts_ns - self.begins_ns) / 1e9)
                for row in range(len(one.events)):
                    self.exchange.meet(one.events, row)

        async def wishes() -> None:
            for at_s, verb in plan.wishes:
                await self._until(at_s)
                self.note(f"somebody asks: {verb}")
                self.wishes.append(Asked(verb, "ann", "simulated"))

        async def person() -> None:
            """Decide, sooner or later and as it comes, on what waits; a double click now and then."""
            choice = Random(plan.seed * 7 + 5)
            while True:
                await asyncio.sleep(choice.uniform(2, 40))
                for each in self._waiting():
                    verb = choice.choice(("approve", "approve", "reject"))
                    said = Asked(verb, "ann", "simulated", str(each.number))
                    self.note(f"a person says: {verb} signal {each.number}")
                    self.wishes += [said] * choice.choice((1, 1, 2))

        async def others() -> None:
            todo: list[tuple[float, Callable[[], None]]] = [
                *((s, lambda by=by: self.clock.step(by)) for s, by in plan.clock_steps),
                (plan.faults_end, self._end_faults),
                *((s, self._stop) for s in plan.stops),
                *((s, self._steal) for s in plan.thefts),
                *(
                    (s, lambda i=i, lots=lots: self.exchange.trade_by_hand(i, lots))
                    for s, i, lots in plan.by_hand
                ),
            ]
            for at_s, what in sorted(todo, key=lambda each: each[0]):
                await self._until(at_s)
                what()

        async def calm() -> None:
            """End the world early: see the module. It is looked at between bars: at a bar all is in motion."""
            await self._until(plan.faults_end + LOOK / 2)
            since, stays = self.seconds, max(plan.watch.reconcile_most, QUIET_STEP) + LOOK
            while self.seconds < since + stays:
                await asyncio.sleep(LOOK)
                if not self._is_settled:
                    since = self.seconds
            self._ended.set()

        of_some = [person()] if plan.mode is ExecutionMode.APPROVE else []
        if plan.seed % RARE != WHOLE:
            of_some.append(calm())
        return [market(), wishes(), others(), *of_some]

    def _waiting(self) -> tuple[QueuedSignal, ...]:
        """Return what a person can decide on, as the session that runs would list it."""
        life = self.life
        if life is None or life.is_over:
            return ()
        return queued_signals(
            life.core.plain, life.core.instruments, fingerprint="", now_ns=life.core.now_ns
        )

    def _begin(self) -> None:
        """Start a process."""
        if self.is_stolen or self.problem is not None:
            return
        fate = self.next_fate()
        life = Life(self, fate, self.lives)
        try:
            life.start()
        except Violation as error:
            self.fail(error)
            return
        except JournalFailure as error:
            self.note(f"it cannot start: {error}")
            asyncio.get_running_loop().call_later(15.0, self._begin)
            return
        except BaseException as error:  # noqa: BLE001  (a world that cannot begin is wrong)
            self.fail(error)
            return
        self.life = life

    def over(self, life: Life) -> None:
        """A process has ended: the next one comes after a while."""
        if self.problem is None and self.seconds < self.plan.ends - 1 and not self.is_stolen:
            asyncio.get_running_loop().call_later(self.random.uniform(0.5, 20), self._begin)

    def failed(self, life: Life, error: Exception) -> None:
        """A session has ended by an error: some are as they should be."""
        expected = isinstance(error, JournalFailure) or getattr(error, "code", "") in (
            "session.journal",
        )
        self.note(f"the session ends: {type(error).__name__}: {error}")
        if not expected or isinstance(error, (InternalFault, AssertionError)):
            self.fail_by(error)

    def _end_faults(self) -> None:
        self.exchange.odds = Odds()

    def _stop(self) -> None:
        if self.life is not None and not self.life.is_over and hasattr(self.life, "session"):
            self.note("somebody stops it")
            self.life.session.stop("simulated")

    def _steal(self) -> None:
        """Another machine takes the account over, as it may after the lease has run out."""
        if self.life is None or self.life.is_over:
            return
        store = self.life.store
        leases = type(store.leases)(store.backend, self.clock, Process("elsewhere", 1, "p"))
        object.__setattr__(leases, "ended", lambda process: True)
        if not isinstance(leases.acquire(ACCOUNT, "thief"), LeaseHeld):
            self.note("another process takes the account")
            self.is_stolen = True

    @property
    def _is_settled(self) -> bool:
        """Whether it could end now: all is as it has to be at the end, or nothing can happen any more."""
        if self.is_stolen:
            return self.life is None or self.life.is_over
        try:
            life = self._require_settled()
        except Violation:
            return False
        return life.fate.effects >= life.fate.at_effect  # else it has to die yet

    def _require_settled(self) -> Life:
        """Return the session that runs, where nothing is in doubt and the venue has what it has."""
        if self.life is None or self.life.is_over:
            raise Violation("I12: no session runs at the end")
        self.auditor.at_end(self.life)
        return self.life

    def _at_end(self) -> None:
        life = self._require_settled()
        self._require_no_secret(life)
        if self.plan.seed % AGAIN == WHOLE:
            self._play_again(life)

    def _require_no_secret(self, life: Life) -> None:
        life.journal.flush()
        written = [each.read_bytes() for each in self.folder.rglob("*") if each.is_file()]
        if self.memory is not None:
            written.append(self.memory.content())
        if any(SECRET.encode() in each for each in written):
            raise Violation("I14: a secret was written")

    def _play_again(self, life: Life) -> None:
        """The whole journal, from its beginning and interpreted, leads where the session is."""
        life.journal.flush()
        core, books = self.plan.core(), OrderLedger()
        inbox = Inbox(books)
        entries = lambda after: life.store.entries(self.session_id, after=after)
        try:
            recover(core, None, books, entries, None, inbox=inbox)
        except TraderError as error:
            raise Violation(f"I8: {error}") from error
        if core.state_hash != life.core.state_hash:
            raise Violation("I8: the journal leads to another state")
        ours = life.session.gateway.books
        if [_said(each) for each in books.live()] != [_said(each) for each in ours.live()]:
            raise Violation(f"I8: books {books.live()} are played, {ours.live()} are kept")
        in_doubt = {each.order_id for each in books.doubtful()}
        if any(each.order_id not in in_doubt for each in ours.doubtful()):
            raise Violation(f"I8: {ours.doubtful()} are in doubt, played are {books.doubtful()}")
        if (books.positions, inbox.quarantined) != (ours.positions, life.inbox.quarantined):
            raise Violation("I8: positions or quarantines differ")
        if self.plan.seed % RARE == WHOLE:
            verdict = life.store.verify(self.session_id)
            if not verdict.is_sound:
                raise Violation(f"I11: {verdict}")

    # --- what is so ------------------------------------------------------------------------------------
    @property
    def is_database_out(self) -> bool:
        return any(start <= self.seconds < end for start, end in self.plan.database_outages)

    @property
    def certificate(self) -> str:
        """What is wrong with the certificate; nothing as long as it is valid."""
        return "" if self.seconds < self.plan.certified_until else "it has expired"

    @property
    def is_lapsing(self) -> bool:
        return any(start <= self.seconds < end for start, end in self.plan.lapses)

    def open_store(self) -> SessionStore:
        if self.plan.seed % RARE == FILE:
            return open_file(fresh_file(self.folder), self.clock)
        self.memory = self.memory or fresh_memory(self.folder)
        keeps_tables = self.plan.mode is ExecutionMode.APPROVE
        return open_memory(self.memory, self.clock, keeps_tables=keeps_tables, wait=2 * WAIT)

    def tell(self, event: BrokerEvent) -> None:
        """Note what the venue does, whoever hears of it."""
        if not self.keeps_story:
            return
        booked = self.exchange.find(event.client_id)
        intent = booked.intent if booked is not None else "?"
        what = EventKind(event.kind).name.lower()
        if event.execution is not None:
            one = event.execution
            side = "buy" if one.side > 0 else "sell"
            what += f" {one.execution_id} {side} {one.lots} of {one.instrument}"
        self.note(f"    venue: order {intent} {what} (filled {event.filled_lots})")

    async def _until(self, at_s: float) -> None:
        if at_s > self.seconds:
            await asyncio.sleep(at_s - self.seconds)


def _said(tracked: Any) -> tuple[Any, ...]:
    """Return what a journal says of an order. That a doubt is settled is not in it: who plays it looks again."""
    return tracked.order_id, tracked.sent, tracked.filled_lots, tracked.quantity_lots


def run_seed(seed: int, *, keeps_story: bool = False, plan: Plan | None = None) -> World:
    """Run a seed; raise what it finds."""
    plan = plan or plan_of(seed)
    with TemporaryDirectory(dir=folder_of_worlds()) as folder:
        return run_world(seed, lambda: World(plan, Path(folder), keeps_story=keeps_story))
