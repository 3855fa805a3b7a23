"""Journals as files: frames that tell a torn end from damage inside.

A file is one line that says what it is, a frame with its `FileHead`, and a frame for each entry::

    mark (4) | length (4) | crc32 of length and body (4) | body

A process that dies while it writes leaves the last frame incomplete; that is no damage, the frame is
cut off. A frame that is wrong although good ones follow it is damage, and named by its sequence. To tell
the two apart even where the length itself is wrong, every frame begins with the mark.
"""

from __future__ import annotations

import zlib
from collections.abc import Iterator
from pathlib import Path
from struct import Struct
from typing import BinaryIO, Final

import msgspec

from runtime.journal.entries import Entry
from runtime.journal.failures import JournalDamaged

MAGIC: Final = b"trader journal 1\n"
MARK: Final = b"\xa7TJ\x1a"
_HEAD: Final = Struct("<4sII")
_LENGTH: Final = Struct("<I")
LENGTH_MAX: Final = 1 << 28
_Body = tuple[int, int, int, str, int, bytes, bytes]
_ENTRIES: Final = msgspec.msgpack.Decoder(_Body)


class FileHead(msgspec.Struct, frozen=True):
    """What a file's entries belong to; `previous` is the hash before the entry `first`.

    `last` is the last sequence of a file that is whole; 0 where it is not known.
    """

    session_id: str
    account: str
    first: int
    previous: bytes
    purpose: str  # emergency or export
    last: int = 0


def frame(body: bytes) -> bytes:
    """Return a body with its mark, length and checksum."""
    assert len(body) <= LENGTH_MAX, "a record of more than 256 MiB"
    length = _LENGTH.pack(len(body))
    return b"".join((MARK, length, _LENGTH.pack(zlib.crc32(body, zlib.crc32(length))), body))


def head_bytes(head: FileHead) -> bytes:
    """Return how a file begins."""
    return MAGIC + frame(msgspec.msgpack.encode(head))


def entry_bytes(entry: Entry) -> bytes:
    """Return the frame of an entry."""
    return frame(
        msgspec.msgpack.encode(
            (
                entry.sequence,
                entry.epoch,
                entry.ts_ns,
                entry.kind,
                entry.version,
                entry.payload,
                entry.hash,
            )
        )
    )


class JournalFile:
    """A file of entries, read from its beginning.

    Attributes
    ----------
    head
        What it belongs to.
    end
        Where the last good frame ends, once `entries` has come to its end.
    is_torn
        Whether an incomplete frame follows it.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self.is_torn = False
        with path.open("rb") as file:
            self.head = self._read_head(file)
            self.end = self._first = file.tell()

    def entries(self) -> Iterator[Entry]:
        """Yield the entries.

        Raises
        ------
        JournalDamaged
            At a frame that is wrong although a good one follows.
        """
        expected = self.head.first
        with self.path.open("rb", buffering=1 << 20) as file:
            file.seek(self._first)
            while True:
                body = self._next(file, expected)
                if body is None:
                    return
                entry = _entry(body, expected, self.path)
                self.end = file.tell()
                expected = entry.sequence + 1
                yield entry

    def _read_head(self, file: BinaryIO) -> FileHead:
        if file.read(len(MAGIC)) != MAGIC:
            raise JournalDamaged(
                "this is not a file of a journal",
                where=str(self.path),
                remedy="give a file that `trader sessions export` wrote",
            )
        body = _read_frame(file)
        try:
            return msgspec.msgpack.decode(body or b"", type=FileHead)
        except msgspec.DecodeError:
            raise JournalDamaged("the file's head is damaged", where=str(self.path)) from None

    def _next(self, file: BinaryIO, expected: int) -> bytes | None:
        """Return the next frame's body; None at the end, or where the rest is torn."""
        start = file.tell()
        body = _read_frame(file)
        if body is not None:
            return body
        file.seek(start)
        rest = file.read()
        if not rest:
            return None
        if _has_good_frame(rest):
            raise JournalDamaged(
                f"record {expected} is damaged, and sound ones follow it",
                where=str(self.path),
                sequence=expected,
            )
        self.is_torn = True
        return None


def _read_frame(file: BinaryIO) -> bytes | None:
    """Return the body of the frame at the file's place; None where there is no good one."""
    head = file.read(_HEAD.size)
    if len(head) < _HEAD.size:
        return None
    mark, length, checksum = _HEAD.unpack(head)
    if mark != MARK or length > LENGTH_MAX:
        return None
    body = file.read(length)
    if len(body) < length or zlib.crc32(body, zlib.crc32(head[4:8])) != checksum:
        return None
    return body


def _has_good_frame(data: bytes) -> bool:
    """Say whether a good frame begins somewhere after the first byte."""
    at = data.find(MARK, 1)
    while at >= 0:
        if at + _HEAD.size <= len(data):
            _, length, checksum = _HEAD.unpack_from(data, at)
            body = memoryview(data)[at + _HEAD.size : at + _HEAD.size + length]
            if (
                len(body) == length
                and zlib.crc32(body, zlib.crc32(data[at + 4 : at + 8])) == checksum
            ):
                return True
        at = data.find(MARK, at + 1)
    return False


def _entry(body: bytes, expected: int, path: Path) -> Entry:
    try:
        entry = Entry(*_ENTRIES.decode(body))
    except msgspec.DecodeError:
        raise JournalDamaged(
            f"record {expected} cannot be read", where=str(path), sequence=expected
        ) from None
    if entry.sequence != expected:
        raise JournalDamaged(
            f"record {expected} is missing: {entry.sequence} stands in its place",
            where=str(path),
            sequence=expected,
        )
    return entry
