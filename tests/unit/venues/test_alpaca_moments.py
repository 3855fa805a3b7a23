"""What an order meets at the simulated venue in the bar that it comes in, beside what it meets on paper.

A bar ends at three o'clock. The next goes from 100 over 103 and 98 to 101, and takers pay 10 basis points:
who buys at its open pays 100.10, at its close 101.11 (101.101, up to the cent).
"""

from __future__ import annotations

from decimal import Decimal

import numpy as np
import pytest

from engine.approved import RiskApproved
from engine.model import layout as at
from engine.model.instruments import Instrument, InstrumentKind
from engine.model.orders import OrderFlag, OrderType, TimeInForce
from engine.model.units import NS_PER_MINUTE, NS_PER_SECOND
from runtime.clocks import SystemClock
from runtime.session_core.playing import at_once
from sims.fillbook.settings import (
    BookSettings,
    SlippageModel,
    new_book,
    settings_block,
    terms_block,
)
from sims.paper import PaperBroker
from sims.venues.alpaca import AlpacaVenue, VenueSettings
from sims.venues.alpaca.desk import Desk
from sims.venues.alpaca.market import Row
from sims.venues.alpaca.tickets import read_ticket

AAPL = Instrument("AAPL", InstrumentKind.EQUITY)
THREE = 19_000 * 86_400 * NS_PER_SECOND
BAR = ("100", "103", "98", "101")
AT_THE_OPEN, AT_THE_CLOSE = Decimal("100.1"), Decimal("101.11")
BOOK = BookSettings(volume_cap=Decimal(1), slippage=SlippageModel("bps", Decimal(10)))
KINDS = {"market": OrderType.MARKET, "limit": OrderType.LIMIT}
ORDERS = [("market", ""), ("limit", "99"), ("limit", "101"), ("limit", "97")]


class Market:
    """The venue as its time is `seconds` after three."""

    def __init__(self, seconds: float = 0.0, *, speed: float | None = None) -> None:
        self.venue = AlpacaVenue(
            [AAPL],
            clock=SystemClock(),
            start_ns=THREE,
            speed=speed,
            settings=VenueSettings(book=BOOK),
        )
        self.venue.bar("AAPL", ("99", "99", "99", "99"))
        self.pass_time(seconds)

    def pass_time(self, seconds: float) -> None:
        """Let time pass."""
        self.venue.time.move_to(self.venue.time.now_ns() + round(seconds * NS_PER_SECOND))

    def send(self, kind: str = "market", price: str = "") -> None:
        """Send an order to buy ten."""
        given = {"symbol": "AAPL", "side": "buy", "qty": "10", "time_in_force": "day", "type": kind}
        priced = {f"{kind}_price": price} if price else {}
        Desk(self.venue.exchange).submit(read_ticket(given | priced))

    def show_bar(self) -> Row:
        """Let the bar after three end, and return it."""
        self.venue.time.move_to(THREE + NS_PER_MINUTE)
        self.venue.bar("AAPL", BAR)
        return self.venue.exchange.shown[0].bars[-1]

    @property
    def price(self) -> Decimal | None:
        """At which its last order was filled; None: it was not."""
        return self.venue.books.orders[-1].average_price


def price_of(seconds: float, speed: float | None = None) -> Decimal | None:
    """Return at what price a market order is filled that comes so long after three."""
    market = Market(seconds, speed=speed)
    market.send()
    market.show_bar()
    return market.price


def price_on_paper(kind: str, price: str) -> Decimal | None:
    """Return at what price an order is filled that is decided on at three, over the same bar."""
    broker = PaperBroker(
        "paper",
        [AAPL],
        new_book(settings_block(BOOK), terms_block([AAPL], BOOK)),
        currency="USD",
        cash_minor=10**12,
        now_ns=lambda: THREE,
    )
    limit = AAPL.price_to_ticks(price) if price else 0
    order = RiskApproved(  # the one place beside the engine that makes them: a test
        1, 0, 1, KINDS[kind], TimeInForce.DAY, 10, limit, 0, 0, 0, 0, OrderFlag.NONE, 0, 0
    )
    at_once(broker.submit(order, "c1"))
    facts = broker.meet(np.array([Market().show_bar()]), 0)
    prices = facts[facts[:, at.EVENT_KIND] == at.KIND_FILL, at.FACT_PRICE].tolist()
    return AAPL.ticks_to_price(prices[0]) if prices else None


@pytest.mark.parametrize(("kind", "price"), ORDERS)
def test_an_order_fifty_milliseconds_after_a_bar_is_filled_as_on_paper(
    kind: str, price: str
) -> None:
    market = Market(0.05)
    market.send(kind, price)
    market.show_bar()
    assert market.price == price_on_paper(kind, price)


def test_a_market_order_at_once_pays_the_open() -> None:
    assert price_of(0.0) == price_of(0.05) == price_of(0.1) == AT_THE_OPEN


@pytest.mark.parametrize("seconds", [0.100_000_001, 1.0, 30.0, 60.0])
def test_a_market_order_in_the_middle_of_a_bar_does_not_see_its_open(seconds: float) -> None:
    assert price_of(seconds) == AT_THE_CLOSE


@pytest.mark.parametrize(("kind", "price"), [("limit", "99"), ("stop", "102")])
def test_an_order_in_the_middle_of_a_bar_does_not_see_its_path(kind: str, price: str) -> None:
    market = Market(30)
    market.send(kind, price)
    market.show_bar()
    assert market.price is None


@pytest.mark.parametrize(
    ("seconds", "speed", "price"),
    [
        (5.9, 60, AT_THE_OPEN),  # 98 ms of the clock
        (6.1, 60, AT_THE_CLOSE),
        (59.9, 600, AT_THE_OPEN),
        (59.9, 1200, AT_THE_OPEN),  # the whole minute is over in 50 ms
        (0.11, 0.5, AT_THE_CLOSE),  # a slow venue is no reason to look back further
    ],
)
def test_an_order_s_way_is_not_longer_where_time_is_faster(
    seconds: float, speed: float, price: Decimal
) -> None:
    assert price_of(seconds, speed) == price


def test_a_bar_in_which_nothing_traded_has_no_open() -> None:
    market = Market(65)  # the bar after three was not told
    market.send()
    market.venue.time.move_to(THREE + 2 * NS_PER_MINUTE)
    market.venue.bar("AAPL", BAR)
    assert market.price == AT_THE_CLOSE


def test_where_there_are_quotes_an_order_s_time_is_its_own() -> None:
    market = Market()
    market.venue.quote("AAPL", "98", "99")
    market.pass_time(0.05)
    market.send()
    market.show_bar()  # bars fill nothing beside quotes
    assert market.price is None
    market.venue.quote("AAPL", "101", "102")
    assert market.price == Decimal("102.11")  # 102.102, up to the cent


def test_an_order_just_after_the_open_of_a_session_meets_its_first_price() -> None:
    venue = AlpacaVenue(
        [AAPL],
        clock=SystemClock(),
        start_ns=THREE - NS_PER_MINUTE,
        opens_ns=[THREE],
        closes_ns=[THREE + 60 * NS_PER_MINUTE],
    )
    venue.bar("AAPL", ("99", "99", "99", "99"))
    venue.advance(60.05)
    Desk(venue.exchange).submit(
        read_ticket(
            {"symbol": "AAPL", "side": "buy", "qty": "1", "time_in_force": "day", "type": "market"}
        )
    )
    venue.advance(59.95)
    venue.bar("AAPL", BAR)
    assert venue.books.orders[0].average_price == Decimal(100)
