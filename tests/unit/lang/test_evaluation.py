"""What a program answers: logic with the undefined, other instruments, ranks, higher timeframes."""

from __future__ import annotations

import math
import subprocess
import sys

import numpy as np
import pytest

from engine.errors import DataError, InputError
from engine.lang.batch import evaluate_batch
from engine.lang.compiler import compile_program
from engine.lang.panel import BarColumns, SliceBar
from engine.lang.streaming import StreamingProgram
from engine.model.units import NS_PER_DAY
from tests.unit.lang.bars import (
    closes,
    compile_condition,
    compile_number,
    conditions,
    goog,
    numbers,
    run,
    slices,
    stream,
    walk,
)

NAN = math.nan

# Bars whose close is the value of a condition: above 0 true, below 0 false, NaN undefined.
LOGIC = [
    ("a and b", ["111", "100", "1??", "010", "000", "0?0", "?1?", "?00", "???"]),
    ("a or b", ["111", "101", "1?1", "011", "000", "0??", "?11", "?0?", "???"]),
]
VALUES = {"1": 1.0, "0": -1.0, "?": NAN}


@pytest.mark.parametrize(("text", "row"), [(text, row) for text, rows in LOGIC for row in rows])
def test_logic_knows_the_undefined(text: str, row: str) -> None:
    a, b, expected = row
    bars = closes(VALUES[a])
    other = closes(VALUES[b], symbol="B")
    formula = text.replace("a ", "close > 0 ").replace(" b", ' close["B"] > 0')
    assert conditions(formula, bars, other) == expected


TEXTS = [
    ("close > 2", "0?1"),
    ("not close > 2", "1?0"),
    ("close != close", "0?0"),
    ("close == close", "1?1"),
    ("close < 2 or close >= 2", "1?1"),
    ("where(close > 2, 1, 0) > 0", "0?1"),
    ("abs(close) >= 0", "1?1"),
    ("true or close > 2", "111"),
    ("false and close > 2", "000"),
]


@pytest.mark.parametrize(("text", "expected"), TEXTS)
def test_an_undefined_number_makes_an_undefined_condition(text: str, expected: str) -> None:
    assert conditions(text, closes(1, NAN, 3)) == expected


CROSSINGS = [
    ("cross_above(close, 2)", (1, 3, 4, 1, 3), "?1001"),
    ("cross_below(close, 2)", (1, 3, 4, 1, 3), "?0010"),
    ("cross_above(close, 2)", (2, 2, 3, 2, 3), "?0101"),  # from equal to above counts
    ("cross_below(close, 2)", (3, 2, 2, 1), "?001"),  # to equal does not, on to below does
    ("cross_above(close, 2)", (1, NAN, 3, 4), "??10"),  # against the last bar that was defined
    ("cross_above(2, close)", (3, 1), "?1"),
]


@pytest.mark.parametrize(("text", "series", "expected"), CROSSINGS)
def test_a_crossing(text: str, series: tuple[float, ...], expected: str) -> None:
    assert conditions(text, closes(*series)) == expected


def test_another_instrument_is_read_at_its_last_known_bar() -> None:
    ours = closes(1, 2, 3, 4, 5, symbol="A")
    late_and_short = closes(70, 80, symbol="SPY", first=2)
    assert numbers('close["SPY"]', ours, late_and_short) == pytest.approx(
        [NAN, NAN, 70, 80, 80], nan_ok=True
    )
    assert numbers('lag(close["SPY"], 1)', ours, late_and_short) == pytest.approx(
        [NAN, NAN, NAN, 70, 80], nan_ok=True
    )


def test_an_instrument_may_read_itself_by_its_symbol() -> None:
    assert numbers('close["A"] - close', closes(1, 2, 3)) == [0, 0, 0]


@pytest.mark.parametrize("symbols", [["A"], ["A", "A"]])
def test_a_panel_without_the_instrument_or_with_it_twice_is_refused(symbols: list[str]) -> None:
    program = compile_number('close["SPY"]')
    with pytest.raises(DataError, match=r"'SPY'|'A'"):
        evaluate_batch(program, [closes(1, symbol=each) for each in symbols], compiled=False)
    with pytest.raises(DataError, match=r"'SPY'|'A'"):
        StreamingProgram(program, symbols)


# instruments by row, slices by column; the same for what is expected
RANKS = [
    ("rank(close)", [(3, 1), (2, 5), (1, 3)], [(1, 3), (2, 1), (3, 2)]),
    ("rank(close)", [(2, 2), (2, 3), (2, 3)], [(1, 3), (2, 1), (3, 2)]),
    ("rank(close)", [(NAN, 1), (5, 2)], [(NAN, 2), (1, 1)]),
    ("count(close)", [(NAN, 1), (5, 2)], [(1, 2), (1, 2)]),
    ("rank_fraction(close)", [(4, 1), (3, 2), (2, 3), (1, NAN)],
     [(0.25, 1), (0.5, 2 / 3), (0.75, 1 / 3), (1, NAN)]),
    ("rank(-close)", [(3, 1), (2, 5)], [(2, 1), (1, 2)]),
    ("lag(rank(close), 1)", [(3, 1), (2, 5)], [(NAN, 1), (NAN, 2)]),
]  # fmt: skip


@pytest.mark.parametrize(("text", "rows", "expected"), RANKS)
def test_instruments_are_ranked_slice_by_slice(
    text: str, rows: list[tuple[float, ...]], expected: list[tuple[float, ...]]
) -> None:
    panel = [closes(*row, symbol=f"I{i}") for i, row in enumerate(rows)]
    results = run(compile_number(text), *panel)
    for result, wanted in zip(results, expected):
        assert result.tolist() == pytest.approx(list(wanted), nan_ok=True)


def test_only_the_instruments_of_a_slice_are_ranked() -> None:
    early = closes(5, 5, 5, symbol="EARLY")
    late = closes(9, 9, symbol="LATE", first=2)
    results = run(compile_number("rank(close)"), early, late)
    assert [each.tolist() for each in results] == [[1, 1, 2], [1, 1]]


# Twenty-minute bars, the hour closes with the third: what is known at each bar.
HOURS = [
    ("close", [NAN, NAN, 3, 3, 3, 6, 6]),
    ("open", [NAN, NAN, 1, 1, 1, 4, 4]),
    ("high", [NAN, NAN, 3, 3, 3, 6, 6]),
    ("low", [NAN, NAN, 1, 1, 1, 4, 4]),
    ("volume", [NAN, NAN, 3, 3, 3, 3, 3]),
    ("sma(close, 2)", [NAN, NAN, NAN, NAN, NAN, 4.5, 4.5]),
    ("returns(close)", [NAN, NAN, NAN, NAN, NAN, 1, 1]),
    ("close + 1", [NAN, NAN, 4, 4, 4, 7, 7]),
    ("5", [5, 5, 5, 5, 5, 5, 5]),
]


@pytest.mark.parametrize(("text", "expected"), HOURS)
def test_a_higher_bar_is_known_at_its_close(text: str, expected: list[float]) -> None:
    bars = closes(1, 2, 3, 4, 5, 6, 7, minutes=20)
    assert numbers(f'timeframe("1h", {text})', bars) == pytest.approx(expected, nan_ok=True)


def _without(bars: BarColumns, *missing: int) -> BarColumns:
    kept = [i for i in range(len(bars)) if i not in missing]
    names = ("open", "high", "low", "close", "volume")
    times = ("ts_open_ns", "ts_close_ns", "slice_index", "session_day")
    return BarColumns(bars.symbol, *(getattr(bars, name)[kept] for name in names + times))


def test_without_the_last_bar_of_an_hour_the_next_hour_tells() -> None:
    bars = _without(closes(1, 2, 3, 4, 5, 6, minutes=20), 2)
    assert numbers('timeframe("1h", close)', bars) == pytest.approx(
        [NAN, NAN, 2, 2, 6], nan_ok=True
    )


def test_one_bar_can_make_two_hours_known() -> None:
    # The first hour ends without its last bar; the second hour has only its last.
    bars = _without(closes(1, 2, 3, 4, 5, 6, minutes=20), 2, 3, 4)
    assert numbers('timeframe("1h", sma(close, 2))', bars) == pytest.approx(
        [NAN, NAN, 4], nan_ok=True
    )


def test_a_day_is_known_with_the_first_bar_of_the_next() -> None:
    bars = closes(1, 2, 3, 4, 5, minutes=720)
    assert numbers('timeframe("1d", close)', bars) == pytest.approx(
        [NAN, NAN, 2, 2, 4], nan_ok=True
    )


def test_a_day_is_known_at_its_close_where_the_calendar_tells_it() -> None:
    bars = closes(1, 2, 3, 4, 5, minutes=720)
    ends = (bars.session_day + 1) * NS_PER_DAY
    columns = (bars.open, bars.high, bars.low, bars.close, bars.volume)
    times = (bars.ts_open_ns, bars.ts_close_ns, bars.slice_index, bars.session_day, ends)
    told = BarColumns("A", *columns, *times)
    program = compile_number('timeframe("1d", close)')
    expected = [NAN, 2, 2, 4, 4]
    assert run(program, told)[0].tolist() == pytest.approx(expected, nan_ok=True)
    assert stream(program, [told])["x"][0].tolist() == pytest.approx(expected, nan_ok=True)


def test_a_week_goes_from_monday_to_sunday() -> None:
    # Day 0, 1970-01-01, was a Thursday: Monday the 5th is day 4, and tells of the first week.
    days = closes(*range(13), minutes=1440)
    expected = [NAN] * 4 + [3] * 7 + [10] * 2
    assert numbers('timeframe("1w", close)', days) == pytest.approx(expected, nan_ok=True)


def test_several_formulas_and_instruments_at_once() -> None:
    program = compile_program(
        {"entry": "rank(returns(close, 5)) <= 1", "weight": "1 / count(close)"},
        {},
        kinds={"entry": "condition", "weight": "number"},
    )
    panel = [walk(seed, 50, symbol=f"W{seed}") for seed in range(3)]
    results = evaluate_batch(program, panel, compiled=False)
    firing = np.array([each[5:] for each in results["entry"]])
    assert (firing.sum(axis=0) == 1).all()
    assert all((each == 1 / 3).all() for each in results["weight"])


def test_an_instrument_without_bars_has_empty_outputs() -> None:
    text = 'close > sma(close, 2, timeframe="1h") and rank(close) < 2 and close["B"] > 1'
    results = run(compile_condition(text), closes(symbol="A"), closes(1, 2, symbol="B"))
    assert [len(each) for each in results] == [0, 2]


def test_an_empty_panel_has_no_columns() -> None:
    assert run(compile_condition("rank(close) > 1")) == []


def test_the_data_is_not_written_to() -> None:
    bars = walk(1, 200)
    before = [getattr(bars, name).tobytes() for name in ("open", "high", "low", "close", "volume")]
    text = "cross_above(close + open, sma(high - low, 3) * 2) and close > -volume"
    run(compile_condition(text), bars)
    after = [getattr(bars, name).tobytes() for name in ("open", "high", "low", "close", "volume")]
    assert before == after


def test_read_only_columns_are_taken() -> None:
    bars = goog()
    for name in ("open", "high", "low", "close", "volume"):
        getattr(bars, name).flags.writeable = False
    try:
        assert len(numbers("sma(close, 20)", bars)) == len(bars)
    finally:
        for name in ("open", "high", "low", "close", "volume"):
            getattr(bars, name).flags.writeable = True


def test_interpreting_does_not_import_numba() -> None:
    script = (
        "import sys; from tests.unit.lang.bars import numbers, walk; "
        "numbers('sma(close, 3) + timeframe(\"1h\", rsi(close, 4))', walk(1, 300)); "
        "sys.exit('numba' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", script], check=False).returncode == 0


def test_a_snapshot_continues_to_the_last_bit() -> None:
    text = 'stdev(close, 9) + ema(close["B"], 3) * rank(close) + rsi(close, 4, timeframe="5m")'
    program = compile_number(text)
    panel = [walk(1, 120, symbol="A"), walk(2, 120, symbol="B", first=7)]
    whole = StreamingProgram(program, ["A", "B"])
    answers = [whole.on_slice(bars) for bars in slices(panel)]
    first = StreamingProgram(program, ["A", "B"])
    for bars in slices(panel)[:60]:
        first.on_slice(bars)
    second = StreamingProgram(program, ["A", "B"])
    second.restore(first.state.copy())
    assert repr([second.on_slice(bars) for bars in slices(panel)[60:]]) == repr(answers[60:])
    assert second.state.tobytes() == whole.state.tobytes()


def test_a_snapshot_of_another_program_is_refused() -> None:
    streaming = StreamingProgram(compile_number("sma(close, 3)"), ["A"])
    with pytest.raises(InputError, match="the snapshot has 4 numbers"):
        streaming.restore(np.zeros(4))


@pytest.mark.parametrize("order", [(1, 0), (0, 0)])
def test_bars_of_a_slice_out_of_order_are_refused(order: tuple[int, ...]) -> None:
    streaming = StreamingProgram(compile_number("close"), ["A", "B"])
    bars = [SliceBar(i, 1.0, 1.0, 1.0, 1.0, 1.0, 0, 60, 0) for i in order]
    with pytest.raises(InputError, match="must ascend"):
        streaming.on_slice(bars)
