"""Names, types and arguments are checked; equal computations are shared; warm-up is counted."""

from __future__ import annotations

import math

import pytest

from engine.errors import ConfigError, FormulaError
from engine.lang.compiler import compile_program
from engine.lang.functions import FUNCTIONS, Argument, ArgumentKind
from engine.lang.parser import parse_formula
from engine.lang.program import NodeKind, Program, ValueType
from tests.unit.lang.bars import compile_condition, compile_number, goog, run

PARAMETERS = {"fast": 3, "slow": 8, "ratio": 1.5, "on": True}

# the formula of an entry, the caret, what is said, what to do
MISTAKES = [
    ("closs > 1", "^", "no field or parameter 'closs'", "did you mean close?"),
    ("Close > 1", "^", "no field or parameter 'Close'", "did you mean close?"),
    ("close > sloww", "        ^", "no field or parameter 'sloww'", "did you mean slow?"),
    ("close > x", "        ^", "no field or parameter 'x'", "known: open, high, low, close"),
    ("smaa(close, 2) > 1", "^", "no function 'smaa'", "did you mean sma?"),
    ("close > sma", "        ^", "sma is a function", "write sma(x, n)"),
    ("close", "^", "entry must be a condition, and this is a number", "compare it"),
    ("close > 1 > 2", "          ^", "comparisons cannot be chained", "a < b and b < c"),
    ("close and on", "^", "'and' takes a condition, and this is a number", ""),
    ("on + 1 > 2", "^", "'+' takes a number, and this is a condition", ""),
    ("-on", " ^", "'-' takes a number", ""),
    ("not close", "    ^", "'not' takes a condition", ""),
    ("on == on", "^", "'==' takes a number", ""),
    ("sma(close) > 1", "^", "sma needs n", "sma(x, n)"),
    ("sma(close, 2, 3) > 1", "              ^", "sma takes 2 arguments, not 3", "sma(x, n)"),
    ("sma(close, n=2, m=3) > 1", "                  ^", "sma has no argument 'm'", ""),
    ("sma(close, 2, n=3) > 1", "                ^", "sma gets n twice", ""),
    ("sma(close > 1, 2) > 1", "          ^", "x of sma must be a number, not a condition", ""),
    ("where(close, 1, 2) > 1", "      ^", "condition of where must be a condition", ""),
    ("sma(close, 0) > 1", "           ^", "n of sma is 0; it must be a whole number from 1", ""),
    ("sma(close, -3) > 1", "           ^", "n of sma is -3", ""),
    ("sma(close, 2.5) > 1", "           ^", "n of sma is 2.5", ""),
    ("sma(close, ratio) > 1", "           ^", "n of sma is 1.5", ""),
    ("sma(close, 1e30) > 1", "           ^", "n of sma is 1e+30", "",),
    ("stdev(close, 1) > 1", "             ^", "n of stdev is 1; it must be a whole number from 2", ""),
    ("sma(close, close) > 1", "           ^", "n of sma must be the same at every bar", ""),
    ("sma(close, volume / 2) > 1", "                  ^", "must be the same at every bar", ""),
    ("macd(close, 26, 12) > 0", "^", "macd: fast must be smaller than slow", ""),
    ("bollinger_upper(close, 20, -1) > 0", "                           ^", "must be at least 0", ""),
    ("close > 1 / 0", "          ^", "this constant is undefined", ""),
    ("close > 1 / (fast - 3)", "          ^", "this constant is undefined", ""),
    ("close > 1e300 * 1e300", "              ^", "this constant is undefined", ""),
    ('close["QQQ"] > 1', "^", "no instrument 'QQQ'", "known: GOOG, SPY"),
    ('sma["SPY"] > 1', "^", "sma[...] is not a field", ""),
    ('"SPY" > 1', "^", "a quoted text stands only in", ""),
    ('timeframe("90s", close) > 1', "          ^", "'90s' is not a timeframe", "examples"),
    ('timeframe("7h", close) > 1', "          ^", "'7h' is not a timeframe", "divide a day"),
    ("timeframe(fast, close) > 1", "          ^", "a timeframe is a quoted text", ""),
    ('timeframe("1h") > 1', "^", "timeframe takes a bar length and an expression", ""),
    ('timeframe("1d", sma(close, 2, timeframe="1h")) > 1',
     "                                        ^", "cannot stand inside another", ""),
    ('timeframe("1d", rank(close)) > 1', "                ^", "rank cannot stand inside", ""),
    ('timeframe("1d", close["SPY"]) > 1', "                ^", "cannot stand inside a timeframe", ""),
]  # fmt: skip


@pytest.mark.parametrize(("text", "caret", "problem", "remedy"), MISTAKES)
def test_a_mistake_is_shown_where_it_is(text: str, caret: str, problem: str, remedy: str) -> None:
    with pytest.raises(FormulaError) as caught:
        compile_program(
            {"entry": text}, PARAMETERS, kinds={"entry": "condition"}, symbols=["GOOG", "SPY"]
        )
    error = caught.value
    assert error.caret() == f"{text}\n{caret}"
    assert problem in error.problem
    assert remedy in error.remedy
    assert error.where == "entry"


def test_a_number_is_wanted_where_a_condition_stands() -> None:
    with pytest.raises(FormulaError, match="weight must be a number") as caught:
        compile_program({"weight": "close > 1"}, {}, kinds={"weight": "number"})
    assert "where(condition, 1, 0)" in caught.value.remedy


@pytest.mark.parametrize(
    ("name", "value", "problem"),
    [
        ("close", 1, "'close' cannot be the name of a parameter"),
        ("and", 1, "'and' cannot be"),
        ("timeframe", 1, "'timeframe' cannot be"),
        ("my-n", 1, "letters, digits and _ only"),
        ("n", math.inf, "parameter n is inf"),
        ("n", math.nan, "parameter n is nan"),
    ],
)
def test_a_parameter_that_cannot_be_is_refused(name: str, value: float, problem: str) -> None:
    with pytest.raises(ConfigError, match=problem):
        compile_condition("close > 1", **{name: value})


def test_equal_computations_are_shared_between_formulas() -> None:
    program = compile_program(
        {
            "entry": "cross_above(sma(close, fast), sma(close, slow))",
            "exit": "sma(close, slow) > sma(close, 3)",
        },
        PARAMETERS,
        kinds={"entry": "condition", "exit": "condition"},
    )
    # close, two averages, the crossing, the comparison
    assert len(program.nodes) == 5
    assert [out.type for out in program.outputs] == [ValueType.CONDITION] * 2


SAME = [
    ("close < open", "open > close"),
    ("cross_below(close, open)", "cross_above(open, close)"),
    ("close > sma(close, fast)", "close > sma(close, 1 + 2)"),
    ("close > donchian_upper(5)", "close > highest(high, n=5)"),
    ("close > macd(close)", "close > macd(close, fast=12, slow=26, signal=9)"),
    ('close > sma(close, 5, timeframe="1h")', 'close > timeframe("1h", sma(close, 5))'),
]


@pytest.mark.parametrize(("one", "other"), SAME)
def test_two_ways_to_write_one_computation_have_one_fingerprint(one: str, other: str) -> None:
    programs = [compile_condition(text, **PARAMETERS) for text in (one, other)]
    assert programs[0].fingerprint() == programs[1].fingerprint()
    assert programs[0].fingerprint() != compile_condition("close > 7").fingerprint()


WARMUPS = [
    ("close > 1", 0),
    ("close > sma(close, 20)", 19),
    ("cross_above(sma(close, 3), sma(close, 8))", 8),
    ("sma(rsi(close, 14), 5) > 50", 18),
    ("lag(close, 3) > ema(sma(close, 4), 6)", 8),
    ("volatility(close, 20) > 0", 20),
    ("adx(14) > 20", 27),
    ("rank(returns(close, 10)) <= 3", 10),
    ("true", 0),
]


@pytest.mark.parametrize(("text", "bars"), WARMUPS)
def test_the_warm_up_is_counted(text: str, bars: int) -> None:
    program = compile_condition(text)
    assert program.warmup_bars == bars
    column = run(program, goog())[0]
    assert not math.isnan(column[bars])
    assert bars == 0 or math.isnan(column[bars - 1])


def test_a_higher_timeframe_counts_its_own_bars() -> None:
    program = compile_condition('close > sma(close, 20, timeframe="1d") and rsi(close, 2) > 1')
    assert program.warmup_bars == 2
    assert [each.label for each in program.timeframes] == ["1d"]
    assert program.warmup_timeframes == (20,)


def _first_valid(text: str, given: dict[str, float]) -> float:
    """Compute the first valid bar as the reference page writes it, with our own language."""
    column = run(compile_number(text, **given), goog())[0]
    return float(column[0])


@pytest.mark.parametrize("name", [n for n, f in FUNCTIONS.items() if not f.is_cross_sectional])
def test_the_documented_first_valid_bar_is_the_computed_one(name: str) -> None:
    function = FUNCTIONS[name]
    chosen = {a.name: 4.0 + i for i, a in enumerate(function.arguments) if _is_number(a)}
    given = [
        "close > 0" if a.kind is ArgumentKind.CONDITION else _written(a) for a in function.arguments
    ]
    text = f"{name}({', '.join(given)})"
    program = (
        compile_condition(text, **chosen)
        if function.result is ValueType.CONDITION
        else compile_number(text, **chosen)
    )
    column = run(program, goog())[0]
    first = next(i for i, value in enumerate(column) if not math.isnan(value))
    assert first == program.warmup_bars == _first_valid(function.first_valid, chosen)


def _is_number(argument: Argument) -> bool:
    return argument.kind in {ArgumentKind.WINDOW, ArgumentKind.CONSTANT}


def _written(argument: Argument) -> str:
    if _is_number(argument):
        return argument.name
    return "open" if argument.name == "y" else "close"


def test_a_program_lists_the_instruments_it_reads() -> None:
    program = compile_condition('close["SPY"] > close["QQQ"] and low["SPY"] > 1')
    assert program.references == ("SPY", "QQQ")
    assert program.is_cross_sectional


def test_a_constant_formula_needs_no_bar() -> None:
    program: Program = compile_condition("on and 2 > 1", on=True)
    assert [node.kind for node in program.nodes] == [NodeKind.CONSTANT]


def test_every_signature_of_the_table_parses() -> None:
    for function in FUNCTIONS.values():
        parse_formula(function.signature)
