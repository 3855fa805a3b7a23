"""A journal keeps what it is given, in order, and shows when it was altered; on both databases."""

from __future__ import annotations

import asyncio
from pathlib import Path

import msgspec
import pytest

from engine.errors import InputError
from runtime.journal.anchors import add_anchor, read_anchors
from runtime.journal.codec import KINDS, TYPES, decode, encode
from runtime.journal.entries import Entry, Head, genesis, link
from runtime.journal.failures import (
    JournalClosed,
    JournalDamaged,
    LeaseLost,
    NewerJournal,
    SequenceBroken,
)
from runtime.journal.frames import JournalFile
from runtime.journal.leases import LeaseHeld
from runtime.journal.records import (
    Closed,
    Noted,
    Record,
    StateChanged,
    TimeInput,
)
from runtime.journal.sessions import SessionStore
from runtime.journal.verifying import verify_file
from runtime.session.states import SessionState
from runtime.store.processes import Process, this_process
from sims.virtual_time import run_virtual
from tests.unit.journal.worlds import (
    NEW,
    ONE_OF_EACH,
    OPENED,
    TestClock,
    held,
    lines,
    opened,
    some_records,
    time_record,
    written,
)


# --- records as bytes ---------------------------------------------------------------------------------
@pytest.mark.parametrize("record", ONE_OF_EACH, ids=lambda record: type(record).__name__)
def test_a_record_comes_back_as_it_was_given(record: Record) -> None:
    assert decode(*encode(record)) == record


def test_every_kind_of_record_has_a_name() -> None:
    assert set(KINDS) == set(Record.__args__)  # type: ignore[attr-defined]
    assert {type(record) for record in ONE_OF_EACH} == set(TYPES.values())


def test_what_is_no_record_is_refused() -> None:
    with pytest.raises(TypeError, match="TimeInput"):
        encode(TimeInput(1))


def test_a_record_of_a_newer_program_is_told_apart_from_damage() -> None:
    _, _, payload = encode(Noted("a", "b", "c", "d"))
    with pytest.raises(NewerJournal, match=r"'noted' of version 9, and this version .* up to"):
        decode("noted", 9, payload)
    with pytest.raises(NewerJournal, match="no such record"):
        decode("dreamed", 1, payload)
    with pytest.raises(JournalDamaged):
        decode("noted", 1, payload[:-1])
    with pytest.raises(JournalDamaged):
        decode("closed", 1, payload)


# --- the chain ------------------------------------------------------------------------------------------
def test_an_entrys_hash_depends_on_everything_that_it_says() -> None:
    plain = (b"p" * 32, 7, 2, 5, "noted", 1, b"x")
    others = [(b"q" * 32, 8, 3, 6, "closed", 2, b"y")[n] for n in range(len(plain))]
    hashes = {link(*plain)} | {
        link(*plain[:n], others[n], *plain[n + 1 :])  # type: ignore[arg-type]
        for n in range(len(plain))
    }
    assert len(hashes) == 1 + len(plain)


def test_kind_and_payload_cannot_run_into_each_other() -> None:
    assert link(b"", 1, 1, 1, "ab", 1, b"c") != link(b"", 1, 1, 1, "a", 1, b"bc")


def test_two_sessions_have_different_beginnings() -> None:
    assert genesis("a") != genesis("b")


# --- writing and reading -----------------------------------------------------------------------------------
def test_what_is_appended_is_read_back_in_order(sessions: SessionStore) -> None:
    journal = opened(sessions)
    given = some_records(50)
    assert [journal.append(record) for record in given] == list(range(1, 51))
    assert sessions.head(journal.session_id).sequence == 0  # in memory only
    journal.flush()
    entries = list(sessions.entries(journal.session_id))
    assert [entry.record for entry in entries] == given
    assert [entry.sequence for entry in entries] == list(range(1, 51))
    assert journal.head == (50, entries[-1].hash)
    assert sessions.head(journal.session_id) == Head(50, entries[-1].hash)
    assert [e.sequence for e in sessions.entries(journal.session_id, after=48)] == [49, 50]


def test_reading_goes_by_pages(sessions: SessionStore, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("runtime.journal.sessions.PAGE", 7)
    for count in (6, 7, 8, 21):
        journal = written(sessions, count)
        read = [entry.sequence for entry in sessions.entries(journal.session_id)]
        assert read == list(range(1, count + 1))
        journal.close_now()
        sessions.leases.release(journal.lease)


def test_on_a_loop_records_are_durable_once_somebody_has_waited(sessions: SessionStore) -> None:
    async def main() -> None:
        journal = opened(sessions)
        for record in some_records(10):
            last = journal.append(record)
        assert journal.durable_sequence == 0
        await journal.durable(last)
        assert journal.durable_sequence == 10 == sessions.head(journal.session_id).sequence
        await journal.durable(3)
        await journal.close()

    asyncio.run(main())


def test_in_virtual_time_a_group_is_committed_after_20_ms_or_at_256_records(
    sessions: SessionStore,
) -> None:
    async def main() -> None:
        journal = opened(sessions)
        journal.append(OPENED)
        await asyncio.sleep(0.019)
        assert journal.durable_sequence == 0
        await asyncio.sleep(0.002)
        assert journal.durable_sequence == 1
        for number in range(256):
            journal.append(time_record(number))
        await asyncio.sleep(0.001)
        assert journal.durable_sequence == 257
        await journal.close()

    run_virtual(main())


def test_many_sessions_are_committed_together(sessions: SessionStore) -> None:
    async def main() -> None:
        journals = [opened(sessions, account=f"a{n}") for n in range(5)]
        waits = [each.durable(each.append(OPENED)) for each in journals]
        await asyncio.gather(*waits)
        assert [each.durable_sequence for each in journals] == [1] * 5
        for each in journals:
            await each.close()

    asyncio.run(main())


def test_a_closed_journal_takes_nothing_and_frees_its_account(sessions: SessionStore) -> None:
    async def main() -> None:
        other = opened(sessions, account="other")
        await other.durable(other.append(OPENED))
        await other.close()

    run_virtual(main())
    assert sessions.leases.holder("other") is None
    journal = written(sessions, 2)
    journal.close_now()
    assert sessions.leases.holder("paper-1") is None
    with pytest.raises(JournalClosed):
        journal.append(OPENED)


def test_a_journal_goes_on_where_it_ended(sessions: SessionStore) -> None:
    first = written(sessions, 3)
    first.close_now()
    lease = held(sessions, holder=first.session_id)
    again = sessions.journal(first.session_id, lease)
    assert again.head == first.head
    assert again.append(time_record(1)) == 4
    again.flush()
    assert sessions.verify(first.session_id).is_sound
    assert [e.epoch for e in sessions.entries(first.session_id)] == [1, 1, 1, 2]


def test_pressure_is_how_far_writing_is_behind(sessions: SessionStore, clock: TestClock) -> None:
    journal = opened(sessions)
    assert journal.pressure == 0
    for number in range(2_048):
        journal.append(time_record(number))
    assert journal.pressure == 0.5  # of 4,096 records
    clock.later(4)
    assert journal.pressure == 0.8  # of 5 s
    journal.flush()
    assert journal.pressure == 0


# --- sessions -----------------------------------------------------------------------------------------------
def test_a_session_is_found_by_its_id_or_as_the_last(sessions: SessionStore) -> None:
    first = sessions.begin_session(NEW)
    sessions.clock.later(2)  # type: ignore[attr-defined]
    second = sessions.begin_session(msgspec.structs.replace(NEW, strategy="other", account="b"))
    assert [each.id for each in sessions.list()] == [second, first]
    found = sessions.get(first[-5:])
    assert (found.id, found.strategy, found.state) == (first, "sma_cross", SessionState.CREATED)
    assert found.is_alive
    assert sessions.get("last").id == second
    for name in ("", "nothing", first[:4]):
        with pytest.raises(InputError) as caught:
            sessions.get(name)
        assert caught.value.remedy


def test_a_session_is_found_however_many_are_newer(sessions: SessionStore) -> None:
    old = sessions.begin_session(NEW)
    ended = written(sessions, 3)
    ended.append(StateChanged("created", "stopped", "it was enough"))
    ended.flush()
    for _ in range(60):
        sessions.begin_session(msgspec.structs.replace(NEW, account="b"))
    assert {old, ended.session_id} == {each.id for each in sessions.of_account("paper-1")}
    running = {each.id for each in sessions.running()}
    assert old in running and ended.session_id not in running and len(running) == 61


# --- leases (I13, FAULTS 66) -----------------------------------------------------------------------------------
def test_an_account_has_one_holder_and_the_second_is_told_who(sessions: SessionStore) -> None:
    lease = held(sessions, holder="one")
    refused = sessions.leases.acquire("paper-1", "two")
    assert isinstance(refused, LeaseHeld)
    assert (refused.holder, refused.pid) == ("one", this_process().pid)
    assert "in use by one" in refused.refusal().problem
    assert sessions.leases.holder("paper-1") == refused
    assert held(sessions, "paper-2", "two").epoch == 1
    sessions.leases.release(lease)
    assert sessions.leases.holder("paper-1") is None
    assert held(sessions, holder="two").epoch == 2


def test_the_epoch_rises_at_every_acquisition(sessions: SessionStore) -> None:
    assert [held(sessions, holder="one").epoch for _ in range(3)] == [1, 2, 3]


def test_a_dead_holder_of_this_machine_is_taken_over_at_once(sessions: SessionStore) -> None:
    us = this_process()
    dead = Process(us.host, 2**22 + 1, us.process)  # over the largest process id
    theirs = type(sessions.leases)(sessions.backend, sessions.clock, dead)
    theirs.acquire("paper-1", "one")
    assert sessions.leases.holder("paper-1") is None
    assert held(sessions, holder="two").epoch == 2


@pytest.mark.parametrize(("seconds", "is_free"), [(31.9, False), (32.1, True)])
def test_a_holder_elsewhere_is_taken_over_when_its_lease_and_the_margin_are_over(
    sessions: SessionStore, clock: TestClock, seconds: float, is_free: bool
) -> None:
    """30 s of lease and 2 s for clocks that disagree."""
    elsewhere = type(sessions.leases)(sessions.backend, clock, Process("far", 1, "boot/1/2"))
    elsewhere.acquire("paper-1", "one")
    clock.later(seconds)
    assert isinstance(sessions.leases.acquire("paper-1", "two"), LeaseHeld) is not is_free


def test_a_renewed_lease_lasts_longer(sessions: SessionStore, clock: TestClock) -> None:
    lease = held(sessions)
    clock.later(20)
    later = sessions.leases.renew(lease)
    assert later.epoch == lease.epoch
    clock.later(20)
    assert not lease.is_valid(clock.monotonic_ns())
    assert later.is_valid(clock.monotonic_ns())


def test_a_stepping_wall_clock_changes_no_lease_of_ours(
    sessions: SessionStore, clock: TestClock
) -> None:
    lease = held(sessions)
    clock.wall_ns += 3_600 * 10**9
    assert lease.is_valid(clock.monotonic_ns())


def test_a_stale_holder_appends_nothing(sessions: SessionStore) -> None:
    journal = written(sessions, 2)
    journal.append(time_record(1))
    sessions.leases.acquire("paper-1", journal.session_id)  # somebody has it anew
    told = []
    journal.on_trouble = told.append
    with pytest.raises(LeaseLost, match="epoch 1"):
        journal.flush()
    with pytest.raises(LeaseLost):
        journal.append(time_record(2))
    assert sessions.head(journal.session_id).sequence == 2
    assert [each.kind for each in told] == ["lease"]
    with pytest.raises(LeaseLost):
        sessions.leases.renew(journal.lease)
    with pytest.raises(LeaseLost):
        sessions.journal(journal.session_id, journal.lease)


def test_a_stale_holder_does_not_hold_up_the_others_of_its_process(sessions: SessionStore) -> None:
    async def main() -> None:
        stale, good = opened(sessions, account="a"), opened(sessions, account="b")
        sessions.leases.acquire("a", stale.session_id)
        results = await asyncio.gather(
            stale.durable(stale.append(OPENED)),
            good.durable(good.append(OPENED)),
            return_exceptions=True,
        )
        assert isinstance(results[0], LeaseLost)
        assert results[1] is None
        assert sessions.head(good.session_id).sequence == 1
        assert sessions.head(stale.session_id).sequence == 0

    asyncio.run(main())


# --- duplicate or missing sequence halts (FAULTS 20) ---------------------------------------------------------
def meddled(sessions: SessionStore, statement: str, **values: object) -> None:
    with sessions.backend.writing() as transaction:
        connection = transaction.connection  # type: ignore[attr-defined]
        named = statement.format(**values)
        if hasattr(connection, "exec_driver_sql"):
            connection.exec_driver_sql(named)
        else:
            connection.execute(named)


@pytest.mark.parametrize(
    ("statement", "problem"),
    [
        ("DELETE FROM journal WHERE sequence = 5", "ends at 4 .* next record is 6: 1 are missing"),
        ("DELETE FROM journal", "ends at 0 .* 5 are missing"),
        ("UPDATE journal SET sequence = 6 WHERE sequence = 5", "another record at sequence 6"),
        ("UPDATE journal SET hash = payload WHERE sequence = 5", "another record at sequence"),
    ],
)
def test_a_sequence_twice_or_left_out_halts(
    sessions: SessionStore, statement: str, problem: str
) -> None:
    journal = written(sessions, 5)
    told = []
    journal.on_trouble = told.append
    meddled(sessions, statement)
    before = sessions.head(journal.session_id)
    journal.append(time_record(1))
    with pytest.raises(SequenceBroken, match=problem):
        journal.flush()
    with pytest.raises(SequenceBroken):
        journal.append(time_record(2))
    assert sessions.head(journal.session_id) == before
    assert [(each.kind, each.halts) for each in told] == [("sequence", True)]


# --- verifying ------------------------------------------------------------------------------------------------
@pytest.mark.parametrize(
    ("statement", "first_bad"),
    [
        ("DELETE FROM journal WHERE sequence = 1", 1),
        ("DELETE FROM journal WHERE sequence = 4", 4),
        ("UPDATE journal SET version = 2 WHERE sequence = 3", 3),
        ("UPDATE journal SET ts_ns = ts_ns + 1 WHERE sequence = 3", 3),
        ("UPDATE journal SET epoch = 0 WHERE sequence = 3", 3),
        ("UPDATE journal SET kind = 'noted' WHERE sequence = 6", 6),
        ("UPDATE journal SET hash = payload WHERE sequence = 7", 7),
        ("DELETE FROM journal WHERE sequence > 7", 8),  # only the anchor knows
    ],
)
def test_what_was_altered_is_named_by_its_sequence(
    sessions: SessionStore, statement: str, first_bad: int
) -> None:
    journal = written(sessions, 9)
    journal.close_now()
    assert sessions.verify(journal.session_id).is_sound
    meddled(sessions, statement)
    verdict = sessions.verify(journal.session_id)
    assert (verdict.first_bad, verdict.records) == (first_bad, first_bad - 1)
    assert verdict.problem
    assert not verdict.is_sound


def test_a_flipped_bit_of_a_payload_is_named(sessions: SessionStore) -> None:
    journal = written(sessions, 9)
    entry = list(sessions.entries(journal.session_id))[4]
    flipped = bytes([entry.payload[0] ^ 1]) + entry.payload[1:]
    is_server = "postgres" in sessions.place
    text = f"'\\x{flipped.hex()}'" if is_server else f"X'{flipped.hex()}'"
    meddled(sessions, f"UPDATE journal SET payload = {text} WHERE sequence = 5")
    verdict = sessions.verify(journal.session_id)
    assert verdict.first_bad == 5
    assert "record 5 is not what was written" in verdict.problem
    assert sessions.verify(journal.session_id, after=5).is_sound


def test_a_sound_journal_says_how_far_it_goes(sessions: SessionStore) -> None:
    journal = written(sessions, 9)
    verdict = sessions.verify(journal.session_id)
    assert (verdict.records, verdict.head) == (9, Head(*journal.head))
    assert verdict.hash_hex == journal.head[1].hex()
    assert verdict.anchors == 1  # the opening


def test_a_history_that_was_replaced_as_a_whole_does_not_pass_its_anchors(
    sessions: SessionStore,
) -> None:
    journal = written(sessions, 4)
    journal.close_now()
    meddled(sessions, "DELETE FROM journal")
    lease = held(sessions, holder=journal.session_id)
    with pytest.raises(JournalDamaged, match="ends at 0, but it had 4 records"):
        sessions.journal(journal.session_id, lease)
    previous = genesis(journal.session_id)
    with sessions.backend.writing() as transaction:
        for number in range(1, 6):
            kind, version, payload = encode(time_record(number))
            value = link(previous, number, 1, 0, kind, version, payload)
            transaction.write(
                "insert_entry",
                {
                    "session_id": journal.session_id, "sequence": number, "epoch": 1, "ts_ns": 0,
                    "kind": kind, "version": version, "payload": payload, "hash": value,
                },
            )  # fmt: skip
            previous = value
    verdict = sessions.verify(journal.session_id)
    assert verdict.first_bad == 4
    assert "history was replaced" in verdict.problem
    with pytest.raises(JournalDamaged, match="another hash"):
        sessions.journal(journal.session_id, lease)


# --- anchors --------------------------------------------------------------------------------------------------
def test_anchors_are_written_at_open_and_close(sessions: SessionStore) -> None:
    journal = written(sessions, 4)
    journal.close_now()
    anchors = sessions.anchors(journal.session_id)
    assert [(each.sequence, each.why) for each in anchors] == [(0, "open"), (4, "close")]
    assert anchors[1].head == Head(*journal.head)


def test_what_is_anchored_while_a_session_runs_is_what_the_database_has(
    sessions: SessionStore,
) -> None:
    async def main() -> None:
        journal = opened(sessions)
        await journal.durable(journal.append(OPENED))
        journal.append(time_record(1))  # in memory only
        await journal.anchor("checkpoint")
        found = [(each.sequence, each.why) for each in sessions.anchors(journal.session_id)]
        assert found == [(0, "open"), (1, "checkpoint")]
        await journal.close()
        assert sessions.verify(journal.session_id).anchors == 3

    run_virtual(main())


def test_a_torn_anchor_is_passed_over_and_the_next_stands_on_its_own_line(tmp_path: Path) -> None:
    path = tmp_path / "x.anchors"
    assert read_anchors(path) == []
    add_anchor(path, Head(1, b"\x01" * 32), "open")
    add_anchor(path, Head(2, b"\x02" * 32), "checkpoint")
    path.write_bytes(path.read_bytes()[:-5])
    assert [each.sequence for each in read_anchors(path)] == [1]
    add_anchor(path, Head(3, b"\x03" * 32), "close")
    assert [each.sequence for each in read_anchors(path)] == [1, 3]
    assert lines(path) == 3


# --- files of journals --------------------------------------------------------------------------------------------
def test_an_exported_journal_is_checked_without_its_database(
    sessions: SessionStore, tmp_path: Path
) -> None:
    journal = written(sessions, 30)
    path = tmp_path / "session.journal"
    assert sessions.export(journal.session_id, path) == Head(*journal.head)
    verdict = verify_file(path)
    assert verdict.is_sound
    assert verdict.head == Head(*journal.head)
    file = JournalFile(path)
    assert list(file.entries()) == list(sessions.entries(journal.session_id))
    assert file.head.account == "paper-1"
    assert [each.name for each in tmp_path.iterdir() if "partial" in each.name] == []


def test_every_flipped_bit_and_every_cut_of_an_export_is_found(
    sessions: SessionStore, tmp_path: Path
) -> None:
    journal = written(sessions, 6)
    path = tmp_path / "session.journal"
    sessions.export(journal.session_id, path)
    whole = path.read_bytes()
    damaged = tmp_path / "damaged.journal"
    for place in range(0, len(whole), 7):
        damaged.write_bytes(whole[:place] + bytes([whole[place] ^ 4]) + whole[place + 1 :])
        assert not is_sound(damaged), place
        damaged.write_bytes(whole[:place])
        assert not is_sound(damaged), place


def is_sound(path: Path) -> bool:
    try:
        return verify_file(path).is_sound
    except JournalDamaged:
        return False


def test_damage_inside_a_file_is_named_by_its_sequence(
    sessions: SessionStore, tmp_path: Path
) -> None:
    journal = written(sessions, 6)
    path = tmp_path / "session.journal"
    sessions.export(journal.session_id, path)
    entries = list(sessions.entries(journal.session_id))
    whole = path.read_bytes()
    for entry in entries[:-1]:
        at = whole.index(entry.hash)  # inside its frame
        path.write_bytes(whole[:at] + bytes([whole[at] ^ 1]) + whole[at + 1 :])
        assert verify_file(path).first_bad == entry.sequence


def test_a_damaged_journal_is_not_exported(sessions: SessionStore, tmp_path: Path) -> None:
    journal = written(sessions, 6)
    meddled(sessions, "DELETE FROM journal WHERE sequence = 3")
    with pytest.raises(JournalDamaged, match="record 3"):
        sessions.export(journal.session_id, tmp_path / "x.journal")
    assert list(tmp_path.glob("*x.journal*")) == []


# --- checkpoints (FAULTS 7) ---------------------------------------------------------------------------------------
def test_the_newest_three_checkpoints_are_kept(sessions: SessionStore) -> None:
    journal = written(sessions, 10)
    kept = sessions.checkpoints(journal.session_id)
    assert kept.newest(schema=1) is None
    for sequence in (2, 4, 6, 8):
        kept.save(journal.lease, sequence, sequence * 10, b"state %d" % sequence, schema=1)
    newest = kept.newest(schema=1)
    assert newest is not None
    assert (newest.sequence, newest.cursor, newest.blob) == (8, 80, b"state 8")
    meddled(sessions, "DELETE FROM checkpoints WHERE sequence > 4")
    oldest = kept.newest(schema=1)
    assert oldest is not None and oldest.sequence == 4
    meddled(sessions, "DELETE FROM checkpoints WHERE sequence > 2")
    assert kept.newest(schema=1) is None  # the fourth had gone


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE checkpoints SET blob = hash WHERE sequence = 8",
        "UPDATE checkpoints SET schema = 2 WHERE sequence = 8",
        "UPDATE journal SET hash = payload WHERE sequence = 8",  # of another history
    ],
)
def test_a_damaged_or_foreign_checkpoint_is_passed_over(
    sessions: SessionStore, statement: str
) -> None:
    journal = written(sessions, 10)
    kept = sessions.checkpoints(journal.session_id)
    kept.save(journal.lease, 6, 60, b"older", schema=1)
    kept.save(journal.lease, 8, 80, b"newer", schema=1)
    meddled(sessions, statement)
    found = kept.newest(schema=1)
    assert found is not None and found.blob == b"older"


def test_a_stale_holder_saves_no_checkpoint(sessions: SessionStore) -> None:
    journal = written(sessions, 3)
    sessions.leases.acquire("paper-1", journal.session_id)
    with pytest.raises(LeaseLost):
        sessions.checkpoints(journal.session_id).save(journal.lease, 3, 0, b"x", schema=1)


# --- controls and alerts ------------------------------------------------------------------------------------------
def test_a_wish_is_answered_once(sessions: SessionStore, clock: TestClock) -> None:
    session_id = sessions.begin_session(NEW)
    first = sessions.controls.ask(session_id, "pause", who="me", why="lunch\x00")
    clock.later(1)
    second = sessions.controls.ask(session_id, "approve", who="you", arguments={"signal": "ab"})
    waiting = sessions.controls.waiting(session_id)
    assert [(each.id, each.verb, each.who) for each in waiting] == [
        (first, "pause", "me"),
        (second, "approve", "you"),
    ]
    assert waiting[1].arguments == {"signal": "ab"}
    assert sessions.controls.answer(first, "paused")
    assert not sessions.controls.answer(first, "resumed")
    answered = sessions.controls.get(first)
    assert answered is not None
    assert (answered.answer, answered.done_ns, answered.why) == ("paused", clock.wall_ns, "lunch")
    assert [each.id for each in sessions.controls.waiting(session_id)] == [second]
    assert len(sessions.controls.all(session_id)) == 2
    assert sessions.controls.get("nobody") is None


def test_an_episode_is_one_alert_however_often_it_is_told(
    sessions: SessionStore, clock: TestClock
) -> None:
    first = sessions.alerts.tell("stale:ACME", "warning", "ACME", "no update for 120 s")
    clock.later(600)
    again = sessions.alerts.tell("stale:ACME", "critical", "ACME", "no update for 720 s")
    assert (again.id, again.count, again.severity) == (first.id, 2, "critical")
    sessions.alerts.delivered(first.id, "log mail")
    assert sessions.alerts.clear("stale:ACME")
    assert not sessions.alerts.clear("stale:ACME")
    clock.later(1)
    other = sessions.alerts.tell("stale:ACME", "warning", "ACME", "again", session_id="")
    assert other.id != first.id
    assert [each.count for each in sessions.alerts.newest()] == [1, 2]
    assert sessions.alerts.newest()[1].delivered == "log mail"
    assert sessions.alerts.newest(session_id="nobody") == []


def test_an_entry_is_a_plain_value() -> None:
    entry = Entry(1, 1, 0, *encode(Closed("a", "b")), b"")
    assert entry.record == Closed("a", "b")
