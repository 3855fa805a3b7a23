"""`run_many`: strategies side by side over one history, in one process."""

from __future__ import annotations

from collections.abc import Sequence
from time import perf_counter

from data.history import History
from engine.errors import InputError
from runtime.backtest.decisions import RuleDecider
from runtime.backtest.machine import Machine
from runtime.backtest.run import ENGINES, Prepared, Progress, finish, prepare, starting_cash
from runtime.config import StrategyConfig
from runtime.results import BacktestResult, RunOutput
from sims.replay.columns import Lanes


def run_many(
    configs: Sequence[StrategyConfig],
    *,
    history: History,
    engine: str = "auto",
    progress: Progress | None = None,
) -> list[BacktestResult]:
    """Run strategies side by side: all of them to one time, then all of them to the next.

    Each has its own account, positions, limits and guards: none can feel another, and each result is
    to the bit that of the strategy alone (`run_backtest`). Columns of prices are shared.

    Parameters
    ----------
    configs
        Any number, of any kind; those that are classes or compiled functions take their turns whole.
    history
        The data of all of them.
    engine, progress
        As for `run_backtest`; events are those of all strategies together.

    Raises
    ------
    InputError
        If one of the strategies, or the engine, cannot be used.
    """
    if engine not in ENGINES:
        raise InputError(f"engine must be one of {', '.join(ENGINES)}, not {engine!r}")
    started = perf_counter()
    prepared = [prepare(config, history, engine) for config in configs]
    beside = [_Run(each) for each in prepared if isinstance(each.decider, RuleDecider)]
    total = sum(run.lanes.count for run in beside)
    # One history, so each stops at the same times.
    for stops in zip(*(run.lanes.stops() for run in beside), strict=True):
        for run, (until, done) in zip(beside, stops, strict=True):
            run.to(until, done)
        if progress is not None:
            progress(sum(done for _, done in stops), total)
    outputs = {id(run.prepared): run.output() for run in beside}
    results = []
    for each in prepared:
        output = outputs.pop(id(each), None)
        if output is None:
            output = each.decider.run(each.job, each.job.config.fills.book)
        results.append(finish(each, output, started=started))
    return results


class _Run:
    """One strategy's machine, run from stop to stop."""

    def __init__(self, prepared: Prepared) -> None:
        job = prepared.job
        self.prepared = prepared
        self.machine = Machine(job.setup, job.config.fills.book, job.is_compiled)
        self.lanes = Lanes(job.sources, job.setup.terms, always=job.steps_on_all)
        self.machine.attach(self.lanes)

    def to(self, until: int, done: int) -> None:
        self.machine.replay(until)
        self.machine.events = done

    def output(self) -> RunOutput:
        job = self.prepared.job
        return self.machine.output(job.clockwork, starting_cash(job.config))
