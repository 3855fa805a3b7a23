"""Importing files: what a person gives, what comes out; and every bad input, one line each."""

from __future__ import annotations

from datetime import date
from decimal import Decimal
from pathlib import Path

import numpy as np
import polars as pl
import pytest

from data.catalog import Catalog
from data.history import BarColumns
from data.importing import ImportOptions, ImportReport, Stamp, WriteMode, import_file
from data.importing.findings import BadRowsError
from engine.errors import DataError
from engine.model.instruments import Instrument, InstrumentKind

DAILY = """Date,Open,High,Low,Close,Volume
2024-07-01,10.5,11,10,10.75,100
2024-07-02,10.75,12.25,10.5,12,200
2024-07-03,12,12.5,11.5,12.25,300
"""
MINUTES = """timestamp,symbol,o,h,l,c,v
2024-07-02T13:30:00Z,A,1.5,1.6,1.4,1.5,1
2024-07-02T13:31:00Z,A,1.5,1.6,1.4,1.5,1
2024-07-02T13:32:00Z,A,1.5,1.6,1.4,1.5,1
2024-07-02T13:30:00Z,B,1.25,1.6,1.1,1.5,1
2024-07-02T13:31:00Z,B,1.25,1.6,1.1,1.5,1
"""
QUOTES = "ts,symbol,bid,ask\n2024-07-02T13:30:00Z,A,1.4,1.5\n2024-07-02T13:30:01Z,A,1.4,1.6\n"


def put(folder: Path, text: str | bytes, name: str = "file.csv") -> Path:
    path = folder / name
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return path


def run(folder: Path, text: str | bytes, **options: object) -> ImportReport:
    said = {"dataset": "d", "symbol": "X", "calendar": "XNYS", **options}
    return import_file(put(folder, text), folder / "catalog", ImportOptions(**said))  # type: ignore[arg-type]


def minutes(folder: Path, text: str | bytes, **options: object) -> ImportReport:
    said = {"symbol": None, "calendar": "24/7", "stamp": Stamp.OPEN, **options}
    return run(folder, text, **said)


def bars_of(folder: Path, symbol: str = "X") -> BarColumns:
    bars = Catalog(folder / "catalog").dataset("d").load()[symbol].bars
    assert bars is not None
    return bars


def stamps(column: np.ndarray[tuple[int], np.dtype[np.int64]]) -> list[str]:
    return [str(np.datetime64(int(ts), "ns").astype("datetime64[m]")) for ts in column]


def test_plain_dates_become_the_sessions_of_the_exchange(tmp_path: Path) -> None:
    report = run(tmp_path, DAILY)
    bars = bars_of(tmp_path)
    assert stamps(bars.ts_open_ns) == ["2024-07-01T13:30", "2024-07-02T13:30", "2024-07-03T13:30"]
    assert stamps(bars.ts_close_ns)[-1] == "2024-07-03T17:00"  # a half day
    assert bars.close_ticks.tolist() == [1075, 1200, 1225]
    assert (report.rows, report.timeframe, report.symbols) == (3, "1d", ("X",))


@pytest.mark.parametrize(
    ("stamp", "first_open", "last_close"),
    [
        (Stamp.OPEN, "2024-07-02T13:30", "2024-07-02T13:33"),
        (Stamp.CLOSE, "2024-07-02T13:29", "2024-07-02T13:32"),
    ],
)
def test_a_stamp_is_what_the_person_says(
    tmp_path: Path, stamp: Stamp, first_open: str, last_close: str
) -> None:
    report = minutes(tmp_path, MINUTES, stamp=stamp)
    bars = bars_of(tmp_path, "A")
    assert (stamps(bars.ts_open_ns)[0], stamps(bars.ts_close_ns)[-1]) == (first_open, last_close)
    assert (report.timeframe, report.symbols) == ("1m", ("A", "B"))


@pytest.mark.parametrize(
    ("first", "options", "opens"),
    [
        # text                     said                               open in UTC
        ("2024-07-02 09:30", {"timezone": "America/New_York"}, "2024-07-02T13:30"),
        ("2024-01-02 09:30", {"timezone": "America/New_York"}, "2024-01-02T14:30"),
        ("2024-07-02T09:30:00-04:00", {}, "2024-07-02T13:30"),
        ("2024-07-02 13:30:00.000000Z", {}, "2024-07-02T13:30"),
        ("2024/07/02 13:30:00", {"timezone": "UTC"}, "2024-07-02T13:30"),
        ("1719927000", {}, "2024-07-02T13:30"),
        ("1719927000000", {}, "2024-07-02T13:30"),
        ("1719927000000000", {}, "2024-07-02T13:30"),
        ("1719927000000000000", {}, "2024-07-02T13:30"),
        ("1719927000.0", {}, "2024-07-02T13:30"),
        ("2016-12-31T23:59:60Z", {}, "2017-01-01T00:00"),  # a leap second
        (
            "02.07.2024 13:30",
            {"date_format": "%d.%m.%Y %H:%M", "timezone": "UTC"},
            "2024-07-02T13:30",
        ),
        (
            "07/02/2024 13:30",
            {"date_format": "%m/%d/%Y %H:%M", "timezone": "UTC"},
            "2024-07-02T13:30",
        ),
    ],
)
def test_every_usual_spelling_of_time(
    tmp_path: Path, first: str, options: dict[str, object], opens: str
) -> None:
    text = f"time,open,high,low,close\n{first},1,2,1,2\n"
    minutes(tmp_path, text, symbol="X", timeframe="1m", **options)
    assert stamps(bars_of(tmp_path).ts_open_ns) == [opens]


@pytest.mark.parametrize(
    "header",
    [
        "Date,Open,High,Low,Close,Adj Close,Volume",
        "date;open;high;low;close;adj;vol",
        "TRADE_DATE\tO\tH\tL\tC\tadj\tV",
        "trading day|Open Price|High Price|Low Price|Close Price|x|Volume",
        " Date , Open , High , Low , Close/Last , adjusted , Volume ",
    ],
)
def test_every_usual_spelling_of_columns(tmp_path: Path, header: str) -> None:
    sign = next(sign for sign in ";\t|," if sign in header)
    row = sign.join(["2024-07-02", "1.5", "2", "1", "2", "0.7", "9"])
    report = run(tmp_path, f"{header}\r\n{row}\r\n")
    assert bars_of(tmp_path).volume_lots.tolist() == [9]
    assert len(report.columns_ignored) == 1
    assert any("columns not used" in note for note in report.notes)


def test_open_and_close_times_need_no_word(tmp_path: Path) -> None:
    text = (
        "open_time,open,high,low,close,volume,close_time\n"
        "1719927000000,1,2,1,2,5,1719927059999\n1719927060000,1,2,1,2,5,1719927119999\n"
    )
    report = minutes(tmp_path, text, symbol="X", stamp=None)
    assert report.timeframe == "1m"
    assert bars_of(tmp_path).ts_close_ns[0] == 1719927059999 * 10**6


def test_a_date_and_a_clock_are_joined(tmp_path: Path) -> None:
    text = "Date,Time,Open,High,Low,Close\n20240702,09:30,1,2,1,2\n20240702,09:31,1,2,1,2\n"
    minutes(tmp_path, text, symbol="X", timezone="America/New_York")
    assert stamps(bars_of(tmp_path).ts_open_ns) == ["2024-07-02T13:30", "2024-07-02T13:31"]


def test_a_midnight_stamp_can_name_a_day(tmp_path: Path) -> None:
    text = "Date,Open,High,Low,Close\n2024-07-01 00:00:00-04:00,1,2,1,2\n2024-07-02 00:00:00-04:00,1,2,1,2\n"
    with pytest.raises(DataError, match="open or its close") as caught:
        run(tmp_path, text)
    assert "--stamp date" in caught.value.remedy
    run(tmp_path, text, stamp=Stamp.DATE)
    assert stamps(bars_of(tmp_path).ts_close_ns) == ["2024-07-01T20:00", "2024-07-02T20:00"]


@pytest.mark.parametrize(
    ("timeframe", "code"),
    [
        ("1d", None),
        ("24h", None),
        ("7x", "data.bad_timeframe"),
        ("1h", "data.timeframe_unsupported"),
    ],
)
def test_a_length_said_for_days_is_one_day(
    tmp_path: Path, timeframe: str, code: str | None
) -> None:
    text = "Date,Open,High,Low,Close\n2024-01-02,1,1,1,1\n2024-01-03,1,1,1,1\n"
    if code is None:
        assert run(tmp_path, text, timeframe=timeframe).timeframe == "1d"
        return
    with pytest.raises(DataError) as caught:
        run(tmp_path, text, timeframe=timeframe)
    assert caught.value.code == code


def test_the_persons_mapping_wins(tmp_path: Path) -> None:
    text = DAILY.replace("Close", "Last Sale").replace("Volume", "Trades")
    run(tmp_path, text, columns={"close": "Last Sale", "volume": ""})
    assert not bars_of(tmp_path).has_volume


def test_numbers_with_many_digits_stay_exact(tmp_path: Path) -> None:
    row = "2024-07-02,12345678.123456789,12345678.123456789,12345678.123456789,12345678.123456789"
    run(tmp_path, f"Date,Open,High,Low,Close\n{row}\n")
    assert bars_of(tmp_path).close_ticks.tolist() == [12345678123456789]


def test_sorting_has_to_be_asked_for(tmp_path: Path) -> None:
    head, *rows = DAILY.splitlines()
    backwards = "\n".join([head, *reversed(rows)])
    with pytest.raises(DataError, match="goes back in time") as caught:
        run(tmp_path, backwards)
    assert "--sort" in caught.value.remedy
    run(tmp_path, backwards, sort=True)
    assert bars_of(tmp_path).close_ticks.tolist() == [1075, 1200, 1225]


def test_an_import_does_not_overwrite_unasked(tmp_path: Path) -> None:
    first = run(tmp_path, DAILY)
    with pytest.raises(DataError, match="already a dataset 'd'"):
        run(tmp_path, DAILY)
    assert run(tmp_path, DAILY, mode=WriteMode.REPLACE).fingerprint == first.fingerprint


def test_appending_gives_what_one_file_would_have_given(tmp_path: Path) -> None:
    head, first, *rest = DAILY.splitlines()
    run(tmp_path, f"{head}\n" + "\n".join(rest))
    appended = run(tmp_path, f"{head}\n{first}\n", mode=WriteMode.APPEND)
    whole = run(tmp_path, DAILY, dataset="whole")
    assert appended.fingerprint == whole.fingerprint
    with pytest.raises(DataError, match="1 bars are in the dataset already"):
        run(tmp_path, f"{head}\n{first}\n", mode=WriteMode.APPEND)
    assert len(bars_of(tmp_path)) == 3


@pytest.mark.parametrize(
    ("change", "options"),
    [
        ("12.25,300", {"currency": "EUR"}),
        ("12.255,300", {}),  # a third decimal
        ("12.25,300.5", {}),
        ("12.25,300", {"calendar": "24/7"}),
        ("12.25,300", {"instruments": {"X": Instrument("X", InstrumentKind.FUTURE)}}),
    ],
)
def test_another_instrument_cannot_slip_in_under_the_same_symbol(
    tmp_path: Path, change: str, options: dict[str, object]
) -> None:
    head, first, second, third = DAILY.splitlines()
    run(tmp_path, f"{head}\n{first}\n{second}\n")
    with pytest.raises(DataError) as caught:
        changed = third.replace("12.25,300", change).replace("12.5,", "12.75,")
        run(tmp_path, f"{head}\n{changed}\n", mode=WriteMode.APPEND, **options)
    assert caught.value.code == "data.conflicting_definition"
    assert len(bars_of(tmp_path)) == 2


def test_a_definition_wins_over_detection(tmp_path: Path) -> None:
    given = Instrument("X", InstrumentKind.EQUITY, price_precision=4, calendar="XNYS")
    run(tmp_path, DAILY, instruments={"X": given})
    assert bars_of(tmp_path).close_ticks.tolist() == [107500, 120000, 122500]


def test_rounding_is_recorded(tmp_path: Path) -> None:
    text = DAILY.replace("10.75", "10.7500000000001")
    with pytest.raises(DataError) as caught:
        run(tmp_path, text)
    assert (caught.value.code, "--price-precision 2" in caught.value.remedy) == (
        "data.off_grid",
        True,
    )
    report = run(tmp_path, text, price_precision=2)
    assert 0 < report.rounding_error_max < 1e-12
    assert Catalog(tmp_path / "catalog").dataset("d").load().passport.rounding_error_max > 0


def test_bad_rows_are_left_out_only_when_asked(tmp_path: Path) -> None:
    text = DAILY.replace("10.75,12.25,10.5", "10.75,1.25,10.5").replace("11.5", "-1")
    report = run(tmp_path, text, drop_bad_rows=True)
    assert report.rows == 1
    assert "2 bad rows were left out" in report.notes
    assert (
        "2 bad rows were left out"
        in Catalog(tmp_path / "catalog").dataset("d").load().passport.notes
    )


def test_quotes_and_trades(tmp_path: Path) -> None:
    minutes(tmp_path, QUOTES)
    trades = (
        "time,ticker,price,qty,side\n"
        "2024-07-02T13:30:00Z,A,1.5,3,buy\n2024-07-02T13:30:00Z,A,1.25,0.5,SELL\n"
        "2024-07-02T13:30:00Z,A,1.25,0.5,\n"
    )
    minutes(tmp_path, trades, mode=WriteMode.APPEND, quantity_precision=None, dataset="t")
    part = Catalog(tmp_path / "catalog").dataset("t").load()["A"]
    assert part.trades is not None
    assert part.trades.aggressor.tolist() == [1, -1, 0]
    assert part.trades.size_lots.tolist() == [30, 5, 5]
    quotes = Catalog(tmp_path / "catalog").dataset("d").load()["A"].quotes
    assert quotes is not None and not quotes.has_sizes
    assert quotes.ask_ticks.tolist() == [15, 16]


def test_actions_join_their_bars(tmp_path: Path) -> None:
    run(tmp_path, DAILY)
    text = (
        "ex_date,symbol,kind,ratio,amount\n"
        "2024-07-02,X,split,2:1,\n2024-07-03,X,dividend,,0.25\n2024-07-03,OTHER,dividend,,1\n"
    )
    report = run(tmp_path, text, symbol=None, mode=WriteMode.APPEND)
    split, dividend = Catalog(tmp_path / "catalog").dataset("d").load().actions
    assert (split.ratio, stamps(np.array([split.ts_ex_ns]))) == (2, ["2024-07-02T04:00"])
    assert dividend.amount == Decimal("0.25")
    assert any("OTHER is not in the dataset" in note for note in report.notes)


def test_parquet_with_types(tmp_path: Path) -> None:
    frame = pl.DataFrame(
        {
            "date": [date(2024, 7, 1), date(2024, 7, 2)],
            "open": pl.Series([100.34, 1.5], dtype=pl.Float32),
            "high": pl.Series(["100.50", "2.5"]).cast(pl.Decimal(20, 4)),
            "low": [1, 1],
            "close": [1.25, 2.0],
        }
    )
    frame.write_parquet(tmp_path / "file.parquet")
    options = ImportOptions("d", symbol="X", calendar="XNYS")
    import_file(tmp_path / "file.parquet", tmp_path / "catalog", options)
    assert bars_of(tmp_path).open_ticks.tolist() == [10034, 150]
    assert bars_of(tmp_path).high_ticks.tolist() == [10050, 250]


def test_progress_ends_at_one(tmp_path: Path) -> None:
    seen: list[float] = []
    options = ImportOptions("d", symbol="X", calendar="XNYS")
    path = put(tmp_path, DAILY)
    import_file(path, tmp_path / "catalog", options, lambda fraction, _: seen.append(fraction))
    assert seen == sorted(seen) and seen[-1] == 1.0


def row(number: int, old: str, new: str) -> str:
    lines = DAILY.splitlines()
    lines[number - 1] = lines[number - 1].replace(old, new)
    return "\n".join(lines) + "\n"


BAD_DAILY = [
    # what is wrong                        text                            code, place
    ("a NaN price", row(3, "12.25", "NaN"), "data.not_finite", "line 3, High"),
    ("an infinite price", row(3, "12.25", "inf"), "data.not_finite", "line 3, High"),
    ("a negative price", row(2, "10,", "-10,"), "data.price_not_positive", "line 2, Low"),
    ("a zero price", row(4, "11.5", "0"), "data.price_not_positive", "line 4, Low"),
    ("high below low", row(3, "12.25", "10.25"), "data.high_below_low", "line 3, High"),
    ("an open outside", row(3, "10.75", "13"), "data.outside_range", "line 3, Open"),
    ("a close outside", row(3, ",12,", ",9,"), "data.outside_range", "line 3, Close"),
    ("a negative volume", row(3, "200", "-200"), "data.negative_size", "line 3, Volume"),
    ("a missing price", row(3, "12.25", ""), "data.missing_value", "line 3, High"),
    ("a word for a price", row(3, "12.25", "n.a."), "data.not_a_number", "line 3, High"),
    ("a short line", row(3, ",12,200", ""), "data.missing_value", "line 3, Close"),
    ("a long line", row(3, "200", "200,7"), "data.ragged", "line 3"),
    ("a repeated row", DAILY + DAILY.splitlines()[-1], "data.duplicate", "line 5, Date"),
    (
        "another row of the same day",
        DAILY + "2024-07-03,12,12.5,11.5,12,300\n",
        "data.two_instruments_one_symbol",
        "line 5, Date",
    ),
    ("a row out of order", DAILY + "2024-07-02,1,1,1,1,1\n", "data.unsorted", "line 5, Date"),
    ("a holiday", row(4, "07-03", "07-04"), "data.not_a_session", "line 4, Date"),
    ("an impossible date", row(4, "07-03", "07-33"), "data.bad_time", "line 4, Date"),
    ("a missing date", row(4, "2024-07-03", ""), "data.bad_time", "line 4, Date"),
    ("an empty file", "", "data.empty", ""),
    ("blank lines only", "\n \n", "data.empty", ""),
    ("names without rows", DAILY.splitlines()[0], "data.empty", ""),
    ("no names", DAILY.split("\n", 1)[1], "data.no_header", ""),
    ("two columns of one name", DAILY.replace("High", "Open"), "data.duplicate_column", ""),
    ("no close", DAILY.replace("Close", "Ende"), "data.missing_column", ""),
    ("no time", DAILY.replace("Date", "Wann"), "data.missing_column", ""),
    ("a binary file", b"\x7fELF\x02\0\0\0" * 20, "data.binary", ""),
    ("UTF-16", DAILY.encode("utf-16"), "data.wrong_encoding", ""),
    ("Latin-1", DAILY.encode() + b"2024-07-05,\xe9,1,1,1,1\n", "data.wrong_encoding", "line 5"),
    ("American or European dates", row(2, "2024-07-01", "07/01/2024"), "data.ambiguous_date", ""),
    ("weekly dates", row(3, "07-02", "07-08").replace("07-03", "07-15"), "data.timeframe_unsupported", ""),
    ("numbers of no unit", row(2, "2024-07-01", "123"), "data.ambiguous_date", ""),
]  # fmt: skip


@pytest.mark.parametrize(
    ("text", "code", "place"), [case[1:] for case in BAD_DAILY], ids=[case[0] for case in BAD_DAILY]
)
def test_bad_input_is_told_by_place_and_changes_nothing(
    tmp_path: Path, text: str | bytes, code: str, place: str
) -> None:
    with pytest.raises(DataError) as caught:
        run(tmp_path, text)
    assert caught.value.code == code
    assert place in caught.value.where
    assert caught.value.exit_code == 2
    assert caught.value.remedy or code in ("data.empty", "data.ragged")
    assert [path.name for path in tmp_path.iterdir()] == ["file.csv"]


def test_all_that_is_missing_is_asked_at_once(tmp_path: Path) -> None:
    text = "time,open,high,low,close\n" + "".join(
        f"2024-07-02 13:3{n},1.01234567891,1.1,1,1.05\n" for n in range(3)
    )
    with pytest.raises(DataError) as caught:
        run(tmp_path, text, symbol=None, calendar=None)
    assert caught.value.code == "data.symbol_missing"
    assert caught.value.problem.count(";") == 4
    for option in ("--symbol FILE", "--timezone", "--calendar", "--stamp", "--price-precision 9"):
        assert option in caught.value.remedy
    assert not (tmp_path / "catalog").exists()
    answers = {"timezone": "UTC", "stamp": Stamp.OPEN, "price_precision": 9}
    assert run(tmp_path, text, symbol="FILE", calendar="24/7", **answers).rows == 3


def test_bad_rows_beside_a_question_are_told_when_it_is_answered(tmp_path: Path) -> None:
    text = DAILY.replace("12.25,10.5", "1,10.5")
    with pytest.raises(DataError) as caught:
        run(tmp_path, text, symbol=None)
    assert caught.value.problem == "no column names the instrument"
    with pytest.raises(BadRowsError):
        run(tmp_path, text)


BAD_MINUTES = [
    # what is wrong                text                                      said            code
    ("no zone", MINUTES.replace("Z", ""), {}, "data.zone_missing"),
    ("no such zone", MINUTES.replace("Z", ""), {"timezone": "New York"}, "data.unknown_zone"),
    ("mixed zones", MINUTES.replace("31:00Z,A", "31:00,A"), {}, "data.mixed_zones"),
    ("zones far apart", MINUTES.replace("Z,B", "+09:00,B"), {}, "data.mixed_zones"),
    ("open or close", MINUTES, {"stamp": None}, "data.stamp_missing"),
    ("no calendar", MINUTES, {"calendar": None}, "data.calendar_missing"),
    ("no symbol", MINUTES.replace("symbol", "what"), {}, "data.symbol_missing"),
    ("an empty symbol", MINUTES.replace("Z,B", "Z,"), {}, "data.missing_value"),
    ("mixed lengths", MINUTES.replace("13:32:00", "13:31:30"), {}, "data.timeframe_mixed"),
    ("one bar only", "\n".join(MINUTES.splitlines()[:2]), {}, "data.timeframe_unknown"),
    ("an unknown column", MINUTES, {"columns": {"close": "clos"}}, "data.unknown_column"),
    ("an unknown role", MINUTES, {"columns": {"cloze": "c"}}, "data.unknown_role"),
    ("an unknown timeframe", MINUTES, {"timeframe": "1y"}, "data.bad_timeframe"),
    ("the hour that comes twice", "time,o,h,l,c\n2024-11-03 01:30,1,1,1,1\n",
     {"timezone": "America/New_York", "symbol": "X"}, "data.ambiguous_local_time"),
    ("a crossed quote", QUOTES.replace("1.4,1.6", "1.7,1.6"), {}, "data.crossed_quote"),
    ("a quote on a date", "date,bid,ask,symbol\n2024-07-02,1,2,A\n", {}, "data.missing_column"),
    ("a side that is none", "ts,symbol,price,size,side\n1719927000,A,1,1,up\n", {}, "data.bad_side"),
    ("a trade of nothing", "ts,symbol,price,size\n1719927000,A,1,0\n", {}, "data.negative_size"),
    ("a split of nothing", "ex_date,symbol,kind,ratio\n2024-07-02,A,split,0\n", {}, "data.bad_action"),
    ("an unknown action", "ex_date,symbol,kind,ratio\n2024-07-02,A,merge,2\n", {}, "data.bad_action"),
    ("an action twice", "ex_date,symbol,kind,ratio\n" + "2024-07-02,A,split,2\n" * 2, {}, "data.duplicate"),
    ("a sure event", "ts,symbol,price,size\n1719927000,A,1.0,1\n1719927001,A,0.5,1\n",
     {"instrument_kind": InstrumentKind.BINARY_EVENT}, "data.price_out_of_bounds"),
]  # fmt: skip


@pytest.mark.parametrize(
    ("text", "options", "code"),
    [case[1:] for case in BAD_MINUTES],
    ids=[case[0] for case in BAD_MINUTES],
)
def test_what_could_mean_two_things_is_refused(
    tmp_path: Path, text: str, options: dict[str, object], code: str
) -> None:
    with pytest.raises(DataError) as caught:
        minutes(tmp_path, text, **options)
    assert caught.value.code == code
    assert caught.value.where
    assert not (tmp_path / "catalog").exists()


@pytest.mark.parametrize("name", ["", "../x", "a/b", ".hidden", "a" * 101, "a b"])
def test_a_dataset_name_cannot_leave_the_catalog(name: str) -> None:
    with pytest.raises(DataError, match="cannot be the name"):
        ImportOptions(name)


def test_the_first_five_findings_are_shown_and_the_rest_counted(tmp_path: Path) -> None:
    rows = "".join(f"2024-07-{day:02},1,2,-1,2,5\n" for day in range(8, 13))
    text = DAILY.replace("11.5", "-1") + rows + "2024-07-15,1,2,0,x,5\n"
    with pytest.raises(BadRowsError) as caught:
        run(tmp_path, text)
    assert [item.row for item in caught.value.findings] == [4, 5, 6, 7, 8]
    assert caught.value.total == 8
    assert "and 3 more" in caught.value.remedy


@pytest.mark.parametrize(
    ("make", "code"),
    [
        (lambda path: None, "data.not_found"),
        (lambda path: path.mkdir(), "data.is_a_folder"),
        (lambda path: path.write_bytes(b"PAR1" + b"\0" * 50), "data.damaged"),
        (lambda path: path.write_text(DAILY), "data.not_parquet"),
    ],
    ids=["missing", "folder", "truncated", "text"],
)
def test_a_file_that_is_no_file(tmp_path: Path, make: object, code: str) -> None:
    path = tmp_path / "file.parquet"
    make(path)  # type: ignore[operator]
    with pytest.raises(DataError) as caught:
        import_file(path, tmp_path / "catalog", ImportOptions("d", symbol="X", calendar="XNYS"))
    assert (caught.value.code, caught.value.where) == (code, str(path))


def test_a_file_without_permission(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(self: Path, *_: object) -> None:
        raise PermissionError

    path = put(tmp_path, DAILY)
    monkeypatch.setattr(Path, "open", refuse)
    with pytest.raises(DataError, match="no permission"):
        import_file(path, tmp_path / "catalog", ImportOptions("d", symbol="X", calendar="XNYS"))
