"""`run_sweep`: from a strategy and a space to a folder with a row for every combination."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Self

import msgspec

from data.history import History
from engine.errors import InputError
from runtime import compile_cache
from runtime.backtest.account import setup_of
from runtime.backtest.clockwork import clockwork_of
from runtime.backtest.histories import load_history
from runtime.backtest.run import ENGINES
from runtime.config import StrategyConfig
from runtime.store.identity import engine_digest
from runtime.sweep.chunks import Chunks
from runtime.sweep.files import only_writer
from runtime.sweep.folder import SweepFolder
from runtime.sweep.manifest import Manifest, differences, read_manifest, write_manifest
from runtime.sweep.plan import Plan, Search, plan_of
from runtime.sweep.pool import Backend, ForkedPool, InlineBackend, LocalPool, can_fork
from runtime.sweep.ranking import require_metric
from runtime.sweep.recording import NoRecorder, Recorder
from runtime.sweep.result import SweepResult
from runtime.sweep.space import Space
from runtime.sweep.trial import Task, TrialRow
from runtime.sweep.walking import save_walk, test_tasks
from runtime.sweep.windows import WalkForward
from runtime.sweep.worker import Work, save_shared

if TYPE_CHECKING:
    import polars as pl

Progress = Callable[[int, int, int], None]
SHARED_NAME = "shared.bin"

# What a search must take here before other processes pay, if they can be forked or must be started.
_WORTH_A_POOL_SECONDS = {True: 0.3, False: 3.0}
_TRIAL_SECONDS = {True: 5e-4, False: 2e-3}
_EVENT_SECONDS = {True: 1e-8, False: 2e-5}
_INTERPRETED_SECONDS_A_BAR = 2e-5
# What an interpreted search may take on its workers before compiled code pays.
_WORTH_LOADING = 3.0
_WORTH_COMPILING = 60.0


@dataclass(frozen=True, slots=True)
class Place:
    """Where and how a sweep runs.

    Parameters
    ----------
    jobs
        Local processes; None is one per core.
    cluster
        The address of a Dask scheduler, to run there instead.
    engine
        ``compiled``, ``interpreted``, or ``auto``: whichever is sooner done. The rows are equal.
    hashed
        Whether each row gets its state hash, that of the single backtest with its parameters; it takes
        as long as the rest of the run.
    """

    jobs: int | None = None
    cluster: str | None = None
    engine: str = "auto"
    hashed: bool = False

    def __post_init__(self) -> None:
        if self.jobs is not None and self.jobs < 1:
            raise InputError(f"{self.jobs} processes cannot work", where="--jobs")
        if self.engine not in ENGINES:
            raise InputError(f"engine must be one of {', '.join(ENGINES)}, not {self.engine!r}")


HERE = Place()
GRID = Search()


@dataclass(frozen=True, slots=True, eq=False)
class Sweep:
    """A search that is ready to run."""

    config: StrategyConfig
    history: History
    plan: Plan
    search: Search
    metric: str
    manifest: Manifest

    def digest(self) -> str:
        """Return a hash of everything that decides the rows."""
        return hashlib.blake2b(msgspec.json.encode(self.manifest), digest_size=8).hexdigest()


def prepare_sweep(
    config: StrategyConfig,
    space: Space,
    *,
    search: Search = GRID,
    metric: str = "sharpe",
    walk_forward: WalkForward | None = None,
    catalog_root: Path | None = None,
    history: History | None = None,
) -> Sweep:
    """Load the data and decide what is to be run.

    Raises
    ------
    InputError
        If anything asked for is not possible; nothing has been run then.
    """
    require_metric(metric)
    if history is None:
        history = load_history(config.data, catalog_root or Path())
    clockwork = clockwork_of(history)
    setup_of(config, history, clockwork)  # what cannot be set up is told before the work
    if config.rules is not None:
        config.compile_rules(symbols=history.symbols)
    plan = plan_of(space, search, walk_forward, history)
    decides = search.method == "optuna" or walk_forward is not None
    manifest = Manifest(
        strategy=config.name,
        fingerprint=config.fingerprint,
        dataset=config.data.dataset,
        data=history.fingerprint,
        program=engine_digest(),
        parameters={axis.name: axis.text() for axis in space.axes},
        where=space.where,
        method=search.method,
        count=search.count,
        seed=search.seed if search.method != "grid" else 0,
        metric=metric if decides else "",
        spans=plan.spans,
        walk_forward="" if walk_forward is None else str(walk_forward),
        trials=_trial_count(plan, search),
        plan=plan.digest(),
        periods_per_year=clockwork.periods_per_year,
    )
    return Sweep(config, history, plan, search, metric, manifest)


def _trial_count(plan: Plan, search: Search) -> int:
    if search.method == "optuna":
        return search.count
    return plan.count + len(plan.spans) - plan.searched_spans


def run_sweep(
    sweep: Sweep,
    out: Path,
    *,
    place: Place = HERE,
    resume: bool = False,
    recorder: Recorder | None = None,
    progress: Progress | None = None,
) -> SweepResult:
    """Run what a sweep's folder does not hold yet, and return all of it.

    A ``KeyboardInterrupt`` leaves the folder so that the same call with `resume` goes on.

    Parameters
    ----------
    out
        The sweep's folder; made when it is not there.
    resume
        Whether the folder may hold a beginning of this very sweep.
    recorder
        Where trials are counted; none by default.
    progress
        Called with trials done, trials in all, and trials that failed.

    Raises
    ------
    InputError
        If the folder holds something else, or another search writes it.
    """
    recorder = recorder or NoRecorder()
    folder = _opened(out, sweep.manifest, resume=resume)
    with only_writer(out), _stated(recorder):
        recorder.begin(sweep, folder)
        if not folder.is_complete():
            folder.prepare()
            runner = Runner(sweep, folder, place, recorder, progress)
            with runner:
                _run(sweep, runner)
            folder.merge()
        folder.forget_parts()
        result = SweepResult(folder.root, sweep.manifest, sweep.metric, recorder.count())
        if sweep.manifest.walk_forward:
            save_walk(result)
    return result


def _run(sweep: Sweep, runner: Runner) -> None:
    if sweep.search.method == "optuna":
        from runtime.sweep.optuna_search import run_optuna

        run_optuna(sweep, runner.evaluate)
        return
    runner.evaluate_plan(sweep.plan)
    if sweep.manifest.walk_forward:
        runner.evaluate(test_tasks(sweep.plan, runner.folder.read_parts(), sweep.metric))


def _opened(out: Path, manifest: Manifest, *, resume: bool) -> SweepFolder:
    """Return the folder of a sweep, new or known."""
    before = read_manifest(out) if out.is_dir() else None
    if before is None:
        if out.exists() and (not out.is_dir() or any(out.iterdir())):
            raise InputError(
                "this is not the folder of a sweep, and not empty",
                where=str(out),
                remedy="choose another folder with --out",
            )
        out.mkdir(parents=True, exist_ok=True)
        write_manifest(out, manifest)
        return SweepFolder(out, manifest)
    changed = differences(before, manifest)
    if changed:
        raise InputError(
            "the folder holds another sweep: " + "; ".join(changed),
            where=str(out),
            remedy="choose another folder with --out, or repeat what was asked then",
            code="sweep.other",
        )
    if not resume:
        raise InputError(
            "the folder holds this sweep already",
            where=str(out),
            remedy="add --resume to go on or to see it again, or choose another folder with --out",
            code="sweep.exists",
        )
    return SweepFolder(out, manifest)


@contextmanager
def _stated(recorder: Recorder) -> Iterator[None]:
    """Record how the sweep ended, whatever ended it."""
    try:
        yield
    except KeyboardInterrupt:
        recorder.finish("interrupted")
        raise
    except BaseException:
        recorder.finish("failed")
        raise
    recorder.finish("finished")


class Runner:
    """Evaluates trials that the folder does not hold, writing and recording each chunk."""

    def __init__(
        self,
        sweep: Sweep,
        folder: SweepFolder,
        place: Place,
        recorder: Recorder,
        progress: Progress | None,
    ) -> None:
        self.folder = folder
        self._sweep = sweep
        self._place = place
        self._recorder = recorder
        self._progress = progress
        self._total = sweep.manifest.trials
        self._failed = 0
        self._done = 0
        self._backend: Backend | None = None
        self._stack = ExitStack()

    def __enter__(self) -> Self:
        self._done = sum(last + 1 - first for first, last in self.folder.done())
        return self

    def __exit__(self, *_: object) -> None:
        self._stack.close()

    def evaluate_plan(self, plan: Plan) -> None:
        """Run the trials of a plan that are missing."""
        missing = self.folder.missing(plan.count)
        self._evaluate(plan.tasks(missing), len(missing))

    def evaluate(self, tasks: Sequence[Task]) -> pl.DataFrame:
        """Run some trials of consecutive numbers, unless they are done, and return their rows."""
        first, last = tasks[0].number, tasks[-1].number
        missing = set(self.folder.missing(last + 1).tolist())
        chosen = [task for task in tasks if task.number in missing]
        self._evaluate(iter(chosen), len(chosen))
        return self.folder.read_parts(first=first, last=last)

    def _evaluate(self, tasks: Iterator[Task], count: int) -> None:
        self._tell()
        if not count:
            return
        backend = self._backend_for(count)
        chunks = Chunks(tasks, count=count, jobs=backend.jobs)
        for result in backend.run(chunks):
            chunks.note(len(result.rows), result.seconds)
            self._take(result.rows)

    def _take(self, rows: list[TrialRow]) -> None:
        self.folder.write_part(rows)
        self._recorder.add(rows)
        self._done += len(rows)
        self._failed += sum(bool(row.error) for row in rows)
        self._tell()

    def _tell(self) -> None:
        if self._progress is not None:
            self._progress(self._done, self._total, self._failed)

    def _backend_for(self, count: int) -> Backend:
        if self._backend is None:
            self._backend = self._made_backend(max(count, self._total - self._done))
            self._stack.callback(self._backend.close)
        return self._backend

    def _made_backend(self, count: int) -> Backend:
        sweep, history = self._sweep, self._sweep.history
        events = sum(len(columns) for _, columns in history.columns())
        wanted = min(self._place.jobs or os.cpu_count() or 1, count)
        compiled = _is_compiled(
            self._place.engine, count * events, wanted, with_loop=sweep.config.is_trading
        )
        spans = tuple((span.start_ns, span.end_ns) for span in sweep.manifest.spans)
        work = Work(sweep.config, spans, compiled, self._recorder.maker, hashed=self._place.hashed)
        if self._place.cluster is not None:
            from runtime.sweep.cluster import DaskBackend

            return DaskBackend(self._place.cluster, work, history)
        seconds = count * (_TRIAL_SECONDS[compiled] + events * _EVENT_SECONDS[compiled])
        worth = _WORTH_A_POOL_SECONDS[can_fork(sweep.config)]
        if wanted == 1 or (self._place.jobs is None and seconds < worth):
            return InlineBackend(work, history)
        if can_fork(sweep.config):
            return ForkedPool(work, history, wanted)
        path = self.folder.root / SHARED_NAME
        self._stack.callback(path.unlink, missing_ok=True)
        save_shared(path, work, history)
        return LocalPool(path, wanted)


def _is_compiled(engine: str, bars: int, jobs: int, *, with_loop: bool) -> bool:
    """Return whether to run compiled; makes the compiled code once, before the workers want it."""
    if engine == "auto":
        seconds = bars * _INTERPRETED_SECONDS_A_BAR / jobs
        is_warm = compile_cache.is_warm(with_loop=with_loop)
        if seconds < (_WORTH_LOADING if is_warm else _WORTH_COMPILING):
            return False
    elif engine == "interpreted":
        return False
    compile_cache.use_cache()
    if not compile_cache.is_warm(with_loop=with_loop):
        compile_cache.warm_up(with_loop=with_loop)
    return True
