"""`Source`: events of one kind and one instrument as columns."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Final

import numpy as np
from numpy.typing import NDArray

from engine.model import layout as at

Ints = NDArray[np.int64]

# Place of each kind among events of one time.
RANKS: Final = {
    at.KIND_SPLIT: 1,
    at.KIND_SYMBOL_CHANGE: 2,
    at.KIND_DIVIDEND: 3,
    at.KIND_FUNDING: 4,
    at.KIND_SETTLEMENT: 5,
    at.KIND_TRANSFER: 6,
    at.KIND_CONVERSION_RATE: 7,
    at.KIND_CONVERSION: 8,
    at.KIND_CORRECTION: 9,
    at.KIND_HALT: 10,
    at.KIND_RESUME: 11,
    at.KIND_QUOTE: 20,
    at.KIND_TRADE: 21,
    at.KIND_BAR: 22,
    at.KIND_SESSION_CLOSE: 30,
    at.KIND_ACCRUAL: 31,
    at.KIND_SESSION_OPEN: 32,
    at.KIND_TIMER: 33,
    at.KIND_API_ERROR: 40,
    at.KIND_DATABASE_ERROR: 41,
    at.KIND_MARK_LOST: 42,
    at.KIND_COMPONENT: 43,
    at.KIND_RECONCILED: 44,
    at.KIND_OPERATOR: 50,
}
MARKET: Final = frozenset({at.KIND_BAR, at.KIND_QUOTE, at.KIND_TRADE})


@dataclass(frozen=True, slots=True)
class Quanta:
    """A payload column read as a float: its integers divided by `unit`; NaN where they are `unknown`."""

    column: int
    unit: float
    unknown: int = at.UNKNOWN


@dataclass(frozen=True, slots=True, eq=False)
class Wakes:
    """The rows of a source at which a rule signals something, ascending, and what: bits and weights."""

    rows: Ints
    bits: Ints
    weights: Ints

    def __len__(self) -> int:
        return len(self.rows)

    def between(self, first: int, last: int) -> Wakes:
        """Return those of the rows [first, last), counted from `first`."""
        start, end = np.searchsorted(self.rows, (first, last))
        return Wakes(self.rows[start:end] - first, self.bits[start:end], self.weights[start:end])


def wakes_of(bits: NDArray[np.uint8], weights: Ints | None = None) -> Wakes:
    """Return the rows whose bits are not all zero."""
    rows = np.flatnonzero(bits != 0)
    chosen = np.zeros_like(rows) if weights is None else weights[rows]
    return Wakes(rows, bits[rows].astype(np.int64), chosen)


NO_WAKES: Final = wakes_of(np.zeros(0, dtype=np.uint8))


@dataclass(frozen=True, slots=True, eq=False)
class Source:
    """Events of one kind and one instrument (-1 for none), ascending in time.

    `payload` maps event columns, from the fourth on, to int64 arrays or to one integer for all rows.
    With bars go a rule's signals (see `engine.model.layout.SIGNAL_BITS`), as `wakes` or as `bits` and
    `weights` of every row; with any market data the `values` that a compiled strategy reads.
    `inputs` are the trading loop's (see `engine.rules.turn.take_inputs`), each for all rows or one by one.
    """

    kind: int
    instrument: int
    ts_ns: Ints
    payload: dict[int, Ints | int] = field(default_factory=dict)
    bits: NDArray[np.uint8] | None = None
    weights: Ints | None = None
    values: Sequence[NDArray[np.float64] | Quanta] | None = None
    wakes: Wakes | None = None
    inputs: tuple[Ints | int, ...] | None = None

    def signals(self) -> Wakes:
        """Return the signals in the form of a replay."""
        if self.wakes is not None:
            return self.wakes
        return NO_WAKES if self.bits is None else wakes_of(self.bits, self.weights)
