"""Every line of signals.txt is a test; what is recorded and remembered of a signal."""

from __future__ import annotations

import pytest

from engine.model import layout as at
from engine.model import trading_layout as loop
from engine.model.denials import Denial
from engine.model.trading import SignalSource
from engine.rules.own_orders import receive_order
from tests.unit.trading.account import NOW, SYMBOLS, Account, Line, read_table

LINES = list(read_table("signals.txt"))
ABC = SYMBOLS.index("ABC")
MINUTE = 60 * 10**9


def play(line: Line, world: str = "interpreted") -> list[str]:
    account = Account(line.settings, world)
    account.tell(line.columns[1])
    return account.answers_to(line.columns[0])


@pytest.mark.parametrize("line", LINES, ids=lambda line: line.name)
def test_a_signal_becomes_an_entry_as_the_table_says(line: Line) -> None:
    assert play(line) == [item.strip() for item in line.columns[2].split(";")], line.columns[3]


def test_the_table_is_long_enough_to_be_trusted() -> None:
    assert len(LINES) >= 60
    told = " ".join(line.columns[2] for line in LINES)
    assert all(Denial(code).name.lower() in told for code in range(200, 210))


def account_with(words: str = "", **settings: str) -> Account:
    account = Account(settings)
    account.tell(words)
    return account


def orders_of(account: Account) -> list[tuple[int, int, int, int]]:
    """Return side, lots, type and price of the working orders."""
    s = account.s
    columns = (at.ORDER_SIDE, at.ORDER_QUANTITY, at.ORDER_TYPE, at.ORDER_LIMIT)
    rows = range(s.account[at.ACCOUNT_ORDERS])
    return [tuple(s.orders[r, column] for column in columns) for r in rows]  # type: ignore[misc]


# --- the order ---------------------------------------------------------------------------------------
@pytest.mark.parametrize(
    ("held", "signal", "order"),
    [
        ("", "buy ABC", (1, 10, at.TYPE_MARKET, 0)),
        ("", "sell ABC", (-1, 10, at.TYPE_MARKET, 0)),
        ("hold ABC -7", "buy ABC", (1, 17, at.TYPE_MARKET, 0)),  # one order turns it over
        ("hold ABC 7", "sell ABC", (-1, 17, at.TYPE_MARKET, 0)),
    ],
)
def test_an_entry_is_of_the_configured_size(
    held: str, signal: str, order: tuple[int, int, int, int]
) -> None:
    account = account_with(held)
    account.signal(signal)
    assert orders_of(account) == [order]


@pytest.mark.parametrize(("side", "limit"), [("buy", 9950), ("sell", 10050)])
def test_a_limit_entry_is_on_the_passive_side_of_the_last(side: str, limit: int) -> None:
    account = account_with(limit_orders="")
    account.s.account[at.ACCOUNT_ENTRY_OFFSET_PPM] = 5000  # half a percent of 100
    account.signal(f"{side} ABC")
    assert [order[2:] for order in orders_of(account)] == [(at.TYPE_LIMIT, limit)]


def test_an_entry_brings_its_bracket() -> None:
    account = account_with()
    account.s.account[at.ACCOUNT_STOP_PPM] = 50_000
    account.s.account[at.ACCOUNT_TARGET_PPM] = 100_000
    account.signal("buy ABC")
    kinds = [order[2] for order in orders_of(account)]
    assert kinds == [at.TYPE_MARKET, at.TYPE_STOP, at.TYPE_LIMIT]
    parents = [account.s.orders[r, at.ORDER_PARENT] for r in range(3)]
    assert parents == [0, 1, 1]


# --- what is remembered ---------------------------------------------------------------------------------
def test_an_entry_that_works_is_remembered_whole() -> None:
    settings = {"min_confidence": "0", "goal": "", "expiry": "5m", "timeout": "30s"}
    account = account_with("hold ABC -7", **settings)
    account.signal("buy ABC confidence 0.8 goal 110")
    row = account.s.monitors
    assert row[ABC, loop.ENTRY_SIGNAL] == 1
    assert row[ABC, loop.ENTRY_ORDER] == 1
    assert row[ABC, loop.ENTRY_TRY] == 1
    assert row[ABC, loop.ENTRY_EXPIRES] == NOW + 5 * MINUTE
    assert row[ABC, loop.ENTRY_DEADLINE] == NOW + MINUTE // 2
    assert row[ABC, loop.ENTRY_CLASS] == 3
    assert row[ABC, loop.ENTRY_GOAL] == 11000
    assert row[ABC, loop.ENTRY_LEFT] == 17
    assert row[ABC, loop.ENTRY_SIDE] == 1
    assert account.s.orders[0, at.ORDER_SIGNAL] == 1
    assert account.s.positions[ABC, at.POSITION_ENTRY] == 1
    assert account.s.account[at.ACCOUNT_HELD] == 1
    assert account.s.account[at.ACCOUNT_NEXT_WAKE] == NOW + MINUTE // 2


def test_without_a_timeout_and_an_expiry_nothing_ends_an_entry() -> None:
    account = account_with()
    account.signal("buy ABC")
    assert account.s.monitors[ABC, loop.ENTRY_DEADLINE] == loop.NEVER
    assert account.s.monitors[ABC, loop.ENTRY_EXPIRES] == loop.NEVER
    assert account.s.monitors[ABC, loop.ENTRY_GOAL] == loop.NOT_GIVEN


def test_a_wait_that_the_close_cuts_goes_on_at_the_next_open() -> None:
    account = account_with("opened 60m; closes 10s", timeout="30s")
    account.signal("buy ABC")
    assert account.s.monitors[ABC, loop.ENTRY_DEADLINE] == loop.NEVER
    assert account.s.monitors[ABC, loop.ENTRY_CARRY] == 20 * 10**9


def test_what_is_denied_leaves_no_entry() -> None:
    account = account_with("locked ABC 1s", timeout="30s")
    account.signal("buy ABC")
    assert account.s.monitors[ABC, loop.ENTRY_SIGNAL] == 0
    assert account.s.account[at.ACCOUNT_HELD] == 0
    assert account.s.account[at.ACCOUNT_NEXT_WAKE] == loop.NEVER
    assert orders_of(account) == []


def test_turning_over_is_the_exit_that_was_wished_for() -> None:
    account = account_with("hold ABC 7; wants ABC")
    account.signal("sell ABC")
    assert account.s.monitors[ABC, loop.MONITOR_WANTS] == 0


def test_a_denied_turning_over_leaves_the_wish_to_be_flat() -> None:
    account = account_with("hold ABC 7; wants ABC", position="5")
    account.signal("sell ABC")
    assert account.s.monitors[ABC, loop.MONITOR_WANTS] == loop.WANTS_EXIT


# confidence -> class (SPEC leaves the bounds open: 0.80 and 0.60; none given is medium)
@pytest.mark.parametrize(
    ("confidence", "group"),
    [("0.80", 3), ("0.799999999", 2), ("0.60", 2), ("0.599999999", 1), ("0.01", 1), ("1", 3)],
)
def test_confidence_has_three_classes(confidence: str, group: int) -> None:
    account = account_with(min_confidence="0")
    account.signal(f"buy ABC confidence {confidence}")
    assert account.s.monitors[ABC, loop.ENTRY_CLASS] == group


def test_no_confidence_is_of_the_middle_class() -> None:
    account = account_with()
    account.signal("buy ABC")
    assert account.s.monitors[ABC, loop.ENTRY_CLASS] == 2


# settings, world -> whether another position's end could have let it pass
@pytest.mark.parametrize(
    ("settings", "world", "is_kept"),
    [
        ({"positions": "1"}, "hold DEF 1", True),
        ({"position": "5"}, "", True),
        ({"gross": "5"}, "", True),
        ({"group": "5", "tech": "ABC"}, "", True),
        ({"leverage": "0.005"}, "", True),  # not enough for one
        ({"net": "5"}, "", False),
        ({"notional": "1"}, "", False),
        ({"quantity": "1"}, "", False),
        ({}, "latch api reduce_only", False),
        ({}, "locked ABC 1s", False),
    ],
)
def test_an_entry_denied_for_want_of_room_is_remembered_for_rebalancing(
    settings: dict[str, str], world: str, is_kept: bool
) -> None:
    account = account_with(world, min_edge="5", **settings)
    assert account.signal("buy ABC edge 8%") == 0
    edge = account.s.monitors[ABC, loop.MONITOR_DENIED_EDGE]
    assert edge == (80_000_000 if is_kept else loop.NOT_GIVEN)
    assert account.s.monitors[ABC, loop.MONITOR_DENIED_AT] == (NOW if is_kept else 0)


# --- what is recorded ----------------------------------------------------------------------------------
def test_a_signal_is_recorded_with_all_that_was_said_of_it() -> None:
    account = account_with(min_edge="5", min_confidence="0", goal="", expiry="5m")
    account.signal("sell ABC edge 8% confidence 0.7 goal 90")
    (row,) = account.rows(at.KIND_SIGNAL_RECEIVED)
    expires = NOW + 5 * MINUTE
    rule = SignalSource.RULE.value
    assert row[4:] == [1, -1, 80_000_000, 700_000_000, 9000, 10000, expires, rule]
    (row,) = account.rows(at.KIND_SIGNAL_APPROVED)
    assert row[4:8] == [1, 1, 10, 0]


def test_a_denied_signal_is_recorded_with_its_reason() -> None:
    account = account_with("locked ABC 1s")
    account.signal("buy ABC")
    (row,) = account.rows(at.KIND_SIGNAL_DENIED)
    assert row[4:8] == [1, 0, 0, Denial.LOCKED]
    assert account.s.account[at.ACCOUNT_LAST_DENIAL] == Denial.LOCKED


def test_a_signal_whose_order_is_denied_names_that_order() -> None:
    account = account_with(position="5")
    account.signal("buy ABC")
    (row,) = account.rows(at.KIND_SIGNAL_DENIED)
    assert row[4:8] == [1, 1, 10, Denial.POSITION_SIZE]
    assert {check[loop.CHECKED_SIGNAL] for check in account.rows(at.KIND_CHECKED)} == {1}


def test_what_speaks_against_a_signal_is_recorded_with_its_number_and_limit() -> None:
    account = account_with(min_edge="5")
    account.signal("buy ABC edge 4%")
    (row,) = account.rows(at.KIND_CHECKED)
    assert row[loop.CHECKED_ORDER] == 0
    assert (row[loop.CHECKED_NUMBER], row[loop.CHECKED_LIMIT]) == (40_000_000, 50_000_000)


def test_signals_are_numbered_one_after_another() -> None:
    account = account_with("locked ABC 1s")
    for words in ("buy ABC", "buy DEF", "buy GHI"):
        account.signal(words)
    assert [row[4] for row in account.rows(at.KIND_SIGNAL_RECEIVED)] == [1, 2, 3]


# --- orders that a strategy sizes itself ---------------------------------------------------------------
def direct(account: Account, side: int, lots: int, **columns: int) -> int:
    intents = account.intents
    for column in range(at.ORDER_WIDTH):
        intents[0, column] = 0
    intents[0, at.ORDER_INSTRUMENT], intents[0, at.ORDER_SIDE] = ABC, side
    intents[0, at.ORDER_QUANTITY] = lots
    intents[0, at.ORDER_TYPE], intents[0, at.ORDER_TIF] = at.TYPE_MARKET, at.TIF_GTC
    for name, value in columns.items():
        intents[0, getattr(at, f"ORDER_{name}")] = value
    order_id: int = receive_order(account.s, intents, 0)
    return order_id


@pytest.mark.parametrize(
    ("world", "denial"),
    [
        ("", Denial.NONE),
        ("closed", Denial.MARKET_NOT_OPEN),
        ("passes 61s", Denial.PRICE_STALE),
        ("locked ABC 1s", Denial.LOCKED),
        ("suspect ABC", Denial.SUSPECT_PRICE),
        ("exit ABC", Denial.NONE),  # its author knows
        ("entry ABC", Denial.NONE),
    ],
)
def test_a_direct_order_that_opens_meets_the_market_s_checks(world: str, denial: Denial) -> None:
    account = account_with(world, min_edge="5", min_confidence="0.5", goal="", quote_age="60s")
    order_id = direct(account, 1, 3)
    assert (order_id == 0) == (denial is not Denial.NONE)
    if denial is not Denial.NONE:
        assert account.s.account[at.ACCOUNT_LAST_DENIAL] == denial
    (row,) = account.rows(at.KIND_SIGNAL_RECEIVED)
    assert row[loop.RECEIVED_SOURCE] == SignalSource.ORDER
    assert account.s.monitors[ABC, loop.ENTRY_ORDER] == 0  # its author follows it


def test_a_direct_order_that_finds_no_room_is_no_better_opportunity() -> None:
    account = account_with("hold DEF 1", positions="1", min_edge="5")
    account.s.monitors[ABC, loop.MONITOR_EDGE] = 80_000_000  # of the strategy's, not of the order
    assert direct(account, 1, 3) == 0
    assert account.s.account[at.ACCOUNT_LAST_DENIAL] == Denial.MAX_POSITIONS
    assert account.s.monitors[ABC, loop.MONITOR_DENIED_EDGE] == loop.NOT_GIVEN


def test_two_direct_orders_of_one_decision_are_two_orders() -> None:
    account = account_with()
    assert [direct(account, 1, 3), direct(account, 1, 3)] == [1, 2]


@pytest.mark.parametrize(
    ("lots", "columns"), [(5, {}), (3, {}), (9, {"FLAGS": at.FLAG_REDUCE_ONLY})]
)
def test_a_direct_order_that_closes_is_no_signal(lots: int, columns: dict[str, int]) -> None:
    account = account_with("hold ABC 5; locked ABC 1s; suspect ABC")
    assert direct(account, -1, lots, **columns) != 0
    assert account.rows(at.KIND_SIGNAL_RECEIVED) == []


def test_without_the_trading_loop_a_direct_order_is_placed_as_it_is() -> None:
    account = account_with("suspect ABC")
    account.s.account[at.ACCOUNT_TRADING] = 0
    assert direct(account, 1, 3) != 0
    assert account.rows(at.KIND_SIGNAL_RECEIVED) == []


def test_what_hangs_on_a_denied_direct_order_is_denied_with_it() -> None:
    account = account_with("closed")
    assert direct(account, 1, 3) == 0
    assert direct(account, -1, 3, PARENT=-1, GROUP=-1) == 0
    denied = [(row[at.FACT_ORDER], row[at.FACT_REASON]) for row in account.rows(at.KIND_DENIED)]
    assert denied == [(1, Denial.MARKET_NOT_OPEN), (2, Denial.PARENT_DENIED)]
