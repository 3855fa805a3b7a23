"""What an account holds is held against the journals of its sessions: only what is equal counts as reconciled."""

from __future__ import annotations

import asyncio
import sqlite3
from collections import defaultdict
from collections.abc import Callable
from decimal import Decimal
from functools import partial
from pathlib import Path
from typing import Literal

import pytest
from msgspec.structs import replace

from engine.gate.evidence import AccountState
from engine.model.instruments import Instrument, InstrumentKind
from engine.ports import VenueOrder, VenuePosition
from runtime.gateway.checks import Limits
from runtime.promotion.evidence.books import (
    Books,
    Compared,
    books_of,
    compare,
    instruments_traded,
)
from runtime.promotion.evidence.places import ask_account
from runtime.session.live import go_live
from sims.venues.alpaca import AlpacaVenue
from tests.unit.live.rehearsals import NUMBER, Rehearsal, SharedMarket, copied, is_settled, until
from tests.unit.live.test_live_refusals import order_by_hand
from tests.venues.walks import SHARE

BROKER = "alpaca rehearsal"
OURS = "tr-rll23wycv4i6ymjpwikrrzabj43wd"  # a name as we give them
NOBODYS = "the venue holds an instrument that no session has traded"
ENDED = "order tr-old works at the venue and has ended in the books"


class Hasty:
    """A clock that does not wait for a second look."""

    def __init__(self, here: Rehearsal) -> None:
        self.now_ns, self.monotonic_ns = here.clock.now_ns, here.clock.monotonic_ns

    async def sleep(self, seconds: float) -> None:
        pass


async def asked(here: Rehearsal, venue: AlpacaVenue) -> AccountState:
    """Ask the venue as a promotion does."""
    with here.store() as store:
        instruments = instruments_traded(store, BROKER, (SHARE,))
        broker = here.door(venue).broker(instruments, here.clock)
        try:
            await broker.connect()
            return await ask_account(
                broker,
                Hasty(here),
                here.config(),
                Limits(),
                instruments,
                partial(books_of, store, BROKER),
            )
        finally:
            await broker.close()


class Gate(asyncio.Event):
    """Where a market waits; nothing happens at the venue once it was reached."""

    def __init__(self) -> None:
        super().__init__()
        self.is_reached = False

    async def wait(self) -> Literal[True]:
        self.is_reached = True
        return await super().wait()


async def traded(here: Rehearsal, venue: AlpacaVenue) -> int:
    """Trade until the session holds something, stop it there, and return how many shares that is."""
    with here.desk() as desk, here.store() as store:
        plan, gate = here.plan(venue), Gate()
        session = await go_live(store, plan, desk)
        feed = plan.feed
        assert isinstance(feed, SharedMarket)
        feed.session = session
        running = asyncio.create_task(session.run())
        await until(lambda: venue.books.positions)
        feed.pauses = dict.fromkeys(range(here.bars), gate)
        await until(lambda: gate.is_reached and is_settled(session, venue))
        session.stop("a test")
        await running
        return int(venue.books.positions[SHARE.symbol])


def bought_by_hand(here: Rehearsal, venue: AlpacaVenue) -> None:
    venue.exchange.tally.held[0].lots += 3


def ordered(name: str, here: Rehearsal, venue: AlpacaVenue) -> None:
    order_by_hand(venue, name)


def forgotten(here: Rehearsal, venue: AlpacaVenue) -> None:
    """The journal's tables are emptied: what the account holds is nobody's then."""
    with sqlite3.connect(here.folder / "trader.db") as database:
        assert database.execute("DELETE FROM session_positions").rowcount


def never_told(here: Rehearsal, venue: AlpacaVenue) -> None:
    """An order of which the journal does not know whether the venue has it."""
    with sqlite3.connect(here.folder / "trader.db") as database:
        (order,) = database.execute(
            "SELECT client_id FROM session_orders JOIN sessions ON sessions.id = session_id "
            "WHERE broker = ? AND client_id != '' LIMIT 1",
            (BROKER,),
        ).fetchone()
        statement = "UPDATE session_orders SET ended_ns = NULL, outcome = 'unknown'"
        assert database.execute(f"{statement} WHERE client_id = ?", (order,)).rowcount == 1


def nothing(here: Rehearsal, venue: AlpacaVenue) -> None:
    pass


@pytest.mark.parametrize(
    ("planted", "told", "unknown", "foreign"),
    [
        (nothing, "", 0, 0),
        (bought_by_hand, "the venue holds {more} AAPL, the books {held}", 0, 0),
        (forgotten, "the venue holds {held} AAPL, the books 0", 0, 0),
        (partial(ordered, "by-hand"), "", 0, 1),
        (partial(ordered, OURS), "", 1, 0),
        (never_told, "", 1, 0),
    ],
)
def test_an_account_is_reconciled_where_its_journals_explain_all_of_it(
    trading: Rehearsal,
    planted: Callable[[Rehearsal, AlpacaVenue], None],
    told: str,
    unknown: int,
    foreign: int,
) -> None:
    async def story() -> tuple[int, AccountState]:
        async with trading.venue() as venue:
            held = await traded(trading, venue)
            planted(trading, venue)
            return held, await asked(trading, venue)

    held, found = asyncio.run(story())
    assert held > 0 and found.account == NUMBER
    expected = (told.format(held=held, more=held + 3),) if told else ()
    assert found.differences == expected and found.is_reconciled is not bool(expected)
    assert (found.unknown_orders, found.foreign_orders) == (unknown, foreign)


def test_an_account_that_nobody_has_traded_has_to_be_empty(trading: Rehearsal) -> None:
    async def story() -> tuple[AccountState, AccountState]:
        async with trading.venue() as venue:
            empty = await asked(trading, venue)
            bought_by_hand(trading, venue)
            return empty, await asked(trading, venue)

    empty, held = asyncio.run(story())
    assert empty.is_reconciled and not held.is_reconciled
    assert held.differences == ("the venue holds 3 AAPL, the books 0",)


@pytest.fixture
def trading(prepared: Path, tmp_path: Path) -> Rehearsal:
    """Return a workspace with a certificate."""
    here = copied(prepared, tmp_path / "workspace")
    here.issue()
    return here


# --- what is compared, by itself ------------------------------------------------------------------------
EQUAL = Books(held=defaultdict(Decimal, AAPL=Decimal(10)), working={OURS}, ended={"tr-old"})
ORDER = VenueOrder(OURS, "v1", 0, 0, 0, 10, 0)


@pytest.mark.parametrize(
    ("books", "positions", "orders", "expected"),
    [
        (EQUAL, [(0, 10)], [OURS], ((), 0, 0)),
        (EQUAL, [(0, 10), (-1, 5)], [OURS], ((NOBODYS,), 0, 0)),
        (EQUAL, [(0, 10), (1, -2)], [OURS], (("the venue holds -2 MSFT, the books 0",), 0, 0)),
        (EQUAL, [], [OURS], (("the venue holds 0 AAPL, the books 10",), 0, 0)),
        (EQUAL, [(0, 10)], [], ((f"order {OURS} works in the books and not at the venue",), 0, 0)),
        (EQUAL, [(0, 10)], [OURS, "tr-old"], ((ENDED,), 0, 0)),
        (EQUAL, [(0, 10)], [OURS, "tr-lost"], ((), 1, 0)),
        (EQUAL, [(0, 10)], [OURS, "mine", "yours"], ((), 0, 2)),
        (Books(working={OURS}, unknown={OURS}), [], [OURS], ((), 1, 0)),
        (Books(working={OURS}, unknown={OURS}), [], [], ((), 1, 0)),
    ],
)
def test_whatever_only_one_side_has_is_told(
    books: Books,
    positions: list[tuple[int, int]],
    orders: list[str],
    expected: tuple[tuple[str, ...], int, int],
) -> None:
    other = Instrument("MSFT", InstrumentKind.EQUITY)
    found = compare(
        books,
        (SHARE, other),
        [VenuePosition(*each) for each in positions],
        [replace(ORDER, client_id=each) for each in orders],
    )
    assert found == Compared(*expected)
