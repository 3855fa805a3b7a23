"""`SessionJournal`: what a session was told and decided, appended in memory, durable in groups.

    OPEN --(the database fails)--> EMERGENCY --merge--> OPEN
      |                                |
      |--(the lease is lost)--> FENCED |--(no disk takes anything)--> HALTED
      `--(a sequence twice or left out)--> HALTED           close --> CLOSED

A record that was in a group which failed is never durable for whoever waited, although the emergency
file has it: the order that it was written for is denied. What is appended after the file has taken
over is durable once the file is, so that canceling and closing still work without a database.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import suppress
from enum import StrEnum

import msgspec

from engine.errors import InputError
from engine.ports import Clock
from runtime.journal.anchors import add_anchor
from runtime.journal.codec import encode
from runtime.journal.committing import Group, commit_group
from runtime.journal.emergency import EmergencyFile, SessionFiles
from runtime.journal.entries import Entry, Head, link
from runtime.journal.failures import (
    JournalClosed,
    JournalFailure,
    LeaseLost,
    NotDurable,
    SequenceBroken,
    Trouble,
    TroubleKind,
)
from runtime.journal.frames import FileHead, JournalFile
from runtime.journal.leases import Lease, LeaseHeld, Leases
from runtime.journal.records import Record
from runtime.journal.verifying import require_chain
from runtime.journal.writer import GroupWriter

PENDING_MAX = 4_096  # pressure 1.0; nothing is ever dropped


class JournalState(StrEnum):
    """Where a journal's records go."""

    OPEN = "open"
    EMERGENCY = "emergency"
    MERGING = "merging"
    FENCED = "fenced"
    HALTED = "halted"
    CLOSED = "closed"

    @property
    def takes_records(self) -> bool:
        """Whether something can be appended."""
        return self in (JournalState.OPEN, JournalState.EMERGENCY, JournalState.MERGING)


class SessionJournal:
    """The journal of one running session: an `engine.ports.Journal`.

    Used on one thread, mostly an event loop's. Without a running loop records wait for `flush`.

    Parameters
    ----------
    head
        Where the database's journal ends.
    on_trouble
        Is told of every failure, on the loop's thread.
    """

    def __init__(
        self,
        session_id: str,
        lease: Lease,
        head: Head,
        *,
        writer: GroupWriter,
        leases: Leases,
        renew: Callable[[Lease], Awaitable[Lease]],
        files: SessionFiles,
        clock: Clock,
        on_trouble: Callable[[Trouble], None] | None = None,
    ) -> None:
        self.session_id = session_id
        self.lease = lease
        self.state = JournalState.OPEN
        self.on_trouble = on_trouble
        self._head = head
        self._durable = head.sequence
        self._in_database = head  # what may be anchored
        self._writer = writer
        self._leases, self._renew = leases, renew
        self._files = files
        self._clock = clock
        self._pending: list[Entry] = []
        self._records: list[Record] = []
        self._before = head.hash  # the first pending
        self._oldest_ns = 0  # monotonic, of the first pending
        self._in_flight: Group | None = None
        self._waiters: list[tuple[int, asyncio.Future[None]]] = []
        self._refused = (0, 0)  # first and last sequence of a failed group
        self._emergency: EmergencyFile | None = None
        self._spilling: asyncio.Future[None] | None = None
        self._refusal: JournalFailure | SequenceBroken | None = None
        self._is_full = False  # the disk is, and it was told

    # --- the port ------------------------------------------------------------------------------------
    def append(self, record: msgspec.Struct) -> int:
        """Add a record, soon durable, and return its sequence.

        Raises
        ------
        LeaseLost, JournalClosed, SequenceBroken
            If nothing can be appended any more.
        """
        if self._refusal is not None:
            raise self._refusal
        kind, version, payload = encode(record)
        sequence, epoch, ts_ns = self._head.sequence + 1, self.lease.epoch, self._clock.now_ns()
        value = link(self._head.hash, sequence, epoch, ts_ns, kind, version, payload)
        if not self._pending:
            self._before, self._oldest_ns = self._head.hash, self._clock.monotonic_ns()
        self._pending.append(Entry(sequence, epoch, ts_ns, kind, version, payload, value))
        self._records.append(record)  # type: ignore[arg-type]  # `encode` takes nothing else
        self._head = Head(sequence, value)
        self._wake(hurry=False)
        return sequence

    async def durable(self, sequence: int) -> None:
        """Wait until a record, and all before it, would survive a power cut.

        Raises
        ------
        NotDurable
            If the database refused the record, or took too long: do not act on it.
        LeaseLost, JournalClosed, SequenceBroken
            If nothing is written any more.
        """
        assert sequence <= self._head.sequence, "a record that does not exist yet"
        first, last = self._refused
        if first <= sequence <= last:
            raise self._not_durable("its group failed")
        if sequence <= self._durable:
            return
        if self._refusal is not None:
            raise self._refusal
        waiter: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._waiters.append((sequence, waiter))
        self._wake(hurry=True)
        await waiter

    @property
    def head(self) -> tuple[int, bytes]:
        """The last sequence and the chain's hash there, durable or not."""
        return self._head.sequence, self._head.hash

    # --- more than the port ---------------------------------------------------------------------------
    @property
    def durable_sequence(self) -> int:
        """Up to which record everything would survive a power cut."""
        return self._durable

    @property
    def pressure(self) -> float:
        """How far writing is behind, 0 to 1; above 0.5 no new risk should be taken."""
        if self.state is not JournalState.OPEN:
            return 1.0
        waiting = len(self._pending) + (len(self._in_flight.entries) if self._in_flight else 0)
        if not waiting:
            return 0.0
        age = (self._clock.monotonic_ns() - self._oldest_ns) / 1e9 / self._writer.deadline_seconds
        return min(max(waiting / PENDING_MAX, age), 1.0)

    def flush(self) -> None:
        """Commit everything in this thread; for use without a loop.

        Raises
        ------
        NotDurable, LeaseLost, SequenceBroken
            If the database did not take it.
        """
        self._writer.flush(self)
        if self._refusal is not None:
            raise self._refusal
        first, last = self._refused
        if first <= self._head.sequence <= last:
            raise self._not_durable("its group failed")

    async def renew(self) -> Lease:
        """Renew the lease; a lost one ends the journal.

        Raises
        ------
        LeaseLost
            If somebody has taken the account over.
        """
        try:
            self.lease = await self._renew(self.lease)
        except LeaseLost as error:
            self._stop(JournalState.FENCED, error, TroubleKind.LEASE)
            raise
        return self.lease

    async def anchor(self, why: str) -> None:
        """Write where the database's journal ends into the witness beside it."""
        await self._writer.run_file(add_anchor, self._files.anchors, self._in_database, why)

    async def merge(self) -> Lease:
        """Put what the emergency file has into the database, under a new epoch.

        Raises
        ------
        NotDurable
            If the database still does not answer; the emergency file stays in use.
        LeaseLost
            If somebody else has the account by now: the file stays, for a person.
        SequenceBroken
            If the database's journal does not end where the file begins.
        """
        if self.state is not JournalState.EMERGENCY:
            return self.lease
        while self._spilling is not None:
            await asyncio.wait([self._spilling])
        if not self.state.takes_records:
            assert self._refusal is not None
            raise self._refusal
        self.state = JournalState.MERGING
        work = asyncio.ensure_future(self._writer.run(self._merge))
        try:
            done, _ = await asyncio.wait([work], timeout=self._writer.deadline_seconds)
            if not done:
                work.add_done_callback(_forget)
                raise self._not_durable("merging takes too long")
            merged = work.result()
        except asyncio.CancelledError:  # whoever stops still has something to say
            work.add_done_callback(_forget)
            self.state = JournalState.EMERGENCY
            self._wake(hurry=True)
            raise
        except (LeaseLost, SequenceBroken) as error:
            is_lease = isinstance(error, LeaseLost)
            state = JournalState.FENCED if is_lease else JournalState.HALTED
            self._stop(state, error, TroubleKind.LEASE if is_lease else TroubleKind.SEQUENCE)
            raise
        except Exception as error:  # noqa: BLE001  (it goes to whoever waits)
            self.state = JournalState.EMERGENCY
            self._wake(hurry=True)
            raise (
                error if isinstance(error, NotDurable) else self._not_durable(_said(error))
            ) from None
        if merged is not None:
            self._is_in_database(merged)
        assert self._emergency is not None
        await self._writer.run_file(self._emergency.remove)
        self._emergency = None
        self.state = JournalState.OPEN
        self._wake(hurry=bool(self._waiters))
        return self.lease

    async def close(self) -> None:
        """Make everything durable, write the last anchor, and give back what is held, the lease too."""
        if self.state is JournalState.CLOSED:
            return
        try:
            if self._refusal is None and self._head.sequence > self._durable:
                await self.durable(self._head.sequence)
        except JournalFailure:
            pass  # the shell knows by `on_trouble`; the emergency file stays for the next opening
        while self._spilling is not None:
            await asyncio.wait([self._spilling])
        with suppress(OSError):  # of a full disk; the anchors before it stay
            await self.anchor("close")
        with suppress(InputError):  # else it ends by itself
            await self._writer.run(self._leases.release, self.lease)
        self._end()

    def close_now(self) -> None:
        """The same without a loop."""
        if self.state is JournalState.OPEN:
            self.flush()
            add_anchor(self._files.anchors, self._in_database, "close")
            self._leases.release(self.lease)
        self._end()

    def _end(self) -> None:
        self._writer.forget(self)
        if self._emergency is not None:
            self._emergency.close()
        elif self.state is JournalState.OPEN:
            self._files.disk.release(self._files.reserve)
        self.state = JournalState.CLOSED
        self._refusal = self._refusal or JournalClosed("it is closed", where=self._where)

    # --- what the writer calls -------------------------------------------------------------------------
    @property
    def pending(self) -> int:
        """How many records wait for a commit."""
        return len(self._pending)

    @property
    def has_waiters(self) -> bool:
        """Whether somebody waits for a record to be durable."""
        return bool(self._waiters)

    def take_group(self) -> Group | None:
        """Hand out what is pending."""
        if self.state is not JournalState.OPEN or not self._pending:
            return None
        self._in_flight = self._take()
        return self._in_flight

    def committed(self, group: Group) -> None:
        """A group is durable in the database."""
        self._in_flight = None
        self._is_in_database(group)

    def failed(self, group: Group, error: Exception) -> None:
        """The database refused a group."""
        match error:
            case LeaseLost():
                self._stop(JournalState.FENCED, error, TroubleKind.LEASE)
            case SequenceBroken():
                self._stop(JournalState.HALTED, error, TroubleKind.SEQUENCE)
            case _:
                self.take_over(TroubleKind.COMMIT, _said(error))

    def take_over(self, kind: TroubleKind, problem: str) -> None:
        """Go on in the emergency file: the group that failed, and all that is pending."""
        if self.state is not JournalState.OPEN:
            return
        group, self._in_flight = self._in_flight, None
        if group is not None:
            self._pending = group.entries + self._pending
            self._records = group.records + self._records
            self._before = group.previous
        if not self._pending:
            return
        self.state = JournalState.EMERGENCY
        first = self._pending[0].sequence
        self._refused = (first, self._head.sequence)
        head = FileHead(self.session_id, self.lease.account, first, self._before, "emergency")
        self._emergency = EmergencyFile(self._files, head)
        self._fail_waiters(self._not_durable(problem))
        self._spill()
        self._report(Trouble(kind, problem, first))

    # --- the emergency file ------------------------------------------------------------------------------
    def _spill(self) -> None:
        """Write what is pending into the emergency file; on a loop, in the files' thread."""
        if self._spilling is not None or not self._pending or self._emergency is None:
            return
        entries = self._take().entries
        try:
            asyncio.get_running_loop()
        except RuntimeError:
            try:
                self._emergency.write(entries)
            except OSError as error:
                self._lost(entries, error)
            else:
                self._spilled(entries)
            return
        self._spilling = self._writer.run_file(self._emergency.write, entries)
        self._spilling.add_done_callback(lambda done: self._has_spilled(entries, done))

    def _has_spilled(self, entries: list[Entry], done: asyncio.Future[None]) -> None:
        self._spilling = None
        error = done.exception()
        if error is None:
            self._spilled(entries)
            if self.state is JournalState.EMERGENCY:
                self._spill()
        else:
            self._lost(entries, error)

    def _spilled(self, entries: list[Entry]) -> None:
        assert self._emergency is not None
        self._reached(entries[-1].sequence)
        if self._emergency.used_reserve and not self._is_full:
            self._is_full = True
            problem = "the disk is full: the last records were written from the reserve"
            self._report(Trouble(TroubleKind.DISK_FULL, problem, entries[0].sequence))

    def _lost(self, entries: list[Entry], error: BaseException) -> None:
        problem = f"neither the database nor {self._files.emergency} can be written: {error}"
        refusal = JournalClosed(problem, where=self._where)
        self._stop(JournalState.HALTED, refusal, TroubleKind.LOST, entries[0].sequence)

    def _merge(self) -> Group | None:
        """Take a new epoch and commit the file; in the database's thread."""
        lease = self._leases.acquire(
            self.lease.account, self.lease.holder, term_ns=self.lease.term_ns
        )
        if isinstance(lease, LeaseHeld):
            now = f"{lease.holder} has epoch {lease.epoch}"
            raise LeaseLost(self.lease.account, self.lease.epoch, now=now)
        self.lease = lease
        group = file_group(JournalFile(self._files.emergency), lease)
        if group is not None:
            with self._writer.backend.writing() as transaction:
                commit_group(transaction, group, self._writer.project)
        return group

    # --- small things --------------------------------------------------------------------------------------
    def _wake(self, *, hurry: bool) -> None:
        if self.state is JournalState.OPEN:
            self._writer.notify(self, hurry=hurry)
        elif self.state is JournalState.EMERGENCY:
            self._spill()

    def _take(self) -> Group:
        group = Group(self.session_id, self.lease, self._before, self._pending, self._records)
        self._before = self._head.hash
        self._pending, self._records = [], []
        return group

    def _is_in_database(self, group: Group) -> None:
        last = group.entries[-1]
        self._in_database = Head(last.sequence, last.hash)
        self._reached(last.sequence)

    def _reached(self, sequence: int) -> None:
        self._durable = max(self._durable, sequence)
        left = []
        for wanted, waiter in self._waiters:
            if wanted > self._durable:
                left.append((wanted, waiter))
            elif not waiter.done():
                waiter.set_result(None)
        self._waiters = left

    def _stop(
        self,
        state: JournalState,
        refusal: JournalFailure | SequenceBroken,
        kind: TroubleKind,
        sequence: int = 0,
    ) -> None:
        self.state, self._refusal = state, refusal
        self._in_flight = None
        self._writer.forget(self)
        self._fail_waiters(refusal)
        self._report(Trouble(kind, refusal.problem, sequence or self._durable + 1))

    def _fail_waiters(self, error: Exception) -> None:
        waiters, self._waiters = self._waiters, []
        for _, waiter in waiters:
            if not waiter.done():
                waiter.set_exception(error)

    def _report(self, trouble: Trouble) -> None:
        if self.on_trouble is not None:
            self.on_trouble(trouble)

    def _not_durable(self, problem: str) -> NotDurable:
        return NotDurable(problem, where=self._where)

    @property
    def _where(self) -> str:
        return f"session {self.session_id}"


def file_group(file: JournalFile, lease: Lease) -> Group | None:
    """Return what an emergency file holds; None where it holds no whole entry."""
    entries = list(require_chain(file.entries(), file.head.previous, where=str(file.path)))
    if not entries:
        return None
    return Group(file.head.session_id, lease, file.head.previous, entries, [])


def _forget(work: asyncio.Future[Group | None]) -> None:
    """Nobody waits for it any more; what it has written is found by the next merge."""
    if not work.cancelled():
        work.exception()


def _said(error: Exception) -> str:
    return str(getattr(error, "problem", "")) or f"{type(error).__name__}: {error}"
