"""Views of a history: what is changed, and that it stays market data."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from data.checks import bar_problem
from data.history import History
from data.samples import load_sample
from runtime.backtest.histories import load_history
from runtime.checks.known import Known, as_times
from runtime.checks.points import cut_points, start_points
from runtime.checks.views import Cut, Scramble, Start
from runtime.config import parse_strategy


def world(name: str) -> History:
    text = f"[strategy]\nname='x'\n[data]\ndataset='world:{name}'\n[rules]\nentry='close > 1'\n"
    return load_history(parse_strategy(text, path=Path("x.toml")).data, Path())


def middle(history: History) -> int:
    columns = next(columns for _, columns in history.columns())
    return int(columns.ts_ns[len(columns) // 2])


@pytest.mark.parametrize("name", ["daily_bars", "minute_bars", "quotes", "trades", "events"])
def test_a_scrambled_future_changes_nothing_that_is_known(name: str) -> None:
    history = world(name)
    until = middle(history)
    changed = Scramble(until, seed=3).history(history)
    for (_, one), (_, other) in zip(history.columns(), changed.columns(), strict=True):
        past = one.ts_ns <= until
        for field in one.__dataclass_fields__:
            a, b = getattr(one, field), getattr(other, field)
            if field.startswith("ts_"):
                assert (a == b).all()
            elif isinstance(a, np.ndarray):
                assert (a[past] == b[past]).all()
        assert any(
            (getattr(one, field)[~past] != getattr(other, field)[~past]).mean() > 0.5
            for field in one.__dataclass_fields__
            if field.endswith("_ticks")
        )


@pytest.mark.parametrize("name", ["daily_bars", "minute_bars"])
def test_scrambled_bars_are_valid_bars(name: str) -> None:
    history = Scramble(middle(world(name)), seed=5).history(world(name))
    for part in history.parts:
        assert part.bars is not None
        assert bar_problem(part.bars) is None


def test_scrambled_quotes_do_not_cross_and_prices_stay_on_the_grid() -> None:
    history = Scramble(middle(world("quotes")), seed=5).history(world("quotes"))
    quotes = history.parts[0].quotes
    assert quotes is not None
    assert (quotes.ask_ticks > quotes.bid_ticks).all()
    assert (quotes.bid_ticks % history.instruments[0].price_step_ticks == 0).all()


def test_a_scrambled_event_contract_stays_between_nothing_and_one() -> None:
    history = Scramble(middle(world("events")), seed=5).history(world("events"))
    for instrument, columns in history.columns():
        for field in columns.__dataclass_fields__:
            if field.endswith("_ticks"):
                ticks = getattr(columns, field)
                assert ticks.min() >= 0
                assert ticks.max() <= instrument.price_max_ticks + 1


def test_a_cut_ends_with_its_time_and_a_start_begins_with_it() -> None:
    history = load_sample("sample:goog")
    until = middle(history)
    assert Cut(until).history(history).span_ns() == (history.span_ns()[0], until)  # type: ignore[index]
    assert Start(until).history(history).span_ns() == (until, history.span_ns()[1])  # type: ignore[index]


@pytest.mark.parametrize(
    ("column", "first"),
    [
        (["2005-01-03", "2005-01-04"], 1_104_710_400),
        (["2005-01-03T21:00:00Z", "2005-01-04T21:00:00Z"], 1_104_786_000),
        (["01/03/2005", "01/04/2005"], 1_104_710_400),
        (["20050103", "20050104"], 1_104_710_400),
        ([20050103, 20050104], 1_104_710_400),
        ([1_104_786_000, 1_104_872_400], 1_104_786_000),
        ([1_104_786_000_000, 1_104_872_400_000], 1_104_786_000),
        (np.array(["2005-01-03", "2005-01-04"], dtype="datetime64[D]"), 1_104_710_400),
    ],
)
def test_times_are_read_as_people_write_them(column: object, first: int) -> None:
    stamps = as_times(column)
    assert stamps is not None
    assert stamps[0] == first * 10**9


@pytest.mark.parametrize("column", [["a", "b"], [100.5, 101.0], [1, 2], ["12.5", "13"], []])
def test_what_is_no_time_is_not_taken_for_one(column: list[object]) -> None:
    assert as_times(column) is None


def test_rows_that_are_the_bars_of_the_run_are_known_at_their_close() -> None:
    history = load_sample("sample:goog")
    bars = history.parts[0].bars
    assert bars is not None
    part = history.between(int(bars.ts_close_ns[100]), int(bars.ts_close_ns[200]))
    known = Known(part).times(len(bars), [bars.close_ticks / 100])
    assert known is not None
    assert (known[100:200] == bars.ts_close_ns[100:200]).all()
    assert (known[:100] <= bars.ts_close_ns[100]).all()
    assert (known[200:] > bars.ts_close_ns[199]).all()


def test_rows_stamped_by_the_open_are_known_at_the_close() -> None:
    history = world("minute_bars")
    bars = history.parts[0].bars
    assert bars is not None
    closes = bars.close_ticks / 10.0 ** history.instruments[0].price_precision
    table = [bars.ts_open_ns[:-3], closes[:-3]]
    known = Known(history).times(len(bars) - 3, table)
    assert known is not None
    assert (known == bars.ts_close_ns[:-3]).all()


def test_points_lie_inside_the_run_and_at_decisions() -> None:
    times = np.arange(1000, dtype=np.int64)
    decided = np.array([300, 600, 900], dtype=np.int64)
    points = cut_points(times, decided, 24)
    assert {300, 600, 900, 299, 599, 899} <= set(points)
    assert 20 <= len(points) <= 24
    assert max(points) < 999
    starts = start_points(times, decided, 50, 16)
    assert {250, 550} & set(starts)
    assert max(starts) < 949


def test_points_of_a_tiny_run_do_not_fail() -> None:
    times, none = np.arange(3, dtype=np.int64), np.array([], dtype=np.int64)
    assert cut_points(times, none, 24) == [0, 1]
    assert start_points(times, none, 50, 16) == [1]
