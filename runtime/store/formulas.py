"""What a formula says, without how it is laid out and what its parameters are called."""

from __future__ import annotations

from collections.abc import Callable
from typing import assert_never

from engine.errors import FormulaError
from engine.lang.functions import FUNCTIONS
from engine.lang.parser import parse_formula
from engine.lang.program import FIELDS
from engine.lang.tree import Binary, Call, Expression, Index, Name, Number, Text, Truth, Unary

_SWAPPED = {"<": ">", "<=": ">="}
_TIMEFRAME = "timeframe"

NameOf = Callable[[str], str]


def canonical_formula(text: str, name_of: NameOf) -> str:
    """Return a formula with all its parentheses, arguments in their declared order, defaults written.

    Parameters
    ----------
    text
        The formula; one that does not parse comes back as it is, for the run will refuse it.
    name_of
        What a name that is no field of a bar is to be called.

    Examples
    --------
    >>> canonical_formula("sma( close, n=fast ) < 1.50", lambda name: "$0")
    '(> 0x1.8000000000000p+0 (sma close $0))'
    """
    try:
        return _written(parse_formula(text), name_of)
    except FormulaError:
        return text


def _written(expression: Expression, name_of: NameOf) -> str:
    match expression:
        case Number():
            return expression.value.hex()
        case Truth():
            return "true" if expression.value else "false"
        case Text():
            return f'"{expression.value}"'
        case Name():
            return expression.name if expression.name in FIELDS else name_of(expression.name)
        case Unary():
            return f"({expression.operator} {_written(expression.operand, name_of)})"
        case Binary():
            return _binary(expression, name_of)
        case Call():
            return _call(expression, name_of)
        case Index():
            return f'{expression.field}["{expression.symbol}"]'
        case _:
            assert_never(expression)


def _binary(expression: Binary, name_of: NameOf) -> str:
    """Write ``a < b`` as ``b > a``; names are met from left to right in any case."""
    left, right = _written(expression.left, name_of), _written(expression.right, name_of)
    if expression.operator in _SWAPPED:
        return f"({_SWAPPED[expression.operator]} {right} {left})"
    return f"({expression.operator} {left} {right})"


def _call(expression: Call, name_of: NameOf) -> str:
    keywords = dict(expression.keywords)
    frame = keywords.pop(_TIMEFRAME, None)
    function = FUNCTIONS.get(expression.function)
    given = [_written(each, name_of) for each in expression.arguments]
    named = {name: _written(each, name_of) for name, each in keywords.items()}
    if function is not None:
        for argument in function.arguments[len(given) :]:
            default = "" if argument.default is None else float(argument.default).hex()
            given.append(named.pop(argument.name, default))
    given += [f"{name}={value}" for name, value in sorted(named.items())]
    text = f"({' '.join([expression.function, *given])})"
    return text if frame is None else f"({_TIMEFRAME} {_written(frame, name_of)} {text})"
