"""Where our time goes: ``python -m benchmarks.profile W1b`` prints milliseconds by stage.

A run is sampled by the standard profiler, whose costs fall on Python functions that are called often;
so stages are timed a second time without it: a handful of functions that each are a stage is wrapped,
and what is spent inside one of them counts for the innermost. What belongs to none is *other*. Times
are the processor's, so that other work on the machine does not count.
"""

from __future__ import annotations

import argparse
import cProfile
import importlib
import io
import pstats
import statistics
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from time import process_time
from typing import Any

from benchmarks import ours
from benchmarks.worker import load
from benchmarks.workloads import WORKLOADS, WORLD_SIZES
from benchmarks.world import data_folder

# Module, function or Class.method, stage. What is missing in the code of today is left out.
STAGES = (
    ("data.history", "History.from_arrays", "history: floats to ticks, checks"),
    ("data.numbers", "to_quanta_exact", "history: floats to ticks"),
    ("data.history", "_require_sound", "history: checks"),
    ("data.fingerprint", "history_fingerprint", "fingerprint of the data"),
    ("runtime.config.loading", "load_strategy", "strategy file"),
    ("runtime.backtest.clockwork", "clockwork_of", "calendar and sessions"),
    ("runtime.backtest.decisions", "decider_of", "load the strategy"),
    ("runtime.backtest.account", "setup_of", "set up the core"),
    ("runtime.backtest.signals", "panel_of", "prices as floats for formulas"),
    ("runtime.backtest.signals", "make_signals", "signals"),
    ("engine.lang.batch", "evaluate_batch", "indicators and formulas"),
    ("runtime.backtest.signals", "signals_of", "signals"),
    ("runtime.backtest.decisions", "RuleDecider.sources", "signals"),
    ("runtime.backtest.classes", "ClassDecider.sources", "signals"),
    ("runtime.backtest.functions", "FunctionDecider.sources", "signals"),
    ("sims.replay.stream", "Stream.chunks", "events in order"),
    ("sims.replay.columns", "Lanes.__init__", "events in order"),
    ("runtime.backtest.machine", "Machine.attach", "events in order"),
    ("runtime.backtest.marks", "mark_sources", "daily marks"),
    ("runtime.backtest.machine", "Machine.__init__", "set up the core"),
    ("runtime.backtest.machine", "Machine.run", "the compiled loop"),
    ("runtime.backtest.machine", "Machine._run_once", "the compiled loop"),
    ("runtime.backtest.machine", "Machine.replay", "the compiled loop"),
    ("runtime.backtest.machine", "Machine.replay_function", "the compiled loop"),
    ("runtime.backtest.machine", "Machine.place", "orders of the Python class"),
    ("runtime.backtest.machine", "Machine._take_journal", "journal: copy and hash"),
    ("runtime.backtest.machine", "Machine.output", "output: hash of the state"),
    ("runtime.backtest.class_session", "ClassSession.run", "the Python class and its calls"),
    ("runtime.backtest.class_session", "ClassSession.__init__", "views for the Python class"),
    ("runtime.results.result", "build_result", "result: metrics, statement, curve"),
    ("runtime.results.paths", "path_result", "result: metrics"),
    ("runtime.results.daily", "daily_closes", "result: daily closes"),
    ("runtime.results.context", "passport_lines", "passport of the data"),
    ("runtime.sweep.run", "prepare_sweep", "sweep: plan"),
    ("runtime.backtest.lean", "Bench._run_rules", "sweep: other of a run"),
    ("runtime.backtest.lean", "Bench._reduced", "sweep: metrics of a run"),
    ("runtime.backtest.shared", "SharedSignals.signals", "sweep: signals"),
    ("runtime.sweep.folder", "SweepFolder.write_part", "sweep: write results"),
    ("runtime.sweep.folder", "SweepFolder.merge", "sweep: write results"),
)


class Stopwatch:
    """Seconds by stage; the clock runs for the innermost stage only."""

    def __init__(self) -> None:
        self.seconds: dict[str, float] = {}
        self._stack: list[str] = []
        self._since = 0.0

    def enter(self, stage: str) -> None:
        """Begin a stage inside the present one."""
        self._book()
        self._stack.append(stage)

    def leave(self) -> None:
        """End the present stage."""
        self._book()
        self._stack.pop()

    def _book(self) -> None:
        now = process_time()
        if self._stack:
            stage = self._stack[-1]
            self.seconds[stage] = self.seconds.get(stage, 0.0) + now - self._since
        self._since = now


def main(arguments: Sequence[str] | None = None) -> None:
    """Print the stages of one workload."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("workload", choices=[*WORKLOADS, "W5"])
    parser.add_argument("--size", type=int, help="rows instead of all")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--functions", type=int, default=0, help="also the N costliest functions")
    options = parser.parse_args(arguments)
    workload = WORKLOADS.get(options.workload, WORKLOADS["W1b"])
    size = options.size or (2_500 if options.workload == "W5" else workload.size)
    data = load(data_folder(workload.world, WORLD_SIZES[workload.world]), size)
    once = getattr(ours, options.workload.lower())(data)
    once()
    print(f"{options.workload}: {size:,} rows, median of {options.rounds} rounds")
    print(stage_table(profile_stages(once, options.rounds)))
    if options.functions:
        print(function_table(once, options.functions))


def profile_stages(once: Callable[[], Any], rounds: int) -> dict[str, float]:
    """Return the median milliseconds of each stage, *other* and *whole* last."""
    samples = []
    for _ in range(rounds):
        watch = Stopwatch()
        with stages_watched(watch):
            started = process_time()
            once()
            whole = process_time() - started
        inside = dict(watch.seconds)
        samples.append({**inside, "other": whole - sum(inside.values()), "whole": whole})
    names = dict.fromkeys(name for sample in samples for name in sample)
    return {
        name: 1000 * statistics.median(sample.get(name, 0.0) for sample in samples)
        for name in names
    }


def stage_table(stages: dict[str, float]) -> str:
    """Return the stages from dear to cheap, then *other* and the whole."""
    last = ("other", "whole")
    order = sorted((name for name in stages if name not in last), key=lambda name: -stages[name])
    lines = [
        f"  {name:42}{stages[name]:10.1f} ms {stages[name] / stages['whole']:6.1%}"
        for name in [*order, *last]
    ]
    return "\n".join(lines)


def function_table(once: Callable[[], Any], count: int) -> str:
    """Return what the standard profiler says, by own time."""
    profiler = cProfile.Profile()
    profiler.runcall(once)
    text = io.StringIO()
    pstats.Stats(profiler, stream=text).strip_dirs().sort_stats("tottime").print_stats(count)
    return text.getvalue()


@contextmanager
def stages_watched(watch: Stopwatch) -> Iterator[None]:
    """Wrap the functions of `STAGES` wherever they were imported to, and undo it."""
    undo: list[Callable[[], None]] = []
    try:
        for module_name, path, stage in STAGES:
            undo += _wrap(watch, module_name, path, stage)
        yield
    finally:
        for restore in reversed(undo):
            restore()


def _wrap(watch: Stopwatch, module_name: str, path: str, stage: str) -> list[Callable[[], None]]:
    try:
        owner: Any = importlib.import_module(module_name)
    except ImportError:
        return []
    *classes, name = path.split(".")
    for part in classes:
        owner = getattr(owner, part, None)
    original = getattr(owner, name, None)
    if original is None:
        return []
    plain = vars(owner).get(name, original)
    timed: Any = _timed(watch, original, stage)
    if classes:
        setattr(owner, name, staticmethod(timed) if isinstance(plain, staticmethod) else timed)
        return [lambda: setattr(owner, name, plain)]
    return [_replace(module, name, original, timed) for module in _importers(name, original)]


def _importers(name: str, original: Any) -> list[Any]:
    """Return every module that has the function under its name."""
    import sys

    return [module for module in list(sys.modules.values()) if vars(module).get(name) is original]


def _replace(module: Any, name: str, original: Any, timed: Any) -> Callable[[], None]:
    setattr(module, name, timed)
    return lambda: setattr(module, name, original)


def _timed(watch: Stopwatch, function: Any, stage: str) -> Any:
    import inspect

    if inspect.isgeneratorfunction(function):

        def generator(*args: Any, **kwargs: Any) -> Iterator[Any]:
            source = function(*args, **kwargs)
            while True:
                watch.enter(stage)
                try:
                    item = next(source)
                except StopIteration:
                    return
                finally:
                    watch.leave()
                yield item

        return generator

    def timed(*args: Any, **kwargs: Any) -> Any:
        watch.enter(stage)
        try:
            return function(*args, **kwargs)
        finally:
            watch.leave()

    return timed


if __name__ == "__main__":
    main()
