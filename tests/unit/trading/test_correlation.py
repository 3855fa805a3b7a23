"""Returns are sampled at the account's accruals and correlated as a textbook does it."""

from __future__ import annotations

import statistics
from collections.abc import Sequence
from itertools import pairwise

import pytest

from engine.model import layout as at
from engine.model import trading_layout as loop
from engine.rules.correlation import correlation_ppm, return_at, sample_returns
from tests.unit.trading.account import SYMBOLS, Account

ABC, DEF = SYMBOLS.index("ABC"), SYMBOLS.index("DEF")
UNKNOWN = loop.NOT_GIVEN
Prices = Sequence[str | None]


def days(abc: Prices, other: Prices, **settings: str) -> Account:
    """Let days pass: each shows its closes (None: no trading), then the account accrues."""
    account = Account({"window": "60", "returns": "2"} | settings)
    for closes in zip(abc, other, strict=True):
        account.passes("1d")
        for symbol, close in zip(("ABC", "DEF"), closes, strict=True):
            if close is not None:
                account.price(symbol, close)
        sample_returns(account.s)
    return account


def returns_of(account: Account, i: int) -> list[int | None]:
    """Return an instrument's returns in ppb, the newest first."""
    count = account.s.returns[i, loop.RETURNS_COUNT]
    found = [return_at(account.s, i, back) for back in range(count)]
    return [None if ppb == UNKNOWN else ppb for ppb in found]


def test_a_return_is_the_change_over_the_price_before() -> None:
    account = days(["100", "110", "99"], ["50", "50", "75"])
    # +10 %, -10 %; 0 %, +50 %. The first sample has nothing before it.
    assert returns_of(account, ABC) == [-100_000_000, 100_000_000, None]
    assert returns_of(account, DEF) == [500_000_000, 0, None]


def test_a_return_is_rounded_to_parts_in_a_billion() -> None:
    # 1 / 3 = 0.333333333..., 1 / 1.5 = 0.666666667
    account = days(["3", "4"], ["1.50", "2.50"])
    assert returns_of(account, ABC)[0] == 333_333_333
    assert returns_of(account, DEF)[0] == 666_666_667


def test_a_day_without_a_price_leaves_both_of_its_returns_out() -> None:
    account = days(["100", "110", "121", "133.10"], ["50", None, "60", "66"])
    assert returns_of(account, DEF) == [100_000_000, None, None, None]
    assert returns_of(account, ABC) == [100_000_000, 100_000_000, 100_000_000, None]


def test_the_event_accrual_takes_the_sample() -> None:
    account = days(["100"], ["50"])
    account.passes("1d")
    account.price("ABC", "105")
    account.event(at.KIND_ACCRUAL, "ABC")
    assert returns_of(account, ABC)[0] == 50_000_000


def test_a_split_is_no_return() -> None:
    account = days(["100"], ["50"])
    account.event(at.KIND_SPLIT, "ABC", SPLIT_NUMERATOR=2, SPLIT_DENOMINATOR=1)  # 100 becomes 50
    account.passes("1d")
    account.price("ABC", "55")
    sample_returns(account.s)
    assert returns_of(account, ABC)[0] == 100_000_000


def ppb_of(prices: Sequence[float]) -> list[float]:
    return [b / a - 1 for a, b in pairwise(prices)]


FIRST = [100, 102, 101, 105, 104, 108, 103, 109, 111, 110]
SECOND = [50, 50.5, 50.75, 51.5, 51, 52.25, 51.75, 52, 53, 53.5]


def test_it_is_the_coefficient_of_the_standard_library() -> None:
    """Expected: `statistics.correlation` of the same returns (Python's own library)."""
    account = days([f"{p}" for p in FIRST], [f"{p}" for p in SECOND])
    expected = statistics.correlation(ppb_of(FIRST), ppb_of(SECOND))
    assert correlation_ppm(account.s, ABC, DEF) == pytest.approx(expected * 10**6, abs=2)
    assert correlation_ppm(account.s, DEF, ABC) == correlation_ppm(account.s, ABC, DEF)
    assert correlation_ppm(account.s, ABC, ABC) == 10**6


def test_by_paper_and_pencil() -> None:
    # Returns +10 %, -10 %, +10 % against +20 %, -20 %, +10 %. Means 3.333 and 3.333; deviations
    # 6.667 -13.333 6.667 and 16.667 -23.333 6.667: products 111.11 + 311.11 + 44.44 = 466.67,
    # squares 266.67 and 866.67, 466.67 / sqrt(266.67 x 866.67) = 0.970725.
    account = days(["100", "110", "99", "108.90"], ["50", "60", "48", "52.80"])
    assert correlation_ppm(account.s, ABC, DEF) == 970_725


def test_only_days_that_both_have_count() -> None:
    # The second day of DEF is missing, and with it two of its returns: three pairs are left.
    first = ["100", "110", "99", "108.90", "98.01", "107.81"]
    second = ["50", None, "60", "48", "52.80", "50"]
    account = days(first, second, returns="3")
    left = statistics.correlation(
        [108.90 / 99 - 1, 98.01 / 108.90 - 1, 107.81 / 98.01 - 1],
        [48 / 60 - 1, 52.80 / 48 - 1, 50 / 52.80 - 1],
    )
    assert correlation_ppm(account.s, ABC, DEF) == pytest.approx(left * 10**6, abs=2)
    account.set("returns", "4")
    assert correlation_ppm(account.s, ABC, DEF) == UNKNOWN


def test_returns_older_than_the_window_are_forgotten() -> None:
    # Five days with each other, then six days against each other.
    first = ["100", "110", "100", "110", "100", "110", "100", "110", "100", "110", "100"]
    second = ["50", "55", "50", "55", "50", "55", "60", "55", "60", "55", "60"]
    account = days(first, second, window="5")
    assert correlation_ppm(account.s, ABC, DEF) < -990_000
    account.set("window", "10")
    assert -900_000 < correlation_ppm(account.s, ABC, DEF) < 500_000


def test_the_ring_goes_round() -> None:
    """More samples than the ring holds (252): the newest are there, in their order."""
    up = [f"{100 + n % 7}" for n in range(300)]
    account = days(up, up)
    assert account.s.returns[ABC, loop.RETURNS_COUNT] == loop.RETURNS_CAPACITY
    assert up[-4:] == ["102", "103", "104", "105"]
    expected = [round((b / a - 1) * 10**9) for a, b in ((104, 105), (103, 104), (102, 103))]
    assert returns_of(account, ABC)[:3] == expected
    assert correlation_ppm(account.s, ABC, DEF) == 10**6


@pytest.mark.parametrize(
    ("first", "second"),
    [
        (["100", "100", "100", "100"], ["50", "55", "50", "55"]),
        (["100", "110", "121", "133.10"], ["50", "55", "50", "55"]),  # always +10 %: no variance
        ([None] * 4, ["50", "55", "50", "55"]),
    ],
)
def test_what_does_not_vary_has_no_correlation(first: Prices, second: Prices) -> None:
    account = days(first, second)
    assert correlation_ppm(account.s, ABC, DEF) == UNKNOWN
    assert correlation_ppm(account.s, DEF, ABC) == UNKNOWN


@pytest.mark.parametrize(("count", "is_known"), [(20, False), (21, True)])
def test_fewer_common_returns_than_asked_for_are_none(count: int, is_known: bool) -> None:
    # 20 closes are 19 returns, 21 are 20.
    closes = [f"{100 + n % 3}" for n in range(count)]
    account = days(closes, closes, returns="20")
    assert (correlation_ppm(account.s, ABC, DEF) != UNKNOWN) == is_known
