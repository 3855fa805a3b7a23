"""The audit trail: events of promotions in the database, each holding on to the one before it.

Each entry's hash is over the hash before it and all that it says, as in a session's journal. Beside the
database a small file says where the trail ended: a database that was altered, or put back to an old copy,
does not pass there any more. What must be known even then stands in a second file, one line each.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import msgspec

from engine.errors import InputError, InternalFault
from engine.ports import Clock
from runtime.journal.anchors import add_anchor, read_anchors
from runtime.journal.emergency import sync_folder
from runtime.journal.entries import Entry, Head, genesis, link
from runtime.journal.failures import JournalDamaged
from runtime.journal.verifying import require_chain
from runtime.promotion.events import LASTING, Event, Reanchored, event_bytes, event_from
from runtime.store.backend import Backend, Row

HEADS_NAME = "promotion.heads"
LASTING_NAME = "promotion.log"
GENESIS = genesis("promotion")
_VERSION = 1
_TRIES = 10  # of processes that add at the same time, one succeeds each time


class AuditDamaged(InputError):
    """The trail is not what was written; nothing that it says can be relied on."""

    def __init__(self, problem: str, where: str) -> None:
        super().__init__(
            problem,
            where=where,
            remedy="restore the newest copy of it; if there is none, `trader promote --accept-record "
            "--why TEXT` goes on with what is there, signed with an approver's key",
            code="promotion.record",
        )


class _Taken(Exception):
    """Somebody was first."""


class Audit:
    """The trail of a database; may be used from several threads, and by several processes at once.

    Parameters
    ----------
    folder
        For the two files.
    """

    def __init__(self, backend: Backend, folder: Path, clock: Clock) -> None:
        self._backend = backend
        self._heads = folder / HEADS_NAME
        self._lasting = folder / LASTING_NAME
        self._clock = clock
        self._entries: list[Entry] = []
        self._events: list[Event] = []
        self._lock = threading.RLock()

    @property
    def head(self) -> Head:
        """Where the trail ends, as far as it was read."""
        return _head(self._entries[-1]) if self._entries else Head(0, GENESIS)

    def entries(self) -> list[tuple[Entry, Event]]:
        """Return all entries, checked; those that were read before are not read again.

        Raises
        ------
        AuditDamaged
            If one is missing or was altered, or the trail does not pass where it was.
        """
        with self._lock:
            anchors = read_anchors(self._heads)  # before the database: what is there was committed
            self._read_on()
            if not anchors and self._entries:
                # Whoever wrote the first entry meanwhile has written the file before it.
                anchors = read_anchors(self._heads)
                self._read_on()
            if not anchors and self._entries:
                raise AuditDamaged(
                    "the file that says where the audit trail ended is missing: it was removed, or "
                    "this machine is new to the database",
                    str(self._heads),
                )
            last = max(anchors, key=lambda each: each.sequence, default=None)
            if last is not None and last.sequence > self.head.sequence:
                raise AuditDamaged(
                    f"the audit trail ends at {self.head.sequence}, and it had {last.sequence} "
                    "entries: the database was put back to an old copy",
                    self._backend.place,
                )
            if last is not None and _hash_at(self._entries, last.sequence) != last.hash:
                raise AuditDamaged(
                    f"entry {last.sequence} of the audit trail is another than it was",
                    self._backend.place,
                )
            return list(zip(self._entries, self._events))

    def left(self) -> list[tuple[Entry, Event]]:
        """Return what the database has of the trail, wherever it ended before."""
        with self._lock:
            self._read_on()
            return list(zip(self._entries, self._events))

    def lasting(self) -> list[Event]:
        """Return the events that outlive the database.

        Raises
        ------
        AuditDamaged
            If a line of the file is torn or was edited.
        """
        try:
            lines = self._lasting.read_bytes().split(b"\n")
        except FileNotFoundError:
            return []
        found = []
        for number, line in enumerate(filter(None, lines), 1):
            try:
                found.append(event_from(line))
            except msgspec.MsgspecError:
                raise AuditDamaged(
                    f"line {number} is torn: repeat what was being done, then remove the line",
                    str(self._lasting),
                ) from None
        return found

    def append(self, event: Event) -> Entry:
        """Add an event, durably; what has to last is in the file before it is in the database.

        Raises
        ------
        AuditDamaged
            If the trail cannot be relied on; what has to last is in its file all the same.
        InputError
            If the database or the disk refuses.
        """
        with self._lock:
            if isinstance(event, LASTING):
                _add_line(self._lasting, event_bytes(event))
            self.entries()
            return self._append(event)

    def append_unless(self, is_taken: Callable[[Sequence[Event]], bool], event: Event) -> bool:
        """Add an event as `append` does, unless what stands before it says no; return whether it was added.

        Parameters
        ----------
        is_taken
            Asked of all events that will stand before it, also of those that another process adds meanwhile.
        """
        with self._lock:
            self.entries()
            if is_taken(self._events):
                return False
            if isinstance(event, LASTING):
                _add_line(self._lasting, event_bytes(event))
            try:
                self._append(event, is_taken)
            except _Taken:
                return False
            return True

    def accept(self, signed: Callable[[str, Head], Reanchored], also: str = "") -> str:
        """Go on with the database as it is and return what was wrong with it; empty: nothing was.

        Parameters
        ----------
        signed
            Returns the acceptance of a problem at an end of the trail, signed.
        also
            What else is wrong beside the trail.

        Raises
        ------
        AuditDamaged
            If the chain itself is broken: that cannot be accepted.
        """
        with self._lock:
            self._read_on()
            problem = self._problem()
            told = "; ".join(filter(None, (problem, also)))
            if not told:
                return ""
            acceptance = signed(told, self.head)
            if problem and self._heads.exists():
                aside = self._heads.with_name(f"{HEADS_NAME}.{self._clock.now_ns()}")
                self._heads.rename(aside)
                sync_folder(aside.parent)
            if problem:
                self._anchor(self.head, "accepted")
            self._append(acceptance)
            return told

    def _problem(self) -> str:
        try:
            self.entries()
        except AuditDamaged as damaged:
            return damaged.problem
        return ""

    def _append(
        self, event: Event, is_taken: Callable[[Sequence[Event]], bool] = lambda events: False
    ) -> Entry:
        for _ in range(_TRIES):
            self._read_on()
            if is_taken(self._events):
                raise _Taken
            head = self.head
            if not head.sequence and not self._heads.exists():
                self._anchor(head, "begin")  # so that whoever sees an entry sees the file
            entry = _next_entry(head, self._clock.now_ns(), event)
            row = {name: getattr(entry, name) for name in _COLUMNS}
            with self._backend.writing() as transaction:
                transaction.write("insert_promotion_event", row)  # unless there is one at its place
                added = transaction.read("promotion_events", {"after": head.sequence})[0]
            if added["hash"] == entry.hash:
                self._anchor(_head(entry), entry.kind)
                return entry
        raise InternalFault("the audit trail grows faster than it can be added to")

    def _anchor(self, head: Head, why: str) -> None:
        self._heads.parent.mkdir(parents=True, exist_ok=True)
        add_anchor(self._heads, head, why)

    def _read_on(self) -> None:
        """Read what is new and check that it follows."""
        head = self.head
        with self._backend.reading() as transaction:
            rows = transaction.read("promotion_events", {"after": head.sequence})
            ends = transaction.read("promotion_head")
        if (int(str(ends[0]["sequence"])) if ends else 0) < head.sequence:
            raise AuditDamaged("the audit trail has become shorter", self._backend.place)
        try:
            for entry, event in _checked(map(_entry, rows), head):
                self._entries.append(entry)
                self._events.append(event)
        except JournalDamaged as error:
            raise AuditDamaged(
                f"of the audit trail, {error.problem}", self._backend.place
            ) from None


_COLUMNS = ("sequence", "ts_ns", "kind", "version", "payload", "hash")


def _checked(entries: Iterator[Entry], head: Head) -> Iterator[tuple[Entry, Event]]:
    for entry in require_chain(entries, head.hash, where="", first=head.sequence + 1):
        try:
            yield entry, event_from(entry.payload)
        except msgspec.MsgspecError:
            raise JournalDamaged(
                f"record {entry.sequence} cannot be read by this version of trader",
                where="",
                sequence=entry.sequence,
            ) from None


def _next_entry(head: Head, now_ns: int, event: Event) -> Entry:
    sequence, kind, payload = head.sequence + 1, type(event).__name__, event_bytes(event)
    value = link(head.hash, sequence, 0, now_ns, kind, _VERSION, payload)
    return Entry(sequence, 0, now_ns, kind, _VERSION, payload, value)


def _entry(row: Row) -> Entry:
    return msgspec.convert({**row, "epoch": 0}, Entry)


def _head(entry: Entry) -> Head:
    return Head(entry.sequence, entry.hash)


def _hash_at(entries: list[Entry], sequence: int) -> bytes:
    return entries[sequence - 1].hash if sequence else GENESIS


def _add_line(path: Path, line: bytes) -> None:
    """Add a line and wait for the disk."""
    path.parent.mkdir(parents=True, exist_ok=True)
    is_new = not path.exists()
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_APPEND, 0o600)
    try:
        size = os.fstat(descriptor).st_size
        is_torn = size > 0 and os.pread(descriptor, 1, size - 1) != b"\n"
        rest = b"%s%s\n" % (b"\n" if is_torn else b"", line)
        while rest:
            rest = rest[os.write(descriptor, rest) :]
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
    if is_new:
        sync_folder(path.parent)
