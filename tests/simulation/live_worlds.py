"""Live sessions in seeded worlds: all that `trader live` runs, at the simulated venue, while much goes wrong.

A session is made by `go_live`: its certificate is verified and watched, its adapter speaks HTTP and WebSocket
over real sockets of this machine, and its database is a file. Only time is virtual: it goes on when nothing
is to be read from any socket, so all deadlines, waits and budgets are those of the product, and a quarter of
an hour takes a second.
"""

from __future__ import annotations

import asyncio
import random
import shutil
from contextlib import suppress
from decimal import Decimal
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np

from brokers.alpaca.translating import own_id
from engine.errors import NegativeAnswer
from engine.ports import Clock, Environment
from runtime.promotion.document import Document, body_bytes
from runtime.promotion.fingerprint import fingerprint_of
from runtime.promotion.keys import Keys
from runtime.promotion.signing import APPROVER, GATE
from runtime.promotion.store import PromotionStore
from runtime.session.kill_switch import Halt, KillSwitch, Release
from runtime.session.live_proof import OUR_NAMES
from sims.venues.alpaca import AlpacaVenue, VenueSettings
from sims.venues.alpaca.faults import parse_faults
from sims.virtual_time import VirtualClock
from tests.simulation.auditor import Violation
from tests.simulation.databases import folder_of_worlds
from tests.simulation.live_auditor import LiveAuditor
from tests.simulation.live_plans import NOTICED, LivePlan, live_plan_of
from tests.simulation.live_processes import LiveLife
from tests.simulation.live_truth import Truth, Wire
from tests.simulation.plans import EPOCH_NS
from tests.simulation.processes import Dead
from tests.simulation.seeded_world import SeededWorld, run_world, tagged
from tests.unit.promotion.certificates import body_of

STEP_SECONDS = 0.25  # of the venue's time
CASH_MOVES = 0.002  # how often in a step the venue moves cash beside fills: some times in a quarter of an hour
CASH_KINDS = (
    ("FEE", -3), ("INT", -5), ("INT", 5), ("CSD", 900), ("CSW", -900), ("DIV", 9), ("MISC", -4), ("MISC", 4),
)  # fmt: skip
REFUSALS = (
    "live.unreachable", "live.halted", "live.blocked", "live.foreign_orders", "live.unknown_orders",
)  # fmt: skip
AGAIN_SECONDS = 15.0  # until a process that ended is begun again


class LiveWorld(SeededWorld):
    """A session that trades at the simulated venue, by all that is between."""

    plan: LivePlan
    life: LiveLife | None

    def __init__(self, plan: LivePlan, folder: Path, *, keeps_story: bool = False) -> None:
        super().__init__(plan, folder, EPOCH_NS, keeps_story=keeps_story)
        self.cash_moves = random.Random(plan.seed * 7 + 2)
        self.clock, self.their_clock = VirtualClock(EPOCH_NS), VirtualClock(EPOCH_NS)
        self.is_database_out = self.is_lapsing = False
        self.is_refused = False  # a process was, as the certificate has ended
        self.switch = KillSwitch(self.folder / "HALT")
        self.settings = VenueSettings(requests_per_minute=plan.budget, coin_fee_bps=Decimal(25))
        self.venue = AlpacaVenue(
            plan.ground.market.instruments,
            clock=self.their_clock,
            start_ns=EPOCH_NS,
            events=np.concatenate([each.events for each in plan.slices]),
            settings=self.settings,
            remember=self._arrived,
        )
        names: dict[str, int] = {}
        self.truth = Truth(self.venue, names.get)
        self.auditor = LiveAuditor(self.truth, plan, names)
        self.wire = Wire(self.venue, lambda: self.seconds, self.fail)

    # --- running -----------------------------------------------------------------------------------------
    async def run(self) -> None:
        """Run to the end; raise what is wrong."""
        loop = asyncio.get_running_loop()
        loop.set_task_factory(tagged)
        loop.set_exception_handler(lambda loop, context: self._broke(context))
        self._issue()
        async with self.venue:
            tasks = [asyncio.create_task(each) for each in (self._market(), self._happenings())]
            self._begin()
            try:
                ended = asyncio.create_task(self._ended.wait())
                await asyncio.wait((ended,), timeout=self.plan.ends)
                ended.cancel()
                for each in tasks:
                    if each.done() and not each.cancelled() and each.exception():
                        raise each.exception()  # type: ignore[misc]
                if self.problem is None:
                    await self._at_end()
                if self.problem is not None:
                    raise self.problem
            finally:
                for each in tasks:
                    each.cancel()
                if self.life is not None and not self.life.is_over:
                    self.life.end()
                await asyncio.sleep(1)  # what was cancelled ends

    def _broke(self, context: dict[str, Any]) -> None:
        """A callback has raised, which nobody waits for."""
        error = context.get("exception")
        if "handle" in context and error is not None and not isinstance(error, Dead):
            self.fail(error)

    async def _market(self) -> None:
        while True:
            await asyncio.sleep(STEP_SECONDS)
            self.venue.advance_to(self.market_ns)
            if self.cash_moves.random() < CASH_MOVES and self.seconds < self.plan.faults_end:
                kind, most = self.cash_moves.choice(CASH_KINDS)
                self.venue.move_cash(
                    kind, str(self.cash_moves.randint(1, abs(most)) * (1 if most > 0 else -1))
                )

    async def _happenings(self) -> None:
        plan = self.plan
        todo: list[tuple[float, Any]] = [
            *((s, lambda line=line: self._goes_wrong(line)) for s, line in plan.faults),
            *((s, lambda by=by: self._step_clock(by)) for s, by in plan.clock_steps),
            *((s, lambda verb=verb: self._wish(verb)) for s, verb in plan.wishes),
            (plan.revoked, self._revoke),
            (plan.faults_end, self._faults_end),
        ]
        for at_s, what in sorted(todo, key=lambda each: each[0]):
            if at_s < plan.ends:
                await asyncio.sleep(max(at_s - self.seconds, 0))
                what()

    def _goes_wrong(self, line: str) -> None:
        self.note(f"from now on: {line}")
        for fault in parse_faults(line):
            self.venue.disturbances.add(fault)

    def _faults_end(self) -> None:
        self.note("the faults end")
        self.venue.disturbances.clear()

    def _step_clock(self, by_ns: int) -> None:
        self.note(f"our clock steps by {by_ns / 1e9:g} s")
        self.clock.step(by_ns)

    def _wish(self, verb: str) -> None:
        self.note(f"somebody asks: {verb}")
        if verb.startswith("halt"):
            self.switch.set(Halt("ann", "simulated", 0, flatten=verb == "halt_flatten"))
        elif verb == "release":
            self.switch.release(Release("ann", "simulated", 0))
        elif self.life is not None and not self.life.is_over and self.session_id:
            self.life.store.controls.ask(self.session_id, verb, who="ann", why="simulated")

    # --- the certificate -----------------------------------------------------------------------------------
    def _issue(self) -> None:
        config, market = self.plan.ground.config, self.plan.ground.market
        runs = fingerprint_of(
            config,
            venue="alpaca",
            environment=Environment.REHEARSAL.value,
            account=self.settings.account_number,
            instruments=market.instruments,
            timeframe=market.timeframe,
        )
        keys = Keys(self.folder / "keys")
        gate, anna = keys.open("gate"), keys.open("anna")
        expires = min(self.plan.expires, 20 * 86_400.0)
        self.certificate_body = body = body_of(
            runs,
            issued_ns=EPOCH_NS - 60 * 10**9,
            approved_ns=EPOCH_NS - 60 * 10**9,
            expires_ns=EPOCH_NS + round(expires * 1e9),
            evidence_class="rehearsal",
            gate_key=gate.key,
            approver_key=anna.key,
            stage="PROBATION",
        )
        signed = {GATE: gate, APPROVER: anna}
        signatures = {what: who.sign(what, body_bytes(body)) for what, who in signed.items()}
        with self._promotions(VirtualClock(EPOCH_NS - 50 * 10**9)) as store:
            store.issue(Document(body, signatures))

    def _revoke(self) -> None:
        self.note("the certificate is taken back")
        with self._promotions(self.clock) as store:
            store.revoke(
                self.certificate_body, "simulated", "ann", Keys(self.folder / "keys").open("anna")
            )

    def _promotions(self, clock: Clock) -> PromotionStore:
        return PromotionStore.open(self.url, clock=clock)

    @property
    def certificate(self) -> str:
        """What a session must know to be wrong with its certificate; empty: nothing."""
        if self.clock.now_ns() >= self.certificate_body.expires_ns:
            return "the certificate has expired"
        if self.seconds > self.plan.revoked + NOTICED:
            return "the certificate was taken back"
        return ""

    @property
    def _has_ended(self) -> bool:
        return bool(self.certificate) or self.seconds >= self.plan.revoked

    # --- processes -----------------------------------------------------------------------------------------
    def _begin(self) -> None:
        """Start a process."""
        if self.problem is not None:
            return
        self.wire.begun()
        fate = self.next_fate()
        self.life = LiveLife(self, fate, self.lives)
        self.life.start()

    def over(self, life: Any) -> None:
        """A process has ended: the next one comes after a while."""
        if self.problem is None and self.seconds < self.plan.ends - 1:
            asyncio.get_running_loop().call_later(AGAIN_SECONDS, self._begin)

    def failed(self, life: Any, error: Exception) -> None:
        """A process has ended by an error: refusals to start while the venue is in trouble are as they should be."""
        self.note(f"the process ends: {type(error).__name__}: {error}")
        code = error.code if isinstance(error, NegativeAnswer) else ""
        if code.startswith("certificate.") and self._has_ended:
            self.is_refused = True
            return
        if code not in REFUSALS:
            self.fail_by(error)

    # --- the end -------------------------------------------------------------------------------------------
    async def _at_end(self) -> None:
        life = self.life
        if self.is_refused:
            return  # a process that has ended is not begun again without a certificate
        if life is None or life.is_over or life.session is None:
            raise Violation("I12: no session runs at the end")
        self.audit(lambda a: a.at_end(life))
        session = life.session
        session.stop("the end of the world")
        assert life.task is not None
        await asyncio.wait((life.task,), timeout=60)
        if not life.task.done():
            raise Violation("the session does not stop")
        self.audit(lambda a: a.afterwards(life))

    def _arrived(self, client_id: str) -> None:
        """The venue has taken an order of that name."""
        if self.life is not None and own_id(client_id).startswith(OUR_NAMES):
            with suppress(Violation):
                self.audit(lambda a: a.on_taken(own_id(client_id)))

    # --- what is so ----------------------------------------------------------------------------------------
    @property
    def url(self) -> str:
        return f"sqlite:///{self.folder / 'trader.db'}"


def run_live_seed(
    seed: int, *, keeps_story: bool = False, plan: LivePlan | None = None
) -> LiveWorld:
    """Run a seed; raise what it finds."""
    plan = plan or live_plan_of(seed)
    random.seed(seed)  # the session's waits
    with TemporaryDirectory(dir=folder_of_worlds()) as folder:
        shutil.copytree(plan.ground.folder, folder, dirs_exist_ok=True)
        return run_world(seed, lambda: LiveWorld(plan, Path(folder), keeps_story=keeps_story))
