"""Columns to Parquet and back: names, order and types as the catalog stores them.

All values are int64: times in ns UTC, prices in ticks, quantities in lots; the precisions stand in
the manifest. Sorted stamps and small steps make this compress better than floats, and what comes
out is what the engine reads, without conversion.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import fields
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from data.history import BarColumns, QuoteColumns, TradeColumns
from engine.errors import DataError

if TYPE_CHECKING:
    import polars as pl

AnyColumns = BarColumns | QuoteColumns | TradeColumns

COLUMNS: dict[str, type[AnyColumns]] = {
    "bars": BarColumns,
    "quotes": QuoteColumns,
    "trades": TradeColumns,
}
_NAMES: dict[type, tuple[str, ...]] = {
    kind: tuple(f.name for f in fields(kind) if not f.name.startswith("has_"))
    for kind in COLUMNS.values()
}
TIME_COLUMN = {"bars": "ts_close_ns", "quotes": "ts_ns", "trades": "ts_ns"}


def column_names(kind: str) -> tuple[str, ...]:
    """Return the columns of a kind in the order of its files."""
    return _NAMES[COLUMNS[kind]]


def array_names(columns: AnyColumns) -> tuple[str, ...]:
    """Return the names of the arrays of a block, in its order."""
    return _NAMES[type(columns)]


def with_arrays(columns: AnyColumns, arrays: Sequence[NDArray[np.int64]]) -> AnyColumns:
    """Return a block like `columns` with other arrays, given in its order."""
    values = dict(zip(array_names(columns), arrays, strict=True))
    if isinstance(columns, BarColumns):
        return BarColumns(**values, has_volume=columns.has_volume)
    if isinstance(columns, QuoteColumns):
        return QuoteColumns(**values, has_sizes=columns.has_sizes)
    return TradeColumns(**values)


def cut_block(columns: AnyColumns, where: slice) -> AnyColumns:
    """Return a range of rows as views."""
    return with_arrays(columns, [getattr(columns, name)[where] for name in array_names(columns)])


def to_frame(columns: AnyColumns, kind: str) -> pl.DataFrame:
    """Return columns as a data frame."""
    import polars as pl

    return pl.DataFrame({name: getattr(columns, name) for name in column_names(kind)})


def from_frame(frame: pl.DataFrame, kind: str, *, has_volume: bool) -> AnyColumns:
    """Return a data frame as contiguous columns, without copies where polars allows it."""
    arrays = {
        name: np.ascontiguousarray(frame[name].rechunk().to_numpy(), dtype=np.int64)
        for name in column_names(kind)
    }
    return columns_of(arrays, kind, has_volume=has_volume)


def columns_of(
    arrays: Mapping[str, NDArray[np.int64]], kind: str, *, has_volume: bool
) -> AnyColumns:
    """Return arrays by name as columns of a kind."""
    if kind == "bars":
        return BarColumns(**arrays, has_volume=has_volume)
    if kind == "quotes":
        return QuoteColumns(**arrays, has_sizes=has_volume)
    return TradeColumns(**arrays)


def has_volume(columns: AnyColumns) -> bool:
    """Whether the columns carry volumes or sizes at all."""
    if isinstance(columns, BarColumns):
        return columns.has_volume
    return columns.has_sizes if isinstance(columns, QuoteColumns) else True


def read_files(
    paths: list[Path], kind: str, start_ns: int | None, end_ns: int | None
) -> pl.DataFrame:
    """Read the rows in [start, end) of some Parquet files, in the order of the files.

    Raises
    ------
    DataError
        If a file is missing or damaged.
    """
    import polars as pl

    stamp = pl.col(TIME_COLUMN[kind])
    try:
        frame = pl.scan_parquet(paths, glob=False).select(column_names(kind))
        if start_ns is not None:
            frame = frame.filter(stamp >= start_ns)
        if end_ns is not None:
            frame = frame.filter(stamp < end_ns)
        return frame.collect()
    except (OSError, pl.exceptions.PolarsError) as error:
        raise unreadable(paths, error) from None


def unreadable(paths: Sequence[Path], error: Exception) -> DataError:
    """Return the error for files of the catalog that cannot be read."""
    return DataError(
        f"the catalog's file cannot be read: {str(error).splitlines()[0]}",
        where=str(paths[0]) if len(paths) == 1 else str(paths[0].parent),
        remedy="import the dataset again with replace",
        code="data.unreadable",
    )
