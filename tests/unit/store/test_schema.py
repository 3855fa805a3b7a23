"""One schema: the tables, the migrations and the generated SQLite text say the same."""

from __future__ import annotations

import re
import sqlite3
from pathlib import Path

import pytest
from alembic.autogenerate import compare_metadata
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import ClauseElement, create_engine, text

from engine.errors import InputError
from runtime.store import Store
from runtime.store.generate import TARGET, generated
from runtime.store.migrating import config, upgrade
from runtime.store.schema_version import HEAD, VERSIONS
from runtime.store.sqlite_text import STATEMENTS
from runtime.store.statements import statements
from runtime.store.tables import METADATA


def test_the_generated_text_is_not_stale() -> None:
    renew = "python -m runtime.store.generate"
    assert TARGET.read_text("utf-8") == generated(), f"renew it: {renew}"


def test_the_versions_are_those_of_the_migrations() -> None:
    script = ScriptDirectory.from_config(config())
    assert script.get_current_head() == HEAD
    assert tuple(each.revision for each in script.walk_revisions())[::-1] == VERSIONS


def test_the_migrations_make_the_tables(url: str) -> None:
    engine = create_engine(url)
    with engine.begin() as connection:
        upgrade(connection)
    with engine.connect() as connection:
        context = MigrationContext.configure(connection, opts={"compare_type": True})
        assert compare_metadata(context, METADATA) == []
    engine.dispose()


def test_what_nobody_has_answered_is_looked_up_and_not_searched_for(url: str) -> None:
    """Running sessions ask twice a second; on an empty table a server would rather read it whole."""
    engine = create_engine(url)
    with engine.begin() as connection:
        upgrade(connection)
        if url.startswith("sqlite"):
            explain = f"EXPLAIN QUERY PLAN {STATEMENTS['all_controls_waiting']}"
        else:
            connection.execute(text("SET enable_seqscan = off"))
            core = statements("postgresql")["all_controls_waiting"].core
            assert isinstance(core, ClauseElement)
            explain = f"EXPLAIN {core.compile(engine)}"
        plan = str(connection.execute(text(explain)).fetchall())
    engine.dispose()
    assert "ix_controls_asked_ns_id" in plan
    assert "Sort" not in plan and "TEMP B-TREE" not in plan


def test_a_new_sqlite_file_is_what_the_migrations_make(tmp_path: Path) -> None:
    Store.open(f"sqlite:///{tmp_path / 'new.sqlite'}").close()
    engine = create_engine(f"sqlite:///{tmp_path / 'migrated.sqlite'}")
    with engine.begin() as connection:
        upgrade(connection)
    engine.dispose()
    assert shape(tmp_path / "new.sqlite") == shape(tmp_path / "migrated.sqlite")


def shape(path: Path) -> dict[str, object]:
    """Return a file's columns, keys and indexes, and the version that is written in it."""
    connection = sqlite3.connect(path)
    names = [
        row[0] for row in connection.execute("SELECT name FROM sqlite_master WHERE type='table'")
    ]
    found: dict[str, object] = {
        "version": connection.execute("SELECT * FROM alembic_version").fetchall()
    }
    for name in sorted(names):
        for pragma in ("table_info", "foreign_key_list"):
            found[f"{name} {pragma}"] = connection.execute(f"PRAGMA {pragma}({name})").fetchall()
        indexes = connection.execute(f"PRAGMA index_list({name})").fetchall()
        found[f"{name} indexes"] = sorted(row[1:] for row in indexes)
        text = connection.execute(
            "SELECT sql FROM sqlite_master WHERE name = ?", (name,)
        ).fetchone()[0]
        found[f"{name} checks"] = re.findall(
            r"CONSTRAINT \w+ CHECK \(.*?\)\)", " ".join(text.split())
        )
    connection.close()
    return found


def test_every_statement_asks_the_caller_for_the_same_on_both_databases() -> None:
    for name, statement in statements("sqlite").items():
        twin = statements("postgresql")[name]
        assert twin.columns == statement.columns
        given = set(re.findall(r":(\w+)", STATEMENTS[name]))
        assert set(statement.columns) <= given, name
        assert given - set(statement.columns) <= {
            "row_id", "family", "name", "length", "row_limit", "sweep",
            "session", "after", "before", "of_account", "of_epoch", "of_episode", "client",
            "of_position", "of_instrument", "of_kind", "of_broker",
        }, name  # fmt: skip


def test_a_sqlite_file_has_a_log_full_waits_and_foreign_keys(tmp_path: Path) -> None:
    from runtime.store.sqlite import connect

    Store.open(f"sqlite:///{tmp_path / 'x.sqlite'}").close()
    connection = connect(tmp_path / "x.sqlite")
    settings = ("journal_mode", "synchronous", "foreign_keys")
    found = [connection.execute(f"PRAGMA {name}").fetchone()[0] for name in settings]
    connection.close()
    assert found == ["wal", 2, 1]


def test_a_newer_schema_is_refused_and_left_alone(url: str) -> None:
    store = Store.open(url)
    store.close()
    engine = create_engine(url)
    with engine.begin() as connection:
        connection.exec_driver_sql("UPDATE alembic_version SET version_num = '9999'")
    with pytest.raises(InputError, match="schema 9999") as caught:
        Store.open(url)
    assert "update trader" in caught.value.remedy
    with engine.connect() as connection:
        rows = connection.exec_driver_sql("SELECT version_num FROM alembic_version").fetchall()
        assert [tuple(row) for row in rows] == [("9999",)]
    engine.dispose()
