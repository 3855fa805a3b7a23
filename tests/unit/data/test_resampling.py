"""Longer bars: what belongs to which, anchored to the calendar, equal to what formulas see."""

from __future__ import annotations

from datetime import UTC, datetime
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from data.calendars import sessions
from data.catalog import Catalog
from data.history import (
    BarColumns,
    History,
    InstrumentHistory,
    QuoteColumns,
    TradeColumns,
    cut_columns,
)
from data.resampled import ResampleOptions, resample_dataset
from data.resampling import (
    Anchor,
    QuotePrice,
    parse_period,
    resample,
    resample_bars,
    resampled_instrument,
)
from data.writer import Draft, Part, write_dataset
from engine.errors import DataError
from engine.lang.batch import evaluate_batch
from engine.lang.compiler import compile_program
from engine.model.instruments import Instrument, InstrumentKind
from engine.model.units import NS_PER_DAY, NS_PER_HOUR, NS_PER_MINUTE
from runtime.backtest.clockwork import clockwork_of
from runtime.backtest.panel import panel_of

STOCK = Instrument("S", InstrumentKind.EQUITY, calendar="XNYS")
COIN = Instrument("C", InstrumentKind.CRYPTO_SPOT)
PAIR = Instrument("P", InstrumentKind.FX, price_precision=5, calendar="FX")


def at(text: str) -> int:
    return int(datetime.fromisoformat(text).replace(tzinfo=UTC).timestamp()) * 10**9


def bars_at(opens: np.ndarray, step_ns: int = NS_PER_MINUTE, seed: int = 1) -> BarColumns:  # type: ignore[type-arg]
    count = len(opens)
    noise = np.random.default_rng(seed)
    close = 10_000 + np.cumsum(noise.integers(-5, 6, count))
    first = np.concatenate(([10_000], close[:-1]))
    high = np.maximum(first, close) + noise.integers(0, 4, count)
    low = np.minimum(first, close) - noise.integers(0, 4, count)
    volume = noise.integers(1, 100, count)
    opens = np.asarray(opens, dtype=np.int64)
    return BarColumns(opens, opens + step_ns, first, high, low, close, volume)


def session_minutes(calendar: str, start: str, end: str, step: int = 1) -> np.ndarray:  # type: ignore[type-arg]
    opens, closes = sessions(calendar, at(start), at(end))
    width = step * NS_PER_MINUTE
    return np.concatenate([np.arange(a, b, width) for a, b in zip(opens, closes)])


def utc(stamps: np.ndarray) -> list[str]:  # type: ignore[type-arg]
    return [np.datetime_as_string(np.datetime64(int(ts), "ns"), unit="m") for ts in stamps]


def test_hours_of_a_share_begin_at_the_bell() -> None:
    made = resample_bars(bars_at(session_minutes("XNYS", "2024-07-02", "2024-07-03")), STOCK, "1h")
    assert utc(made.ts_open_ns)[:2] == ["2024-07-02T13:30", "2024-07-02T14:30"]
    assert utc(made.ts_close_ns)[-1] == "2024-07-02T20:00"
    assert len(made) == 7


def test_a_half_day_is_short() -> None:
    made = resample_bars(bars_at(session_minutes("XNYS", "2024-07-03", "2024-07-04")), STOCK, "1h")
    assert utc(made.ts_close_ns)[-1] == "2024-07-03T17:00"
    assert len(made) == 4
    day = resample_bars(bars_at(session_minutes("XNYS", "2024-07-03", "2024-07-04")), STOCK, "1d")
    assert utc(day.ts_close_ns) == ["2024-07-03T17:00"]


def test_summer_time_moves_the_session_and_the_bars_with_it() -> None:
    made = resample_bars(bars_at(session_minutes("XNYS", "2024-03-08", "2024-03-12")), STOCK, "1h")
    opens = utc(made.ts_open_ns)
    assert "2024-03-08T14:30" in opens and "2024-03-11T13:30" in opens


def test_a_currency_day_ends_at_five_in_new_york() -> None:
    stamps = session_minutes("FX", "2024-03-07", "2024-03-13", 30)
    made = resample_bars(bars_at(stamps, 30 * NS_PER_MINUTE), PAIR, "1d")
    assert utc(made.ts_close_ns) == [
        "2024-03-07T22:00",
        "2024-03-08T22:00",
        "2024-03-11T21:00",
        "2024-03-12T21:00",
        "2024-03-13T21:00",
    ]


def test_weeks_and_months_are_those_of_the_sessions() -> None:
    opens, closes = sessions("XNYS", at("2024-01-01"), at("2024-04-01"))
    daily = bars_at(opens)
    daily = BarColumns(opens, closes, *(getattr(daily, n) for n in BarColumns.__slots__[2:7]))
    months = resample_bars(daily, STOCK, "1mo")
    assert utc(months.ts_open_ns) == ["2024-01-02T14:30", "2024-02-01T14:30", "2024-03-01T14:30"]
    assert utc(months.ts_close_ns)[-1] == "2024-03-28T20:00"  # Good Friday was the 29th
    weeks = resample_bars(daily, STOCK, "1w")
    assert utc(weeks.ts_close_ns)[:2] == ["2024-01-05T21:00", "2024-01-12T21:00"]
    assert len(weeks) == 13


def test_rows_before_the_bell_belong_to_the_session_that_follows() -> None:
    early = np.arange(at("2024-07-02T12:00"), at("2024-07-02T20:00"), NS_PER_MINUTE)
    made = resample_bars(bars_at(early), STOCK, "1d")
    assert (utc(made.ts_open_ns), utc(made.ts_close_ns)) == (
        ["2024-07-02T12:00"],
        ["2024-07-02T20:00"],
    )
    regular = resample_bars(bars_at(early), STOCK, "1d", regular_hours=True)
    assert utc(regular.ts_open_ns) == ["2024-07-02T13:30"]
    assert int(regular.open_ticks[0]) == int(bars_at(early).open_ticks[90])


def test_a_last_bar_that_is_not_complete_is_left_out() -> None:
    minutes = at("2024-01-01") + np.arange(125, dtype=np.int64) * NS_PER_MINUTE
    assert len(resample_bars(bars_at(minutes), COIN, "1h")) == 2


def test_a_missing_period_has_no_bar() -> None:
    minutes = at("2024-01-01") + np.array([0, 1, 180, 239], dtype=np.int64) * NS_PER_MINUTE
    made = resample_bars(bars_at(minutes), COIN, "1h")
    assert utc(made.ts_open_ns) == ["2024-01-01T00:00", "2024-01-01T03:00"]


def test_bars_of_trades_have_their_prices_and_sizes() -> None:
    seconds = np.array([0, 10, 59, 60, 60, 119, 120], dtype=np.int64) * 10**9
    price = np.array([5, 9, 7, 4, 3, 8, 1], dtype=np.int64)
    size = np.array([1, 2, 3, 4, 5, 6, 7], dtype=np.int64)
    trades = TradeColumns(at("2024-01-01") + seconds, price, size, size * 0)
    made = next(iter(resample([trades], COIN, parse_period("1m"))))
    assert made.open_ticks.tolist() == [5, 4]
    assert made.high_ticks.tolist() == [9, 8]
    assert made.low_ticks.tolist() == [5, 3]
    assert made.close_ticks.tolist() == [7, 8]
    assert made.volume_lots.tolist() == [6, 15]


def test_the_closing_print_belongs_to_its_session() -> None:
    bell = at("2024-07-03T17:00")
    stamps = np.array([bell - 10**9, bell, bell + 60 * NS_PER_HOUR], dtype=np.int64)
    trades = TradeColumns(stamps, *(np.ones(3, dtype=np.int64) for _ in range(3)))
    made = next(iter(resample([trades], STOCK, parse_period("1h"))))
    assert utc(made.ts_close_ns)[0] == "2024-07-03T17:00"
    assert made.volume_lots.tolist()[0] == 2


def test_mids_are_exact() -> None:
    stamps = at("2024-01-02T12:00") + np.arange(3, dtype=np.int64) * NS_PER_MINUTE
    bid, ask = np.array([100, 101, 102]), np.array([101, 103, 103])
    quotes = QuoteColumns(stamps, bid, ask, bid, ask)
    made = next(iter(resample([quotes], PAIR, parse_period("1m"))))
    assert made.close_ticks.tolist() == [1005, 1020]
    assert not made.has_volume
    assert resampled_instrument(PAIR, "quotes", QuotePrice.MID).price_precision == 6
    assert resampled_instrument(PAIR, "quotes", QuotePrice.BID) == PAIR
    bids = next(iter(resample([quotes], PAIR, parse_period("1m"), price=QuotePrice.BID)))
    assert bids.close_ticks.tolist() == [100, 101]


@pytest.mark.parametrize("label", ["7m", "0m", "2d", "x", "1y", "25h", "", "1"])
def test_what_is_no_period_is_refused(label: str) -> None:
    with pytest.raises(DataError) as caught:
        parse_period(label)
    assert caught.value.code == "data.bad_timeframe"


def test_bars_that_do_not_divide_the_period_are_refused() -> None:
    stamps = at("2024-01-01") + np.arange(30, dtype=np.int64) * 4 * NS_PER_MINUTE
    with pytest.raises(DataError, match="divide bars of 10m"):
        resample_bars(bars_at(stamps, 4 * NS_PER_MINUTE), COIN, "10m")


@given(
    keep=st.lists(st.booleans(), min_size=400, max_size=400),
    cuts=st.lists(st.integers(0, 400), max_size=6),
    label=st.sampled_from(["5m", "1h", "1d"]),
)
def test_blocks_give_what_the_whole_gives(keep: list[bool], cuts: list[int], label: str) -> None:
    stamps = session_minutes("XNYS", "2024-07-02", "2024-07-06", 2)[:400][np.array(keep)]
    if len(stamps) == 0:
        return
    bars = bars_at(stamps, 2 * NS_PER_MINUTE) if label != "5m" else bars_at(stamps, NS_PER_MINUTE)
    edges = sorted({0, len(bars), *(cut for cut in cuts if cut < len(bars))})
    blocks = [cut_columns(bars, slice(a, b)) for a, b in pairwise(edges)]
    whole = list(resample([bars], STOCK, parse_period(label)))
    pieces = list(resample(blocks, STOCK, parse_period(label)))
    for name in BarColumns.__slots__[:7]:
        assert np.array_equal(
            np.concatenate([getattr(b, name) for b in whole]) if whole else [],
            np.concatenate([getattr(b, name) for b in pieces]) if pieces else [],
        )


FIELDS = ("open", "high", "low", "close", "volume")


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize(
    ("label", "anchor"),
    [
        ("10m", Anchor.SESSION),
        ("30m", Anchor.SESSION),
        ("1h", Anchor.UTC),
        ("4h", Anchor.UTC),
        ("1d", Anchor.SESSION),
        ("1w", Anchor.SESSION),
    ],
)
def test_the_bars_are_those_that_formulas_see(label: str, anchor: Anchor, seed: int) -> None:
    """A formula's value when a longer bar becomes known is the resampled bar's."""
    stamps = session_minutes("XNYS", "2024-06-24", "2024-07-13", 5)
    stamps = stamps[np.random.default_rng(seed).random(len(stamps)) > 0.1]
    bars = bars_at(stamps, 5 * NS_PER_MINUTE, seed)
    made = resample_bars(bars, STOCK, label, anchor=anchor)
    history = History((InstrumentHistory(STOCK, bars),))
    program = compile_program(
        {name: f"timeframe('{label}', {name})" for name in FIELDS},
        {},
        kinds=dict.fromkeys(FIELDS, "number"),
    )
    panel = panel_of(history, clockwork_of(history), adjustment="none")
    seen = evaluate_batch(program, panel, compiled=False)
    # At the first row of a longer bar the one before it is known, and that one not yet.
    rows = np.searchsorted(bars.ts_open_ns, made.ts_open_ns[1:])
    is_whole = bars.ts_close_ns[rows] < made.ts_close_ns[1:]
    assert is_whole.sum() >= min(len(made) - 1, 2)
    for name in FIELDS:
        unit = "volume_lots" if name == "volume" else f"{name}_ticks"
        ours = getattr(made, unit)[:-1] / (1 if name == "volume" else 100)
        assert np.array_equal(seen[name][0][rows][is_whole], ours[is_whole]), name


def test_a_dataset_is_resampled_into_a_new_one(tmp_path: Path) -> None:
    bars = bars_at(session_minutes("XNYS", "2024-07-01", "2024-07-06"))
    draft = Draft({"S": STOCK}, [Part("bars", "S", bars, "1m", "x.csv")])
    write_dataset(tmp_path / "d", draft)
    dataset = Catalog(tmp_path).dataset("d")
    done = resample_dataset(dataset, tmp_path, ResampleOptions("days", "1d"))
    made = Catalog(tmp_path).dataset("days")
    assert done.rows == {"S": 4}
    assert made.manifest.parts[0].timeframe == "1d"
    assert made.manifest.derived is not None
    assert made.manifest.derived.how == "resample 1d, session anchor"
    with pytest.raises(DataError, match="already a dataset"):
        resample_dataset(dataset, tmp_path, ResampleOptions("d", "1d"))
    with pytest.raises(DataError, match="has no quotes"):
        resample_dataset(dataset, tmp_path, ResampleOptions("q", "1d", kind="quotes"))
    assert at("1970-01-02") == NS_PER_DAY
