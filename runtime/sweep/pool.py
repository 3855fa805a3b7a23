"""Where chunks run: in this process, or in worker processes on all cores.

Starting a Python process and loading the compiled loop takes longer than many a search. So on Linux, where
only our own code runs in them (rules), workers are forked from this process after it has run a first
few trials itself: they begin with the loop loaded and the indicators computed. A forked worker computes
with numpy and compiled kernels and sends arrays; it touches no data frame, no database and no terminal,
whose threads and locks do not survive a fork. Python strategies may touch anything, so theirs are new
processes.

A worker that dies (out of memory, a crash in a library that a strategy uses) takes the pool with it.
Then what was under way is run again, one trial at a time, in a new pool: the trial that kills its
worker alone becomes a failed row, and the search goes on.
"""

from __future__ import annotations

import multiprocessing
import sys
from collections.abc import Generator, Iterable, Iterator
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from concurrent.futures.process import BrokenProcessPool
from itertools import islice
from multiprocessing import connection
from pathlib import Path
from typing import Protocol, TypeAlias

from data.history import History
from engine.errors import InternalFault
from runtime.config import StrategyConfig
from runtime.sweep.trial import Task, TrialRow
from runtime.sweep.worker import ChunkResult, Work, Worker, attach, inherit, run_chunk

_DEATHS_AT_START_MAX = 3
DIED = "the worker process died; did it run out of memory?"

Chunk: TypeAlias = list[Task]
Running: TypeAlias = dict[Future[ChunkResult], Chunk]


class Backend(Protocol):
    """Somewhere to run chunks."""

    @property
    def jobs(self) -> int:
        """How many chunks run at once."""

    def run(self, chunks: Iterable[Chunk]) -> Iterator[ChunkResult]:
        """Run chunks and yield their results as they come; taking no more stops the work."""

    def close(self) -> None:
        """End what is running."""


class InlineBackend:
    """Runs in this process: for few trials, and for debugging."""

    jobs = 1

    def __init__(self, work: Work, history: History) -> None:
        self._worker = Worker(work, history)

    def run(self, chunks: Iterable[Chunk]) -> Iterator[ChunkResult]:
        """Run chunk after chunk."""
        for chunk in chunks:
            yield self._worker.run(chunk)

    def close(self) -> None:
        """Nothing runs between chunks."""


class LocalPool:
    """Worker processes on this machine, started anew; see `runtime.sweep.worker.attach`."""

    def __init__(self, work_path: Path, jobs: int) -> None:
        self._work_path = work_path
        self._executor: ProcessPoolExecutor | None = None
        self._lifeline: connection.Connection | None = None
        self._has_run = False
        self.jobs = jobs

    def run(self, chunks: Iterable[Chunk]) -> Iterator[ChunkResult]:
        """Run chunks on all workers."""
        source = iter(chunks)
        while lost := (yield from self._until_death(source, 2 * self.jobs)):
            yield from self._one_by_one(lost)

    def _one_by_one(self, tasks: list[Task]) -> Generator[ChunkResult, None, None]:
        source, deaths = ([task] for task in tasks), 0
        while lost := (yield from self._until_death(source, 1)):
            deaths += 1
            if not self._has_run and deaths >= _DEATHS_AT_START_MAX:
                raise InternalFault(
                    "worker processes end before they have run anything",
                    remedy="run with --jobs 1 to see why; a Python script that searches needs "
                    'its calls under `if __name__ == "__main__":`',
                    code="sweep.workers",
                )
            yield ChunkResult([TrialRow(task, None, DIED) for task in lost], 0.0)

    def _until_death(
        self, source: Iterator[Chunk], at_once: int
    ) -> Generator[ChunkResult, None, list[Task]]:
        """Run chunks until there are no more (returns nothing) or a worker dies (what was lost)."""
        executor = self._started()
        running: Running = {}
        try:
            while True:
                for chunk in islice(source, at_once - len(running)):
                    running[_submit(executor, chunk)] = chunk
                if not running:
                    return []
                done, _ = wait(running, return_when=FIRST_COMPLETED)
                for future in sorted(done, key=lambda each: running[each][0].number):
                    result = future.result()
                    del running[future]
                    self._has_run = True
                    yield result
        except BrokenProcessPool:
            self.close()
            return [task for chunk in running.values() for task in chunk]
        except BaseException:  # an interrupt, or nobody takes results any more
            self.close()
            raise

    def _started(self) -> ProcessPoolExecutor:
        if self._executor is None:
            theirs, self._lifeline = multiprocessing.Pipe(duplex=False)
            self._executor = self._start(theirs, self._lifeline)
        return self._executor

    def _start(
        self, theirs: connection.Connection, _ours: connection.Connection
    ) -> ProcessPoolExecutor:
        return ProcessPoolExecutor(
            self.jobs,
            mp_context=multiprocessing.get_context("spawn"),
            initializer=attach,
            initargs=(self._work_path, theirs),
        )

    def close(self) -> None:
        """End the workers now: what they are at is run again, or not wanted."""
        if self._executor is None or self._lifeline is None:
            return
        self._lifeline.close()
        self._executor.shutdown(wait=True, cancel_futures=True)
        self._executor = self._lifeline = None


class ForkedPool(LocalPool):
    """Worker processes forked from this one, which runs the first chunk."""

    def __init__(self, work: Work, history: History, jobs: int) -> None:
        super().__init__(Path(), jobs)
        self._worker = Worker(work, history)

    def run(self, chunks: Iterable[Chunk]) -> Iterator[ChunkResult]:
        """Run a chunk here, then chunks on all workers."""
        source = iter(chunks)
        if not self._has_run:
            for chunk in islice(source, 1):
                yield self._worker.run(chunk)
            self._has_run = True
        yield from super().run(source)

    def _start(
        self, theirs: connection.Connection, ours: connection.Connection
    ) -> ProcessPoolExecutor:
        return ProcessPoolExecutor(
            self.jobs,
            mp_context=multiprocessing.get_context("fork"),
            initializer=inherit,
            initargs=(self._worker, theirs, ours),
        )


def can_fork(config: StrategyConfig) -> bool:
    """Return whether workers of a strategy may be forked; see above."""
    return sys.platform == "linux" and config.rules is not None


def _submit(executor: ProcessPoolExecutor, chunk: Chunk) -> Future[ChunkResult]:
    """Submit a chunk; a pool that is broken already gives a future that says so."""
    try:
        return executor.submit(run_chunk, chunk)
    except BrokenProcessPool as error:
        failed: Future[ChunkResult] = Future()
        failed.set_exception(error)
        return failed
