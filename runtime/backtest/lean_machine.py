"""`LeanMachine`: one core, one book and one set of lanes for many runs over the same history.

Making a machine costs as long as a tenth of a run: a megabyte of blocks is made, filled and touched for
the first time. Here a run begins by copying the first state over the last one. The journal is read
(`runtime.backtest.tally`) and not kept, so these runs have no state hash.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from engine.model import layout as at
from engine.model.units import to_minor
from runtime.backtest.account import Setup
from runtime.backtest.machine import Machine
from runtime.backtest.tally import Tallied, Tally
from runtime.results import RunOutput
from sims.fillbook import layout as book_at
from sims.fillbook.settings import BookSettings
from sims.replay.columns import Lanes
from sims.replay.source import Source, Wakes

Ints = NDArray[np.int64]

_JOURNAL_ROWS = 8192
_SCRATCH = frozenset(
    {"events", "scratch"}
)  # of the book; what is in use there is counted elsewhere


@dataclass(frozen=True, slots=True, eq=False)
class Outcome:
    """What a search keeps of one run, before its days and metrics are known.

    `opening_minor` is what of the first mark's flow is the starting cash, and no flow.
    """

    tallied: Tallied
    final_equity_minor: int
    ambiguities: int
    opening_minor: int
    state_hash: str | None = None


class LeanMachine(Machine):
    """Runs the signals of many parameters over the sources of one history."""

    __slots__ = ("_cash", "_currency", "_first_block", "_first_book", "_tally", "lanes")

    def __init__(
        self,
        setup: Setup,
        settings: BookSettings,
        sources: Sequence[Source],
        *,
        is_compiled: bool,
        always: bool,
    ) -> None:
        super().__init__(_compact(setup), settings, is_compiled)
        self._cash = to_minor(setup.config.account.cash, name="account.cash")
        self._currency = currency_numbers(setup)
        self._tally = Tally(len(setup.instruments), is_compiled=is_compiled)
        self._first_block = self.block.copy()
        self._first_book = {
            name: block.copy()
            for name, block in self.book._asdict().items()
            if name not in _SCRATCH
        }
        self.lanes = Lanes(sources, setup.terms, always=always)
        self.attach(self.lanes)

    def run_signals(self, wakes: Sequence[Wakes]) -> Outcome:
        """Run from the first event to the last with the signals of each instrument."""
        self._restart()
        self.lanes.signal(wakes)
        for until, _ in self.lanes.stops():
            self.replay(until)
        self._take_journal()
        return outcome_of(
            self._tally,
            ledger=self.core.ledger,
            currency=self._currency,
            cash=self._cash,
            final_equity_minor=self.equity_minor,
            ambiguities=int(self.book.counters[book_at.COUNT_AMBIGUITIES]),
        )

    def _restart(self) -> None:
        self.block[:] = self._first_block
        for name, first in self._first_book.items():
            getattr(self.book, name)[:] = first
        self._tally.restart()

    def _take_journal(self) -> None:
        count = int(self.core.account[at.ACCOUNT_JOURNAL])
        if count:
            self._tally.add(self.core.journal, count)
            self.core.account[at.ACCOUNT_JOURNAL] = 0


def outcome_of(
    tally: Tally,
    *,
    ledger: Ints,
    currency: Ints,
    cash: int,
    final_equity_minor: int,
    ambiguities: int,
    state_hash: str | None = None,
) -> Outcome:
    """Return what a tally and the final ledger say; `currency` numbers those of the instruments."""
    rates = ledger[:, at.LEDGER_RATE].copy()
    rates[0] = at.RATE_ONE
    tallied = tally.result(rates[currency])
    # As in `runtime.results.statement`: the starting cash may be a transfer that was journalled.
    is_posted = int(ledger[0, : at.LEDGER_ACCOUNTS].sum()) == 0
    is_flow = is_posted and tallied.transfers == -int(ledger[0, at.LEDGER_TRANSFERS])
    return Outcome(tallied, final_equity_minor, ambiguities, cash if is_flow else 0, state_hash)


def outcome_of_output(
    output: RunOutput, setup: Setup, *, is_compiled: bool, hashed: bool
) -> Outcome:
    """Return the same of a run whose journal was kept, if wanted with its state hash."""
    tally = Tally(len(setup.instruments), is_compiled=is_compiled)
    tally.add(np.ascontiguousarray(output.journal), len(output.journal))
    return outcome_of(
        tally,
        ledger=output.ledger,
        currency=currency_numbers(setup),
        cash=output.starting_cash_minor,
        final_equity_minor=output.final_equity_minor,
        ambiguities=output.ambiguities,
        state_hash=output.state_hash if hashed else None,
    )


def _compact(setup: Setup) -> Setup:
    """Return the set-up with a journal that stays in the processor's cache between its readings."""
    rows = max(_JOURNAL_ROWS, 32 * setup.shape.orders, 64 * setup.shape.instruments)
    return replace(setup, shape=setup.shape._replace(journal=min(rows, setup.shape.journal)))


def currency_numbers(setup: Setup) -> Ints:
    """Return the number of each instrument's currency."""
    numbers = [setup.currencies.index(each.currency) for each in setup.instruments]
    return np.array(numbers, dtype=np.int64)
