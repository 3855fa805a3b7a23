"""Any data have a feed and a server by their name."""

from __future__ import annotations

import asyncio
from contextlib import suppress
from pathlib import Path

import pytest

from data.streams import HistoryStream
from engine.errors import InputError
from engine.ports import FeedItem, NoticeKind
from runtime.clocks import SystemClock
from runtime.feeds.faults import parse_schedule
from runtime.feeds.history_client import fetch_hello
from runtime.feeds.opening import data_named, open_market, open_replay, open_server
from runtime.feeds.server import serve
from runtime.feeds.stream import StreamFeed
from sims.virtual_time import VirtualClock, run_virtual
from tests.property.window_worlds import make_dataset
from tests.unit.feeds.tapes import expect_same, only_slices
from tests.unit.feeds.test_replay_feed import taken
from tests.unit.feeds.test_stream_feed import FAST, run


@pytest.mark.parametrize("name", ["sample:goog", "world:minute_bars", "world:events"])
def test_a_name_is_enough_for_a_feed_and_for_a_server(name: str, tmp_path: Path) -> None:
    data = data_named(name, seed=3, length=40)
    known = only_slices(taken(open_replay(data, tmp_path, VirtualClock())))
    schedule = parse_schedule(
        '{"faults": [{"kind": "gap", "at": 5}, {"kind": "nan_price", "at": 9}]}'
    )

    async def story() -> tuple[list[FeedItem], StreamFeed]:
        server = open_server(data, tmp_path, SystemClock(), schedule=schedule)
        await server.start()
        hello = await fetch_hello(server.url)
        instruments = [entry.to_instrument() for entry in hello.instruments]
        feed = StreamFeed(server.url, instruments, SystemClock(), settings=FAST)
        items = [item async for item in feed.items()]
        await server.stop()
        return items, feed

    items, feed = run(story())
    expect_same(items, known)
    assert feed.counts[NoticeKind.REFUSED] == 1


def test_what_is_larger_than_memory_is_a_stream(tmp_path: Path) -> None:
    dataset = make_dataset(tmp_path, 1)
    data = data_named("world")
    assert data.dataset == dataset.name
    assert isinstance(open_market(data, tmp_path, rows_in_memory=10), HistoryStream)
    assert not isinstance(open_market(data, tmp_path), HistoryStream)


def test_a_world_that_there_is_not_is_named() -> None:
    with pytest.raises(InputError, match="there is no world 'weekly'"):
        data_named("world:weekly")


def test_a_server_runs_until_it_is_canceled(tmp_path: Path) -> None:
    async def story() -> str:
        server = open_server(data_named("world:quotes"), tmp_path, SystemClock(), speed=1.0)
        serving = asyncio.create_task(serve(server))
        while server.url.endswith(":0"):
            await asyncio.sleep(0)
        hello = await fetch_hello(server.url)
        serving.cancel()
        with suppress(asyncio.CancelledError):
            await serving
        return hello.instruments[0].symbol

    assert run(story()) == "SIM000"


def test_a_feed_of_nothing_but_time_waits_in_virtual_time(tmp_path: Path) -> None:
    async def story() -> int:
        feed = open_replay(data_named("sample:goog"), tmp_path, VirtualClock(), speed=3600.0 * 24)
        return len([item async for item in feed.items(after=3_000)])

    assert run_virtual(story()) > 0
