"""`RunOutput`: what a run leaves behind, before anybody has read it.

Its blocks are made read-only, so that what is computed from them later, the state hash among them, is
what the run has left.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from engine.model.instruments import Instrument
from engine.model.layout import EVENT_KIND


@dataclass(frozen=True, eq=False)
class RunOutput:
    """The journal and the final state of one run.

    Parameters
    ----------
    journal
        All journal rows in order, shape ``(rows, EVENT_WIDTH)``.
    instruments
        The instruments by their index in the run.
    currencies
        The currencies by their index; the first is the account's.
    starting_cash_minor
        What the account held before the first event.
    ledger, positions, orders
        The final blocks: one row per currency, per instrument, and per order slot that was used.
    final_equity_minor
        Equity at the last prices and rates.
    ambiguities
        How often the fill book met what the data leaves open.
    calendar
        Whose days the account's marks are.
    """

    journal: NDArray[np.int64]
    instruments: tuple[Instrument, ...]
    currencies: tuple[str, ...]
    starting_cash_minor: int
    ledger: NDArray[np.int64]
    positions: NDArray[np.int64]
    orders: NDArray[np.int64]
    final_equity_minor: int
    ambiguities: int
    events: int
    periods_per_year: float
    calendar: str

    def __post_init__(self) -> None:
        for block in self._blocks():
            block.flags.writeable = False

    @cached_property
    def state_hash(self) -> str:
        """The identity of the outcome: a hash over the journal and the final blocks."""
        digest = hashlib.blake2b(digest_size=16)
        for block in self._blocks():
            digest.update(np.ascontiguousarray(block, dtype="<i8").data)
        return digest.hexdigest()

    @cached_property
    def rows_by_kind(self) -> dict[int, NDArray[np.int64]]:
        """The indices of the journal's rows of each kind that occurs, ascending."""
        return rows_by_kind(self.journal)

    def _blocks(self) -> tuple[NDArray[np.int64], ...]:
        return self.journal, self.ledger, self.positions, self.orders


def rows_by_kind(journal: NDArray[np.int64]) -> dict[int, NDArray[np.int64]]:
    """Return the indices of a journal's rows of each kind that occurs, ascending."""
    kinds = journal[:, EVENT_KIND].astype(np.int16)  # so narrow that sorting is counting
    order = np.argsort(kinds, kind="stable")
    order.flags.writeable = False
    ordered = kinds[order]
    ends = [*(np.flatnonzero(ordered[1:] != ordered[:-1]) + 1).tolist(), len(order)]
    starts = [0, *ends[:-1]] if len(order) else []
    return {int(ordered[start]): order[start:end] for start, end in zip(starts, ends)}
