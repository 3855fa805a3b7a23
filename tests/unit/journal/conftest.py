"""Stores of sessions on each kind of database, on a clock that a test sets."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from runtime.journal.sessions import SessionStore
from runtime.store.session_tables import SESSIONS
from tests.unit.journal.worlds import TestClock


@pytest.fixture
def clock() -> TestClock:
    return TestClock()


def new_database(postgres: str, name: str) -> str:
    """Make a database on the server and return its URL."""
    import psycopg

    plain = postgres.replace("postgresql+psycopg://", "postgresql://")
    with psycopg.connect(plain, autocommit=True) as connection:
        connection.execute(f"CREATE DATABASE {name}")
    url = postgres.replace("/postgres?", f"/{name}?")
    SessionStore.open(url).close()
    return url


@pytest.fixture(scope="session")
def server_database(postgres: str) -> str:
    """Return the URL of one database for all tests: making one takes longer than emptying it."""
    return new_database(postgres, "journals")


@pytest.fixture(scope="session")
def reading_database(postgres: str) -> str:
    """Return the URL of a database that is never emptied: for what many tests only read."""
    return new_database(postgres, "read")


@pytest.fixture
def server_url(server_database: str) -> str:
    """Return the URL of an empty database on the server."""
    import psycopg

    plain = server_database.replace("postgresql+psycopg://", "postgresql://")
    names = ", ".join(table.name for table in SESSIONS.metadata.sorted_tables)
    with psycopg.connect(plain, autocommit=True) as connection:
        connection.execute(f"TRUNCATE {names} CASCADE")
    return server_database


@pytest.fixture(params=["sqlite", "postgres"])
def database(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """Return the URL of an empty database of each kind."""
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path / 'trader.sqlite'}"
    found: str = request.getfixturevalue("server_url")
    return found


@pytest.fixture
def sessions(database: str, clock: TestClock, tmp_path: Path) -> Iterator[SessionStore]:
    """Return an empty store of each kind."""
    opened = SessionStore.open(database, clock=clock, folder=tmp_path / "files")
    yield opened
    opened.close()
