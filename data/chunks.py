"""Columns in chunks: one part of a dataset after the other, in bounded memory.

`Dataset.open_chunks` gives one `ColumnReader` for each kind of data of each instrument. A reader
holds no rows and no open file; each iteration over it reads the part anew, a block at a time, and
yields blocks of the same types that `History` is made of. So a stream can merge hundreds of
readers and hold one block of each.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from data.frames import TIME_COLUMN, AnyColumns, column_names, from_frame, unreadable
from data.manifest import PartEntry
from engine.model.instruments import Instrument

if TYPE_CHECKING:
    import polars as pl

BLOCK_ROWS = 65_536  # also the row groups of the catalog's files: a block decodes one of them
_BLOCK_ROWS_MIN = 2_048  # below it opening a file costs more than its rows
_ROWS_HELD = 4_000_000  # of all readers together, about 220 MB of bars


@dataclass(frozen=True, slots=True)
class Piece:
    """The rows [start, end) of one file; the time of the last one, where the manifest tells it."""

    path: Path
    start: int
    end: int
    last_ns: int | None = None


@dataclass(frozen=True, slots=True, eq=False)
class ColumnReader:
    """One kind of data of one instrument, ascending in time; iterate for blocks of columns.

    Parameters
    ----------
    instrument
        Whose data it is.
    kind
        ``bars``, ``quotes`` or ``trades``: the blocks are `BarColumns`, `QuoteColumns` or
        `TradeColumns`.
    timeframe
        The length of a bar as text; empty for ticks.
    has_volume
        Whether volumes or sizes are known; without, they are zeros.
    pieces
        What to read, in time order.
    block_rows
        No block has more rows.
    """

    instrument: Instrument
    kind: str
    timeframe: str
    has_volume: bool
    pieces: tuple[Piece, ...]
    block_rows: int = BLOCK_ROWS

    def __len__(self) -> int:
        """Return how many rows all blocks have together; reads nothing."""
        return sum(piece.end - piece.start for piece in self.pieces)

    def span_ns(self) -> tuple[int, int]:
        """Return the times of the first and the last row; reads no more than these two rows."""
        return int(self.first_row().ts_ns[0]), self.last_ns()

    def first_row(self) -> AnyColumns:
        """Return the first row as a block; reads nothing else."""
        return self._read(self.pieces[0].path, self.pieces[0].start, 1)

    def last_ns(self) -> int:
        """Return the time of the last row; reads it where a span has cut its file."""
        last = self.pieces[-1]
        if last.last_ns is not None:
            return last.last_ns
        return int(self._read(last.path, last.end - 1, 1).ts_ns[0])

    def __iter__(self) -> Iterator[AnyColumns]:
        """Yield the blocks; none is empty.

        Raises
        ------
        DataError
            If a file is missing or damaged.
        """
        for piece in self.pieces:
            for start in range(piece.start, piece.end, self.block_rows):
                yield self._read(piece.path, start, min(self.block_rows, piece.end - start))

    def _read(self, path: Path, start: int, count: int) -> AnyColumns:
        frame = _read_rows(path, self.kind, start, count)
        return from_frame(frame, self.kind, has_volume=self.has_volume)


def open_reader(
    instrument: Instrument,
    part: PartEntry,
    folder: Path,
    start_ns: int | None,
    end_ns: int | None,
    block_rows: int,
) -> ColumnReader:
    """Return a reader over the rows of `part` in [start, end); `folder` is its generation."""
    pieces = []
    for file in part.files:
        path = folder / file.path
        start, end = 0, file.rows
        if start_ns is not None and file.first_ns < start_ns:
            start = _rows_before(path, part.kind, start_ns)
        if end_ns is not None and file.last_ns >= end_ns:
            end = _rows_before(path, part.kind, end_ns)
        if start < end:
            pieces.append(Piece(path, start, end, file.last_ns if end == file.rows else None))
    return ColumnReader(
        instrument, part.kind, part.timeframe, part.has_volume, tuple(pieces), block_rows
    )


def block_rows_for(readers: int) -> int:
    """Return how many rows a block may have, so that one of each reader fits the memory.

    Examples
    --------
    >>> block_rows_for(3), block_rows_for(500), block_rows_for(10_000)
    (65536, 8000, 2048)
    """
    return max(_BLOCK_ROWS_MIN, min(BLOCK_ROWS, _ROWS_HELD // max(readers, 1)))


def _rows_before(path: Path, kind: str, ts_ns: int) -> int:
    """Return how many rows of a file are earlier than a time."""
    import polars as pl

    try:
        stamp = pl.col(TIME_COLUMN[kind])
        found = pl.scan_parquet(path, glob=False).select((stamp < ts_ns).sum()).collect()
    except (OSError, pl.exceptions.PolarsError) as error:
        raise unreadable([path], error) from None
    return int(found.item())


def _read_rows(path: Path, kind: str, start: int, count: int) -> pl.DataFrame:
    import polars as pl

    try:
        scan = pl.scan_parquet(path, glob=False).select(column_names(kind))
        return scan.slice(start, count).collect()
    except (OSError, pl.exceptions.PolarsError) as error:
        raise unreadable([path], error) from None


def total_rows(readers: Sequence[ColumnReader]) -> int:
    """Return the rows of all readers together, for progress and estimates."""
    return sum(len(reader) for reader in readers)
