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
from typing import Any

import numpy as np

from brokers.alpaca.client import Keys as AccountKeys
from brokers.alpaca.environments import rehearsal
from data.history import History
from engine.model import layout as at
from engine.model.instruments import Instrument
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
from runtime.gateway.ledger import Sent
from runtime.gateway.refusals import Refused
from runtime.journal.sessions import SessionStore
from runtime.promotion.desk import Desk
from runtime.promotion.document import Document, body_bytes
from runtime.promotion.fingerprint import Fingerprint, fingerprint_of
from runtime.promotion.keys import Keys, Role
from runtime.promotion.signing import APPROVER, GATE
from runtime.promotion.store import PromotionStore
from runtime.session.live import go_live
from runtime.session.live_plan import LivePlan
from runtime.session.session import Session
from runtime.session.states import SessionState
from runtime.session_core.assembling import market_of
from runtime.venues.accounts import AlpacaAccount
from sims.venues.alpaca import AlpacaVenue, VenueSettings
from tests.simulation.drills import rehearse
from tests.simulation.plans import LOOP, RULES
from tests.unit.promotion.certificates import body_of
from tests.venues.walks import BREATH, SHARE, START_NS, WALKING, bars_of

STRATEGY = (RULES + LOOP).replace("quantity = 10", "quantity = 40") + WALKING
MINUTES = """
[strategy]
name = "{name}"
[data]
dataset = "world:minute_bars"
end = "2024-01-03"
[data.world]
seed = 6
instruments = 1
length = {length}
start_ns = 1_704_153_600_000_000_000
volatility_per_year = 0.6
[rules]
entry = "close > {level}"
exit = "close < {level}"
"""
SETTINGS = VenueSettings()
NUMBER = SETTINGS.account_number


def prepare(folder: Path) -> None:
    """Make a workspace whose kill switch was rehearsed."""
    (folder / "trader.toml").write_text('[database]\nurl = "sqlite:///trader.db"\n')
    (folder / "strategies").mkdir()
    (folder / "strategies" / "simulated.toml").write_text(STRATEGY)
    keys = Keys(folder / "keys")
    keys.new(Role.GATE, "gate")
    keys.new(Role.APPROVER, "anna")
    rehearse(folder, SystemClock().now_ns())


def minute_strategy(name: str, level: str, *, length: int) -> str:
    """Return a strategy of so many bars of one minute, which is long above a level."""
    return MINUTES.format(name=name, level=level, length=length) + LOOP


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
        return [each.instrument for each in self._venue.exchange.assets]

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
    share = venue.exchange.assets[0].instrument
    theirs = share.quantity_to_lots(venue.books.positions.get(share.symbol, Decimal(0)))
    is_same = books.positions.get(0, 0) == theirs
    left = [each for each in books.live() if each.sent is not Sent.HELD]
    return is_same and len(left) == len(venue.books.open_orders) and not books.doubtful()


async def until(condition: Any, seconds: float = 10.0) -> None:
    """Wait for something that another task brings about."""
    async with asyncio.timeout(seconds):
        while not condition():
            await asyncio.sleep(0.005)


@dataclass(frozen=True)
class Traded:
    """What became of a session that ran to its end; `refused`: by the gateway, in order."""

    venue: AlpacaVenue
    session: Session
    refused: Sequence[Refused]


@dataclass
class Rehearsal:
    """A workspace in a folder, and what is needed to trade from it."""

    folder: Path
    clock: Clock = field(default_factory=SystemClock)
    bars: int = 40
    seed: int = 1
    share: Instrument = SHARE

    @property
    def url(self) -> str:
        return f"sqlite:///{self.folder / 'trader.db'}"

    @property
    def file(self) -> Path:
        return self.folder / "strategies" / "simulated.toml"

    @cached_property
    def history(self) -> History:
        return bars_of(self.seed, self.bars, self.share)

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
            instruments=(self.share,),
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
        """Issue the next certificate."""
        with self.desk() as desk:
            body = self.certificate(runs, **fields).body
            serial = desk.store.next_serial(body.account, body.family)
            document = self.certificate(runs, **({"serial": serial} | fields))
            assert desk.store.issue(document)
        return document

    @asynccontextmanager
    async def venue(self, **keys: Any) -> AsyncIterator[AlpacaVenue]:
        """Give the venue, whose time is moved by hand."""
        venue = AlpacaVenue(
            [self.share],
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

    def trade(self, **keys: Any) -> Traded:
        """Trade all of the market live at a venue of these settings; return what became of it."""
        refused: list[Refused] = []

        async def story() -> Traded:
            with self.desk() as desk, self.store() as store:
                async with self.venue(**keys) as venue:
                    plan = self.plan(venue)
                    plan.observers.refused = lambda command, why: refused.append(why)
                    session = await go_live(store, plan, desk)
                    plan.feed.session = session  # type: ignore[attr-defined]
                    await session.run()
                    return Traded(venue, session, refused)

        return asyncio.run(story())


def copied(template: Path, folder: Path) -> Rehearsal:
    """Return a rehearsal in a copy of a prepared workspace."""
    shutil.copytree(template, folder, dirs_exist_ok=True)
    return Rehearsal(folder)
