"""Commands leave the core as types that only the checks can make."""

from __future__ import annotations

import pytest

from engine.approved import CancelApproved, ReplaceApproved, RiskApproved, approved_commands
from engine.kernels.orders import ask_cancel, ask_replace
from engine.model import layout as at
from engine.model.orders import OrderFlag, OrderType, TimeInForce
from tests.unit.trading.account import SYMBOLS, Account

ABC = SYMBOLS.index("ABC")


def account_with(words: str = "", **settings: str) -> Account:
    account = Account(settings)
    account.tell(words)
    return account


def test_an_approved_order_leaves_with_its_terms() -> None:
    account = account_with()
    account.order("buy ABC 5 @ 99.50")
    (order,) = approved_commands(account.core)
    assert order == RiskApproved(
        order_id=1,
        instrument=ABC,
        side=1,
        order_type=OrderType.LIMIT,
        time_in_force=TimeInForce.GTC,
        quantity_lots=5,
        limit_ticks=9950,
        stop_ticks=0,
        trail_ticks=0,
        trail_ppm=0,
        expires_ns=0,
        flags=OrderFlag(0),
        parent_id=0,
        group_id=0,
    )


def test_a_denied_order_never_leaves() -> None:
    account = account_with("latch kill locked")
    assert account.order("buy ABC 5") == 0
    assert approved_commands(account.core) == ()


def test_cancels_and_replacements_leave_in_their_order() -> None:
    account = account_with()
    account.order("buy ABC 5 @ 99.50")
    assert ask_replace(account.s, 1, 7, 9900, 0)
    assert ask_cancel(account.s, 1)
    first, *rest = approved_commands(account.core)
    assert isinstance(first, RiskApproved)
    assert rest == [ReplaceApproved(1, ABC, 7, 9900, 0), CancelApproved(1, ABC)]


def test_a_denied_replacement_never_leaves() -> None:
    account = account_with(position="20")
    account.order("buy ABC 20 @ 100")
    assert not ask_replace(account.s, 1, 21, 10000, 0)
    assert len(approved_commands(account.core)) == 1


def test_a_command_whose_order_has_moved_is_not_guessed_at() -> None:
    account = account_with()
    account.order("buy ABC 5 @ 99.50")
    account.s.orders[0, at.ORDER_ID] = 7
    with pytest.raises(AssertionError, match="a row that has moved"):
        approved_commands(account.core)
