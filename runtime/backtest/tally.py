"""`Tally`: what a search keeps of a run, read off the journal as the run fills it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from engine.jit import as_plain, compiled
from engine.kernels import tally as at
from engine.kernels.tally import tally
from engine.model.layout import RATE_ONE
from runtime.results.exact import to_base_rows

Ints = NDArray[np.int64]

_ROWS = 1024


@dataclass(frozen=True, slots=True, eq=False)
class Tallied:
    """What a search keeps of a run's journal.

    Parameters
    ----------
    marks
        Equity marks, columns ``MARKED_*`` of `engine.kernels.tally`.
    pnl
        The result of each closed trade in the account's currency, in order; see
        `runtime.results.paths.closed_trade_pnl`.
    orders
        How many were submitted.
    transfers
        Cash of the account's currency that was moved in or out.
    """

    marks: Ints
    pnl: Ints
    orders: int
    transfers: int


class Tally:
    """Reads journals of runs with so many instruments, compiled or interpreted."""

    def __init__(self, instruments: int, *, is_compiled: bool) -> None:
        self._is_compiled = is_compiled
        self._tally: Any = compiled(tally) if is_compiled else tally
        self._marks = np.zeros((_ROWS, at.MARKED_WIDTH), dtype=np.int64)
        self._trades = np.zeros((_ROWS, at.TRADE_WIDTH), dtype=np.int64)
        self._memory = np.zeros((instruments, at.MEMORY_WIDTH), dtype=np.int64)
        self._totals = np.zeros(at.TOTALS_WIDTH, dtype=np.int64)

    def restart(self) -> None:
        """Forget the run before."""
        self._memory[:] = 0
        self._totals[:] = 0

    def add(self, journal: Ints, count: int) -> None:
        """Read the first `count` rows of a journal, which go on where those before ended."""
        row = self._add(journal, 0, count)
        while row < count:
            self._marks = _doubled(self._marks)
            self._trades = _doubled(self._trades)
            row = self._add(journal, row, count)

    def _add(self, journal: Ints, first: int, last: int) -> int:
        blocks = (self._marks, self._trades, self._memory, self._totals)
        if self._is_compiled:
            return int(self._tally(journal, first, last, *blocks))
        own = (as_plain(block) for block in blocks)
        return int(self._tally(as_plain(journal), first, last, *own))

    def result(self, rates: Ints) -> Tallied:
        """Return what was read; `rates` are those of each instrument's currency at the end."""
        marks, count, orders, transfers = self._totals.tolist()
        trades = self._trades[:count]
        net = trades[:, at.TRADE_REALIZED] - trades[:, at.TRADE_FEE]
        if (rates != RATE_ONE).any():
            net = to_base_rows(net, rates[trades[:, at.TRADE_INSTRUMENT]])
        return Tallied(
            marks=self._marks[:marks].copy(),
            pnl=net,
            orders=orders,
            transfers=transfers,
        )


def _doubled(block: Ints) -> Ints:
    return np.concatenate((block, np.zeros_like(block)))
