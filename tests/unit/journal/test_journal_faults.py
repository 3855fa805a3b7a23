"""What a journal does when its database, its disk or its process fails (FAULTS 1, 3 to 6, 14 to 20)."""

from __future__ import annotations

import asyncio
import errno
import os
import random
import signal
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pytest
from sqlalchemy import create_engine

from engine.errors import InputError
from runtime.clocks import SystemClock
from runtime.journal.committing import Group, commit_group
from runtime.journal.entries import Entry, link
from runtime.journal.failures import (
    JournalClosed,
    JournalDamaged,
    LeaseLost,
    NotDurable,
    SequenceBroken,
    Trouble,
)
from runtime.journal.frames import MARK, JournalFile
from runtime.journal.journal import JournalState, SessionJournal
from runtime.journal.leases import Lease, LeaseHeld
from runtime.journal.sessions import SessionStore
from runtime.store import NewRun, Store
from runtime.store.migrating import upgrade
from runtime.store.processes import this_process
from runtime.store.rows import run_row
from runtime.store.schema_version import HEAD
from runtime.store.sqlite_text import STATEMENTS
from sims.virtual_time import run_virtual
from tests.unit.journal.faults import FullDisk, World, faulty_world
from tests.unit.journal.worlds import OPENED, TestClock, held, opened, time_record, written

ROOT = Path(__file__).parents[3]


@pytest.fixture
def world(database: str, tmp_path: Path) -> Iterator[World]:
    made = faulty_world(database, tmp_path / "files")
    yield made
    made.close()


@pytest.fixture
def file_url(tmp_path: Path) -> str:
    return f"sqlite:///{tmp_path / 'trader.sqlite'}"


def troubles_of(journal: SessionJournal) -> list[Trouble]:
    told: list[Trouble] = []
    journal.on_trouble = told.append
    return told


def require_whole(store: SessionStore, journal: SessionJournal, count: int) -> None:
    """Everything is in the database once, in order, and nothing beside it."""
    assert [e.sequence for e in store.entries(journal.session_id)] == list(range(1, count + 1))
    verdict = store.verify(journal.session_id)
    assert verdict.is_sound, verdict.problem
    assert (verdict.head.sequence, verdict.head.hash) == journal.head
    assert not store.files(journal.session_id).emergency.exists()


# --- a connection that breaks (FAULTS 15) ---------------------------------------------------------------
@pytest.mark.parametrize("fault", ["refuse", "before", "after"])
def test_a_connection_lost_around_a_commit_loses_and_repeats_nothing(
    world: World, fault: str
) -> None:
    async def main() -> None:
        journal = world.journal()
        told = troubles_of(journal)
        world.faults.plan = [fault]
        for number in range(3):
            last = journal.append(time_record(number))
        await journal.durable(last)
        assert told == []
        require_whole(world.store, journal, 3)
        await journal.close()

    run_virtual(main())


def test_a_server_that_ends_our_connection_is_connected_to_again(
    server_url: str, tmp_path: Path
) -> None:
    """For real: PostgreSQL ends the session's backend while a transaction is open."""
    import psycopg

    store = SessionStore.open(server_url, folder=tmp_path)
    journal = written(store, 2)
    plain = server_url.replace("postgresql+psycopg://", "postgresql://")
    with psycopg.connect(plain, autocommit=True) as connection:
        connection.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
            "WHERE pid <> pg_backend_pid() AND datname = current_database()"
        )
    journal.append(time_record(1))
    journal.flush()
    require_whole(store, journal, 3)
    store.close()


# --- the emergency file (FAULTS 14, 16, 19; the database breaker) -----------------------------------------
def test_what_the_database_refuses_goes_to_a_file_and_back(world: World) -> None:
    async def main() -> None:
        journal = world.journal()
        told = troubles_of(journal)
        await journal.durable(journal.append(OPENED))
        world.faults.plan = ["refuse"] * 3
        denied = journal.append(time_record(1))
        with pytest.raises(NotDurable, match="connection lost"):
            await journal.durable(denied)
        assert [(t.kind, t.sequence, t.is_database_error, t.halts) for t in told] == [
            ("commit", 2, True, False)
        ]
        assert journal.pressure == 1.0
        # Cancels and closing orders still have a durable intent.
        await journal.durable(journal.append(time_record(2)))
        with pytest.raises(NotDurable):  # whoever asks late is denied too
            await journal.durable(denied)
        file = JournalFile(world.store.files(journal.session_id).emergency)
        assert [entry.sequence for entry in file.entries()] == [2, 3]
        with pytest.raises(NotDurable):
            await journal.merge()  # the database is still away
        await journal.durable(journal.append(time_record(3)))
        lease = await journal.merge()
        assert lease.epoch == 3 == journal.lease.epoch  # a new one before anything is written
        await journal.durable(journal.append(time_record(4)))
        require_whole(world.store, journal, 5)
        assert journal.pressure == 0
        await journal.close()

    run_virtual(main())


def test_an_order_whose_database_is_locked_is_denied_and_the_loop_goes_on(
    file_url: str, tmp_path: Path
) -> None:
    async def main() -> None:
        store = SessionStore.open(file_url, folder=tmp_path, deadline_seconds=0.3)
        journal = opened(store)
        other = sqlite3.connect(tmp_path / "trader.sqlite", isolation_level=None)
        other.execute("BEGIN IMMEDIATE")
        turns = 0

        async def tick() -> None:
            nonlocal turns
            while True:
                turns += 1
                await asyncio.sleep(0.01)

        ticking = asyncio.create_task(tick())
        with pytest.raises(NotDurable):
            await journal.durable(journal.append(OPENED))
        assert turns >= 10
        other.execute("ROLLBACK")
        other.close()
        await journal.merge()
        require_whole(store, journal, 1)
        ticking.cancel()
        await journal.close()
        store.close()

    asyncio.run(main())


def test_a_commit_that_hangs_is_given_up_and_found_when_it_comes_after_all(
    file_url: str, tmp_path: Path
) -> None:
    async def main() -> None:
        world = faulty_world(file_url, tmp_path, deadline=0.2)
        journal, other = world.journal(), opened(world.store, account="other")
        told = troubles_of(journal)
        world.faults.plan = ["hang"]
        with pytest.raises(NotDurable, match=r"longer than 0\.2 s"):
            await journal.durable(journal.append(OPENED))
        await journal.durable(journal.append(time_record(1)))
        assert [trouble.kind for trouble in told] == ["deadline"]
        with pytest.raises(NotDurable):  # of the same process: it does not wait either
            await other.durable(other.append(OPENED))
        world.faults.free.set()
        await journal.merge()
        require_whole(world.store, journal, 2)
        await other.merge()
        require_whole(world.store, other, 1)
        world.close()

    asyncio.run(main())


def test_a_process_that_ended_in_emergency_is_continued_with_all_its_records(
    world: World,
) -> None:
    async def main() -> None:
        journal = world.journal()
        await journal.durable(journal.append(OPENED))
        world.faults.plan = ["refuse"] * 2
        journal.append(time_record(1))
        await asyncio.sleep(1)
        await journal.durable(journal.append(time_record(2)))
        # The process ends here, and another one goes on.
        again = world.store.journal(
            journal.session_id, held(world.store, holder=journal.session_id)
        )
        assert again.head == journal.head
        require_whole(world.store, again, 3)

    run_virtual(main())


def test_a_merge_whose_file_was_not_removed_is_not_done_twice(world: World) -> None:
    async def main() -> None:
        journal = world.journal()
        world.faults.plan = ["refuse"] * 2
        journal.append(OPENED)
        await asyncio.sleep(1)
        emergency = world.store.files(journal.session_id).emergency
        left = emergency.read_bytes()
        await journal.merge()
        await journal.durable(journal.append(time_record(1)))
        await journal.close()
        emergency.write_bytes(left)  # as if the process had been killed before it removed it
        again = world.store.journal(
            journal.session_id, held(world.store, holder=journal.session_id)
        )
        require_whole(world.store, again, 2)

    run_virtual(main())


def test_records_of_somebody_who_lost_the_account_are_refused_and_kept(world: World) -> None:
    async def main() -> None:
        journal = world.journal()
        await journal.durable(journal.append(OPENED))
        world.faults.plan = ["refuse"] * 2
        journal.append(time_record(1))
        await asyncio.sleep(1)
        # Somebody else recovers the session from what the database has, and goes on.
        lease = held(world.store, holder=journal.session_id)
        (first,) = world.store.entries(journal.session_id)
        value = link(first.hash, 2, lease.epoch, 0, "noted", 1, b"")
        entry = Entry(2, lease.epoch, 0, "noted", 1, b"", value)
        with world.store.backend.writing() as transaction:
            group = Group(journal.session_id, lease, first.hash, [entry], [])
            commit_group(transaction, group, None)
        with pytest.raises(SequenceBroken, match="another record at sequence 2"):
            await journal.merge()
        with pytest.raises(SequenceBroken):
            journal.append(OPENED)
        assert world.store.files(journal.session_id).emergency.exists()
        lease = held(world.store, holder=journal.session_id)
        with pytest.raises(SequenceBroken, match=r"\.emergency") as caught:
            world.store.journal(journal.session_id, lease)
        assert "move the file away" in caught.value.remedy

    run_virtual(main())


def test_a_lease_that_somebody_took_ends_the_merge(world: World) -> None:
    async def main() -> None:
        journal = world.journal()
        world.faults.plan = ["refuse"] * 2
        journal.append(OPENED)
        await asyncio.sleep(1)
        world.store.leases.release(journal.lease)
        held(world.store, holder="another session")
        told = troubles_of(journal)
        with pytest.raises(LeaseLost, match="another session has epoch 2"):
            await journal.merge()
        with pytest.raises(LeaseLost):
            journal.append(OPENED)
        assert [trouble.kind for trouble in told] == ["lease"]
        assert world.store.head(journal.session_id).sequence == 0

    run_virtual(main())


def test_while_a_server_is_down_a_file_has_the_records(server_url: str, tmp_path: Path) -> None:
    """For real: PostgreSQL ends all connections and lets nobody in (FAULTS 16)."""
    import psycopg

    plain = server_url.replace("postgresql+psycopg://", "postgresql://")

    def tell(text: str) -> None:
        with psycopg.connect(plain.replace("/journals?", "/postgres?"), autocommit=True) as server:
            server.execute(text)

    async def main() -> None:
        store = SessionStore.open(server_url, folder=tmp_path)
        journal = opened(store)
        told = troubles_of(journal)
        await journal.durable(journal.append(OPENED))
        tell("ALTER DATABASE journals ALLOW_CONNECTIONS false")
        try:
            tell(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = 'journals'"
            )
            with pytest.raises(NotDurable, match="not currently accepting connections"):
                await journal.durable(journal.append(time_record(1)))
            await journal.durable(journal.append(time_record(2)))
            with pytest.raises(NotDurable):
                await journal.merge()
        finally:
            tell("ALTER DATABASE journals ALLOW_CONNECTIONS true")
        assert (await journal.merge()).epoch == 2
        await journal.durable(journal.append(time_record(3)))
        require_whole(store, journal, 4)
        assert [trouble.kind for trouble in told] == ["commit"]
        await journal.close()
        store.close()

    asyncio.run(main())


@pytest.mark.parametrize("seed", range(25))
def test_whatever_fails_nothing_durable_is_lost_and_nothing_is_there_twice(
    file_url: str, tmp_path: Path, seed: int
) -> None:
    """Faults, merges, restarts by chance (I2, I8, FAULTS 15, 20); the seed is the whole bug report."""
    chance = random.Random(seed)
    faults = ["", "", "refuse", "before", "after"]

    async def main() -> None:
        world = faulty_world(file_url, tmp_path / "files")
        journal = world.journal()
        safe: dict[int, bytes] = {}
        for step in range(60):
            world.faults.plan = chance.choices(faults, k=2) if chance.random() < 0.5 else []
            last = journal.append(time_record(step, rows=chance.randrange(3)))
            with suppress(NotDurable):
                if chance.random() < 0.5:
                    await journal.durable(last)
                    safe[last] = journal.head[1]
                if chance.random() < 0.3:
                    await journal.merge()
            if chance.random() < 0.1:  # killed; what is only in memory is gone
                world.faults.plan = []
                journal.state = JournalState.CLOSED
                lease = held(world.store, holder=journal.session_id)
                journal = world.store.journal(journal.session_id, lease)
            await asyncio.sleep(chance.choice([0, 0.01, 0.1]))
        world.faults.plan = []
        await journal.merge()
        await journal.durable(journal.append(OPENED))
        require_whole(world.store, journal, journal.head[0])
        found = {entry.sequence: entry.hash for entry in world.store.entries(journal.session_id)}
        assert {n: found.get(n) for n in safe} == safe
        world.close()

    run_virtual(main())


# --- disks (FAULTS 3, 4) --------------------------------------------------------------------------------------
def test_on_a_full_disk_the_last_words_come_from_the_reserve(file_url: str, tmp_path: Path) -> None:
    async def main() -> None:
        disk = FullDisk(700, reserve=2_000)
        world = faulty_world(file_url, tmp_path / "files", disk=disk)
        journal = world.journal()
        told = troubles_of(journal)
        world.faults.plan = ["full"]
        with pytest.raises(NotDurable):
            await journal.durable(journal.append(OPENED))
        written_down = [1]
        while len(told) < 2:
            last = journal.append(time_record(len(written_down)))
            await journal.durable(last)
            written_down.append(last)
        assert [(each.kind, each.halts) for each in told] == [
            ("commit", False),
            ("disk_full", True),
        ]
        with pytest.raises(JournalClosed, match="No space left"):
            while True:
                last = journal.append(time_record(1))
                await journal.durable(last)
                written_down.append(last)
        assert told[-1].kind == "lost"
        assert told[-1].sequence == last
        with pytest.raises(JournalClosed):
            journal.append(OPENED)
        # Everything that counted as durable is there, once there is room again.
        again = world.store.journal(
            journal.session_id, held(world.store, holder=journal.session_id)
        )
        require_whole(world.store, again, len(written_down))
        world.close()

    run_virtual(main())


def test_a_journal_without_room_for_its_reserve_is_not_opened(
    file_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    store = SessionStore.open(file_url, folder=tmp_path / "files")
    for code in (errno.ENOSPC, errno.EROFS):

        def refuse(*_: object, code: int = code) -> None:
            raise OSError(code, os.strerror(code))

        monkeypatch.setattr(store.disk, "reserve", refuse)
        with pytest.raises(InputError, match=os.strerror(code)) as caught:
            opened(store, account=str(code))
        assert caught.value.remedy
        assert caught.value.exit_code == 2
    store.close()


def test_a_closed_journal_gives_its_reserve_back(file_url: str, tmp_path: Path) -> None:
    store = SessionStore.open(file_url, folder=tmp_path / "files")
    journal = written(store, 2)
    reserve = store.files(journal.session_id).reserve
    assert reserve.stat().st_blocks * 512 >= 1 << 20  # really there, not a hole
    journal.close_now()
    assert not reserve.exists()
    store.close()


# --- damaged emergency files (FAULTS 5, 6) -----------------------------------------------------------------------
def in_emergency(world: World, count: int) -> tuple[SessionJournal, Path]:
    async def main() -> SessionJournal:
        journal = world.journal()
        world.faults.plan = ["refuse"] * 2
        journal.append(OPENED)
        await asyncio.sleep(1)
        for number in range(count - 1):
            await journal.durable(journal.append(time_record(number)))
        return journal

    journal = run_virtual(main())
    return journal, world.store.files(journal.session_id).emergency


@pytest.mark.parametrize("cut", [1, 5, 30, 90])
def test_a_torn_last_record_is_cut_and_the_rest_is_kept(
    file_url: str, tmp_path: Path, cut: int
) -> None:
    world = faulty_world(file_url, tmp_path / "files")
    journal, path = in_emergency(world, 4)
    path.write_bytes(path.read_bytes()[:-cut])
    again = world.store.journal(journal.session_id, held(world.store, holder=journal.session_id))
    require_whole(world.store, again, 3)
    world.close()


def test_zeros_at_the_end_are_a_torn_record(file_url: str, tmp_path: Path) -> None:
    """What a file system leaves of a write that it had only made room for."""
    world = faulty_world(file_url, tmp_path / "files")
    journal, path = in_emergency(world, 3)
    path.write_bytes(path.read_bytes() + bytes(500))
    again = world.store.journal(journal.session_id, held(world.store, holder=journal.session_id))
    require_whole(world.store, again, 3)
    world.close()


@pytest.mark.parametrize("place", ["mark", "length", "checksum", "body"])
def test_a_flipped_bit_inside_puts_the_file_aside_and_asks_for_a_person(
    file_url: str, tmp_path: Path, place: str
) -> None:
    world = faulty_world(file_url, tmp_path / "files")
    journal, path = in_emergency(world, 4)
    data = bytearray(path.read_bytes())
    starts = [n for n in range(len(data)) if data[n : n + 4] == MARK]  # the head's, then four
    data[starts[3] + {"mark": 0, "length": 5, "checksum": 8, "body": 20}[place]] ^= 1
    path.write_bytes(bytes(data))
    lease = held(world.store, holder=journal.session_id)
    with pytest.raises(
        JournalDamaged, match="record 3 is damaged, and sound ones follow"
    ) as caught:
        world.store.journal(journal.session_id, lease)
    assert caught.value.sequence == 3
    aside = path.with_suffix(".quarantined")
    assert str(aside) in caught.value.where
    assert aside.exists() and not path.exists()
    again = world.store.journal(journal.session_id, lease)  # a person has started it again
    assert again.head[0] == 0
    world.close()


# --- processes that are killed (FAULTS 1) ---------------------------------------------------------------------------
WRITER = """
import asyncio, sys
from pathlib import Path
from runtime.journal.sessions import SessionStore
from tests.unit.journal.worlds import held, opened, time_record

async def main():
    store = SessionStore.open(sys.argv[1], folder=Path(sys.argv[2]))
    journal = opened(store)
    print(journal.session_id, flush=True)
    for number in range(1_000_000):
        last = journal.append(time_record(number, rows=number % 50))
        if number % 3 == 0:
            await journal.durable(last)
            print(last, flush=True)

asyncio.run(main())
"""


@pytest.mark.parametrize("after", [1, 20, 57])
def test_a_killed_writer_leaves_everything_that_was_durable(
    file_url: str, tmp_path: Path, after: int
) -> None:
    process = subprocess.Popen(
        [sys.executable, "-c", WRITER, file_url, str(tmp_path / "files")],
        stdout=subprocess.PIPE, text=True, cwd=ROOT, env={**os.environ, "PYTHONPATH": str(ROOT)},
    )  # fmt: skip
    assert process.stdout is not None
    session_id = process.stdout.readline().strip()
    for _ in range(after):
        told = int(process.stdout.readline())
    process.send_signal(signal.SIGKILL)
    rest = [int(line) for line in process.stdout.read().split("\n")[:-1]]
    process.wait()
    told = max([told, *rest])
    store = SessionStore.open(file_url, folder=tmp_path / "files")
    assert store.head(session_id).sequence >= told
    assert store.verify(session_id).is_sound
    lease = held(store, holder=session_id)  # at once: its process has ended
    assert lease.epoch == 2
    assert store.journal(session_id, lease).append(OPENED) == store.head(session_id).sequence + 1
    store.close()


def begun(url: str, folder: Path) -> tuple[subprocess.Popen[str], str]:
    """Start a writer in a process of its own, and return its session."""
    process = subprocess.Popen(
        [sys.executable, "-c", WRITER, url, str(folder)],
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
        cwd=ROOT, env={**os.environ, "PYTHONPATH": str(ROOT)},
    )  # fmt: skip
    assert process.stdout is not None
    session_id = process.stdout.readline().strip()
    process.stdout.readline()
    return process, session_id


def test_a_second_instance_is_refused_and_told_who_has_the_account(
    file_url: str, tmp_path: Path
) -> None:
    process, session_id = begun(file_url, tmp_path / "files")
    store = SessionStore.open(file_url, folder=tmp_path / "files")
    refused = store.leases.acquire("paper-1", "second")
    assert isinstance(refused, LeaseHeld)
    assert (refused.holder, refused.pid) == (session_id, process.pid)
    process.kill()
    process.communicate()
    assert held(store, holder="second").epoch == 2
    store.close()


def test_a_process_that_was_asleep_while_its_lease_ended_writes_nothing_more(
    file_url: str, tmp_path: Path
) -> None:
    """I13 for real: stopped, taken over after its term, and then let go on."""
    process, session_id = begun(file_url, tmp_path / "files")
    process.send_signal(signal.SIGSTOP)
    clock = TestClock(SystemClock().now_ns())
    store = SessionStore.open(file_url, folder=tmp_path / "files", clock=clock)
    while not isinstance(lease := store.leases.acquire("paper-1", session_id), Lease):
        clock.later(10)
    assert lease.epoch == 2
    journal = store.journal(session_id, lease)
    journal.append(OPENED)
    journal.flush()
    process.send_signal(signal.SIGCONT)
    _, said = process.communicate(timeout=60)
    assert "LeaseLost" in said
    assert store.head(session_id).sequence == journal.head[0]
    assert store.verify(session_id).is_sound
    store.close()


# --- schemas (FAULTS 17, 18) --------------------------------------------------------------------------------------
MIGRATION = """
import os, sys
from alembic import op
from runtime.journal.sessions import SessionStore
real, left = op.create_table, [int(sys.argv[2])]

def create_table(*given, **named):
    if left[0] == 0:
        os._exit(9)
    left[0] -= 1
    return real(*given, **named)

op.create_table = create_table
SessionStore.open(sys.argv[1]).close()
"""


@pytest.mark.parametrize("tables", [0, 1, 6, 13])
def test_a_migration_that_is_killed_leaves_the_old_schema(
    file_url: str, tmp_path: Path, tables: int
) -> None:
    make_old(file_url)
    run_id = run_of_old(tmp_path / "trader.sqlite")
    answer = subprocess.run(
        [sys.executable, "-c", MIGRATION, file_url, str(tables)],
        cwd=ROOT, env={**os.environ, "PYTHONPATH": str(ROOT)}, check=False,
    )  # fmt: skip
    assert answer.returncode == 9
    assert version_of(tmp_path / "trader.sqlite") == ("0001", {"runs", "sweeps", "trials"})
    store = SessionStore.open(file_url, folder=tmp_path / "files")  # and now it is done
    assert version_of(tmp_path / "trader.sqlite")[0] == HEAD
    written(store, 3)
    store.close()
    registry = Store.open(file_url)
    assert registry.run(run_id).strategy == "old"
    registry.begin(NewRun(family="a" * 64, fingerprint="b" * 64, strategy="new"))
    registry.close()


def make_old(url: str) -> None:
    engine = create_engine(url)
    with engine.begin() as connection:
        upgrade(connection, "0001")
    engine.dispose()


def run_of_old(path: Path) -> str:
    row = run_row(NewRun(family="a", fingerprint="b", strategy="old"), "r1", 1, this_process())
    with sqlite3.connect(path) as connection:
        connection.execute(STATEMENTS["insert_run"], row)
    connection.close()
    return "r1"


def version_of(path: Path) -> tuple[str, set[str]]:
    connection = sqlite3.connect(path)
    names = {
        row[0] for row in connection.execute("SELECT name FROM sqlite_master WHERE type='table'")
    }
    version = connection.execute("SELECT version_num FROM alembic_version").fetchone()[0]
    connection.close()
    return version, names - {"alembic_version"}


def test_of_two_that_open_an_old_database_at_once_one_migrates_it(
    file_url: str, tmp_path: Path
) -> None:
    make_old(file_url)
    program = f"from runtime.store import Store; Store.open({file_url!r}).close()"
    both = [
        subprocess.Popen(
            [sys.executable, "-c", program], cwd=ROOT, env={**os.environ, "PYTHONPATH": str(ROOT)}
        )
        for _ in range(2)
    ]
    assert [each.wait() for each in both] == [0, 0]
    assert version_of(tmp_path / "trader.sqlite")[0] == HEAD


def test_a_newer_schema_is_refused_with_both_versions(file_url: str, tmp_path: Path) -> None:
    SessionStore.open(file_url).close()
    with sqlite3.connect(tmp_path / "trader.sqlite") as connection:
        connection.execute("UPDATE alembic_version SET version_num = '0099'")
    connection.close()
    with pytest.raises(
        InputError, match=f"schema 0099, and this version of trader knows up to {HEAD}"
    ):
        SessionStore.open(file_url)
