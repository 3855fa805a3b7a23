"""The tables of the trading loop, row by row."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest

from engine.model import layout as at
from engine.model.denials import Denial
from engine.model.trading import (
    AttemptResult,
    ExitAlert,
    ExitReason,
    Latch,
    PriceKind,
    Severity,
    Unit,
    Verdict,
)
from engine.model.units import to_minor
from engine.rules.protection import ALERT_UNPROTECTED
from runtime.results import checks_frame, orders_frame, signal_id, signals_frame, trades_frame
from runtime.results.exits import exit_attempts_frame, exit_statistics, exits_frame
from runtime.results.guards import ALERTS, denial_rows, guard_rows, guards_frame
from runtime.results.links import has_trading_loop
from tests.unit.results.journals import EVENT, STOCK, Run
from tests.unit.results.loops import PERCENT_PPB, LoopRun, rain

number = Decimal
DAY_TEN = datetime(1970, 1, 11, tzinfo=UTC)
FIRED = DAY_TEN + timedelta(seconds=1603)


def test_a_signal_is_told_with_what_became_of_it() -> None:
    (row,) = signals_frame(rain().output(), fingerprint="5f0c").rows(named=True)
    assert row == {
        "signal": 1,
        "signal_id": signal_id("5f0c", "RAIN", 1, 10 * 86_400 * 10**9),
        "time": DAY_TEN,
        "symbol": "RAIN",
        "side": "buy",
        "source": "rule",
        "edge": number("0.08"),
        "confidence": number("0.71"),
        "goal": None,
        "price": number("0.46"),
        "expires": DAY_TEN + timedelta(minutes=5),
        "answer": "approved",
        "order_id": 1,
        "quantity": number(800),
        "code": None,
        "sentence": None,
    }


def test_the_public_id_of_a_signal_is_that_of_its_decision() -> None:
    one = signal_id("5f0c", "RAIN", 1, 864)
    assert len(one) == 16 and one == signal_id("5f0c", "RAIN", 1, 864)
    others = [("5f0d", "RAIN", 1, 864), ("5f0c", "SUN", 1, 864)]
    others += [("5f0c", "RAIN", -1, 864), ("5f0c", "RAIN", 1, 865)]
    assert one not in {signal_id(*each) for each in others}


def test_checks_have_their_numbers_in_their_unit() -> None:
    frame = checks_frame(rain().output()).select("place", "verdict", "number", "limit", "unit")
    assert frame.rows() == [
        (1, "pass", number(0), number(0), "severity"),
        (2, "pass", number("0.184"), number("0.2"), "fraction"),
        (3, "off", number(0), number(0), "count"),
    ]


@pytest.mark.parametrize(
    ("unit", "quanta", "shown"),
    [
        (Unit.MINOR, 12_345_000_000, "123.45"),
        (Unit.PPB, 50_000_000, "0.05"),
        (Unit.TICKS, 46, "0.46"),
        (Unit.LOTS, 800, "800"),
        (Unit.NANOSECONDS, 1_500_000_000, "1.5"),
    ],
)
def test_each_unit_has_its_own_decimals(unit: Unit, quanta: int, shown: str) -> None:
    run = LoopRun(EVENT)
    run.checked(1, 1, 1, Denial.BUYING_POWER, Verdict.PASS, quanta, -(2**63), unit)
    (row,) = checks_frame(run.output()).rows(named=True)
    assert row["number"] == number(shown)
    assert row["limit"] is None  # not given


def test_an_exit_is_told_from_firing_to_flat() -> None:
    (row,) = exits_frame(rain().output()).rows(named=True)
    assert row == {
        "fired": FIRED,
        "ended": FIRED + timedelta(seconds=70),
        "symbol": "RAIN",
        "position_id": 1,
        "reason": "early_exit",
        "result": "closed",
        "also": "rebalance",
        "number": number("0.017"),
        "limit": number("0.02"),
        "unit": "fraction",
        "price": number("0.52"),
        "return_fired": number("0.130435"),
        "quantity": number(800),
        "filled": number(800),
        "left": number(0),
        "attempts": 2,
        "walks": 1,
        "exit_price": number("0.513750"),  # 411 / 800
        "realized": number(43),
        "fees": number(0),
        "pnl": number(43),
        "currency": "USD",
    }


def test_every_attempt_is_a_row() -> None:
    frame = exit_attempts_frame(rain().output())
    shown = frame.select("attempt", "kind", "price", "quantity", "filled", "result", "order_id")
    assert shown.rows() == [
        (1, "conservative", number("0.52"), number(800), number(300), "replaced", 2),
        (2, "conservative", number("0.51"), number(500), number(500), "filled", 2),
    ]
    assert frame["ended"].to_list() == [
        FIRED + timedelta(seconds=60),
        FIRED + timedelta(seconds=70),
    ]


def test_orders_and_trades_name_what_they_belong_to() -> None:
    output = rain().output()
    orders = orders_frame(output, fingerprint="5f0c")
    assert orders.select("order_id", "position_id", "exit_reason").rows() == [
        (1, None, None),
        (2, 1, "early_exit"),
    ]
    assert orders["signal_id"].to_list() == [
        signals_frame(output, fingerprint="5f0c")["signal_id"][0],
        None,
    ]
    assert trades_frame(output).select("position_id", "exit_reason").rows() == [(1, "early_exit")]


def test_the_table_per_reason_adds_up() -> None:
    early, rebalance = exit_statistics(rain().output())
    assert (early.reason, early.fired, early.won, early.closed) == ("early_exit", 1, 1, 1)
    assert (early.failed, early.taken_over, early.elsewhere) == (0, 0, 0)
    assert (early.quantity, number(early.pnl)) == ("800", 43)
    assert early.mean_return == 43 / 368
    assert (early.attempts_per_close, early.seconds_to_flat) == (2.0, 70.0)
    assert early.cost_bps == pytest.approx(5 / 416 * 10_000)
    assert (rebalance.reason, rebalance.fired, rebalance.won) == ("rebalance", 1, 0)
    assert rebalance.mean_return is None and rebalance.cost_bps is None


def test_what_fills_after_a_takeover_belongs_to_what_took_over() -> None:
    run = LoopRun(STOCK)
    run.trade(100, 1000)
    run.trip(1, base=100)
    run.fired(1, ExitReason.PROFIT_TARGET, price=1250, lots=100)
    sold = run.order(-1, 100, kind=at.TYPE_LIMIT, limit=1251)
    run.attempt(
        1, ExitReason.PROFIT_TARGET, 1, sold, kind=PriceKind.FAIR, price=1251, lots=100, touch=1250
    )
    run.fill(sold, 40, 1251, last=False)
    run.later(5)
    run.fired(1, ExitReason.STOP_LOSS, price=800, lots=60)
    run.exit_ended(
        1, ExitReason.PROFIT_TARGET, AttemptResult.TAKEN_OVER, attempts=1, lots=40, left=60
    )
    run.fill(sold, 10, 1251)
    run.attempt_ended(1, ExitReason.PROFIT_TARGET, 1, sold, AttemptResult.CANCELED, lots=50)
    market = run.order(-1, 50)
    run.attempt(
        1, ExitReason.STOP_LOSS, 1, market, kind=PriceKind.MARKET, price=0, lots=50, touch=800
    )
    run.fill(market, 50, 800)
    run.exit_ended(1, ExitReason.STOP_LOSS, AttemptResult.CLOSED, attempts=1, lots=60)
    stop, target = exit_statistics(run.output())
    assert (stop.quantity, stop.closed, target.quantity, target.taken_over) == ("60", 1, "40", 1)
    # 10 x 2.51 - 50 x 2 = -74.90; 40 x 2.51 = 100.40
    assert (number(stop.pnl), number(target.pnl)) == (number("-74.90"), number("100.40"))
    # 10 at 12.51 for 8.00 are 45.10 better: -45.10 of 60 x 8 = 480
    assert stop.cost_bps == pytest.approx(-45.1 / 480 * 10_000)


def trailing() -> LoopRun:
    """A trailing stop fires; what stands in the way is canceled first, and then more conditions hold."""
    run = LoopRun(STOCK)
    run.trade(100, 1000)
    run.trip(1, base=100)
    reason = ExitReason.TRAILING_STOP
    run.fired(1, reason, price=1100, lots=100, number=1100, limit=1101)
    run.later(1)
    run.fired(
        1, reason, price=1099, lots=100, number=1099, limit=1101, also=(ExitReason.EARLY_EXIT,)
    )
    sold = run.order(-1, 100, kind=at.TYPE_LIMIT, limit=1098)
    run.attempt(1, reason, 1, sold, kind=PriceKind.AGGRESSIVE, price=1098, lots=100, touch=1099)
    run.fired(1, ExitReason.EARLY_EXIT, price=1102, lots=100)
    return run


def test_an_exit_that_works_at_the_end_has_no_end() -> None:
    (row,) = exits_frame(trailing().output()).rows(named=True)
    assert (row["ended"], row["result"], row["also"]) == (None, "working", "early_exit")
    assert (row["limit"], row["unit"]) == (number("11.01"), "price")
    assert [(each.fired, each.won) for each in exit_statistics(trailing().output())] == [
        (1, 1),
        (1, 0),
    ]


def test_an_exit_that_ended_began_when_its_end_says() -> None:
    run = trailing()
    begun = 86_400 * 10**9
    run.exit_ended(
        1, ExitReason.TRAILING_STOP, AttemptResult.CLOSED_ELSEWHERE, attempts=1, fired=begun
    )
    (row,) = exits_frame(run.output()).rows(named=True)
    assert (row["fired"], row["price"]) == (datetime(1970, 1, 2, tzinfo=UTC), number(11))
    assert row["also"] == "early_exit"


def test_what_fired_and_did_nothing_is_counted_and_is_no_exit() -> None:
    run = LoopRun(STOCK)
    run.trade(100, 1000)
    run.trip(1, base=100)
    both = (ExitReason.EARLY_EXIT, ExitReason.EDGE_DISAPPEARED)
    run.fired(1, both[0], price=990, lots=100)
    run.fired(1, both[0], price=990, lots=100, also=both[1:])  # the other holds now, too
    run.fired(1, both[0], price=990, lots=100, also=both[1:])  # both again, after they did not
    output = run.output()
    assert exits_frame(output).height == 0
    assert [(each.reason, each.fired, each.won) for each in exit_statistics(output)] == [
        ("early_exit", 2, 0),
        ("edge_disappeared", 2, 0),
    ]


def test_an_exit_that_failed_and_is_tried_again_fired_twice() -> None:
    run = LoopRun(STOCK)
    run.trade(100, 1000)
    run.trip(1, base=100)
    for k in range(2):
        run.fired(1, ExitReason.REBALANCE, price=1100, lots=100)
        order = run.order(-1, 100, kind=at.TYPE_LIMIT, limit=1200)
        run.attempt(
            1, ExitReason.REBALANCE, 1, order, kind=PriceKind.FAIR, price=1200, lots=100, touch=1100
        )
        run.fact(at.KIND_CANCELED, order)
        run.attempt_ended(1, ExitReason.REBALANCE, 1, order, AttemptResult.CANCELED)
        result = AttemptResult.CLOSED_ELSEWHERE if k else AttemptResult.FAILED
        run.exit_ended(1, ExitReason.REBALANCE, result, attempts=1, left=100, fired=run.now)
        run.later(60)
    (row,) = exit_statistics(run.output())
    assert (row.fired, row.won, row.failed, row.elsewhere) == (2, 2, 1, 1)
    assert [each["result"] for each in exits_frame(run.output()).to_dicts()] == [
        "failed",
        "closed_elsewhere",
    ]
    assert exit_attempts_frame(run.output())["result"].to_list() == ["canceled", "canceled"]


def guarded() -> LoopRun:
    """The daily loss is passed, a person resets; then the drawdown is."""
    run = LoopRun(STOCK)
    loss, limit = int(to_minor("-500.01")), int(to_minor("-500"))
    run.at_day(5).latch(Latch.DAILY_LOSS, Severity.FLATTENING, number=loss, limit=limit)
    run.latch(Latch.DAILY_LOSS, Severity.LOCKED, number=loss, limit=limit)
    run.at_day(6).latch(Latch.DAILY_LOSS, Severity.LOCKED, clears=True, by=1)
    run.at_day(7).latch(Latch.DRAWDOWN, Severity.FLATTENING, number=200_000, limit=200_000)
    return run


def test_guards_are_told_event_by_event() -> None:
    shown = guards_frame(guarded().output()).select(
        "event", "guard", "severity", "number", "unit", "cleared_by", "effective"
    )
    loss = number("-500.01")
    assert shown.rows() == [
        ("latch_set", "daily_loss", "flattening", loss, "money", None, "flattening"),
        ("latch_set", "daily_loss", "locked", loss, "money", None, "locked"),
        ("latch_cleared", "daily_loss", "locked", None, None, "a person", "active"),
        ("latch_set", "drawdown", "flattening", number("0.2"), "fraction", None, "flattening"),
    ]


def test_a_guard_that_gets_worse_was_set_once() -> None:
    daily, drawdown = guard_rows(guarded().output())
    assert (daily.guard, daily.times, daily.severity, daily.is_set) == (
        "daily_loss",
        1,
        "locked",
        False,
    )
    assert daily.why == "-500.01 against -500.00"
    assert daily.first_ns == 5 * 86_400 * 10**9
    assert (drawdown.times, drawdown.is_set, drawdown.why) == (1, True, "20 % against 20 %")


def test_what_locks_one_instrument_is_not_set_for_the_account() -> None:
    run = LoopRun(STOCK)
    for day in (3, 4):
        run.at_day(day).latch(
            Latch.STOP_LOSSES, Severity.REDUCE_ONLY, number=3, limit=3, instrument=0
        )
    (row,) = guard_rows(run.output())
    assert (row.times, row.is_set, row.why) == (2, False, "3 against 3")
    assert guards_frame(run.output())["symbol"].to_list() == ["ACME", "ACME"]


def test_denials_count_signals_and_orders() -> None:
    run = LoopRun(STOCK)
    for k in range(3):
        run.signal(k + 1, 1, 1000, edge=1, confidence=50)
        denied = run.order(1, 10, denied=Denial.BUYING_POWER)
        run.checked(k + 1, denied, 1, Denial.BUYING_POWER, Verdict.OVER, 2, 1, Unit.MINOR)
        run.answered(k + 1, 0, 0, code=Denial.BUYING_POWER)
    run.order(1, 10, denied=Denial.TOO_MANY_ORDERS)
    first, second = denial_rows(run.output())
    assert (first.reason, first.signals, first.orders) == ("buying_power", 3, 3)
    assert (second.reason, second.signals, second.orders) == ("too_many_orders", 0, 1)
    assert first.sentence == "the order would exceed the account's buying power"
    orders = orders_frame(run.output(), fingerprint="5f0c")
    ids = signals_frame(run.output(), fingerprint="5f0c")["signal_id"].to_list()
    assert orders["signal_id"].to_list() == [
        *ids,
        None,
    ]  # a denied order knows its signal by its checks


def test_a_run_without_a_loop_has_the_tables_without_rows() -> None:
    run = Run()
    run.trade(100, 1000)
    output = run.output()
    assert not has_trading_loop(output)
    for frame in (signals_frame, checks_frame, exits_frame, exit_attempts_frame, guards_frame):
        assert frame(output).height == 0
        assert frame(output).schema == frame(rain().output()).schema
    assert exit_statistics(output) == guard_rows(output) == denial_rows(output) == []
    assert orders_frame(output).select("signal_id", "position_id", "exit_reason").rows() == [
        (None, None, None)
    ]


def test_an_edge_that_nobody_gave_is_null() -> None:
    run = LoopRun(STOCK)
    run.signal(1, -1, 1000, edge=5, confidence=50)
    row = run.core.journal[int(run.core.account[at.ACCOUNT_JOURNAL]) - 1]
    row[6] = row[7] = -(2**63)
    (shown,) = signals_frame(run.output()).rows(named=True)
    assert (shown["edge"], shown["confidence"], shown["side"]) == (None, None, "sell")
    assert PERCENT_PPB == 10**7


def test_every_alert_has_its_name() -> None:
    assert ALERTS[ALERT_UNPROTECTED] == "unprotected"
    assert {ALERTS[alert.value] for alert in ExitAlert} == {
        alert.name.lower() for alert in ExitAlert
    }
