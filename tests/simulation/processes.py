"""One life of a trading process inside a simulated world: a session, its database, its connection, its death."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from contextvars import ContextVar
from dataclasses import dataclass, field
from random import Random
from typing import TYPE_CHECKING, Any

from engine.approved import RiskApproved
from engine.errors import InputError
from engine.model import layout as at
from engine.model.layout import EventKind
from engine.ports import (
    FeedItem,
    Notice,
    NoticeKind,
    Rows,
    SubmitOutcome,
)
from runtime.gateway.checks import Limits
from runtime.gateway.inbox import Inbox
from runtime.gateway.ledger import OrderLedger
from runtime.journal.journal import SessionJournal
from runtime.journal.leases import LeaseHeld
from runtime.journal.records import Opened, SliceInput
from runtime.journal.sessions import NewSession, SessionStore
from runtime.observing.masking import Masker
from runtime.session.intake import to_rows
from runtime.session.kill_switch import Halt, KillSwitch
from runtime.session.parts import Asked, Keeper, Observers, Options, Parts
from runtime.session.recovery import Recovered, recover, schema
from runtime.session.session import Session
from runtime.session_core.core import SessionCore
from sims.network import Endpoint
from tests.simulation.doors import faster_core
from tests.simulation.throttling import BudgetThrottle
from tests.simulation.world_feed import WorldFeed

if TYPE_CHECKING:
    from tests.simulation.worlds import World

ACCOUNT = "sim"
SCHEMA = schema()
SECRET = "hunter22-of-the-simulation"
MASKER = Masker([SECRET])
TERM_NS = 100 * 10**9
CONTROL = 20.0  # seconds between two looks for wishes
ROOMY = 0.5  # of its memory a process uses; the machine that simulates it has a say in nothing
WHOSE: ContextVar[Any] = ContextVar("whose", default=None)


class Dead(BaseException):
    """The process is no more."""


class ReleasedSwitch(KillSwitch):
    """A kill switch that nobody uses in a world: the disk is not asked for its file."""

    def state(self) -> Halt | None:
        """Everything may run."""
        return None


class Fate:
    """Counts effects and dies at one of them; at 0 it lives."""

    def __init__(self, at_effect: int, *, after: bool, mourn: Callable[[str], None]) -> None:
        self.at_effect, self.after, self.mourn = at_effect, after, mourn
        self.effects, self.is_dead = 0, False

    def effect(self, what: str) -> None:
        if self.is_dead:
            raise Dead
        self.effects += 1
        if self.effects == self.at_effect:
            self.is_dead = True
            self.mourn(what)
            raise Dead

    def around(self, what: str, work: Callable[..., Any]) -> Callable[..., Any]:
        """Return work at whose beginning or end the process may die."""

        def done(*arguments: Any) -> Any:
            if self.is_dead:
                raise Dead
            if not self.after:
                self.effect(what)
            found = work(*arguments)
            if self.after:
                self.effect(what)
            return found

        return done


class WatchedEndpoint(Endpoint):
    """An endpoint whose orders the auditor sees."""

    life: Life

    async def submit(self, order: RiskApproved, client_id: str) -> SubmitOutcome:
        self.life.world.note(f"order {order.order_id} leaves as {client_id[:8]}")
        self.life.world.audit(lambda a: a.on_send(self.life, order, client_id))
        outcome = await super().submit(order, client_id)
        self.life.world.note(f"order {order.order_id}: {outcome.status} {outcome.code}")
        return outcome


@dataclass(eq=False)
class Life:
    """One process, from its start to its end."""

    world: World
    fate: Fate
    number: int
    decided: list[Rows] = field(default_factory=list)  # on the input in hand
    tasks: list[asyncio.Task[Any]] = field(default_factory=list)
    task: asyncio.Task[Any] | None = None
    is_over: bool = False

    def start(self) -> None:
        """Take the account, open the journal, recover, and run."""
        world, ground, pace = self.world, self.world.plan.ground, self.world.plan.pace
        self.store = store = world.open_store()
        try:
            self._tame(store)
            if not world.session_id:
                world.session_id = store.begin_session(
                    NewSession("sim", ACCOUNT, mode=world.plan.mode.name.lower())
                )
            held = store.leases.acquire(ACCOUNT, world.session_id, term_ns=pace * TERM_NS)
            if isinstance(held, LeaseHeld):
                raise held.refusal()
            self.journal: SessionJournal = store.journal(world.session_id, held)
            self.core: SessionCore = faster_core(world.plan.core())
            books = OrderLedger()
            self.inbox, recovered = Inbox(books), Recovered()
            if self.journal.head[0] == 0:
                self.journal.append(_opened(world))
            else:
                recovered = recover(
                    self.core,
                    None,
                    books,
                    lambda after: store.entries(world.session_id, after=after),
                    store.checkpoints(world.session_id).newest(schema=SCHEMA),
                    inbox=self.inbox,
                )
        except BaseException:
            store.close()
            raise
        endpoint = self.endpoint = WatchedEndpoint(
            world.exchange,
            world.plan.network,
            world.random,
            ACCOUNT,
            self._request,
            gossip=f" for {SECRET}",
            throttle=BudgetThrottle(self),
        )
        endpoint.life = self
        self.session = Session(
            Parts(
                self.core,
                WorldFeed(world, idle_odds=0.5, idle_seconds=17),
                endpoint,
                self.journal,
                Keeper(self._checkpoint, self._controls, self._answer),
                books,
                world.clock,
                ACCOUNT,
                ground.fingerprint,
                ReleasedSwitch(world.folder / "HALT"),
                Limits(),
                Options(
                    checkpoint_seconds=120.0 * pace,
                    lease_seconds=45.0 * pace,
                    control_seconds=CONTROL * pace,
                ),
                Observers(
                    item=self._item,
                    rows=self.decided.append,
                    noted=lambda noted: world.note(f"! {noted.text}"),
                    masked=MASKER.text,
                ),
                self.inbox,
                world.plan.watch,
                draw=world.random.random,
                memory=lambda: ROOMY,
                certificate=lambda: world.certificate,
            ),
            recovered,
        )
        self._watch_intake()
        if recovered.has_started or recovered.in_hand:
            world.note(
                f"goes on: {len(recovered.in_hand)} in hand, paused {recovered.standing.is_paused}"
            )
            in_hand, is_paused = len(recovered.in_hand), recovered.standing.is_paused
            world.audit(lambda a: a.recovered(self, is_paused=is_paused, in_hand=in_hand))
        WHOSE.set(self)
        self.task = asyncio.create_task(self._run())
        WHOSE.set(None)

    async def _run(self) -> None:
        try:
            await self.session.run()
        except (Dead, asyncio.CancelledError):
            if not self.fate.is_dead:
                raise
        except Exception as error:  # noqa: BLE001  (the world judges it)
            if not self.fate.is_dead:
                self.world.failed(self, error)
        finally:
            if not self.is_over:
                self.end()

    def end(self) -> None:
        """It is over, whatever of it still waits."""
        self.is_over = self.fate.is_dead = True
        for task in self.tasks:
            if task is not self.task:
                task.cancel()
        if self.task is not None and not self.task.done():
            self.task.cancel()
        self._let_go()
        self.world.over(self)

    def _let_go(self) -> None:
        """Lose connections and database, as a process does that ends."""
        self.endpoint._cut(self.endpoint._connections)
        self.store.close()

    @property
    def now_ns(self) -> int:
        return round(self.world.seconds * 1e9)

    # --- where it may die ----------------------------------------------------------------------------
    def _request(self, what: str) -> None:
        if what == "arrived":
            self.world.audit(lambda a: a.on_arrival())
        if (what == "arrived") == self.fate.after:
            self.fate.effect(what)

    def _tame(self, store: SessionStore) -> None:
        """Have the process die around its commits, and the auditor see what is durable."""
        writer, world = store.writer, self.world
        commit, run, run_file = writer._commit, writer.run, writer.run_file

        def committed(groups: Any) -> Any:
            if world.is_database_out:
                return [(group, OSError("the database is away")) for group in groups]
            outcomes = commit(groups)
            for group, error in outcomes:
                if error is None:
                    world.auditor.kept(group.entries)
            return outcomes

        def written(work: Any, *arguments: Any) -> Any:
            def kept(*given: Any) -> Any:
                found = work(*given)
                if given and isinstance(given[0], list):  # it is durable, whoever dies now
                    world.auditor.kept(given[0])
                return found

            return run_file(self.fate.around("file", kept), *arguments)

        def ran(work: Any, *arguments: Any) -> Any:
            is_renewal = work == store.leases.renew_all
            if (world.is_database_out and work != writer._commit) or (
                is_renewal and world.is_lapsing
            ):

                def away(*arguments: Any) -> Any:
                    raise InputError("the database is away", code="store.unreachable")

                work = away
            return run(self.fate.around("commit", work), *arguments)

        writer._commit = committed  # type: ignore[method-assign]
        writer.run = ran  # type: ignore[method-assign]
        store.upkeep._run = ran  # renewals, too
        writer.run_file = written  # type: ignore[method-assign]

    def _watch_intake(self) -> None:
        take = self.session.intake.take

        async def taken(*arguments: Any, **keys: Any) -> None:
            if self.fate.is_dead:
                raise Dead
            await take(*arguments, **keys)
            self._note_input(arguments[0])
            self.world.audit(lambda a: a.after_input(self, arguments[0]))
            self.decided.clear()

        self.session.intake.take = taken  # type: ignore[method-assign]

    def _note_input(self, one: Any) -> None:
        """Tell what the engine has taken, and where that has brought it."""
        if not self.world.keeps_story or isinstance(one, SliceInput):
            return
        rows = getattr(one, "rows", b"")
        kinds = [EventKind(row[at.EVENT_KIND]).name.lower() for row in to_rows(rows)]
        books = self.session.gateway.books
        working = [f"{e.order_id}:{e.sent.name.lower()}:{e.open_lots}" for e in books.live()]
        self.world.note(
            f"    told {' '.join(kinds)} {' '.join(getattr(one, 'keys', ()))} -> "
            f"{books.positions} {' '.join(working)} {self.session.state.value}"
        )

    # --- what it is given ----------------------------------------------------------------------------
    def _item(self, item: FeedItem) -> None:
        if isinstance(item, Notice):
            bad = (NoticeKind.DISCONNECTED, NoticeKind.GAP, NoticeKind.STALE)
            self.world.auditor.is_feed_bad = item.kind in bad

    async def _checkpoint(self, sequence: int, cursor: int, blob: bytes) -> None:
        checkpoints = self.store.checkpoints(self.world.session_id)
        await self.store.writer.run(
            lambda: checkpoints.save(self.journal.lease, sequence, cursor, blob, schema=SCHEMA)
        )

    async def _controls(self, is_killed: bool) -> list[Asked]:
        await self.world.clock.sleep(CONTROL * self.world.plan.pace)
        asked, self.world.wishes = self.world.wishes, []
        return asked

    async def _answer(self, asked: Asked, text: str) -> None:
        self.world.note(f"{asked.verb}: {text}")


def _opened(world: World) -> Opened:
    ground = world.plan.ground
    return Opened(
        "sim", ground.fingerprint, ground.text, {}, {}, "", ACCOUNT, "simulated", "simulated",
        "rehearsal", world.plan.mode.name.lower(), tuple(each.symbol for each in ground.market.instruments), {},
    )  # fmt: skip


def seeded(seed: int) -> Random:
    return Random(seed)
