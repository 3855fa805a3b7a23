"""Building a program node by node: equal computations are shared, constants are folded."""

from __future__ import annotations

from dataclasses import dataclass, field

from engine.kernels import indicators_pointwise as pointwise
from engine.kernels.indicators_windows import NAN
from engine.lang import operations
from engine.lang.operations import Operation, Params
from engine.lang.program import BASE_CLOCK, Node, NodeKind, ValueType
from engine.lang.timeframes import Timeframe

_POINTWISE = frozenset({operations.ARITHMETIC, operations.COMPARISON, operations.LOGIC})


@dataclass(frozen=True, slots=True)
class Value:
    """A checked value: a node, or a constant that needs none (then `node` is -1)."""

    type: ValueType
    node: int = -1
    constant: float = NAN

    @property
    def is_constant(self) -> bool:
        """Whether the value is the same at every bar."""
        return self.node < 0


def number(constant: float) -> Value:
    """Return a constant number."""
    return Value(ValueType.NUMBER, constant=float(constant))


def condition(constant: bool) -> Value:
    """Return a constant condition."""
    return Value(ValueType.CONDITION, constant=1.0 if constant else 0.0)


@dataclass(slots=True)
class Graph:
    """The nodes so far, and the clock on which new ones are made."""

    nodes: list[Node] = field(default_factory=list)
    timeframes: list[Timeframe] = field(default_factory=list)
    references: list[str] = field(default_factory=list)
    clock: int = BASE_CLOCK
    _known: dict[tuple[object, ...], int] = field(default_factory=dict)

    def field_of(self, name: str) -> Value:
        """Return a field of the instrument's bars."""
        return self._value(Node(NodeKind.FIELD, self.clock, label=name))

    def reference(self, name: str, symbol: str) -> Value:
        """Return the last known value of another instrument's field."""
        if symbol not in self.references:
            self.references.append(symbol)
        inputs = (self.field_of(name).node,)
        return self._value(Node(NodeKind.REFERENCE, self.clock, inputs=inputs, label=symbol))

    def enter(self, timeframe: Timeframe) -> None:
        """Make new nodes on the clock of a higher timeframe, until `leave`."""
        assert self.clock == BASE_CLOCK, "timeframes do not nest"
        if timeframe not in self.timeframes:
            self.timeframes.append(timeframe)
        self.clock = self.timeframes.index(timeframe) + 1

    def leave(self, value: Value) -> Value:
        """Return to the base clock with the last known value of `value`."""
        self.clock = BASE_CLOCK
        if value.is_constant:
            return value
        return self._value(Node(NodeKind.LATEST, inputs=(value.node,)), value.type)

    def cross(self, name: str, value: Value) -> Value:
        """Return a comparison of `value` over all instruments of a slice."""
        node = self._node_of(value)
        warmup = self.nodes[node].warmup
        return self._value(Node(NodeKind.CROSS, inputs=(node,), label=name, warmup=warmup))

    def kernel(
        self,
        operation: Operation,
        inputs: tuple[Value, ...],
        params: Params = (),
        result: ValueType = ValueType.NUMBER,
    ) -> Value:
        """Return a streaming operation on values."""
        if operation in _POINTWISE and all(value.is_constant for value in inputs):
            return Value(result, constant=_fold(operation, inputs, params))
        nodes = tuple(self._node_of(value) for value in inputs)
        warmup = max(self.nodes[node].warmup for node in nodes) + operation.lookback(params)
        return self._value(
            Node(NodeKind.KERNEL, self.clock, operation, nodes, params, warmup=warmup), result
        )

    def add(self, a: Value, b: Value) -> Value:
        """Return a + b."""
        return self._arithmetic(pointwise.ADD, a, b)

    def subtract(self, a: Value, b: Value) -> Value:
        """Return a - b."""
        return self._arithmetic(pointwise.SUBTRACT, a, b)

    def multiply(self, a: Value, b: Value) -> Value:
        """Return a * b."""
        return self._arithmetic(pointwise.MULTIPLY, a, b)

    def divide(self, a: Value, b: Value) -> Value:
        """Return a / b."""
        return self._arithmetic(pointwise.DIVIDE, a, b)

    def materialize(self, value: Value) -> int:
        """Return the node of a value, making one for a constant."""
        return self._node_of(value)

    def _arithmetic(self, operator: int, a: Value, b: Value) -> Value:
        return self.kernel(operations.ARITHMETIC, (a, b), (float(operator),))

    def _node_of(self, value: Value) -> int:
        if not value.is_constant:
            return value.node
        constant = Node(NodeKind.CONSTANT, self.clock, params=(value.constant,))
        return self._value(constant).node

    def _value(self, node: Node, result: ValueType = ValueType.NUMBER) -> Value:
        key = node.key()
        if key not in self._known:
            self._known[key] = len(self.nodes)
            self.nodes.append(node)
        return Value(result, self._known[key])


def _fold(operation: Operation, inputs: tuple[Value, ...], params: Params) -> float:
    a, b, c, *_ = (*(value.constant for value in inputs), NAN, NAN, NAN)
    return operation.update(a, b, c, list(params), [])
