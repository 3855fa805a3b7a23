"""Where an entry's limit stands: behind the last price, or through it, on the grid and in the range."""

from __future__ import annotations

import pytest

from engine.model import layout as at
from engine.rules.opening import entry_limit, passive_price
from tests.unit.trading.account import INSTRUMENTS, SYMBOLS, Account

# offset in basis points, last price -> limit to buy, limit to sell (paper and pencil; rounded passive)
CASES = [
    ("ABC", "100", "0", "100", "100"),
    ("ABC", "100", "50", "99.50", "100.50"),
    ("ABC", "100", "-50", "100.50", "99.50"),  # through the last price
    ("ABC", "99.99", "10", "99.89", "100.09"),  # 0.09999 away: 99.89001 and 100.08999
    ("ABC", "99.99", "-10", "100.08", "99.90"),  # 100.08999 and 99.89001
    ("ABC", "0.01", "5000", "0.01", "0.02"),  # never under one step
    ("ABC", "0.01", "-5000", "0.01", "0.01"),
    ("ABC", "10", "-5000", "15", "5"),
    ("RAIN", "0.98", "-500", "0.99", "0.94"),  # 1.029 is no price of a contract; 0.931 up
    ("RAIN", "0.98", "500", "0.93", "0.99"),  # nor is 1.029 to sell
    ("RAIN", "0.40", "-500", "0.42", "0.38"),
]


@pytest.mark.parametrize(("symbol", "last", "offset", "buy", "sell"), CASES)
def test_a_limit_stands_where_the_file_says(
    symbol: str, last: str, offset: str, buy: str, sell: str
) -> None:
    account = Account({"limit_orders": ""})
    i, item = SYMBOLS.index(symbol), INSTRUMENTS[SYMBOLS.index(symbol)]
    step = account.s.terms[i, at.TERM_PRICE_STEP]
    account.s.terms[i, at.TERM_PRICE_MAX] = item.price_max_ticks if item.is_binary else 0
    account.s.account[at.ACCOUNT_ENTRY_OFFSET_PPM] = int(offset) * 100
    account.price(symbol, last)
    limits = [entry_limit(account.s, i, side) for side in (1, -1)]
    assert [item.ticks_to_price(each) for each in limits] == [
        item.ticks_to_price(item.price_to_ticks(each)) for each in (buy, sell)
    ]
    assert all(limit % step == 0 for limit in limits)


def test_a_price_far_out_of_range_is_none_in_both_worlds() -> None:
    account = Account({})
    account.s.positions[0, at.POSITION_LAST] = 2**62
    # Half of it on top does not fit in 64 bits less one: refused, not wrapped.
    assert passive_price(account.s, 0, 1, -(10**6) * 2) <= 1
