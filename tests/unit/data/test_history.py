"""Histories in memory: exact, checked, fingerprinted; and the sample."""

from __future__ import annotations

import subprocess
import sys
from decimal import Decimal

import numpy as np
import pytest
from numpy.typing import NDArray

from data.history import History, merge
from data.samples import load_sample
from engine.errors import DataError
from engine.model.instruments import Instrument, InstrumentKind
from engine.model.units import NS_PER_MINUTE

Ints = NDArray[np.int64]


def minutes(count: int) -> Ints:
    return (np.arange(count, dtype=np.int64) + 1) * NS_PER_MINUTE


def history_of(symbol: str = "X", **columns: list[float]) -> History:
    prices = {"open": [1.5, 2.0], "high": [2.0, 2.25], "low": [1.25, 1.5], "close": [2.0, 2.0]}
    values = {**prices, **columns}
    stamps = values.pop("ts_close_ns", minutes(len(values["close"])))  # type: ignore[arg-type]
    return History.from_arrays(symbol, ts_close_ns=stamps, **values)  # type: ignore[arg-type]


def test_arrays_become_exact_ticks() -> None:
    bars = history_of(volume=[10.0, 12.5]).parts[0].bars
    assert bars is not None
    assert bars.close_ticks.tolist() == [200, 200]
    assert bars.volume_lots.tolist() == [100, 125]
    assert bars.ts_open_ns.tolist() == [0, NS_PER_MINUTE]
    assert all(c.flags.c_contiguous and c.dtype == np.int64 for c in (bars.open_ticks, bars.ts_ns))


@pytest.mark.parametrize("opens", [None, np.array([0, NS_PER_MINUTE])])
def test_a_history_stays_what_it_was_when_the_arrays_change(opens: Ints | None) -> None:
    closes, price = minutes(2), np.array([1.5, 2.0])
    given = {"open": price, "high": price, "low": price, "close": price, "ts_open_ns": opens}
    history = History.from_arrays("X", ts_close_ns=closes, **given)  # type: ignore[arg-type]
    same = History.from_arrays("X", ts_close_ns=minutes(2), **given)  # type: ignore[arg-type]
    for array in (closes, price) if opens is None else (closes, price, opens):
        array += 1
    assert history.fingerprint == same.fingerprint


@pytest.mark.parametrize("name", ["ts_open_ns", "ts_close_ns", "close_ticks", "volume_lots"])
def test_columns_are_read_only(name: str) -> None:
    column = getattr(history_of().parts[0].bars, name)
    with pytest.raises(ValueError, match="read-only"):
        column[0] = 1


@pytest.mark.parametrize(
    ("columns", "code"),
    [
        ({"high": [1.0, 2.25]}, "data.high_below_low"),
        ({"open": [2.5, 2.0]}, "data.outside_range"),
        ({"low": [0.0, 1.0]}, "data.price_not_positive"),
        ({"close": [float("nan"), 2.0]}, "data.not_finite"),
        ({"close": [float("inf"), 2.0]}, "data.not_finite"),
        ({"close": [1 / 3, 2.0]}, "data.off_grid"),
        ({"volume": [-1.0, 2.0]}, "data.negative_size"),
        ({"close": [2.0]}, "data.shape"),
        ({"ts_close_ns": [2, 2]}, "data.unsorted"),
        ({"ts_close_ns": [2.5, 3.5]}, "data.bad_time"),
        ({"ts_open_ns": [NS_PER_MINUTE, 0]}, "data.bad_time"),
        ({"open": ["a", "b"]}, "data.not_a_number"),
        ({"ts_close_ns": [[1, 2]]}, "data.shape"),
    ],
)
def test_impossible_arrays_are_refused(columns: dict[str, list[float]], code: str) -> None:
    with pytest.raises(DataError) as caught:
        history_of(**columns)
    assert caught.value.code == code


def test_no_bars_are_no_history() -> None:
    none: list[float] = []
    with pytest.raises(DataError, match="no bars"):
        history_of(open=none, high=none, low=none, close=none)


def test_bad_order_is_found_across_blocks() -> None:
    count = 200_000
    stamps = minutes(count)
    stamps[131_072] = stamps[131_071]
    ones = np.ones(count)
    with pytest.raises(DataError) as caught:
        History.from_arrays("X", ts_close_ns=stamps, open=ones, high=ones, low=ones, close=ones)
    assert (caught.value.code, caught.value.where) == ("data.unsorted", "row 131072")


def test_rounding_has_to_be_asked_for_and_is_reported() -> None:
    instrument = Instrument("X", InstrumentKind.EQUITY)
    third = [1 / 3]
    columns = {"open": third, "high": third, "low": third, "close": third}
    with pytest.raises(DataError, match="more than 2 decimals"):
        History.from_arrays(instrument, ts_close_ns=[1], **columns)  # type: ignore[arg-type]
    rounded = History.from_arrays(instrument, ts_close_ns=[1], rounding=True, **columns)  # type: ignore[arg-type]
    assert rounded.passport.rounding_error_max == pytest.approx(1 / 3 - 0.33)


def test_equal_content_has_one_fingerprint_and_any_change_another() -> None:
    first = history_of(volume=[1.0, 2.0])
    assert first.fingerprint == history_of(volume=[1.0, 2.0]).fingerprint
    others = [
        history_of(volume=[1.0, 3.0]),
        history_of(),
        history_of("Y", volume=[1.0, 2.0]),
        history_of(volume=[1.0, 2.0], ts_close_ns=[NS_PER_MINUTE, 3 * NS_PER_MINUTE]),
        first.between(None, 2 * NS_PER_MINUTE),
    ]
    assert len({history.fingerprint for history in (first, *others)}) == 6


def test_a_cut_holds_the_bars_that_close_inside() -> None:
    bars = history_of().between(NS_PER_MINUTE, 2 * NS_PER_MINUTE).parts[0].bars
    assert bars is not None
    assert bars.ts_close_ns.tolist() == [NS_PER_MINUTE]


def test_two_instruments_with_one_symbol_are_refused() -> None:
    with pytest.raises(DataError, match="two instruments have the symbol 'X'"):
        merge([history_of("X"), history_of("X")])
    both = merge([history_of("X"), history_of("Y")])
    assert both.symbols == ("X", "Y")
    assert both.select(["Y"]).symbols == ("Y",)
    with pytest.raises(DataError, match="no instrument 'Z'"):
        both["Z"]


def test_the_sample_is_googles_history() -> None:
    history = load_sample("sample:goog")
    bars = history["GOOG"].bars
    assert bars is not None
    assert len(bars) == 1047
    # 2004-08-19, the first day: 100.34 at 16:00 New York, which is 20:00 UTC.
    assert history["GOOG"].instrument.ticks_to_price(int(bars.close_ticks[0])) == Decimal("100.34")
    assert np.datetime64(int(bars.ts_close_ns[0]), "ns") == np.datetime64("2004-08-19T20:00")
    assert int(bars.volume_lots[0]) == 22_351_900
    # Stored on purpose: the content of the sample decides every published result.
    assert history.fingerprint == "0875fdde137aec40ac935f82fe8dac14"


def test_an_unknown_sample_names_the_known_ones() -> None:
    with pytest.raises(DataError, match="sample:goog"):
        load_sample("sample:aapl")


def test_reading_the_sample_imports_nothing_heavy() -> None:
    script = (
        "import sys; from data.samples import load_sample; load_sample('goog');"
        "print([m for m in ('polars', 'pandas', 'matplotlib', 'holidays', 'numba', 'msgspec')"
        " if m in sys.modules])"
    )
    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=True
    )
    assert done.stdout.strip() == "[]"
