"""A venue's bars as a feed: over real sockets, in a time that is fast, with what a stream may do."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from brokers.alpaca.client import Keys
from brokers.alpaca.environments import rehearsal
from engine.errors import VenueError
from engine.model import layout as at
from engine.ports import EvidenceClass, FeedItem, Notice, NoticeKind, Slice, TimePassed
from runtime.backtest.histories import load_history
from runtime.clocks import SystemClock
from runtime.feeds.opening import data_named
from runtime.feeds.settings import StreamSettings
from runtime.feeds.venue import VenueFeed
from runtime.feeds.venue_time import VenueTime
from tests.unit.feeds.venues import (
    HandClock,
    HastyClock,
    at_day_end,
    feed_at,
    feed_by,
    heard,
    heard_of,
    minutes,
    replayed,
    resampled,
    run,
    told,
    venue_of,
    with_actions,
    without_minutes,
)


def test_a_day_at_the_venue_is_the_day_of_a_replay() -> None:
    history = minutes()
    found = heard_of(history)
    assert found.told == replayed(history)
    assert found.feed.evidence is EvidenceClass.REHEARSAL
    assert not found.feed.counts[NoticeKind.LATE]


LOSE = '{"kind": "lose", "on": "data_stream", "at": 5}'


@pytest.mark.parametrize(
    "fault",
    [
        '{"kind": "lose", "on": "data_stream", "at": 20, "count": 3}',
        '{"kind": "duplicate", "on": "data_stream", "at": 20, "count": 30}',
        '{"kind": "reorder", "on": "data_stream", "at": 20}',
        '{"kind": "drop", "on": "data_stream", "at": 100}',
        '{"kind": "mute", "on": "data_stream", "at": 100}',
        '{"kind": "error", "on": "stock_data", "status": 500, "count": 2}',
        '{"kind": "torn", "on": "stock_data"}',
        '{"kind": "error", "on": "clock", "status": 503, "count": 2}',
        '{"kind": "null_field", "on": "data_stream", "field": "o", "at": 30}',
    ],
)
def test_what_a_stream_does_changes_nothing(fault: str) -> None:
    history = minutes(instruments=2)
    assert heard_of(history, fault, LOSE).told == replayed(history)


def test_minutes_that_nobody_trades_in_are_asked_for_and_are_none() -> None:
    history = without_minutes(minutes(instruments=2), lambda number, n: n % 5 == number)
    assert heard_of(history).told == replayed(history)


def test_longer_bars_are_made_of_the_venues_minutes() -> None:
    history = minutes(2)
    longer = resampled(history, "30m")
    assert heard_of(longer, market=history).told == replayed(longer)


def test_days_are_read_at_their_close() -> None:
    history = load_history(data_named("sample:goog"), Path()).between(0, 1_093_600_000 * 10**9)
    found = heard_of(history, night_seconds=0.3)
    assert found.told == replayed(history)
    assert len(replayed(history)) == 4 * 6, "an open, a bar, a close and the end of each day"


def test_a_feed_goes_on_after_a_cursor_and_reads_what_was_missed() -> None:
    history = minutes(2)
    first_day = replayed(history)[200][0]

    async def story() -> tuple[list[FeedItem], list[FeedItem]]:
        async with venue_of(history) as venue:
            before = await heard(feed_at(venue, history), lambda item: _is_at(item, first_day))
            (cursor,) = (item.cursor for item in before if _is_at(item, first_day))  # type: ignore[union-attr]
            return before, await heard(feed_at(venue, history), at_day_end(history), cursor)

    before, after = run(story())
    assert told([*before, *after]) == replayed(history)
    kinds = [item.kind for item in after if isinstance(item, Notice)]
    assert kinds[:3] == [NoticeKind.CONNECTED, NoticeKind.GAP, NoticeKind.FILLED]


def test_wrong_keys_end_it() -> None:
    history = minutes()

    async def story() -> None:
        async with venue_of(history) as venue:
            feed = VenueFeed(
                rehearsal(venue.url),
                Keys("PKOTHER", "other-secret"),
                history.instruments,
                SystemClock(),
            )
            await heard(feed, lambda item: False)

    with pytest.raises(VenueError) as caught:
        run(story())
    assert caught.value.is_authorization


def test_a_refusal_in_the_middle_is_told_and_tried_again() -> None:
    history = minutes()
    refusal = '{"kind": "error", "on": "stock_data", "status": 403}'
    found = heard_of(history, LOSE, refusal)
    refused = [each.kind for each in found.items if isinstance(each, Notice) and each.is_refused]
    assert refused == [NoticeKind.DISCONNECTED]
    assert found.told == replayed(history), "and nothing is missed"


def test_a_second_connection_is_waited_for() -> None:
    """The venue has one connection for a feed: who is refused tries again, and misses nothing."""
    history = minutes()

    async def story() -> list[FeedItem]:
        async with venue_of(history, speed=20_000.0) as venue:
            first, second = feed_at(venue, history), feed_at(venue, history)
            refused = asyncio.create_task(heard(second, at_day_end(history)))
            await heard(first, lambda item: NoticeKind.DISCONNECTED in second.counts)
            return await refused

    items = run(story())
    assert any("406" in item.detail for item in items if isinstance(item, Notice))
    assert told(items) == replayed(history)


def _is_at(item: FeedItem, ts_ns: int) -> bool:
    return isinstance(item, Slice) and item.ts_ns == ts_ns


@pytest.mark.parametrize("fault", [LOSE, '{"kind": "mute", "on": "data_stream", "at": 9}'])
def test_a_real_market_is_waited_for_and_then_asked(fault: str) -> None:
    """Its clock goes on between two answers; what was received is told in our own time."""
    speed, last = 600.0, 20
    history = without_minutes(minutes(instruments=2), lambda number, n: n == 12 + number)
    expected = replayed(history)[: last + 1]  # with the open
    clock = HastyClock(speed)
    settings = StreamSettings(grace_seconds=120.0, stale_seconds=600.0, wait_seconds_max=5.0)

    async def story() -> list[FeedItem]:
        async with venue_of(history, fault, speed=speed) as venue:
            feed = feed_by(clock, venue, history, settings=settings)
            return await heard(feed, lambda item: _is_at(item, expected[-1][0]))

    items = run(story())
    assert told(items) == expected
    received = [item.received_ns for item in items if isinstance(item, Slice)][1:]
    assert min(received) > 1_900_000_000 * 10**9


def test_a_gap_ends_too_where_the_stream_tells_what_was_missing() -> None:
    """The history does not answer for a bar that is late; then the bar comes, and nobody asks any more."""
    history = minutes(instruments=2)
    expected = [ts_ns for ts_ns, rows in replayed(history)[1:5]]
    faults = (
        '{"kind": "reorder", "on": "data_stream", "at": 4}',
        '{"kind": "error", "on": "stock_data", "status": 500}',
    )

    async def story() -> list[Notice]:
        async with venue_of(history, *faults, speed=None) as venue:
            feed = feed_by(HandClock(venue), venue, history)
            found: list[Notice] = []
            async for item in feed.items():
                match item:
                    case Notice(kind=NoticeKind.CONNECTED):
                        venue.advance_to(expected[0])
                    case Slice(ts_ns=ts_ns) if ts_ns == expected[0]:
                        venue.advance_to(expected[1] + 5 * 10**9)
                    case Notice(kind=NoticeKind.GAP):
                        assert feed.age_ns(expected[1]) == 5 * 10**9
                        venue.advance_to(expected[2])
                    case TimePassed(now_ns=now_ns) if now_ns >= expected[2]:
                        break
                if isinstance(item, Notice):
                    found.append(item)
            await feed.close()
            return found

    kinds = [each.kind for each in run(story())]
    assert kinds == [NoticeKind.CONNECTED, NoticeKind.GAP, NoticeKind.FILLED]


def test_a_clock_that_does_not_answer_is_not_known_for_long() -> None:
    clock = HastyClock(1.0)
    real, rehearsed = (VenueTime(clock, is_real=is_real) for is_real in (True, False))
    assert real.trusted_ns() is None
    for one in (real, rehearsed):
        one.learn(1_000, clock.monotonic_ns(), is_open=True)
    assert real.now_ns() > rehearsed.now_ns() == 1_000, "a rehearsal's may stand"
    rehearsed.learn(900, clock.monotonic_ns(), is_open=True)
    assert rehearsed.now_ns() == 1_000, "and does not go back"
    real.learn(1_000, clock.monotonic_ns() - 700 * 10**9, is_open=True)
    assert real.trusted_ns() is None, "half of what the answer took is counted"


def test_splits_and_dividends_come_before_the_days_first_bar() -> None:
    history = with_actions(minutes(3))
    found = heard_of(history)
    expected = replayed(history)
    kinds = [rows[0][1] for _, rows in expected]
    assert kinds.count(at.KIND_SPLIT) == kinds.count(at.KIND_DIVIDEND) == 1
    assert found.told == expected


def test_no_bar_of_a_day_is_decided_on_before_its_corporate_actions_are_read() -> None:
    history = with_actions(minutes(2))
    fault = '{"kind": "error", "on": "corporate_actions", "status": 503, "count": 20}'
    found = heard_of(history, fault)
    assert found.told == replayed(history)
    gaps = [
        each.detail for each in found.items if isinstance(each, Notice) and "actions" in each.detail
    ]
    assert gaps, "and it is said"


def test_a_split_is_told_once_also_over_a_restart() -> None:
    history = with_actions(minutes(3))
    ((split_ns, _),) = [each for each in replayed(history) if each[1][0][1] == at.KIND_SPLIT]

    async def story() -> list[FeedItem]:
        async with venue_of(history) as venue:
            before = await heard(feed_at(venue, history), lambda item: _is_at(item, split_ns))
            (cursor,) = (item.cursor for item in before if _is_at(item, split_ns))  # type: ignore[union-attr]
            return before + await heard(feed_at(venue, history), at_day_end(history), cursor)

    assert told(run(story())) == replayed(history)
