"""The formulas of a strategy taken apart, so that a check can name the call whose value is wrong."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from data.history import History
from engine.errors import FormulaError
from engine.lang.batch import evaluate_batch
from engine.lang.compiler import TIMEFRAME, compile_program, parse_named
from engine.lang.program import Program
from engine.lang.tree import (
    Binary,
    Call,
    Expression,
    Index,
    Name,
    Number,
    Text,
    Truth,
    Unary,
    children,
)
from runtime.backtest.clockwork import Clockwork
from runtime.backtest.signals import panel_of
from runtime.config.strategy import RULE_KINDS
from runtime.differences import Series


@dataclass(frozen=True, slots=True)
class Formulas:
    """What a strategy computes from bars, by the name that a finding gives it.

    `values` are the formulas that decide or that the strategy reads (``rules.entry``, ``top``);
    `parts` are the calls inside them, named by their text.
    """

    values: Mapping[str, str]
    parts: Mapping[str, str] = field(default_factory=dict)
    kinds: Mapping[str, str] = field(default_factory=dict)
    parameters: Mapping[str, float | bool] = field(default_factory=dict)
    symbols: tuple[str, ...] = ()

    def program(self) -> Program:
        """Return all of them as one program."""
        return compile_program(
            {**self.values, **self.parts},
            self.parameters,
            kinds=self.kinds,
            symbols=self.symbols,
        )

    def series(
        self, history: History, clockwork: Clockwork, *, adjustment: str, compiled: bool
    ) -> list[Series]:
        """Evaluate all of them at every bar: parts first, as causes come before effects."""
        panel = panel_of(history, clockwork, adjustment=adjustment)
        columns = evaluate_batch(self.program(), panel, compiled=compiled)
        names = sorted(columns, key=lambda name: name in self.values)
        return [
            Series(name, bars.symbol, bars.ts_close_ns, columns[name][k].copy())
            for name in names
            for k, bars in enumerate(panel)
        ]


def formulas_of(
    texts: Mapping[str, str],
    parameters: Mapping[str, float | bool],
    symbols: tuple[str, ...],
    *,
    prefix: str = "",
) -> Formulas:
    """Take formulas apart; each is known to compile."""
    values = {prefix + key: text for key, text in texts.items()}
    kinds = {}
    for key, text in texts.items():
        kinds[prefix + key] = RULE_KINDS.get(key, "") or _kind_of(text, parameters, symbols)
    parts: dict[str, str] = {}
    for key, text in texts.items():
        tree = parse_named(text, key=key)
        parts |= {written: written for written in map(write, _calls(tree)) if written != text}
    for text in parts:
        kinds[text] = _kind_of(text, parameters, symbols)
    return Formulas(values, parts, kinds, dict(parameters), symbols)


def _kind_of(text: str, parameters: Mapping[str, float | bool], symbols: tuple[str, ...]) -> str:
    try:
        compile_program({"value": text}, parameters, kinds={"value": "number"}, symbols=symbols)
    except FormulaError:
        return "condition"
    return "number"


def _calls(tree: Expression) -> Iterator[Call]:
    """Yield the calls of a tree, inner ones first; what is inside a timeframe means nothing alone."""
    is_timeframe = isinstance(tree, Call) and tree.function == TIMEFRAME
    if not is_timeframe:
        for child in children(tree):
            yield from _calls(child)
    if isinstance(tree, Call):
        yield tree


def write(tree: Expression) -> str:
    """Write a tree as a formula again.

    Examples
    --------
    >>> write(parse_named("cross_above(close, sma(close,20)*(1+x))", key="entry"))
    'cross_above(close, sma(close, 20) * (1 + x))'
    """
    match tree:
        case Number():
            return repr(int(tree.value)) if tree.value == int(tree.value) else repr(tree.value)
        case Truth():
            return "true" if tree.value else "false"
        case Text():
            return f'"{tree.value}"'
        case Name():
            return tree.name
        case Index():
            return f'{tree.field}["{tree.symbol}"]'
        case Unary():
            space = " " if tree.operator.isalpha() else ""
            return f"{tree.operator}{space}{_inner(tree.operand)}"
        case Binary():
            return f"{_inner(tree.left)} {tree.operator} {_inner(tree.right)}"
        case Call():
            arguments = [write(each) for each in tree.arguments]
            arguments += [f"{name}={write(each)}" for name, each in tree.keywords]
            return f"{tree.function}({', '.join(arguments)})"


def _inner(tree: Expression) -> str:
    return f"({write(tree)})" if isinstance(tree, Binary | Unary) else write(tree)
