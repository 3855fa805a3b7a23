"""What a venue's feed begins with: the bars of before that formulas need."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from data.history import History
from data.resampling import parse_period
from engine.lang.compiler import compile_program
from engine.lang.program import Program
from engine.model import layout as at
from engine.model.instruments import Instrument, InstrumentKind
from engine.model.units import NS_PER_MINUTE
from engine.ports import FeedItem, NoticeKind, Slice, WarmUp
from runtime.backtest.histories import load_history
from runtime.feeds.joining import BarKind
from runtime.feeds.opening import data_named
from runtime.feeds.warming import Warming
from tests.unit.feeds.venues import (
    FAST,
    feed_at,
    heard,
    minutes,
    replayed,
    resampled,
    run,
    told,
    venue_of,
    without_minutes,
)

SHARE = Instrument("ACME", InstrumentKind.EQUITY, calendar="XNYS")
MINUTES, DAYS = BarKind(), BarKind(is_daily=True)
HALF_HOURS = BarKind(parse_period("30m"))


def formulas(text: str) -> Program:
    return compile_program({"entry": f"{text} > 0"}, {}, kinds={"entry": "condition"})


def ns_of(text: str) -> int:
    return int(np.datetime64(text, "ns").astype(np.int64))


def warming(text: str, bars: BarKind, until: str = "2020-01-02T21:00") -> Warming:
    return Warming(formulas(text), (SHARE,), bars, ns_of(until))


@pytest.mark.parametrize(
    ("text", "bars", "needed"),
    [
        ("close", MINUTES, 0),
        ("sma(close, 50)", MINUTES, 49),
        ("timeframe('1d', sma(close, 3))", MINUTES, 4 * 390),  # three whole days, and one not whole
        ("timeframe('1d', close)", HALF_HOURS, 2 * 13),
        ("timeframe('1h', close)", MINUTES, 2 * 60),
        ("timeframe('1w', close)", DAYS, 2 * 5),
    ],
)
def test_so_many_bars_are_needed(text: str, bars: BarKind, needed: int) -> None:
    assert warming(text, bars).needed == needed


@pytest.mark.parametrize(
    ("bars", "count", "closes"),
    [
        (DAYS, 1, "2020-01-03T21:00"),
        (DAYS, 3, "2020-01-07T21:00"),  # over a weekend
        (MINUTES, 1, "2020-01-03T14:31"),
        (MINUTES, 390, "2020-01-03T21:00"),
        (MINUTES, 391, "2020-01-06T14:31"),
    ],
)
def test_it_is_said_when_the_next_bars_will_have_come(
    bars: BarKind, count: int, closes: str
) -> None:
    assert warming("close", bars).closes_ns(0, count) == ns_of(closes)


def test_more_is_read_than_first_values_need_where_that_costs_little() -> None:
    """sma(50) of minutes: 8 * 49 bars are two sessions, and one that may have just begun."""
    assert warming("sma(close, 50)", MINUTES).sessions == 3
    assert warming("sma(close, 50)", DAYS).sessions == 8 * 49 + 1
    assert warming("sma(close, 2000)", MINUTES).sessions == 14  # 5,000 bars, of 390 a session
    assert warming("sma(close, 200)", DAYS, "1995-01-03T21:00").earliest_ns == ns_of("1990-01-01")


def opened(history: History, day: int) -> int:
    """Return a minute before a session's open."""
    opens = [ts for ts, rows in replayed(history) if rows[0][1] == at.KIND_SESSION_OPEN]
    return opens[day] - NS_PER_MINUTE


def is_begun(item: FeedItem) -> bool:
    return isinstance(item, Slice) and item.events[0, at.EVENT_KIND] == at.KIND_BAR


async def begun(
    told_by: History, read: History, text: str, start_ns: int | None, *faults: str, **more: Any
) -> list[FeedItem]:
    """Return what a new feed tells up to its first bar."""
    async with venue_of(told_by, *faults, start_ns=start_ns) as venue:
        return await heard(feed_at(venue, read, formulas=formulas(text), **more), is_begun)


def rows_of(past: WarmUp) -> list[list[int]]:
    rows: list[list[int]] = np.delete(past.events, at.EVENT_SEQUENCE, 1).tolist()
    return rows


def bars_before(history: History, ns: int) -> list[list[int]]:
    bars = [(ts, rows) for ts, rows in replayed(history) if rows[0][1] == at.KIND_BAR]
    return [row for ts, rows in bars if ts <= ns for row in rows]


def test_longer_bars_of_before_are_those_of_a_replay() -> None:
    """Begun within a bar: what is whole is of before, and the first one that comes is whole too."""
    history = minutes(2, instruments=2)
    longer = resampled(history, "30m")
    start_ns = opened(history, 1) + 16 * NS_PER_MINUTE
    items = run(begun(history, longer, "sma(close, 5)", start_ns))
    past = next(item for item in items if isinstance(item, WarmUp))
    assert rows_of(past) == bars_before(longer, start_ns)
    assert not past.is_short and past.detail == (
        "warmed up with 13 bars of each instrument from 2020-01-02"
    )
    following = [each for each in replayed(longer) if each[0] > past.until_ns]
    assert told(items)[-1] == next(each for each in following if each[1][0][1] == at.KIND_BAR)


def test_days_of_before_are_those_of_a_replay() -> None:
    history = load_history(data_named("sample:goog"), Path()).between(0, 1_098_000_000 * 10**9)
    start_ns = opened(history, 30)
    items = run(begun(history, history, "sma(close, 20)", start_ns))
    past = next(item for item in items if isinstance(item, WarmUp))
    assert rows_of(past) == bars_before(history, start_ns) and not past.is_short
    assert past.detail == "warmed up with 30 bars from 2004-08-19"


def test_what_an_instrument_lacks_is_told() -> None:
    """The second one traded in two of three minutes only: 260 bars; the first has its 299."""
    history = without_minutes(
        minutes(2, instruments=2), lambda number, n: number == 1 and n % 3 == 0
    )
    items = run(begun(history, history, "sma(close, 300)", opened(history, 1)))
    (past,) = (item for item in items if isinstance(item, WarmUp))
    symbol = history.instruments[1].symbol
    assert past.is_short and past.detail == (
        "warmed up with 260 to 390 bars of each instrument from 2020-01-02; "
        f"of {symbol} 260 of the 299 bars that its formulas need: its first decision at about "
        "2020-01-03 15:10 UTC"  # 40 minutes after the open
    )


BROKEN = '{"kind": "error", "on": "stock_data", "status": 500, "count": 3}'


def test_a_history_that_does_not_answer_is_asked_again() -> None:
    history = minutes(2)
    start_ns = opened(history, 1)
    items = run(begun(history, history, "sma(close, 50)", start_ns, BROKEN))
    *waits, past = items[:4]
    assert [getattr(item, "kind", None) for item in waits] == [NoticeKind.DISCONNECTED] * 3
    assert isinstance(past, WarmUp), "and nothing was decided on meanwhile"
    assert rows_of(past) == bars_before(history, start_ns)


def test_one_that_does_not_answer_for_long_is_done_without() -> None:
    history = minutes(2)
    impatient = replace(FAST, history_seconds=0.0)
    story = begun(
        history, history, "sma(close, 50)", opened(history, 1), BROKEN, settings=impatient
    )
    (past,) = (item for item in run(story) if isinstance(item, WarmUp))
    assert past.is_short and not len(past.events)
    assert past.detail.startswith("bars of before cannot be read: ")
    assert past.detail.endswith("its first decision at about 2020-01-03 15:20 UTC")


def test_formulas_without_a_past_begin_at_once() -> None:
    history = minutes()
    items = run(begun(history, history, "close", None))
    assert not any(isinstance(item, WarmUp) for item in items)
