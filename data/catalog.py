"""The catalog: datasets in a folder, read as histories.

``Catalog(root).dataset("us-daily").load()`` gives a `History`; `Dataset.iter_chunks` gives one
window of time after the other, so that a history larger than memory can be streamed.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING, cast

import msgspec

from data.actions import Action
from data.copies import read_copy
from data.frames import AnyColumns, from_frame, read_files
from data.gaps import session_gaps
from data.history import (
    BarColumns,
    Gap,
    History,
    InstrumentHistory,
    Passport,
    QuoteColumns,
    TradeColumns,
)
from data.manifest import (
    ACTIONS_NAME,
    MANIFEST_NAME,
    ActionEntry,
    Manifest,
    PartEntry,
    read_manifest,
)
from engine.errors import DataError
from engine.model.instruments import Instrument

if TYPE_CHECKING:
    import polars as pl

    from data.chunks import ColumnReader

MARKET_KINDS = ("bars", "quotes", "trades")


@dataclass(frozen=True, slots=True)
class DatasetSummary:
    """One line of ``trader data list``."""

    name: str
    kinds: tuple[str, ...]
    symbols: tuple[str, ...]
    timeframes: tuple[str, ...]
    rows: int
    first_ns: int | None
    last_ns: int | None
    fingerprint: str
    problem: str = ""


@dataclass(frozen=True, slots=True)
class Dataset:
    """One dataset of a catalog; reads nothing but the manifest until it is asked to."""

    folder: Path
    manifest: Manifest

    @property
    def name(self) -> str:
        """The dataset's name."""
        return self.manifest.name

    @property
    def fingerprint(self) -> str:
        """The identity of the whole dataset's content."""
        return self.manifest.fingerprint

    @property
    def symbols(self) -> tuple[str, ...]:
        """The symbols that have market data, in alphabetical order."""
        return tuple(sorted({part.symbol for part in self.manifest.parts}))

    def instrument(self, symbol: str) -> Instrument:
        """Return the definition of an instrument.

        Raises
        ------
        DataError
            If the dataset does not have it.
        """
        found = self.manifest.instrument(symbol)
        if found is None:
            raise _unknown(symbol, self)
        return found

    def load(
        self,
        instruments: Sequence[str] | None = None,
        start_ns: int | None = None,
        end_ns: int | None = None,
        *,
        kinds: Sequence[str] = MARKET_KINDS,
    ) -> History:
        """Read some instruments, or all, in [start, end) nanoseconds UTC (bars by their close).

        Raises
        ------
        DataError
            If an instrument is unknown, nothing lies in the span, or a file is damaged.
        """
        symbols = self.symbols if instruments is None else tuple(instruments)
        parts = tuple(self._instrument_history(s, kinds, start_ns, end_ns) for s in symbols)
        history = History(parts, self.actions_of(symbols), self.passport_of(parts, symbols))
        if history.span_ns() is None:
            raise self._nothing(symbols, start_ns, end_ns)
        return history

    def load_bars(
        self,
        instruments: Sequence[str] | None = None,
        start_ns: int | None = None,
        end_ns: int | None = None,
    ) -> History:
        """Read bars only; see `load`."""
        return self.load(instruments, start_ns, end_ns, kinds=("bars",))

    def iter_chunks(
        self,
        instruments: Sequence[str] | None = None,
        start_ns: int | None = None,
        end_ns: int | None = None,
        *,
        rows: int = 1_000_000,
        kinds: Sequence[str] = MARKET_KINDS,
    ) -> Iterator[History]:
        """Yield one window of time after the other, each of about `rows` rows; none is empty.

        The windows are cut where the manifest's files end, and evenly inside a large file.
        """
        symbols = self.symbols if instruments is None else tuple(instruments)
        for first, last in self._windows(symbols, kinds, start_ns, end_ns, rows):
            parts = tuple(self._instrument_history(s, kinds, first, last) for s in symbols)
            history = History(parts, self.actions_of(symbols), self.passport_of((), symbols))
            if history.span_ns() is not None:
                yield history

    def open_chunks(
        self,
        instruments: Sequence[str] | None = None,
        start_ns: int | None = None,
        end_ns: int | None = None,
        rows: int | None = None,
        *,
        kinds: Sequence[str] = MARKET_KINDS,
    ) -> tuple[ColumnReader, ...]:
        """Return a reader for each kind of data of each instrument, in [start, end) ns UTC.

        Nothing but the manifest is read, save for a count in files that the span cuts. Readers
        stand in the order of `instruments`, then of `kinds`; those without rows are left out.

        Parameters
        ----------
        rows
            The most rows of one block; by default 65,536, fewer where there are many readers.

        Raises
        ------
        DataError
            If an instrument is unknown, nothing lies in the span, or a file is damaged.
        """
        from data.chunks import block_rows_for, open_reader

        symbols = self.symbols if instruments is None else tuple(instruments)
        entries = [part for symbol in symbols for part in self._parts_of(symbol, kinds)]
        block_rows = rows or block_rows_for(len(entries))
        folder = self.folder / self.manifest.generation
        readers = [
            open_reader(self.instrument(part.symbol), part, folder, start_ns, end_ns, block_rows)
            for part in entries
        ]
        found = tuple(reader for reader in readers if len(reader))
        if not found:
            raise self._nothing(symbols, start_ns, end_ns)
        return found

    def frame(self, symbol: str, kind: str = "bars", *, decimals: bool = False) -> pl.DataFrame:
        """Return one part for people: UTC stamps, prices as floats, or exact Decimals."""
        from data.views import readable_frame

        part = self.manifest.part(kind, symbol)
        if part is None:
            raise _unknown(symbol, self)
        rows = read_files(self._paths(part, None, None), kind, None, None)
        return readable_frame(
            rows, self.instrument(symbol), has_volume=part.has_volume, decimals=decimals
        )

    def actions(self) -> tuple[Action, ...]:
        """Return every corporate action, in time order."""
        if not self.manifest.actions_count:
            return ()
        path = self.folder / self.manifest.generation / ACTIONS_NAME
        try:
            entries = msgspec.json.decode(path.read_bytes(), type=tuple[ActionEntry, ...])
        except (OSError, msgspec.DecodeError) as error:
            raise DataError(
                f"the corporate actions cannot be read: {error}",
                where=str(path),
                code="data.unreadable",
            ) from None
        return tuple(entry.to_action() for entry in entries)

    def actions_of(self, symbols: Sequence[str]) -> tuple[Action, ...]:
        """Return the corporate actions of some instruments, in time order."""
        return tuple(action for action in self.actions() if action.symbol in symbols)

    def _instrument_history(
        self, symbol: str, kinds: Sequence[str], start_ns: int | None, end_ns: int | None
    ) -> InstrumentHistory:
        instrument = self.instrument(symbol)
        if all(self.manifest.part(kind, symbol) is None for kind in MARKET_KINDS):
            raise _unknown(symbol, self)
        found = {
            kind: self._columns(kind, symbol, start_ns, end_ns) if kind in kinds else None
            for kind in MARKET_KINDS
        }
        return InstrumentHistory(
            instrument,
            cast(BarColumns | None, found["bars"]),
            cast(QuoteColumns | None, found["quotes"]),
            cast(TradeColumns | None, found["trades"]),
        )

    def _columns(
        self, kind: str, symbol: str, start_ns: int | None, end_ns: int | None
    ) -> AnyColumns | None:
        part = self.manifest.part(kind, symbol)
        if part is None:
            return None
        copied = read_copy(self.folder / self.manifest.generation, part, start_ns, end_ns)
        if copied is not None:
            return copied
        paths = self._paths(part, start_ns, end_ns) or self._paths(part, None, None)[:1]
        frame = read_files(paths, kind, start_ns, end_ns)
        return from_frame(frame, kind, has_volume=part.has_volume)

    def _paths(self, part: PartEntry, start_ns: int | None, end_ns: int | None) -> list[Path]:
        """Return the files of a part that can hold rows of [start, end), oldest first."""
        base = self.folder / self.manifest.generation
        return [
            base / file.path
            for file in part.files
            if (start_ns is None or file.last_ns >= start_ns)
            and (end_ns is None or file.first_ns < end_ns)
        ]

    def _parts(self, symbols: Iterable[str], kinds: Sequence[str]) -> list[PartEntry]:
        wanted = set(symbols)
        return [p for p in self.manifest.parts if p.symbol in wanted and p.kind in kinds]

    def _parts_of(self, symbol: str, kinds: Sequence[str]) -> list[PartEntry]:
        """Return the parts of one instrument in the order of `kinds`; refuse an unknown one."""
        if all(self.manifest.part(kind, symbol) is None for kind in MARKET_KINDS):
            raise _unknown(symbol, self)
        found = [self.manifest.part(kind, symbol) for kind in kinds]
        return [part for part in found if part is not None]

    def _windows(
        self,
        symbols: Sequence[str],
        kinds: Sequence[str],
        start_ns: int | None,
        end_ns: int | None,
        rows: int,
    ) -> Iterator[tuple[int, int]]:
        parts = self._parts(symbols, kinds)
        if not parts:
            return
        first = max(min(p.first_ns for p in parts), start_ns if start_ns is not None else -(2**63))
        last = min(max(p.last_ns for p in parts) + 1, end_ns if end_ns is not None else 2**63 - 1)
        total = sum(part.rows for part in parts)
        count = max(1, -(-total // max(rows, 1)))
        edges = [first + (last - first) * step // count for step in range(count + 1)]
        yield from ((a, b) for a, b in pairwise(edges) if a < b)

    def passport_of(self, parts: Sequence[InstrumentHistory], symbols: Sequence[str]) -> Passport:
        """Return the passport of some instruments, with the gaps of `parts`."""
        entries = self._parts(symbols, MARKET_KINDS)
        gaps: tuple[Gap, ...] = tuple(gap for part in parts for gap in session_gaps(part))
        return Passport(
            source=f"{self.name}: " + ", ".join(dict.fromkeys(p.source for p in entries)),
            timeframe=", ".join(dict.fromkeys(p.timeframe for p in entries if p.timeframe)),
            gaps=gaps,
            calendar_version=self.manifest.calendar_version,
            rounding_error_max=max((p.rounding_error_max for p in entries), default=0.0),
            notes=self.manifest.notes,
        )

    def _nothing(
        self, symbols: Sequence[str], start_ns: int | None, end_ns: int | None
    ) -> DataError:
        from data.views import format_day

        entries = self._parts(symbols, MARKET_KINDS)
        first, last = min(p.first_ns for p in entries), max(p.last_ns for p in entries)
        asked = f"{format_day(start_ns) or 'the beginning'} to {format_day(end_ns) or 'the end'}"
        return DataError(
            f"no data from {asked}",
            where=f"dataset {self.name}",
            remedy=f"it holds {format_day(first)} to {format_day(last)}",
            code="data.no_data_in_span",
        )


@dataclass(frozen=True, slots=True)
class Catalog:
    """All datasets under one folder."""

    root: Path

    def names(self) -> tuple[str, ...]:
        """Return the names of all datasets, in alphabetical order."""
        if not self.root.is_dir():
            if self.root.exists():
                raise DataError(
                    "the catalog is no folder",
                    where=str(self.root),
                    remedy="choose a folder: --catalog DIR",
                    code="data.catalog_no_folder",
                )
            return ()
        return tuple(sorted(path.parent.name for path in self.root.glob(f"*/{MANIFEST_NAME}")))

    def __contains__(self, name: str) -> bool:
        return name in self.names()

    def dataset(self, name: str) -> Dataset:
        """Return a dataset by its name.

        Raises
        ------
        DataError
            If there is none, or its manifest is damaged.
        """
        if name not in self.names():
            raise _no_dataset(name, self)
        folder = self.root / name
        return Dataset(folder, read_manifest(folder / MANIFEST_NAME))


def list_datasets(root: Path) -> tuple[DatasetSummary, ...]:
    """Return a summary of every dataset under `root`; a damaged one carries its problem."""
    catalog = Catalog(root)
    return tuple(_summary(catalog, name) for name in catalog.names())


def _summary(catalog: Catalog, name: str) -> DatasetSummary:
    try:
        dataset = catalog.dataset(name)
    except DataError as error:
        return DatasetSummary(name, (), (), (), 0, None, None, "", problem=str(error))
    parts = dataset.manifest.parts
    kinds = dict.fromkeys(part.kind for part in parts)
    if dataset.manifest.actions_count:
        kinds["actions"] = None
    return DatasetSummary(
        name=name,
        kinds=tuple(kinds),
        symbols=dataset.symbols,
        timeframes=tuple(dict.fromkeys(p.timeframe for p in parts if p.timeframe)),
        rows=sum(part.rows for part in parts) + dataset.manifest.actions_count,
        first_ns=min((part.first_ns for part in parts), default=None),
        last_ns=max((part.last_ns for part in parts), default=None),
        fingerprint=dataset.fingerprint,
    )


def _no_dataset(name: str, catalog: Catalog) -> DataError:
    from difflib import get_close_matches

    names = catalog.names()
    near = get_close_matches(name, names, n=1)
    if near:
        remedy = f"did you mean {near[0]!r}?"
    elif names:
        remedy = f"there are: {', '.join(names[:10])}"
    else:
        remedy = "the catalog is empty: import a file with 'trader data import'"
    return DataError(
        f"no dataset {name!r}", where=str(catalog.root), remedy=remedy, code="data.unknown_dataset"
    )


def _unknown(symbol: str, dataset: Dataset) -> DataError:
    from difflib import get_close_matches

    symbols = dataset.symbols
    near = get_close_matches(symbol, symbols, n=1)
    remedy = f"did you mean {near[0]!r}?" if near else f"it holds: {', '.join(symbols[:10])}"
    return DataError(
        f"no instrument {symbol!r}",
        where=f"dataset {dataset.name}",
        remedy=remedy,
        code="data.unknown_instrument",
    )
