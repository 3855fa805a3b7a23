"""One end of what the data leaves open, over windows: a machine, its lanes and its journal.

Both ends are the same run until something is left open for the first time. So only one is run, and
before each window its state is kept; the other end begins from there in the first window that needs it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from runtime.backtest.account import Setup
from runtime.backtest.clockwork import Clockwork
from runtime.backtest.machine import END, Machine
from runtime.backtest.window_record import JournalFile
from runtime.results import RunOutput
from sims.fillbook.layout import COUNT_AMBIGUITIES
from sims.fillbook.settings import BookSettings
from sims.replay.source import Source
from sims.replay.windows import WindowLanes

Ints = NDArray[np.int64]


@dataclass(frozen=True, slots=True, eq=False)
class PathStart:
    """Where a path stood before a window: its blocks, and the rows of its journal."""

    blocks: list[Ints]
    journal_rows: int


class WindowPath:
    """A run in progress over windows.

    Parameters
    ----------
    others
        Everything but market data, for the whole run.
    always
        See `sims.replay.columns.Lanes`.
    """

    def __init__(
        self,
        setup: Setup,
        settings: BookSettings,
        others: Sequence[Source],
        *,
        is_compiled: bool,
        always: bool,
    ) -> None:
        self._machine = Machine(setup, settings, is_compiled)
        self._others, self._always = others, always
        self._lanes: WindowLanes | None = None
        self._journal = JournalFile()

    @property
    def is_open(self) -> bool:
        """Whether the fill book has met something that the data leaves open."""
        return bool(self._machine.book.counters[COUNT_AMBIGUITIES])

    def take(self, sources: Sequence[Source]) -> None:
        """Take the market data of the next window."""
        if self._lanes is None:
            whole = [*sources, *self._others]
            self._lanes = WindowLanes(whole, self._machine.setup.terms, always=self._always)
            self._machine.attach(self._lanes)
        else:
            self._lanes.refill(sources)

    def replay(self, end_ns: int | None) -> Ints:
        """Replay the window that was taken; return the journal rows that it added."""
        self._machine.replay(END if end_ns is None else end_ns - 1)
        rows = self._machine.drain()
        self._journal.append(rows)
        return rows

    def start(self) -> PathStart:
        """Return where the path stands, after a window was taken and before it is replayed."""
        return PathStart([block.copy() for block in self._state()], len(self._journal))

    def branch(
        self, settings: BookSettings, start: PathStart, sources: Sequence[Source]
    ) -> WindowPath:
        """Return a path with other settings that stands at a start of this one.

        Parameters
        ----------
        sources
            The market data of the window that was taken there.
        """
        setup, is_compiled = self._machine.setup, self._machine.is_compiled
        other = WindowPath(
            setup, settings, self._others, is_compiled=is_compiled, always=self._always
        )
        other.take(sources)
        for block, kept in zip(other._state(), start.blocks, strict=True):
            block[:] = kept
        other._journal = self._journal.copy(start.journal_rows)
        return other

    def output(self, clockwork: Clockwork, cash_minor: int, events: int) -> RunOutput:
        """Return what the run has left behind."""
        self._machine.events = events
        output = self._machine.output(clockwork, cash_minor)
        return replace(output, journal=self._journal.rows())

    def _state(self) -> list[Ints]:
        """Return every block that tells how far the run is; the journal is empty between windows."""
        machine, lanes = self._machine, self._lanes
        assert lanes is not None
        book = machine.book
        blocks = [machine.block, machine.core.commands]
        blocks += [book.market, book.orders, book.events, book.counters, book.requests]
        return [*blocks, lanes.table, lanes.heap, lanes.turn]
