"""Bringing a database to the schema of this code, by Alembic."""

from __future__ import annotations

import sqlite3
from pathlib import Path
from typing import TYPE_CHECKING

from engine.errors import InputError
from runtime.store.schema_version import HEAD, VERSIONS

if TYPE_CHECKING:
    from alembic.config import Config
    from sqlalchemy import Connection

_WAIT_SECONDS = 30.0


def migrate(url: str, version: str | None, *, place: str) -> None:
    """Bring the SQLite file at `url` from `version` to this code's schema.

    Raises
    ------
    InputError
        If `version` is unknown here: a newer program has written it.
    """
    require_known(version, place)
    from sqlalchemy import create_engine, event

    engine = create_engine(url, connect_args={"timeout": _WAIT_SECONDS})
    # Left to itself, the driver runs each CREATE TABLE on its own, and a migration that is killed
    # leaves half of itself behind.
    event.listen(engine, "connect", _leave_transactions_to_us)
    event.listen(engine, "begin", _begin_writing)
    try:
        with engine.begin() as connection:
            upgrade(connection)
    finally:
        engine.dispose()


def _leave_transactions_to_us(connection: sqlite3.Connection, _record: object) -> None:
    connection.isolation_level = None


def _begin_writing(connection: Connection) -> None:
    connection.exec_driver_sql("BEGIN IMMEDIATE")


def require_known(version: str | None, place: str) -> None:
    """Refuse a schema that this code does not know."""
    if version is None or version in VERSIONS:
        return
    raise InputError(
        f"the registry of runs has schema {version}, and this version of trader knows up to {HEAD}",
        where=place,
        remedy="update trader, or name another database with TRADER_DATABASE_URL",
        code="store.newer_schema",
    )


def upgrade(connection: Connection, revision: str = HEAD) -> None:
    """Run the migrations inside the caller's transaction."""
    from alembic import command

    configuration = config()
    configuration.attributes["connection"] = connection
    command.upgrade(configuration, revision)


def config() -> Config:
    """Return Alembic's configuration, without a file."""
    from alembic.config import Config

    found = Config()
    folder = str(Path(__file__).parent / "migrations")
    found.set_main_option("script_location", folder.replace("%", "%%"))
    return found
