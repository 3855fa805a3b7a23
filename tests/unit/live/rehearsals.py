"""Live sessions in tests: a workspace with keys, a certificate and a drill, and the simulated venue."""

from __future__ import annotations

import asyncio
import shutil
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass, field
from decimal import Decimal
from functools import cached_property
from pathlib import Path
from random import Random
from typing import Any

import numpy as np

from brokers.alpaca.client import Keys as AccountKeys
from brokers.alpaca.environments import rehearsal
from data.history import History
from engine.model import layout as at
from engine.model.instruments import Instrument, InstrumentKind
from engine.model.units import NS_PER_DAY
from engine.ports import (
    Clock,
    Environment,
    EvidenceClass,
    FeedItem,
    Notice,
    NoticeKind,
    Slice,
)
from runtime.backtest.clockwork import clockwork_of
from runtime.clocks import SystemClock
from runtime.config import StrategyConfig, load_strategy
from runtime.feeds.replay import _slices
from runtime.feeds.rows import replay_rows
from runtime.journal.sessions import SessionStore
from runtime.promotion.desk import Desk
from runtime.promotion.document import Document, body_bytes
from runtime.promotion.fingerprint import Fingerprint, fingerprint_of
from runtime.promotion.keys import Keys, Role
from runtime.promotion.signing import APPROVER, GATE
from runtime.promotion.store import PromotionStore
from runtime.session.drill import drill
from runtime.session.live import LivePlan
from runtime.session.session import Session
from runtime.session.states import SessionState
from runtime.session_core.assembling import market_of
from runtime.venues.accounts import AlpacaAccount
from sims.venues.alpaca import AlpacaVenue, VenueSettings
from tests.simulation.plans import LOOP, RULES
from tests.unit.promotion.certificates import body_of

MINUTE = 60 * 10**9
START_NS = 19_000 * 86_400 * 10**9
SHARE = Instrument("AAPL", InstrumentKind.EQUITY)  # trades around the clock: no calendar in the way
WALKING = '[execution]\norder_type = "limit"\ntimeout = "70s"\non_timeout = "walk"\n'
STRATEGY = (RULES + LOOP).replace("quantity = 10", "quantity = 40") + WALKING
BREATH = 0.01
SETTINGS = VenueSettings()
NUMBER = SETTINGS.account_number


def bars_of(seed: int, count: int) -> History:
    """Return a walk in minutes."""
    random, last = Random(seed), 10_000
    columns: list[list[float]] = [[], [], [], []]
    for _ in range(count):
        opened, last = last, max(last + round(random.gauss(0, 60)), 100)
        high = max(opened, last) + random.randint(0, 30)
        low = min(opened, last) - random.randint(0, 30)
        for column, ticks in zip(columns, (opened, high, low, last), strict=True):
            column.append(ticks / 100)
    return History.from_arrays(
        SHARE,
        ts_close_ns=START_NS + MINUTE * np.arange(1, count + 1, dtype=np.int64),
        open=np.array(columns[0]),
        high=np.array(columns[1]),
        low=np.array(columns[2]),
        close=np.array(columns[3]),
        volume=np.array([float(random.choice((6, 14, 30, 80))) for _ in range(count)]),
        source="walk",
    )


def prepare(folder: Path) -> None:
    """Make a workspace whose kill switch was rehearsed."""
    (folder / "trader.toml").write_text('[database]\nurl = "sqlite:///trader.db"\n')
    (folder / "strategies").mkdir()
    (folder / "strategies" / "simulated.toml").write_text(STRATEGY)
    keys = Keys(folder / "keys")
    keys.new(Role.GATE, "gate")
    keys.new(Role.APPROVER, "anna")
    store = SessionStore.open(f"sqlite:///{folder / 'trader.db'}")
    asyncio.run(drill(store))
    store.close()


class SharedMarket:
    """The venue's market as a feed: each bar meets the venue's orders first, then the session's eyes."""

    name, evidence = "shared market", EvidenceClass.REHEARSAL

    def __init__(self, venue: AlpacaVenue, slices: Sequence[Slice]) -> None:
        self._venue, self._slices = venue, slices
        self.session: Session | None = None
        self.pauses: dict[int, asyncio.Event] = {}  # after so many bars it waits
        self.after_close: Callable[[], bool] = lambda: True  # what it waits for after a day's end

    @property
    def instruments(self) -> Sequence[Instrument]:
        return (SHARE,)

    async def items(self, after: int = 0) -> AsyncIterator[FeedItem]:
        session, venue = self.session, self._venue
        assert session is not None
        yield Notice(NoticeKind.CONNECTED, "here")
        await until(lambda: session.state is SessionState.RUNNING)
        for number, one in enumerate(self._slices):
            if one.cursor <= after:
                continue
            if one.events[0, at.EVENT_KIND] == at.KIND_ACCRUAL:
                yield one
                await until(self.after_close, 20)
                continue
            if number in self.pauses:
                await self.pauses[number].wait()
            await asyncio.sleep(BREATH)  # what follows from the bar before arrives before this one
            venue.advance_to(one.ts_ns)
            await asyncio.sleep(BREATH)
            yield one
        await until(lambda: is_settled(session, venue), 20)

    async def close(self) -> None:
        pass


def is_settled(session: Session, venue: AlpacaVenue) -> bool:
    """Whether both sides hold the same, and nothing of it is in doubt."""
    books = session.gateway.books
    theirs = int(venue.books.positions.get(SHARE.symbol, Decimal(0)))
    is_same = books.positions.get(0, 0) == theirs
    return is_same and len(books.live()) == len(venue.books.open_orders) and not books.doubtful()


async def until(condition: Any, seconds: float = 10.0) -> None:
    """Wait for something that another task brings about."""
    async with asyncio.timeout(seconds):
        while not condition():
            await asyncio.sleep(0.005)


@dataclass
class Rehearsal:
    """A workspace in a folder, and what is needed to trade from it."""

    folder: Path
    clock: Clock = field(default_factory=SystemClock)
    bars: int = 40
    seed: int = 1

    @property
    def url(self) -> str:
        return f"sqlite:///{self.folder / 'trader.db'}"

    @property
    def file(self) -> Path:
        return self.folder / "strategies" / "simulated.toml"

    @cached_property
    def history(self) -> History:
        return bars_of(self.seed, self.bars)

    @cached_property
    def slices(self) -> tuple[Slice, ...]:
        rows = replay_rows(self.history, trading=True, marks=False)
        return tuple(_slices(rows.blocks(0)))

    def config(self) -> StrategyConfig:
        return load_strategy(self.file)

    @contextmanager
    def desk(self) -> Iterator[Desk]:
        with PromotionStore.open(self.url, clock=self.clock) as store:
            yield Desk(Keys(self.folder / "keys"), store, self.clock)

    @contextmanager
    def store(self) -> Iterator[SessionStore]:
        store = SessionStore.open(self.url, clock=self.clock)
        try:
            yield store
        finally:
            store.close()

    def runs(
        self, environment: Environment = Environment.REHEARSAL, account: str = NUMBER
    ) -> Fingerprint:
        """Return what a session runs here."""
        return fingerprint_of(
            self.config(),
            venue="alpaca",
            environment=environment.value,
            account=account,
            symbols=(SHARE.symbol,),
        )

    def certificate(self, runs: Fingerprint | None = None, **fields: Any) -> Document:
        """Return a certificate of this workspace, not yet issued."""
        runs = runs or self.runs()
        keys = Keys(self.folder / "keys")
        gate, anna = keys.open("gate"), keys.open("anna")
        now = self.clock.now_ns()
        given: dict[str, Any] = {
            "issued_ns": now,
            "expires_ns": now + 30 * NS_PER_DAY,
            "approved_ns": now,
            "evidence_class": "rehearsal",
            "gate_key": gate.key,
            "approver_key": anna.key,
            "stage": "PROBATION",
        }
        body = body_of(runs, **(given | fields))
        signatures = {
            GATE: gate.sign(GATE, body_bytes(body)),
            APPROVER: anna.sign(APPROVER, body_bytes(body)),
        }
        return Document(body, signatures)

    def issue(self, runs: Fingerprint | None = None, **fields: Any) -> Document:
        """Issue a certificate."""
        document = self.certificate(runs, **fields)
        with self.desk() as desk:
            desk.store.issue(document)
        return document

    @asynccontextmanager
    async def venue(self, **keys: Any) -> AsyncIterator[AlpacaVenue]:
        """Give the venue, whose time is moved by hand."""
        venue = AlpacaVenue(
            [SHARE],
            clock=self.clock,
            start_ns=START_NS,
            events=np.concatenate([each.events for each in self.slices]),
            **keys,
        )
        async with venue:
            yield venue

    def door(self, venue: AlpacaVenue) -> AlpacaAccount:
        """Return the way to the venue's account."""
        keys = AccountKeys(venue.settings.key_id, venue.settings.secret_key)
        return AlpacaAccount(rehearsal(venue.url), Environment.REHEARSAL, keys)

    def plan(self, venue: AlpacaVenue, **keys: Any) -> LivePlan:
        """Return a plan to trade there."""
        market = market_of(self.history, clockwork_of(self.history, days_after=8))
        given: dict[str, Any] = {"door": self.door(venue), "feed": SharedMarket(venue, self.slices)}
        return LivePlan(self.config(), market=market, **(given | keys))


def copied(template: Path, folder: Path) -> Rehearsal:
    """Return a rehearsal in a copy of a prepared workspace."""
    shutil.copytree(template, folder, dirs_exist_ok=True)
    return Rehearsal(folder)
