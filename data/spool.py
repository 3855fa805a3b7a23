"""A recording in progress: rows appended to files, and made certain by commits.

The problem: a dataset of the catalog is written whole or not at all, and a recording must survive the
process that makes it at any moment. So rows go to files of fixed width, one for each kind of data of
each instrument, and a commit says how many rows of each are good, with a checksum over them::

    NAME.recording/header.json     instruments, and where the data come from
                   bars-0.rows     little-endian int64, columns of `data.frames.column_names`
                   commits         frames: mark, length, crc32, JSON

Rows are flushed to the disk before the commit that counts them is. Opened again, what no commit counts
is cut off, as is a commit that was cut in its middle; what a commit counts and is not there, or is not
what it was, is an error. `seal` writes the dataset, and the recording can go on.
"""

from __future__ import annotations

import fcntl
import os
import struct
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final
from zlib import crc32

import msgspec
import numpy as np

from data.actions import Action
from data.frames import AnyColumns, column_names, columns_of
from data.history import BarColumns
from data.manifest import ActionEntry, InstrumentEntry, Manifest
from data.numbers import Ints
from data.writer import Draft, Part, write_dataset
from engine.errors import DataError
from engine.model.instruments import Instrument
from engine.model.units import NS_PER_HOUR, NS_PER_MINUTE, NS_PER_SECOND

SPOOL_SUFFIX: Final = ".recording"
KINDS: Final = ("bars", "quotes", "trades")
UNKNOWN: Final = -1  # a size that the source does not tell
_COMMITS: Final = "commits"
_HEADER: Final = "header.json"
_MARK: Final = b"commit\r\n"
_FRAME: Final = struct.Struct("<8sII")
_WORD: Final = 8
_PIECE: Final = 1 << 20
_SIZES: Final = {
    "bars": ("volume_lots",),
    "quotes": ("bid_size_lots", "ask_size_lots"),
    "trades": (),
}


class Header(msgspec.Struct, frozen=True):
    """What is recorded, and where it comes from."""

    instruments: tuple[InstrumentEntry, ...]
    source: str
    version: int = 1


class _Count(msgspec.Struct, frozen=True):
    """How many bytes of a file are good, and their checksum."""

    bytes: int = 0
    crc: int = 0


class _Commit(msgspec.Struct, frozen=True):
    """What a commit adds: files that have grown, and actions."""

    cursor: int
    files: dict[str, _Count]
    actions: tuple[ActionEntry, ...] = ()


@dataclass(frozen=True, slots=True)
class Block:
    """Rows of one kind of data of one instrument, in the columns of `column_names`."""

    kind: str
    number: int
    rows: Ints


class Spool:
    """A recording that is open; only one at a time.

    Parameters
    ----------
    root
        The catalog's folder.
    name
        Of the dataset to come.
    header
        What is recorded; a recording that goes on must have the same instruments.

    Raises
    ------
    DataError
        If it is open elsewhere, is of other instruments, is damaged, or cannot be written.
    """

    def __init__(self, root: Path, name: str, header: Header) -> None:
        self._root, self._name = root, name
        self.folder = root / (name + SPOOL_SUFFIX)
        self.header, self.cursor, self._end = header, 0, 0
        self._files: dict[str, _Count] = {}
        self._actions: list[ActionEntry] = []
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
            self._lock = _locked(self.folder)
        except OSError as error:
            raise _cannot_write(self.folder, error) from error
        try:
            self._require_header()
            self._recover()
        except OSError as error:
            self.close()
            raise _cannot_write(self.folder, error) from error
        except BaseException:
            self.close()
            raise

    def commit(self, cursor: int, blocks: Sequence[Block], actions: Sequence[Action] = ()) -> None:
        """Append rows and make them certain; `cursor` says where the source stood.

        Raises
        ------
        DataError
            If the disk is full or fails; the last commit then stands.
        """
        grown: dict[str, _Count] = {}
        try:
            for block in blocks:
                name = _file(block.kind, block.number)
                content = np.ascontiguousarray(block.rows, dtype="<i8").tobytes()
                known = grown.get(name) or self._files.get(name, _Count())
                _write_at(self.folder / name, known.bytes, content)
                grown[name] = _Count(known.bytes + len(content), crc32(content, known.crc))
            if any(name not in self._files for name in grown):
                _sync_folder(self.folder)
            made = _Commit(cursor, grown, tuple(ActionEntry.of(action) for action in actions))
            frame = _framed(msgspec.json.encode(made))
            _write_at(self.folder / _COMMITS, self._end, frame)
        except OSError as error:
            raise _cannot_write(self.folder, error) from error
        self._end += len(frame)
        self._take(made)

    def seal(self, notes: Sequence[str] = ()) -> Manifest | None:
        """Write everything that is certain as a dataset; None where nothing is."""
        instruments = [entry.to_instrument() for entry in self.header.instruments]
        parts = [
            self._part(kind, number, one)
            for number, one in enumerate(instruments)
            for kind in KINDS
            if _file(kind, number) in self._files
        ]
        if not parts:
            return None
        actions = [entry.to_action() for entry in self._actions]
        source = f"recorded from {self.header.source}"
        definitions = {one.symbol: one for one in instruments}
        draft = Draft(definitions, parts, actions, (source, *notes))
        return write_dataset(self._root / self._name, draft)

    def discard(self) -> None:
        """Delete the recording; what was sealed stays."""
        for path in self.folder.iterdir():
            path.unlink()
        self.close()
        self.folder.rmdir()

    def close(self) -> None:
        """Let others have it."""
        if self._lock >= 0:
            os.close(self._lock)
            self._lock = -1

    # --- Opening ------------------------------------------------------------------------------------
    def _require_header(self) -> None:
        """Write the header, or hold it against the one that is there."""
        path = self.folder / _HEADER
        if not path.exists():
            temporary = path.with_name(f".{_HEADER}.{os.getpid()}")
            _write_at(temporary, 0, msgspec.json.encode(self.header))
            os.replace(temporary, path)
            _sync_folder(self.folder)
            return
        try:
            found = msgspec.json.decode(path.read_bytes(), type=Header)
        except msgspec.DecodeError as error:
            raise _damaged(path, f"it cannot be read: {error}") from None
        if found.instruments != self.header.instruments:
            raise DataError(
                f"the recording {self._name!r} is of other instruments",
                where=str(self.folder),
                remedy="choose another name",
                code="data.other_recording",
            )
        self.header = found

    def _recover(self) -> None:
        """Take all commits that are whole; hold the rows against what they count."""
        path = self.folder / _COMMITS
        content = path.read_bytes() if path.exists() else b""
        for end, made in _commits(content, path):
            self._end = end
            self._take(made)
        for name, count in self._files.items():
            _require_rows(self.folder / name, count)

    def _take(self, made: _Commit) -> None:
        self.cursor = made.cursor
        self._files.update(made.files)
        self._actions += made.actions

    # --- Sealing ------------------------------------------------------------------------------------
    def _part(self, kind: str, number: int, one: Instrument) -> Part:
        name, names = _file(kind, number), column_names(kind)
        words = self._files[name].bytes // _WORD
        whole = np.memmap(self.folder / name, dtype="<i8", mode="r", shape=(words,))
        rows = np.asarray(whole).reshape(-1, len(names))
        arrays = {column: rows[:, k] for k, column in enumerate(names)}
        is_known = True
        for column in _SIZES[kind]:
            unknown = arrays[column] == UNKNOWN
            is_known = is_known and not unknown.all()
            arrays[column] = np.where(unknown, 0, arrays[column])
        columns = columns_of(arrays, kind, has_volume=is_known)
        return Part(kind, one.symbol, columns, _timeframe(columns), self.header.source)


def _file(kind: str, number: int) -> str:
    return f"{kind}-{number}.rows"


def _timeframe(columns: AnyColumns) -> str:
    """Return the length of bars as text where all have the same; ticks have none."""
    if not isinstance(columns, BarColumns):
        return ""
    lengths = columns.ts_close_ns - columns.ts_open_ns
    if (lengths != lengths[0]).any():
        return ""
    for unit, length_ns in (("h", NS_PER_HOUR), ("m", NS_PER_MINUTE), ("s", NS_PER_SECOND)):
        if int(lengths[0]) % length_ns == 0:
            return f"{int(lengths[0]) // length_ns}{unit}"
    return ""


def _locked(folder: Path) -> int:
    """Hold a folder against other recordings; the system lets go when the process ends."""
    handle = os.open(folder, os.O_RDONLY)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        os.close(handle)
        raise DataError(
            "another process is recording this",
            where=str(folder),
            remedy="choose another name, or wait until it ends",
            code="data.locked",
        ) from None
    return handle


def _write_at(path: Path, offset: int, content: bytes) -> None:
    """Put bytes behind the first so many, cut off what was there, and flush them to the disk."""
    handle = os.open(path, os.O_RDWR | os.O_CREAT, 0o644)
    try:
        os.ftruncate(handle, offset)
        view = memoryview(content)
        while view:
            written = os.pwrite(handle, view, offset)
            view, offset = view[written:], offset + written
        os.fsync(handle)
    finally:
        os.close(handle)


def _sync_folder(folder: Path) -> None:
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def _framed(payload: bytes) -> bytes:
    return _FRAME.pack(_MARK, len(payload), crc32(payload)) + payload


def _commits(content: bytes, path: Path) -> Iterator[tuple[int, _Commit]]:
    """Yield each commit and where it ends; a last one that was cut is left out.

    What cannot be read is the last one, or damage: then a whole one follows.
    """
    start = 0
    while (found := _commit_at(content, start)) is not None:
        start, made = found
        yield start, made
    later = content.find(_MARK, start + 1)
    while later >= 0:
        if _commit_at(content, later) is not None:
            raise _damaged(path, f"a commit at byte {start} cannot be read, and later ones can")
        later = content.find(_MARK, later + 1)


def _commit_at(content: bytes, start: int) -> tuple[int, _Commit] | None:
    payload_start = start + _FRAME.size
    if payload_start > len(content):
        return None
    mark, length, checksum = _FRAME.unpack_from(content, start)
    payload = content[payload_start : payload_start + length]
    if mark != _MARK or len(payload) < length or crc32(payload) != checksum:
        return None
    return payload_start + length, msgspec.json.decode(payload, type=_Commit)


def _require_rows(path: Path, count: _Count) -> None:
    """Refuse a file that has not what a commit counts."""
    checksum, left = 0, count.bytes
    if not path.exists() or path.stat().st_size < left:
        raise _damaged(path, "rows that were certain are not there")
    with path.open("rb") as file:
        while left and (piece := file.read(min(left, _PIECE))):
            checksum, left = crc32(piece, checksum), left - len(piece)
    if checksum != count.crc:
        raise _damaged(path, "its rows are not what was written")


def _damaged(path: Path, problem: str) -> DataError:
    return DataError(
        f"the recording is damaged: {problem}",
        where=str(path),
        remedy="move its folder away; what was sealed before is in the catalog",
        code="data.recording_damaged",
    )


def _cannot_write(folder: Path, error: OSError) -> DataError:
    return DataError(
        f"the recording cannot be written: {error.strerror or error}",
        where=str(folder),
        remedy="free some space, or check that you may write to this folder",
        code="data.cannot_write",
    )
