"""Putting entries into the database: fenced, in sequence, all of a group or none.

What this cannot know is whether a commit whose connection broke has happened. So every commit first
reads where the database's journal ends: a group that is there already, to its last hash, is done; one
that would leave a gap, or meets another entry at its place, is refused for good.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TypeAlias

import msgspec

from runtime.journal.entries import Entry, Head, genesis
from runtime.journal.failures import SequenceBroken
from runtime.journal.leases import Lease, fence
from runtime.journal.records import Record
from runtime.store.backend import Cell, Row, Transaction

Project: TypeAlias = Callable[[Transaction, str, Sequence[tuple[Entry, Record]]], None]


class Group(msgspec.Struct, frozen=True, eq=False):
    """Entries of one session that follow each other; `previous` is the hash before the first."""

    session_id: str
    lease: Lease
    previous: bytes
    entries: list[Entry]
    records: list[Record]  # theirs; empty where they have to be decoded

    @property
    def first(self) -> int:
        """The sequence of the first entry."""
        return self.entries[0].sequence


def read_head(transaction: Transaction, session_id: str) -> Head:
    """Return where the database's journal of a session ends."""
    rows = transaction.read("head", {"session": session_id})
    return _head(rows[0]) if rows else Head(0, genesis(session_id))


def commit_group(transaction: Transaction, group: Group, project: Project | None) -> None:
    """Add a group, or what of it is not there yet.

    Raises
    ------
    LeaseLost
        If somebody has taken the account over.
    SequenceBroken
        If the database's journal does not end where the group begins.
    """
    fence(transaction, group.lease)
    skipped = _already_there(transaction, group, read_head(transaction, group.session_id))
    entries = group.entries[skipped:]
    if not entries:
        return
    transaction.write_many("insert_entry", [_row(group.session_id, each) for each in entries])
    if project is not None:
        records = group.records or [each.record for each in group.entries]
        project(transaction, group.session_id, list(zip(entries, records[skipped:])))


def _already_there(transaction: Transaction, group: Group, head: Head) -> int:
    """Return how many of the group's first entries the database has."""
    before = group.first - 1
    if head == Head(before, group.previous):
        return 0
    where = f"session {group.session_id}"
    if head.sequence < before:
        raise SequenceBroken(
            f"the journal ends at {head.sequence} in the database, and the next record is "
            f"{group.first}: {before - head.sequence} are missing",
            where=where,
        )
    there = min(head.sequence - before, len(group.entries))
    last = group.previous if there == 0 else group.entries[there - 1].hash
    if last == hash_at(transaction, group.session_id, before + there):
        return there
    raise SequenceBroken(
        f"the database has another record at sequence {before + max(there, 1)} already",
        where=where,
    )


def hash_at(transaction: Transaction, session_id: str, sequence: int) -> bytes:
    """Return the chain's hash at a sequence; empty where there is no such record."""
    if sequence == 0:
        return genesis(session_id)
    rows = transaction.read("entry_hash", {"session": session_id, "row_id": sequence})
    return _head(rows[0]).hash if rows else b""


def _head(row: Row) -> Head:
    sequence, value = row["sequence"], row["hash"]
    assert isinstance(sequence, int) and isinstance(value, bytes)
    return Head(sequence, value)


def _row(session_id: str, entry: Entry) -> dict[str, Cell]:
    return {
        "session_id": session_id,
        "sequence": entry.sequence,
        "epoch": entry.epoch,
        "ts_ns": entry.ts_ns,
        "kind": entry.kind,
        "version": entry.version,
        "payload": entry.payload,
        "hash": entry.hash,
    }
