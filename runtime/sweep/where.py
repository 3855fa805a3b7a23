"""Conditions between parameters, e.g. ``fast < slow``: the project's formula language over columns.

A condition is parsed by `engine.lang.parser` and computed for all combinations at once. Only
parameters are names here, and only `abs`, `min` and `max` are functions: there are no bars.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, NoReturn

import numpy as np
from numpy.typing import NDArray

from engine.errors import FormulaError
from engine.lang.parser import parse_formula
from engine.lang.tree import Binary, Call, Expression, Name, Number, Truth, Unary

Flags = NDArray[np.bool_]
Values = NDArray[Any]

_ARITHMETIC: dict[str, Callable[[Any, Any], Any]] = {
    "+": np.add,
    "-": np.subtract,
    "*": np.multiply,
    "/": lambda a, b: np.where(b == 0, np.nan, np.divide(a, b)),
}
_COMPARISON: dict[str, Callable[[Any, Any], Any]] = {
    "<": np.less,
    "<=": np.less_equal,
    ">": np.greater,
    ">=": np.greater_equal,
    "==": np.equal,
    "!=": np.not_equal,
}
_LOGIC: dict[str, Callable[[Any, Any], Any]] = {"and": np.logical_and, "or": np.logical_or}
_FUNCTIONS: dict[str, tuple[int, Callable[..., Any]]] = {
    "abs": (1, np.abs),
    "min": (2, np.minimum),
    "max": (2, np.maximum),
}


def admitted(
    conditions: Sequence[str], columns: Mapping[str, Values], defaults: Mapping[str, float | bool]
) -> Flags:
    """Return which combinations satisfy every condition.

    Parameters
    ----------
    conditions
        Formulas over parameters, each true or false.
    columns
        The searched parameters: one value for each combination, float64 or bool.
    defaults
        The values of all parameters of the strategy; searched ones go before them.

    Raises
    ------
    FormulaError
        If a condition does not parse, names something else, or is a number.

    Examples
    --------
    >>> pairs = {"fast": np.array([5.0, 20.0]), "slow": np.array([10.0, 10.0])}
    >>> admitted(["fast < slow"], pairs, {}).tolist()
    [True, False]
    """
    size = next(iter(columns.values())).size if columns else 1
    result = np.ones(size, dtype=np.bool_)
    for text in conditions:
        reader = _Reader(text, {**defaults, **columns})
        with np.errstate(all="ignore"):  # a division by zero is undefined, so no comparison is true
            value = np.asarray(reader.value(_parsed(text)))
        if value.dtype != np.bool_:
            reader.fail("a condition must be true or false, and this is a number", 0)
        result &= np.broadcast_to(value, result.shape)
    return result


def _parsed(text: str) -> Expression:
    try:
        return parse_formula(text)
    except FormulaError as error:
        error.where = "--where"
        raise


class _Reader:
    def __init__(self, text: str, names: Mapping[str, Any]) -> None:
        self._text = text
        self._names = names

    def value(self, tree: Expression) -> Any:
        match tree:
            case Number() | Truth():
                return np.asarray(tree.value)
            case Name():
                return self._named(tree)
            case Unary(operator="not"):
                return np.logical_not(self._condition(tree.operand))
            case Unary():
                return -self._number(tree.operand)
            case Binary(operator=operator) if operator in _LOGIC:
                return _LOGIC[operator](self._condition(tree.left), self._condition(tree.right))
            case Binary(operator=operator) if operator in _COMPARISON:
                return self._compared(tree)
            case Binary():
                return _ARITHMETIC[tree.operator](self._number(tree.left), self._number(tree.right))
            case Call():
                return self._called(tree)
            case _:
                return self.fail("a condition between parameters has no bars or texts", tree.column)

    def _named(self, tree: Name) -> Values:
        if tree.name not in self._names:
            known = ", ".join(self._names) or "none"
            self.fail(f"{tree.name!r} is not a parameter; there are: {known}", tree.column)
        return np.asarray(self._names[tree.name])

    def _compared(self, tree: Binary) -> Values:
        left, right = self.value(tree.left), self.value(tree.right)
        if (left.dtype == np.bool_) != (right.dtype == np.bool_):
            self.fail("a number is compared with true or false", tree.column)
        made: Values = _COMPARISON[tree.operator](left, right)
        return made

    def _called(self, tree: Call) -> Values:
        count, function = _FUNCTIONS.get(tree.function, (0, np.abs))
        if not count:
            self.fail(f"{tree.function} is not known here: only abs, min and max", tree.column)
        if len(tree.arguments) != count or tree.keywords:
            self.fail(f"{tree.function} takes {count} number{'s' * (count > 1)}", tree.column)
        made: Values = function(*(self._number(each) for each in tree.arguments))
        return made

    def _condition(self, tree: Expression) -> Values:
        value: Values = self.value(tree)
        if value.dtype != np.bool_:
            self.fail("this is a number where true or false is needed", tree.column)
        return value

    def _number(self, tree: Expression) -> Values:
        value: Values = self.value(tree)
        if value.dtype == np.bool_:
            self.fail("this is true or false where a number is needed", tree.column)
        return value

    def fail(self, problem: str, column: int) -> NoReturn:
        raise FormulaError(problem, text=self._text, column=column, where="--where")
