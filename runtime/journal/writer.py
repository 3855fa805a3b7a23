"""Committing what many journals have appended, together, off the event loop.

Waiting for the disk costs the same for one record as for a thousand, so whatever waits is committed as one
group: after 20 ms, at 256 records, or at once when somebody waits for it. One commit runs at a time, in
the executor's thread; on a loop in virtual time the same code runs in place.

A commit that does not come back within the deadline is given up: its journals, and all others that have
something to write, go on in their emergency files. Should it come back later, the database has
records that the files have too, which merging finds.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from concurrent.futures import Executor, ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from typing import Protocol, TypeVar

from engine.errors import InputError
from runtime.journal.committing import Group, Project, commit_group
from runtime.journal.failures import LeaseLost, SequenceBroken, TroubleKind
from runtime.store.backend import Backend

WAIT_SECONDS = 0.02
GROUP_RECORDS = 256
DEADLINE_SECONDS = 5.0
_TRY_AGAIN = ("store.unreachable", "store.unusable")  # e.g. a connection that broke

T = TypeVar("T")


class Source(Protocol):
    """A journal, as its writer sees it; everything is called on the loop's thread."""

    @property
    def pending(self) -> int:
        """How many records wait for a commit."""

    @property
    def has_waiters(self) -> bool:
        """Whether somebody waits for a record to be durable."""

    def take_group(self) -> Group | None:
        """Hand out what is pending."""

    def committed(self, group: Group) -> None:
        """A group is durable."""

    def failed(self, group: Group, error: Exception) -> None:
        """A group was refused."""

    def take_over(self, kind: TroubleKind, problem: str) -> None:
        """The database does not answer: the emergency file takes over."""


@dataclass(eq=False)
class _Flight:
    """A commit under way."""

    groups: list[tuple[Source, Group]]
    is_late: bool = False
    alarm: asyncio.TimerHandle | None = None


class GroupWriter:
    """The one writer of a database's journals in this process.

    Parameters
    ----------
    project
        What keeps the projections, inside the same transaction.
    executor, files
        Threads for the database and for emergency files; one thread each when left out.
    wait_seconds
        So long a record waits for others, unless somebody waits for it.
    """

    def __init__(
        self,
        backend: Backend,
        *,
        project: Project | None = None,
        executor: Executor | None = None,
        files: Executor | None = None,
        deadline_seconds: float = DEADLINE_SECONDS,
        wait_seconds: float = WAIT_SECONDS,
    ) -> None:
        self.backend = backend
        self.deadline_seconds, self._wait_seconds = deadline_seconds, wait_seconds
        self.project = project
        self._executor = executor or ThreadPoolExecutor(1, "journal")
        self._files = files or ThreadPoolExecutor(1, "journal-files")
        self._dirty: dict[Source, None] = {}
        self._flight: _Flight | None = None
        self._timer: asyncio.Handle | None = None
        self._is_hurried = False

    # --- called by journals, on the loop's thread ------------------------------------------------------
    def notify(self, source: Source, *, hurry: bool = False) -> None:
        """A journal has something to write; without a running loop it waits for `flush`."""
        self._dirty[source] = None
        if self._flight is not None and not self._flight.is_late:
            return
        try:
            loop = asyncio.get_running_loop()
        except RuntimeError:
            return
        if hurry or source.pending >= GROUP_RECORDS:
            if not self._is_hurried:
                self._schedule(loop.call_soon(self._start))
                self._is_hurried = True
        elif self._timer is None:
            self._schedule(loop.call_later(self._wait_seconds, self._start))

    def run(self, work: Callable[..., T], *arguments: object) -> asyncio.Future[T]:
        """Do something with the database, after the commits before it."""
        return asyncio.get_running_loop().run_in_executor(self._executor, work, *arguments)

    def run_file(self, work: Callable[..., T], *arguments: object) -> asyncio.Future[T]:
        """Do something with files."""
        return asyncio.get_running_loop().run_in_executor(self._files, work, *arguments)

    def flush(self, source: Source) -> None:
        """Commit what one journal has, in this thread; for use without a loop."""
        assert self._flight is None, "a commit is under way on a loop"
        self._dirty.pop(source, None)
        group = source.take_group()
        if group is not None:
            ((_, error),) = self._commit([group])
            _tell(source, group, error)

    def forget(self, source: Source) -> None:
        """A journal is closed."""
        self._dirty.pop(source, None)

    def close(self) -> None:
        """Give the threads back."""
        for executor in (self._executor, self._files):
            executor.shutdown(wait=False)

    # --- commits -------------------------------------------------------------------------------------
    def _schedule(self, handle: asyncio.Handle) -> None:
        if self._timer is not None:
            self._timer.cancel()
        self._timer = handle

    def _start(self) -> None:
        self._timer, self._is_hurried = None, False
        sources, self._dirty = list(self._dirty), {}
        if self._flight is not None:  # it is late, and nothing gets past it
            for source in sources:
                source.take_over(TroubleKind.DEADLINE, self._late())
            return
        groups = [(each, group) for each in sources if (group := each.take_group()) is not None]
        if not groups:
            return
        loop = asyncio.get_running_loop()
        flight = self._flight = _Flight(groups)
        flight.alarm = loop.call_later(self.deadline_seconds, self._too_late, flight)
        done = self.run(self._commit, [group for _, group in groups])
        done.add_done_callback(partial(self._landed, flight))

    def _landed(
        self, flight: _Flight, done: asyncio.Future[list[tuple[Group, Exception | None]]]
    ) -> None:
        assert flight.alarm is not None
        flight.alarm.cancel()
        self._flight = None
        outcomes = done.result()
        if not flight.is_late:
            for (source, group), (_, error) in zip(flight.groups, outcomes):
                _tell(source, group, error)
        if self._dirty:
            is_urgent = any(
                each.has_waiters or each.pending >= GROUP_RECORDS for each in self._dirty
            )
            self.notify(next(iter(self._dirty)), hurry=is_urgent)

    def _too_late(self, flight: _Flight) -> None:
        flight.is_late = True
        waiting, self._dirty = self._dirty, {}
        for source in {each: None for each, _ in flight.groups} | waiting:
            source.take_over(TroubleKind.DEADLINE, self._late())

    def _late(self) -> str:
        return f"a commit takes longer than {self.deadline_seconds:g} s"

    def _commit(self, groups: Sequence[Group]) -> list[tuple[Group, Exception | None]]:
        """Commit groups in one transaction; those that may not be written leave the others alone."""
        try:
            return self._attempt(groups)
        except InputError as error:
            if error.code in _TRY_AGAIN:
                return [self._alone(group) for group in groups]
            return [(group, error) for group in groups]
        except Exception:  # noqa: BLE001  (of one of them; whose shows when each is alone)
            return [self._alone(group) for group in groups]

    def _attempt(self, groups: Sequence[Group]) -> list[tuple[Group, Exception | None]]:
        outcomes: list[tuple[Group, Exception | None]] = []
        with self.backend.writing() as transaction:
            for group in groups:
                try:
                    commit_group(transaction, group, self.project)
                    outcomes.append((group, None))
                except (LeaseLost, SequenceBroken) as refused:
                    outcomes.append((group, refused))
        return outcomes

    def _alone(self, group: Group) -> tuple[Group, Exception | None]:
        try:
            return self._attempt([group])[0]
        except Exception as error:  # noqa: BLE001  (the journal is told)
            return group, error


def _tell(source: Source, group: Group, error: Exception | None) -> None:
    if error is None:
        source.committed(group)
    else:
        source.failed(group, error)
