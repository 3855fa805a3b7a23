"""Chunks on a Dask cluster: the same chunks, and so the same rows, as on this machine.

The history goes to every worker once. A worker that dies is Dask's business: its chunks run again
elsewhere. A chunk that has taken several workers with it is run one trial at a time, so that only
the trial that does it becomes a failed row.
"""

from __future__ import annotations

import platform
import threading
from collections.abc import Iterable, Iterator
from itertools import islice
from typing import Any

from data.history import History
from engine.errors import InputError
from runtime.store.identity import engine_digest
from runtime.sweep.pool import DIED, Chunk
from runtime.sweep.trial import TrialRow
from runtime.sweep.worker import ChunkResult, Work, Worker

CONNECT_SECONDS = 5
_CHUNKS_PER_WORKER = 3


class DaskBackend:
    """The workers of a Dask scheduler.

    Raises
    ------
    InputError
        If there is no scheduler or no worker, or a worker has another version of this program.
    """

    def __init__(self, address: str, work: Work, history: History) -> None:
        self._client = _connected(address)
        self.jobs = sum(self._client.nthreads().values())
        try:
            self._require_workers(address)
            self._shared = self._client.scatter((work, history), broadcast=True, hash=False)
        except BaseException:
            self.close()
            raise

    def _require_workers(self, address: str) -> None:
        if not self.jobs:
            raise InputError(
                "the cluster has no workers", where=address, remedy=f"start: dask worker {address}"
            )
        ours = _version_there()
        for worker, theirs in self._client.run(_version_there).items():
            if theirs != ours:
                raise InputError(
                    f"the worker {worker} has another version of trader or Python",
                    where=address,
                    remedy="install the same version there, so that results are equal",
                    code="sweep.other_version",
                )

    def run(self, chunks: Iterable[Chunk]) -> Iterator[ChunkResult]:
        """Run chunks on all workers."""
        import distributed

        completed: Any = distributed.as_completed  # untyped there
        source = iter(chunks)
        running: dict[Any, Chunk] = {}
        waiting: list[Chunk] = []
        pending = completed(loop=self._client.loop)
        while True:
            for chunk in self._next(source, waiting, _CHUNKS_PER_WORKER * self.jobs - len(running)):
                future = self._client.submit(_run_there, chunk, self._shared, pure=False, retries=0)
                running[future] = chunk
                pending.add(future)
            if not running:
                return
            future = next(pending)
            chunk = running.pop(future)
            result = self._result(future, chunk)
            if result is None:
                waiting += [[task] for task in chunk]
            else:
                yield result

    @staticmethod
    def _next(source: Iterator[Chunk], waiting: list[Chunk], count: int) -> Iterator[Chunk]:
        for _ in range(count):
            if waiting:
                yield waiting.pop(0)
                continue
            chunk = next(islice(source, 1), None)
            if chunk is None:
                return
            yield chunk

    def _result(self, future: Any, chunk: Chunk) -> ChunkResult | None:
        """Return what a chunk gave; None where it is to be run again, trial by trial."""
        from distributed.scheduler import KilledWorker

        try:
            result: ChunkResult = future.result()
            return result
        except KilledWorker:
            if len(chunk) > 1:
                return None
            return ChunkResult([TrialRow(chunk[0], None, DIED)], 0.0)

    def close(self) -> None:
        """Withdraw what is waiting and leave the cluster."""
        self._client.close(timeout=CONNECT_SECONDS)


def _connected(address: str) -> Any:
    try:
        import distributed
    except ImportError:
        raise InputError(
            "Dask is not installed",
            where="--cluster",
            remedy="install the extra: pip install 'trader[cluster]'",
            code="sweep.no_dask",
        ) from None
    client: Any = distributed.Client  # untyped there
    try:
        return client(address, timeout=CONNECT_SECONDS, set_as_default=False)
    except (OSError, ValueError) as error:
        raise InputError(
            f"no Dask scheduler answers: {error}",
            where=f"--cluster {address}",
            remedy="start one with `dask scheduler`, and say its address, e.g. tcp://HOST:8786",
            code="sweep.no_scheduler",
        ) from None


def _version_there() -> tuple[str, str]:
    return platform.python_version(), engine_digest()


_threads = threading.local()  # a worker's state is its thread's own: Dask may run several


def _run_there(chunk: Chunk, shared: tuple[Work, History]) -> ChunkResult:
    """Run a chunk in a Dask worker; the benches of one search are kept there at a time."""
    known: tuple[object, Worker] | None = getattr(_threads, "known", None)
    if known is None or known[0] is not shared:
        known = _threads.known = (shared, Worker(*shared))
    return known[1].run(chunk)
