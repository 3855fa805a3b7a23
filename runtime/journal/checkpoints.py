"""Checkpoints: a session's state by value, so that recovery reads only the tail of its journal.

A checkpoint is a shortcut and never the truth: one that is damaged, of another schema, or of another
history than the journal's is passed over for an older one, and without any the whole journal is read.
Its hash is over the journal's hash at its place too, which binds it to this history.
"""

from __future__ import annotations

from dataclasses import dataclass
from hashlib import blake2b

import msgspec

from engine.ports import Clock
from runtime.journal.committing import hash_at
from runtime.journal.entries import HASH_BYTES
from runtime.journal.leases import Lease, fence
from runtime.store.backend import Backend, Row

KEPT = 3


class Checkpoint(msgspec.Struct, frozen=True):
    """A state after the record `sequence`; `cursor` is where the feed stood.

    `schema` is the version of the blob's layout, which its writer knows.
    """

    sequence: int
    cursor: int
    schema: int
    ts_ns: int
    blob: bytes


@dataclass(frozen=True, slots=True)
class Checkpoints:
    """The checkpoints of one session."""

    backend: Backend
    session_id: str
    clock: Clock

    def save(self, lease: Lease, sequence: int, cursor: int, blob: bytes, *, schema: int) -> None:
        """Keep the state after a durable record; the oldest beyond three go.

        Raises
        ------
        LeaseLost
            If somebody has taken the account over.
        """
        with self.backend.writing() as transaction:
            fence(transaction, lease)
            history = hash_at(transaction, self.session_id, sequence)
            assert history, f"a checkpoint at {sequence}, where the database has no record"
            transaction.write(
                "insert_checkpoint",
                {
                    "session_id": self.session_id,
                    "sequence": sequence,
                    "cursor": cursor,
                    "schema": schema,
                    "ts_ns": self.clock.now_ns(),
                    "hash": _hash(history, blob),
                    "blob": blob,
                },
            )
            rows = transaction.read("checkpoint_list", {"session": self.session_id})
            if len(rows) > KEPT:
                before = {"session": self.session_id, "before": rows[KEPT - 1]["sequence"]}
                transaction.write("delete_checkpoints", before)

    def sequences(self) -> list[int]:
        """Return after which records one is stored, the newest first."""
        with self.backend.reading() as transaction:
            rows = transaction.read("checkpoint_list", {"session": self.session_id})
        return [_at(row)["row_id"] for row in rows]

    def newest(self, *, schema: int) -> Checkpoint | None:
        """Return the newest good one; None where the whole journal has to be read."""
        with self.backend.reading() as transaction:
            listed = transaction.read("checkpoint_list", {"session": self.session_id})
            for place in listed:
                (row,) = transaction.read("checkpoint", {"session": self.session_id, **_at(place)})
                history = hash_at(transaction, self.session_id, _at(place)["row_id"])
                found = _checkpoint(row)
                if found.schema == schema and history and _hash(history, found.blob) == row["hash"]:
                    return found
        return None


def _at(row: Row) -> dict[str, int]:
    sequence = row["sequence"]
    assert isinstance(sequence, int)
    return {"row_id": sequence}


def _checkpoint(row: Row) -> Checkpoint:
    return msgspec.convert({name: row[name] for name in Checkpoint.__struct_fields__}, Checkpoint)


def _hash(history: bytes, blob: bytes) -> bytes:
    return blake2b(history + blob, digest_size=HASH_BYTES).digest()
