"""Where the registry is, who may open it, and what a person is told when it refuses."""

from __future__ import annotations

import os
import socket
import sqlite3
import threading
from dataclasses import replace
from functools import partial
from hashlib import blake2b
from pathlib import Path

import pytest

from engine.errors import InputError
from runtime.store import NewRun, NewSweep, State, Store
from runtime.store.location import VARIABLE, beside, database_url, masked, sqlite_path
from runtime.store.processes import Process, has_ended, this_process
from runtime.workspace import create_workspace

RUN = NewRun(family="a" * 64, fingerprint="b" * 64, strategy="s")
SWEEP = NewSweep(family="a" * 64, strategy="s", method="grid", planned=3)


# --- where it is ------------------------------------------------------------------------------------
def test_the_registry_is_the_named_one_else_the_workspaces_else_the_users(tmp_path: Path) -> None:
    create_workspace(tmp_path / "work")
    home = {"XDG_DATA_HOME": str(tmp_path / "home")}
    users = f"sqlite:///{tmp_path / 'home' / 'trader' / 'trader.sqlite'}"
    assert database_url(tmp_path, home) == users
    assert database_url(tmp_path / "work", home) == users  # a workspace has none of its own
    toml = tmp_path / "work" / "trader.toml"
    toml.write_text('[database]\nurl = "sqlite:///runs/mine.sqlite"\n')
    beside = f"sqlite:///{tmp_path / 'work' / 'runs' / 'mine.sqlite'}"
    assert database_url(tmp_path / "work" / "strategies", home) == beside
    toml.write_text('[database]\nurl = "postgresql+psycopg://db/trader"\n')
    assert database_url(tmp_path / "work", home) == "postgresql+psycopg://db/trader"
    named = home | {VARIABLE: "sqlite:////elsewhere.sqlite"}
    assert database_url(tmp_path / "work", named) == "sqlite:////elsewhere.sqlite"


def test_a_new_registry_is_made_with_its_folders(tmp_path: Path) -> None:
    path = tmp_path / "a" / "b" / "trader.sqlite"
    Store.open(f"sqlite:///{path}").close()
    assert path.is_file()


@pytest.mark.parametrize(
    ("url", "shown"),
    [
        ("postgresql+psycopg://me:secret@db/x", "postgresql+psycopg://me:***@db/x"),
        ("postgresql://me:s%40cret@db:5432/x?sslmode=require",
         "postgresql://me:***@db:5432/x?sslmode=require"),
        ("postgresql://db/x?user=me&password=secret", "postgresql://db/x?user=me&password=***"),
        ("postgresql://me@db/x", "postgresql://me@db/x"),
        ("sqlite:////a/b.sqlite", "sqlite:////a/b.sqlite"),
    ],
)  # fmt: skip
def test_a_password_is_never_shown(url: str, shown: str) -> None:
    assert masked(url) == shown


SERVER = "postgresql+psycopg://me:secret@db.example/trader"


@pytest.mark.parametrize(
    ("url", "is_same"),
    [
        ("postgresql://me:secret@db.example/trader", True),
        ("postgres://me@DB.example:5432/trader", True),
        ("postgresql+psycopg://you:other@db.example/trader?sslmode=require", True),
        ("postgresql:///trader?host=db.example&user=me&password=secret", True),
        ("postgresql://me:secret@db.example/trader?port=5432", True),
        ("postgresql://me:secret@db.example:5433/trader", False),
        ("postgresql://me:secret@db.example/other", False),
        ("postgresql://me:secret@db2.example/trader", False),
        ("postgresql://me:secret@localhost/trader", False),
    ],
)
def test_one_database_has_one_folder_however_its_url_is_written(
    url: str, is_same: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The kill switch is in there: who halts may write the URL otherwise than who trades."""
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path))
    assert (beside(url) == beside(SERVER)) is is_same


def test_this_machine_is_the_same_by_all_its_names(monkeypatch: pytest.MonkeyPatch) -> None:
    names = ("localhost", "LocalHost", "127.0.0.1", "[::1]", "")
    assert len({beside(f"postgresql://me@{name}/x") for name in names}) == 1
    assert beside("postgresql://me:secret@db:port/x").parent.name == "sessions"
    sockets = {beside(f"postgresql://me@/x?host={place}") for place in ("/tmp/a", "/tmp/b")}
    assert len(sockets) == 2


def test_a_folder_that_was_named_by_the_whole_url_is_gone_on_with(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path))
    before = (
        tmp_path
        / "trader"
        / "sessions"
        / blake2b(masked(SERVER).encode(), digest_size=6).hexdigest()
    )
    before.mkdir(parents=True)
    assert beside(SERVER) == before


@pytest.mark.parametrize(
    "url",
    ["", "trader.sqlite", "mysql://root:secret@db/x", "sqlite://", "sqlite:///", "sqlite:///:memory:",
     "sqlite:///x.sqlite?mode=ro"],
)  # fmt: skip
def test_what_cannot_hold_the_registry_is_refused(url: str) -> None:
    with pytest.raises(InputError) as caught:
        sqlite_path(url)
    assert "sqlite:///FILE" in caught.value.remedy
    assert "secret" not in str(caught.value)


# --- refusals ---------------------------------------------------------------------------------------
def refused(url: str) -> InputError:
    with pytest.raises(InputError) as caught:
        Store.open(url)
    assert caught.value.where
    assert caught.value.remedy
    return caught.value


def test_a_folder_is_no_registry(tmp_path: Path) -> None:
    assert refused(f"sqlite:///{tmp_path}").code == "store.unwritable"


def test_a_file_in_the_way_of_its_folder_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    assert refused(f"sqlite:///{tmp_path / 'file' / 'x.sqlite'}").code == "store.unwritable"


def test_another_kind_of_file_is_refused_and_left_as_it_is(tmp_path: Path) -> None:
    path = tmp_path / "notes.txt"
    path.write_text("my notes, longer than the head of a database file " * 10)
    before = path.read_bytes()
    assert refused(f"sqlite:///{path}").code == "store.damaged"
    assert path.read_bytes() == before


def test_a_damaged_registry_is_told(tmp_path: Path) -> None:
    path = tmp_path / "x.sqlite"
    store = Store.open(f"sqlite:///{path}")
    store.begin(RUN)
    store.close()
    with path.open("r+b") as file:
        file.seek(4096)
        file.write(b"\xff" * (path.stat().st_size - 4096))
    assert refused(f"sqlite:///{path}").code == "store.damaged"


def test_a_registry_that_may_not_be_written_is_told_before_a_run(bound_folder: Path) -> None:
    path = bound_folder / "x.sqlite"
    Store.open(f"sqlite:///{path}").close()
    path.chmod(0o444)
    with pytest.raises(InputError, match="read-only"):
        Store.open(f"sqlite:///{path}").begin(RUN)


class Interrupted(sqlite3.Connection):
    """Ctrl-C comes when the database has begun to write, and before Python knows of it."""

    comes = False

    def execute(self, sql: str, *values: object) -> sqlite3.Cursor:  # type: ignore[override]
        done = super().execute(sql, *values)  # type: ignore[arg-type]
        if Interrupted.comes and sql.startswith("BEGIN"):
            Interrupted.comes = False
            raise KeyboardInterrupt
        return done


def test_an_interrupt_as_writing_begins_leaves_nothing_begun(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sqlite3, "connect", partial(sqlite3.connect, factory=Interrupted))
    store = Store.open(f"sqlite:///{tmp_path / 'x.sqlite'}")
    sweep = store.begin_sweep(SWEEP)
    monkeypatch.setattr(Interrupted, "comes", True)
    with pytest.raises(KeyboardInterrupt):
        store.add_trials(sweep, [])
    store.finish_sweep(sweep, State.INTERRUPTED)
    (ended,) = store.sweeps()
    store.close()
    assert ended.state is State.INTERRUPTED


def test_a_server_that_is_not_there_is_told_without_its_password() -> None:
    pytest.importorskip("psycopg", reason="psycopg is not installed")
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        url = f"postgresql://me:secret@127.0.0.1:{free.getsockname()[1]}/x"
        error = refused(url)
    assert error.code == "store.unreachable"
    assert "me:***@127.0.0.1" in error.where
    assert "secret" not in str(error)
    assert error.__cause__ is None and error.__suppress_context__


def test_a_database_that_does_not_exist_is_told(postgres: str) -> None:
    assert "nowhere" in refused(postgres.replace("/postgres?", "/nowhere?")).problem


# --- who runs ---------------------------------------------------------------------------------------
def test_this_process_is_alive() -> None:
    assert not has_ended(this_process())


@pytest.mark.parametrize(
    ("change", "is_ended"),
    [
        ({"pid": 2**22 + 1}, True),  # over the largest process id
        ({"process": "start"}, True),  # the id belongs to somebody else by now
        ({"process": "boot"}, True),
        ({"process": "space"}, False),  # of another container: nobody here can tell
        ({"process": ""}, False),
        ({"host": "elsewhere"}, False),
    ],
)
def test_a_process_is_known_to_be_gone(change: dict[str, object], is_ended: bool) -> None:
    us = this_process()
    boot, space, start = us.process.split("/")
    texts = {"start": f"{boot}/{space}/1", "boot": f"other/{space}/{start}",
             "space": f"{boot}/0/{start}", "": ""}  # fmt: skip
    if "process" in change:
        change = {"process": texts[str(change["process"])]}
    assert has_ended(replace(us, **change)) is is_ended  # type: ignore[arg-type]


def test_what_dead_processes_left_running_is_settled_at_the_next_opening(
    url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    store = Store.open(url)
    ours = store.begin(RUN)
    us = this_process()
    dead = Process(us.host, 2**22 + 1, us.process)
    monkeypatch.setattr("runtime.store.store.this_process", lambda: dead)
    theirs = store.begin(RUN)
    store.close()
    again = Store.open(url)
    assert again.run(ours).state is State.RUNNING
    assert again.run(theirs).state is State.INTERRUPTED
    assert "killed" in again.run(theirs).error
    assert again.run(theirs).ended_ns is None  # nobody knows when
    again.close()


def test_threads_share_a_registry(store: Store) -> None:
    def work() -> None:
        for _ in range(10):
            store.begin(RUN)

    threads = [threading.Thread(target=work) for _ in range(4)]
    for each in threads:
        each.start()
    for each in threads:
        each.join()
    assert len(store.runs()) == 40


def test_a_forked_child_writes_on_its_own_connection(tmp_path: Path) -> None:
    store = Store.open(f"sqlite:///{tmp_path / 'x.sqlite'}")
    first = store.begin(RUN)
    child = os.fork()
    if child == 0:
        try:
            store.begin(RUN)
        finally:
            os._exit(0)
    os.waitpid(child, 0)
    assert {run.id for run in store.runs()} > {first}
    assert len(store.runs()) == 2


def test_a_locked_registry_says_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("runtime.store.sqlite._WAIT_SECONDS", 0.01)
    store = Store.open(f"sqlite:///{tmp_path / 'x.sqlite'}")
    other = sqlite3.connect(tmp_path / "x.sqlite", isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    with pytest.raises(InputError, match="locked"):
        store.begin(RUN)
    other.execute("ROLLBACK")
    store.begin(RUN)
    other.close()


def test_a_database_by_a_link_has_the_same_kill_switch(tmp_path: Path) -> None:
    link = tmp_path / "elsewhere.sqlite"
    link.symlink_to(tmp_path / "trader.sqlite")
    assert beside(f"sqlite:///{link}") == beside(f"sqlite:///{tmp_path / 'trader.sqlite'}")
