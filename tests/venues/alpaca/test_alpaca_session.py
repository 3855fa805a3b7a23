"""A session trades through our adapter at the simulated venue: the books of both are equal at the end."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from brokers.alpaca.translating import own_id
from tests.venues.alpaca.sessions import Desk
from tests.venues.alpaca.troubles import differences, story

SEEDS = (6, 7)
TROUBLES = (
    '{"kind": "error", "on": "submit", "at": 2, "status": 504, "after": true}',
    '{"kind": "reset", "on": "submit", "at": 4, "after": true}',
    '{"kind": "html", "on": "cancel", "at": 2, "status": 502, "after": true}',
    '{"kind": "drop", "on": "order_stream", "at": 8}',
    '{"kind": "lose", "on": "order_stream", "at": 14, "count": 2}',
    '{"kind": "duplicate", "on": "order_stream", "at": 3, "count": 4}',
    '{"kind": "drop", "on": "order_stream", "at": 25}',
    '{"kind": "set_field", "on": "order_stream", "at": 21, "field": "data.event", "value": "new word"}',
)


@pytest.mark.parametrize("faults", [(), TROUBLES], ids=["in peace", "in trouble"])
def test_the_books_of_a_session_and_its_venue_are_equal(
    faults: tuple[str, ...], tmp_path: Path
) -> None:
    desk = Desk(tmp_path, faults)
    asyncio.run(desk.run())
    assert len(desk.venue.books.executions) >= 10, "it has traded"
    assert differences(desk) == [], desk.noted
    submits = [each for each in desk.venue.requests if each.operation == "submit"]
    orders = [each for each in desk.venue.books.orders if own_id(each.client_id) == each.client_id]
    assert len(submits) == len(orders), "one order, one request"


@pytest.mark.parametrize("seed", SEEDS)
def test_a_seeds_troubles_leave_both_sides_equal(seed: int, tmp_path: Path) -> None:
    """`python -m tests.venues.alpaca.troubles` has more of them."""
    desk, wrong = asyncio.run(story(seed, tmp_path))
    assert wrong == [], (desk.faults, desk.noted)
