"""`HistoryStream`: a dataset that is read in windows, because it is larger than memory."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, cast

import numpy as np

from data.chunks import ColumnReader
from data.frames import TIME_COLUMN, AnyColumns, array_names, with_arrays
from data.history import (
    BarColumns,
    Gap,
    History,
    InstrumentHistory,
    Passport,
    QuoteColumns,
    TradeColumns,
)
from data.manifest import Manifest
from data.windows import cut_windows, window_rows_for

if TYPE_CHECKING:
    from data.catalog import Dataset

_BLOCK_ROWS_MIN, _BLOCK_ROWS_MAX = 2_048, 131_072  # below, opening a file costs more than its rows


@dataclass(frozen=True, slots=True, eq=False)
class HistoryWindow:
    """One stretch of time of a history: every row is before `end_ns`; None in the last one."""

    parts: tuple[InstrumentHistory, ...]
    end_ns: int | None
    rows: int


@dataclass(frozen=True, slots=True, eq=False)
class HistoryStream:
    """A history that is not in memory.

    Parameters
    ----------
    outline
        Its instruments, actions, passport and fingerprint; instead of its rows only the first of each
        kind of data, and a copy of it at the time of the last.
    readers
        The rows; see `data.chunks`.
    """

    outline: History
    readers: tuple[ColumnReader, ...]

    def __len__(self) -> int:
        """Return how many rows there are."""
        return sum(len(reader) for reader in self.readers)

    def windows(self, rows: int | None = None) -> Iterator[HistoryWindow]:
        """Yield the rows in windows of about so many rows; see `data.windows`."""
        rows = window_rows_for(len(self.readers)) if rows is None else rows
        fair = rows // len(self.readers)
        block_rows = max(min(_BLOCK_ROWS_MIN, rows), min(_BLOCK_ROWS_MAX, fair))
        readers = [replace(reader, block_rows=block_rows) for reader in self.readers]
        for window in cut_windows(readers, rows):
            parts = _parts(self.outline.parts, self.readers, window.columns)
            yield HistoryWindow(parts, window.end_ns, len(window))


def open_stream(
    dataset: Dataset,
    instruments: Sequence[str] | None = None,
    start_ns: int | None = None,
    end_ns: int | None = None,
) -> HistoryStream:
    """Return some instruments of a dataset, or all, in [start, end), as a stream.

    Its fingerprint is the manifest's, and not one over the rows that are read; of some instruments it
    is one over the manifest's and their names.

    Raises
    ------
    DataError
        If an instrument is unknown, nothing lies in the span, or a file is damaged.
    """
    symbols = dataset.symbols if instruments is None else tuple(instruments)
    readers = dataset.open_chunks(symbols, start_ns, end_ns)
    ends = [_ends(reader) for reader in readers]
    passport = _passport(dataset, symbols, readers, ends)
    definitions = tuple(InstrumentHistory(dataset.instrument(symbol)) for symbol in symbols)
    parts = _parts(definitions, readers, ends)
    fingerprint = _fingerprint(dataset, symbols)
    outline = History(parts, dataset.actions_of(symbols), passport, [fingerprint])
    return HistoryStream(outline, readers)


def _ends(reader: ColumnReader) -> AnyColumns:
    """Return the first row of a reader twice, the second time at the time of the last."""
    first = reader.first_row()
    if len(reader) == 1:
        return first
    arrays = [np.repeat(getattr(first, name), 2) for name in array_names(first)]
    arrays[array_names(first).index(TIME_COLUMN[reader.kind])][1] = reader.last_ns()
    return with_arrays(first, arrays)


def _parts(
    definitions: Sequence[InstrumentHistory],
    readers: Sequence[ColumnReader],
    columns: Sequence[AnyColumns],
) -> tuple[InstrumentHistory, ...]:
    """Put blocks beside the instruments that they are of."""
    found: dict[str, dict[str, AnyColumns]] = {}
    for reader, block in zip(readers, columns, strict=True):
        found.setdefault(reader.instrument.symbol, {})[reader.kind] = block
    parts = []
    for definition in definitions:
        blocks = found.get(definition.instrument.symbol, {})
        parts.append(
            InstrumentHistory(
                definition.instrument,
                cast(BarColumns | None, blocks.get("bars")),
                cast(QuoteColumns | None, blocks.get("quotes")),
                cast(TradeColumns | None, blocks.get("trades")),
            )
        )
    return tuple(parts)


def _passport(
    dataset: Dataset,
    symbols: Sequence[str],
    readers: Sequence[ColumnReader],
    ends: Sequence[AnyColumns],
) -> Passport:
    span = (min(int(b.ts_ns[0]) for b in ends), max(int(b.ts_ns[-1]) for b in ends))
    rows = sum(len(reader) for reader in readers)
    note = f"read in windows: {rows:,} rows; the fingerprint is the manifest's"
    passport = dataset.passport_of((), symbols)
    gaps = _gaps(dataset.manifest, symbols, span)
    return replace(passport, gaps=gaps, notes=(*passport.notes, note))


def _gaps(manifest: Manifest, symbols: Sequence[str], span: tuple[int, int]) -> tuple[Gap, ...]:
    """Return the gaps that the manifest names inside a span."""
    wanted = set(symbols)
    return tuple(
        Gap(gap.symbol, gap.after_ns, gap.before_ns, gap.missing_count)
        for gap in manifest.gaps or ()
        if gap.symbol in wanted and span[0] <= gap.after_ns and gap.before_ns <= span[1]
    )


def _fingerprint(dataset: Dataset, symbols: Sequence[str]) -> str:
    if tuple(symbols) == dataset.symbols:
        return dataset.fingerprint
    named = "\n".join((dataset.fingerprint, *symbols))
    return hashlib.blake2b(named.encode(), digest_size=16).hexdigest()
