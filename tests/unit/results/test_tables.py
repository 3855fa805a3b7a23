"""The tables of a run, row by row."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, date, datetime
from decimal import Decimal

import numpy as np
import polars as pl
import pytest
from journals import MARKET_QUOTE, OTHER, STOCK, Run

from data.calendars import sessions
from data.history import BarColumns, History, InstrumentHistory, QuoteColumns
from engine.model import layout as at
from engine.model.denials import Denial
from engine.model.units import NS_PER_DAY, NS_PER_HOUR
from runtime.results import (
    cash_frame,
    equity_frame,
    fills_frame,
    orders_frame,
    path_result,
    trades_frame,
)
from runtime.results.daily import trading_days
from sims.fillbook.layout import REASON_DAY_ENDED, REASON_OCO


def flip() -> Run:
    """Long 100 at 10, flip to short 50 at 11, cover at 9."""
    run = Run()
    run.trade(100, 1000, fee="1")
    run.at_day(2).trade(-150, 1100, fee="3")
    run.at_day(3).trade(50, 900, fee="0.5")
    return run


def test_a_flip_ends_one_round_trip_and_begins_the_next() -> None:
    shown = trades_frame(flip().output()).select(
        "direction", "quantity", "entry_price", "exit_price", "realized", "fees", "pnl", "is_open"
    )
    number = Decimal
    assert shown.rows() == [
        ("long", number(100), number(10), number(11), number(100), number(3), number(97), False),
        (
            "short",
            number(50),
            number(11),
            number(9),
            number(100),
            number("1.5"),
            number("98.5"),
            False,
        ),
    ]


def test_closed_trades_count_the_whole_fee_of_the_closing_fill() -> None:
    trades = path_result(flip().output()).trades
    assert (trades.orders, trades.fills, trades.closed, trades.won) == (3, 3, 2, 2)
    assert (trades.best, trades.worst) == (Decimal("99.5"), Decimal(97))


def test_an_open_trip_has_no_exit_and_what_it_realized_so_far() -> None:
    run = Run()
    run.trade(100, 1000)
    run.trade(-40, 1200)
    row = trades_frame(run.output()).row(0, named=True)
    assert row["exit_time"] is None and row["is_open"]
    assert (row["realized"], row["exit_price"]) == (Decimal(80), Decimal(12))
    assert path_result(run.output()).trades.open_positions == 1


def test_fills_carry_their_data() -> None:
    run = Run(STOCK, OTHER)
    order = run.order(-1, 1500, instrument=1)
    run.fill(order, 1500, 123456, reference=123460, fee="0.00000001", instrument=1)
    (row,) = fills_frame(run.output()).rows(named=True)
    assert row == {
        "time": datetime(1970, 1, 2, tzinfo=UTC),
        "symbol": "OTHR",
        "order_id": 1,
        "side": "sell",
        "quantity": Decimal("1.500"),
        "price": Decimal("12.3456"),
        "value": Decimal("18.5184"),
        "fee": Decimal("0.00000001"),
        "currency": "USD",
        "liquidity": "taker",
        "rule": "market.open",
        "reference": Decimal("12.3460"),
        "slippage": Decimal("0.0006"),  # 1.5 x 0.0004
        "realized": Decimal(0),
        "position": Decimal("-1.500"),
        "price_float": 12.3456,
    }
    assert path_result(run.output()).costs.slippage == Decimal("0.0006")


def test_money_is_decimal_and_times_are_utc() -> None:
    output = flip().output()
    for frame in (fills_frame(output), orders_frame(output), trades_frame(output)):
        floats = [name for name, dtype in frame.schema.items() if dtype.is_float()]
        assert all(name.endswith("_float") for name in floats)
        assert frame.schema.get("time", pl.Datetime("ns", "UTC")) == pl.Datetime("ns", "UTC")


def accepted(run: Run, order: int) -> None:
    run.fact(at.KIND_ACCEPTED, order)


def canceled(run: Run, order: int) -> None:
    run.fact(at.KIND_CANCELED, order, reason=REASON_OCO)


def expired(run: Run, order: int) -> None:
    run.fact(at.KIND_EXPIRED, order, reason=REASON_DAY_ENDED)


def part(run: Run, order: int) -> None:
    run.fill(order, 4, 1000, last=False)


def rest(run: Run, order: int) -> None:
    run.fill(order, 6, 1001)


def part_and_reduced(run: Run, order: int) -> None:
    run.fill(order, 4, 1000)  # its OCO mate took the rest away


def ask(run: Run, order: int) -> None:
    run.fact(at.KIND_CANCEL_SENT, order)


def refuse(run: Run, order: int) -> None:
    run.fact(at.KIND_CANCEL_REJECTED, order)


def trigger(run: Run, order: int) -> None:
    run.fact(at.KIND_TRIGGERED, order)


@pytest.mark.parametrize(
    ("facts", "status", "filled", "reason"),
    [
        ((), "in_flight", 0, None),
        ((accepted,), "open", 0, None),
        ((accepted, trigger), "triggered", 0, None),
        ((accepted, part), "partially_filled", 4, None),
        ((accepted, part, rest), "filled", 10, None),
        ((accepted, part_and_reduced), "filled", 4, None),
        ((accepted, canceled), "canceled", 0, "oco"),
        ((accepted, part, canceled), "canceled", 4, "oco"),
        ((accepted, expired), "expired", 0, "day_ended"),
        ((accepted, ask), "pending_cancel", 0, None),
        ((accepted, ask, refuse), "open", 0, None),
        ((accepted, ask, part, rest), "filled", 10, None),
    ],
)
def test_the_status_follows_from_the_facts(
    facts: tuple[Callable[[Run, int], None], ...], status: str, filled: int, reason: str | None
) -> None:
    run = Run()
    order = run.order(1, 10)
    for fact in facts:
        fact(run, order)
    row = orders_frame(run.output()).row(0, named=True)
    assert (row["status"], row["filled"], row["reason"]) == (status, filled, reason)
    over = status in ("filled", "canceled", "expired")
    assert (row["ended"] is not None) == over


def test_an_order_shows_its_latest_terms_average_and_rules() -> None:
    run = Run()
    order = run.order(1, 10, kind=at.TYPE_LIMIT, limit=990)
    row = run.fact(at.KIND_REPLACED, order)
    row[at.FACT_LOTS], row[at.FACT_PRICE] = 3, 1005
    run.fill(order, 1, 1000, rule=20, fee="0.1", last=False)
    run.fill(order, 2, 1001, rule=23, fee="0.2")
    (shown,) = orders_frame(run.output()).rows(named=True)
    assert (shown["type"], shown["time_in_force"]) == ("limit", "GTC")
    assert (shown["quantity"], shown["limit"], shown["stop"]) == (3, Decimal("10.05"), None)
    assert shown["average_price"] == Decimal("10.006667")  # 30.02 / 3
    assert (shown["fees"], shown["status"]) == (Decimal("0.3"), "filled")
    assert shown["rules"] == "limit.open, limit.path"


def test_a_denied_order_has_its_code_and_sentence_and_a_denied_replacement_is_no_order() -> None:
    run = Run()
    run.order(1, 10, denied=Denial.BUYING_POWER)
    order = run.order(1, 5)
    run.order(1, 500, denied=Denial.QUANTITY_TOO_LARGE, order_id=order)
    frame = orders_frame(run.output())
    assert frame.select("order_id", "status", "reason").rows() == [
        (1, "denied", "buying_power"),
        (2, "in_flight", None),
    ]
    assert frame["sentence"][0] == "the order would exceed the account's buying power"


def test_the_last_mark_of_a_day_is_its_close() -> None:
    run = Run(cash="1000")
    for day, flow in ((1.5, "10"), (1.75, "20"), (2, "30"), (2.5, "40"), (4.25, "50")):
        run.at_day(day).transfer(flow)
        run.mark()
    frame = equity_frame(run.output())
    assert frame.select("day", "equity", "flow").rows() == [
        (date(1970, 1, 1), Decimal(1000), Decimal(0)),
        (date(1970, 1, 2), Decimal(1060), Decimal(60)),  # midnight closes the day before
        (date(1970, 1, 3), Decimal(1100), Decimal(40)),
        (date(1970, 1, 5), Decimal(1150), Decimal(50)),
    ]
    assert frame["return_float"].to_list() == [None, 0.0, 0.0, 0.0]


@pytest.mark.parametrize("calendar", ["24/7", "XNYS", "FX"])
def test_a_session_close_belongs_to_its_own_day(calendar: str) -> None:
    first = 12_780 * NS_PER_DAY  # 28 December 2004
    _, closes = sessions(calendar, first, first + 30 * NS_PER_DAY)
    days = trading_days(calendar, closes)
    assert np.all(np.diff(days) > 0)
    assert np.array_equal(days, (closes - 1) // NS_PER_DAY)
    assert np.array_equal(trading_days(calendar, closes - NS_PER_HOUR), days)


def test_cash_rows_say_their_cause() -> None:
    run = Run()
    run.trade(-100, 1000, fee="1")
    run.dividend("0.5")
    run.accrue()
    run.at_day(2).accrue()
    causes = cash_frame(run.output()).select("cause", "symbol").rows()
    assert causes == [("fill", "ACME"), ("fee", "ACME"), ("dividend", "ACME"), ("borrow", "ACME")]


def quoted_history() -> History:
    ts = np.array([1, 2, 3]) * NS_PER_DAY
    price, lots = np.array([998, 1000, 1000]), np.full(3, 10)
    quotes = QuoteColumns(ts, price, price + 6, lots, lots)
    bars = BarColumns(ts - NS_PER_HOUR, ts, price, price, price, price, lots)
    return History((InstrumentHistory(STOCK, bars, quotes),))


def test_half_the_spread_is_paid_where_a_quote_was_taken() -> None:
    run = Run()
    order = run.order(1, 10)
    run.at_day(2).fill(order, 10, 1007, reference=1006, rule=MARKET_QUOTE)
    costs = path_result(run.output(), history=quoted_history()).costs
    assert (costs.spread, costs.slippage) == (Decimal("0.3"), Decimal("0.1"))
    assert path_result(run.output()).costs.spread == 0


def test_shortfall_compares_with_the_price_at_the_decision() -> None:
    run = Run()
    for _ in range(20):
        order = run.at_day(1).order(1, 10)
        run.at_day(2).fill(order, 10, 1007, fee="0.1")
    metrics = path_result(run.output(), history=quoted_history()).metrics
    # Decided at the mid of 9.98 and 10.04, filled at 10.07 and one cent a share of fees.
    assert metrics["implementation_shortfall"] == pytest.approx(0.07 / 10.01)


def test_bars_held_are_counted_where_the_bars_are_given() -> None:
    run = Run()
    run.trade(10, 1000)
    run.at_day(3).trade(-10, 1000)
    assert trades_frame(run.output(), history=quoted_history())["bars_held"].to_list() == [2]
    assert trades_frame(run.output())["bars_held"].to_list() == [None]


def test_a_run_without_any_event_has_empty_tables() -> None:
    output = Run().output()
    for build in (fills_frame, orders_frame, trades_frame, cash_frame):
        assert len(build(output)) == 0
    assert equity_frame(output)["equity"].to_list() == [Decimal(10000)]
    assert path_result(output).metrics["sharpe"] is None
