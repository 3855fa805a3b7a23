"""A target and a stop are one order at the venue, and two of ours: by stream, by reading, after a restart."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest

from brokers.alpaca.broker import AlpacaBroker
from brokers.alpaca.client import Deadlines
from engine.approved import CancelApproved, RiskApproved
from engine.model import layout as at
from engine.model.orders import OrderStatus, OrderType, TimeInForce
from engine.ports import SubmitStatus, leg_id
from sims.venues.alpaca import AlpacaVenue
from tests.venues.alpaca.adapters import Ear, broker_at, order_of, trading, wire_count
from tests.venues.alpaca.markets import run

HASTY = Deadlines(order=0.4, question=3.0, stream=3.0, look=0.0, heartbeat=1.0, mute=3.0)
TARGET, STOP = "tr-target", leg_id("tr-target")


def target_of(number: int = 2) -> RiskApproved:
    gtc = TimeInForce.GTC
    return order_of(number, side=-1, limit_ticks=19500, time_in_force=gtc, parent_id=1, group_id=1)


def stop_of(number: int = 3) -> RiskApproved:
    fields: dict[str, Any] = {"limit_ticks": 0, "stop_ticks": 18500, "order_type": OrderType.STOP}
    return order_of(
        number, side=-1, time_in_force=TimeInForce.GTC, parent_id=1, group_id=1, **fields
    )


@asynccontextmanager
async def holding(
    *faults: str, **more: Any
) -> AsyncIterator[tuple[AlpacaVenue, AlpacaBroker, Ear]]:
    """Give a venue where ten AAPL are held, as `trading` does."""
    async with trading(*faults, **more) as (venue, broker, ear):
        await broker.submit(order_of(), "tr-entry")
        venue.advance(1)
        venue.quote("AAPL", "190.00", "190.02")
        await ear.hears(2)
        ear.events.clear()
        yield venue, broker, ear


@pytest.mark.parametrize(
    ("bid", "ask", "filled", "ended"),
    [("195.00", "195.02", TARGET, STOP), ("184.00", "184.02", STOP, TARGET)],
)
def test_one_is_filled_and_the_other_ends(bid: str, ask: str, filled: str, ended: str) -> None:
    async def story() -> None:
        async with holding() as (venue, broker, ear):
            outcome = await broker.submit_pair(target_of(), stop_of(), TARGET)
            assert outcome.status is SubmitStatus.TAKEN
            assert {each.client_id for each in await broker.open_orders()} == {TARGET, STOP}
            venue.advance(1)
            venue.quote("AAPL", bid, ask)
            await ear.hears(4)
            told = {(each.client_id, each.kind) for each in ear.events}
            accepted = {(TARGET, at.KIND_ACCEPTED), (STOP, at.KIND_ACCEPTED)}
            assert told == accepted | {(filled, at.KIND_FILL), (ended, at.KIND_CANCELED)}
            assert [each.client_id for each in await broker.executions("")] == ["tr-entry", filled]

    run(story())


@pytest.mark.parametrize("name", [TARGET, STOP])
def test_the_end_of_one_is_the_end_of_both(name: str) -> None:
    async def story() -> None:
        async with holding() as (_, broker, ear):
            await broker.submit_pair(target_of(), stop_of(), TARGET)
            assert (await broker.cancel(CancelApproved(2, 0), name)).status is SubmitStatus.TAKEN
            await ear.hears(4)
            for each in (TARGET, STOP):
                found = await broker.order(each)
                assert found is not None and found.status == OrderStatus.CANCELED

    run(story())


def test_one_who_was_not_there_knows_both_by_their_names() -> None:
    async def story() -> None:
        async with holding() as (venue, broker, _):
            await broker.submit_pair(target_of(), stop_of(), TARGET)
            for names_first in (True, False):
                other = broker_at(venue)
                await other.connect()
                if names_first:
                    found = await other.order(STOP)
                    assert found is not None and found.stop_ticks == 18500
                assert {each.client_id for each in await other.open_orders()} == {TARGET, STOP}
                await other.close()
            venue.advance(1)
            venue.quote("AAPL", "184.00", "184.02")
            late = broker_at(venue)
            await late.connect()
            assert [each.client_id for each in await late.executions("")] == ["tr-entry", STOP]
            await late.close()

    run(story())


@pytest.mark.parametrize(
    ("fault", "is_there"),
    [
        ('{"kind": "error", "status": 504, "on": "submit", "at": 2, "after": true}', True),
        ('{"kind": "error", "status": 500, "on": "submit", "at": 2, "after": false}', False),
        ('{"kind": "hang", "seconds": 1, "on": "submit", "at": 2, "after": true}', True),
        ('{"kind": "torn", "on": "submit", "at": 2, "after": true}', True),
    ],
)
def test_one_pair_is_one_request_and_a_look_finds_both(fault: str, is_there: bool) -> None:
    async def story() -> None:
        async with holding(fault, deadlines=HASTY) as (venue, broker, _):
            outcome = await broker.submit_pair(target_of(), stop_of(), TARGET)
            assert outcome.status is SubmitStatus.UNKNOWN
            assert wire_count(venue, "submit") == 2, "the entry, and one more"
            for name in (TARGET, STOP):
                assert (await broker.order(name) is not None) is is_there
            again = await broker.submit_pair(target_of(), stop_of(), TARGET)
            assert again.code == ("duplicate" if is_there else "")

    run(story())
