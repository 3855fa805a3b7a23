"""The tree of a formula as it was written, before names and types are looked at."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeAlias, assert_never


@dataclass(frozen=True, slots=True)
class Number:
    """A number."""

    value: float
    column: int


@dataclass(frozen=True, slots=True)
class Truth:
    """`true` or `false`."""

    value: bool
    column: int


@dataclass(frozen=True, slots=True)
class Text:
    """A quoted text: a symbol or a timeframe."""

    value: str
    column: int


@dataclass(frozen=True, slots=True)
class Name:
    """A field or a parameter."""

    name: str
    column: int


@dataclass(frozen=True, slots=True)
class Unary:
    """``-x`` or ``not x``."""

    operator: str
    operand: Expression
    column: int


@dataclass(frozen=True, slots=True)
class Binary:
    """Two operands; `column` is the operator's."""

    operator: str
    left: Expression
    right: Expression
    column: int


@dataclass(frozen=True, slots=True)
class Call:
    """A function with its arguments, those without and those with a name."""

    function: str
    arguments: tuple[Expression, ...]
    keywords: tuple[tuple[str, Expression], ...]
    column: int


@dataclass(frozen=True, slots=True)
class Index:
    """``close["SPY"]``: a field of another instrument."""

    field: str
    symbol: str
    column: int


Expression: TypeAlias = Number | Truth | Text | Name | Unary | Binary | Call | Index


def children(expression: Expression) -> tuple[Expression, ...]:
    """Return the operands or arguments, left to right."""
    match expression:
        case Unary():
            return (expression.operand,)
        case Binary():
            return (expression.left, expression.right)
        case Call():
            return (*expression.arguments, *(value for _, value in expression.keywords))
        case Number() | Truth() | Text() | Name() | Index():
            return ()
        case _:
            assert_never(expression)


def format_tree(expression: Expression) -> str:
    """Write a tree with all its parentheses, operator first.

    Examples
    --------
    >>> format_tree(Binary("+", Number(1.0, 0), Name("close", 4), 2))
    '(+ 1 close)'
    """
    match expression:
        case Number():
            return format(expression.value, "g")
        case Truth():
            return "true" if expression.value else "false"
        case Text():
            return f'"{expression.value}"'
        case Name():
            return expression.name
        case Unary():
            return f"({expression.operator} {format_tree(expression.operand)})"
        case Binary():
            left, right = format_tree(expression.left), format_tree(expression.right)
            return f"({expression.operator} {left} {right})"
        case Call():
            arguments = [format_tree(each) for each in expression.arguments]
            arguments += [f"{name}={format_tree(each)}" for name, each in expression.keywords]
            return f"({' '.join([expression.function, *arguments])})"
        case Index():
            return f'{expression.field}["{expression.symbol}"]'
        case _:
            assert_never(expression)
