"""`run_backtest`: from a strategy and its data to a result with both its bounds."""

from __future__ import annotations

import textwrap
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from decimal import Decimal
from pathlib import Path
from time import perf_counter
from typing import TYPE_CHECKING

from data.history import History
from engine.errors import DataError, InputError
from engine.lang.program import Program
from engine.model.units import to_minor
from runtime import compile_cache
from runtime.backtest.account import Setup, optimistic, setup_of
from runtime.backtest.assumptions import assumption_lines, reproduce_command
from runtime.backtest.benchmark import benchmark_of
from runtime.backtest.clockwork import Clockwork, clockwork_of, first_ns
from runtime.backtest.histories import load_history, stream_of
from runtime.backtest.idle import idle_lines
from runtime.backtest.machine import Machine
from runtime.backtest.marks import mark_sources
from runtime.backtest.sources import action_sources
from runtime.config import StrategyConfig, parse_strategy
from runtime.config.fingerprint import canonical
from runtime.results import (
    BacktestResult,
    Benchmark,
    PassportLines,
    RunContext,
    RunOutput,
    build_result,
)
from runtime.results.document import configuration_lines
from sims.fillbook.settings import BookSettings
from sims.replay.columns import Lanes
from sims.replay.source import Source

if TYPE_CHECKING:
    from data.streams import HistoryStream
    from runtime.backtest.decisions import Decider

Progress = Callable[[int, int], None]
ROWS_IN_MEMORY = 20_000_000  # about 1 GiB of bars
ENGINES = ("auto", "compiled", "interpreted")

# Seconds that the interpreted loop needs for an event and for one formula node at one bar, measured on
# a 2.5 GHz Xeon; and what an interpreted job may cost before loading (or making) compiled code pays.
_EVENT_SECONDS = 6e-6
_NODE_SECONDS = 3e-6
_LOOP_SECONDS = 35e-6  # a turn of the trading loop
_WORTH_LOADING_SECONDS = 2.0
_WORTH_COMPILING_SECONDS = {False: 25.0, True: 50.0}


@dataclass(frozen=True, slots=True, eq=False)
class Job:
    """A strategy ready to run: everything but the fill book's settings."""

    config: StrategyConfig
    history: History
    clockwork: Clockwork
    setup: Setup
    sources: Sequence[Source]
    is_compiled: bool
    progress: Progress | None

    @property
    def steps_on_all(self) -> bool:
        """Whether every event must be stepped on: dividends are reinvested at the next price."""
        return self.config.account.dividends == "reinvest"

    def reporter(self, machine: Machine, lanes: Lanes) -> Callable[[int], None]:
        """Return what is to be told how many events are done."""

        def report(done: int) -> None:
            machine.events = done
            if self.progress is not None:
                self.progress(done, lanes.count)

        return report


def run_backtest(
    config: StrategyConfig,
    *,
    catalog_root: Path | None = None,
    history: History | None = None,
    engine: str = "auto",
    progress: Progress | None = None,
    ready: Callable[[History], None] | None = None,
    rows_in_memory: int = ROWS_IN_MEMORY,
    start_ns: int | None = None,
) -> BacktestResult:
    """Run a strategy over its history and return the result with its pessimistic and optimistic bound.

    Parameters
    ----------
    config
        The strategy; see `runtime.config.load_strategy`.
    catalog_root
        Where datasets are; not needed for samples, synthetic worlds or a given `history`.
    history
        Data to use instead of what the file names.
    engine
        ``compiled``, ``interpreted``, or ``auto``: interpreted when that is sooner done. The result is
        the same to the bit.
    progress
        Called now and then with events done and events in all.
    ready
        Called once with the data when it is there, before anything is run on it. Of data that is read
        in windows it has only the outline: instruments, span and fingerprint.
    rows_in_memory
        A dataset with more rows is read in windows, where the strategy allows it (rules do). The
        result is the same to the bit.
    start_ns
        When trading begins in a given `history`: formulas see what comes before, and nothing else does.

    Raises
    ------
    InputError
        If data, strategy or engine cannot be used; see `engine.errors`.
    """
    if engine not in ENGINES:
        raise InputError(f"engine must be one of {', '.join(ENGINES)}, not {engine!r}")
    started = perf_counter()
    if history is None:
        stream = _stream(config, catalog_root, rows_in_memory)
        if stream is not None:
            return _run_stream(config, stream, catalog_root, engine, progress, ready)
        history = _history(config, catalog_root)
    past: History | None = None
    if start_ns is not None:
        past, history = history.between(None, start_ns), history.between(start_ns, None)
    if ready is not None:
        ready(history)
    prepared = prepare(
        config, history, engine, catalog_root=catalog_root, progress=progress, past=past
    )
    pessimistic = prepared.decider.run(prepared.job, config.fills.book)
    return finish(prepared, pessimistic, started=started)


@dataclass(frozen=True, slots=True)
class Prepared:
    """A job, who decides in it, and what its result is shown beside."""

    job: Job
    decider: Decider
    benchmark: Benchmark | None
    catalog_root: Path | None


def prepare(
    config: StrategyConfig,
    history: History,
    engine: str,
    *,
    catalog_root: Path | None = None,
    progress: Progress | None = None,
    past: History | None = None,
) -> Prepared:
    """Return a strategy ready to run over a history; what its formulas have seen before is `past`."""
    clockwork = clockwork_of(history)
    benchmark = benchmark_of(config, history, clockwork, catalog_root)
    setup = setup_of(config, history, clockwork)
    from runtime.backtest.decisions import decider_of

    known = clockwork
    if past is not None and past.span_ns() is not None:
        known = clockwork_of(history, since_ns=first_ns(past))
    decider = decider_of(config, history, known, past)
    rows = sum(len(columns) for _, columns in history.columns())
    is_compiled = choose_engine(engine, rows, decider.program, with_loop=config.is_trading)
    if is_compiled:
        compile_cache.use_cache()
    sources = [
        *decider.sources(is_compiled),
        *action_sources(history),
        *clockwork.sources(trading=config.is_trading),
    ]
    sources += mark_sources(history, clockwork)
    job = Job(config, history, clockwork, setup, sources, is_compiled, progress)
    return Prepared(job, decider, benchmark, catalog_root)


def finish(prepared: Prepared, pessimistic: RunOutput, *, started: float) -> BacktestResult:
    """Return the result of a job's pessimistic run, with the other bound where there is one."""
    job, config = prepared.job, prepared.job.config
    better: RunOutput | None = None
    if pessimistic.ambiguities > 0:
        better = prepared.decider.run(job, optimistic(config.fills.book))
    if job.is_compiled:
        compile_cache.mark_warm(with_loop=config.is_trading)
    context = context_of(
        config,
        job.history,
        prepared.catalog_root,
        prepared.benchmark,
        is_compiled=job.is_compiled,
        started=started,
    )
    context = replace(
        context, warnings=(*config.warnings, *idle_lines(pessimistic, prepared.decider.silence()))
    )
    return build_result(pessimistic, better, context=context)


def context_of(
    config: StrategyConfig,
    history: History,
    catalog_root: Path | None,
    benchmark: Benchmark | None,
    *,
    is_compiled: bool,
    started: float,
) -> RunContext:
    """Return how and on what a strategy was run; `started` is by `perf_counter`."""
    return RunContext(
        strategy=config.name,
        parameters=tuple((name, str(spec.default)) for name, spec in config.parameters.items()),
        passport=PassportLines(history),
        assumptions=assumption_lines(config, history),
        engine_mode="compiled" if is_compiled else "interpreted",
        elapsed_seconds=perf_counter() - started,
        reproduce=reproduce_command(config, catalog_root),
        benchmark=benchmark,
        history=history,
        description=config.strategy.description,
        fingerprint=config.fingerprint,
        configuration=tuple(configuration_lines(canonical(config))),
    )


def _run_stream(
    config: StrategyConfig,
    stream: HistoryStream,
    catalog_root: Path | None,
    engine: str,
    progress: Progress | None,
    ready: Callable[[History], None] | None,
) -> BacktestResult:
    """Run over data that is read in windows; see `runtime.backtest.streaming`."""
    from runtime.backtest.streaming import StreamJob, run_stream

    started, outline = perf_counter(), stream.outline
    if ready is not None:
        ready(outline)
    clockwork = clockwork_of(outline)
    setup = setup_of(config, outline, clockwork)
    program = config.compile_rules(symbols=outline.symbols)
    is_compiled = choose_engine(engine, len(stream), program, with_loop=config.is_trading)
    if is_compiled:
        compile_cache.use_cache()
    job = StreamJob(config, stream, clockwork, setup, program, is_compiled, progress)
    run = run_stream(job, cash_minor=starting_cash(config))
    if is_compiled:
        compile_cache.mark_warm(with_loop=config.is_trading)
    benchmark = benchmark_of(config, run.history, clockwork, catalog_root)
    context = context_of(
        config, run.history, catalog_root, benchmark, is_compiled=is_compiled, started=started
    )
    context = replace(
        context, warnings=(*config.warnings, *idle_lines(run.pessimistic, run.silence))
    )
    return build_result(run.pessimistic, run.better, context=context)


def _history(config: StrategyConfig, catalog_root: Path | None) -> History:
    with _located(config):
        return load_history(config.data, catalog_root or Path())


def _stream(
    config: StrategyConfig, catalog_root: Path | None, rows_in_memory: int
) -> HistoryStream | None:
    """Return the data as a stream where it is too large for memory and the strategy allows it."""
    if config.rules is None:
        return None
    with _located(config):
        return stream_of(config.data, catalog_root or Path(), rows_in_memory)


@contextmanager
def _located(config: StrategyConfig) -> Iterator[None]:
    """Say where in the strategy's file an instrument is named that the data does not have."""
    try:
        yield
    except DataError as error:
        if error.code != "data.unknown_instrument":
            raise
        where = config.where("data", "instruments")
        raise DataError(error.problem, where=where, remedy=error.remedy, code=error.code) from None


def choose_engine(
    engine: str, events: int, program: Program | None, *, with_loop: bool = False
) -> bool:
    """Return whether to run compiled."""
    if engine != "auto":
        return engine == "compiled"
    nodes = 1 if program is None else len(program.nodes)
    event_seconds = _EVENT_SECONDS + with_loop * _LOOP_SECONDS
    seconds = events * (event_seconds + _NODE_SECONDS * nodes)
    if seconds < _WORTH_LOADING_SECONDS:
        return False
    return (
        compile_cache.is_warm(with_loop=with_loop) or seconds > _WORTH_COMPILING_SECONDS[with_loop]
    )


def run_signals(job: Job, settings: BookSettings) -> RunOutput:
    """Run a job whose signals travel with its events."""
    machine = Machine(job.setup, settings, job.is_compiled)
    lanes = Lanes(job.sources, job.setup.terms, always=job.steps_on_all)
    machine.attach(lanes)
    report = job.reporter(machine, lanes)
    for until, done in lanes.stops():
        machine.replay(until)
        report(done)
    return machine.output(job.clockwork, starting_cash(job.config))


def starting_cash(config: StrategyConfig) -> int:
    """Return the account's first cash in minor units."""
    cash: Decimal = config.account.cash
    return to_minor(cash, name="account.cash")


def backtest_text(
    text: str, *, history: History | None = None, engine: str = "auto"
) -> BacktestResult:
    """Run a strategy given as TOML text; for notebooks, tests and documentation."""
    config = parse_strategy(textwrap.dedent(text), path=Path("strategy.toml"))
    return run_backtest(config, history=history, engine=engine)
