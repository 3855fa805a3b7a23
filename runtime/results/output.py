"""`RunOutput`: what a run leaves behind, before anybody has read it."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from engine.model.instruments import Instrument


@dataclass(frozen=True, slots=True, eq=False)
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
    ledger, positions
        The final blocks, one row per currency and per instrument.
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
    final_equity_minor: int
    state_hash: str
    ambiguities: int
    events: int
    periods_per_year: float
    calendar: str
