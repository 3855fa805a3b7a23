"""The reference account keeps its own books straight, so that it may judge the real ledger."""

from __future__ import annotations

from collections import defaultdict
from decimal import Decimal
from fractions import Fraction
from random import Random

import pytest

from engine.model.instruments import Instrument, InstrumentKind
from engine.model.orders import Side
from tests.reference.ledger import NS_PER_YEAR, ReferenceAccount

D = Decimal
SHARE = Instrument("ABC", InstrumentKind.EQUITY)
FUTURE = Instrument("ES", InstrumentKind.FUTURE, multiplier=D(50))
PERPETUAL = Instrument("BTC-PERP", InstrumentKind.CRYPTO_PERPETUAL, "USDT", 1, 3)
EVENT = Instrument("RAIN", InstrumentKind.BINARY_EVENT)
COIN = Instrument("BTC", InstrumentKind.CRYPTO_SPOT, "USDT", 2, 6)
NS_PER_DAY = NS_PER_YEAR // 365


@pytest.fixture
def account() -> ReferenceAccount:
    account = ReferenceAccount()
    account.transfer("USD", D(10_000))
    return account


def test_a_share_is_paid_in_full_and_its_cost_leaves_by_share(account: ReferenceAccount) -> None:
    account.fill(SHARE, Side.BUY, D(3), D("10.00"), fee=D(1))
    assert account.cash["USD"] == D(10_000) - 30 - 1
    account.fill(SHARE, Side.BUY, D(3), D("10.01"))  # cost 30 + 30.03 = 60.03
    assert account.fill(SHARE, Side.SELL, D(2), D(11)) == D(22) - D("20.01")
    assert account.holding(SHARE).cost == D("40.02")
    assert account.fill(SHARE, Side.SELL, D(4), D(9)) == D(36) - D("40.02")
    assert account.holding(SHARE).cost == 0


def test_a_third_of_the_cost_is_rounded_half_even_and_the_last_takes_the_rest(
    account: ReferenceAccount,
) -> None:
    account.fill(SHARE, Side.BUY, D(2), D(33))
    account.fill(SHARE, Side.BUY, D(1), D(34))  # 100 for 3
    account.fill(SHARE, Side.SELL, D(1), D(34))
    assert account.holding(SHARE).cost == D("66.66666667")
    account.fill(SHARE, Side.SELL, D(2), D(34))
    assert account.holding(SHARE).cost == 0
    assert account.holding(SHARE).realized == 2


def test_a_flip_closes_the_long_and_opens_a_short(account: ReferenceAccount) -> None:
    account.fill(SHARE, Side.BUY, D(5), D(10))
    assert account.fill(SHARE, Side.SELL, D(8), D(12)) == 10
    assert (account.holding(SHARE).quantity, account.holding(SHARE).cost) == (D(-3), D(-36))
    assert account.fill(SHARE, Side.BUY, D(3), D(11)) == 3
    assert account.cash["USD"] == D(10_013)


def test_a_future_moves_cash_by_its_profit_only(account: ReferenceAccount) -> None:
    account.fill(FUTURE, Side.BUY, D(2), D(4_000), fee=D("4.5"))
    assert account.cash["USD"] == D("9995.5")
    assert account.equity("USD", {FUTURE: D(4_010)}) == D("9995.5") + 1_000
    assert account.fill(FUTURE, Side.SELL, D(2), D(3_990)) == -1_000


def test_longs_pay_positive_funding_and_shorts_receive_it() -> None:
    account = ReferenceAccount()
    account.fill(PERPETUAL, Side.BUY, D("0.5"), D(60_000))
    assert account.funding(PERPETUAL, D(60_000), D("0.0001")) == -3
    account.fill(PERPETUAL, Side.SELL, D(1), D(60_000))
    assert account.funding(PERPETUAL, D(60_000), D("0.0001")) == 3


def test_dividends_are_paid_to_longs_and_by_shorts(account: ReferenceAccount) -> None:
    account.fill(SHARE, Side.BUY, D(10), D(10))
    assert account.dividend(SHARE, D("0.25")) == D("2.5")
    account.fill(SHARE, Side.SELL, D(30), D(10))
    assert account.dividend(SHARE, D("0.25")) == -5


def test_a_split_keeps_the_cost(account: ReferenceAccount) -> None:
    account.fill(SHARE, Side.BUY, D(10), D(10))
    assert account.split(SHARE, 2, 1, D(10)) == 0
    assert (account.holding(SHARE).quantity, account.holding(SHARE).cost) == (20, 100)


@pytest.mark.parametrize(("side", "sign"), [(Side.BUY, 1), (Side.SELL, -1)])
def test_a_fraction_of_a_share_is_paid_in_cash(
    account: ReferenceAccount, side: Side, sign: int
) -> None:
    """15 at 10 become 7.5 at 22: half of a new share, worth 11, leaves with its cost of 10."""
    account.fill(SHARE, side, D(15), D(10))
    assert account.split(SHARE, 1, 2, D(11)) == 11 * sign
    holding = account.holding(SHARE)
    assert (holding.quantity, holding.cost, holding.realized) == (7 * sign, 140 * sign, sign)


def test_interest_is_actual_over_365(account: ReferenceAccount) -> None:
    assert account.interest("USD", D("0.0365"), NS_PER_DAY) == 1
    account.fill(SHARE, Side.SELL, D(100), D(50))
    assert account.borrow(SHARE, D(50), D("0.073"), NS_PER_DAY) == -1


def test_an_event_contract_settles_at_one_or_nothing(account: ReferenceAccount) -> None:
    account.fill(EVENT, Side.BUY, D(100), D("0.40"))
    assert account.settle(EVENT, D(1)) == 60
    account.fill(EVENT, Side.BUY, D(100), D("0.40"))
    assert account.settle(EVENT, D(0)) == -40
    assert account.cash["USD"] == 10_020


def test_a_conversion_leaves_one_currency_and_arrives_in_another(account: ReferenceAccount) -> None:
    assert account.convert("USD", "EUR", D(100), D("0.91")) == 91
    assert account.cash == {"USD": D(9_900), "EUR": D(91)}


def random_change(account: ReferenceAccount, rng: Random) -> None:
    instrument = rng.choice((SHARE, FUTURE, PERPETUAL, COIN))
    price = instrument.ticks_to_price(rng.randint(1, 10**5))
    quantity = instrument.lots_to_quantity(rng.randint(1, 500))
    match rng.randint(0, 9):
        case 0:
            account.transfer(instrument.currency, D(rng.randint(-500, 500)))
        case 1:
            account.dividend(instrument, D(rng.randint(1, 999)) / 1_000)
        case 2:
            account.split(instrument, rng.randint(1, 5), rng.randint(1, 5), price)
        case 3:
            account.interest(instrument.currency, D("0.0431"), rng.randint(1, 10**15))
        case 4:
            account.borrow(instrument, price, D("0.02"), rng.randint(1, 10**15))
        case 5:
            account.convert("USD", "USDT", D(rng.randint(1, 99)), D("0.9987"))
        case _:
            account.fill(instrument, rng.choice(list(Side)), quantity, price, D("0.35"))


@pytest.mark.parametrize("seed", range(30))
def test_cash_is_what_the_postings_say_after_every_change(seed: int) -> None:
    rng, account = Random(seed), ReferenceAccount()
    for _ in range(60):
        random_change(account, rng)
        cash: dict[str, Decimal] = defaultdict(Decimal)
        basis: dict[str, Decimal] = defaultdict(Decimal)
        for posting in account.postings:
            assert sum(posting.lines.values()) == 0
            cash[posting.currency] += posting.lines["cash"]
            basis[posting.currency] += posting.lines.get("positions", D(0))
        assert {k: v for k, v in cash.items() if v} == {k: v for k, v in account.cash.items() if v}
        for currency in ("USD", "USDT"):
            held = [i for i in (SHARE, COIN) if i.currency == currency]
            assert basis[currency] == sum((account.holding(i).cost for i in held), D(0))


@pytest.mark.parametrize("seed", range(30))
def test_a_flat_account_has_earned_what_it_traded(seed: int) -> None:
    """Realized profit is the exact sum of sells less buys, whatever the order of rounding."""
    rng, account, exact = Random(seed), ReferenceAccount(), Fraction(0)
    for _ in range(40):
        side, quantity = rng.choice(list(Side)), rng.randint(1, 30)
        price = SHARE.ticks_to_price(rng.randint(100, 9_999))
        account.fill(SHARE, side, D(quantity), price)
        exact -= Fraction(price) * quantity * int(side)
    exact += Fraction(account.holding(SHARE).quantity) * 50
    account.settle(SHARE, D(50))
    assert account.holding(SHARE).cost == 0
    assert Fraction(account.holding(SHARE).realized) == exact == Fraction(account.cash["USD"])
