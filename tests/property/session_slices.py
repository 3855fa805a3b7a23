"""What a backtest sees as a session sees it, slice by slice; and what a session leaves as a run's output."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace

import numpy as np

from data.history import History
from engine.model import layout as at
from engine.ports import Rows, Slice
from runtime.backtest.clockwork import clockwork_of
from runtime.backtest.marks import mark_sources
from runtime.backtest.run import starting_cash
from runtime.backtest.sources import action_sources, market_sources
from runtime.config import StrategyConfig
from runtime.results import RunOutput
from runtime.session_core.assembling import (
    market_of,
    new_paper_broker,
    new_session_core,
    setup_of_session,
)
from runtime.session_core.core import SessionCore
from runtime.session_core.playing import play
from sims.paper import PaperBroker
from sims.replay.source import Source
from sims.replay.stream import Stream
from tests.property.by_rows import slice_end


def cut(sources: Sequence[Source]) -> Iterator[tuple[Slice, Rows]]:
    """Yield the slices of some sources with the signals beside their rows."""
    cursor = 0
    for chunk in Stream(sources).chunks():
        row = 0
        while row < chunk.rows:
            end = slice_end(chunk.events, row, chunk.rows)
            cursor += 1
            events, signals = chunk.events[row:end].copy(), chunk.signals[row:end].copy()
            yield Slice(int(events[0, at.EVENT_TS]), events, cursor), signals
            row = end


def slices_of(config: StrategyConfig, history: History) -> list[Slice]:
    """Return what a feed that replays a history yields."""
    clockwork = clockwork_of(history)
    sources = [*market_sources(history), *action_sources(history)]
    sources += clockwork.sources(trading=config.is_trading)
    sources += mark_sources(history, clockwork)
    return [one for one, _ in cut(sources)]


class Session:
    """A core, its paper account, and the journal that it has left."""

    def __init__(self, config: StrategyConfig, history: History) -> None:
        self.config, self.clockwork = config, clockwork_of(history)
        self.market = market_of(history, self.clockwork)
        self.setup = setup_of_session(config, self.market)
        self.core: SessionCore = new_session_core(config, self.market, self.setup)
        self.broker: PaperBroker = new_paper_broker(config, self.setup, self.core)
        self.journal: list[Rows] = []

    def run(self, slices: Iterable[Slice]) -> None:
        """Take slices."""
        for one in slices:
            play(self.core.slice(one), self.broker, one.events)
            self.journal.append(self.core.take_journal())

    def run_all(self, slices: Iterable[Slice]) -> RunOutput:
        """Run a whole session."""
        play(self.core.start(), self.broker)
        self.run(slices)
        play(self.core.stop(), self.broker)
        return self.output()

    def output(self) -> RunOutput:
        """Return what a run would have left behind."""
        self.journal.append(self.core.take_journal())
        core = self.core.plain
        return RunOutput(
            journal=np.concatenate(self.journal),
            instruments=self.setup.instruments,
            currencies=self.setup.currencies,
            starting_cash_minor=starting_cash(self.config),
            ledger=np.array(core.ledger),
            positions=np.array(core.positions),
            orders=np.array(core.orders)[: core.account[at.ACCOUNT_ORDERS]],
            final_equity_minor=self.core.equity_minor,
            ambiguities=self.broker.ambiguities,
            events=0,
            periods_per_year=self.clockwork.periods_per_year,
            calendar=self.clockwork.account_calendar,
        )


def require_same(found: RunOutput, expected: RunOutput) -> None:
    """Say where two runs part, if they do."""
    first, second = found.journal, expected.journal
    count = min(len(first), len(second))
    differing = np.flatnonzero((first[:count] != second[:count]).any(axis=1))
    place = int(differing[0]) if len(differing) else count
    if len(differing) or len(first) != len(second):
        around = slice(max(place - 3, 0), place + 2)
        raise AssertionError(f"row {place}:\n{first[around]}\n{second[around]}")
    assert np.array_equal(found.ledger, expected.ledger)
    assert np.array_equal(found.positions, expected.positions)
    assert np.array_equal(found.orders, expected.orders)
    assert found.state_hash == expected.state_hash


def without_marks(sources: Sequence[Source]) -> list[Source]:
    """Return sources without their signals, as a feed has them."""
    return [replace(each, wakes=None, bits=None, weights=None, inputs=None) for each in sources]
