"""A program: what formulas are after parsing and checking, ready to be evaluated.

Nodes are in topological order and each distinct computation occurs once, however many formulas use
it. A node belongs to a clock: 0 is the strategy's own bars, k is ``timeframes[k - 1]``.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from enum import Enum

from engine.lang.operations import Operation, Params
from engine.lang.timeframes import Timeframe

BASE_CLOCK = 0

FIELDS = ("open", "high", "low", "close", "volume")
SESSION_FIELD = "session_day"  # not a name of the language; session indicators read it
COLUMNS = (*FIELDS, SESSION_FIELD)


class NodeKind(Enum):
    """Where a node's value comes from."""

    FIELD = "field"  # a column of the instrument's own bars
    CONSTANT = "constant"
    KERNEL = "kernel"  # a streaming operation on earlier nodes
    REFERENCE = "reference"  # the last known value of another instrument's field
    LATEST = "latest"  # the last known value of a node of a higher timeframe
    CROSS = "cross"  # a comparison of all instruments of one slice


class ValueType(Enum):
    """What a value is."""

    NUMBER = "number"
    CONDITION = "condition"


@dataclass(frozen=True, slots=True)
class Node:
    """One computation.

    Attributes
    ----------
    inputs
        Indices of earlier nodes.
    params
        Constants: window lengths, the operator, or the constant itself.
    label
        Field name, symbol, or name of the cross-sectional function.
    warmup
        Bars of its own clock before its first value.
    """

    kind: NodeKind
    clock: int = BASE_CLOCK
    operation: Operation | None = None
    inputs: tuple[int, ...] = ()
    params: Params = ()
    label: str = ""
    warmup: int = 0

    @property
    def state_size(self) -> int:
        """float64 numbers of state per instrument."""
        return self.operation.state_size(self.params) if self.operation else 0

    def operator_text(self) -> str:
        """Return what is done, without with what."""
        name = self.operation.name if self.operation else ""
        return f"{self.kind.value}|{name}|{','.join(each.hex() for each in self.params)}"

    def key(self) -> tuple[object, ...]:
        """Return what is equal exactly for equal computations of one program."""
        name = self.operation.name if self.operation else ""
        params = tuple(each.hex() for each in self.params)  # -0.0 is not 0.0
        return self.kind.value, name, params, self.clock, self.inputs, self.label


@dataclass(frozen=True, slots=True)
class Output:
    """A formula's key, the node that computes it, and what it is."""

    key: str
    node: int
    type: ValueType


@dataclass(frozen=True, slots=True)
class Program:
    """All formulas of a strategy as one list of computations.

    Attributes
    ----------
    nodes
        In topological order, without repetition.
    outputs
        One for each formula, in the order given.
    timeframes
        The higher timeframes, by clock number less one.
    references
        Symbols of other instruments that formulas read, in order of first use.
    warmup_bars
        Bars of the strategy's own clock before every output has had the chance of its first value:
        the index of the first valid bar. What runs on a higher timeframe is not counted.
    warmup_timeframes
        For each higher timeframe the closed higher bars needed before it counts as warm.
    """

    nodes: tuple[Node, ...]
    outputs: tuple[Output, ...]
    timeframes: tuple[Timeframe, ...]
    references: tuple[str, ...]
    warmup_bars: int
    warmup_timeframes: tuple[int, ...]

    @property
    def is_cross_sectional(self) -> bool:
        """Whether one instrument's outputs depend on the other instruments."""
        kinds = {node.kind for node in self.nodes}
        return NodeKind.CROSS in kinds or NodeKind.REFERENCE in kinds

    def fingerprint(self) -> str:
        """Return a hash of what the program computes.

        Formulas that come down to the same computations have the same fingerprint, however they
        are laid out and whatever their parameters are called.
        """
        digests: list[str] = []
        for node in self.nodes:
            # An input is named by what it computes, not by its place in the list.
            inputs = ",".join(digests[each] for each in node.inputs)
            timeframe = self.timeframes[node.clock - 1].label if node.clock else ""
            digests.append(_digest(f"{node.operator_text()}|{timeframe}|{inputs}|{node.label}"))
        lines = [f"{out.key}={digests[out.node]}:{out.type.value}" for out in self.outputs]
        return _digest("\n".join(sorted(lines)))


def _digest(text: str) -> str:
    return hashlib.blake2b(text.encode(), digest_size=16).hexdigest()
