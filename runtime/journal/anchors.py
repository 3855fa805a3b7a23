"""Where a journal's head was, by the witness of a small file beside the database.

Whoever alters the database, or brings back an old copy of it, makes a chain that is sound in itself but
does not pass through these points any more. One line each: sequence, hash, why, and a checksum.
"""

from __future__ import annotations

import os
import zlib
from pathlib import Path

import msgspec

from runtime.journal.emergency import sync_folder
from runtime.journal.entries import Head


class Anchor(msgspec.Struct, frozen=True):
    """A head that was durable; `why` is open, checkpoint or close."""

    sequence: int
    hash: bytes
    why: str

    @property
    def head(self) -> Head:
        """The head."""
        return Head(self.sequence, self.hash)


def add_anchor(path: Path, head: Head, why: str) -> None:
    """Add a head that is durable in the database, and wait for the disk."""
    text = f"{head.sequence} {head.hash.hex()} {why}"
    line = f"{text} {zlib.crc32(text.encode()):08x}\n".encode()
    is_new = not path.exists()
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_APPEND, 0o600)
    try:
        if not is_new and not _ends_a_line(descriptor):
            line = b"\n" + line  # after a line that a power cut has torn
        os.write(descriptor, line)
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
    if is_new:
        sync_folder(path.parent)


def read_anchors(path: Path) -> list[Anchor]:
    """Return the anchors, oldest first; a torn line is passed over, no file is no anchors."""
    try:
        lines = path.read_text("utf-8", errors="replace").splitlines()
    except FileNotFoundError:
        return []
    return [anchor for anchor in map(_anchor, lines) if anchor is not None]


def _ends_a_line(descriptor: int) -> bool:
    size = os.fstat(descriptor).st_size
    return size == 0 or os.pread(descriptor, 1, size - 1) == b"\n"


def _anchor(line: str) -> Anchor | None:
    text, _, checksum = line.rpartition(" ")
    if f"{zlib.crc32(text.encode()):08x}" != checksum:
        return None
    sequence, value, why = text.split(" ")
    return Anchor(int(sequence), bytes.fromhex(value), why)
