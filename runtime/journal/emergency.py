"""The file that takes over while the database cannot be written, and its reserve.

Frames of `runtime.journal.frames`, each group followed by a wait for the disk. On a full disk the reserve,
a file that held its blocks all along, is given up once for the last words.
"""

from __future__ import annotations

import errno
import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from runtime.journal.entries import Entry
from runtime.journal.frames import FileHead, entry_bytes, head_bytes

RESERVE_BYTES = 1 << 20
_FULL = (errno.ENOSPC, errno.EDQUOT)


class Disk(Protocol):
    """What the emergency file does with a disk; a test puts a full or broken one in its place."""

    def write(self, descriptor: int, data: bytes) -> int:
        """Write some of the bytes and return how many."""

    def sync(self, descriptor: int) -> None:
        """Wait until what was written would survive a power cut."""

    def reserve(self, path: Path, size: int) -> None:
        """Make a file that has its blocks."""

    def release(self, path: Path) -> bool:
        """Remove the reserve; say whether there was one."""


class RealDisk:
    """The disk as the system has it."""

    def write(self, descriptor: int, data: bytes) -> int:
        """Write some of the bytes."""
        return os.write(descriptor, data)

    def sync(self, descriptor: int) -> None:
        """Wait for the disk."""
        os.fsync(descriptor)

    def reserve(self, path: Path, size: int) -> None:
        """Make the file, unless it is there."""
        if path.is_file() and path.stat().st_size >= size:
            return
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT, 0o600)
        try:
            os.posix_fallocate(descriptor, 0, size)
        finally:
            os.close(descriptor)

    def release(self, path: Path) -> bool:
        """Remove the file."""
        try:
            path.unlink()
        except FileNotFoundError:
            return False
        return True


@dataclass(frozen=True, slots=True)
class SessionFiles:
    """The files of one session beside the database."""

    folder: Path
    session_id: str
    disk: Disk

    @property
    def emergency(self) -> Path:
        """Entries that the database does not have."""
        return self.folder / f"{self.session_id}.emergency"

    @property
    def reserve(self) -> Path:
        """Blocks for the last words."""
        return self.folder / f"{self.session_id}.reserve"

    @property
    def anchors(self) -> Path:
        """Where the journal's head was, by its own witness."""
        return self.folder / f"{self.session_id}.anchors"

    def prepare(self) -> None:
        """Make folder and reserve."""
        self.folder.mkdir(parents=True, exist_ok=True)
        self.disk.reserve(self.reserve, RESERVE_BYTES)


class EmergencyFile:
    """A file that is being written; used by one thread at a time."""

    def __init__(self, files: SessionFiles, head: FileHead) -> None:
        self._files = files
        self._head = head
        self._descriptor = -1
        self._good = 0  # bytes that are whole groups
        self.used_reserve = False

    @property
    def path(self) -> Path:
        """Where it is."""
        return self._files.emergency

    def write(self, entries: Sequence[Entry]) -> None:
        """Add entries and wait for the disk.

        Raises
        ------
        OSError
            If the disk takes no more, even without the reserve; what was half written is cut.
        """
        data = b"".join(map(entry_bytes, entries))
        try:
            self._append(data)
        except OSError as error:
            if error.errno not in _FULL or not self._files.disk.release(self._files.reserve):
                raise
            self.used_reserve = True
            self._append(data)

    def close(self) -> None:
        """Close the file; it stays where it is."""
        if self._descriptor >= 0:
            os.close(self._descriptor)
            self._descriptor = -1

    def remove(self) -> None:
        """Remove the file: the database has everything."""
        self.close()
        self.path.unlink(missing_ok=True)
        sync_folder(self.path.parent)

    def _append(self, data: bytes) -> None:
        whole = data if self._good else head_bytes(self._head) + data
        try:
            if self._descriptor < 0:
                self._open()
            rest = memoryview(whole)
            while rest:
                rest = rest[self._files.disk.write(self._descriptor, bytes(rest)) :]
            self._files.disk.sync(self._descriptor)
        except OSError:
            self._cut()
            raise
        self._good += len(whole)

    def _open(self) -> None:
        self._files.folder.mkdir(parents=True, exist_ok=True)
        self._descriptor = os.open(self.path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        sync_folder(self.path.parent)

    def _cut(self) -> None:
        if self._descriptor >= 0:
            os.ftruncate(self._descriptor, self._good)
            os.lseek(self._descriptor, self._good, os.SEEK_SET)


def sync_folder(folder: Path) -> None:
    """Make the names in a folder durable."""
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
