"""Target weights that wait for the sells that pay for them."""

from __future__ import annotations

import numpy as np
import pytest

from engine.jit import as_plain
from engine.model import layout as at
from engine.model import trading_layout as loop
from engine.model.denials import Denial
from engine.model.instruments import Instrument, InstrumentKind
from engine.rules.decide import decide, follow_pending_targets
from engine.rules.targets import is_waiting, keep_target
from tests.unit.core.books import SHARE
from tests.unit.trading.trading_books import TradingBooks

OTHER = Instrument("DEF", InstrumentKind.EQUITY)
PPB = 10**9
SECOND = 10**9


class Portfolio:
    """10,000 in 1,000 ABC at 10; the file wants DEF instead. Leverage 1: ABC must be sold first."""

    def __init__(self, *, risk: int = 1) -> None:
        self.books = TradingBooks([SHARE, OTHER], cash="10000")
        self.s = self.books.s
        self.intents = as_plain(np.zeros((8, at.ORDER_WIDTH), dtype=np.int64))
        self.s.limits[loop.LIMIT_RISK] = risk
        self.s.limits[loop.LIMIT_EXPIRY] = 60 * SECOND
        # Wide limits: what binds here is buying power.
        for limit in (
            "POSITIONS",
            "POSITION_PPM",
            "GROSS_PPM",
            "NET_PPM",
            "GROUP_PPM",
            "EVENT_PPM",
        ):
            self.s.limits[getattr(loop, f"LIMIT_{limit}")] = 10**9
        self.s.limits[loop.LIMIT_RATE] = 500
        self.s.limits[loop.LIMIT_CORRELATION_PPM] = 10**6
        self.s.limits[loop.LIMIT_CORRELATION_UNKNOWN] = 1
        self.s.limits[loop.LIMIT_QUOTE_AGE] = 60 * SECOND
        self.s.limits[loop.LIMIT_COLLAR_PPM] = 10**5
        self.books.price("ABC", "10.00")
        self.books.price("DEF", "10.00")
        self.books.trade("ABC", "1000", "10.00")

    def want(self, share: float) -> None:
        """Give DEF a target weight."""
        events = np.zeros((1, at.EVENT_WIDTH), dtype=np.int64)
        events[:, at.EVENT_KIND], events[:, at.EVENT_INSTRUMENT] = at.KIND_BAR, 1
        signals = np.zeros((1, at.SIGNAL_WIDTH), dtype=np.int64)
        signals[:, at.SIGNAL_BITS], signals[:, at.SIGNAL_WEIGHT] = at.SIGNAL_TARGET, share * PPB
        decide(self.s, self.intents, as_plain(events), as_plain(signals), 0, 1)

    def place_limit_sale(self) -> int:
        """Sell ABC at a limit: what it frees is not counted before it fills."""
        return self.books.order("sell 1000 limit 10.00", "ABC")

    def follow(self) -> int:
        """Look at what waits; return how many orders that sent."""
        before = self.s.account[at.ACCOUNT_SUBMITTED]
        follow_pending_targets(self.s, self.intents)
        return int(self.s.account[at.ACCOUNT_SUBMITTED] - before)

    @property
    def waits(self) -> bool:
        return is_waiting(self.s, 1)


def test_a_target_without_room_waits_for_the_sale_and_is_reached_after_it() -> None:
    portfolio = Portfolio()
    sale = portfolio.place_limit_sale()
    portfolio.want(0.5)  # which finds no buying power
    assert portfolio.books.denial is Denial.BUYING_POWER
    assert portfolio.waits
    assert portfolio.s.held[0] == 1  # looked at, without a position
    assert portfolio.follow() == 0  # nothing has filled
    assert portfolio.waits
    portfolio.books.filled(sale, "1000", "10.00")
    assert portfolio.follow() == 1
    assert not portfolio.waits
    row = portfolio.books.working()[-1]
    assert row["quantity"] == 500


def test_a_part_of_the_sale_is_tried_and_the_target_waits_on() -> None:
    portfolio = Portfolio()
    sale = portfolio.place_limit_sale()
    portfolio.want(0.5)
    portfolio.books.filled(sale, "400", "10.00")
    assert portfolio.follow() == 0  # 4,000 of the 5,000 that it takes
    assert portfolio.waits
    portfolio.books.filled(sale, "100", "10.00")
    assert portfolio.follow() == 1
    assert not portfolio.waits


def test_a_target_is_not_tried_twice_without_a_fill() -> None:
    portfolio = Portfolio()
    sale = portfolio.place_limit_sale()
    portfolio.want(0.5)
    portfolio.books.filled(sale, "400", "10.00")
    portfolio.follow()
    denied = portfolio.s.account[at.ACCOUNT_DENIED]
    portfolio.follow()
    assert portfolio.s.account[at.ACCOUNT_DENIED] == denied


def test_a_target_that_no_sale_pays_for_does_not_wait() -> None:
    portfolio = Portfolio()
    portfolio.want(0.5)
    assert not portfolio.waits


def test_a_target_gives_up_when_the_sale_ends_unfilled() -> None:
    portfolio = Portfolio()
    sale = portfolio.place_limit_sale()
    portfolio.want(0.5)
    portfolio.books.fact(at.KIND_CANCELED, sale)
    assert portfolio.follow() == 0
    assert not portfolio.waits
    assert portfolio.s.account[at.ACCOUNT_HELD] == 0 or portfolio.s.held[0] == 0


@pytest.mark.parametrize(("age", "waits"), [(60, True), (61, False)])
def test_a_target_is_given_up_when_it_is_older_than_a_signal_may_be(age: int, waits: bool) -> None:
    portfolio = Portfolio()
    portfolio.place_limit_sale()
    portfolio.want(0.5)
    portfolio.s.account[at.ACCOUNT_NOW] += age * SECOND
    portfolio.follow()
    assert portfolio.waits is waits


def test_a_new_target_replaces_the_one_that_waits() -> None:
    portfolio = Portfolio()
    portfolio.place_limit_sale()
    portfolio.want(0.5)
    portfolio.want(0.0)
    assert not portfolio.waits


def test_without_risk_limits_no_target_waits() -> None:
    portfolio = Portfolio(risk=0)
    portfolio.place_limit_sale()
    portfolio.want(0.5)
    assert not portfolio.waits


# The five checks of what is held, and buying power; the codes beside them do not wait.
@pytest.mark.parametrize(
    ("code", "waits"),
    [(305, False), (306, True), (307, True), (308, True), (309, True), (310, True), (311, False), (150, True),
     (151, False)],
)  # fmt: skip
def test_only_a_want_of_room_waits(code: int, waits: bool) -> None:
    portfolio = Portfolio()
    portfolio.place_limit_sale()
    portfolio.s.account[at.ACCOUNT_LAST_DENIAL] = code
    keep_target(portfolio.s, 1, PPB)
    assert portfolio.waits is waits
