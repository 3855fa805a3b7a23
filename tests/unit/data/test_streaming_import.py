"""A large file is imported in batches, and gives what reading it whole gives."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import polars as pl
import pytest

from data.catalog import Catalog
from data.importing import ImportOptions, Stamp, WriteMode, import_file, streaming
from engine.errors import DataError

COUNT = 900
START = 1_704_067_200  # 2024-01-01
Frame = pl.DataFrame


def minutes(symbol: str = "A", seed: int = 1, decimals: int = 2) -> Frame:
    noise = np.random.default_rng(seed)
    close = np.round(100 + np.cumsum(noise.normal(0, 0.1, COUNT)), decimals)
    return pl.DataFrame(
        {
            "ts": pl.Series(START + 60 * np.arange(COUNT)),
            "symbol": [symbol] * COUNT,
            "open": close,
            "high": close + 1,
            "low": close - 1,
            "close": close,
            "volume": np.round(noise.uniform(0, 9, COUNT)),
        }
    )


def two() -> Frame:
    return pl.concat([minutes("A", 1, 1), minutes("B", 2, 3)])


def interleaved() -> Frame:
    return two().sort("ts", "symbol")


def no_volume_in_b() -> Frame:
    return interleaved().with_columns(
        volume=pl.when(pl.col("symbol") == "B").then(None).otherwise(pl.col("volume"))
    )


def no_volume() -> Frame:
    return minutes().with_columns(volume=pl.lit(None, dtype=pl.Float64))


def late_decimals() -> Frame:
    """Only the very last price needs four decimals."""
    frame = minutes()
    last = pl.int_range(pl.len()) == pl.len() - 1
    return frame.with_columns(high=pl.when(last).then(pl.lit(500.1234)).otherwise(pl.col("high")))


def daily() -> Frame:
    days = pl.date_range(pl.date(2020, 1, 1), pl.date(2023, 1, 1), eager=True)
    frame = minutes()
    weekdays = days.filter(days.dt.weekday() < 6).head(COUNT)
    return frame.head(len(weekdays)).with_columns(ts=weekdays)


def quotes() -> Frame:
    return minutes().select("ts", "symbol", bid="low", ask="high", bid_size="volume", ask_size=1.5)


def trades() -> Frame:
    side = pl.when(pl.int_range(pl.len()) % 2 == 0).then(pl.lit("buy")).otherwise(pl.lit("sell"))
    return minutes().select("ts", "symbol", price="close", size=pl.lit(1), side=side)


def both(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    frame: Frame,
    suffix: str = ".csv",
    **said: object,
) -> None:
    """Import a file whole and in batches, and compare everything that can be seen."""
    path = tmp_path / f"file{suffix}"
    frame.write_csv(path) if suffix == ".csv" else frame.write_parquet(path)
    options = ImportOptions("d", **said)  # type: ignore[arg-type]
    whole = import_file(path, tmp_path / "whole", options)
    in_batches(monkeypatch)
    streamed = import_file(path, tmp_path / "streamed", options)
    assert streamed == whole
    a, b = (Catalog(tmp_path / name).dataset("d").manifest for name in ("whole", "streamed"))
    assert [(p.symbol, p.digest, p.timeframe, p.has_volume) for p in a.parts] == [
        (p.symbol, p.digest, p.timeframe, p.has_volume) for p in b.parts
    ]
    assert (a.sources, a.changes, a.gaps) == (b.sources, b.changes, b.gaps)
    assert [p.name for p in (tmp_path / "streamed").iterdir()] == ["d"]


def in_batches(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(streaming, "LARGE_BYTES", {"text": 0, "parquet": 0})
    monkeypatch.setattr(streaming, "BATCH_BYTES", 4_000)
    monkeypatch.setattr(streaming, "BATCH_ROWS", 70)


@pytest.mark.parametrize("suffix", [".csv", ".parquet"])
@pytest.mark.parametrize(
    "make", [minutes, two, interleaved, no_volume_in_b, no_volume, late_decimals, quotes, trades]
)
def test_batches_give_what_the_whole_gives(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, make: Callable[[], Frame], suffix: str
) -> None:
    stamp = None if make in (quotes, trades) else Stamp.CLOSE
    both(tmp_path, monkeypatch, make(), suffix, calendar="24/7", stamp=stamp)


def test_daily_bars_by_date_come_in_batches_too(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    both(tmp_path, monkeypatch, daily(), calendar="FX")


def test_filters_and_a_symbol_that_was_said(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    said = {"calendar": "24/7", "stamp": Stamp.OPEN, "where": {"symbol": "B"}, "symbol": "X"}
    both(tmp_path, monkeypatch, two(), **said)


def test_bad_rows_are_left_out_and_listed_alike(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    bad = pl.int_range(pl.len()).is_in([3, 400, 899])
    frame = minutes().with_columns(low=pl.when(bad).then(-1.0).otherwise(pl.col("low")))
    said = {"calendar": "24/7", "stamp": Stamp.CLOSE, "timeframe": "1m", "drop_bad_rows": True}
    both(tmp_path, monkeypatch, frame, **said)


def quoted(tmp_path: Path) -> Path:
    frame = minutes().with_columns(note=pl.lit('a "quoted"\nline, with a comma'))
    path = tmp_path / "quoted.csv"
    frame.write_csv(path)
    return path


def test_line_ends_between_quotation_marks_do_not_cut_a_row(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = quoted(tmp_path)
    in_batches(monkeypatch)
    options = ImportOptions("d", calendar="24/7", stamp=Stamp.CLOSE)
    assert import_file(path, tmp_path / "c", options).rows == COUNT


BAD: list[tuple[str, Callable[[Frame], Frame], str, str]] = [
    (
        "a bad price",
        lambda f: f.with_columns(low=pl.when(pl.int_range(900) == 700).then(-5.0).otherwise("low")),
        "data.price_not_positive",
        "line 702",
    ),
    ("unsorted", lambda f: pl.concat([f[450:], f[:450]]), "data.unsorted", "line 452"),
    ("a row twice", lambda f: pl.concat([f, f[-1:]]), "data.duplicate", "line 902"),
]


@pytest.mark.parametrize(("name", "spoil", "code", "place"), BAD, ids=[case[0] for case in BAD])
def test_a_bad_file_is_refused_by_line_and_nothing_is_left(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    name: str,
    spoil: Callable[[Frame], Frame],
    code: str,
    place: str,
) -> None:
    path = tmp_path / "bad.csv"
    spoil(minutes()).write_csv(path)
    in_batches(monkeypatch)
    options = ImportOptions("d", calendar="24/7", stamp=Stamp.CLOSE)
    with pytest.raises(DataError) as caught:
        import_file(path, tmp_path / "c", options)
    assert caught.value.code == code
    assert place in caught.value.where
    assert not (tmp_path / "c").exists()


def test_a_ragged_line_far_down_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "ragged.csv"
    minutes().write_csv(path)
    lines = path.read_text().splitlines()
    lines[700] += ",1,2,3"
    path.write_text("\n".join(lines))
    in_batches(monkeypatch)
    with pytest.raises(DataError) as caught:
        import_file(path, tmp_path / "c", ImportOptions("d", calendar="24/7", stamp=Stamp.CLOSE))
    assert caught.value.code == "data.ragged"
    assert "line 701" in caught.value.where


def test_a_batch_can_be_appended_to_a_dataset(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    frame = minutes()
    for name, rows in (("a", frame[:500]), ("b", frame[500:]), ("all", frame)):
        rows.write_csv(tmp_path / f"{name}.csv")
    in_batches(monkeypatch)
    new = ImportOptions("d", calendar="24/7", stamp=Stamp.CLOSE)
    more = ImportOptions("d", calendar="24/7", stamp=Stamp.CLOSE, mode=WriteMode.APPEND)
    import_file(tmp_path / "a.csv", tmp_path / "c", new)
    two = import_file(tmp_path / "b.csv", tmp_path / "c", more)
    one = import_file(tmp_path / "all.csv", tmp_path / "e", new)
    assert two.fingerprint == one.fingerprint
    sources = Catalog(tmp_path / "c").dataset("d").manifest.sources
    assert [source.file for source in sources] == ["a.csv", "b.csv"]


def test_what_a_killed_import_left_is_swept(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    left = tmp_path / "c" / ".import-dead"
    left.mkdir(parents=True)
    (left / "000000.parquet").write_bytes(b"half")
    minutes().write_csv(tmp_path / "a.csv")
    in_batches(monkeypatch)
    import_file(
        tmp_path / "a.csv",
        tmp_path / "c",
        ImportOptions("d", calendar="24/7", stamp=Stamp.CLOSE),
    )
    assert [path.name for path in (tmp_path / "c").iterdir()] == ["d"]
