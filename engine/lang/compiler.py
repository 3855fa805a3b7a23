"""Formulas to a program: names and types are checked, computations shared, warm-up counted."""

from __future__ import annotations

import difflib
import math
from collections.abc import Collection, Iterable, Mapping
from functools import lru_cache
from typing import NoReturn, assert_never

from engine.errors import ConfigError, FormulaError
from engine.kernels import indicators_pointwise as pointwise
from engine.lang import operations
from engine.lang.functions import FUNCTIONS, WINDOW_MAX, Argument, ArgumentKind, Function
from engine.lang.graph import Graph, Value, condition, number
from engine.lang.parser import KEYWORDS, parse_formula
from engine.lang.program import BASE_CLOCK, FIELDS, NodeKind, Output, Program, ValueType
from engine.lang.timeframes import Timeframe, parse_timeframe
from engine.lang.tree import Binary, Call, Expression, Index, Name, Number, Text, Truth, Unary

TIMEFRAME = "timeframe"

_ARITHMETIC = {
    "+": pointwise.ADD,
    "-": pointwise.SUBTRACT,
    "*": pointwise.MULTIPLY,
    "/": pointwise.DIVIDE,
}
# a < b is b > a: one computation for both.
_COMPARISON = {
    ">": (pointwise.GREATER, False),
    "<": (pointwise.GREATER, True),
    ">=": (pointwise.GREATER_EQUAL, False),
    "<=": (pointwise.GREATER_EQUAL, True),
    "==": (pointwise.EQUAL, False),
    "!=": (pointwise.UNEQUAL, False),
}
_LOGIC = {"and": pointwise.AND, "or": pointwise.OR}
_TIMEFRAME_EXAMPLES = '"5m", "1h", "4h", "1d", "1w"'


def compile_program(
    formulas: Mapping[str, str],
    parameters: Mapping[str, float | bool],
    *,
    kinds: Mapping[str, str],
    symbols: Collection[str] | None = None,
) -> Program:
    """Parse and check formulas and join them into one program.

    Parameters
    ----------
    formulas
        Text by key, e.g. ``{"entry": "cross_above(sma(close, fast), sma(close, slow))"}``.
    parameters
        Values of the names that formulas may use.
    kinds
        ``"condition"`` or ``"number"`` for each key of `formulas`.
    symbols
        The instruments that ``close["SPY"]`` may name; None leaves that to the evaluation.

    Raises
    ------
    FormulaError
        With the formula's key and the column of the first mistake.
    ConfigError
        If a parameter hides a field or a word of the language, or is not finite.

    Examples
    --------
    >>> program = compile_program({"entry": "close > sma(close, n)"}, {"n": 3},
    ...                           kinds={"entry": "condition"})
    >>> program.warmup_bars
    2
    """
    values = {name: _parameter(name, value) for name, value in parameters.items()}
    graph = Graph()
    outputs = []
    for key, text in formulas.items():
        wanted = ValueType(kinds[key])
        checker = _Checker(graph, values, key=key, text=text, symbols=symbols)
        value = checker.formula(parse_named(text, key=key), wanted)
        outputs.append(Output(key, graph.materialize(value), wanted))
    return _finish(graph, tuple(outputs))


def parse_named(text: str, *, key: str) -> Expression:
    """Parse a formula; the error says which key of the file it belongs to."""
    try:
        return _parsed(text)
    except FormulaError as error:
        error.where = key
        raise


@lru_cache(maxsize=256)
def _parsed(text: str) -> Expression:
    """Parse a text once: a search compiles the same formulas with many parameters."""
    return parse_formula(text)


def _parameter(name: str, value: float | bool) -> Value:
    if name in FIELDS or name in KEYWORDS or name == TIMEFRAME or not name.isidentifier():
        raise ConfigError(
            f"{name!r} cannot be the name of a parameter: it has a meaning in formulas"
            if name.isidentifier()
            else f"{name!r} cannot be the name of a parameter: letters, digits and _ only",
            where="parameters",
            remedy="rename it, in the formulas too",
        )
    if isinstance(value, bool):
        return condition(value)
    if not math.isfinite(value):
        raise ConfigError(f"parameter {name} is {value}; it must be finite", where="parameters")
    return number(value)


def _finish(graph: Graph, outputs: tuple[Output, ...]) -> Program:
    higher = [0] * len(graph.timeframes)
    for node in graph.nodes:
        if node.kind is NodeKind.LATEST:
            source = graph.nodes[node.inputs[0]]
            higher[source.clock - 1] = max(higher[source.clock - 1], source.warmup + 1)
    return Program(
        nodes=tuple(graph.nodes),
        outputs=outputs,
        timeframes=tuple(graph.timeframes),
        references=tuple(graph.references),
        warmup_bars=max((graph.nodes[each.node].warmup for each in outputs), default=0),
        warmup_timeframes=tuple(higher),
    )


class _Checker:
    """Checks one formula and adds its computations to the graph."""

    def __init__(
        self,
        graph: Graph,
        parameters: Mapping[str, Value],
        *,
        key: str,
        text: str,
        symbols: Collection[str] | None,
    ) -> None:
        self._graph = graph
        self._parameters = parameters
        self._key = key
        self._text = text
        self._symbols = symbols

    def formula(self, expression: Expression, wanted: ValueType) -> Value:
        value = self._check(expression)
        if value.type is not wanted:
            is_condition = wanted is ValueType.CONDITION
            self._fail(
                f"{self._key} must be a {wanted.value}, and this is a {value.type.value}",
                expression,
                remedy="compare it with something, e.g. ... > 0"
                if is_condition
                else "write where(condition, 1, 0) to count a condition as 1 or 0",
            )
        return value

    def _check(self, expression: Expression) -> Value:
        match expression:
            case Number():
                return number(expression.value)
            case Truth():
                return condition(expression.value)
            case Text():
                return self._fail(
                    'a quoted text stands only in close["SPY"] or as a timeframe', expression
                )
            case Name():
                return self._name(expression)
            case Unary():
                return self._unary(expression)
            case Binary():
                return self._binary(expression)
            case Index():
                return self._index(expression)
            case Call():
                return self._call(expression)
        assert_never(expression)

    def _name(self, expression: Name) -> Value:
        name = expression.name
        if name in self._parameters:
            return self._parameters[name]
        if name in FIELDS:
            return self._graph.field_of(name)
        if name in FUNCTIONS:
            self._fail(
                f"{name} is a function", expression, remedy=f"write {FUNCTIONS[name].signature}"
            )
        return self._fail(
            f"there is no field or parameter {name!r}",
            expression,
            remedy=_suggestion(name, [*FIELDS, *self._parameters]),
        )

    def _index(self, expression: Index) -> Value:
        name, symbol = expression.field, expression.symbol
        if name not in FIELDS:
            self._fail(
                f"{name}[...] is not a field of an instrument",
                expression,
                remedy=_suggestion(name, FIELDS),
            )
        if self._graph.clock != BASE_CLOCK:
            self._fail(
                f'{name}["{symbol}"] cannot stand inside a timeframe',
                expression,
                remedy="the other instrument's higher bars are not built; use its last value",
            )
        if self._symbols is not None and symbol not in self._symbols:
            self._fail(
                f"the strategy has no instrument {symbol!r}",
                expression,
                remedy=_suggestion(symbol, sorted(self._symbols)),
            )
        return self._graph.reference(name, symbol)

    def _unary(self, expression: Unary) -> Value:
        operand = self._check(expression.operand)
        if expression.operator == "not":
            self._require(operand, ValueType.CONDITION, expression.operand, "not")
            params = (float(pointwise.NOT),)
            return self._kernel(
                operations.LOGIC, (operand,), params, ValueType.CONDITION, expression
            )
        self._require(operand, ValueType.NUMBER, expression.operand, "-")
        params = (float(pointwise.NEGATE),)
        return self._kernel(operations.ARITHMETIC, (operand,), params, ValueType.NUMBER, expression)

    def _binary(self, expression: Binary) -> Value:
        operator = expression.operator
        pair = (self._check(expression.left), self._check(expression.right))
        wanted = ValueType.CONDITION if operator in _LOGIC else ValueType.NUMBER
        self._require(pair[0], wanted, expression.left, operator)
        self._require(pair[1], wanted, expression.right, operator)
        if operator in _LOGIC:
            params = (float(_LOGIC[operator]),)
            return self._kernel(operations.LOGIC, pair, params, ValueType.CONDITION, expression)
        if operator in _ARITHMETIC:
            params = (float(_ARITHMETIC[operator]),)
            return self._kernel(operations.ARITHMETIC, pair, params, ValueType.NUMBER, expression)
        comparison, is_swapped = _COMPARISON[operator]
        pair = (pair[1], pair[0]) if is_swapped else pair
        params = (float(comparison),)
        return self._kernel(operations.COMPARISON, pair, params, ValueType.CONDITION, expression)

    def _kernel(
        self,
        operation: operations.Operation,
        inputs: tuple[Value, ...],
        params: tuple[float, ...],
        result: ValueType,
        place: Expression,
    ) -> Value:
        return self._defined(self._graph.kernel(operation, inputs, params, result), place)

    def _defined(self, value: Value, place: Expression) -> Value:
        if value.is_constant and math.isnan(value.constant):
            self._fail("this constant is undefined: a division by zero or an overflow", place)
        return value

    def _call(self, expression: Call) -> Value:
        if expression.function == TIMEFRAME:
            return self._timeframe_call(expression)
        function = FUNCTIONS.get(expression.function)
        if function is None:
            self._fail(
                f"there is no function {expression.function!r}",
                expression,
                remedy=_suggestion(expression.function, [*FUNCTIONS, TIMEFRAME]),
            )
        keywords = dict(expression.keywords)
        label = keywords.pop(TIMEFRAME, None)
        if label is not None:
            inner = Call(
                expression.function,
                expression.arguments,
                tuple(keywords.items()),
                expression.column,
            )
            return self._on_timeframe(label, inner)
        if function.is_cross_sectional and self._graph.clock != BASE_CLOCK:
            self._fail(f"{function.name} cannot stand inside a timeframe", expression)
        given = self._arguments(function, expression, keywords)
        return self._defined(self._apply(function, given), expression)

    def _apply(self, function: Function, given: dict[str, Value]) -> Value:
        value = function.build(self._graph, given)
        return Value(function.result, value.node, value.constant)

    def _timeframe_call(self, expression: Call) -> Value:
        if len(expression.arguments) != 2 or expression.keywords:
            self._fail(
                "timeframe takes a bar length and an expression",
                expression,
                remedy='write timeframe("1d", sma(close, 20))',
            )
        return self._on_timeframe(*expression.arguments)

    def _on_timeframe(self, label: Expression, inner: Expression) -> Value:
        timeframe = self._timeframe(label)
        if self._graph.clock != BASE_CLOCK:
            self._fail("a timeframe cannot stand inside another one", label)
        self._graph.enter(timeframe)
        return self._graph.leave(self._check(inner))

    def _timeframe(self, label: Expression) -> Timeframe:
        if not isinstance(label, Text):
            self._fail(f"a timeframe is a quoted text such as {_TIMEFRAME_EXAMPLES}", label)
        timeframe = parse_timeframe(label.value)
        if timeframe is None:
            self._fail(
                f"{label.value!r} is not a timeframe",
                label,
                remedy=f"examples: {_TIMEFRAME_EXAMPLES}; minutes and hours divide a day",
            )
        return timeframe

    def _arguments(
        self, function: Function, expression: Call, keywords: dict[str, Expression]
    ) -> dict[str, Value]:
        written = self._written(function, expression, keywords)
        given = {}
        for argument in function.arguments:
            if argument.name in written:
                given[argument.name] = self._argument(function, argument, written[argument.name])
            elif argument.default is not None:
                given[argument.name] = number(argument.default)
            else:
                self._fail(
                    f"{function.name} needs {argument.name}",
                    expression,
                    remedy=f"it is written {function.signature}",
                )
        if function.requirement is not None:
            text, holds = function.requirement
            if not holds({name: value.constant for name, value in given.items()}):
                self._fail(f"{function.name}: {text}", expression)
        return given

    def _written(
        self, function: Function, expression: Call, keywords: dict[str, Expression]
    ) -> dict[str, Expression]:
        names = [each.name for each in function.arguments]
        if len(expression.arguments) > len(names):
            self._fail(
                f"{function.name} takes {len(names)} arguments, not {len(expression.arguments)}",
                expression.arguments[len(names)],
                remedy=f"it is written {function.signature}",
            )
        written = dict(zip(names, expression.arguments))
        for name, value in keywords.items():
            if name not in names:
                self._fail(
                    f"{function.name} has no argument {name!r}",
                    value,
                    remedy=f"it is written {function.signature}",
                )
            if name in written:
                self._fail(f"{function.name} gets {name} twice", value)
            written[name] = value
        return written

    def _argument(self, function: Function, argument: Argument, place: Expression) -> Value:
        value = self._check(place)
        what = f"{argument.name} of {function.name}"
        wanted = (
            ValueType.CONDITION if argument.kind is ArgumentKind.CONDITION else ValueType.NUMBER
        )
        if value.type is not wanted:
            self._fail(f"{what} must be a {wanted.value}, not a {value.type.value}", place)
        if argument.kind is ArgumentKind.WINDOW:
            self._require_window(value, argument, what, place)
        elif argument.kind is ArgumentKind.CONSTANT:
            self._require_constant(value, argument, what, place)
        return value

    def _require_window(
        self, value: Value, argument: Argument, what: str, place: Expression
    ) -> None:
        if not value.is_constant:
            self._fail(f"{what} must be the same at every bar: a number or a parameter", place)
        n = value.constant
        if n != math.floor(n) or not argument.minimum <= n <= WINDOW_MAX:
            self._fail(
                f"{what} is {n:g}; it must be a whole number from "
                f"{argument.minimum:g} to {WINDOW_MAX}",
                place,
            )

    def _require_constant(
        self, value: Value, argument: Argument, what: str, place: Expression
    ) -> None:
        if not value.is_constant:
            self._fail(f"{what} must be the same at every bar: a number or a parameter", place)
        if value.constant < argument.minimum:
            self._fail(
                f"{what} is {value.constant:g}; it must be at least {argument.minimum:g}", place
            )

    def _require(self, value: Value, wanted: ValueType, place: Expression, operator: str) -> None:
        if value.type is not wanted:
            self._fail(
                f"{operator!r} takes a {wanted.value}, and this is a {value.type.value}", place
            )

    def _fail(self, problem: str, place: Expression, *, remedy: str = "") -> NoReturn:
        raise FormulaError(
            problem, text=self._text, column=place.column, where=self._key, remedy=remedy
        )


def _suggestion(name: str, known: Iterable[str]) -> str:
    names = list(known)
    close = difflib.get_close_matches(name, names, n=1) or difflib.get_close_matches(
        name.lower(), names, n=1
    )
    hint = f"did you mean {close[0]}? " if close else ""
    return f"{hint}known: {', '.join(names)}"
