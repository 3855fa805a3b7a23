"""What runs in a worker process: it attaches to the history and runs chunks of trials.

The history is pickled once into a file, its columns out of band; every worker maps that file, so
all of them read the same pages of memory and nothing is copied. A file needs no cleaning up after a
process that was killed, as shared memory segments would.
"""

from __future__ import annotations

import mmap
import os
import pickle
import signal
import threading
from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import groupby
from multiprocessing import connection
from pathlib import Path
from queue import SimpleQueue
from time import perf_counter

from data.history import History
from runtime import compile_cache
from runtime.backtest.lean import Bench
from runtime.backtest.shared import SharedSignals
from runtime.config import StrategyConfig
from runtime.store.records import Trial
from runtime.sweep.counted import TrialMaker
from runtime.sweep.trial import Span, Task, TrialRow, error_text, run_trials

BENCHES_KEPT = 4
_ALIGNMENT = 64


@dataclass(frozen=True, slots=True)
class Work:
    """What all trials of a search have in common, without the history."""

    config: StrategyConfig
    spans: tuple[Span, ...]
    compiled: bool
    maker: TrialMaker | None = None
    hashed: bool = False


@dataclass(frozen=True, slots=True, eq=False)
class ChunkResult:
    """The rows of a chunk, and how long it took where it ran."""

    rows: list[TrialRow]
    seconds: float


class Worker:
    """Runs trials of one search, keeping what they share."""

    def __init__(self, work: Work, history: History) -> None:
        self._work = work
        self._history = history
        self._benches: OrderedDict[int, Bench] = OrderedDict()
        self._shared: SharedSignals | None = None
        if work.compiled:
            compile_cache.use_cache()

    def run(self, tasks: Sequence[Task]) -> ChunkResult:
        """Run trials in order."""
        started = perf_counter()
        rows: list[TrialRow] = []
        for span, group in groupby(tasks, key=lambda task: task.span):
            rows += self._run_span(span, list(group))
        return ChunkResult(rows, perf_counter() - started)

    def _run_span(self, span: int, tasks: list[Task]) -> list[TrialRow]:
        try:
            rows = run_trials(self._bench(span), tasks, hashed=self._work.hashed)
        except Exception as error:  # noqa: BLE001 - as in run_trials: rows, not the end
            rows = [TrialRow(task, None, error_text(error)) for task in tasks]
        maker, ends = self._work.maker, self._work.spans[span]
        if maker is None:
            return rows
        return [replace(row, record=_recorded(maker, row, ends)) for row in rows]

    def _bench(self, span: int) -> Bench:
        if span in self._benches:
            self._benches.move_to_end(span)
            return self._benches[span]
        start_ns, end_ns = self._work.spans[span]
        config, compiled = self._work.config, self._work.compiled
        if config.rules is not None and self._shared is None:
            self._shared = SharedSignals(config, self._history, compiled=compiled)
        bench = Bench(
            config,
            self._history,
            compiled=compiled,
            start_ns=start_ns,
            end_ns=end_ns,
            shared=self._shared,
        )
        self._benches[span] = bench
        if len(self._benches) > BENCHES_KEPT:
            self._benches.popitem(last=False)
        return bench


def _recorded(maker: TrialMaker, row: TrialRow, span: Span) -> Trial:
    if row.run is None:
        return maker.trial(row.task.parameters, span, None, row.error)
    return maker.trial_of_run(row.task.parameters, span, row.run)


def serve_started(work_path: Path, pipe: connection.Connection) -> None:
    """Be a new worker process: attach to the history, then run chunks."""
    work, history = load_shared(work_path)
    assert isinstance(work, Work) and isinstance(history, History)
    _serve(Worker(work, history), pipe)


def serve_forked(
    worker: Worker, pipe: connection.Connection, others: Sequence[connection.Connection]
) -> None:
    """Be a forked worker process: everything is there already, its pages shared with the parent's.

    `others` are the parent's ends of pipes: copies of them kept here would keep those pipes open.
    """
    for other in others:
        other.close()
    _serve(worker, pipe)


def _serve(worker: Worker, pipe: connection.Connection) -> None:
    """Run the chunks that come, until the pipe is cut: by the parent, or by its end.

    A thread reads, so that the process ends at once, also in the middle of a chunk; a search that is
    killed leaves no workers behind. It ends without tidying up: what a forked process has of its
    parent's files and threads is not its own.
    """
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the parent decides when to stop
    waiting: SimpleQueue[list[Task]] = SimpleQueue()
    threading.Thread(target=_read, args=(pipe, waiting), daemon=True).start()
    while True:
        pipe.send(worker.run(waiting.get()))


def _read(pipe: connection.Connection, waiting: SimpleQueue[list[Task]]) -> None:
    try:
        while True:
            waiting.put(pipe.recv())
    except (EOFError, OSError):
        os._exit(1)


def save_shared(path: Path, *values: object) -> None:
    """Write values to a file so that their arrays can be mapped."""
    buffers: list[pickle.PickleBuffer] = []
    head = pickle.dumps(values, protocol=5, buffer_callback=buffers.append)
    views = [buffer.raw() for buffer in buffers]
    sizes = [view.nbytes for view in views]
    index = pickle.dumps((len(head), sizes))
    with path.open("wb") as file:
        file.write(len(index).to_bytes(8, "little") + index + head)
        for view in views:
            file.write(b"\0" * (-file.tell() % _ALIGNMENT))
            file.write(view)


def load_shared(path: Path) -> tuple[object, ...]:
    """Return what `save_shared` wrote; arrays are read-only views of the mapped file."""
    with path.open("rb") as file:
        mapped = memoryview(mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ))
    place = 8 + int.from_bytes(mapped[:8], "little")
    head_size, sizes = pickle.loads(mapped[8:place])
    head = mapped[place : place + head_size]
    place += head_size
    buffers = []
    for size in sizes:
        place += -place % _ALIGNMENT
        buffers.append(mapped[place : place + size])
        place += size
    values: tuple[object, ...] = pickle.loads(head, buffers=buffers)
    return values
