"""A paper session on a live stream over real sockets, with faults: it ends as its backtest does."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from engine.model import layout as at
from runtime.backtest.clockwork import clockwork_of
from runtime.clocks import SystemClock
from runtime.feeds.faults import FaultSchedule, random_schedule
from runtime.feeds.rows import replay_rows
from runtime.feeds.server import StreamServer
from runtime.feeds.settings import StreamSettings
from runtime.feeds.stream import StreamFeed
from runtime.feeds.tape import Tape
from runtime.journal.sessions import SessionStore
from runtime.session.replaying import Replayed, replay
from runtime.session.starting import PaperPlan, start_paper, unfinished
from runtime.session.states import FEED_ENDED
from runtime.session_core.assembling import market_of
from tests.unit.session.papers import Desk

QUICK = StreamSettings(
    silence_seconds=0.5,
    connect_seconds=2.0,
    request_seconds=2.0,
    disorder_seconds=0.05,
    wait_seconds_min=0.01,
    wait_seconds_max=0.05,
)


async def streamed(desk: Desk, schedule: FaultSchedule, *, stops: int = 0) -> Replayed:
    """Run a session on a stream, stopping and going on some times; return its journal, played again."""
    trading = desk.config.is_trading
    tape = Tape(replay_rows(desk.history, trading=trading), schedule)
    store = SessionStore.open(desk.url)
    try:
        async with StreamServer(tape, SystemClock(), tick_seconds=0.05) as server:
            for left in range(stops, -1, -1):
                feed = StreamFeed(
                    server.url,
                    desk.history.instruments,
                    store.clock,
                    trading=trading,
                    settings=QUICK,
                )
                market = market_of(desk.history, clockwork_of(desk.history, days_after=30))
                plan = PaperPlan(desk.config, feed, market, "paper")
                session = start_paper(store, plan, unfinished(store, plan))
                if left:
                    asyncio.get_running_loop().call_later(0.6, session.stop, "for a while")
                await session.run()
                if store.get("last").cause == FEED_ENDED:
                    break  # on a quick machine the data end before the last stop
        (record,) = store.list()
        return replay(store.entries(record.id))
    finally:
        store.close()


def run(desk: Desk, schedule: FaultSchedule, *, stops: int = 0) -> Replayed:
    async def bounded() -> Replayed:
        async with asyncio.timeout(120):
            return await streamed(desk, schedule, stops=stops)

    return asyncio.run(bounded())


@pytest.mark.parametrize("example", ["sma_cross.toml", "full_loop.toml"])
def test_a_session_on_a_stream_ends_as_its_backtest(example: str, tmp_path: Path) -> None:
    desk = Desk.of_example(example, tmp_path)
    found = run(desk, FaultSchedule())
    assert found.output.state_hash == desk.backtest().state_hash


def test_a_session_on_a_faulty_stream_misses_nothing_and_plays_again(tmp_path: Path) -> None:
    """What is fetched late is decided on, but nothing is entered on it: only fills may differ."""
    desk = Desk.of_example("sma_cross.toml", tmp_path)
    schedule = random_schedule(3, rows=len(desk.history.parts[0].bars or ()), count=12)
    found = run(desk, schedule, stops=2)
    expected = desk.backtest().journal
    marks, marked = (
        journal[journal[:, at.EVENT_KIND] == at.KIND_EQUITY_MARKED, at.EVENT_TS].tolist()
        for journal in (found.output.journal, expected)
    )
    assert marks == marked, "every day was seen once, in order"
