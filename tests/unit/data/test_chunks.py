"""Readers give a dataset's columns block by block, and together they are the whole."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from data.catalog import Catalog, Dataset
from data.chunks import total_rows
from data.history import BarColumns, QuoteColumns
from data.writer import Draft, Part, write_dataset
from engine.errors import DataError
from engine.model.instruments import Instrument, InstrumentKind
from engine.model.units import NS_PER_DAY, NS_PER_MINUTE

COUNT = 250


def bars(start: int) -> BarColumns:
    closes = (np.arange(COUNT, dtype=np.int64) + 1) * NS_PER_MINUTE
    price = np.arange(COUNT, dtype=np.int64) + start
    return BarColumns(closes - NS_PER_MINUTE, closes, price, price + 2, price - 2, price, price)


def quotes() -> QuoteColumns:
    stamps = np.repeat(np.arange(100, dtype=np.int64), 3) * NS_PER_MINUTE
    ones = np.ones(300, dtype=np.int64)
    return QuoteColumns(stamps, ones, ones * 2, ones, ones)


@pytest.fixture
def dataset(tmp_path: Path) -> Dataset:
    parts = [
        Part("bars", "A", bars(100), "1m"),
        Part("bars", "B", bars(900), "1m"),
        Part("quotes", "B", quotes()),
    ]
    instruments = {s: Instrument(s, InstrumentKind.CRYPTO_SPOT) for s in "AB"}
    write_dataset(tmp_path / "d", Draft(instruments, parts))
    return Catalog(tmp_path).dataset("d")


def test_there_is_a_reader_for_each_kind_of_each_instrument(dataset: Dataset) -> None:
    readers = dataset.open_chunks()
    assert [(r.instrument.symbol, r.kind, len(r)) for r in readers] == [
        ("A", "bars", 250),
        ("B", "bars", 250),
        ("B", "quotes", 300),
    ]
    assert total_rows(readers) == 800
    only = dataset.open_chunks(["B"], kinds=("quotes",))
    assert [(r.instrument.symbol, r.kind) for r in only] == [("B", "quotes")]


@pytest.mark.parametrize("rows", [1, 7, 249, 250, 10_000])
@pytest.mark.parametrize("span", [(None, None), (30, None), (None, 71), (30, 71), (-5, 999)])
def test_the_blocks_together_are_what_loading_gives(
    dataset: Dataset, rows: int, span: tuple[int | None, int | None]
) -> None:
    start, end = (None if minute is None else minute * NS_PER_MINUTE for minute in span)
    history = dataset.load(None, start, end)
    for reader in dataset.open_chunks(None, start, end, rows):
        whole = getattr(history[reader.instrument.symbol], reader.kind)
        blocks = list(reader)
        assert all(0 < len(block) <= rows for block in blocks)
        for name in (n for n in whole.__slots__ if not n.startswith("has_")):
            joined = np.concatenate([getattr(block, name) for block in blocks])
            assert np.array_equal(joined, getattr(whole, name)), name
        assert len(reader) == len(whole)


def test_a_reader_can_be_read_twice(dataset: Dataset) -> None:
    reader = dataset.open_chunks(["A"], rows=100)[0]
    assert [len(block) for block in reader] == [len(block) for block in reader] == [100, 100, 50]


def test_dense_data_is_read_across_its_files(tmp_path: Path) -> None:
    stamps = np.arange(200_000, dtype=np.int64) * (NS_PER_DAY // 60_000)
    columns = QuoteColumns(stamps, *(np.ones(200_000, dtype=np.int64) for _ in range(4)))
    instruments = {"Q": Instrument("Q", InstrumentKind.CRYPTO_SPOT)}
    write_dataset(tmp_path / "d", Draft(instruments, [Part("quotes", "Q", columns)]))
    reader = Catalog(tmp_path).dataset("d").open_chunks(None, NS_PER_DAY // 2, 3 * NS_PER_DAY)[0]
    assert len(reader.pieces) == 3
    joined = np.concatenate([block.ts_ns for block in reader])
    assert np.array_equal(joined, stamps[30_000:180_000])


def test_what_is_not_there_is_told(dataset: Dataset) -> None:
    with pytest.raises(DataError, match="no instrument 'C'"):
        dataset.open_chunks(["C"])
    with pytest.raises(DataError) as caught:
        dataset.open_chunks(None, NS_PER_DAY, None)
    assert caught.value.code == "data.no_data_in_span"


def test_a_damaged_file_is_told_when_it_is_read(dataset: Dataset) -> None:
    reader = dataset.open_chunks(["A"])[0]
    reader.pieces[0].path.write_bytes(b"PAR1 and no more")
    with pytest.raises(DataError) as caught:
        list(reader)
    assert caught.value.code == "data.unreadable"
    assert str(reader.pieces[0].path) in caught.value.where
