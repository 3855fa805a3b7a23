"""A session that trades through our adapter at the simulated venue, bar by bar, in real time."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from decimal import Decimal
from pathlib import Path
from typing import Any

import numpy as np

from brokers.alpaca.broker import AlpacaBroker, Settings
from brokers.alpaca.client import Deadlines, Keys
from brokers.alpaca.environments import rehearsal
from brokers.alpaca.translating import own_id
from engine.model import layout as at
from engine.model.instruments import Instrument
from engine.model.trading import ExecutionMode
from engine.model.units import from_minor
from engine.ports import EvidenceClass, FeedItem, Notice, NoticeKind, Slice
from runtime.approvals import use_mode
from runtime.backtest.clockwork import clockwork_of
from runtime.clocks import SystemClock
from runtime.config.loading import parse_strategy
from runtime.feeds.replay import _slices
from runtime.feeds.rows import replay_rows
from runtime.gateway.inbox import Inbox
from runtime.gateway.ledger import OrderLedger
from runtime.journal.leases import Lease
from runtime.journal.records import Opened
from runtime.journal.sessions import NewSession, SessionStore
from runtime.session.kill_switch import KillSwitch
from runtime.session.parts import Asked, Keeper, Parts
from runtime.session.session import Session
from runtime.session.states import SessionState
from runtime.session_core.assembling import market_of, new_session_core, setup_of_session
from sims.venues.alpaca import AlpacaVenue
from sims.venues.alpaca.faults import parse_faults
from tests.simulation.plans import LOOP, RULES
from tests.venues.alpaca.adapters import PACE
from tests.venues.alpaca.markets import until
from tests.venues.walks import BREATH, SHARE, START_NS, WALKING, bars_of

PATIENCE = 1.0  # seconds
STRATEGY = RULES + LOOP + WALKING


class SharedMarket:
    """The venue's market as a feed: each bar meets the venue's orders first, then the session's eyes."""

    name, evidence = "shared market", EvidenceClass.REHEARSAL

    def __init__(self, desk: Desk) -> None:
        self._desk = desk

    @property
    def instruments(self) -> Sequence[Instrument]:
        return (SHARE,)

    async def items(self, after: int = 0) -> AsyncIterator[FeedItem]:
        desk = self._desk
        yield Notice(NoticeKind.CONNECTED, "here")
        await until(lambda: desk.session.state is SessionState.RUNNING)
        for one in desk.slices:
            await self._wait_for_session()
            await asyncio.sleep(BREATH)  # what follows from the bar before arrives before this one
            desk.venue.advance_to(one.ts_ns)
            await asyncio.sleep(BREATH)
            yield one
        await until(desk.is_settled, 30)

    async def _wait_for_session(self) -> None:
        """Give the session a moment to read the account: a bar of a minute would."""
        with suppress(TimeoutError):
            await until(lambda: self._desk.session.state is SessionState.RUNNING, PATIENCE)

    async def close(self) -> None:
        pass


@dataclass
class Desk:
    """A session, its venue, and what both have at the end."""

    folder: Path
    faults: Sequence[str] = ()
    seed: int = 1
    bars: int = 60
    deadlines: Deadlines = PACE
    slices: tuple[Slice, ...] = ()
    noted: list[str] = field(default_factory=list)

    async def run(self) -> None:
        """Trade until the bars end and both sides are quiet."""
        clock = SystemClock()
        config = parse_strategy(STRATEGY, Path("rehearsed.toml"))
        history = bars_of(self.seed, self.bars)
        market = market_of(history, clockwork_of(history, days_after=8))
        rows = replay_rows(history, trading=True, marks=False)
        self.slices = tuple(_slices(rows.blocks(0)))
        self.venue = AlpacaVenue(
            [SHARE],
            clock=clock,
            start_ns=START_NS,
            events=np.concatenate([each.events for each in self.slices]),
            faults=parse_faults("\n".join(self.faults)),
        )
        setup = setup_of_session(config, market)
        self.core = new_session_core(config, market, setup)
        use_mode(self.core.plain, ExecutionMode.AUTO)
        self.cash_before = self.cash
        store = SessionStore.open(f"sqlite:///{self.folder / 'trader.db'}")
        try:
            async with self.venue, asyncio.timeout(60):
                self.session = self._session(store, clock, config.fingerprint)
                await self.session.run()
        finally:
            store.close()

    def _session(self, store: SessionStore, clock: SystemClock, fingerprint: str) -> Session:
        known = self.venue.settings
        account = known.account_number
        self.broker = AlpacaBroker(
            rehearsal(self.venue.url),
            Keys(known.key_id, known.secret_key),
            (SHARE,),
            clock,
            Settings(deadlines=self.deadlines),
        )
        session_id = store.begin_session(NewSession("rehearsed", account, mode="auto"))
        lease = store.leases.acquire(account, session_id)
        assert isinstance(lease, Lease)
        journal = store.journal(session_id, lease)
        journal.append(
            Opened("rehearsed", fingerprint, STRATEGY, {}, {}, "", account, self.broker.name, "shared",
                   "rehearsal", "auto", (SHARE.symbol,), {})
        )  # fmt: skip
        self.books = OrderLedger()
        parts = Parts(
            self.core,
            SharedMarket(self),
            self.broker,
            journal,
            Keeper(_no_checkpoint, _no_wishes, _no_answer),
            self.books,
            clock,
            account,
            fingerprint,
            KillSwitch(self.folder / "HALT"),
            inbox=Inbox(self.books),
            certificate=lambda: "",
        )
        parts.observers.noted = lambda noted: self.noted.append(f"{noted.kind}: {noted.text}")
        return Session(parts)

    @property
    def cash(self) -> Decimal:
        """What the engine says to have in cash."""
        ledger: Any = self.core.plain.ledger
        return from_minor(int(ledger[0, at.LEDGER_CASH]))

    @property
    def lots(self) -> int:
        """What the engine says to hold."""
        return int(self.core.plain.positions[0, at.POSITION_QUANTITY])

    @property
    def their_lots(self) -> int:
        """What the venue says is held."""
        return int(self.venue.books.positions.get(SHARE.symbol, Decimal(0)))

    def is_settled(self) -> bool:
        """Whether both sides hold the same, and nothing of it is in doubt."""
        ours = {each.client_id for each in self.books.live()}
        theirs = {own_id(each.client_id) for each in self.venue.books.open_orders}
        is_same = self.lots == self.books.positions.get(0, 0) == self.their_lots
        return is_same and ours == theirs and not self.books.doubtful()


async def _no_checkpoint(sequence: int, cursor: int, blob: bytes) -> None:
    """Nothing is gone on with."""


async def _no_wishes(is_killed: bool) -> list[Asked]:
    await asyncio.sleep(0.5)
    return []


async def _no_answer(asked: Asked, text: str) -> None:
    """Nobody has asked."""
