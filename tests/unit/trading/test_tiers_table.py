"""Every line of tiers.txt is a test of the real kernels."""

from __future__ import annotations

from decimal import Decimal

import pytest

from engine.model import trading_layout as loop
from engine.model.trading import Tier
from tests.unit.trading.guarded import START, Guarded, Row, duration, rows_of, split_words

ROWS = rows_of("tiers.txt")


def tiers(row: Row, world: str) -> list[str]:
    """Let a line's equities happen; return the tier after each."""
    account = Guarded({"daily": "0", "drawdown": "0"} | row.settings, world)
    equity = Decimal(row.columns[0])
    account.happen(f"& cash {equity}")
    said = []
    for word in split_words(row.columns[1]):
        amount, _, at = word.partition("at ")
        account.move_to(START + duration(at))
        if amount.strip():
            account.happen(f"& deposit {Decimal(amount) - equity}")
            equity = Decimal(amount)
        account.finish()
        closed = " closed" if "tier" in account.latches() else ""
        said.append(Tier(int(account.s.guard[loop.GUARD_TIER])).name.lower() + closed)
    return said


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row.name)
def test_a_line(row: Row) -> None:
    assert tiers(row, "interpreted") == split_words(row.columns[2])
