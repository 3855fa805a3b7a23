"""A session trades through our adapter at the simulated venue: the books of both are equal at the end."""

from __future__ import annotations

import asyncio
from decimal import Decimal
from pathlib import Path

import pytest

from brokers.alpaca.translating import own_id
from tests.venues.alpaca.sessions import Desk

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
    told = desk.noted
    assert len(desk.venue.books.executions) >= 10, "it has traded"
    assert desk.lots == desk.books.positions.get(0, 0) == desk.their_lots, told
    assert desk.cash - desk.cash_before == desk.venue.books.cash - Decimal(100_000), told
    # No order twice, and none that the session does not know.
    names = [each.client_id for each in desk.venue.books.orders]
    assert len(set(names)) == len(names)
    known = {name for name in names if desk.books.find_client(own_id(name))}
    assert known == set(names)
    submits = [each for each in desk.venue.requests if each.operation == "submit"]
    firsts = [name for name in names if own_id(name) == name]
    assert len(submits) == len(firsts), "one order, one request"
