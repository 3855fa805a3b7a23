"""Every line of risk.txt is a test of the sixteen checks."""

from __future__ import annotations

import pytest

from engine.model import layout as at
from engine.model import trading_layout as loop
from engine.model.denials import SENTENCES, Denial
from engine.model.trading import Unit, Verdict
from engine.rules.checks import CODES
from engine.rules.exposure import measure_worst, worst_lots
from tests.unit.trading.account import SYMBOLS, Account, Line, read_table

LINES = list(read_table("risk.txt"))


def play(line: Line, world: str = "interpreted") -> str:
    account = Account(line.settings, world)
    account.tell(line.columns[0])
    return account.said_of(line.columns[1])


@pytest.mark.parametrize("line", LINES, ids=lambda line: line.name)
def test_the_checks_say_what_the_table_says(line: Line) -> None:
    assert play(line) == line.columns[2], line.columns[3]


def test_the_table_is_long_enough_to_be_trusted() -> None:
    assert len(LINES) >= 140
    told = " ".join(line.columns[2] for line in LINES)
    assert all(Denial(code).name.lower() in told for code in CODES[1:])


# --- what is journalled ------------------------------------------------------------------------------
def rows_of(words: str, order: str, **settings: str) -> list[list[int]]:
    account = Account(settings)
    account.tell(words)
    account.order(order)
    return account.rows(at.KIND_CHECKED)


def test_an_order_that_opens_has_sixteen_rows_in_the_written_order() -> None:
    rows = rows_of("latch kill locked", "buy ABC 1")
    assert [row[loop.CHECKED_PLACE] for row in rows] == list(range(1, 17))
    assert [row[loop.CHECKED_CODE] for row in rows] == [*range(301, 316), 150]
    assert {row[loop.CHECKED_ORDER] for row in rows} == {1}


def test_an_order_that_opens_nothing_has_none() -> None:
    assert rows_of("hold ABC 10", "sell ABC 10") == []


# place, account, order, settings -> number, limit, unit
NUMBERS = [
    (1, "latch kill locked", "buy ABC 1", {}, (4, 0, Unit.SEVERITY)),
    (3, "peak 100; equity 90", "buy GHI 1", {"guards": "", "drawdown": "20"}, (100_000, 200_000, Unit.PPM)),
    # 1 of 3 below the peak: 333,333.3 parts per million, rounded down
    (3, "peak 3; equity 2", "buy RAIN 1", {"guards": "", "drawdown": "99"}, (333_333, 990_000, Unit.PPM)),
    (5, "day 10000; equity 9700", "buy ABC 1", {"guards": "", "daily": "500"}, (-300 * 10**8, -500 * 10**8, Unit.MINOR)),
    (6, "hold DEF 1", "buy ABC 1", {"positions": "5"}, (2, 5, Unit.COUNT)),
    (7, "hold ABC 10", "buy ABC 5", {"position": "20"}, (150_000, 200_000, Unit.PPM)),
    # 100 of 9,999: 10,001.0001 parts per million, rounded up
    (7, "equity 9999", "buy ABC 1", {"position": "20"}, (10_002, 200_000, Unit.PPM)),
    (8, "hold DEF -20", "buy ABC 5", {"gross": "100"}, (150_000, 1_000_000, Unit.PPM)),
    (9, "hold DEF -20", "buy ABC 5", {"net": "100"}, (100_000, 1_000_000, Unit.PPM)),
    (10, "hold RAIN 1000", "buy SNOW 1000", {"event": "20"}, (60_000, 200_000, Unit.PPM)),
    (11, "hold DEF 1; moves DEF with ABC 0.8 over 60", "buy ABC 1", {"correlation": "0.9", "window": "60", "returns": "20"}, (800_000, 900_000, Unit.PPM)),
    (12, "sent 3 at 10s", "buy ABC 1", {"rate": "5"}, (4, 5, Unit.COUNT)),
    (13, "equity 10000", "buy ABC 1 @ 103", {"collar": "5"}, (30_000, 50_000, Unit.PPM)),
    (14, "equity 10000", "buy SAP 5", {"notional": "1000"}, (500 * 10**8, 1000 * 10**8, Unit.MINOR)),
    (15, "equity 10000", "buy ABC 5", {"quantity": "10"}, (5 * 10**9, 10 * 10**9, Unit.PPB)),
    (16, "hold DEF 20", "buy ABC 5", {"leverage": "2"}, (1500 * 10**8, 20000 * 10**8, Unit.MINOR)),
]  # fmt: skip


@pytest.mark.parametrize(("place", "words", "order", "settings", "said"), NUMBERS)
def test_a_check_tells_its_number_and_its_limit(
    place: int, words: str, order: str, settings: dict[str, str], said: tuple[int, int, Unit]
) -> None:
    row = rows_of(words, order, **settings)[place - 1]
    columns = (loop.CHECKED_NUMBER, loop.CHECKED_LIMIT, loop.CHECKED_UNIT)
    assert tuple(row[column] for column in columns) == said


def test_a_limit_that_is_not_set_says_that_it_is_off() -> None:
    rows = rows_of("equity 10000", "buy ABC 1")
    off = {row[loop.CHECKED_CODE] for row in rows if row[loop.CHECKED_VERDICT] == Verdict.OFF}
    assert off == {303, 305, 306, 312, 313, 314, 315}


def test_what_was_approved_counts_for_the_next_order() -> None:
    account = Account({"position": "20", "rate": "3"})
    account.tell("equity 10000")
    assert account.said_of("buy ABC 20") == "-"
    assert account.said_of("buy ABC 1") == "position_size"
    assert account.said_of("buy DEF 1") == "-"
    assert account.said_of("buy GHI 1") == "-"
    assert account.said_of("buy RAIN 1") == "order_rate"


def test_a_denied_order_is_no_order_sent() -> None:
    account = Account({"position": "20", "rate": "1"})
    account.tell("equity 10000")
    for _ in range(3):
        assert account.said_of("buy ABC 21") == "position_size"
    assert account.said_of("buy ABC 20") == "-"


@pytest.mark.parametrize(
    "line", [n for n in LINES if "working" in n.columns[0]], ids=lambda n: n.name
)
def test_one_instrument_s_worst_case_is_what_all_of_them_are_measured_by(line: Line) -> None:
    account = Account(line.settings)
    account.tell(line.columns[0])
    s = account.s
    measure_worst(s, 0)
    for i in range(len(SYMBOLS)):
        measured = (s.monitors[i, loop.MONITOR_WORST_HIGH], s.monitors[i, loop.MONITOR_WORST_LOW])
        assert measured == worst_lots(s, i)


@pytest.mark.parametrize("code", [c for c in Denial if c is not Denial.NONE])
def test_every_denial_has_a_sentence(code: Denial) -> None:
    assert SENTENCES[code]
