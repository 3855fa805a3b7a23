"""How a function of the language becomes operations.

A builder takes the graph and the checked arguments by name, adds what it needs and returns the
value. `graph` shares equal computations, so a builder need not care who else uses an average.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import TypeAlias

from engine.kernels import indicators_pointwise as pointwise
from engine.lang import operations as op
from engine.lang.graph import Graph, Value, number
from engine.lang.operations import Operation
from engine.lang.program import SESSION_FIELD, ValueType

Build: TypeAlias = Callable[[Graph, dict[str, Value]], Value]


def windowed(operation: Operation, inputs: tuple[str, ...] = ("x",)) -> Build:
    def build(graph: Graph, given: dict[str, Value]) -> Value:
        n = given["n"].constant
        return graph.kernel(operation, tuple(given[name] for name in inputs), (n,))

    return build


def of_bars(operation: Operation, fields: tuple[str, ...], names: tuple[str, ...]) -> Build:
    def build(graph: Graph, given: dict[str, Value]) -> Value:
        inputs = tuple(graph.field_of(field) for field in fields)
        return graph.kernel(operation, inputs, tuple(given[name].constant for name in names))

    return build


def macd(operation: Operation) -> Build:
    def build(graph: Graph, given: dict[str, Value]) -> Value:
        params = tuple(given[name].constant for name in ("fast", "slow", "signal"))
        return graph.kernel(operation, (given["x"],), params)

    return build


def macd_histogram(graph: Graph, given: dict[str, Value]) -> Value:
    return graph.subtract(macd(op.MACD)(graph, given), macd(op.MACD_SIGNAL)(graph, given))


def deviation(freedom_lost: float) -> Build:
    def build(graph: Graph, given: dict[str, Value]) -> Value:
        return graph.kernel(op.DEVIATION, (given["x"],), (given["n"].constant, freedom_lost))

    return build


def z_score(graph: Graph, given: dict[str, Value]) -> Value:
    distance = graph.subtract(given["x"], windowed(op.SMA)(graph, given))
    return graph.divide(distance, deviation(0.0)(graph, given))


def volatility(graph: Graph, given: dict[str, Value]) -> Value:
    returns = graph.kernel(op.RETURNS, (given["x"],), (1.0,))
    deviation = graph.kernel(op.DEVIATION, (returns,), (given["n"].constant, 1.0))
    periods = given["periods_per_year"].constant
    return deviation if periods == 1.0 else graph.multiply(deviation, number(math.sqrt(periods)))


def band(side: float, middle: Build, width: Build) -> Build:
    def build(graph: Graph, given: dict[str, Value]) -> Value:
        offset = graph.multiply(given["k"], width(graph, given))
        center = middle(graph, given)
        return graph.add(center, offset) if side > 0 else graph.subtract(center, offset)

    return build


def keltner_middle(graph: Graph, given: dict[str, Value]) -> Value:
    return graph.kernel(op.EMA, (graph.field_of("close"),), (given["n"].constant,))


def momentum(graph: Graph, given: dict[str, Value]) -> Value:
    return graph.subtract(given["x"], windowed(op.LAG)(graph, given))


def rate_of_change(graph: Graph, given: dict[str, Value]) -> Value:
    return graph.multiply(number(100.0), windowed(op.RETURNS)(graph, given))


def donchian_middle(graph: Graph, given: dict[str, Value]) -> Value:
    n = (given["n"].constant,)
    highest = graph.kernel(op.HIGHEST, (graph.field_of("high"),), n)
    lowest = graph.kernel(op.LOWEST, (graph.field_of("low"),), n)
    return graph.divide(graph.add(highest, lowest), number(2.0))


def typical_price(graph: Graph, given: dict[str, Value]) -> Value:
    total = graph.add(graph.field_of("high"), graph.field_of("low"))
    return graph.divide(graph.add(total, graph.field_of("close")), number(3.0))


def cci(graph: Graph, given: dict[str, Value]) -> Value:
    return graph.kernel(op.CCI, (typical_price(graph, given),), (given["n"].constant,))


def vwap(graph: Graph, given: dict[str, Value]) -> Value:
    n = (given["n"].constant,)
    volume = graph.field_of("volume")
    turnover = graph.multiply(typical_price(graph, given), volume)
    return graph.divide(graph.kernel(op.SUM, (turnover,), n), graph.kernel(op.SUM, (volume,), n))


def session_vwap(graph: Graph, given: dict[str, Value]) -> Value:
    inputs = (
        typical_price(graph, given),
        graph.field_of("volume"),
        graph.field_of(SESSION_FIELD),
    )
    return graph.kernel(op.SESSION_VWAP, inputs)


def arithmetic(operator: int, *names: str) -> Build:
    def build(graph: Graph, given: dict[str, Value]) -> Value:
        return graph.kernel(op.ARITHMETIC, tuple(given[name] for name in names), (float(operator),))

    return build


def where(graph: Graph, given: dict[str, Value]) -> Value:
    inputs = (given["condition"], given["x"], given["y"])
    return graph.kernel(op.LOGIC, inputs, (float(pointwise.WHERE),))


def cross_over(first: str, second: str) -> Build:
    def build(graph: Graph, given: dict[str, Value]) -> Value:
        inputs = (given[first], given[second])
        return graph.kernel(op.CROSS_ABOVE, inputs, (), ValueType.CONDITION)

    return build


def bars_since(graph: Graph, given: dict[str, Value]) -> Value:
    return graph.kernel(op.BARS_SINCE, (given["condition"],))


def across(name: str) -> Build:
    def build(graph: Graph, given: dict[str, Value]) -> Value:
        return graph.cross(name, given["x"])

    return build
