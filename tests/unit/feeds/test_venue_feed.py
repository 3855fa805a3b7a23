"""A venue's bars as a feed: over real sockets, in a time that is fast, with what a stream may do."""

from __future__ import annotations

import pytest

from engine.ports import EvidenceClass, FeedItem, NoticeKind
from runtime.feeds.venue import VenueFeed
from tests.unit.feeds.venues import (
    at_day_end,
    feed_at,
    heard,
    minutes,
    replayed,
    run,
    told,
    venue_of,
)


def test_a_day_at_the_venue_is_the_day_of_a_replay() -> None:
    history = minutes()

    async def story() -> tuple[list[FeedItem], VenueFeed]:
        async with venue_of(history) as venue:
            feed = feed_at(venue, history)
            return await heard(feed, at_day_end(history)), feed

    items, feed = run(story())
    assert told(items) == replayed(history)
    assert feed.evidence is EvidenceClass.REHEARSAL
    assert not feed.counts[NoticeKind.LATE]


@pytest.mark.parametrize(
    "fault",
    [
        '{"kind": "lose", "on": "data_stream", "at": 20, "count": 3}',
        '{"kind": "duplicate", "on": "data_stream", "at": 20, "count": 30}',
        '{"kind": "reorder", "on": "data_stream", "at": 20}',
        '{"kind": "drop", "on": "data_stream", "at": 100}',
        '{"kind": "mute", "on": "data_stream", "at": 100}',
        '{"kind": "error", "on": "stock_data", "status": 500, "count": 2}',
    ],
)
def test_what_a_stream_does_changes_nothing(fault: str) -> None:
    history = minutes(instruments=2)

    async def story() -> tuple[list[FeedItem], VenueFeed]:
        async with venue_of(
            history, fault, '{"kind": "lose", "on": "data_stream", "at": 5}'
        ) as venue:
            feed = feed_at(venue, history)
            return await heard(feed, at_day_end(history)), feed

    items, feed = run(story())
    assert told(items) == replayed(history)
    assert feed.counts[NoticeKind.FILLED] >= 1
