"""What became of certificates: a record that is not changed, shortened or put back unseen."""

from __future__ import annotations

import shutil
import sqlite3
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from engine.errors import InputError
from runtime.journal.anchors import Anchor
from runtime.promotion import audit
from runtime.promotion.audit import HEADS_NAME, LASTING_NAME, AuditDamaged
from runtime.promotion.certificate import Known, VerifiedCertificate, verify
from runtime.promotion.document import Document
from runtime.promotion.events import (
    CertificateIssued,
    PromotionAttempted,
    Revoked,
    Seen,
    Suspended,
)
from runtime.promotion.problems import Code, Problem
from runtime.promotion.signing import REVOCATION, is_signed
from runtime.promotion.store import PromotionStore
from tests.unit.promotion.certificates import (
    ALONE,
    ANNA,
    NOW,
    RUNS,
    MovableClock,
    body_of,
    signed,
)

FIRST = signed(body_of(serial=1))
SECOND = signed(body_of(serial=2))
BODY = FIRST.body
PLACE = (BODY.account, BODY.family)


@pytest.fixture
def clock() -> MovableClock:
    return MovableClock()


@pytest.fixture
def store(url: str, tmp_path: Path, clock: MovableClock) -> Iterator[PromotionStore]:
    """Return an empty store on each kind of database."""
    with PromotionStore.open(url, clock=clock, folder=tmp_path / "files") as opened:
        yield opened


@pytest.fixture
def file_store(tmp_path: Path, clock: MovableClock) -> Iterator[PromotionStore]:
    """Return an empty store in a file."""
    with opened_file(tmp_path, clock) as opened:
        yield opened


def opened_file(folder: Path, clock: MovableClock) -> PromotionStore:
    url = f"sqlite:///{folder / 'trader.sqlite'}"
    return PromotionStore.open(url, clock=clock, folder=folder / "files")


def attempt(**fields: object) -> PromotionAttempted:
    made: dict[str, object] = {
        "strategy": "momentum", "family": BODY.family, "fingerprint": RUNS.core, "asked": "request",
        "verdict": "FAIL", "report": "r", "evidence": "e", "who": "bert@desk",
    }  # fmt: skip
    return PromotionAttempted(**{**made, **fields})  # type: ignore[arg-type]


def verdict_of(document: Document, known: Known, now_ns: int = NOW) -> Code | None:
    """Return why a certificate is refused; None: it is not."""
    verdict = verify(
        document.to_bytes(), fingerprint=RUNS, known=known, trusted=ALONE, now_ns=now_ns
    )
    return verdict.code if isinstance(verdict, Problem) else None


# --- what happens is known --------------------------------------------------------------------------------
def test_what_happens_is_recorded_in_order(store: PromotionStore, clock: MovableClock) -> None:
    store.add(attempt())
    clock.pass_seconds(1)
    store.approved(BODY)
    store.issue(FIRST)
    kinds = [(entry.sequence, entry.ts_ns - NOW, entry.kind) for entry, _ in store.events()]
    assert kinds == [
        (1, 0, "PromotionAttempted"),
        (2, 10**9, "Approved"),
        (3, 10**9, "CertificateIssued"),
    ]


def test_an_issued_certificate_is_found_by_its_strategy_and_account(store: PromotionStore) -> None:
    assert store.newest("momentum", BODY.account) is None
    store.issue(FIRST)
    store.issue(SECOND)
    assert store.newest("momentum", BODY.account) == SECOND.to_bytes()
    assert store.newest("reversion", BODY.account) is None
    assert store.newest("momentum", "0" * 64) is None


def test_a_serial_is_higher_than_any_before(store: PromotionStore) -> None:
    assert store.next_serial(*PLACE) == 1
    store.issue(FIRST)
    assert store.next_serial(*PLACE) == 2
    store.add(attempt(account=BODY.account, serial=7, verdict="PASS"))
    assert store.next_serial(*PLACE) == 8
    assert store.next_serial(BODY.account, "another family") == 1


def test_issuing_the_next_refuses_the_one_before(store: PromotionStore) -> None:
    store.issue(FIRST)
    assert verdict_of(FIRST, store.known()) is None
    store.issue(SECOND)
    assert verdict_of(FIRST, store.known()) is Code.SERIAL
    assert verdict_of(SECOND, store.known()) is None


def test_seeing_a_certificate_of_another_machine_refuses_older_ones(store: PromotionStore) -> None:
    verified = VerifiedCertificate(SECOND.body, NOW)
    store.seen(verified, "20270115-080000-4k9zt")
    assert store.known().serials == {PLACE: 2}
    assert isinstance(store.events()[0][1], Seen)


def test_a_revocation_is_signed_and_refuses(store: PromotionStore) -> None:
    store.issue(FIRST)
    revoked = store.revoke(BODY, "the wrong account", "anna@desk", ANNA)
    assert verdict_of(FIRST, store.known()) is Code.REVOKED
    assert is_signed(ANNA.key, REVOCATION, revoked.to_sign(), revoked.signature)
    assert store.withdrawn() == [revoked]


def test_a_revocation_says_why(store: PromotionStore) -> None:
    with pytest.raises(InputError, match="needs a reason"):
        store.revoke(BODY, " ", "anna@desk", ANNA)


def test_a_suspension_refuses(store: PromotionStore) -> None:
    store.issue(FIRST)
    store.suspend(BODY, "fast drift: 5.2 at the limit of 5", "20270115-080000-4k9zt")
    assert verdict_of(FIRST, store.known()) is Code.SUSPENDED
    assert verdict_of(SECOND, store.known()) is None


def test_requests_are_counted_and_looks_are_not(store: PromotionStore) -> None:
    store.add(attempt())
    store.add(attempt(asked="status"))
    store.add(attempt(family="another"))
    store.add(attempt(verdict="PASS"))
    assert [each.verdict for each in store.attempts(BODY.family)] == ["FAIL", "PASS"]


def test_a_clock_that_was_moved_back_shows(store: PromotionStore, clock: MovableClock) -> None:
    store.issue(FIRST)
    clock.pass_seconds(40 * 86_400)
    store.add(attempt())
    assert verdict_of(FIRST, store.known(), NOW) is Code.CLOCK


def test_two_who_write_at_once_both_do(url: str, tmp_path: Path) -> None:
    def write(number: int) -> None:
        with PromotionStore.open(url, clock=MovableClock(), folder=tmp_path) as opened:
            for i in range(5):
                opened.add(attempt(who=f"{number}.{i}"))

    PromotionStore.open(url, folder=tmp_path).close()
    threads = [threading.Thread(target=write, args=(number,)) for number in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    with PromotionStore.open(url, folder=tmp_path) as opened:
        who = [event.who for _, event in opened.events() if isinstance(event, PromotionAttempted)]
    assert sorted(who) == [f"{number}.{i}" for number in range(2) for i in range(5)]


def test_one_who_looks_while_another_writes_sees_whole_entries(
    file_store: PromotionStore,
) -> None:
    """A session asks each minute, in a thread, and suspends from its loop."""
    seen: list[str] = []

    def look() -> None:
        seen.extend(file_store.known().problem for _ in range(50))

    thread = threading.Thread(target=look)
    thread.start()
    for _ in range(20):
        file_store.add(attempt())
    thread.join()
    assert set(seen) == {""}
    assert len(file_store.events()) == 20


def test_one_who_looks_while_the_first_entry_is_written_misses_nothing(
    url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The file that says where the trail ends was not there when it was read, the entry was."""
    read = audit.read_anchors

    def writing_meanwhile(path: Path) -> list[Anchor]:
        found = read(path)
        monkeypatch.setattr(audit, "read_anchors", read)
        writer.add(attempt())
        return found

    with (
        PromotionStore.open(url, clock=MovableClock(), folder=tmp_path) as writer,
        PromotionStore.open(url, clock=MovableClock(), folder=tmp_path) as looker,
    ):
        monkeypatch.setattr(audit, "read_anchors", writing_meanwhile)
        assert len(looker.events()) == 1


# --- and cannot be changed unseen -------------------------------------------------------------------------
def alter(folder: Path, *statements: str) -> None:
    connection = sqlite3.connect(folder / "trader.sqlite")
    for each in statements:
        connection.execute(each)
    connection.commit()
    connection.close()


def filled(folder: Path, clock: MovableClock) -> None:
    with opened_file(folder, clock) as store:
        store.issue(FIRST)
        store.revoke(BODY, "the wrong account", "anna@desk", ANNA)
        store.add(attempt())


SPOILED: dict[str, tuple[Callable[[Path], None], str]] = {
    "an edited row": (
        lambda at: alter(at, "UPDATE promotion_events SET ts_ns = 1 WHERE sequence = 2"),
        "record 2 is not what was written",
    ),
    "an edited payload": (
        lambda at: alter(
            at,
            "UPDATE promotion_events SET payload = CAST(replace(CAST(payload AS TEXT), 'wrong', "
            "'right') AS BLOB) WHERE sequence = 2",
        ),
        "record 2 is not what was written",
    ),
    "a removed row": (
        lambda at: alter(at, "DELETE FROM promotion_events WHERE sequence = 2"),
        "record 2 is missing",
    ),
    "removed last rows": (
        lambda at: alter(at, "DELETE FROM promotion_events WHERE sequence > 1"),
        "ends at 1, and it had 3 entries",
    ),
    "an emptied table": (
        lambda at: alter(at, "DELETE FROM promotion_events"),
        "ends at 0, and it had 3 entries",
    ),
    "no file beside the database": (
        lambda at: (at / "files" / HEADS_NAME).unlink(),
        "is missing",
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", SPOILED)
def test_a_record_that_was_altered_denies_everything(
    name: str, tmp_path: Path, clock: MovableClock
) -> None:
    filled(tmp_path, clock)
    spoil, told = SPOILED[name]
    spoil(tmp_path)
    with opened_file(tmp_path, clock) as store:
        known = store.known()
        assert told in known.problem
        assert verdict_of(SECOND, known) is Code.RECORD
        with pytest.raises(AuditDamaged):
            store.add(attempt())


def test_a_database_that_was_put_back_is_noticed_by_whoever_has_it_open(
    tmp_path: Path, clock: MovableClock
) -> None:
    filled(tmp_path, clock)
    with opened_file(tmp_path, clock) as store:
        assert store.known().problem == ""
        alter(tmp_path, "DELETE FROM promotion_events WHERE sequence = 3")
        assert "shorter" in store.known().problem


def test_a_crash_before_the_file_beside_the_database_was_written_is_nothing(
    tmp_path: Path, clock: MovableClock
) -> None:
    """The entry is in the database, and the file ends with the one before; or with half a line."""
    filled(tmp_path, clock)
    heads = tmp_path / "files" / HEADS_NAME
    lines = heads.read_bytes().splitlines(keepends=True)
    for left in (b"".join(lines[:-1]), b"".join([*lines[:-1], lines[-1][:20]])):
        heads.write_bytes(left)
        with opened_file(tmp_path, clock) as store:
            assert store.known().problem == ""
            store.add(attempt())
            assert store.known().problem == ""
        lines = heads.read_bytes().splitlines(keepends=True)


def test_another_database_in_the_place_of_the_old_one_is_noticed(
    tmp_path: Path, clock: MovableClock
) -> None:
    filled(tmp_path, clock)
    (tmp_path / "trader.sqlite").unlink()
    with opened_file(tmp_path, clock) as store:
        assert "ends at 0, and it had 3" in store.known().problem


def test_a_copy_with_another_end_is_noticed(tmp_path: Path, clock: MovableClock) -> None:
    """Put back, and written on with a tool of one's own: as many entries, but not these."""
    with opened_file(tmp_path, clock) as store:
        store.issue(FIRST)
    shutil.copy(tmp_path / "trader.sqlite", tmp_path / "copy.sqlite")
    with opened_file(tmp_path, clock) as store:
        store.revoke(BODY, "the wrong account", "anna@desk", ANNA)
    elsewhere = PromotionStore.open(
        f"sqlite:///{tmp_path / 'copy.sqlite'}", clock=clock, folder=tmp_path / "other"
    )
    with elsewhere as forged:
        forged.accept("mallory", "no reason", ANNA)
    shutil.copy(tmp_path / "copy.sqlite", tmp_path / "trader.sqlite")
    with opened_file(tmp_path, clock) as store:
        assert "entry 2 of the audit trail is another" in store.known().problem


def test_what_was_withdrawn_is_known_even_of_a_record_that_was_accepted(
    tmp_path: Path, clock: MovableClock
) -> None:
    filled(tmp_path, clock)
    alter(tmp_path, "DELETE FROM promotion_events")
    with opened_file(tmp_path, clock) as store:
        problem = store.accept("anna@desk", "the disk had died", ANNA)
        assert "it had 3 entries" in problem
        known = store.known()
        assert known.problem == ""
        assert known.serials == {PLACE: 1}
        assert verdict_of(FIRST, known) is Code.REVOKED
        assert store.next_serial(*PLACE) == 2
        assert store.accept("anna@desk", "again", ANNA) == ""


def test_a_broken_chain_cannot_be_accepted(tmp_path: Path, clock: MovableClock) -> None:
    filled(tmp_path, clock)
    alter(tmp_path, "UPDATE promotion_events SET ts_ns = 1 WHERE sequence = 2")
    with opened_file(tmp_path, clock) as store, pytest.raises(AuditDamaged):
        store.accept("anna@desk", "it is only one row", ANNA)


def test_a_revocation_holds_without_the_database(tmp_path: Path, clock: MovableClock) -> None:
    filled(tmp_path, clock)
    alter(tmp_path, "DELETE FROM promotion_events WHERE sequence = 3")
    with opened_file(tmp_path, clock) as store:
        with pytest.raises(AuditDamaged):
            store.revoke(SECOND.body, "while it was broken", "anna@desk", ANNA)
        assert [type(each) for each in store.audit.lasting()] == [
            CertificateIssued, Revoked, Revoked,
        ]  # fmt: skip
        store.accept("anna@desk", "the copy was older", ANNA)
        assert verdict_of(SECOND, store.known()) is Code.REVOKED


def test_a_torn_line_of_what_lasts_denies_until_it_is_repeated_and_removed(
    tmp_path: Path, clock: MovableClock
) -> None:
    filled(tmp_path, clock)
    file = tmp_path / "files" / LASTING_NAME
    whole = file.read_bytes()
    file.write_bytes(whole + b'{"type":"Revo')
    with opened_file(tmp_path, clock) as store:
        assert "line 3 is torn" in store.known().problem
        store.revoke(SECOND.body, "again", "anna@desk", ANNA)
        assert "line 3 is torn" in store.known().problem
        file.write_bytes(file.read_bytes().replace(b'{"type":"Revo\n', b""))
        assert verdict_of(SECOND, store.known()) is Code.REVOKED


def test_a_machine_that_is_new_to_a_database_says_so_first(
    tmp_path: Path, clock: MovableClock
) -> None:
    filled(tmp_path, clock)
    url = f"sqlite:///{tmp_path / 'trader.sqlite'}"
    with PromotionStore.open(url, clock=clock, folder=tmp_path / "another") as store:
        assert "this machine is new" in store.known().problem
        store.accept("anna@desk", "a second server", ANNA)
        assert store.known().problem == ""


def test_an_event_that_this_version_does_not_know_denies(
    file_store: PromotionStore, tmp_path: Path, clock: MovableClock
) -> None:
    from runtime.journal.entries import genesis, link

    payload = b'{"type":"Delegated"}'
    value = link(genesis("promotion"), 1, 0, NOW, "Delegated", 1, payload)
    alter(
        tmp_path,
        f"INSERT INTO promotion_events VALUES (1, {NOW}, 'Delegated', 1, "
        f"x'{payload.hex()}', x'{value.hex()}')",
    )
    assert "cannot be read by this version" in file_store.known().problem


def test_a_suspension_is_of_one_certificate(file_store: PromotionStore) -> None:
    file_store.suspend(BODY, "drift")
    (only,) = file_store.withdrawn()
    assert isinstance(only, Suspended)
    assert only.certificate == BODY.id
