"""The registry on a database server (PostgreSQL), through SQLAlchemy."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, Engine, create_engine, event, inspect, text
from sqlalchemy.exc import DBAPIError, IntegrityError, NoSuchModuleError, ProgrammingError

from engine.errors import InputError
from runtime.store.backend import Row, Transaction, Values
from runtime.store.location import masked
from runtime.store.migrating import require_known, upgrade
from runtime.store.schema_version import HEAD, VERSION_TABLE
from runtime.store.statements import statements

_CONNECT_SECONDS = 10
_WAIT_SECONDS = 30.0
_MIGRATION_LOCK = 7_247_001  # any number that is ours: one process migrates, the others wait


@dataclass(frozen=True, slots=True)
class ServerTransaction:
    """A transaction on one connection."""

    connection: Connection

    def read(self, statement: str, values: Values | None = None) -> list[Row]:
        """Return the rows of a query."""
        core = statements("postgresql")[statement].core
        found = self.connection.execute(core, dict(values or {}))
        names = list(map(str, found.keys()))  # plain texts, not SQLAlchemy's own kind
        return [dict(zip(names, row)) for row in found]

    def write(self, statement: str, values: Values) -> int:
        """Change rows and return how many."""
        core = statements("postgresql")[statement].core
        return self.connection.execute(core, dict(values)).rowcount

    def write_many(self, statement: str, values: Sequence[Values]) -> None:
        """Run a change once for each set of values."""
        core = statements("postgresql")[statement].core
        if values:
            self.connection.execute(core, [dict(each) for each in values])


@dataclass(frozen=True, slots=True)
class ServerBackend:
    """A database server."""

    engine: Engine
    place: str

    @contextmanager
    def reading(self) -> Iterator[Transaction]:
        """Begin a transaction that only reads."""
        with self._connection() as connection:
            yield ServerTransaction(connection)

    @contextmanager
    def writing(self) -> Iterator[Transaction]:
        """Begin a transaction that is durable once it has ended without an error."""
        with self._connection() as connection:
            yield ServerTransaction(connection)
            connection.commit()

    def close(self) -> None:
        """Give the connections back."""
        self.engine.dispose()

    @contextmanager
    def _connection(self) -> Iterator[Connection]:
        try:
            with self.engine.connect() as connection:
                yield connection
        except (IntegrityError, ProgrammingError):
            raise  # a mistake of ours
        except DBAPIError as error:
            raise _refusal(self.place, error) from None


def open_server(url: str, wait_seconds: float | None = None) -> ServerBackend:
    """Connect, and bring the schema up to date.

    `wait_seconds` is how long a statement waits for another program's lock; 30 s when left out.

    Raises
    ------
    InputError
        If the server cannot be reached or refuses, or its schema belongs to a newer version.
    """
    place = masked(url)
    try:
        engine = create_engine(
            url, pool_pre_ping=True, connect_args={"connect_timeout": _CONNECT_SECONDS}
        )
    except ModuleNotFoundError as error:
        raise InputError(
            f"PostgreSQL needs a package that is not installed: {error.name}",
            where=place,
            remedy="pip install 'trader[postgres]'",
            code="store.no_driver",
        ) from None
    except (NoSuchModuleError, ValueError) as error:
        raise InputError(f"this is no database URL: {error}", where=place) from None
    event.listen(
        engine, "connect", _waiting(_WAIT_SECONDS if wait_seconds is None else wait_seconds)
    )
    try:
        _bring_up(engine, place)
    except DBAPIError as error:
        engine.dispose()
        raise _refusal(place, error) from None
    return ServerBackend(engine, place)


def _waiting(seconds: float) -> Callable[[Any, object], None]:
    """Return what has a new connection wait for locks for so long: without an end a stop would wait too."""

    def connected(connection: Any, _record: object) -> None:
        connection.autocommit = True
        connection.execute(f"SET lock_timeout = {round(seconds * 1_000)}")
        connection.autocommit = False

    return connected


def _bring_up(engine: Engine, place: str) -> None:
    with engine.connect() as connection:
        if _version(connection) == HEAD:
            return
    with engine.begin() as connection:
        connection.execute(text("SET LOCAL lock_timeout = 0"))  # for who migrates
        connection.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": _MIGRATION_LOCK})
        version = _version(connection)
        require_known(version, place)
        if version != HEAD:
            upgrade(connection)


def _version(connection: Connection) -> str | None:
    if not inspect(connection).has_table(VERSION_TABLE):
        return None
    row = connection.execute(text(f"SELECT version_num FROM {VERSION_TABLE}")).fetchone()
    return None if row is None else str(row[0])


def _refusal(place: str, error: DBAPIError) -> InputError:
    lines = [line.strip() for line in str(error.orig).splitlines() if line.strip()]
    return InputError(
        f"the registry of runs cannot be used: {lines[0] if lines else type(error).__name__}",
        where=place,
        remedy="start the server or correct the URL (TRADER_DATABASE_URL, or [database] url in "
        "trader.toml); a run is never made without its record",
        code="store.unreachable",
    )
