"""One kind of data of one instrument, written block by block into files of bounded size.

The rows of a part are spread over files by day, month or year, once such a file is worth opening,
and a file never has more than `FILE_ROWS_MAX` rows. Digest, price range and gaps are taken on the
way, so that each row is touched once and only one file's rows are in memory.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import quote

from data.chunks import BLOCK_ROWS, ColumnReader
from data.copies import write_copy
from data.fingerprint import ColumnsDigest
from data.frames import TIME_COLUMN, AnyColumns, has_volume, to_frame
from data.gaps import GapFinder
from data.history import BarColumns, QuoteColumns
from data.manifest import FileEntry, GapEntry, PartEntry
from engine.model.instruments import Instrument
from engine.model.units import NS_PER_DAY

if TYPE_CHECKING:
    import polars as pl

FILE_ROWS_MAX = 1_000_000
_ROWS_PER_FILE = 50_000  # smaller files cost more to open than to read
_PERIOD_DAYS = {"day": 1, "month": 30, "year": 365}
_PERIOD_FORMAT = {"year": "%Y", "month": "%Y-%m", "day": "%Y-%m-%d"}


@dataclass(frozen=True, slots=True)
class Part:
    """One kind of data of one instrument, ready to be written: in memory, or behind a reader."""

    kind: str
    symbol: str
    columns: AnyColumns | ColumnReader
    timeframe: str = ""
    source: str = ""
    rounding_error_max: float = 0.0

    @property
    def has_volume(self) -> bool:
        """Whether volumes or sizes are known."""
        if isinstance(self.columns, ColumnReader):
            return self.columns.has_volume
        return has_volume(self.columns)

    def blocks(self) -> Iterable[AnyColumns]:
        """Return the rows, in time order, in one block or many."""
        return self.columns if isinstance(self.columns, ColumnReader) else (self.columns,)

    def span_ns(self) -> tuple[int, int]:
        """Return the times of the first and the last row."""
        if isinstance(self.columns, ColumnReader):
            return self.columns.span_ns()
        return int(self.columns.ts_ns[0]), int(self.columns.ts_ns[-1])


def symbol_folder(symbol: str) -> str:
    """Return a folder name for a symbol: ``BTC/USD`` gives ``BTC%2FUSD``."""
    name = quote(symbol, safe="^-_")
    return name.replace(".", "%2E") if set(name) == {"."} else name


def write_part(
    generation: Path, part: Part, instrument: Instrument, *, copies: bool = False
) -> tuple[PartEntry, tuple[GapEntry, ...]]:
    """Write a part into its folder; return its entry for the manifest and its gaps.

    With `copies` the rows are also kept as `data.copies` reads them; they are in memory once then.
    """
    place = generation / part.kind / symbol_folder(part.symbol)
    place.mkdir(parents=True)
    span = part.span_ns()
    files = _Files(generation, place, part.kind, _period_of(len(part.columns), span))
    digest, finder, prices = ColumnsDigest(), GapFinder(instrument), _Range()
    held: list[AnyColumns] = []
    for block in part.blocks():
        digest.update(block)
        prices.add(block)
        if isinstance(block, BarColumns):
            finder.add(block)
        files.add(to_frame(block, part.kind))
        if copies:
            held.append(block)
    entries = files.finish()
    if held and len(entries) == 1:
        write_copy(generation / entries[0].path, held)
    entry = PartEntry(
        kind=part.kind,
        symbol=part.symbol,
        rows=len(part.columns),
        first_ns=span[0],
        last_ns=span[1],
        digest=digest.digest().hex(),
        files=entries,
        has_volume=part.has_volume,
        timeframe=part.timeframe,
        source=part.source,
        rounding_error_max=part.rounding_error_max,
        low_ticks=prices.low_ticks,
        high_ticks=prices.high_ticks,
    )
    gaps = (
        GapEntry(gap.symbol, gap.after_ns, gap.before_ns, gap.missing_count)
        for gap in finder.gaps()
    )
    return entry, tuple(gaps)


@dataclass(slots=True)
class _Range:
    """The lowest and the highest price so far."""

    low_ticks: int | None = None
    high_ticks: int | None = None

    def add(self, block: AnyColumns) -> None:
        if len(block) == 0:
            return
        if isinstance(block, BarColumns):
            low, high = block.low_ticks, block.high_ticks
        elif isinstance(block, QuoteColumns):
            low, high = block.bid_ticks, block.ask_ticks
        else:
            low = high = block.price_ticks
        lowest, highest = int(low.min()), int(high.max())
        self.low_ticks = lowest if self.low_ticks is None else min(self.low_ticks, lowest)
        self.high_ticks = highest if self.high_ticks is None else max(self.high_ticks, highest)


@dataclass(slots=True)
class _Files:
    """The files of a part: a period is closed when the next one begins, or when it is full."""

    generation: Path
    folder: Path
    kind: str
    period: str
    entries: list[FileEntry] = field(default_factory=list)
    _label: str = ""
    _held: list[pl.DataFrame] = field(default_factory=list)

    def add(self, frame: pl.DataFrame) -> None:
        for label, rows in self._by_period(frame):
            if label != self._label:
                self._flush()
                self._label = label
            for start in range(0, len(rows), FILE_ROWS_MAX):
                piece = rows.slice(start, FILE_ROWS_MAX)
                if sum(len(held) for held in self._held) + len(piece) > FILE_ROWS_MAX:
                    self._flush()
                self._held.append(piece)

    def finish(self) -> tuple[FileEntry, ...]:
        self._flush()
        return tuple(self.entries)

    def _flush(self) -> None:
        import polars as pl

        if not self._held:
            return
        rows = pl.concat(self._held)
        self._held.clear()
        path = self.folder / f"{self._free_name()}.parquet"
        rows.write_parquet(path, compression="zstd", statistics=True, row_group_size=BLOCK_ROWS)
        stamps = rows[TIME_COLUMN[self.kind]]
        name = path.relative_to(self.generation).as_posix()
        self.entries.append(FileEntry(name, len(rows), int(stamps[0]), int(stamps[-1])))

    def _free_name(self) -> str:
        """Return the period's name, numbered from its second file on."""
        taken = sum(
            Path(entry.path).stem.partition(".")[0] == self._label for entry in self.entries
        )
        return self._label if taken == 0 else f"{self._label}.{taken + 1:04}"

    def _by_period(self, frame: pl.DataFrame) -> Iterator[tuple[str, pl.DataFrame]]:
        import polars as pl

        if self.period == "all":
            yield "all", frame
            return
        stamp = pl.from_epoch(pl.col(TIME_COLUMN[self.kind]), time_unit="ns")
        label = stamp.dt.strftime(_PERIOD_FORMAT[self.period]).alias("period")
        for key, rows in frame.with_columns(label).group_by("period", maintain_order=True):
            yield str(key[0]), rows.drop("period")


def _period_of(rows: int, span: tuple[int, int]) -> str:
    """Return the shortest period whose files are worth opening."""
    days = max(1, (span[1] - span[0]) // NS_PER_DAY)
    for period, length_days in _PERIOD_DAYS.items():
        if rows / days * length_days >= _ROWS_PER_FILE and days > length_days:
            return period
    return "all"
