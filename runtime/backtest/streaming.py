"""A backtest over data that is larger than memory, window by window.

The same core, fill book and formulas as over a history in memory, with the same state hash. The data is
read once for both ends of what it leaves open; see `runtime.backtest.window_path`.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from data.history import BarColumns, History
from data.streams import HistoryStream, HistoryWindow
from engine.errors import DataError
from engine.lang.program import Program
from runtime.backtest.account import Setup, optimistic
from runtime.backtest.clockwork import Clockwork
from runtime.backtest.idle import Silence
from runtime.backtest.inputs import VolumeMemory, inputs_of
from runtime.backtest.marks import streamed_mark_sources
from runtime.backtest.signals import SignalMemory, Signals, signals_of
from runtime.backtest.sources import action_sources, market_sources, ticked_parts
from runtime.backtest.window_panel import PanelMaker, WindowPanel
from runtime.backtest.window_path import WindowPath
from runtime.backtest.window_record import MarketRecord
from runtime.config import StrategyConfig
from runtime.results import RunOutput
from sims.replay.source import Source

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
    window_rows: int | None = None


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
    others = [*action_sources(outline), *job.clockwork.sources(trading=config.is_trading)]
    others += streamed_mark_sources(job.stream, job.clockwork, job.window_rows)
    feed = _Feed(job)
    paths = _Paths(job, others)
    record = MarketRecord(job.stream, job.clockwork, _benchmark(config, outline))
    total = len(job.stream) + sum(len(source.ts_ns) for source in others)
    done = 0
    for window in job.stream.windows(job.window_rows):
        sources = feed.sources(window)
        record.add(window, paths.replay(sources, window.end_ns))
        done += window.rows
        if job.progress is not None:
            job.progress(done, total)
    outputs = [path.output(job.clockwork, cash_minor, total) for path in paths.paths]
    better = outputs[1] if len(outputs) > 1 else None
    return StreamedRun(outputs[0], better, record.history(), feed.silence())


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
        self._volumes: dict[int, VolumeMemory] = {}
        self._ticked = ticked_parts(job.stream.outline)
        self._wishes, self._is_defined = 0, False

    def sources(self, window: HistoryWindow) -> list[Source]:
        panel = self._panel(window)
        signals = self._signals(panel)
        self._wishes += signals.wishes()
        self._is_defined |= signals.is_defined
        inputs = inputs_of(self._job.config, window, panel, signals.values, self._volumes)
        return market_sources(window, signals, ticked=self._ticked, inputs=inputs)

    def silence(self) -> Silence:
        return Silence(self._wishes, self._is_defined)

    def _panel(self, window: HistoryWindow) -> list[WindowPanel]:
        bars = [part.bars for part in window.parts if isinstance(part.bars, BarColumns)]
        assert len(bars) == len(window.parts)
        return self._panels.panel(bars)

    def _signals(self, panel: Sequence[WindowPanel]) -> Signals:
        job, rules = self._job, self._job.config.rules
        assert rules is not None
        return signals_of(job.program, panel, rules, compiled=job.is_compiled, memory=self._memory)


class _Paths:
    """The pessimistic path, and from the first window on that leaves something open the other."""

    def __init__(self, job: StreamJob, others: Sequence[Source]) -> None:
        settings = job.config.fills.book
        always = job.config.account.dividends == "reinvest"
        self._other_settings = optimistic(settings)
        self.paths = [
            WindowPath(job.setup, settings, others, is_compiled=job.is_compiled, always=always)
        ]

    def replay(self, sources: Sequence[Source], end_ns: int | None) -> list[Ints]:
        """Replay a window; return the journal rows that it added to each path."""
        for path in self.paths:
            path.take(sources)
        first = self.paths[0]
        start = first.start() if len(self.paths) == 1 else None
        added = [path.replay(end_ns) for path in self.paths]
        if start is not None and first.is_open:
            other = first.branch(self._other_settings, start, sources)
            self.paths.append(other)
            added.append(other.replay(end_ns))
        return added


def _benchmark(config: StrategyConfig, outline: History) -> str | None:
    """Return whose daily closes the result is compared with; see `benchmark_of`."""
    symbol = config.data.benchmark
    return outline.symbols[0] if symbol is None and len(outline.symbols) == 1 else symbol
