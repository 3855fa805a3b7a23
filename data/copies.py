"""A second copy of short data, for numpy alone: importing polars takes longer than a short backtest.

The Parquet file is the data. Its copy is believed only while the file is the one that was copied, whose
size and time of change stand in the copy's name, and while what it holds has the manifest's digest.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from data.fingerprint import columns_digest
from data.frames import TIME_COLUMN, AnyColumns, array_names, column_names, columns_of
from data.manifest import PartEntry

COPY_ROWS_MAX = 50_000  # of a whole dataset: more rows are worth polars, and their room on the disk


def write_copy(file: Path, blocks: Sequence[AnyColumns]) -> None:
    """Write the copy of a Parquet file that is complete."""
    names = array_names(blocks[0])
    np.save(
        _place(file),
        np.array([np.concatenate([getattr(b, name) for b in blocks]) for name in names]),
    )


def read_copy(
    generation: Path, part: PartEntry, start_ns: int | None, end_ns: int | None
) -> AnyColumns | None:
    """Return the rows of a part in [start, end); None where there is no copy to be believed."""
    if len(part.files) != 1:
        return None
    names = column_names(part.kind)
    try:
        values = np.load(_place(generation / part.files[0].path))
    except (OSError, ValueError, EOFError):
        return None
    if values.shape != (len(names), part.rows) or values.dtype != np.int64:
        return None
    arrays = dict(zip(names, values, strict=True))
    whole = columns_of(arrays, part.kind, has_volume=part.has_volume)
    if columns_digest([whole]).hex() != part.digest:
        return None
    stamps = arrays[TIME_COLUMN[part.kind]]
    first = 0 if start_ns is None else int(np.searchsorted(stamps, start_ns))
    end = part.rows if end_ns is None else int(np.searchsorted(stamps, end_ns))
    cut = {name: column[first:end] for name, column in arrays.items()}
    return columns_of(cut, part.kind, has_volume=part.has_volume)


def _place(file: Path) -> Path:
    state = file.stat()
    return file.with_name(f"{file.stem}-{state.st_size}-{state.st_mtime_ns}.npy")
