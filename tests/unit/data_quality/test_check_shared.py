"""The quality check on real files: the dirty ones give exact counts, the clean ones few alarms."""

from __future__ import annotations

from pathlib import Path

import pytest

from data.importing import ImportOptions, Stamp
from data.quality import QualityReport, check_file
from data.quality.codes import RULES, Severity

pytestmark = pytest.mark.shared

DIRTY = [
    # file, calendar, errors and warnings by code, the first error's row
    (
        "vix_1990_2006_with_bad_rows",
        "XNYS",
        # the Chicago index has a value for 2004-06-11, when New York was closed for a funeral
        {"data.not_a_session": 1, "data.outside_range": 47, "data.gap": 4, "data.outlier": 1},
        3640,
    ),
    ("spg_2013_2018_one_bad_row", "XNYS", {"data.outside_range": 1}, 327),
    ("aapl_2012_2017_spliced_wrong", "XNYS", {"data.missing_value": 2, "data.splice": 1}, 1250),
    (
        "eurusd_quotes_with_crossed_rows",
        "FX",
        {"data.crossed_quote": 2581, "data.locked_quote": 3030},
        38,
    ),
]

CLEAN: list[tuple[str, str, dict[str, int]]] = [
    # What is named is true of the data: raw prices with splits, days that the vendor lost, prints
    # that happened (the low of VTI on 2010-05-06) or that another vendor would correct (MRK, ^VIX).
    ("bars_daily/goog_2004_2013", "XNYS", {}),
    ("bars_daily/index_future_2006", "FX", {"data.gap": 3}),
    (
        "bars_daily/indices",
        "XNYS",
        {
            "data.not_a_session": 33,
            "data.moved_without_volume": 2,
            "data.outlier": 1,
            "data.gap": 49,
        },
    ),
    ("bars_daily/us_equities_2000_2013_raw", "XNYS", {"data.unadjusted_split": 3}),
    ("bars_daily/us_equities_fang_2013_2016_raw", "XNYS", {"data.unadjusted_split": 2}),
    (
        "bars_daily/us_equities_sp500_2013_2018_splitadj",
        "XNYS",
        {"data.outlier": 1, "data.gap": 2},
    ),
    (
        "bars_daily/us_equities_wiki_raw",
        "XNYS",
        {"data.unadjusted_split": 3, "data.splice": 1, "data.gap": 5},
    ),
    (
        "bars_daily/us_etfs_2006_2013_raw",
        "XNYS",
        {"data.outlier": 1, "data.unadjusted_split": 1},
    ),
    ("bars_intraday/6eh4_1m_2024_01", "FX", {}),
    ("bars_intraday/btc_perp_1m_2022_01", "24/7", {}),
    ("bars_intraday/btcusd_30m_2014", "24/7", {}),
    ("bars_intraday/crypto_btc_pairs_5m_2018_01", "24/7", {"data.gap_in_session": 1}),
    ("bars_intraday/gbpusd_1m_2012_02", "FX", {}),
    ("bars_intraday/usdjpy_1m_2013_02", "FX", {}),
    ("bars_intraday/spy_1m_2011_01_03", "XNYS", {"data.gap": 1}),
    ("ticks/btcusdt_quotes_2024_08_08", "24/7", {}),
    ("ticks/btcusdt_trades_2024_08_08", "24/7", {}),
    ("ticks/btcusdt_perp_quotes_2024_08_08", "24/7", {}),
    ("ticks/btcusdt_perp_trades_2024_08_08", "24/7", {}),
    ("ticks/eurusd_oanda_quotes_2014_05_07", "FX", {}),
    ("ticks/btcusd_mtgox_trades_2013_01_01", "24/7", {}),
    ("ticks/xrpeth_trades_2019_10", "24/7", {}),
]


def without_infos(report: QualityReport) -> dict[str, int]:
    return {c: n for c, n in report.counts.items() if RULES[c].severity is not Severity.INFO}


@pytest.mark.parametrize(("name", "calendar", "counts", "row"), DIRTY)
def test_a_dirty_file_gives_exactly_its_faults(
    shared_data: Path, name: str, calendar: str, counts: dict[str, int], row: int
) -> None:
    path = shared_data / "quality" / f"{name}.parquet"
    report = check_file(path, ImportOptions("x", calendar=calendar))
    assert without_infos(report) == counts
    assert report.findings[0].row == row
    assert report.has_errors


@pytest.mark.parametrize(("name", "calendar", "counts"), CLEAN, ids=[case[0] for case in CLEAN])
def test_a_clean_file_gives_few_alarms(
    shared_data: Path, name: str, calendar: str, counts: dict[str, int]
) -> None:
    stamp = Stamp.OPEN if "usd_1m" in name or "jpy_1m" in name else None
    options = ImportOptions("x", calendar=calendar, stamp=stamp)
    report = check_file(shared_data / f"{name}.parquet", options)
    assert without_infos(report) == counts
