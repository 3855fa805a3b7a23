"""Repair makes a new dataset, lists every change, and leaves the old one as it was."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from data.calendars import sessions
from data.catalog import Catalog
from data.history import BarColumns, QuoteColumns
from data.importing import ImportOptions, import_file
from data.quality import check_dataset
from data.quality.repair import repair_dataset
from data.writer import Draft, Part, write_dataset
from engine.errors import DataError, NegativeAnswer
from engine.model.instruments import Instrument, InstrumentKind
from engine.model.units import NS_PER_DAY

DAY_0 = 18_262 * NS_PER_DAY


def year(factor_from: int | None = None, factor: float = 1.0) -> BarColumns:
    opens, closes = sessions("XNYS", DAY_0, DAY_0 + 400 * NS_PER_DAY)
    count = 200
    noise = np.random.default_rng(5).integers(-60, 61, count)
    close = 10_000 + np.cumsum(noise)
    first = np.concatenate(([10_000], close[:-1]))
    high, low = np.maximum(first, close) + 20, np.minimum(first, close) - 20
    prices = [first, high, low, close]
    if factor_from is not None:
        prices = [
            np.where(np.arange(count) >= factor_from, (p * factor).astype(np.int64), p)
            for p in prices
        ]
    volume = np.full(count, 1000, dtype=np.int64)
    return BarColumns(opens[:count], closes[:count], *prices, volume)


def written(root: Path, columns: BarColumns) -> Path:
    stock = Instrument("S", InstrumentKind.EQUITY, calendar="XNYS")
    write_dataset(root / "d", Draft({"S": stock}, [Part("bars", "S", columns, "1d")]))
    return root


def files_under(folder: Path) -> dict[str, bytes]:
    return {str(p): p.read_bytes() for p in sorted(folder.rglob("*")) if p.is_file()}


def test_a_split_becomes_an_action_and_prices_stay(tmp_path: Path) -> None:
    root = written(tmp_path, year(100, 0.5))
    dataset = Catalog(root).dataset("d")
    before = files_under(root / "d")
    done = repair_dataset(dataset, root, "e", ["data.unadjusted_split"])
    repaired = Catalog(root).dataset("e")
    assert done.counts == {"data.unadjusted_split": 1}
    assert [(a.ratio_numerator, a.ratio_denominator) for a in repaired.actions()] == [(2, 1)]
    assert check_dataset(repaired).counts == {}
    assert repaired.manifest.parts[0].digest == dataset.manifest.parts[0].digest
    assert files_under(root / "d") == before
    derived = repaired.manifest.derived
    assert derived is not None
    assert (derived.dataset, derived.fingerprint) == ("d", dataset.fingerprint)


def test_a_splice_keeps_its_longer_side(tmp_path: Path) -> None:
    root = written(tmp_path, year(60, 0.28))
    repair_dataset(Catalog(root).dataset("d"), root, "e", ["data.splice"])
    repaired = Catalog(root).dataset("e")
    assert repaired.manifest.parts[0].rows == 140
    assert len(repaired.manifest.changes) == 60
    first = repaired.manifest.changes[0]
    assert (first.code, first.row, first.change) == ("data.splice", 1, "row left out")
    assert first.was.startswith("open 100.00")


def test_a_stale_run_keeps_its_first_bar(tmp_path: Path) -> None:
    moving = year()
    prices = {}
    for name in ("open_ticks", "high_ticks", "low_ticks", "close_ticks"):
        prices[name] = getattr(moving, name).copy()
        prices[name][50:57] = prices[name][50]
    columns = replace(moving, **prices)
    root = written(tmp_path, columns)
    done = repair_dataset(Catalog(root).dataset("d"), root, "e", ["data.stale"])
    assert done.counts == {"data.stale": 6}
    rows = [change.row for change in Catalog(root).dataset("e").manifest.changes]
    assert rows == [52, 53, 54, 55, 56, 57]


def test_locked_quotes_are_left_out(tmp_path: Path) -> None:
    stamps = DAY_0 + np.arange(50, dtype=np.int64)
    bid, ask = np.full(50, 100, dtype=np.int64), np.full(50, 101, dtype=np.int64)
    ask[[3, 7]] = 100
    sizes = np.ones(50, dtype=np.int64)
    coin = Instrument("C", InstrumentKind.CRYPTO_SPOT)
    part = Part("quotes", "C", QuoteColumns(stamps, bid, ask, sizes, sizes))
    write_dataset(tmp_path / "d", Draft({"C": coin}, [part]))
    repair_dataset(Catalog(tmp_path).dataset("d"), tmp_path, "e", ["data.locked_quote"])
    assert Catalog(tmp_path).dataset("e").manifest.parts[0].rows == 48


@pytest.mark.parametrize(
    ("codes", "code"),
    [
        ([], "DataError"),
        (["data.locked_quotes"], "data.unknown_fix"),
        (["data.gap"], "data.unknown_fix"),
        (["data.splice"], "data.nothing_to_repair"),
    ],
)
def test_what_cannot_be_repaired_is_told_and_nothing_is_written(
    tmp_path: Path, codes: list[str], code: str
) -> None:
    root = written(tmp_path, year())
    with pytest.raises((DataError, NegativeAnswer)) as caught:
        repair_dataset(Catalog(root).dataset("d"), root, "e", codes)
    assert caught.value.code == code
    assert Catalog(root).names() == ("d",)


def test_an_existing_name_is_refused(tmp_path: Path) -> None:
    root = written(tmp_path, year(100, 0.5))
    with pytest.raises(DataError, match="already a dataset"):
        repair_dataset(Catalog(root).dataset("d"), root, "d", ["data.unadjusted_split"])


def test_rows_that_an_import_leaves_out_stand_in_the_manifest(tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    path.write_text(
        "Date,Open,High,Low,Close\n2024-07-01,10,11,9,10\n2024-07-02,10,11,9,-1\n"
        "2024-07-03,10,11,9,15\n"
    )
    options = ImportOptions("d", symbol="A", calendar="XNYS", drop_bad_rows=True, licence="CC0")
    import_file(path, tmp_path / "catalog", options)
    manifest = Catalog(tmp_path / "catalog").dataset("d").manifest
    assert [(c.code, c.row, c.was) for c in manifest.changes] == [
        ("data.price_not_positive", 3, "Close"),
        ("data.outside_range", 4, "Close"),
    ]
    source = manifest.sources[0]
    assert (source.file, source.rows, source.licence) == ("a.csv", 1, "CC0")
    assert source.mapping["close"] == "Close" and source.settings["drop_bad_rows"] == "yes"
    assert len(source.sha256) == 64
    assert json.loads((tmp_path / "catalog/d/manifest.json").read_text())["schema_version"] == 2
