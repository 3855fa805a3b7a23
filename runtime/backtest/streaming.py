"""A backtest over data that is larger than memory, window by window.

The same core, fill book and formulas as over a history in memory, with the same state hash. Both ends
of what the data leaves open run side by side, so that the data is read once.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from data.history import BarColumns, History
from data.sorting import distinct
from data.streams import HistoryStream, HistoryWindow
from data.windows import WINDOW_ROWS
from engine.errors import DataError
from engine.lang.program import Program
from engine.model import layout as at
from runtime.backtest.account import Setup, optimistic
from runtime.backtest.clockwork import Clockwork
from runtime.backtest.idle import Silence
from runtime.backtest.machine import END, Machine
from runtime.backtest.marks import FEW_SESSIONS, POINTS, inside_sessions
from runtime.backtest.signals import SignalMemory, Signals, signals_of
from runtime.backtest.sources import action_sources, market_sources, ticked_parts
from runtime.backtest.window_panel import PanelMaker
from runtime.backtest.window_record import JournalFile, MarketRecord
from runtime.config import StrategyConfig
from runtime.results import RunOutput
from sims.fillbook.settings import BookSettings
from sims.replay.source import Source
from sims.replay.windows import WindowLanes

Ints = NDArray[np.int64]
Progress = Callable[[int, int], None]


@dataclass(frozen=True, slots=True, eq=False)
class StreamJob:
    """A strategy of rules, ready to run over a stream."""

    config: StrategyConfig
    stream: HistoryStream
    clockwork: Clockwork
    setup: Setup
    program: Program
    is_compiled: bool
    progress: Progress | None = None
    window_rows: int = WINDOW_ROWS


@dataclass(frozen=True, slots=True, eq=False)
class StreamedRun:
    """What a run over a stream leaves behind; `better` is None where nothing was left open."""

    pessimistic: RunOutput
    better: RunOutput | None
    history: History
    silence: Silence


def run_stream(job: StreamJob, *, cash_minor: int) -> StreamedRun:
    """Run a strategy over a stream.

    Raises
    ------
    DataError
        If an instrument has no bars, or a file is damaged.
    """
    outline, config = job.stream.outline, job.config
    require_bars(outline)
    others = [*action_sources(outline), *job.clockwork.sources(), *_marks(job)]
    feed = _Feed(job)
    paths = [_Path(job, settings, others) for settings in _settings(config.fills.book)]
    record = MarketRecord(job.stream, job.clockwork, _benchmark(config, outline))
    total = len(job.stream) + sum(len(source.ts_ns) for source in others)
    done = 0
    for window in job.stream.windows(job.window_rows):
        sources = feed.sources(window)
        record.add(window, [path.replay(sources, window.end_ns) for path in paths])
        done += window.rows
        if job.progress is not None:
            job.progress(done, total)
    pessimistic, better = (path.output(job.clockwork, cash_minor, total) for path in paths)
    is_open = pessimistic.ambiguities > 0
    history = record.history()
    return StreamedRun(pessimistic, better if is_open else None, history, feed.silence())


def require_bars(outline: History) -> None:
    """Refuse instruments without bars, which formulas need."""
    missing = [part.instrument.symbol for part in outline.parts if not part.bars]
    if missing:
        raise DataError(
            f"no bars of {', '.join(missing[:5])} in the chosen dates",
            remedy="formulas need bars; a Python class can trade on quotes and trades alone",
            code="data.no_bars",
        )


class _Feed:
    """Turns windows into event sources with their signals."""

    def __init__(self, job: StreamJob) -> None:
        self._job = job
        self._panels = PanelMaker(job.stream.outline, job.clockwork, job.config.data.adjustment)
        self._memory = SignalMemory()
        self._ticked = ticked_parts(job.stream.outline)
        self._wishes, self._is_defined = 0, False

    def sources(self, window: HistoryWindow) -> list[Source]:
        signals = self._signals(window)
        self._wishes += signals.wishes()
        self._is_defined |= signals.is_defined
        return market_sources(window, signals, ticked=self._ticked)

    def silence(self) -> Silence:
        return Silence(self._wishes, self._is_defined)

    def _signals(self, window: HistoryWindow) -> Signals:
        job, rules = self._job, self._job.config.rules
        assert rules is not None
        bars = [part.bars for part in window.parts if isinstance(part.bars, BarColumns)]
        assert len(bars) == len(window.parts)
        panel = self._panels.panel(bars)
        return signals_of(job.program, panel, rules, compiled=job.is_compiled, memory=self._memory)


class _Path:
    """One end of what the data leaves open: a machine, its lanes and its journal."""

    def __init__(self, job: StreamJob, settings: BookSettings, others: Sequence[Source]) -> None:
        self._machine = Machine(job.setup, settings, job.is_compiled)
        self._terms = job.setup.terms
        self._always = job.config.account.dividends == "reinvest"
        self._others = others
        self._lanes: WindowLanes | None = None
        self._journal = JournalFile()

    def replay(self, sources: Sequence[Source], end_ns: int | None) -> Ints:
        """Replay a window; return the journal rows that it added."""
        if self._lanes is None:
            whole = [*sources, *self._others]
            self._lanes = WindowLanes(whole, self._terms, always=self._always)
            self._machine.attach(self._lanes)
        else:
            self._lanes.refill(sources)
        self._machine.replay(END if end_ns is None else end_ns - 1)
        rows = self._machine.drain()
        self._journal.append(rows)
        return rows

    def output(self, clockwork: Clockwork, cash_minor: int, events: int) -> RunOutput:
        self._machine.events = events
        output = self._machine.output(clockwork, cash_minor)
        return replace(output, journal=self._journal.rows())


def _settings(book: BookSettings) -> tuple[BookSettings, BookSettings]:
    return book, optimistic(book)


def _benchmark(config: StrategyConfig, outline: History) -> str | None:
    """Return whose daily closes the result is compared with; see `benchmark_of`."""
    symbol = config.data.benchmark
    return outline.symbols[0] if symbol is None and len(outline.symbols) == 1 else symbol


def _marks(job: StreamJob) -> list[Source]:
    """Return what `runtime.backtest.marks` returns for the whole history."""
    if len(job.clockwork.closes[job.clockwork.account]) >= FEW_SESSIONS:
        return []
    count = sum(len(times) for times in _unique_times(job))
    wanted = distinct(np.linspace(0, count - 1, POINTS).astype(np.int64))
    seen, chosen = 0, []
    for times in _unique_times(job):
        low, high = np.searchsorted(wanted, (seen, seen + len(times)))
        chosen.append(times[wanted[low:high] - seen])
        seen += len(times)
    found = inside_sessions(np.concatenate(chosen), job.clockwork)
    return [Source(at.KIND_TIMER, -1, found)] if len(found) else []


def _unique_times(job: StreamJob) -> Iterator[Ints]:
    for window in job.stream.windows(job.window_rows):
        blocks = [each for p in window.parts for each in (p.bars, p.quotes, p.trades) if each]
        yield distinct(np.concatenate([block.ts_ns for block in blocks]))
