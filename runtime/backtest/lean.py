"""Many runs of one strategy over one history, each leaving only what a search compares.

A whole `BacktestResult` is for one run that somebody reads. A search wants thousands of runs and of
each a return series and a few numbers, so here everything that does not depend on parameters is made
once: the history's calendars and actions, the core's set-up and its blocks, and each distinct indicator
(`runtime.backtest.shared`). The metrics of many runs are computed together. What is run is the same
loop with the same books; where it is asked for, the state hash of a lean run is that of `run_backtest`
with the same parameters.

A bench may trade in a part of its history only: what comes before warms indicators up, and nothing
else; what comes after is never read.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from data.history import History
from engine.errors import DataError, StrategyError
from engine.kernels.tally import MARKED_TS
from engine.model import layout as at
from engine.rules.metrics_many import KEYS, measure_many, returns_of_many
from runtime.backtest.account import setup_of
from runtime.backtest.benchmark import benchmark_of
from runtime.backtest.clockwork import Clockwork, clockwork_of
from runtime.backtest.day_grid import DayGrid
from runtime.backtest.decisions import Decider, decider_of
from runtime.backtest.inputs import gives_inputs, inputs_of
from runtime.backtest.lean_machine import LeanMachine, Outcome, outcome_of_output
from runtime.backtest.marks import mark_sources
from runtime.backtest.run import Job, run_signals, starting_cash
from runtime.backtest.shared import SharedSignals
from runtime.backtest.sources import action_sources, market_sources
from runtime.backtest.window import Window, window_of
from runtime.config import ParameterValue, StrategyConfig
from runtime.config.parameters import override
from runtime.results import Benchmark, RunOutput
from runtime.results.exact import Ints
from runtime.results.rows import rows_of
from sims.replay.source import Source, Wakes

Floats = NDArray[np.float64]
Parameters = Mapping[str, ParameterValue]


@dataclass(frozen=True, slots=True, eq=False)
class LeanRun:
    """What a search keeps of one run.

    `days` are days since 1970, one for each return; `metrics` are those of
    `engine.rules.metrics_many.KEYS`, NaN where one is undefined; `state_hash` is None where nobody has
    asked for it.
    """

    days: Ints
    returns: Floats
    metrics: Floats
    final_equity_minor: int
    state_hash: str | None
    orders: int
    closed_trades: int
    ambiguities: int

    def metric(self, key: str) -> float | None:
        """Return one of the metrics; None where it is undefined."""
        value = float(self.metrics[KEYS.index(key)])
        return None if value != value else value


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
        self._grid: DayGrid | None = None

    def run(self, parameters: Parameters, *, hashed: bool = True) -> LeanRun:
        """Run the strategy with some parameters.

        Raises
        ------
        InputError
            If a parameter is not accepted, or the strategy cannot be run; see `engine.errors`.
        """
        (outcome,) = self.run_many([parameters], hashed=hashed)
        if isinstance(outcome, Exception):
            raise outcome
        return outcome

    def run_many(
        self, chosen: Sequence[Parameters], *, hashed: bool = False
    ) -> list[LeanRun | Exception]:
        """Run the strategy with many parameters; what one of them has raised stands in its place.

        Parameters
        ----------
        hashed
            Whether to compute state hashes: it takes as long as the rest of a run.
        """
        made: list[Outcome | Exception] = []
        for parameters in chosen:
            try:
                made.append(self._outcome(parameters, hashed=hashed))
            except Exception as error:  # noqa: BLE001 - a failing combination is a row, never the end
                made.append(error)
        runs = self._runs([each for each in made if isinstance(each, Outcome)])
        return [each if isinstance(each, Exception) else next(runs) for each in made]

    def _outcome(self, parameters: Parameters, *, hashed: bool) -> Outcome:
        config = replace(
            self.config,
            parameters=override(self.config.parameters, parameters),
            written=self.config.written or self.config,
        )
        if config.rules is not None and not hashed and not self._has_inputs:
            return self._machine.run_signals(self._wakes(config))
        output = self._run_code(config) if config.rules is None else self._run_hashed(config)
        return outcome_of_output(output, self._setup, is_compiled=self.compiled, hashed=hashed)

    @cached_property
    def _has_inputs(self) -> bool:
        """Whether the trading loop is told something of each bar, which depends on parameters too."""
        return gives_inputs(self.config, self.history.instruments)

    def _wakes(self, config: StrategyConfig) -> Sequence[Wakes]:
        assert self.shared is not None
        return self._window.cut(self.shared.signals(config))

    @cached_property
    def _window(self) -> Window:
        return window_of(self.history, self.traded)

    @cached_property
    def _others(self) -> list[Source]:
        return _other_sources(self.config, self.traded, self._clockwork)

    @cached_property
    def _machine(self) -> LeanMachine:
        return LeanMachine(
            self._setup,
            self.config.fills.book,
            [*market_sources(self.traded), *self._others],
            is_compiled=self.compiled,
            always=self._job(self.config, []).steps_on_all,
        )

    def _job(self, config: StrategyConfig, sources: Sequence[Source]) -> Job:
        return Job(config, self.traded, self._clockwork, self._setup, sources, self.compiled, None)

    def _run_hashed(self, config: StrategyConfig) -> RunOutput:
        assert self.shared is not None
        whole = self.shared.signals(config)
        wakes = self._window.cut(whole)
        inputs = self._window.cut_inputs(whole, inputs_of(config, self.traded))
        market = [
            replace(source, wakes=wakes[source.instrument])
            if source.kind == at.KIND_BAR
            else source
            for source in market_sources(self.traded, inputs=inputs)
        ]
        return run_signals(self._job(config, [*market, *self._others]), config.fills.book)

    def _run_code(self, config: StrategyConfig) -> RunOutput:
        """Run a class or a compiled function: over its warm-up too, where it is not called."""
        history, clockwork, setup = self.traded, self._clockwork, self._setup
        decider = decider_of(config, history, clockwork)
        if self.span[0] is not None:
            history = _with_warmup(decider, self.history, self.traded, self.span[1])
            clockwork = clockwork_of(history)
            setup = setup_of(config, history, clockwork)
            decider = decider_of(config, history, clockwork)
        sources = [*decider.sources(self.compiled), *_other_sources(config, history, clockwork)]
        job = Job(config, history, clockwork, setup, sources, self.compiled, None)
        output = decider.run(job, config.fills.book)
        _refuse_early(output, self.span[0])
        return output

    def _runs(self, outcomes: Sequence[Outcome]) -> Iterator[LeanRun]:
        """Yield the runs of outcomes; those that have marked at the same times go together."""
        first = 0
        while first < len(outcomes):
            grid = self._grid_of(outcomes[first])
            last = first + 1
            while last < len(outcomes) and grid.fits(outcomes[last]):
                last += 1
            yield from self._measured(grid, outcomes[first:last])
            first = last

    def _grid_of(self, outcome: Outcome) -> DayGrid:
        if self._grid is None or not self._grid.fits(outcome):
            calendar = self._clockwork.account_calendar
            self._grid = DayGrid(calendar, outcome.tallied.marks[:, MARKED_TS], self.span[0])
        return self._grid

    def _measured(self, grid: DayGrid, outcomes: Sequence[Outcome]) -> Iterator[LeanRun]:
        cash, per_year = starting_cash(self.config), self._clockwork.periods_per_year
        accounts = grid.accounts(outcomes, cash, per_year)
        returns = returns_of_many(accounts)
        market = None if self._benchmark is None else self._benchmark.at_days(grid.closes)
        pnl = [each.tallied.pnl for each in outcomes]
        metrics = measure_many(accounts, returns, trade_pnl=pnl, benchmark_close=market)
        for outcome, own, values in zip(outcomes, returns, metrics, strict=True):
            yield LeanRun(
                days=grid.days,
                returns=own,
                metrics=values,
                final_equity_minor=outcome.final_equity_minor,
                state_hash=outcome.state_hash,
                orders=outcome.tallied.orders,
                closed_trades=len(outcome.tallied.pnl),
                ambiguities=outcome.ambiguities,
            )


def _other_sources(config: StrategyConfig, history: History, clockwork: Clockwork) -> list[Source]:
    sources = [*action_sources(history), *clockwork.sources(trading=config.is_trading)]
    return sources + mark_sources(history, clockwork)


def _benchmark(config: StrategyConfig, history: History, clockwork: Clockwork) -> Benchmark | None:
    """Return the benchmark where the history itself has it; another one is not loaded here."""
    if config.data.benchmark not in (None, *history.symbols):
        return None
    return benchmark_of(config, history, clockwork, None)


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
