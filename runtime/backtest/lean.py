"""Many runs of one strategy over one history, each leaving only what a search compares.

A whole `BacktestResult` is for one run that somebody reads. A search wants thousands of runs and of
each a return series and a few numbers, so here everything that does not depend on parameters is made
once: the history's calendars and actions, the core's set-up, and each distinct indicator
(`runtime.backtest.shared`). What is run is the same loop with the same books; the state hash of a
lean run is that of `run_backtest` with the same parameters.

A bench may trade in a part of its history only: what comes before warms indicators up, and nothing
else; what comes after is never read.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from data.history import History
from engine.errors import DataError, StrategyError
from engine.model import layout as at
from engine.rules.metrics import DailyAccount, Metrics, daily_returns, measure
from runtime.backtest.account import setup_of
from runtime.backtest.benchmark import benchmark_of
from runtime.backtest.clockwork import Clockwork, clockwork_of
from runtime.backtest.decisions import Decider, decider_of
from runtime.backtest.marks import mark_sources
from runtime.backtest.run import Job, run_signals
from runtime.backtest.shared import SharedSignals
from runtime.backtest.sources import action_sources, market_sources
from runtime.config import ParameterValue, StrategyConfig
from runtime.config.parameters import override
from runtime.results import Benchmark, RunOutput
from runtime.results.daily import trading_days
from runtime.results.exact import Ints
from runtime.results.paths import closed_trade_pnl
from runtime.results.rows import changes_of, rows_of, terms_of
from runtime.results.statement import opening_is_in_journal
from sims.replay.source import Source

Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True, eq=False)
class LeanRun:
    """What a search keeps of one run; `days` are days since 1970, one for each return."""

    days: Ints
    returns: Floats
    metrics: Metrics
    final_equity_minor: int
    state_hash: str
    orders: int
    closed_trades: int
    ambiguities: int


class Bench:
    """One strategy on one history, to be run with many parameters.

    Parameters
    ----------
    config
        The strategy; the parameters that a run does not name keep their values.
    history
        Everything that may be looked at, warm-up included.
    compiled
        Whether the loop runs compiled; the results are equal.
    start_ns, end_ns
        The part to trade in, end excluded; None is open.
    shared
        Signals of another bench on the same history, so that both compute each indicator once.
    """

    def __init__(
        self,
        config: StrategyConfig,
        history: History,
        *,
        compiled: bool,
        start_ns: int | None = None,
        end_ns: int | None = None,
        shared: SharedSignals | None = None,
    ) -> None:
        self.config = config
        self.compiled = compiled
        self.span = (start_ns, end_ns)
        self.history = history
        self.traded = history.between(start_ns, end_ns)
        if self.traded.span_ns() is None:
            raise DataError("no data in the part to trade in", code="data.empty_span")
        self.shared = shared
        if config.rules is not None and shared is None:
            self.shared = SharedSignals(config, history, compiled=compiled)
        self._clockwork = clockwork_of(self.traded)
        self._setup = setup_of(config, self.traded, self._clockwork)
        self._benchmark = _benchmark(config, self.traded, self._clockwork)
        self._grid: _DayGrid | None = None
        self._others = _other_sources(self.traded, self._clockwork)

    def run(self, parameters: Mapping[str, ParameterValue]) -> LeanRun:
        """Run the strategy with some parameters.

        Raises
        ------
        InputError
            If a parameter is not accepted, or the strategy cannot be run; see `engine.errors`.
        """
        chosen = replace(
            self.config,
            parameters=override(self.config.parameters, parameters),
            written=self.config.written or self.config,
        )
        output = self._run_rules(chosen) if chosen.rules is not None else self._run_code(chosen)
        return self._reduced(output)

    def _run_rules(self, config: StrategyConfig) -> RunOutput:
        assert self.shared is not None
        signals = self.shared.signals(config).between(self.history, self.traded)
        sources = [*market_sources(self.traded, signals), *self._others]
        job = Job(config, self.traded, self._clockwork, self._setup, sources, self.compiled, None)
        return run_signals(job, config.fills.book)

    def _run_code(self, config: StrategyConfig) -> RunOutput:
        """Run a class or a compiled function: over its warm-up too, where it is not called."""
        history, clockwork, setup = self.traded, self._clockwork, self._setup
        decider = decider_of(config, history, clockwork)
        if self.span[0] is not None:
            history = _with_warmup(decider, self.history, self.traded, self.span[1])
            clockwork = clockwork_of(history)
            setup = setup_of(config, history, clockwork)
            decider = decider_of(config, history, clockwork)
        sources = [*decider.sources(self.compiled), *_other_sources(history, clockwork)]
        job = Job(config, history, clockwork, setup, sources, self.compiled, None)
        output = decider.run(job, config.fills.book)
        _refuse_early(output, self.span[0])
        return output

    def _reduced(self, output: RunOutput) -> LeanRun:
        marks = output.journal[rows_of(output, at.KIND_EQUITY_MARKED)]
        if self._grid is None or not self._grid.fits(marks):
            self._grid = _DayGrid(output.calendar, marks, self.span[0])
        account = self._grid.account(output, marks)
        pnl = closed_trade_pnl(changes_of(output), terms_of(output))
        returns = daily_returns(account.equity_close, account.flows)
        days = self._grid.closes
        market = None if self._benchmark is None else self._benchmark.at_days(days)
        return LeanRun(
            days=self._grid.days,
            returns=np.full(len(days) - 1, np.nan) if returns is None else returns,
            metrics=measure(account, trade_pnl=pnl, benchmark_close=market),
            final_equity_minor=output.final_equity_minor,
            state_hash=output.state_hash,
            orders=len(rows_of(output, at.KIND_SUBMITTED)),
            closed_trades=int(pnl.size),
            ambiguities=output.ambiguities,
        )


def _other_sources(history: History, clockwork: Clockwork) -> list[Source]:
    sources = [*action_sources(history), *clockwork.sources()]
    return sources + mark_sources(history, clockwork)


class _DayGrid:
    """Which marks are of which trading day: the same for all runs of a bench, so found once."""

    def __init__(self, calendar: str, marks: Ints, start_ns: int | None) -> None:
        self._ts = marks[:, at.EVENT_TS].copy()
        days = trading_days(calendar, self._ts) if len(marks) else np.zeros(0, dtype=np.int64)
        # Marks of a warm-up belong to no day of the run: nothing was traded then.
        first = 0 if start_ns is None else int(np.searchsorted(self._ts, start_ns))
        self._first = first
        days = days[first:]
        self._starts = np.flatnonzero(np.diff(days, prepend=days[0] - 1)) if len(days) else days
        self._last = np.append(self._starts[1:], len(days)) - 1 if len(days) else days
        before = days[0] - 1 if len(days) else 0
        self.closes = _column(int(before), days[self._starts])
        self.days = self.closes[1:]  # one array for all runs: a chunk of them is sent with one

    def fits(self, marks: Ints) -> bool:
        """Return whether a run has marked at the same times."""
        return np.array_equal(self._ts, marks[:, at.EVENT_TS])

    def account(self, output: RunOutput, marks: Ints) -> DailyAccount:
        """Return the account at its daily closes, as `runtime.results.daily` does."""
        marks = marks[self._first :]
        cash = output.starting_cash_minor
        if not len(marks):
            return DailyAccount(np.array([cash], dtype=np.int64), output.periods_per_year)
        flows = marks[:, at.MARK_FLOW].copy()
        if opening_is_in_journal(output):
            flows[0] -= cash
        last = marks[self._last]
        return DailyAccount(
            _column(cash, last[:, at.MARK_EQUITY]),
            periods_per_year=output.periods_per_year,
            flows=_column(0, np.add.reduceat(flows, self._starts)),
            day_numbers=self.closes,
            gross_exposure=_column(0, last[:, at.MARK_GROSS]),
            traded_value=_column(0, np.add.reduceat(marks[:, at.MARK_TRADED], self._starts)),
        )


def _benchmark(config: StrategyConfig, history: History, clockwork: Clockwork) -> Benchmark | None:
    """Return the benchmark where the history itself has it; another one is not loaded here."""
    if config.data.benchmark not in (None, *history.symbols):
        return None
    return benchmark_of(config, history, clockwork, None)


def _column(first: int, values: Ints) -> Ints:
    return np.concatenate((np.array([first], dtype=np.int64), values))


def _with_warmup(
    decider: Decider, history: History, traded: History, end_ns: int | None
) -> History:
    """Return the traded part with as many bars before it as its indicators need.

    User code is first called at the bar at which every indicator has a value: with exactly so many
    bars before the part, that is its first bar. Indicators of higher timeframes warm up inside.
    """
    bars = 0 if decider.program is None else decider.program.warmup_bars
    first = min(
        (
            _bar_before(whole.bars.ts_close_ns, int(part.bars.ts_close_ns[0]), bars)
            for whole, part in zip(history.parts, traded.parts, strict=True)
            if whole.bars is not None and part.bars is not None and len(part.bars)
        ),
        default=None,
    )
    span = traded.span_ns()
    assert span is not None
    return history.between(span[0] if first is None else min(first, span[0]), end_ns)


def _bar_before(ts: Ints, at_ns: int, bars: int) -> int:
    return int(ts[max(int(np.searchsorted(ts, at_ns)) - bars, 0)])


def _refuse_early(output: RunOutput, start_ns: int | None) -> None:
    """Refuse a run that has placed an order before the part it may trade in."""
    rows = rows_of(output, at.KIND_SUBMITTED)
    if start_ns is None or not len(rows):
        return
    if int(output.journal[rows[0], at.EVENT_TS]) < start_ns:
        raise StrategyError(
            "the strategy placed an order in the warm-up before its window",
            remedy="place orders in on_bar; it is first called when every indicator has a value",
            code="strategy.early_order",
        )
