"""What the order stream tells, and how its end is noticed."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from brokers.alpaca.broker import AlpacaBroker
from brokers.alpaca.client import Deadlines
from engine.errors import VenueError
from engine.model import layout as at
from engine.ports import BrokerEvent
from tests.unit.brokers.alpaca.messages import NEXT_ID, ORDER, ORDER_ID, update
from tests.unit.brokers.alpaca.scripted import ScriptedVenue, answer, approved, broker_of, run

Story = Callable[[ScriptedVenue, AlpacaBroker], Awaitable[None]]


def connected(story: Story, **keys: Any) -> None:
    async def whole() -> None:
        async with ScriptedVenue() as venue:
            broker = broker_of(venue, **keys)
            await broker.connect()
            try:
                await story(venue, broker)
            finally:
                await broker.close()

    run(whole())


async def heard(broker: AlpacaBroker, count: int) -> list[BrokerEvent]:
    """Return the next events."""
    found: list[BrokerEvent] = []
    async for event in broker.events():
        found.append(event)
        if len(found) == count:
            break
    return found


def test_an_orders_life_is_told() -> None:
    async def story(venue: ScriptedVenue, broker: AlpacaBroker) -> None:
        await venue.say(update("pending_new"))
        await venue.say(update("new", order={"status": "new"}))
        await venue.say(update("partial_fill", qty="4", price="180.5", order={"filled_qty": "4"}))
        await venue.streams[-1].send_str(  # live speaks in text frames
            update("fill", qty="6", price="180.4", order={"filled_qty": "10"}).decode()
        )
        accepted, one, two = await heard(broker, 3)
        assert accepted.kind == at.KIND_ACCEPTED
        assert [each.execution and each.execution.lots for each in (one, two)] == [4, 6]
        assert {each.client_id for each in (accepted, one, two)} == {"tr-abc"}
        assert broker.health().heard_ns > 0

    connected(story)


def test_a_replacement_is_told_as_one_of_our_order() -> None:
    async def story(venue: ScriptedVenue, broker: AlpacaBroker) -> None:
        old = {"status": "replaced", "replaced_by": NEXT_ID}
        new = {"id": NEXT_ID, "client_order_id": "tr-abc-r1", "replaces": ORDER_ID}
        await venue.say(update("replaced", order=old))
        await venue.say(update("new", order=new))
        await venue.say(update("canceled", order=new | {"filled_qty": "2"}))
        replaced, accepted, canceled = await heard(broker, 3)
        assert (replaced.kind, replaced.venue_id) == (at.KIND_REPLACED, ORDER_ID)
        assert (accepted.kind, accepted.venue_id) == (at.KIND_ACCEPTED, NEXT_ID)
        assert (canceled.kind, canceled.filled_lots) == (at.KIND_CANCELED, 2)
        assert {each.client_id for each in (replaced, accepted, canceled)} == {"tr-abc"}

    connected(story)


def test_an_end_after_a_filled_link_is_asked_after() -> None:
    async def story(venue: ScriptedVenue, broker: AlpacaBroker) -> None:
        old = {"status": "replaced", "replaced_by": NEXT_ID, "filled_qty": "3"}
        new = {"id": NEXT_ID, "client_order_id": "tr-abc-r1", "replaces": ORDER_ID}
        await venue.say(update("replaced", order=old))
        await venue.say(update("canceled", order=new | {"filled_qty": "2"}))
        _, canceled = await heard(broker, 2)
        assert canceled.filled_lots == -1

    connected(story)


@pytest.mark.parametrize(
    "frame",
    [b"<html>", b"{}", update("fill", qty="4"), update("fill", price="x"),
     update("new", order={"id": None})],
)  # fmt: skip
def test_what_cannot_be_read_has_the_account_read(frame: bytes) -> None:
    async def story(venue: ScriptedVenue, broker: AlpacaBroker) -> None:
        await venue.say(frame)
        await venue.say(update("new"))
        strange, good = await heard(broker, 2)
        assert (strange.kind, good.kind) == (0, at.KIND_ACCEPTED)
        assert "cannot be read" in strange.reason

    connected(story)


def test_a_stream_that_ends_is_told_and_is_made_again() -> None:
    async def story(venue: ScriptedVenue, broker: AlpacaBroker) -> None:
        await venue.streams[-1].close()
        with pytest.raises(VenueError, match="has ended"):
            await heard(broker, 1)
        assert "has ended" in broker.health().problem
        await broker.connect()
        await venue.say(update("new"))
        assert len(await heard(broker, 1)) == 1
        assert broker.health().problem == ""

    connected(story)


def test_a_stream_that_takes_back_its_word_has_ended() -> None:
    async def story(venue: ScriptedVenue, broker: AlpacaBroker) -> None:
        await venue.say(b'{"stream":"authorization","data":{"status":"unauthorized"}}')
        with pytest.raises(VenueError, match="unauthorized") as caught:
            await heard(broker, 1)
        assert caught.value.is_authorization

    connected(story)


def test_pings_that_are_not_answered_end_it() -> None:
    """The other side is a socket that has said what it must, and then nothing, not even a pong."""

    async def story(venue: ScriptedVenue, broker: AlpacaBroker) -> None:
        venue.streams[-1]._autoping = False
        with pytest.raises(VenueError, match="has ended"):
            await heard(broker, 1)

    connected(story, deadlines=Deadlines(heartbeat=0.1, stream=1.0))


def test_a_stream_that_is_silent_of_an_order_that_was_taken_has_ended() -> None:
    async def story(venue: ScriptedVenue, broker: AlpacaBroker) -> None:
        venue.handlers["POST /v2/orders"] = answer(200, ORDER)
        await broker.submit(approved(), "tr-abc")
        with pytest.raises(VenueError, match="says nothing of order"):
            await heard(broker, 1)

    connected(story)


def test_a_stream_that_spoke_of_an_order_may_be_silent() -> None:
    async def story(venue: ScriptedVenue, broker: AlpacaBroker) -> None:
        venue.handlers["POST /v2/orders"] = answer(200, ORDER)
        await venue.say(update("pending_new"))  # before the answer to the submit
        waiting = asyncio.create_task(heard(broker, 1))
        await asyncio.sleep(0.05)
        await broker.submit(approved(), "tr-abc")
        await asyncio.sleep(0.45)
        assert not waiting.done()
        waiting.cancel()

    connected(story)


def test_events_without_a_connection_are_an_end() -> None:
    async def story() -> None:
        async with ScriptedVenue() as venue:
            with pytest.raises(VenueError, match="not connected"):
                await heard(broker_of(venue), 1)

    run(story())
