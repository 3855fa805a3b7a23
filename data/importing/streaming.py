"""Import of a file that does not fit the memory: batch by batch, twice.

The first reading (`survey`) finds what only the whole file tells; the second converts. Converted
rows wait in scratch files beside the catalog's datasets until the last one is good, and then go to
the dataset through the same writer as everything else: all or nothing. Memory is bounded by one
batch and by one file of the dataset, whatever the size of the import.
"""

from __future__ import annotations

import fcntl
import os
import shutil
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np

from data.chunks import ColumnReader, Piece
from data.frames import AnyColumns, to_frame
from data.importing.answer import report_of
from data.importing.bartimes import parse_timeframe
from data.importing.define import Known
from data.importing.findings import NEVER_DROPPED, BadRowsError
from data.importing.options import ImportOptions, ImportReport, Stamp
from data.importing.origin import entry_of
from data.importing.rows import build_parts
from data.importing.source import Source, drop_rows, iter_sources, unknown_column
from data.importing.survey import Survey, survey
from data.importing.table import Pins, Table, make_table
from data.manifest import ChangeEntry
from data.parts import Part
from data.writer import Draft
from engine.errors import DataError
from engine.model.instruments import Instrument

Progress = Callable[[float, str], None]

LARGE_BYTES = {"text": 200_000_000, "parquet": 60_000_000}  # smaller files are read whole
BATCH_BYTES = 24_000_000  # of text; about 400,000 bars
BATCH_ROWS = 400_000  # of Parquet
_SCRATCH_PREFIX = ".import-"


def is_large(path: Path) -> bool:
    """Whether a file should be read in batches rather than whole."""
    kind = "parquet" if path.suffix.lower() in (".parquet", ".pq") else "text"
    return path.is_file() and path.stat().st_size > LARGE_BYTES[kind]


@contextmanager
def scratch_folder(root: Path) -> Iterator[Path]:
    """Give a folder in the catalog that is removed at the end, and those of killed imports."""
    created = [path for path in (root, *root.parents) if not path.exists()]
    root.mkdir(parents=True, exist_ok=True)
    for left in root.glob(f"{_SCRATCH_PREFIX}*"):
        _remove_if_left(left)
    folder = Path(tempfile.mkdtemp(prefix=_SCRATCH_PREFIX, dir=root))
    handle = os.open(folder, os.O_RDONLY)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX)  # says to others that somebody uses it
        yield folder
    finally:
        os.close(handle)
        shutil.rmtree(folder, ignore_errors=True)
        for path in created:
            if path.exists() and not any(path.iterdir()):
                path.rmdir()


def _remove_if_left(folder: Path) -> None:
    handle = os.open(folder, os.O_RDONLY)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        shutil.rmtree(folder, ignore_errors=True)
    except BlockingIOError:
        pass  # another import is at work in it
    finally:
        os.close(handle)


def stream_file(
    path: Path, known: Known, scratch: Path, tell: Progress
) -> tuple[Draft, ImportReport]:
    """Convert a file in batches; the draft's parts read from files in `scratch`.

    Raises
    ------
    DataError
        If the file cannot be understood, or holds rows that cannot be true.
    """
    options = known.options
    seen = survey(known, path, _batches(path, options, lambda f: tell(0.4 * f, "looking")))
    if seen.kind == "actions":
        raise DataError(
            "a file of corporate actions of this size cannot be imported",
            where=str(path),
            remedy="split it",
            code="data.too_large",
        )
    work = _Work(scratch, seen, Known(seen.options(), known.existing), seen.pins())
    for source in _batches(path, options, lambda f: tell(0.4 + 0.4 * f, "converting")):
        work.add(source)
    return work.finish(path, options)


def _batches(path: Path, options: ImportOptions, tell: Callable[[float], None]) -> Iterator[Source]:
    """Yield the batches of a file that have rows a person asked for."""
    import polars as pl

    for source, fraction in iter_sources(path, block_bytes=BATCH_BYTES, block_rows=BATCH_ROWS):
        table = source.table
        for column, value in options.where.items():
            if column not in source.names:
                raise unknown_column(source, column)
            table = table.filter(pl.col(column).cast(pl.String) == value)
        if len(table):
            yield replace(source, table=table)
        tell(fraction)


@dataclass(slots=True)
class _Stored:
    """What was converted of one instrument: where it stands, and how the next batch must go on."""

    part: Part
    pieces: list[Piece]
    last_ns: int
    error_max: float


@dataclass(slots=True)
class _Work:
    """The second reading."""

    scratch: Path
    seen: Survey
    known: Known
    pins: Pins
    stored: dict[str, _Stored] = field(default_factory=dict)
    instruments: dict[str, Instrument] = field(default_factory=dict)
    left_out: list[ChangeEntry] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    count: int = 0

    def add(self, source: Source) -> None:
        """Convert a batch and store its rows."""
        table, instruments, parts = self._convert(source)
        if table is None:
            return
        self.instruments.update(instruments)
        for note in table.notes:
            if note not in self.notes:
                self.notes.append(note)
        frames, start = [], 0
        path = self.scratch / f"{self.count:06}.parquet"
        self.count += 1
        for part in parts:
            assert not isinstance(part.columns, ColumnReader)
            self._require_after(table, part, part.columns)
            self._store(part, part.columns, path, start)
            frames.append(to_frame(part.columns, part.kind))
            start += len(part.columns)
        import polars as pl

        pl.concat(frames).write_parquet(path, compression="lz4", row_group_size=65_536)

    def _convert(self, source: Source) -> tuple[Table | None, dict[str, Instrument], list[Part]]:
        """Build a batch's parts; where that was asked for, without its bad rows."""
        while True:
            table = make_table(source, self.known.options, [])
            table.pins = self.pins
            try:
                return table, *build_parts(table, self.known)
            except BadRowsError as error:
                if not self.known.options.drop_bad_rows or error.code in NEVER_DROPPED:
                    raise
                self.left_out += error.changes()
                if len(error.rows) == len(source.table):
                    return None, {}, []
                source = drop_rows(source, error.rows)

    def _require_after(self, table: Table, part: Part, columns: AnyColumns) -> None:
        """Refuse a batch that does not go on where the instrument's rows before ended."""
        before = self.stored.get(part.symbol)
        if before is None:
            return
        place = table.symbols.index(part.symbol)
        row = int(table.rows[table.groups[place][0]])
        where = f"{self.seen.path}, {table.findings.word} {row}"
        first = int(columns.ts_ns[0])
        if first < before.last_ns:
            raise DataError(
                f"{part.symbol} goes back in time",
                where=where,
                remedy="sort the file by time, or let the import do it: --sort",
                code="data.unsorted",
            )
        if part.kind != "bars":
            return
        if first == before.last_ns:
            raise DataError(
                f"{part.symbol} has two bars of one time",
                where=where,
                remedy="remove the repeated row, or name the column that tells instruments apart",
                code="data.duplicate",
            )
        if before.part.timeframe != part.timeframe or first - before.last_ns < self._least_ns(part):
            raise DataError(
                f"closer than {before.part.timeframe} to the bar before",
                where=where,
                remedy="import bars of one length at a time",
                code="data.timeframe_mixed",
            )

    def _least_ns(self, part: Part) -> int:
        """Return the shortest step that bars with one stamp may have."""
        stamp = self.known.options.stamp
        return parse_timeframe(part.timeframe) if stamp in (Stamp.OPEN, Stamp.CLOSE) else 1

    def _store(self, part: Part, columns: AnyColumns, path: Path, start: int) -> None:
        piece = Piece(path, start, start + len(columns))
        last = int(columns.ts_ns[-1])
        before = self.stored.get(part.symbol)
        if before is None:
            kept = replace(part, columns=_first_row(columns))
            self.stored[part.symbol] = _Stored(kept, [piece], last, part.rounding_error_max)
            return
        before.pieces.append(piece)
        before.last_ns = last
        before.error_max = max(before.error_max, part.rounding_error_max)

    def finish(self, path: Path, options: ImportOptions) -> tuple[Draft, ImportReport]:
        """Return the draft and the report of all batches."""
        if not self.stored:
            raise DataError("every row is bad", where=str(path), code="data.empty")
        parts = [self._part(symbol, stored) for symbol, stored in self.stored.items()]
        notes = [*self.seen.notes(), *self.notes]
        if self.left_out:
            notes.insert(0, f"{len(self.left_out)} bad rows were left out")
        rows = sum(len(part.columns) for part in parts)
        source = entry_of(path, self.seen.kind, rows, self.seen.mapping, options)
        draft = Draft(
            self.instruments, parts, (), tuple(notes), sources=[source], changes=self.left_out
        )
        return draft, report_of(options, self.seen.kind, parts, notes, self.seen.ignored)

    def _part(self, symbol: str, stored: _Stored) -> Part:
        part = stored.part
        reader = ColumnReader(
            self.instruments[symbol],
            part.kind,
            part.timeframe,
            part.has_volume,
            tuple(stored.pieces),
        )
        return replace(part, columns=reader, rounding_error_max=stored.error_max)


def _first_row(columns: AnyColumns) -> AnyColumns:
    """Return one row, as a copy: what it was cut from can go."""
    from data.frames import array_names, with_arrays

    return with_arrays(
        columns, [np.array(getattr(columns, name)[:1]) for name in array_names(columns)]
    )
