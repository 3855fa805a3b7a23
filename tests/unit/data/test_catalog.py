"""The catalog: what goes in comes out, and nothing half-written ever stands there."""

from __future__ import annotations

import errno
import json
import os
from collections.abc import Callable
from decimal import Decimal
from pathlib import Path

import numpy as np
import pytest

from data.actions import Action, ActionKind
from data.catalog import Catalog, list_datasets
from data.frames import AnyColumns
from data.history import BarColumns, History, QuoteColumns, TradeColumns
from data.writer import Draft, Part, symbol_folder, write_dataset
from engine.errors import DataError
from engine.model.instruments import Instrument, InstrumentKind
from engine.model.units import NS_PER_DAY, NS_PER_MINUTE

EVENT = Action("BTC/USD", 5, ActionKind.FUNDING, amount=Decimal("-0.0001"))


def bars(count: int, step_ns: int = NS_PER_MINUTE, start: int = 1000) -> BarColumns:
    closes = (np.arange(count, dtype=np.int64) + 1) * step_ns
    price = np.arange(count, dtype=np.int64) + start
    return BarColumns(closes - step_ns, closes, price, price + 2, price - 2, price + 1, price)


def draft_of(columns: AnyColumns, kind: str = "bars", symbol: str = "BTC/USD") -> Draft:
    instrument = Instrument(symbol, InstrumentKind.CRYPTO_SPOT, quantity_precision=3)
    return Draft({symbol: instrument}, [Part(kind, symbol, columns, "1m", "x.csv")], [EVENT])


def everything_under(folder: Path) -> list[str]:
    return sorted(path.relative_to(folder).as_posix() for path in folder.rglob("*"))


@pytest.mark.parametrize(
    ("kind", "columns"),
    [
        ("bars", bars(500)),
        ("quotes", QuoteColumns(*(np.arange(1, 401, dtype=np.int64) for _ in range(5)))),
        ("trades", TradeColumns(*(np.arange(1, 401, dtype=np.int64) for _ in range(4)))),
    ],
)
def test_what_goes_in_comes_out(tmp_path: Path, kind: str, columns: AnyColumns) -> None:
    manifest = write_dataset(tmp_path / "d", draft_of(columns, kind))
    history = Catalog(tmp_path).dataset("d").load()
    found = getattr(history.parts[0], kind)
    for name in columns.__slots__:
        expected = getattr(columns, name)
        assert np.array_equal(getattr(found, name), expected), name
    assert history.actions == (EVENT,)
    assert history.instruments[0].quantity_precision == 3
    assert manifest.parts[0].rows == len(columns)


def test_the_fingerprint_is_of_the_content_not_of_the_files(tmp_path: Path) -> None:
    first = write_dataset(tmp_path / "a", draft_of(bars(100)))
    again = write_dataset(tmp_path / "b", draft_of(bars(100)))
    other = write_dataset(tmp_path / "c", draft_of(bars(100, start=1001)))
    assert first.fingerprint == again.fingerprint != other.fingerprint
    one, two = (Catalog(tmp_path).dataset(name).load().fingerprint for name in "ab")
    assert one == two


def test_many_rows_are_spread_over_files_and_read_by_span(tmp_path: Path) -> None:
    columns = bars(130_000)  # 90 days of minutes
    manifest = write_dataset(tmp_path / "d", draft_of(columns))
    dataset = Catalog(tmp_path).dataset("d")
    assert len(manifest.parts[0].files) == 1  # one month holds fewer rows than a file is worth
    start, end = 40 * NS_PER_DAY, 41 * NS_PER_DAY
    found = dataset.load_bars(["BTC/USD"], start, end).parts[0].bars
    assert found is not None
    assert len(found) == 1440
    assert int(found.ts_close_ns[0]) == start


def test_dense_data_gets_a_file_per_day(tmp_path: Path) -> None:
    stamps = np.arange(200_000, dtype=np.int64) * (NS_PER_DAY // 60_000)
    quotes = QuoteColumns(stamps, *(np.ones(200_000, dtype=np.int64) for _ in range(4)))
    manifest = write_dataset(tmp_path / "d", draft_of(quotes, "quotes"))
    assert [file.rows for file in manifest.parts[0].files] == [60_000, 60_000, 60_000, 20_000]
    found = Catalog(tmp_path).dataset("d").load(None, NS_PER_DAY, 2 * NS_PER_DAY).parts[0].quotes
    assert found is not None and np.array_equal(found.ts_ns, stamps[60_000:120_000])


@pytest.mark.parametrize("rows", [1, 7, 99, 100, 1000])
def test_chunks_together_are_the_whole(tmp_path: Path, rows: int) -> None:
    columns = bars(100)
    write_dataset(tmp_path / "d", draft_of(columns))
    chunks = list(Catalog(tmp_path).dataset("d").iter_chunks(rows=rows))
    stamps = [chunk.parts[0].bars.ts_close_ns for chunk in chunks if chunk.parts[0].bars]
    assert np.array_equal(np.concatenate(stamps), columns.ts_close_ns)
    assert len(chunks) == pytest.approx(100 / rows, abs=2)


def test_people_read_decimals(tmp_path: Path) -> None:
    write_dataset(tmp_path / "d", draft_of(bars(2)))
    frame = Catalog(tmp_path).dataset("d").frame("BTC/USD", decimals=True)
    assert frame["open"].to_list() == [Decimal("10.00"), Decimal("10.01")]
    assert frame["volume"].to_list() == [Decimal("1.000"), Decimal("1.001")]
    floats = Catalog(tmp_path).dataset("d").frame("BTC/USD")
    assert floats["high"].to_list() == [10.02, 10.03]


class _Full:
    """A disk that is full from the n-th flush on."""

    def __init__(self, after: int, error: BaseException) -> None:
        self.left, self.error = after, error

    def __call__(self, handle: int) -> None:
        self.left -= 1
        if self.left < 0:
            raise self.error


@pytest.mark.parametrize("after", range(7))
@pytest.mark.parametrize("is_new", [True, False])
@pytest.mark.parametrize(
    "error", [OSError(errno.ENOSPC, "No space left on device"), KeyboardInterrupt()]
)
def test_a_failure_at_any_flush_leaves_the_old_dataset_or_the_new_one(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    after: int,
    is_new: bool,
    error: BaseException,
) -> None:
    root = tmp_path / "catalog"
    old = "" if is_new else write_dataset(root / "d", draft_of(bars(10))).fingerprint
    before = everything_under(tmp_path)
    with monkeypatch.context() as patch:
        patch.setattr(os, "fsync", _Full(after, error))
        with pytest.raises((DataError, KeyboardInterrupt)) as caught:
            write_dataset(root / "d", draft_of(bars(20)))
    if isinstance(caught.value, DataError):
        assert caught.value.code == "data.cannot_write"
        assert "No space left" in caught.value.problem
    if after < 6:
        assert everything_under(tmp_path) == before
    found = {summary.fingerprint for summary in list_datasets(root)}
    assert found == ({old} - {""}) or after >= 6


def test_no_permission_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(self: Path, **_: object) -> None:
        raise PermissionError(errno.EACCES, "Permission denied")

    monkeypatch.setattr(Path, "mkdir", refuse)
    with pytest.raises(DataError, match="Permission denied") as caught:
        write_dataset(tmp_path / "d", draft_of(bars(2)))
    assert caught.value.code == "data.cannot_write"


def test_replacing_removes_the_old_rows(tmp_path: Path) -> None:
    write_dataset(tmp_path / "d", draft_of(bars(10)))
    write_dataset(tmp_path / "d", draft_of(bars(20)))
    assert len(list((tmp_path / "d").glob("rows-*"))) == 1
    assert list_datasets(tmp_path)[0].rows == 21  # with the action


@pytest.mark.parametrize("symbol", ["BTC/USD", "^VIX", "..", ".", "A B", "Ä", "CON", "a%2Fb"])
def test_any_symbol_is_one_folder(tmp_path: Path, symbol: str) -> None:
    name = symbol_folder(symbol)
    assert "/" not in name and name not in (".", "..")
    write_dataset(tmp_path / "d", draft_of(bars(3), symbol=symbol))
    assert Catalog(tmp_path).dataset("d").load().symbols == (symbol,)


def test_symbols_never_share_a_folder() -> None:
    symbols = ["A/B", "A%2FB", "A.B", "..", "%2E%2E", "A B", "A+B"]
    assert len({symbol_folder(symbol) for symbol in symbols}) == len(symbols)


def test_listing_shows_a_damaged_dataset_and_goes_on(tmp_path: Path) -> None:
    write_dataset(tmp_path / "good", draft_of(bars(3)))
    (tmp_path / "bad").mkdir()
    (tmp_path / "bad" / "manifest.json").write_text("{")
    (tmp_path / "not-a-dataset").mkdir()
    bad, good = list_datasets(tmp_path)
    assert "damaged" in bad.problem
    assert (good.name, good.kinds, good.symbols) == ("good", ("bars", "actions"), ("BTC/USD",))
    assert list_datasets(tmp_path / "nowhere") == ()


def test_a_manifest_of_a_newer_version_is_refused(tmp_path: Path) -> None:
    write_dataset(tmp_path / "d", draft_of(bars(3)))
    path = tmp_path / "d" / "manifest.json"
    path.write_text(path.read_text().replace('"schema_version": 2', '"schema_version": 99'))
    with pytest.raises(DataError, match="schema version 99") as caught:
        Catalog(tmp_path).dataset("d")
    assert "newer version" in caught.value.remedy


@pytest.mark.parametrize("version", ["true", "0", '"2"', "null", "1.5"])
def test_a_version_that_is_none_is_damage(tmp_path: Path, version: str) -> None:
    write_dataset(tmp_path / "d", draft_of(bars(3)))
    path = tmp_path / "d" / "manifest.json"
    path.write_text(path.read_text().replace('"schema_version": 2', f'"schema_version": {version}'))
    with pytest.raises(DataError, match="damaged"):
        Catalog(tmp_path).dataset("d")


def test_a_manifest_of_version_1_is_read(tmp_path: Path) -> None:
    manifest = write_dataset(tmp_path / "d", draft_of(bars(30)))
    path = tmp_path / "d" / "manifest.json"
    content = json.loads(path.read_text())
    for key in ("sources", "gaps", "changes", "derived"):
        del content[key]
    for part in content["parts"]:
        del part["low_ticks"], part["high_ticks"]
        part["source"] = "a.csv, b.csv"
    path.write_text(json.dumps({**content, "schema_version": 1}))
    dataset = Catalog(tmp_path).dataset("d")
    assert [source.file for source in dataset.manifest.sources] == ["a.csv", "b.csv"]
    assert dataset.manifest.gaps is None
    assert dataset.manifest.schema_version == 2
    assert dataset.fingerprint == manifest.fingerprint
    assert len(dataset.load().parts[0].bars or ()) == 30


def test_the_manifest_knows_ranges_and_gaps(tmp_path: Path) -> None:
    day = Instrument("D", InstrumentKind.CRYPTO_SPOT)
    columns = bars(10, NS_PER_DAY)
    keep = np.array([0, 1, 4, 5, 6, 7, 8, 9])
    kept = BarColumns(*(getattr(columns, name)[keep] for name in BarColumns.__slots__[:7]))
    manifest = write_dataset(tmp_path / "d", Draft({"D": day}, [Part("bars", "D", kept, "1d")]))
    assert (manifest.parts[0].low_ticks, manifest.parts[0].high_ticks) == (998, 1011)
    assert manifest.gaps is not None
    gap = manifest.gaps[0]
    assert (gap.symbol, gap.after_ns, gap.before_ns, gap.missing_count) == (
        "D",
        2 * NS_PER_DAY,
        4 * NS_PER_DAY,
        2,
    )


def test_full_files_are_numbered_and_read_in_order(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("data.parts.FILE_ROWS_MAX", 40)
    manifest = write_dataset(tmp_path / "d", draft_of(bars(100)))
    assert [Path(file.path).name for file in manifest.parts[0].files] == [
        "all.parquet",
        "all.0002.parquet",
        "all.0003.parquet",
    ]
    found = Catalog(tmp_path).dataset("d").load().parts[0].bars
    assert found is not None and np.array_equal(found.ts_close_ns, bars(100).ts_close_ns)
    assert manifest.fingerprint == write_dataset(tmp_path / "e", draft_of(bars(100))).fingerprint


@pytest.mark.parametrize(
    ("ask", "code", "hint"),
    [
        (lambda c: c.dataset("dd"), "data.unknown_dataset", "did you mean 'd'"),
        (lambda c: c.dataset("d").load(["BTC/USDT"]), "data.unknown_instrument", "BTC/USD"),
        (
            lambda c: c.dataset("d").load(None, 400 * NS_PER_DAY, 500 * NS_PER_DAY),
            "data.no_data_in_span",
            "it holds 1970-01-01 to 1970-01-01",
        ),
    ],
)
def test_what_is_not_there_is_told_with_what_is(
    tmp_path: Path, ask: object, code: str, hint: str
) -> None:
    write_dataset(tmp_path / "d", draft_of(bars(3)))
    with pytest.raises(DataError) as caught:
        ask(Catalog(tmp_path))  # type: ignore[operator]
    assert caught.value.code == code
    assert hint in caught.value.remedy


def test_a_truncated_catalog_file_is_told(tmp_path: Path) -> None:
    write_dataset(tmp_path / "d", draft_of(bars(300)))
    path = next(tmp_path.rglob("*.parquet"))
    path.write_bytes(path.read_bytes()[:100])
    with pytest.raises(DataError) as caught:
        Catalog(tmp_path).dataset("d").load()
    assert caught.value.code == "data.unreadable"
    assert str(path) in caught.value.where


def read_without_polars(root: Path, monkeypatch: pytest.MonkeyPatch) -> History | None:
    """Load what `draft_of` wrote where Parquet cannot be read; None where it had to be."""

    class Asked(Exception):
        pass

    def refuse(*_: object) -> None:
        raise Asked

    with monkeypatch.context() as without:
        without.setattr("data.catalog.read_files", refuse)
        try:
            return Catalog(root).dataset("d").load(None, 20 * NS_PER_MINUTE, 60 * NS_PER_MINUTE)
        except Asked:
            return None


def test_short_data_is_read_without_polars_and_is_the_same(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_dataset(tmp_path / "d", draft_of(bars(100)))
    quick = read_without_polars(tmp_path, monkeypatch)
    for copy in tmp_path.rglob("*.npy"):
        copy.unlink()
    assert read_without_polars(tmp_path, monkeypatch) is None
    slow = Catalog(tmp_path).dataset("d").load(None, 20 * NS_PER_MINUTE, 60 * NS_PER_MINUTE)
    assert quick is not None and len(quick.parts[0].bars or ()) == 40
    assert quick.fingerprint == slow.fingerprint


def _touch(file: Path, _copy: Path) -> None:
    file.touch()


def _longer_file(file: Path, _copy: Path) -> None:
    file.write_bytes(file.read_bytes() + b"\0")


def _other_values(_file: Path, copy: Path) -> None:
    values = np.load(copy)
    values[5, 30] += 1
    np.save(copy, values)


def _half_a_copy(_file: Path, copy: Path) -> None:
    copy.write_bytes(copy.read_bytes()[:300])


@pytest.mark.parametrize("happens", [_touch, _longer_file, _other_values, _half_a_copy])
def test_a_copy_is_believed_only_while_it_is_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, happens: Callable[[Path, Path], None]
) -> None:
    write_dataset(tmp_path / "d", draft_of(bars(100)))
    assert read_without_polars(tmp_path, monkeypatch) is not None
    happens(next(tmp_path.rglob("all.parquet")), next(tmp_path.rglob("*.npy")))
    assert read_without_polars(tmp_path, monkeypatch) is None


def test_long_data_has_no_copy(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("data.writer.COPY_ROWS_MAX", 99)
    write_dataset(tmp_path / "d", draft_of(bars(100)))
    assert not list(tmp_path.rglob("*.npy"))
