"""The registry in a SQLite file, through the standard library: nothing heavy is imported.

Write-ahead log, full synchronization, foreign keys. A store may be used from any thread, and the file
by any number of processes.
"""

from __future__ import annotations

import os
import sqlite3
import threading
from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from pathlib import Path

from engine.errors import InputError
from runtime.store.backend import Row, Transaction, Values
from runtime.store.schema_version import HEAD, VERSION_TABLE
from runtime.store.sqlite_text import SCHEMA, STATEMENTS

_WAIT_SECONDS = 30.0
_OTHER = (
    "make it writable, or name another database with TRADER_DATABASE_URL; a run is never made "
    "without its record"
)
_COLUMNS: dict[str, tuple[str, ...]] = {}  # of each query that has found something


@dataclass(frozen=True, slots=True)
class SqliteTransaction:
    """A transaction on one connection."""

    connection: sqlite3.Connection

    def read(self, statement: str, values: Values | None = None) -> list[Row]:
        """Return the rows of a query."""
        found = self.connection.execute(STATEMENTS[statement], values or {})
        rows = found.fetchall()
        if not rows:
            return []
        names = _COLUMNS.get(statement)
        if names is None:
            names = _COLUMNS[statement] = tuple(column[0] for column in found.description)
        return [dict(zip(names, row)) for row in rows]

    def write(self, statement: str, values: Values) -> int:
        """Change rows and return how many."""
        return self.connection.execute(STATEMENTS[statement], values).rowcount

    def write_many(self, statement: str, values: Sequence[Values]) -> None:
        """Run a change once for each set of values."""
        self.connection.executemany(STATEMENTS[statement], values)


# Connections of a parent process: closing one in the child would touch the parent's locks.
_INHERITED: list[sqlite3.Connection] = []


class SqliteBackend:
    """A SQLite file: one connection, which one transaction at a time may use.

    Closing the last connection of a file moves its log into it, with several waits for the disk; so
    the connection is kept.
    """

    def __init__(
        self, path: Path, connection: sqlite3.Connection, wait_seconds: float | None = None
    ) -> None:
        self.path = path
        self._connection = connection
        self._identity = _identity(path)
        self._wait_seconds = wait_seconds
        self._lock = threading.Lock()
        self._owner = os.getpid()

    @property
    def place(self) -> str:
        """The file."""
        return str(self.path)

    def reading(self) -> AbstractContextManager[Transaction]:
        """Begin a transaction that only reads."""
        return self._transaction("BEGIN")

    def writing(self) -> AbstractContextManager[Transaction]:
        """Begin a transaction that is durable once it has ended without an error."""
        return self._transaction("BEGIN IMMEDIATE")

    def close(self) -> None:
        """Close the file."""
        with self._lock:
            self._connection.close()

    @contextmanager
    def _transaction(self, begin: str) -> Iterator[Transaction]:
        """Commit at the end; an error undoes everything."""
        try:
            self._after_fork()
            connection = self._connection
            if self._is_replaced():
                raise _replaced(self.path)
            with self._lock:
                try:
                    connection.execute(begin)  # in here: an interrupt comes after it began, too
                    yield SqliteTransaction(connection)
                    connection.execute("COMMIT")
                finally:
                    if connection.in_transaction:
                        connection.execute("ROLLBACK")
        except sqlite3.Error as error:
            raise refusal(self.path, error) from error

    def _is_replaced(self) -> bool:
        """Return whether the file is not the one that was opened."""
        return _identity(self.path) != self._identity

    def _after_fork(self) -> None:
        """A connection must not cross a fork: the child opens its own."""
        if self._owner != os.getpid():
            _INHERITED.append(self._connection)
            self._connection = connect(self.path, self._wait_seconds)
            self._identity = _identity(self.path)
            self._lock = threading.Lock()
            self._owner = os.getpid()


def _identity(path: Path) -> tuple[int, int]:
    """Return which file a path is; whoever deletes or replaces it has us write what nobody finds."""
    try:
        found = os.stat(path)
    except OSError:
        return 0, 0
    return found.st_dev, found.st_ino


def _replaced(path: Path) -> InputError:
    return InputError(
        "the registry of runs was deleted or replaced while it was in use",
        where=str(path),
        remedy="put the file back; what was to be written meanwhile is kept beside it",
        code="store.replaced",
    )


def connect(path: Path, wait_seconds: float | None = None) -> sqlite3.Connection:
    """Open a file with the settings that the registry relies on; it waits that long for a lock."""
    timeout = _WAIT_SECONDS if wait_seconds is None else wait_seconds
    connection = sqlite3.connect(
        path, timeout=timeout, isolation_level=None, check_same_thread=False
    )
    try:
        connection.execute("PRAGMA synchronous = FULL")
        connection.execute("PRAGMA foreign_keys = ON")
    except BaseException:
        connection.close()
        raise
    return connection


def open_sqlite(path: Path, wait_seconds: float | None = None) -> SqliteBackend:
    """Open the file, create it where there is none, and bring an older one up to date.

    `wait_seconds` is how long a transaction waits for another program's; 30 s when left out.

    Raises
    ------
    InputError
        If it cannot be opened or written, is no database, or belongs to a newer version.
    """
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        return SqliteBackend(path, _opened(path, wait_seconds), wait_seconds)
    except sqlite3.Error as error:
        raise refusal(path, error) from error
    except OSError as error:
        raise InputError(
            f"the registry of runs cannot be made: {error.strerror}",
            where=str(path),
            remedy=_OTHER,
            code="store.unwritable",
        ) from None


def _opened(path: Path, wait_seconds: float | None) -> sqlite3.Connection:
    connection = connect(path, wait_seconds)
    try:
        version = _version(connection)
        if version is None:
            _create(connection)
        elif version != HEAD:
            from runtime.store.migrating import migrate

            migrate(f"sqlite:///{path}", version, place=str(path))
    except BaseException:
        connection.close()
        raise
    return connection


def _version(connection: sqlite3.Connection) -> str | None:
    """Return the version of the schema; None where there is no schema yet."""
    table = "SELECT 1 FROM sqlite_master WHERE name = ?"
    if connection.execute(table, (VERSION_TABLE,)).fetchone() is None:
        return None
    row = connection.execute(f"SELECT version_num FROM {VERSION_TABLE}").fetchone()
    return None if row is None else str(row[0])


def _create(connection: sqlite3.Connection) -> None:
    """Make the schema in one transaction; of two processes at once, one does it."""
    connection.execute("PRAGMA journal_mode = WAL")
    connection.execute("BEGIN IMMEDIATE")
    if _version(connection) is None:
        for statement in SCHEMA:
            connection.execute(statement)
    connection.execute("COMMIT")


_RESTORE = "restore it from a copy, or name another database with TRADER_DATABASE_URL"
_REASONS: tuple[tuple[str, str, str, str], ...] = (
    ("readonly", "store.unwritable", "cannot be written: it is read-only", _OTHER),
    (
        "unable to open",
        "store.unwritable",
        "cannot be opened: no permission, or it is a folder",
        _OTHER,
    ),
    (
        "locked",
        "store.locked",
        "is locked by another program",
        "end that program, or wait for it, and try again",
    ),
    (
        "full",
        "store.full",
        "cannot be written: the disk is full",
        "make room, or name another database with TRADER_DATABASE_URL",
    ),
    (
        "disk I/O",
        "store.unusable",
        "cannot be used: the disk is full, or it fails",
        "make room, look at the disk, or name another database with TRADER_DATABASE_URL",
    ),
    ("not a database", "store.damaged", "is not a database of this program", _RESTORE),
    ("malformed", "store.damaged", "is damaged", _RESTORE),
)


def refusal(path: Path, error: sqlite3.Error) -> Exception:
    """Return what a person is told when the file refuses; a mistake of ours stays what it is."""
    if isinstance(error, sqlite3.ProgrammingError | sqlite3.IntegrityError):
        return error
    text = str(error)
    code, problem, remedy = next(
        (reason[1:] for reason in _REASONS if reason[0] in text),
        ("store.unusable", f"cannot be used: {text}", _OTHER),
    )
    return InputError(f"the registry of runs {problem}", where=str(path), remedy=remedy, code=code)
