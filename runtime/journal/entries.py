"""Entries of a journal, and the chain that holds them together.

Each entry's hash is over the hash before it and everything that the entry says, so that one that is
changed, left out, added or moved shows. A chain begins with the session's id: an entry of another
session does not fit either.
"""

from __future__ import annotations

import struct
from hashlib import blake2b

import msgspec

from runtime.journal.codec import decode
from runtime.journal.records import Record

HASH_BYTES = 32
_FIXED = struct.Struct("<qqqiB")  # sequence, epoch, time, version, length of the kind


class Entry(msgspec.Struct, frozen=True, gc=False):
    """One record as it stands in a journal.

    Parameters
    ----------
    sequence
        From 1, without gaps.
    epoch
        Of the lease under which it was written; never goes down.
    ts_ns
        The wall clock's time, a label.
    """

    sequence: int
    epoch: int
    ts_ns: int
    kind: str
    version: int
    payload: bytes
    hash: bytes

    @property
    def record(self) -> Record:
        """What it says; see `runtime.journal.codec.decode` for what it raises."""
        return decode(self.kind, self.version, self.payload)


class Head(msgspec.Struct, frozen=True, gc=False):
    """Where a journal ends: the last sequence, and the chain's hash there."""

    sequence: int
    hash: bytes


def genesis(session_id: str) -> bytes:
    """Return the hash before the first entry."""
    return blake2b(session_id.encode(), digest_size=HASH_BYTES, person=b"trader-journal-1").digest()


def link(
    previous: bytes, sequence: int, epoch: int, ts_ns: int, kind: str, version: int, payload: bytes
) -> bytes:
    """Return the hash of an entry that follows the one with the hash `previous`."""
    name = kind.encode()
    head = _FIXED.pack(sequence, epoch, ts_ns, version, len(name))
    return blake2b(b"".join((previous, head, name, payload)), digest_size=HASH_BYTES).digest()


def follows(previous: bytes, entry: Entry) -> bool:
    """Say whether an entry's hash is what its content and the entry before make it."""
    return entry.hash == link(
        previous,
        entry.sequence,
        entry.epoch,
        entry.ts_ns,
        entry.kind,
        entry.version,
        entry.payload,
    )
