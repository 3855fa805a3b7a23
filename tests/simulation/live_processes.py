"""One life of a live trading process in a simulated world: `go_live`, the session, its death."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import TYPE_CHECKING, Any, Final

from brokers.alpaca.broker import AlpacaBroker, Settings
from brokers.alpaca.client import Keys as AccountKeys
from brokers.alpaca.environments import rehearsal
from engine.approved import CancelApproved, ReplaceApproved, RiskApproved
from engine.model.instruments import Instrument
from engine.model.units import to_minor
from engine.ports import (
    Clock,
    Environment,
    SubmitOutcome,
    leg_id,
)
from runtime.gateway.checks import Limits
from runtime.promotion.desk import Desk
from runtime.promotion.keys import Keys
from runtime.promotion.store import PromotionStore
from runtime.session.live import LivePlan, go_live
from runtime.session.parts import Observers, Options
from tests.simulation.databases import open_file
from tests.simulation.live_plans import POSITION_LIMIT
from tests.simulation.processes import WHOSE, Dead, Life
from tests.simulation.world_feed import WorldFeed

if TYPE_CHECKING:
    from tests.simulation.live_worlds import LiveWorld

LIMITS: Final = Limits(position_value_minor=to_minor(Decimal(POSITION_LIMIT), name="limit"))
OPTIONS: Final = Options(checkpoint_seconds=120.0, control_seconds=5.0)


class ProcessClock:
    """The world's clock as one process has it: what is kept by clock ends with the process."""

    def __init__(self, clock: Clock) -> None:
        self.now_ns, self.monotonic_ns, self.sleep = clock.now_ns, clock.monotonic_ns, clock.sleep


class WatchedBroker(AlpacaBroker):
    """The adapter, whose orders the auditor sees, and at whose requests the process may die."""

    life: LiveLife

    async def submit(self, order: RiskApproved, client_id: str) -> SubmitOutcome:
        world = self.life.world
        world.note(f"order {order.order_id} leaves as {client_id[:9]}")
        world.audit(lambda a: a.on_send(self.life, order, client_id))
        outcome = await self._effect(super().submit(order, client_id))
        world.note(
            f"order {order.order_id}: {outcome.status} {outcome.code} {outcome.problem[:80]}"
        )
        return outcome

    async def submit_pair(
        self, target: RiskApproved, stop: RiskApproved, client_id: str
    ) -> SubmitOutcome:
        world = self.life.world
        world.note(f"orders {target.order_id}, {stop.order_id} leave as {client_id[:9]}")
        world.audit(lambda a: a.on_send(self.life, target, client_id))
        world.audit(lambda a: a.on_send(self.life, stop, leg_id(client_id)))
        outcome = await self._effect(super().submit_pair(target, stop, client_id))
        world.note(
            f"order {target.order_id}: {outcome.status} {outcome.code} {outcome.problem[:80]}"
        )
        return outcome

    async def cancel(self, order: CancelApproved, client_id: str) -> SubmitOutcome:
        outcome = await self._effect(super().cancel(order, client_id))
        self.life.world.note(f"cancel {order.order_id}: {outcome.status} {outcome.code}")
        return outcome

    async def replace(self, order: ReplaceApproved, client_id: str) -> SubmitOutcome:
        outcome = await self._effect(super().replace(order, client_id))
        self.life.world.note(f"replace {order.order_id}: {outcome.status} {outcome.code}")
        return outcome

    async def _effect(self, request: Any) -> SubmitOutcome:
        fate = self.life.fate
        if not fate.after:
            try:
                fate.effect("request")
            except Dead:
                request.close()
                raise
        outcome: SubmitOutcome = await request
        if fate.after:
            fate.effect("answer")
        return outcome

    def cut(self) -> None:
        """Lose all connections, as a process does that is killed."""
        connector = None if self._client is None else self._client.session.connector
        if connector is not None:
            connector._close(abort_ssl=True)


@dataclass
class WatchedDoor:
    """The account of the simulated venue; see `runtime.session.live_proof.Door`."""

    life: LiveLife
    venue = "alpaca"
    environment = Environment.REHEARSAL

    def broker(
        self, instruments: Sequence[Instrument], clock: Clock, *, begins_ns: int = 0
    ) -> WatchedBroker:
        world = self.life.world
        known = AccountKeys(world.settings.key_id, world.settings.secret_key)
        settings = Settings(begins_ns=begins_ns)
        broker = WatchedBroker(rehearsal(world.venue.url), known, instruments, clock, settings)
        broker.life, self.life.endpoint = self.life, broker  # type: ignore[assignment]
        return broker


@dataclass(eq=False)
class LiveLife(Life):
    """One process, from its start to its end."""

    world: LiveWorld  # type: ignore[assignment]
    session: Any = None

    def start(self) -> None:
        """Go live, and run."""
        WHOSE.set(self)
        self.task = asyncio.create_task(self._run())
        WHOSE.set(None)

    async def _run(self) -> None:
        world, clock = self.world, ProcessClock(self.world.clock)
        try:
            self.store = open_file(world.url, clock)
            self._tame(self.store)
            with PromotionStore.open(world.url, clock=clock) as promotions:
                desk = Desk(Keys(world.folder / "keys"), promotions, clock)
                session = await go_live(self.store, self._plan(), desk)
                self._begun(session)
                await session.run()
        except (Dead, asyncio.CancelledError):
            if not self.fate.is_dead:
                raise
        except Exception as error:  # noqa: BLE001  (the world judges it)
            if not self.fate.is_dead:
                world.failed(self, error)
        finally:
            if not self.is_over:
                self.end()

    def _plan(self) -> LivePlan:
        world = self.world
        return LivePlan(
            world.plan.ground.config,
            WorldFeed(world, idle_odds=0.1, idle_seconds=7, wait_min=0.001),
            world.plan.ground.market,
            WatchedDoor(self),
            limits=LIMITS,
            options=OPTIONS,
            observers=Observers(
                item=self._item,
                rows=self.decided.append,
                noted=lambda noted: world.note(f"! {noted.text}"),
            ),
            switch=world.switch,
        )

    def _begun(self, session: Any) -> None:
        world, parts = self.world, session.parts
        self.core, self.inbox, self.journal = parts.core, parts.inbox, parts.journal
        world.session_id = parts.journal.session_id
        self.session = session
        self._watch_intake()
        recovered = session._recovered
        if recovered.has_started or recovered.in_hand:
            in_hand, is_paused = len(recovered.in_hand), recovered.standing.is_paused
            world.note(f"goes on: {in_hand} in hand, paused {is_paused}")
            world.audit(lambda a: a.recovered(self, is_paused=is_paused, in_hand=in_hand))

    def _let_go(self) -> None:
        if hasattr(self, "endpoint"):
            self.endpoint.cut()  # type: ignore[attr-defined]
        if hasattr(self, "store"):
            self.store.close()
