"""`trader.backtest`: what may be given as a strategy and as data, and what is refused with a word."""

from __future__ import annotations

import subprocess
import sys
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest

import trader
from data.samples import load_sample
from runtime.workspace import examples_folder
from trader import Bar, DataError, InputError, Strategy, StrategyError, indicator, parameter

EXAMPLE = examples_folder() / "sma_cross.toml"


class Crossing(Strategy):
    """Holds a hundred shares while the fast average is over the slow one."""

    fast = parameter(10, minimum=2, maximum=200)
    quick = indicator("sma(close, fast)")
    slow = indicator("sma(close, 50)")

    def on_bar(self, bar: Bar) -> None:
        if self.quick > self.slow and self.position() == 0:
            self.buy(100)
        elif self.quick < self.slow and self.position() > 0:
            self.close()


def backtest(*given: Any, **more: Any) -> trader.BacktestResult:
    return trader.backtest(*given, engine="interpreted", **more)


def sessions(count: int = 300) -> np.ndarray[Any, np.dtype[np.datetime64]]:
    """Days on which New York traded, from 2010."""
    from data.calendars import sessions_of_days

    days = np.arange(np.datetime64("2010-01-04"), np.datetime64("2012-12-31"))
    return days[sessions_of_days("XNYS", days.astype(np.int64))[2]][:count]


def bars(times: Any, seed: int = 1) -> dict[str, Any]:
    moves = np.random.default_rng(seed).normal(0.0005, 0.01, len(times))
    close = np.round(100 * np.exp(np.cumsum(moves)), 2)
    return {
        "timestamp": times,
        "open": close,
        "high": close + 0.5,
        "low": close - 0.5,
        "close": close,
        "volume": np.full(len(times), 1e6),
    }


# --- strategies -------------------------------------------------------------------------------------
@pytest.mark.parametrize(
    "given",
    [EXAMPLE, str(EXAMPLE), "sma_cross", EXAMPLE.read_text("utf-8"), trader.load_strategy(EXAMPLE)],
    ids=["path", "text of a path", "name", "text of a file", "configuration"],
)
def test_whatever_names_the_example_runs_it(given: object) -> None:
    assert backtest(given).final_equity == backtest(EXAMPLE).final_equity


def test_parameters_dates_and_cash_are_those_that_were_said() -> None:
    result = backtest(
        EXAMPLE, params={"fast": 10}, start="2005-01-01", end=date(2007, 1, 1), cash=50_000
    )
    document = result.document()
    assert (document.parameters["fast"], document.starting_cash) == ("10", "50000.00000000")
    assert (document.period.start, document.period.end) == ("2005-01-03", "2006-12-29")


def test_a_run_is_recorded_and_knows_its_id() -> None:
    from runtime.store import Store

    result = backtest(EXAMPLE)
    record = Store.open().run(result.document().run_id)
    assert (record.origin, record.state_hash) == ("python", result.state_hash)


def test_a_class_runs_on_a_dataset_with_settings() -> None:
    cheap = backtest(Crossing, "sample:goog", params={"fast": 20})
    dear = backtest(
        Crossing,
        "sample:goog",
        params={"fast": 20},
        settings={"fills": {"fees": {"model": "bps", "taker_bps": 50}}},
    )
    assert cheap.summary.pessimistic.trades.fills > 0
    assert dear.final_equity < cheap.final_equity
    call = "trader.backtest(Crossing, 'sample:goog', params={'fast': 20})"
    assert cheap.summary.reproduce == call


def test_a_class_of_a_cell_runs_and_its_source_is_kept_with_it() -> None:
    class Inside(Crossing):
        pass

    from trader.given import source_file

    assert backtest(Inside, "sample:goog").summary.strategy == "Inside"
    assert source_file(Inside).read_text("utf-8").startswith("class Inside(Crossing)")


def test_a_class_of_a_notebook_is_known_by_its_cell() -> None:
    """Before Python 3.13 `inspect` does not find classes of cells; their methods know the cell."""
    import linecache

    cell = "<ipython-input-7-abcdef>"
    text = (
        "from trader import Strategy, indicator\n\n"
        "class InCell(Strategy):\n"
        "    slow = indicator('sma(close, 50)')\n\n"
        "    def on_bar(self, bar):\n"
        "        if self.position() == 0 and bar.close > self.slow:\n"
        "            self.buy(10)\n\n"
        "after = 1\n"
    )
    linecache.cache[cell] = (len(text), None, text.splitlines(keepends=True), cell)
    names: dict[str, Any] = {"__name__": "notebook"}
    exec(compile(text, cell, "exec"), names)  # noqa: S102

    from trader.given import source_file

    kept = source_file(names["InCell"]).read_text("utf-8")
    assert kept.startswith("class InCell(Strategy):") and "after" not in kept
    assert backtest(names["InCell"], "sample:goog").summary.pessimistic.trades.fills == 1


def test_a_class_without_source_is_refused() -> None:
    made = type("Made", (Strategy,), {})
    with pytest.raises(StrategyError, match="source of Made is not known"):
        backtest(made, "sample:goog")


@pytest.mark.parametrize(
    ("given", "more", "says"),
    [
        (7, {}, "a strategy cannot be a int"),
        ("no_such", {}, "no_such"),
        (EXAMPLE, {"params": {"fist": 3}}, "fist"),
        (EXAMPLE, {"settings": {"account": {"cash": 5}}}, "settings are for a class"),
        (EXAMPLE, {"cash": -5}, "cash must be over 0"),
        (EXAMPLE, {"cash": "much"}, "cash"),
        (EXAMPLE, {"start": "2007-01-01", "end": "2006-01-01"}, "not after the start"),
        (EXAMPLE, {"start": "2030-01-01"}, "no data in the chosen dates"),
        (
            Crossing,
            {"data": "sample:goog", "settings": {"fills": {"fees": {"modell": 1}}}},
            "modell",
        ),
        (Crossing, {"data": "sample:goog", "params": {"slow": 3}}, "slow"),
        (Crossing, {}, "nothing says what Crossing is to run on"),
    ],
)
def test_what_cannot_be_used_is_named(given: object, more: dict[str, Any], says: str) -> None:
    with (
        pytest.raises(InputError, match=says)
        if given != Crossing
        else pytest.raises(trader.TraderError, match=says)
    ):
        backtest(given, **more)


# --- data in memory ---------------------------------------------------------------------------------
def test_a_frame_a_mapping_and_their_kin_give_one_result() -> None:
    pandas = pytest.importorskip("pandas")
    columns = bars(sessions())
    hashes = {
        backtest(Crossing, given, symbol="ACME").state_hash
        for given in (
            columns,
            {name.upper(): values for name, values in columns.items()},
            {name: list(values) for name, values in columns.items()},
            pl.DataFrame(columns),
            pandas.DataFrame(columns),
            pandas.DataFrame(columns).set_index("timestamp"),
            pl.DataFrame(columns).with_columns(pl.lit("ACME").alias("symbol")),
            {"ACME": pl.DataFrame(columns)},
        )
    }
    assert len(hashes) == 1


def test_days_tell_the_calendar_and_the_passport_says_so() -> None:
    daily = backtest(Crossing, bars(sessions()))
    assert "calendar XNYS, told from the data" in daily.summary.passport[-1]
    assert daily.document().pessimistic.periods_per_year == 252
    around = bars(np.arange(np.datetime64("2020-01-01"), np.datetime64("2020-10-01")))
    assert backtest(Crossing, around).document().pessimistic.periods_per_year == 365


def test_a_trading_day_beside_daily_stamps_names_the_session() -> None:
    days = sessions()
    stamps = days.astype("datetime64[ns]") + np.timedelta64(21, "h")
    frame = pl.DataFrame(bars(stamps) | {"trade_date": days}).with_columns(
        pl.col("timestamp").dt.replace_time_zone("UTC")
    )
    result = backtest(Crossing, frame)
    assert result.state_hash == backtest(Crossing, bars(days)).state_hash
    told = "daily bars: the trading day is column trade_date, not timestamp"
    assert told in result.summary.passport


def test_a_missing_session_is_a_gap_in_the_passport() -> None:
    columns = {name: np.delete(values, 100) for name, values in bars(sessions()).items()}
    assert any("gaps: 1 with 1" in line for line in backtest(Crossing, columns).summary.passport)


def minutes(count: int = 200) -> list[datetime]:
    return [datetime(2024, 3, 4, 14, 30, tzinfo=UTC) + timedelta(minutes=k) for k in range(count)]


def test_intraday_bars_in_any_zone_are_the_same_bars() -> None:
    zoned = minutes()
    local = [each.replace(tzinfo=None) - timedelta(hours=5) for each in zoned]  # New York in winter
    said = {"calendar": "XNYS", "stamp": "open"}
    aware = pl.DataFrame(bars(pl.Series(zoned).dt.convert_time_zone("America/New_York")))
    hashes = {
        backtest(Crossing, bars(zoned), **said).state_hash,
        backtest(Crossing, aware, **said).state_hash,
        backtest(Crossing, bars(local), timezone="America/New_York", **said).state_hash,
        backtest(
            Crossing,
            bars([each.replace(tzinfo=None) for each in zoned]),
            timezone="UTC",
            **said,
        ).state_hash,
        backtest(
            Crossing, bars(np.array([round(each.timestamp()) * 10**9 for each in zoned])), **said
        ).state_hash,
    }
    assert len(hashes) == 1


def test_the_close_of_a_bar_is_a_minute_after_its_open() -> None:
    opened = backtest(Crossing, bars(minutes()), calendar="24/7", stamp="open")
    closed = backtest(Crossing, bars(minutes()), calendar="24/7", stamp="close")
    shift = opened.summary.period_end_ns - closed.summary.period_end_ns
    assert shift == 60 * 10**9


NAIVE = [each.replace(tzinfo=None) for each in minutes()]
TAKEN = {"calendar": "XNYS", "stamp": "open", "timezone": "UTC"}
REFUSED = [
    ("no zone", bars(NAIVE), {**TAKEN, "timezone": None}, "carry no zone"),
    ("no stamp", bars(NAIVE), {**TAKEN, "stamp": None}, "its open or its close"),
    ("no calendar", bars(NAIVE), {**TAKEN, "calendar": None}, "when the instrument trades"),
    ("odd zone", bars(NAIVE), {**TAKEN, "timezone": "Mars"}, "unknown time zone"),
    ("odd calendar", bars(NAIVE), {**TAKEN, "calendar": "XMAS"}, "XMAS"),
    ("milliseconds", bars(np.arange(200) * 60_000 + 1_700_000_000_000), {}, "not nanoseconds"),
    ("no time", {k: v for k, v in bars(NAIVE).items() if k != "timestamp"}, {}, "'timestamp'"),
    ("no close", {k: v for k, v in bars(NAIVE).items() if k != "close"}, TAKEN, "'close'"),
    ("words", bars(NAIVE) | {"open": ["x"] * 200}, TAKEN, "open does not hold numbers"),
    ("high under low", bars(NAIVE) | {"high": np.full(200, 1.0)}, TAKEN, "high"),
    ("lengths", bars(NAIVE) | {"volume": np.ones(3)}, TAKEN, "length"),
    ("no number", bars(NAIVE) | {"low": np.full(200, np.nan)}, TAKEN, "finite"),
    ("unsorted", bars(NAIVE[::-1]), TAKEN, "row|order|before"),
    ("fine prices", bars(NAIVE) | {"open": np.full(200, 100 / 3)}, TAKEN, "more than 9 decimals"),
    ("text", bars(["yesterday"] * 200), TAKEN, "yesterday"),
    ("a holiday", bars(np.array(["2024-12-25"], "datetime64[D]")), {"calendar": "XNYS"}, "2024-12-25"),
    ("a list", [1, 2, 3], {}, "data is a list"),
]  # fmt: skip


@pytest.mark.parametrize(
    ("data", "more", "says"), [row[1:] for row in REFUSED], ids=[row[0] for row in REFUSED]
)
def test_data_that_would_need_a_guess_is_refused(
    data: Any, more: dict[str, Any], says: str
) -> None:
    with pytest.raises(InputError, match=says):
        backtest(Crossing, data, **more)


def test_an_hour_that_the_clocks_skip_is_refused() -> None:
    spring = [datetime(2024, 3, 10, 1, 30) + timedelta(minutes=k) for k in range(60)]  # noqa: DTZ001
    with pytest.raises(DataError, match="change of clocks"):
        backtest(Crossing, bars(spring), timezone="America/New_York", calendar="24/7", stamp="open")


def test_prices_may_be_rounded_when_it_is_said_and_the_passport_tells() -> None:
    columns = bars(sessions())
    columns |= {name: columns[name] / 3 for name in ("open", "high", "low", "close")}
    result = backtest(Crossing, columns, price_precision=4)
    assert any("rounded to the grid" in line for line in result.summary.passport)


def test_float_noise_is_no_decimal_and_the_passport_tells() -> None:
    columns = bars(sessions())
    columns["high"] = columns["high"] + 0.1 + 0.2  # 0.30000000000000004
    noisy = backtest(Crossing, columns)
    clean = backtest(Crossing, columns | {"high": np.round(columns["high"], 2)})
    assert noisy.state_hash == clean.state_hash
    assert any("rounded to the grid: by at most" in line for line in noisy.summary.passport)


def test_a_history_is_taken_as_it_is() -> None:
    given = backtest(EXAMPLE, load_sample("goog"))
    assert given.state_hash == backtest(EXAMPLE).state_hash
    assert "# data of fingerprint" in given.summary.reproduce


def test_many_instruments_trade_together() -> None:
    tables = {name: bars(sessions(), seed) for seed, name in enumerate(("AAA", "BBB", "CCC"))}
    result = backtest(Crossing, tables)
    assert result.summary.instruments == ("AAA", "BBB", "CCC")


# --- light ------------------------------------------------------------------------------------------
def heavy_after(code: str, folder: Path) -> list[str]:
    heavy = "polars numba matplotlib scipy sqlalchemy pandas jinja2 rich typer"
    asked = f"{code}; import sys; print([m for m in '{heavy}'.split() if m in sys.modules])"
    run = subprocess.run(
        [sys.executable, "-c", asked], capture_output=True, text=True, check=True, cwd=folder
    )
    found: list[str] = eval(run.stdout)
    return found


def test_importing_trader_imports_nothing_heavy(tmp_path: Path) -> None:
    assert heavy_after("import trader", tmp_path) == []


def test_a_small_backtest_imports_nothing_heavy(tmp_path: Path) -> None:
    assert heavy_after("import trader; trader.backtest('sma_cross')", tmp_path) == []


def test_public_names_are_there_and_others_are_not() -> None:
    assert set(trader.__all__) <= set(dir(trader))
    assert all(getattr(trader, name) is not None for name in trader.__all__)
    with pytest.raises(AttributeError, match="no attribute 'nonsense'"):
        _ = trader.nonsense  # type: ignore[attr-defined]
