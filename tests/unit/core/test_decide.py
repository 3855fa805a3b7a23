"""What a rule strategy does with its signals, bar by bar."""

from __future__ import annotations

import numpy as np
import pytest

from engine.jit import as_plain
from engine.model import layout as at
from engine.model.instruments import Instrument, InstrumentKind
from engine.model.orders import OrderStatus
from engine.rules.decide import decide
from engine.rules.sizing import SIZE_EQUITY, SIZE_QUANTITY
from tests.unit.core.books import EVENT, SHARE, Books

ENTRY, EXIT = at.SIGNAL_ENTRY, at.SIGNAL_EXIT
SHORT, COVER = at.SIGNAL_SHORT_ENTRY, at.SIGNAL_SHORT_EXIT
OTHER = Instrument("DEF", InstrumentKind.EQUITY)
PPB = 10**9


class Rules:
    """A rule strategy that trades 10 units an entry; orders fill when the test says so."""

    def __init__(self, *instruments: Instrument, price: str = "10.00", **account: int) -> None:
        self.books = Books(instruments or (SHARE,), cash="10000")
        self.intents = np.zeros((64, at.ORDER_WIDTH), dtype=np.int64)
        settings = {
            "SHORT": 1,
            "LEVERAGE_PPM": 4 * 10**6,
            "SIZE_METHOD": SIZE_QUANTITY,
            "SIZE_VALUE": 10 * PPB,
            "ENTRY_TYPE": at.TYPE_MARKET,
            "ENTRY_TIF": at.TIF_GTC,
        } | account
        for name, value in settings.items():
            self.books.s.account[getattr(at, f"ACCOUNT_{name}")] = value
        for item in self.books.instruments:
            self.books.price(item.symbol, price)

    def signal(self, *bits: int) -> list[str]:
        """Give each instrument its signal; return the orders that are new, as words."""
        return self._decide([(bit, 0) for bit in bits])

    def weights(self, *shares: float | None) -> list[str]:
        """Give each instrument a target weight, None for no word; return the new orders."""
        return self._decide(
            [(0, 0) if w is None else (at.SIGNAL_TARGET, round(w * PPB)) for w in shares]
        )

    def _decide(self, signals: list[tuple[int, int]]) -> list[str]:
        events = np.zeros((len(signals), at.EVENT_WIDTH), dtype=np.int64)
        events[:, at.EVENT_KIND] = at.KIND_BAR
        events[:, at.EVENT_INSTRUMENT] = range(len(signals))
        block = np.array(signals, dtype=np.int64)
        first = self.books.s.account[at.ACCOUNT_COMMANDS]
        views = (as_plain(self.intents), as_plain(events), as_plain(block))
        decide(self.books.s, *views, 0, len(signals))
        self.books.check()
        last = self.books.s.account[at.ACCOUNT_COMMANDS]
        return [self._words(n) for n in range(first, last)]

    def _words(self, n: int) -> str:
        command = self.books.core.commands[n]
        order_id = int(command[at.COMMAND_ORDER])
        if command[at.COMMAND_KIND] == at.KIND_CANCEL_SENT:
            return f"cancel {order_id}"
        row = self.books.core.orders[self.books.row_of(order_id)]
        side = "buy" if row[at.ORDER_SIDE] > 0 else "sell"
        symbol = self.books.instruments[row[at.ORDER_INSTRUMENT]].symbol
        kind = {
            at.TYPE_MARKET: "market",
            at.TYPE_LIMIT: f"limit {row[at.ORDER_LIMIT]}",
            at.TYPE_STOP: f"stop {row[at.ORDER_STOP]}",
            at.TYPE_TRAILING_STOP: f"trail {row[at.ORDER_TRAIL_PPM]}",
        }[int(row[at.ORDER_TYPE])]
        reduces = " reduce-only" if row[at.ORDER_FLAGS] & at.FLAG_REDUCE_ONLY else ""
        return f"{order_id}: {side} {row[at.ORDER_QUANTITY]} {symbol} {kind}{reduces}"

    def fills(self, order_id: int, quantity: str, price: str = "10.00") -> None:
        self.books.filled(order_id, quantity, price)

    def holds(self, symbol: str = "ABC") -> int:
        return int(self.books.holds(symbol)[0])


# --- entries and exits ------------------------------------------------------------------------------
def test_an_entry_buys_and_an_exit_sells_what_is_held() -> None:
    rules = Rules()
    assert rules.signal(ENTRY) == ["1: buy 10 ABC market"]
    rules.fills(1, "10")
    assert rules.signal(EXIT) == ["2: sell 10 ABC market reduce-only"]
    rules.fills(2, "10")
    assert rules.holds() == 0


# position held -> orders on each signal
@pytest.mark.parametrize(
    ("held", "signal", "orders"),
    [
        ("0", EXIT, []),
        ("0", COVER, []),
        ("0", ENTRY | EXIT, []),  # exits win
        ("0", SHORT | COVER, []),
        ("0", ENTRY | SHORT, ["1: buy 10 ABC market"]),  # the long side is asked first
        ("0", ENTRY | EXIT | SHORT, ["1: sell 10 ABC market"]),
        ("0", SHORT, ["1: sell 10 ABC market"]),
        ("7", ENTRY, []),  # no adding
        ("7", ENTRY | EXIT, ["1: sell 7 ABC market reduce-only"]),
        ("7", COVER, []),
        ("7", SHORT, ["1: sell 17 ABC market"]),  # one order turns it over
        ("7", EXIT | SHORT, ["1: sell 7 ABC market reduce-only", "2: sell 10 ABC market"]),
        ("-7", ENTRY, ["1: buy 17 ABC market"]),
        ("-7", COVER | ENTRY, ["1: buy 7 ABC market reduce-only", "2: buy 10 ABC market"]),
        ("-7", COVER, ["1: buy 7 ABC market reduce-only"]),
        ("-7", EXIT, []),
        ("-7", SHORT, []),
    ],
)
def test_signals_become_orders(held: str, signal: int, orders: list[str]) -> None:
    rules = Rules()
    if held != "0":
        rules.books.trade("ABC", held, "10.00")
    assert rules.signal(signal) == orders


def test_a_flip_by_exit_and_entry_holds_one_entry_afterwards() -> None:
    rules = Rules()
    rules.books.trade("ABC", "-7", "10.00")
    rules.signal(COVER | ENTRY)
    rules.fills(1, "7")
    rules.fills(2, "10")
    assert rules.holds() == 10


def test_there_is_one_entry_at_a_time() -> None:
    rules = Rules()
    rules.signal(ENTRY)
    assert rules.signal(ENTRY) == []
    rules.fills(1, "4")  # part of it: a position on the same side
    assert rules.signal(ENTRY) == []
    assert rules.signal(SHORT) == []  # not before the entry has ended


def test_there_is_one_exit_at_a_time() -> None:
    rules = Rules()
    rules.books.trade("ABC", "10", "10.00")
    rules.signal(EXIT)
    assert rules.signal(EXIT) == []
    rules.fills(1, "4")
    assert rules.signal(EXIT) == []
    rules.books.fact(at.KIND_CANCELED, 1)
    assert rules.signal(EXIT) == ["2: sell 6 ABC market reduce-only"]


def test_an_exit_withdraws_a_waiting_entry_once_and_closes_what_it_filled() -> None:
    rules = Rules(ENTRY_TYPE=at.TYPE_LIMIT)
    rules.signal(ENTRY)
    rules.fills(1, "4")
    assert rules.signal(EXIT) == ["cancel 1", "2: sell 4 ABC market reduce-only"]
    assert rules.signal(EXIT) == []


def test_an_exit_of_the_other_side_leaves_a_waiting_entry_alone() -> None:
    rules = Rules(ENTRY_TYPE=at.TYPE_LIMIT)
    rules.signal(SHORT)
    assert rules.signal(EXIT) == []
    assert rules.signal(COVER) == ["cancel 1"]


def test_a_waiting_turnover_is_withdrawn_by_the_exit_of_its_own_side() -> None:
    rules = Rules(ENTRY_TYPE=at.TYPE_LIMIT)
    rules.books.trade("ABC", "-7", "10.00")
    assert rules.signal(ENTRY) == ["1: buy 17 ABC limit 1000"]
    assert rules.signal(EXIT) == ["cancel 1"]


def test_an_expired_day_entry_makes_room_for_the_next() -> None:
    rules = Rules(ENTRY_TYPE=at.TYPE_LIMIT, ENTRY_TIF=at.TIF_DAY)
    rules.signal(ENTRY)
    row = rules.books.row_of(1)
    assert rules.books.s.orders[row, at.ORDER_TIF] == at.TIF_DAY
    rules.books.fact(at.KIND_EXPIRED, 1)
    assert rules.signal(ENTRY) == ["2: buy 10 ABC limit 1000"]


@pytest.mark.parametrize(
    ("signal", "offset_ppm", "order"),
    [
        (ENTRY, 0, "1: buy 10 ABC limit 1000"),
        (ENTRY, 1000, "1: buy 10 ABC limit 999"),  # 10 basis points are one tick
        (ENTRY, 1001, "1: buy 10 ABC limit 998"),  # rounded away from the market
        (SHORT, 1001, "1: sell 10 ABC limit 1002"),
        (ENTRY, 999_999, "1: buy 10 ABC limit 1"),  # never under one step
    ],
)
def test_a_limit_entry_rests_on_the_passive_side(signal: int, offset_ppm: int, order: str) -> None:
    rules = Rules(ENTRY_TYPE=at.TYPE_LIMIT, ENTRY_OFFSET_PPM=offset_ppm)
    assert rules.signal(signal) == [order]


def test_an_account_that_cannot_afford_one_lot_stays_out() -> None:
    rules = Rules(SIZE_METHOD=SIZE_EQUITY, SIZE_VALUE=PPB // 1001)
    assert rules.signal(ENTRY) == []
    assert rules.books.s.account[at.ACCOUNT_DENIED] == 0


def test_a_denied_entry_is_forgotten() -> None:
    rules = Rules(SIZE_VALUE=10**6 * PPB)
    assert rules.signal(ENTRY) == []
    assert rules.books.s.account[at.ACCOUNT_DENIED] == 1
    rules.books.s.account[at.ACCOUNT_SIZE_VALUE] = PPB
    assert rules.signal(ENTRY) == ["2: buy 1 ABC market"]


# --- brackets ---------------------------------------------------------------------------------------
def test_an_entry_carries_its_protection() -> None:
    rules = Rules(STOP_PPM=50_000, TARGET_PPM=100_000, TRAIL_PPM=30_000)
    assert rules.signal(ENTRY) == [
        "1: buy 10 ABC market",
        "2: sell 10 ABC stop 950 reduce-only",
        "3: sell 10 ABC limit 1100 reduce-only",
        "4: sell 10 ABC trail 30000 reduce-only",
    ]
    orders = rules.books.working()
    assert [order.get("parent", 0) for order in orders] == [0, 1, 1, 1]
    assert [order.get("group", 0) for order in orders] == [0, 1, 1, 1]
    assert {order["status"] for order in orders[1:]} == {OrderStatus.HELD}


def test_a_short_entry_is_protected_from_above() -> None:
    rules = Rules(STOP_PPM=50_000, TARGET_PPM=100_000)
    assert rules.signal(SHORT) == [
        "1: sell 10 ABC market",
        "2: buy 10 ABC stop 1050 reduce-only",
        "3: buy 10 ABC limit 900 reduce-only",
    ]


def test_the_bracket_of_a_turnover_covers_the_new_side_only() -> None:
    rules = Rules(STOP_PPM=50_000)
    rules.books.trade("ABC", "-7", "10.00")
    assert rules.signal(ENTRY) == ["1: buy 17 ABC market", "2: sell 10 ABC stop 950 reduce-only"]


# --- target weights ---------------------------------------------------------------------------------
def test_targets_sell_before_they_buy() -> None:
    rules = Rules(SHARE, OTHER)
    rules.books.trade("DEF", "500", "10.00")
    assert rules.weights(0.4, 0.1) == ["1: sell 400 DEF market", "2: buy 400 ABC market"]


@pytest.mark.parametrize(
    ("held", "weight", "orders"),
    [
        ("0", 0.0, []),
        ("0", 0.5, ["1: buy 500 ABC market"]),
        ("0", 0.50099, ["1: buy 500 ABC market"]),  # towards less
        ("500", 0.5, []),
        ("500", 0.0, ["1: sell 500 ABC market"]),
        ("500", -0.5, ["1: sell 1000 ABC market"]),
        ("0", -0.5, ["1: sell 500 ABC market"]),
        ("0", None, []),
    ],
)
def test_a_target_trades_the_difference(held: str, weight: float | None, orders: list[str]) -> None:
    rules = Rules()
    if held != "0":
        rules.books.trade("ABC", held, "10.00")
    assert rules.weights(weight) == orders


def test_what_works_already_is_not_ordered_again() -> None:
    rules = Rules()
    assert rules.weights(0.5) == ["1: buy 500 ABC market"]
    assert rules.weights(0.5) == []
    rules.fills(1, "100")
    assert rules.weights(0.5) == []
    assert rules.weights(0.6) == ["2: buy 100 ABC market"]
    rules.fills(1, "50")
    assert rules.weights(0.6) == []  # both orders count, by what is left of them


def test_a_target_that_falls_withdraws_the_purchase_under_way() -> None:
    rules = Rules(SHORT=0)
    rules.weights(0.5)
    rules.fills(1, "100")
    assert rules.weights(0.0) == ["cancel 1", "2: sell 100 ABC market"]
    assert rules.weights(0.0) == []
    assert rules.books.s.account[at.ACCOUNT_DENIED] == 0


def test_a_smaller_target_still_above_the_position_is_bought_anew() -> None:
    rules = Rules()
    rules.weights(0.5)
    rules.fills(1, "100")
    assert rules.weights(0.3) == ["cancel 1", "2: buy 200 ABC market"]


def test_a_target_met_by_what_is_held_only_withdraws() -> None:
    rules = Rules()
    rules.weights(0.5)
    rules.fills(1, "100")
    assert rules.weights(0.1) == ["cancel 1"]


def test_protective_orders_do_not_count_towards_a_target() -> None:
    rules = Rules()
    rules.books.trade("ABC", "500", "10.00")
    rules.books.order("sell 500 stop 9.00", FLAGS=at.FLAG_REDUCE_ONLY)
    assert rules.weights(0.5) == []


def test_a_settled_instrument_is_left_out() -> None:
    rules = Rules(EVENT, SHARE, price="0.50")
    rules.books.settle("RAIN", "1")
    assert rules.weights(0.1, 0.1) == ["1: buy 2000 ABC market"]
    assert rules.books.s.account[at.ACCOUNT_DENIED] == 0


def test_other_events_of_the_slice_are_not_asked() -> None:
    rules = Rules()
    events = np.zeros((2, at.EVENT_WIDTH), dtype=np.int64)
    events[:, at.EVENT_KIND] = at.KIND_QUOTE, at.KIND_DIVIDEND
    signals = np.full((2, at.SIGNAL_WIDTH), at.SIGNAL_ENTRY | at.SIGNAL_TARGET, dtype=np.int64)
    views = (as_plain(rules.intents), as_plain(events), as_plain(signals))
    decide(rules.books.s, *views, 0, 2)
    assert rules.books.working() == []
