"""A day with too few bars is told as it ends: the gate would not count it, and nobody would know before."""

from __future__ import annotations

import numpy as np
import pytest

from engine.model import layout as at
from engine.ports import HistoryTold, Rows
from runtime.feeds.silent_minutes import FINAL_NS, minute_closes, to_bits
from runtime.session.thin_days import ThinDays

MINUTE = 60 * 10**9
OPEN = 14 * 60 + 30  # of a day, in minutes


def row(minute: int, kind: int, instrument: int = -1) -> Rows:
    events = np.zeros((1, at.EVENT_WIDTH), dtype=np.int64)
    events[0, at.EVENT_TS], events[0, at.EVENT_KIND] = minute * MINUTE, kind
    events[0, at.EVENT_INSTRUMENT] = instrument
    if kind == at.KIND_BAR:
        events[0, at.BAR_OPEN_TS] = (minute - 1) * MINUTE
    else:
        events[0, at.CALENDAR_ID] = 0
    return events


def day(*counts: int, opens: bool = True) -> str:
    """Play a session of 390 minutes with so many bars of each instrument; return what is said at its end."""
    return played(
        ThinDays([0] * len(counts), ["AAPL", "THIN"][: len(counts)]), *counts, opens=opens
    )


def played(days: ThinDays, *counts: int, opens: bool = True) -> str:
    if opens:
        days.take(row(OPEN, at.KIND_SESSION_OPEN))
    for instrument, count in enumerate(counts):
        for n in range(count):
            assert days.take(row(OPEN + 1 + n, at.KIND_BAR, instrument)) == ""
    return days.take(row(OPEN + 390, at.KIND_SESSION_CLOSE))


@pytest.mark.parametrize(
    ("counts", "is_thin"),
    [
        ((390,), False),
        ((371,), False),  # 95 % of 390 are 370.5
        ((370,), True),
        ((390, 351), False),  # 741 of 780 are 95 %
        ((390, 350), True),
        ((0,), False),  # no bars at all: quotes and prints
    ],
)
def test_a_thin_day_is_told(counts: tuple[int, ...], is_thin: bool) -> None:
    said = day(*counts)
    assert bool(said) is is_thin
    if is_thin:
        assert said.startswith(f"{counts[-1]} of 390 bars of {['AAPL', 'THIN'][len(counts) - 1]}")


def test_a_day_that_was_not_seen_from_its_beginning_is_not_judged() -> None:
    assert day(10, opens=False) == ""


def told(until: int, has: int, problem: str = "") -> HistoryTold:
    """Return what the history has up to a minute of the session: bars of the first minutes."""
    since_ns, until_ns = OPEN * MINUTE, (OPEN + until) * MINUTE
    closes = minute_closes(since_ns, until_ns)
    bars = {} if problem else {0: to_bits(closes, closes[:has])}
    return HistoryTold(since_ns, until_ns, until_ns + FINAL_NS, bars, 0, problem)


@pytest.mark.parametrize(
    ("has", "said"),
    [
        (10, ""),
        (29, ""),  # 10 came, 361 were empty: 95 %
        (30, "10 of 390 bars of AAPL came today, 360 were empty at the venue: under 95%"),
    ],
)
def test_a_day_of_a_feed_that_asks_is_judged_when_the_history_has_answered(
    has: int, said: str
) -> None:
    days = ThinDays([0], ["AAPL"], asks_history=True)
    assert played(days, 10) == ""
    assert days.told(told(360, has)) == "", "its last minutes are still to be asked of"
    found = days.told(told(390, has))
    assert found.startswith(said) and bool(found) is bool(said)
    assert days.told(told(390, has)) == "", "it is said once"


def test_a_history_that_does_not_answer_is_the_reason() -> None:
    days = ThinDays([0], ["AAPL"], asks_history=True)
    assert played(days, 10) == ""
    assert days.told(told(390, 0, "status 500")) == (
        "10 of 390 bars of AAPL came today, its history cannot be asked of the others (status 500): "
        "under 95% of all bars a day does not count as a paper day"
    )
    assert "(status 500)" in played(days, 10), "the next day it is known at the close"
