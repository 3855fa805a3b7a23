"""`Bookkeeping`: what a session does for its journal beside its inputs, again and again.

checkpoint    its state is stored, so that a restart has less to play
renew         it keeps the account, and brings back what an emergency file has
heed          the engine's breaker is told what troubles the journal
read_clocks   for whoever judges the session later
compare       books and broker are held against each other
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from hashlib import blake2b
from typing import Any

from engine.errors import InputError, TraderError
from engine.model import layout as at
from engine.ports import EvidenceClass, SimulatedBroker, TellsTime
from runtime.journal.failures import LeaseLost, Trouble, TroubleKind
from runtime.journal.journal import JournalState
from runtime.journal.records import Checkpointed, ClockRead, OperatorInput, Reconciled
from runtime.session.condition import Condition
from runtime.session.intake import Intake, to_bytes
from runtime.session.machine import Machine
from runtime.session.parts import Parts
from runtime.session.periodic import every
from runtime.session.reconciling import differences
from runtime.session.recovery import image_of
from runtime.session.venue import VenueSide
from runtime.session.wishes import PART, part_rows


class Bookkeeping:
    """See the module.

    Parameters
    ----------
    market
        The broker, where its market is the feed.
    venue
        The side of a broker that has a market of its own.
    """

    def __init__(
        self,
        parts: Parts,
        condition: Condition,
        intake: Intake,
        lock: asyncio.Lock,
        market: SimulatedBroker | None,
        venue: VenueSide | None,
    ) -> None:
        self._parts, self._condition, self._intake = parts, condition, intake
        self._lock, self._market, self._venue = lock, market, venue
        self._core, self._journal = parts.core, parts.journal
        self._clocked = parts.feed if isinstance(parts.feed, TellsTime) else None
        is_of_the_world = parts.feed.evidence is EvidenceClass.REAL
        self._machine = Machine(condition, has_venue_time=is_of_the_world)
        self._problem = ""  # with the strategy's state, as told last
        self._troubles: asyncio.Queue[Trouble] = asyncio.Queue()
        parts.journal.on_trouble = self._troubles.put_nowait

    def tasks(self, tell: Callable[[str, str], None]) -> list[Coroutine[Any, Any, None]]:
        """Return what runs as long as the session; `tell` hears of a database that is away."""
        clock, options = self._parts.clock, self._parts.options
        return [
            every(clock, options.checkpoint_seconds, self.checkpoint, tell, self._phase()),
            every(clock, options.lease_seconds, self._renew, tell),
            every(clock, options.clock_seconds, self.read_clocks, tell),
            every(clock, options.lease_seconds, self._look_at_memory, tell),
            self._heed(),
        ]

    def _phase(self) -> float:
        """Return when it stores its state between two of its times: not all sessions at once."""
        return blake2b(self._parts.account.encode(), digest_size=1).digest()[0] / 256

    async def checkpoint(self) -> None:
        """Store the state, so that a restart has less to play."""
        if not self._core.has_snapshots:
            return
        async with self._lock:
            if problem := self._core.why_no_snapshot():
                self._tell_once(f"{problem}; a restart plays the whole journal")
                return
            inbox = None if self._venue is None else self._venue.inbox
            standing, state = self._condition.standing, self._condition.state.value
            image = image_of(self._core, self._market, self._parts.books, standing, state, inbox)
            cursor = self._intake.cursor
            sequence = self._journal.append(Checkpointed(self._core.state_hash, cursor))
        await self._journal.durable(sequence)
        if self._journal.state is not JournalState.OPEN:
            return  # an emergency file has the record: the database would have a hole before it
        await self._parts.keeper.checkpoint(sequence, cursor, image)
        await self._journal.anchor("checkpoint")

    def _tell_once(self, problem: str) -> None:
        if problem != self._problem:
            self._problem = problem
            self._condition.note("strategy", "warning", "checkpoint", problem)

    async def checkpoint_at_end(self) -> None:
        """Store the state once more, where the database lets it be stored."""
        try:
            await self.checkpoint()
        except LeaseLost:
            raise
        except InputError as error:  # the emergency file has what follows
            self._condition.note("database", "warning", "checkpoint", error.problem)

    async def _renew(self) -> None:
        if self._journal.state is JournalState.EMERGENCY:
            await self._journal.merge()
            self._condition.note("journal", "info", "journal", "the database has everything again")
            return
        await self._journal.renew()

    async def _heed(self) -> None:
        """Tell the engine's breaker of the database's errors; end where nothing can be written."""
        while True:
            trouble = await self._troubles.get()
            if trouble.halts:
                raise cannot_go_on(trouble)
            async with self._lock:
                self._condition.note("journal", "critical", trouble.kind.value, trouble.problem)
                rows = part_rows(at.KIND_DATABASE_ERROR, self._core.now_ns)
                one = OperatorInput(self._core.now_ns, to_bytes(rows), PART, "journal")
                await self._intake.take(one)
                self._condition.follow()

    async def read_clocks(self) -> None:
        """Note what the clocks say, and whether they agree."""
        clock, clocked = self._parts.clock, self._clocked
        venue_ns = None if clocked is None else clocked.venue_now_ns()
        read = ClockRead(clock.now_ns(), clock.monotonic_ns(), venue_ns)
        self._journal.append(read)
        self._machine.clocks(read)

    async def _look_at_memory(self) -> None:
        self._machine.memory(self._parts.memory())

    async def compare(self) -> None:
        """Hold books and broker against each other, after a session of the market."""
        await self.read_clocks()
        if self._venue is not None:
            self._venue.read_soon()
            return
        found = await differences(self._core, self._parts.broker)
        self._journal.append(Reconciled(self._core.now_ns, tuple(found)))
        if found:
            self._condition.note("reconcile", "critical", "broker", "; ".join(found))
            cause = f"the broker and the journal differ: {found[0]}"
            self._condition.hold("reconcile", cause)
        else:
            self._condition.free("reconcile", "the broker and the journal agree again")


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
