"""Where chunks run: in this process, or in worker processes on all cores.

Starting a Python process and loading the compiled loop takes longer than many a search. So on Linux,
where only our own code runs in them (rules), workers are forked from this process after it has run a
first few trials itself: they begin with the loop loaded and the indicators computed. A forked worker
computes with numpy and compiled kernels and sends arrays; it touches no data frame, no database and no
terminal, whose threads and locks do not survive a fork. Python strategies may touch anything, so theirs
are new processes.

Each worker has a pipe of its own, whose other end nobody else holds. So a worker that dies (out of
memory, a crash in a library that a strategy uses), or is ended in the middle of an answer, is an end of
file here and nothing more; the standard library's pool, in which workers share one pipe, waits for the
rest of the answer for ever. What the worker was at is run again, one trial at a time: the trial that
kills its worker alone becomes a failed row, and the search goes on.
"""

from __future__ import annotations

import multiprocessing
import sys
from collections import deque
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field, replace
from itertools import islice
from multiprocessing import connection
from multiprocessing.process import BaseProcess
from pathlib import Path
from typing import Protocol, TypeAlias

from data.history import History
from engine.errors import InternalFault
from runtime.config import StrategyConfig
from runtime.sweep.trial import Task, TrialRow
from runtime.sweep.worker import ChunkResult, Work, Worker, serve_forked, serve_started

_DEATHS_AT_START_MAX = 3
_HELD = 2  # chunks that a worker has: one that it is at, and the next
DIED = "the worker process died; did it run out of memory?"

Chunk: TypeAlias = list[Task]


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


@dataclass(slots=True, eq=False)
class _Member:
    """A worker process, our end of its pipe, and the chunks that it has, in order."""

    process: BaseProcess
    pipe: connection.Connection
    chunks: deque[Chunk] = field(default_factory=deque)

    def give(self, chunk: Chunk) -> None:
        self.chunks.append(chunk)
        try:
            self.pipe.send(chunk)
        except OSError:  # it is dead, which reading from it will tell
            return

    def result(self) -> ChunkResult | None:
        """Return what it has sent; None when it died instead."""
        try:
            made: ChunkResult = self.pipe.recv()
        except (EOFError, OSError):
            return None
        self.chunks.popleft()
        return made

    def end(self) -> None:
        self.process.kill()
        self.process.join()
        self.pipe.close()


class LocalPool:
    """Worker processes on this machine, started anew; see `runtime.sweep.worker.serve_started`."""

    def __init__(self, work_path: Path, jobs: int) -> None:
        self._work_path = work_path
        self._members: list[_Member] = []
        self._has_run = False
        self._deaths = 0
        self.jobs = jobs

    def run(self, chunks: Iterable[Chunk]) -> Iterator[ChunkResult]:
        """Run chunks on all workers."""
        source, again = iter(chunks), deque[Chunk]()
        try:
            while self._hand_out(source, again):
                busy = {each.pipe: each for each in self._members if each.chunks}
                for pipe in connection.wait(list(busy)):
                    member = busy[pipe]  # type: ignore[index]
                    result = member.result()
                    self._has_run |= result is not None
                    result = result or self._after_death(member, again)
                    if result is not None:
                        yield result
        except BaseException:  # an interrupt, or nobody takes results any more
            self.close()
            raise

    def _hand_out(self, source: Iterator[Chunk], again: deque[Chunk]) -> bool:
        """Give every worker something to do; return whether any has."""
        for held in range(_HELD):
            for place in range(self.jobs):
                if place < len(self._members) and len(self._members[place].chunks) > held:
                    continue
                chunk = again.popleft() if again else next(source, None)
                if chunk is None:
                    return any(each.chunks for each in self._members)
                if place >= len(self._members):
                    self._members.append(self._started())
                self._members[place].give(chunk)
        return True

    def _after_death(self, member: _Member, again: deque[Chunk]) -> ChunkResult | None:
        """Bury a worker; return the row of a trial that has killed it alone."""
        self._members.remove(member)
        member.end()
        self._deaths += 1
        if not self._has_run and self._deaths > _DEATHS_AT_START_MAX * self.jobs:
            raise InternalFault(
                "worker processes end before they have run anything",
                remedy="run with --jobs 1 to see why; a Python script that searches needs "
                'its calls under `if __name__ == "__main__":`',
                code="sweep.workers",
            )
        lost, *waiting = member.chunks
        again.extend(waiting)
        if len(lost) == 1:
            return ChunkResult([TrialRow(lost[0], None, DIED)], 0.0)
        again.extend([task] for task in lost)
        return None

    def _started(self) -> _Member:
        ours, theirs = multiprocessing.Pipe()
        process = self._process(theirs, ours)
        try:
            process.start()
        except BaseException:
            ours.close()  # if it has started, it ends by this
            raise
        finally:
            theirs.close()
        return _Member(process, ours)

    def _process(self, theirs: connection.Connection, ours: connection.Connection) -> BaseProcess:
        context = multiprocessing.get_context("spawn")
        return context.Process(target=serve_started, args=(self._work_path, theirs))

    def close(self) -> None:
        """End the workers now: what they are at is run again, or not wanted."""
        for member in self._members:
            member.end()
        self._members.clear()


class ForkedPool(LocalPool):
    """Worker processes forked from this one, which runs the first chunk."""

    def __init__(self, work: Work, history: History, jobs: int) -> None:
        super().__init__(Path(), jobs)
        self._worker = Worker(work, history)

    def run(self, chunks: Iterable[Chunk]) -> Iterator[ChunkResult]:
        """Run a chunk here, then chunks on all workers."""
        source = iter(chunks)
        if not self._has_run:
            self._has_run = True
            for chunk in islice(source, 1):
                # Loading what is compiled takes the longest of it, and says nothing about the next.
                yield replace(self._worker.run(chunk), seconds=0.0)
        yield from super().run(source)

    def _process(self, theirs: connection.Connection, ours: connection.Connection) -> BaseProcess:
        context = multiprocessing.get_context("fork")
        others = [ours, *(member.pipe for member in self._members)]
        return context.Process(
            target=serve_forked, args=(self._worker, theirs, others), daemon=True
        )


def can_fork(config: StrategyConfig) -> bool:
    """Return whether workers of a strategy may be forked; see above."""
    return sys.platform == "linux" and config.rules is not None
