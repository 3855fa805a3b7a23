"""Databases and disks that fail as a test says."""

from __future__ import annotations

import errno
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from engine.errors import InputError
from runtime.journal.emergency import RealDisk
from runtime.journal.journal import SessionJournal
from runtime.journal.sessions import SessionStore
from runtime.journal.writer import GroupWriter
from runtime.store.backend import Backend, Transaction
from runtime.store.store import open_backend
from tests.unit.journal.worlds import TestClock, opened


def broken(text: str = "connection lost", code: str = "store.unreachable") -> InputError:
    """Return what a backend raises when its database fails."""
    return InputError(text, where="database", remedy="wait", code=code)


@dataclass
class FaultyBackend:
    """A database whose next transactions fail: ``before`` or ``after`` their commit, or ``hang``."""

    inner: Backend
    plan: list[str] = field(default_factory=list)
    free: threading.Event = field(default_factory=threading.Event)
    commits: int = 0

    @property
    def place(self) -> str:
        return self.inner.place

    @contextmanager
    def reading(self) -> Iterator[Transaction]:
        with self.inner.reading() as transaction:
            yield transaction

    @contextmanager
    def writing(self) -> Iterator[Transaction]:
        fault = self.plan.pop(0) if self.plan else ""
        if fault == "refuse":
            raise broken()
        if fault == "full":
            raise broken("the disk is full", "store.full")
        with self.inner.writing() as transaction:
            yield transaction
            if fault == "before":
                raise broken()
            if fault == "hang":
                assert self.free.wait(30)
        self.commits += 1
        if fault == "after":
            raise broken()

    def close(self) -> None:
        self.inner.close()


class FullDisk(RealDisk):
    """A disk with so many bytes left; its reserve gives back what it took."""

    def __init__(self, left: int, *, reserve: int = 0) -> None:
        self.left = left
        self.reserved = reserve

    def write(self, descriptor: int, data: bytes) -> int:
        if self.left == 0:
            raise OSError(errno.ENOSPC, "No space left on device")
        written = super().write(descriptor, data[: self.left])
        self.left -= written
        return written

    def release(self, path: Path) -> bool:
        was_there = super().release(path)
        self.left += self.reserved if was_there else 0
        return was_there


@dataclass
class World:
    """A store whose writer has a database that can fail."""

    store: SessionStore
    faults: FaultyBackend

    def journal(self) -> SessionJournal:
        return opened(self.store)

    def close(self) -> None:
        self.faults.free.set()
        self.store.close()


def faulty_world(
    url: str, folder: Path, *, deadline: float = 5.0, disk: RealDisk | None = None
) -> World:
    """Open a store on a database that can fail."""
    backend, faults = open_backend(url), FaultyBackend(open_backend(url))
    writer = GroupWriter(faults, deadline_seconds=deadline)
    store = SessionStore(url, folder, backend, writer, TestClock(), disk or RealDisk())
    return World(store, faults)
