"""Windows over readers: none divides a time, however long a time or uneven the readers are."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from data.catalog import Catalog
from data.history import QuoteColumns
from data.streams import HistoryStream, open_stream
from data.writer import Draft, Part, write_dataset
from engine.errors import DataError
from engine.model.instruments import Instrument, InstrumentKind

# Times of the quotes of each instrument, rows of a window -> the rows of the largest one, at most.
CASES = [
    ([[1, 2, 3, 4, 5, 6]], 2, 3),
    ([[1, 1, 1, 1, 1, 2]], 2, 5),  # one time has more rows than a window
    ([[7, 7, 7, 7, 7]], 2, 5),
    ([[1, 2, 3, 4], [2, 2, 2, 2]], 2, 6),
    ([[1, 9], [1, 2, 3, 4, 5, 6, 7, 8]], 3, 4),  # one reader is far ahead
    ([[1]], 1, 1),
]


def stream_of(folder: Path, times: list[list[int]]) -> HistoryStream:
    symbols = [f"S{k}" for k in range(len(times))]
    instruments = {s: Instrument(s, InstrumentKind.EQUITY) for s in symbols}
    parts = []
    for symbol, stamps in zip(symbols, times, strict=True):
        ts = np.array(stamps, dtype=np.int64)
        rows = np.arange(len(ts), dtype=np.int64)
        parts.append(Part("quotes", symbol, QuoteColumns(ts, rows, rows + 1, rows, rows.copy())))
    write_dataset(folder / "d", Draft(instruments, parts))
    return open_stream(Catalog(folder).dataset("d"))


@pytest.mark.parametrize(("times", "rows", "most"), CASES)
def test_windows_end_between_times(
    times: list[list[int]], rows: int, most: int, tmp_path: Path
) -> None:
    windows = list(stream_of(tmp_path, times).windows(rows))
    assert all(0 < window.rows <= most for window in windows)
    assert sum(window.rows for window in windows) == sum(len(column) for column in times)
    seen: list[set[int]] = []
    for window in windows:
        blocks = [part.quotes.ts_ns for part in window.parts if part.quotes is not None]
        here = set(np.concatenate(blocks).tolist())
        assert not any(here & before for before in seen)
        seen.append(here)
    assert sorted(set().union(*seen)) == sorted({ts for column in times for ts in column})


def test_the_outline_has_the_span_and_the_fingerprint_of_the_manifest(tmp_path: Path) -> None:
    stream = stream_of(tmp_path, [[3, 5, 9], [1, 4]])
    dataset = Catalog(tmp_path).dataset("d")
    assert stream.outline.span_ns() == (1, 9) and len(stream) == 5
    assert stream.outline.fingerprint == dataset.fingerprint
    assert any("the fingerprint is the manifest's" in n for n in stream.outline.passport.notes)
    some = open_stream(dataset, ["S1"])
    assert some.outline.span_ns() == (1, 4)
    assert some.outline.fingerprint != dataset.fingerprint
    assert open_stream(dataset, None, 4, 9).outline.span_ns() == (4, 5)


def test_a_file_that_is_gone_is_named(tmp_path: Path) -> None:
    stream = stream_of(tmp_path, [[1, 2, 3]])
    next(tmp_path.rglob("*.parquet")).unlink()
    with pytest.raises(DataError, match="cannot be read"):
        list(stream.windows(2))
