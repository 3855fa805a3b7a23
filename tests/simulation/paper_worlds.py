"""Paper sessions with a workspace's limits so small that much is refused, killed again and again.

A session that is killed and gone on with decides what the one decides that nobody kills, row by row, and
the paper market fills the same. A seed draws market, strategy, limits and deaths. In some worlds the disk is
so slow that what waited for it is refused at the last moment; of what a death cuts off there nobody knows
whether it had left, so there journal, engine, books and market are held against each other alone.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from random import Random
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
from msgspec import Struct

from engine.errors import TraderError
from engine.model import layout as at
from engine.model.instruments import Instrument
from engine.ports import EvidenceClass, FeedItem, Rows, Slice, TimePassed
from runtime.config import StrategyConfig
from runtime.config.loading import parse_strategy
from runtime.gateway.checks import Limits
from runtime.gateway.refusals import Refusal
from runtime.journal.journal import SessionJournal
from runtime.journal.records import Intents, Taken
from runtime.journal.sessions import SessionStore
from runtime.session.intake import to_rows
from runtime.session.parts import Options
from runtime.session.replaying import replay
from runtime.session.session import Session
from runtime.session.starting import PaperPlan, start_paper, unfinished
from runtime.session.states import SessionState
from runtime.session_core.assembling import Market
from runtime.session_core.playing import at_once
from sims.virtual_time import VirtualClock, run_virtual
from tests.simulation.auditor import Violation
from tests.simulation.crashing import Dead, Fate, living_with
from tests.simulation.databases import (
    folder_of_worlds,
    fresh_memory,
    open_memory,
)
from tests.simulation.plans import STRATEGIES, ground_of, priced

OPTIONS = Options(checkpoint_seconds=20.0, control_seconds=5.0)
UNIT = 10**8  # minor units of a dollar
HOUR_NS = 3_600 * 10**9
LIVES = 12  # most of them by their deaths


@dataclass(frozen=True)
class PaperWorld:
    """One seed's world."""

    seed: int
    config: StrategyConfig
    slices: tuple[Slice, ...]
    limits: Limits
    deaths: tuple[tuple[int, bool], ...]  # at which effect of each process, and whether after it
    market: Market
    slow: int  # one sending in so many waits long for the disk; 0: none


def paper_world(seed: int) -> PaperWorld:
    """Return the world of a seed."""
    rng = Random(seed)
    strategy, instruments = rng.randrange(len(STRATEGIES)), rng.choice((1, 2, 3))
    ground = ground_of(strategy, 240, instruments, step=30)
    value = 1_000 * UNIT  # of an order at the first price
    limits = Limits(
        orders_per_minute=rng.choice((0, 1, 2, 3, 5)),
        order_lots=rng.choice((0, 0, 0, 9, 10)),
        order_value_minor=rng.choice((0, round(value * rng.uniform(0.98, 1.02)))),
        position_value_minor=rng.choice((0, round(value * rng.uniform(0.98, 1.02)))),
    )
    deaths = tuple((rng.randint(1, 40), rng.random() < 0.5) for _ in range(rng.randint(1, LIVES)))
    slices = priced(ground, rng)
    slow = rng.choice((0, 0, 2, 3))
    return PaperWorld(seed, _configured(strategy), slices, limits, deaths, ground.market, slow)


@cache
def _configured(strategy: int) -> StrategyConfig:
    """Return a strategy that has a file, as a journal keeps its text."""
    path = folder_of_worlds() / f"simulated{strategy}.toml"
    path.write_text(STRATEGIES[strategy])
    return parse_strategy(STRATEGIES[strategy], path)


class PaperFeed:
    """The slices of a world, and before each that time passes."""

    name, evidence = "simulated", EvidenceClass.REHEARSAL

    def __init__(self, world: PaperWorld, clock: VirtualClock) -> None:
        self._world, self._clock = world, clock

    @property
    def instruments(self) -> Sequence[Instrument]:
        return self._world.market.instruments

    async def items(self, after: int = 0) -> AsyncIterator[FeedItem]:
        for one in self._world.slices[after:]:
            await self._clock.sleep(2.0)
            yield TimePassed(one.ts_ns - 10**9)
            yield one

    async def close(self) -> None:
        pass


@dataclass(frozen=True)
class Lived:
    """What has become of a world."""

    decided: Rows
    state: str
    books: tuple[Any, ...]  # positions, what works, what left in the last minute
    sent: Counter[str]  # client ids of new orders
    refusals: Counter[Refusal]
    lives: int


def live(world: PaperWorld, folder: Path, deaths: Sequence[tuple[int, bool]]) -> Lived:
    """Run a world's session to its end, through some deaths."""
    memory, begun = fresh_memory(folder), list[Session]()
    for number, after in (*deaths, (0, False)):
        fate, clock = Fate(number, after=after), VirtualClock((len(begun) + 1) * HOUR_NS)
        store = open_memory(memory, clock)
        try:
            with living_with(fate):
                run_virtual(_whole(world, store, clock, begun))
        except (Dead, TraderError, AssertionError, RuntimeError):
            if not fate.is_dead:
                raise
        if begun and store.list()[0].state is SessionState.STOPPED:
            break
    return _lived(begun[-1], store, len(begun))


async def _whole(
    world: PaperWorld, store: SessionStore, clock: VirtualClock, begun: list[Session]
) -> None:
    feed = PaperFeed(world, clock)
    plan = PaperPlan(
        world.config, feed, world.market, "paper", limits=world.limits, options=OPTIONS
    )
    session = start_paper(store, plan, unfinished(store, plan))
    begun.append(session)
    _slow_down(session.parts.journal, world.slow, clock)
    await session.run()


def _slow_down(journal: SessionJournal, slow: int, clock: VirtualClock) -> None:
    """Have some intents wait for the disk longer than a decision is good for."""
    durable, append, waits = journal.durable, journal.append, [0.0]

    def appended(record: Struct) -> int:
        if isinstance(record, Intents):
            waits[0] = 3.0 if slow and record.intents[0].order_id % slow == 0 else 0.0
        return append(record)

    async def written(sequence: int) -> None:
        wait, waits[0] = waits[0], 0.0
        await durable(sequence)
        await clock.sleep(wait)

    journal.append, journal.durable = appended, written  # type: ignore[method-assign]


def _lived(session: Session, store: SessionStore, lives: int) -> Lived:
    entries = list(store.entries(session.parts.journal.session_id))
    if len(store.list()) > 1:
        raise Violation(f"a session was not gone on with: {store.list()[1].state}")
    state = replay(entries).state
    if state != session.parts.core.state_hash:
        raise Violation("I8: the journal leads to another state")
    _require_agreement(session)
    decided, sent, refusals = [], Counter[str](), Counter[Refusal]()
    for record in (each.record for each in entries):
        match record:
            case Intents():
                decided.append(record.decided)
                sent.update(i.client_id for i in record.intents if i.kind == at.KIND_SUBMITTED)
            case Taken():
                decided.append(record.decided)
                for answer in record.answers.values():
                    reasons = to_rows(answer)[:, at.FACT_REASON].tolist()
                    refusals.update(Refusal(each) for each in reasons if each >= min(Refusal))
            case _:
                pass
    books = session.gateway.books
    told = [(e.order_id, e.sent, e.quantity_lots, e.filled_lots) for e in books.live()]
    rest = (books.positions, told, books.sent_last_minute(session.parts.core.now_ns))
    return Lived(to_rows(b"".join(decided)), state, rest, sent, refusals, lives)


def _require_agreement(session: Session) -> None:
    """Engine, gateway and market hold the same."""
    parts = session.parts
    engine = {each.instrument: each.lots for each in parts.core.positions()}
    market = {each.instrument: each.lots for each in at_once(parts.broker.positions())}
    books = {i: lots for i, lots in parts.books.positions.items() if lots}
    if not engine == market == books:
        raise Violation(f"I7: the engine holds {engine}, the market {market}, the books {books}")
    works = {each.order_id for each in at_once(parts.broker.open_orders())}
    known = {each.order_id for each in parts.books.live()}
    if works != known:
        raise Violation(f"I3: orders {works} work, the books know of {known}")


def run_paper_seed(seed: int) -> Lived:
    """Run a seed; raise what it finds."""
    world = paper_world(seed)
    try:
        with TemporaryDirectory(dir=folder_of_worlds()) as folder:
            whole = live(world, Path(folder), ())
        with TemporaryDirectory(dir=folder_of_worlds()) as folder:
            killed = live(world, Path(folder), world.deaths)
    except BaseException as error:
        error.add_note(f"paper seed {seed}")
        raise
    twice = [name for name, count in killed.sent.items() if count > 1]
    if twice:
        raise Violation(f"I1: paper seed {seed}: {twice[0]} was intended twice")
    if world.slow:
        return killed
    if not np.array_equal(whole.decided, killed.decided):
        raise Violation(f"I8: paper seed {seed}: a death has changed what is decided")
    if whole.state != killed.state:
        raise Violation(f"I8: paper seed {seed}: a death has changed the state")
    if whole.books != killed.books:
        raise Violation(f"I8: paper seed {seed}: {whole.books} became {killed.books} by a death")
    return killed
