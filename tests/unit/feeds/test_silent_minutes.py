"""Which minutes a venue's history is asked of, and what its answer proves."""

from __future__ import annotations

from dataclasses import replace

import pytest

from engine.model.instruments import Instrument, InstrumentKind
from engine.model.units import NS_PER_DAY, NS_PER_MINUTE
from runtime.feeds.silent_minutes import (
    FINAL_NS,
    Proven,
    SilentMinutes,
    Stretch,
    minute_closes,
    to_bits,
)

SHARE = Instrument("THIN", InstrumentKind.EQUITY, calendar="XNYS")
OTHER = replace(SHARE, symbol="WIDE")
OPEN = 1_578_061_800 * 10**9  # Friday 3 January 2020, 14:30 UTC
CLOSE = OPEN + 390 * NS_PER_MINUTE
MONDAY = OPEN + 3 * NS_PER_DAY


def minute(n: int) -> int:
    """Return when the n-th minute of the Friday closes."""
    return OPEN + n * NS_PER_MINUTE


def new(begins_ns: int = OPEN, *shares: Instrument) -> SilentMinutes:
    return SilentMinutes(shares or (SHARE,), begins_ns, is_new=True)


def span(stretch: Stretch | None) -> tuple[int, int] | None:
    """Return a stretch in minutes of the Friday."""
    if stretch is None:
        return None
    ends = (stretch.since_ns, stretch.until_ns)
    return tuple((each - OPEN) // NS_PER_MINUTE for each in ends)  # type: ignore[return-value]


@pytest.mark.parametrize(
    ("now", "asked"),
    [
        (44, None),  # the 30th minute is 14 minutes old
        (45, (0, 30)),
        (74, (0, 30)),
        (75, (0, 60)),
        (404, (0, 360)),
        (405, (0, 390)),
        (1_000, (0, 390)),
    ],
)
def test_half_hours_are_asked_of_when_they_are_old_enough(
    now: int, asked: tuple[int, int] | None
) -> None:
    assert span(new().next(minute(now), minute(now))) == asked


def test_what_is_not_decided_on_is_not_asked_of() -> None:
    assert new().next(minute(400), minute(29)) is None
    assert span(new().next(minute(400), minute(30))) == (0, 30)


def test_where_every_bar_has_come_nobody_asks() -> None:
    silent = new(OPEN, SHARE, OTHER)
    for n in range(1, 391):
        silent.told(minute(n), (0, 1) if n != 100 else (0,))
    found = silent.next(minute(500), CLOSE)
    assert span(found) == (0, 390)
    silent.told(minute(100), (1,))
    assert silent.next(minute(500), CLOSE) is None


def test_what_was_asked_of_is_not_asked_of_again_and_the_next_day_follows() -> None:
    silent = new()
    first = silent.next(minute(400), minute(400))
    assert first is not None
    silent.done(first)
    assert silent.next(minute(404), minute(400)) is None
    second = silent.next(minute(405), minute(405))
    assert span(second) == (360, 390)
    assert second is not None
    silent.done(second)
    third = silent.next(MONDAY + 45 * NS_PER_MINUTE, MONDAY + 45 * NS_PER_MINUTE)
    assert third == Stretch((0,), MONDAY, MONDAY + 30 * NS_PER_MINUTE)


def test_a_feed_that_begins_within_a_day_asks_of_what_it_has_seen() -> None:
    assert span(new(minute(100) + 7).next(minute(500), CLOSE)) == (100, 390)


@pytest.mark.parametrize("begins", [minute(100), CLOSE, CLOSE + 4 * 3_600 * 10**9])
def test_a_feed_that_goes_on_asks_of_the_whole_day_that_it_stood_in(begins: int) -> None:
    """What it had asked before, and what had come, it does not know."""
    silent = SilentMinutes((SHARE,), begins, is_new=False)
    found = silent.next(MONDAY, MONDAY)
    if found is not None and found.until_ns < OPEN:  # of the day before, where it may have stood in
        silent.done(found)
        found = silent.next(MONDAY, MONDAY)
    assert span(found) == (0, 390)


def test_an_answer_is_held_against_what_has_come() -> None:
    silent = new(minute(2))
    for n in (3, 4):
        silent.told(minute(n), (0,))
    stretch = Stretch((0,), minute(0), minute(9))
    told = silent.answered(stretch, [(0, minute(n)) for n in (1, 4, 6, 9, 10)])
    assert told.bars == {0: to_bits(stretch.closes(), {minute(n) for n in (1, 4, 6, 9)})}
    assert told.missed == 2, "6 and 9: the first was before it began"
    assert told.lacks == 1, "3 came, and is not there any more"


def proven(
    *answers: tuple[int, int, set[int]], late_ns: int = FINAL_NS, problem: str = ""
) -> Proven:
    found = Proven()
    for since, until, has in answers:
        closes = minute_closes(minute(since), minute(until))
        bits = {0: to_bits(closes, {minute(n) for n in has})}
        found.add(minute(since), minute(until), minute(until) + late_ns, bits, problem)
    return found


def test_a_bar_is_empty_where_each_of_its_minutes_is() -> None:
    found = proven((0, 30, {3, 11}), (30, 60, set()))
    assert found.is_empty(0, minute(0), minute(1))
    assert not found.is_empty(0, minute(2), minute(3))
    assert [found.is_empty(0, minute(n), minute(n + 5)) for n in (0, 5, 10, 15)] == [
        False,
        True,
        False,
        True,
    ]
    assert found.is_empty(0, minute(20), minute(50)), "both were asked of"
    assert not found.is_empty(0, minute(50), minute(61)), "the last minute was not"
    assert not found.is_empty(1, minute(0), minute(1)), "of the other share nobody has asked"
    assert len(found.empty(OPEN)[0]) == 58
    assert found.until_ns == minute(60)


def test_what_any_answer_has_was_traded_in() -> None:
    found = proven((0, 30, {7}), (0, 30, set()))
    assert not found.is_empty(0, minute(6), minute(7))


@pytest.mark.parametrize(("late_ns", "problem"), [(FINAL_NS - 1, ""), (FINAL_NS, "status 500")])
def test_an_answer_that_came_too_early_or_is_none_proves_nothing(
    late_ns: int, problem: str
) -> None:
    assert not proven((0, 30, set()), late_ns=late_ns, problem=problem).empty(OPEN)
