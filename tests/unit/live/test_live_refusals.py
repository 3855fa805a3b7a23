"""Of several things that speak against trading live the first in the order is told.

Each of them, with its message and its exit code, is in tests/scenarios/test_refusals.py.
"""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

import pytest

from brokers.alpaca.broker import AlpacaBroker, Settings
from engine.errors import TraderError
from engine.model.instruments import Instrument
from engine.ports import AccountFacts, Clock, Environment
from runtime.journal.leases import Lease
from runtime.session.kill_switch import Halt, KillSwitch
from runtime.session.live import go_live
from runtime.session.live_plan import LivePlan
from runtime.session.live_proof import Door, VenueBroker
from runtime.venues.accounts import AlpacaAccount
from sims.venues.alpaca import AlpacaVenue
from sims.venues.alpaca.desk import Desk
from sims.venues.alpaca.tickets import Ticket
from tests.unit.live.rehearsals import Rehearsal


@dataclass
class LiveDoor:
    """What cannot exist here: an account whose venue says that it is live, behind the simulated one."""

    account: AlpacaAccount
    environment: Environment = Environment.LIVE
    says: Environment = Environment.LIVE
    venue: str = "alpaca"

    def broker(
        self, instruments: Sequence[Instrument], clock: Clock, *, begins_ns: int = 0
    ) -> VenueBroker:
        says = self.says

        class Broker(AlpacaBroker):
            async def connect(self) -> AccountFacts:
                self.environment = says
                return await super().connect()

        urls, keys = self.account.urls, self.account.keys
        return Broker(urls, keys, instruments, clock, Settings(begins_ns=begins_ns))


@dataclass
class Case:
    """What is done before the start, and how the start is wanted."""

    here: Rehearsal
    plan: dict[str, Any] = field(default_factory=dict)
    venue: dict[str, Any] = field(default_factory=dict)
    with_venue: Callable[[AlpacaVenue], None] = lambda venue: None
    door: Callable[[AlpacaAccount], Door] = lambda account: account

    def refused(self) -> TraderError:
        """Start, and return what is said."""

        async def story() -> None:
            with self.here.desk() as desk, self.here.store() as store:
                async with self.here.venue(**self.venue) as venue:
                    self.with_venue(venue)
                    plan: LivePlan = self.here.plan(venue)
                    plan.door = self.door(self.here.door(venue))
                    for name, value in self.plan.items():
                        setattr(plan, name, value)
                    await go_live(store, plan, desk)

        with pytest.raises(TraderError) as caught:
            asyncio.run(story())
        return caught.value


def halted(case: Case) -> None:
    case.here.issue()
    KillSwitch(case.here.folder / "trader.sessions" / "HALT").set(Halt("ann", "a test", 1))


def revoked(case: Case) -> None:
    document = case.here.issue()
    with case.here.desk() as desk:
        signer = desk.keys.open("anna")
        desk.store.revoke(document.body, "the wrong market", "anna", signer)


def in_use(case: Case) -> None:
    document = case.here.issue()
    with case.here.store() as store:
        name = f"alpaca:{document.body.account[:16]}"
        held = store.leases.acquire(name, "20261122-another")
        assert isinstance(held, Lease)


def foreign_order(case: Case) -> None:
    case.here.issue()
    case.with_venue = lambda venue: order_by_hand(venue, "by-hand")


def no_drill(case: Case) -> None:
    case.here.issue()
    with sqlite3.connect(case.here.folder / "trader.db") as database:
        database.execute("delete from journal")


def order_by_hand(venue: AlpacaVenue, name: str) -> None:
    """A limit far away that somebody has sent before."""
    Desk(venue.exchange).submit(
        Ticket("AAPL", "buy", "limit", "gtc", Decimal(1), limit=Decimal("1.00"), client_id=name)
    )


def test_of_several_the_first_in_the_order_is_told(here: Rehearsal) -> None:
    case = Case(here)
    done = (no_drill, foreign_order, in_use, revoked, halted)
    codes = []
    for each in done:
        each(case)
        codes.append(case.refused().code)
    assert codes == [
        "live.drill",
        "live.foreign_orders",
        "live.account_in_use",
        "certificate.revoked",
        "live.halted",
    ]
