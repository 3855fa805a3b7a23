"""From text to tree, and where the caret stands when it does not work."""

from __future__ import annotations

import pytest

from engine.errors import FormulaError
from engine.lang.parser import MAX_DEPTH, parse_formula
from engine.lang.tokens import MAX_LENGTH
from engine.lang.tree import format_tree

TREES = [
    ("1 + 2 * 3", "(+ 1 (* 2 3))"),
    ("(1 + 2) * 3", "(* (+ 1 2) 3)"),
    ("1 - 2 - 3", "(- (- 1 2) 3)"),
    ("8 / 4 / 2", "(/ (/ 8 4) 2)"),
    ("-a * b", "(* (- a) b)"),
    ("a - -b", "(- a (- b))"),
    ("- - a", "(- (- a))"),
    ("a < b + 1", "(< a (+ b 1))"),
    ("a == b", "(== a b)"),
    ("a != b", "(!= a b)"),
    ("a <= b and b >= c", "(and (<= a b) (>= b c))"),
    ("a and b or c and d", "(or (and a b) (and c d))"),
    ("a or b and c", "(or a (and b c))"),
    ("not a and b", "(and (not a) b)"),
    ("not a < b", "(not (< a b))"),
    ("not not a", "(not (not a))"),
    ("not (a and b)", "(not (and a b))"),
    ("true or false", "(or true false)"),
    ("close", "close"),
    ("obv()", "(obv)"),
    ("sma(close, 20)", "(sma close 20)"),
    ("sma(close, n=20)", "(sma close n=20)"),
    ("sma(sma(close, 2), 3)", "(sma (sma close 2) 3)"),
    ('close["SPY"]', 'close["SPY"]'),
    ("close['BRK.B'] / 2", '(/ close["BRK.B"] 2)'),
    ('sma(close, 20, timeframe="1h")', '(sma close 20 timeframe="1h")'),
    ('timeframe("1d", close)', '(timeframe "1d" close)'),
    ("1.5e-3 + .5 + 2.", "(+ (+ 0.0015 0.5) 2)"),
    ("  close\n  > 1 ", "(> close 1)"),
]


@pytest.mark.parametrize(("text", "tree"), TREES)
def test_a_formula_becomes_a_tree(text: str, tree: str) -> None:
    assert format_tree(parse_formula(text)) == tree


# the formula, the caret under its mistake, a part of what is said
MISTAKES = [
    ("", "^", "the formula is empty"),
    ("   ", "   ^", "the formula is empty"),
    ("close >", "       ^", "the formula ends"),
    ("close > > 2", "        ^", "there is '>'"),
    ("* 2", "^", "there is '*'"),
    ("close close", "      ^", "there is 'close' where an operator"),
    ("(close", "      ^", "')' is missing"),
    ("sma(close, 20", "             ^", "')' is missing"),
    ("sma(close 20)", "          ^", "',' is missing between arguments"),
    ("sma(close,, 20)", "          ^", "there is ','"),
    ("sma(close, 20))", "              ^", "there is ')'"),
    ("close)", "     ^", "there is ')'"),
    ("a < b < c", "      ^", "comparisons cannot be chained"),
    ("a = b", "  ^", "= does not compare"),
    ("a && b", "  ^", "'&' has no meaning"),
    ("!a", "^", "'!' has no meaning"),
    ("a % 2", "  ^", "'%' has no meaning"),
    ("a ** 2", "   ^", "there is '*'"),
    ("2x", "^", "'2x' is neither a number nor a name"),
    ("1.2.3", "^", "neither a number nor a name"),
    ("1e999", "^", "too large"),
    ("close[1]", "      ^", "takes the symbol of an instrument"),
    ('close["SPY"', "           ^", "']' is missing after the symbol"),
    ('close["SPY', "      ^", "has no meaning"),
    ("f(n=1, 2)", "^", "without a name cannot follow"),
    ("f(n=1, n=2)", "       ^", "n is given twice"),
    ("and", "^", "there is 'and'"),
    ("close > 1 and", "             ^", "the formula ends"),
    ("close; exit", "     ^", "';' has no meaning"),
    ("__import__('os').system('x')", "                ^", "'.' has no meaning"),
    ("preis > 1 €", "          ^", "'€' has no meaning"),
    ("close > \x00", "        ^", "has no meaning"),
]


@pytest.mark.parametrize(("text", "caret", "problem"), MISTAKES)
def test_a_mistake_is_shown_where_it_is(text: str, caret: str, problem: str) -> None:
    with pytest.raises(FormulaError) as caught:
        parse_formula(text)
    assert caught.value.caret() == f"{text}\n{caret}"
    assert problem in caught.value.problem


@pytest.mark.parametrize("opening", ["(", "-", "not ", "sma(", "1+("])
def test_ten_thousand_openings_are_refused_without_exhausting_the_stack(opening: str) -> None:
    for count in (MAX_LENGTH // len(opening), 10_000):
        with pytest.raises(FormulaError, match=r"nested|characters"):
            parse_formula(opening * count)


@pytest.mark.parametrize("joint", ["+", " and ", "/", " - "])
def test_a_chain_of_thousands_is_refused_without_exhausting_the_stack(joint: str) -> None:
    with pytest.raises(FormulaError, match="inside one another"):
        parse_formula(joint.join(["a"] * 1_500))


def test_a_tree_deep_by_chains_within_parentheses_is_refused() -> None:
    text = "a"
    for _ in range(60):
        text = f"({text})" + "+a" * 60
    with pytest.raises(FormulaError, match="inside one another"):
        parse_formula(text)


def test_what_fits_the_limit_is_parsed() -> None:
    assert format_tree(parse_formula("(" * (MAX_DEPTH - 1) + "a" + ")" * (MAX_DEPTH - 1))) == "a"
    parse_formula("+".join(["a"] * MAX_DEPTH))


def test_a_formula_that_is_too_long_is_refused_before_it_is_read() -> None:
    with pytest.raises(FormulaError, match=f"{MAX_LENGTH + 1} characters"):
        parse_formula("a" * (MAX_LENGTH + 1))
