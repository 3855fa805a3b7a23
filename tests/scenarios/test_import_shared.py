"""Real files of the shared market data go through the import, and dirty ones are refused."""

from __future__ import annotations

from pathlib import Path

import polars as pl
import pytest

from data.catalog import Catalog
from data.importing import ImportOptions, Stamp, import_file
from engine.errors import DataError
from engine.model.instruments import InstrumentKind

pytestmark = pytest.mark.shared

FILES = [
    # file, rows, what a person has to say
    ("bars_daily/goog_2004_2013", 2148, {"calendar": "XNYS"}),
    ("bars_daily/index_future_2006", 255, {"calendar": "FX"}),
    ("bars_daily/us_equities_2000_2013_raw", 11958, {"calendar": "XNYS"}),
    ("bars_daily/us_equities_fang_2013_2016_raw", 4032, {"calendar": "XNYS"}),
    ("bars_daily/us_equities_sp500_2013_2018_splitadj", 81832, {"calendar": "XNYS"}),
    ("bars_daily/us_equities_wiki_raw", 6280, {"calendar": "XNYS"}),
    ("bars_daily/us_etfs_2006_2013_raw", 14959, {"calendar": "XNYS"}),
    # 33 days on which the Chicago index was published and New York was closed
    ("bars_daily/indices", 19217, {"calendar": "XNYS", "drop_bad_rows": True}),
    ("bars_intraday/6eh4_1m_2024_01", 29996, {"calendar": "FX", "stamp": Stamp.CLOSE}),
    ("bars_intraday/btcusd_30m_2014", 1968, {"calendar": "24/7", "stamp": Stamp.CLOSE}),
    ("bars_intraday/spy_1m_2011_01_03", 31757, {"calendar": "XNYS", "stamp": Stamp.CLOSE}),
    (
        "bars_intraday/btc_perp_1m_2022_01",
        45031,
        {"calendar": "24/7", "stamp": Stamp.CLOSE, "quantity_precision": 7},
    ),
    (
        "bars_intraday/gbpusd_1m_2012_02",
        30117,
        {"calendar": "FX", "stamp": Stamp.OPEN, "price_precision": 6},
    ),
    (
        "bars_intraday/usdjpy_1m_2013_02",
        28761,
        {"calendar": "FX", "stamp": Stamp.OPEN, "price_precision": 4},
    ),
    (
        "bars_intraday/crypto_btc_pairs_5m_2018_01",
        57546,
        {
            "calendar": "24/7",
            "stamp": Stamp.CLOSE,
            "price_precision": 8,
            "quantity_precision": 8,
        },
    ),
    ("ticks/btcusdt_quotes_2024_08_08", 73174, {"calendar": "24/7"}),
    ("ticks/btcusdt_trades_2024_08_08", 19904, {"calendar": "24/7"}),
    ("ticks/btcusdt_perp_quotes_2024_08_08", 66089, {"calendar": "24/7"}),
    ("ticks/btcusdt_perp_trades_2024_08_08", 21313, {"calendar": "24/7"}),
    ("ticks/eurusd_oanda_quotes_2014_05_07", 41367, {"calendar": "FX"}),
    ("ticks/btcusd_mtgox_trades_2013_01_01", 2331, {"calendar": "24/7"}),
    ("ticks/btcusd_bitstamp_trades_2011", 9998, {"calendar": "24/7", "drop_bad_rows": True}),
    ("ticks/xrpeth_trades_2019_10", 12477, {"calendar": "24/7"}),
    (
        "prediction/polymarket_midterms_2022_trades",
        26698,  # 1,021 prints at 0 or 1 left out
        {
            "instrument_kind": InstrumentKind.BINARY_EVENT,
            "columns": {"symbol": "symbol+outcome"},
            "price_precision": 6,
            "quantity_precision": 2,
            "drop_bad_rows": True,
        },
    ),
]


@pytest.mark.parametrize(("name", "rows", "said"), FILES, ids=[case[0] for case in FILES])
def test_a_real_file_goes_in_and_comes_out(
    shared_data: Path, tmp_path: Path, name: str, rows: int, said: dict[str, object]
) -> None:
    source = shared_data / f"{name}.parquet"
    report = import_file(source, tmp_path, ImportOptions("d", **said))  # type: ignore[arg-type]
    history = Catalog(tmp_path).dataset("d").load()
    assert report.rows == rows == sum(len(columns) for _, columns in history.columns())
    if not {"price_precision", "drop_bad_rows"} & said.keys():
        _require_same_prices(source, tmp_path, report.kind)


def _require_same_prices(source: Path, root: Path, kind: str) -> None:
    """Compare every float of the file with what the catalog gives back: equal to the last bit."""
    table = pl.read_parquet(source)
    dataset = Catalog(root).dataset("d")
    names = {"bars": ["open", "high", "low", "close"], "quotes": ["bid", "ask"]}.get(
        kind, ["price"]
    )
    for symbol in dataset.symbols:
        expected = table.filter(pl.col("symbol") == symbol).select(names)
        assert dataset.frame(symbol, kind).select(names).equals(expected)


DIRTY = [
    ("aapl_2012_2017_spliced_wrong", "XNYS", "data.missing_value", "row 1250", 2),
    ("spg_2013_2018_one_bad_row", "XNYS", "data.outside_range", "row 327", 1),
    ("vix_1990_2006_with_bad_rows", "XNYS", "data.outside_range", "row 534", 47),
    ("eurusd_quotes_with_crossed_rows", "FX", "data.crossed_quote", "row 38", 2581),
]


@pytest.mark.parametrize(("name", "calendar", "code", "place", "count"), DIRTY)
def test_a_dirty_file_is_refused_by_row(
    shared_data: Path, tmp_path: Path, name: str, calendar: str, code: str, place: str, count: int
) -> None:
    source = shared_data / "quality" / f"{name}.parquet"
    with pytest.raises(DataError) as caught:
        import_file(source, tmp_path, ImportOptions("d", calendar=calendar))
    assert caught.value.code == code
    assert place in caught.value.where
    assert getattr(caught.value, "total", 0) == count
    assert list(tmp_path.iterdir()) == []
