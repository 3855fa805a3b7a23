"""`SessionStore`: sessions, their journals, and what belongs to them, wherever the database is.

The database is the registry's own (`runtime.store`). What must not depend on it stands in a folder beside
it: emergency files, reserves and anchors; for a database server, in the user's data folder.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Executor
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path
from typing import Any, TypeVar

import msgspec

from engine.errors import InputError
from engine.ports import Clock
from runtime.clocks import SystemClock
from runtime.journal.alerts import Alerts
from runtime.journal.anchors import Anchor, add_anchor, read_anchors
from runtime.journal.checkpoints import Checkpoints
from runtime.journal.codec import KINDS
from runtime.journal.committing import Group, commit_group, hash_at, read_head
from runtime.journal.controls import Controls
from runtime.journal.emergency import Disk, RealDisk, SessionFiles, sync_folder
from runtime.journal.entries import Entry, Head, genesis
from runtime.journal.exporting import write_export
from runtime.journal.failures import JournalDamaged, SequenceBroken, Trouble
from runtime.journal.frames import FileHead, JournalFile
from runtime.journal.journal import SessionJournal, file_group
from runtime.journal.leases import Lease, Leases, fence
from runtime.journal.records import Record, Taken
from runtime.journal.upkeep import Upkeep
from runtime.journal.verifying import Verdict, require_chain, verify_entries
from runtime.journal.writer import DEADLINE_SECONDS, GroupWriter
from runtime.session.states import SessionState
from runtime.store.backend import Backend, Cell, Row, Transaction
from runtime.store.ids import new_id
from runtime.store.location import beside, database_url, masked, sqlite_path
from runtime.store.processes import Process, has_ended, this_process
from runtime.store.rows import storable
from runtime.store.store import open_backend

T = TypeVar("T")
DRILL_ACCOUNT = "paper:drill"
PAGE = 2_048  # entries that are read at once
_LOOKED_AT = 1_000  # newest sessions, for the last that is no drill
_LOST_TOLD = 20  # of sessions that are lost: one is enough


class NewSession(msgspec.Struct, frozen=True):
    """A session that is about to begin; what it runs stands in its journal (`Opened`)."""

    strategy: str
    account: str
    fingerprint: str = ""
    path: str = ""
    broker: str = ""
    feed: str = ""
    evidence: str = ""
    mode: str = "auto"
    command: str = ""


class SessionRecord(msgspec.Struct, frozen=True):
    """A session as it is recorded; `is_alive` says whether its process is known to be there.

    `equity_minor` and `marked_ns` are of the last mark, None before the first.
    """

    id: str
    strategy: str
    path: str
    fingerprint: str
    account: str
    broker: str
    feed: str
    evidence: str
    mode: str
    command: str
    symbols: list[str]
    state: SessionState
    cause: str
    host: str
    pid: int
    begun_ns: int
    changed_ns: int
    ended_ns: int | None
    equity_minor: int | None
    marked_ns: int | None
    is_alive: bool


@dataclass(eq=False)
class SessionStore:
    """The sessions of a database; see `open`.

    Attributes
    ----------
    leases, controls, alerts
        Of all sessions.
    upkeep
        Of the sessions of this process.
    """

    place: str
    folder: Path
    backend: Backend
    writer: GroupWriter
    clock: Clock
    disk: Disk
    ended: Callable[[Process], bool] = has_ended
    leases: Leases = field(init=False)
    controls: Controls = field(init=False)
    alerts: Alerts = field(init=False)
    upkeep: Upkeep = field(init=False)

    def __post_init__(self) -> None:
        self.leases = Leases(self.backend, self.clock, ended=self.ended)
        self.controls = Controls(self.backend, self.clock)
        self.alerts = Alerts(self.backend, self.clock)
        self.upkeep = Upkeep(self.leases, self.controls, self.clock, self.writer.run)

    @classmethod
    def open(
        cls,
        url: str | None = None,
        *,
        clock: Clock | None = None,
        folder: Path | None = None,
        executor: Executor | None = None,
        files: Executor | None = None,
        disk: Disk | None = None,
        deadline_seconds: float = DEADLINE_SECONDS,
    ) -> SessionStore:
        """Open the database, make or update its schema.

        Parameters
        ----------
        url
            As for `runtime.store.Store.open`.
        clock
            The machine's when left out.
        folder
            Where emergency files, reserves and anchors are; beside the database when left out.
        executor, files
            Threads for the database and for files; one each when left out.
        deadline_seconds
            How long a commit may take before the emergency file takes over.

        Raises
        ------
        InputError
            If it cannot be reached, opened or written, or belongs to a newer version.
        """
        url = database_url(Path.cwd()) if url is None else url
        # Two connections to a file: reading a long journal does not hold up the writer.
        wait = deadline_seconds * 0.8
        backend = open_backend(url, wait_seconds=wait)
        own = open_backend(url, wait_seconds=wait) if sqlite_path(url) is not None else backend
        writer = GroupWriter(
            own, project=_project, executor=executor, files=files, deadline_seconds=deadline_seconds
        )
        place = folder or beside(url)
        return cls(masked(url), place, backend, writer, clock or SystemClock(), disk or RealDisk())

    def close(self) -> None:
        """Give back what is held."""
        self.writer.close()
        self.backend.close()
        if self.writer.backend is not self.backend:
            self.writer.backend.close()

    async def run(self, work: Callable[..., T], *arguments: object) -> T:
        """Do something with the database off the loop: whatever writes may have to wait for a lock."""
        return await self.writer.run(work, *arguments)

    # --- sessions ------------------------------------------------------------------------------------
    def begin_session(self, new: NewSession, session_id: str = "") -> str:
        """Record a session that is about to begin, durably, and return its id; made up if left out."""
        now = self.clock.now_ns()
        session_id = session_id or new_id(now)
        process = this_process()
        texts = {name: storable(getattr(new, name)) for name in NewSession.__struct_fields__}
        row: dict[str, Cell] = {
            **texts,
            "id": session_id,
            "symbols": "[]",
            "state": SessionState.CREATED.value,
            "cause": "",
            **_process_row(process),
            "begun_ns": now,
            "changed_ns": now,
            "ended_ns": None,
            "equity_minor": None,
            "marked_ns": None,
        }
        with self.backend.writing() as transaction:
            transaction.write("insert_session", row)
        return session_id

    def list(self, *, limit: int = 50) -> Sequence[SessionRecord]:
        """Return the newest sessions first."""
        return self._all("sessions", row_limit=limit)

    def of_account(self, account: str) -> Sequence[SessionRecord]:
        """Return all sessions of an account, the newest first."""
        return self._all("sessions_of_account", of_account=account)

    def of_broker(self, broker: str) -> Sequence[SessionRecord]:
        """Return all sessions at a broker, the newest first."""
        return self._all("sessions_of_broker", of_broker=broker)

    def running(self) -> Sequence[SessionRecord]:
        """Return the sessions whose processes run, the newest first."""
        return [each for each in self._all("sessions_not_ended") if each.is_alive]

    def get(self, id_prefix: str) -> SessionRecord:
        """Return one session, named by the beginning of its id or its random end.

        ``last`` is the newest; a drill of the kill switch is meant by its id only.

        Raises
        ------
        InputError
            If none or several are meant.
        """
        with self.backend.reading() as transaction:
            if id_prefix == "last":
                newest = transaction.read("sessions", {"row_limit": _LOOKED_AT})
                kept = (row["id"] for row in newest if row["account"] != DRILL_ACCOUNT)
                id_prefix = str(next(kept, ""))
            named: dict[str, Cell] = {"name": id_prefix, "length": len(id_prefix)}
            found = transaction.read("session", named) if id_prefix else []
        if len(found) == 1:
            return self._session(found[0])
        raise _not_one(id_prefix, len(found))

    def _all(self, statement: str, **values: Cell) -> Sequence[SessionRecord]:
        with self.backend.reading() as transaction:
            return [self._session(row) for row in transaction.read(statement, values)]

    def _session(self, row: Row) -> SessionRecord:
        cells: dict[str, Any] = dict(row)
        process = Process(cells["host"], cells["pid"], cells.pop("process"))
        cells["symbols"] = msgspec.json.decode(cells["symbols"])
        return msgspec.convert({**cells, "is_alive": not self.ended(process)}, SessionRecord)

    # --- journals ------------------------------------------------------------------------------------
    def journal(
        self,
        session_id: str,
        lease: Lease,
        *,
        on_trouble: Callable[[Trouble], None] | None = None,
    ) -> SessionJournal:
        """Open a session's journal for writing, at its end; what its emergency file has is merged.

        Raises
        ------
        LeaseLost
            If the lease is not ours any more.
        JournalDamaged
            If the emergency file is damaged inside (it is put aside), or the journal does not pass
            its last anchor.
        SequenceBroken
            If the emergency file does not follow the database's journal.
        """
        files = self.files(session_id)
        try:
            files.prepare()
        except OSError as error:
            raise InputError(
                f"the folder for emergency files cannot be used: {error.strerror}",
                where=str(files.folder),
                remedy="make room on the disk, and make it writable; no session runs without it",
                code="journal.no_folder",
            ) from None
        with self.backend.writing() as transaction:
            fence(transaction, lease)
            process = _process_row(this_process())
            transaction.write("set_session_process", {**process, "session": session_id})
        self._merge_left_over(files, lease)
        head = self.head(session_id)
        damage = self.behind(session_id, head)
        if damage is not None:  # a database that was put back to an old copy must not be written on
            raise damage
        add_anchor(files.anchors, head, "open")
        return SessionJournal(
            session_id,
            lease,
            head,
            writer=self.writer,
            leases=self.leases,
            renew=self.upkeep.renew,
            files=files,
            clock=self.clock,
            on_trouble=on_trouble,
        )

    def files(self, session_id: str) -> SessionFiles:
        """Return where a session's files are."""
        return SessionFiles(self.folder, session_id, self.disk)

    def checkpoints(self, session_id: str) -> Checkpoints:
        """Return a session's checkpoints."""
        return Checkpoints(self.writer.backend, session_id, self.clock)

    def head(self, session_id: str) -> Head:
        """Return where a session's journal ends in the database."""
        with self.backend.reading() as transaction:
            return read_head(transaction, session_id)

    def anchors(self, session_id: str) -> Sequence[Anchor]:
        """Return the anchors of a session's journal, oldest first."""
        return read_anchors(self.files(session_id).anchors)

    def entries(self, session_id: str, *, after: int = 0) -> Iterator[Entry]:
        """Yield the entries of a session that follow a sequence, lazily, a page at a time."""
        while True:
            values: dict[str, Cell] = {"session": session_id, "after": after, "row_limit": PAGE}
            with self.backend.reading() as transaction:
                rows = transaction.read("entries", values)
            for row in rows:
                yield _entry(row)
            if len(rows) < PAGE:
                return
            after = _entry(rows[-1]).sequence

    def of_kind(self, session_id: str, kind: type[Record], *, after: int = 0) -> Sequence[Record]:
        """Return the records of one kind that follow a sequence."""
        values: dict[str, Cell] = {"session": session_id, "after": after, "of_kind": KINDS[kind]}
        with self.backend.reading() as transaction:
            return [_entry(row).record for row in transaction.read("entries_of_kind", values)]

    def inputs(self, session_id: str) -> int:
        """Return how many inputs a session has taken, in all its lives."""
        values: dict[str, Cell] = {"session": session_id, "of_kind": KINDS[Taken]}
        with self.backend.reading() as transaction:
            (row,) = transaction.read("count_of_kind", values)
        return int(str(row["entries"]))

    def sound_entries(self, session_id: str, *, after: int = 0) -> Iterator[Entry]:
        """Yield the same, each of them checked against the chain: what is played must be what was written.

        Raises
        ------
        JournalDamaged
            At the first that is missing or was altered.
        """
        where, previous = f"session {session_id}", self._hash_at(session_id, after)
        entries = self.entries(session_id, after=after)
        return require_chain(entries, previous, where=where, first=after + 1)

    def lost(self) -> Sequence[str]:
        """Return sessions whose journals are anchored beside the database, which does not know them.

        The newest some of them, however many sessions it knows that are newer.
        """
        names = sorted((path.stem for path in self.folder.glob("*.anchors")), reverse=True)
        with self.backend.reading() as transaction:
            unknown = (
                name
                for name in names
                if not transaction.read("session", {"name": name, "length": len(name)})
            )
            return list(islice(unknown, _LOST_TOLD))

    def verify(self, session_id: str, *, after: int = 0, decode: bool = True) -> Verdict:
        """Check a session's journal from a sequence on: the chain, every record, the anchors."""
        start = Head(after, self._hash_at(session_id, after))
        anchors = [each for each in self.anchors(session_id) if each.sequence >= after]
        return verify_entries(
            self.entries(session_id, after=after),
            start,
            subject=f"session {session_id}",
            anchors=anchors,
            decode=decode,
        )

    def export(self, session_id: str, path: Path) -> Head:
        """Write a session's journal into a file that `verify_file` checks; return its head.

        Raises
        ------
        JournalDamaged
            If the journal is; the file is not made.
        """
        session = self.get(session_id)
        head = self.head(session.id)
        file_head = FileHead(
            session.id, session.account, 1, genesis(session.id), "export", head.sequence
        )
        write_export(self.entries(session.id), file_head, path)
        return head

    # --- what an earlier process left ---------------------------------------------------------------------
    def _merge_left_over(self, files: SessionFiles, lease: Lease) -> None:
        path = files.emergency
        if not path.exists():
            return
        try:
            file = JournalFile(path)
            if file.head.session_id != files.session_id:
                raise JournalDamaged(f"the file has records of session {file.head.session_id}")
            group = file_group(file, lease)
        except JournalDamaged as error:
            aside = path.with_suffix(".quarantined")
            path.rename(aside)
            sync_folder(path.parent)
            raise JournalDamaged(
                error.problem,
                where=str(aside),
                sequence=error.sequence,
                remedy="the file was put aside; start the session again to go on without it: its "
                "orders are then asked of the broker",
            ) from None
        if group is not None:
            self._commit_left_over(group, path)
        path.unlink()
        sync_folder(path.parent)

    def _commit_left_over(self, group: Group, path: Path) -> None:
        try:
            with self.writer.backend.writing() as transaction:
                commit_group(transaction, group, self.writer.project)
        except SequenceBroken as error:
            raise SequenceBroken(
                f"{error.problem}: the records in the file do not follow the database's",
                where=str(path),
                remedy="somebody else has gone on with this session since; move the file away to go "
                "on without it: orders and positions are asked of the broker",
            ) from None

    def behind(self, session_id: str, head: Head) -> JournalDamaged | None:
        """Return what is wrong where a journal's head does not pass its last anchor: it is an old copy."""
        anchors = self.anchors(session_id)
        if not anchors:
            return None
        last = max(anchors, key=lambda anchor: anchor.sequence)
        if last.sequence > head.sequence:
            problem = f"the journal ends at {head.sequence}, but it had {last.sequence} records"
        elif self._hash_at(session_id, last.sequence) != last.hash:
            problem = f"record {last.sequence} has another hash than when it was anchored"
        else:
            return None
        return JournalDamaged(
            problem,
            where=f"session {session_id}",
            sequence=min(last.sequence, head.sequence + 1),
            remedy="restore the newest copy of the database, or begin a new session (--new): its "
            "positions and orders are asked of the broker",
        )

    def rebuild(self, session_id: str) -> None:
        """Make the tables that are made of the journal (orders, fills, positions...) anew from it."""
        from runtime.journal.projections import rebuild

        rebuild(self.writer.backend, session_id, self.entries(session_id))

    def rows(self, session_id: str, table: str) -> Sequence[Row]:
        """Return the rows of a projection, in order; its name is the table's."""
        with self.backend.reading() as transaction:
            return transaction.read(f"all_{table}", {"session": session_id})

    def _hash_at(self, session_id: str, sequence: int) -> bytes:
        with self.backend.reading() as transaction:
            return hash_at(transaction, session_id, sequence)


def _project(
    transaction: Transaction, session_id: str, records: Sequence[tuple[Entry, Record]]
) -> None:
    """Keep the projections; imported late, for listing sessions needs none of it."""
    from runtime.journal.projections import project

    project(transaction, session_id, records)


def _entry(row: Row) -> Entry:
    cells: dict[str, Any] = dict(row)
    return Entry(**cells)


def _process_row(process: Process) -> dict[str, Cell]:
    return {"host": process.host, "pid": process.pid, "process": process.process}


def _not_one(name: str, count: int) -> InputError:
    if count:
        problem, remedy = f"several sessions begin with {name!r}", "write more of the id"
    elif not name:
        problem, remedy = "no session is recorded yet", "run `trader paper STRATEGY`"
    else:
        problem, remedy = f"no session is called {name!r}", "`trader sessions list` shows their ids"
    return InputError(problem, remedy=remedy, code="journal.unknown_session")
