"""What a person is shown of the signals that wait, and how a session says what its mode is."""

from __future__ import annotations

from decimal import Decimal

import numpy as np
import pytest

from engine.model import layout as at
from engine.model.trading import ExecutionMode
from engine.state import CoreShape, new_core
from runtime.approvals import QueuedSignal, queued_signals, use_mode
from runtime.results.signals import signal_id
from tests.unit.trading.account import INSTRUMENTS, NOW
from tests.unit.trading.test_modes_table import Session, session_with

MINUTE = 60 * 10**9


def listed(session: Session, *, after: int = 0) -> tuple[QueuedSignal, ...]:
    return queued_signals(session.core, INSTRUMENTS, fingerprint="5f0c", now_ns=NOW + after)


def test_a_signal_that_waits_is_listed_with_all_that_a_person_decides_on() -> None:
    session = session_with("sell RAIN")
    (signal,) = listed(session)
    assert signal == QueuedSignal(
        number=1,
        signal_id=signal_id("5f0c", "RAIN", -1, NOW),
        symbol="RAIN",
        side=-1,
        quantity=Decimal(10),
        price=Decimal("0.40"),
        since_ns=NOW,
        expires_ns=NOW + 5 * MINUTE,
        state="waiting",
        order="market",
        value=Decimal(6),  # ten contracts sold at 0.40 can cost 0.60 each
        why="the strategy signalled it",
        opens_ns=None,
    )


def test_an_order_that_its_strategy_sized_is_listed_with_what_hangs_on_it() -> None:
    (signal,) = listed(session_with("bracket ABC 5 95 94"))
    assert signal.order == "market, stop 95.00, stop 94.00"
    assert (signal.quantity, signal.value, signal.why) == (5, 500, "the strategy sized it")


def test_a_signal_of_the_close_is_for_the_next_open_and_says_which() -> None:
    words = "opens 6.5h; +6.5h; bar ABC 6.5h 100; buy ABC"
    (signal,) = listed(session_with(words), after=0)
    assert signal.opens_ns is not None and signal.opens_ns > NOW
    assert signal.expires_ns == signal.opens_ns + 5 * MINUTE


def test_what_is_approved_and_held_is_listed_as_that() -> None:
    words = "opens 6.5h; +6.5h; tick ABC 100; buy ABC; shuts; approve 1"
    (signal,) = listed(session_with(words))
    assert signal.state == "approved"


def test_signals_are_listed_in_the_order_in_which_they_came() -> None:
    session = session_with("buy GHI; +1s; buy ABC")
    assert [(each.number, each.symbol) for each in listed(session)] == [(1, "GHI"), (2, "ABC")]


@pytest.mark.parametrize("words", ["buy ABC; approve 1", "buy ABC; reject 1", "buy ABC; leave ABC"])
def test_what_has_been_decided_is_not_listed(words: str) -> None:
    assert listed(session_with(words)) == ()


def test_what_has_expired_is_not_listed_even_before_the_core_has_heard_of_it() -> None:
    session = session_with("buy ABC")
    assert len(listed(session, after=5 * MINUTE)) == 1  # up to the moment
    assert listed(session, after=5 * MINUTE + 1) == ()


def test_a_core_without_the_trading_loop_has_no_queue_and_takes_no_mode() -> None:
    terms = np.zeros((2, at.TERMS_WIDTH), dtype=np.int64)
    _, core = new_core(CoreShape(2), terms)
    assert queued_signals(core, INSTRUMENTS[:2], fingerprint="", now_ns=0) == ()
    use_mode(core, ExecutionMode.AUTO)
    with pytest.raises(ValueError, match="trading loop"):
        use_mode(core, ExecutionMode.APPROVE)
    assert core.account[at.ACCOUNT_MODE] == ExecutionMode.AUTO


def test_a_mode_is_what_the_session_says() -> None:
    session = session_with("")
    for mode in ExecutionMode:
        use_mode(session.core, mode)
        assert session.s.account[at.ACCOUNT_MODE] == mode
