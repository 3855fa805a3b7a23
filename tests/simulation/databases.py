"""Databases of simulated worlds: in memory, emptied for each.

A world's database outlives its processes, as a server does. What a process had not committed is undone
when it dies. Some worlds have a file instead, opened anew by each process.

No session reads the tables that are made of a journal, for people; to keep them is a quarter of a world's time.
So only some worlds do: those with a file, and those in which a person is asked.
"""

from __future__ import annotations

import atexit
import shutil
import sqlite3
from contextlib import closing
from functools import cache
from pathlib import Path
from tempfile import mkdtemp

from engine.ports import Clock
from runtime.journal.emergency import RealDisk
from runtime.journal.projections import project
from runtime.journal.sessions import SessionStore
from runtime.journal.writer import GroupWriter
from runtime.store.schema_version import VERSION_TABLE
from runtime.store.sqlite import SqliteBackend, connect
from tests.unit.session.papers import Inline

FAST = Path("/dev/shm")
WAIT = 1.0  # seconds that a record in memory waits for others: a death takes more with it


class Lasting(SqliteBackend):
    """A database in memory, which no process closes."""

    def close(self) -> None:
        """It outlives whoever uses it."""

    def _is_replaced(self) -> bool:
        """There is no file that somebody could replace."""
        return False

    def content(self) -> bytes:
        """Return everything that was written."""
        return self._connection.serialize()


class QuickDisk(RealDisk):
    """A disk that keeps what was written, whatever becomes of the process; it has no power to lose."""

    def sync(self, descriptor: int) -> None:
        """What was written is there."""

    def reserve(self, path: Path, size: int) -> None:
        """A file of no size: this disk is never full."""
        path.touch()


@cache
def folder_of_worlds() -> Path:
    """Return this process's folder for worlds, in which there is a database to be copied."""
    folder = Path(mkdtemp(dir=FAST if FAST.is_dir() else None, prefix="trader-sim-"))
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    inline = Inline()
    SessionStore.open(f"sqlite:///{folder / 'trader.db'}", executor=inline, files=inline).close()
    return folder


@cache
def _connection() -> sqlite3.Connection:
    """Return the only database in memory of this process; the file to be copied keeps its write-ahead log."""
    connection = connect(Path(":memory:"))
    with closing(sqlite3.connect(folder_of_worlds() / "trader.db")) as empty:
        empty.backup(connection)
    connection.execute("PRAGMA secure_delete = ON")  # no world finds what another has left
    return connection


@cache
def _tables() -> tuple[str, ...]:
    """Return the tables of a database, those that refer to others before them."""
    found = _connection().execute(
        "SELECT name FROM sqlite_master WHERE type = 'table' AND name != ? ORDER BY rowid DESC",
        (VERSION_TABLE,),
    )
    return tuple(name for (name,) in found)


def fresh_memory(folder: Path) -> Lasting:
    """Return an empty database in memory, the only one of this process; its files are in a folder.

    It is emptied and not copied anew: what is prepared for its statements stays good.
    """
    connection = _connection()
    if connection.in_transaction:
        connection.execute("ROLLBACK")
    connection.execute("BEGIN")
    for table in _tables():
        connection.execute(f"DELETE FROM {table}")
    connection.execute("COMMIT")
    return Lasting(folder / "memory.db", connection)


def fresh_file(folder: Path) -> str:
    """Return the address of a database in a folder: that which is there, or a new one."""
    path = folder / "trader.db"
    if not path.exists():
        shutil.copyfile(folder_of_worlds() / "trader.db", path)
    return f"sqlite:///{path}"


def open_memory(
    backend: Lasting, clock: Clock, *, keeps_tables: bool = True, wait: float = WAIT
) -> SessionStore:
    """Open a database in memory as a process does."""
    inline, keep = Inline(), project if keeps_tables else None
    writer = GroupWriter(backend, project=keep, executor=inline, files=inline, wait_seconds=wait)
    place = backend.path.with_name("memory.sessions")
    return SessionStore(backend.place, place, backend, writer, clock, QuickDisk())


def open_file(url: str, clock: Clock) -> SessionStore:
    """Open a database in a file as a process does."""
    inline = Inline()
    return SessionStore.open(url, clock=clock, executor=inline, files=inline, disk=QuickDisk())
