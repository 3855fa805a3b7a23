"""Bringing a database to the schema of this code, by Alembic."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from engine.errors import InputError
from runtime.store.schema_version import HEAD, VERSIONS

if TYPE_CHECKING:
    from alembic.config import Config
    from sqlalchemy import Connection


def migrate(url: str, version: str | None, *, place: str) -> None:
    """Bring the database at `url` from `version` to this code's schema.

    Raises
    ------
    InputError
        If `version` is unknown here: a newer program has written it.
    """
    require_known(version, place)
    from sqlalchemy import create_engine

    engine = create_engine(url)
    try:
        with engine.begin() as connection:
            upgrade(connection)
    finally:
        engine.dispose()


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
