"""A stream over real sockets becomes the slices of a replay, whatever goes wrong on the way."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine, Sequence
from dataclasses import replace
from typing import TypeVar

import msgspec
import pytest
from aiohttp import web

from engine.errors import DataError
from engine.ports import FeedItem, NoticeKind, Slice
from runtime.clocks import SystemClock
from runtime.feeds import wire
from runtime.feeds.faults import REPAIRABLE, Fault, FaultKind, FaultSchedule, random_schedule
from runtime.feeds.history_client import fetch_hello
from runtime.feeds.server import StreamServer
from runtime.feeds.settings import StreamSettings
from runtime.feeds.stream import StreamFeed
from runtime.feeds.tape import Tape
from tests.unit.feeds.tapes import (
    WORLDS,
    expect_same,
    notices,
    only_slices,
    replayed,
    rows_of,
    times,
    world,
)

T = TypeVar("T")
FAST = StreamSettings(  # but patient where nothing is to happen: the machine may be busy
    silence_seconds=10.0,
    connect_seconds=2.0,
    request_seconds=2.0,
    disorder_seconds=0.05,
    wait_seconds_min=0.01,
    wait_seconds_max=0.05,
    fill_attempts=3,
)
HASTY = replace(FAST, silence_seconds=0.4)
TICK = 0.05


def run(story: Coroutine[object, object, T]) -> T:
    async def bounded() -> T:
        async with asyncio.timeout(20):
            return await story

    return asyncio.run(bounded())


def feed_of(tape: Tape, url: str, *, settings: StreamSettings = FAST) -> StreamFeed:
    instruments = [entry.to_instrument() for entry in tape.hello(0).instruments]
    return StreamFeed(url, instruments, SystemClock(), trading=True, settings=settings)


async def listened(
    tape: Tape,
    *,
    after: int = 0,
    speed: float | None = None,
    kept: int | None = None,
    settings: StreamSettings = FAST,
) -> tuple[list[FeedItem], StreamFeed]:
    """Serve a tape and listen to its end."""
    async with StreamServer(
        tape, SystemClock(), speed=speed, tick_seconds=TICK, kept=kept
    ) as server:
        feed = feed_of(tape, server.url, settings=settings)
        return [item async for item in feed.items(after)], feed


@pytest.mark.parametrize("kind", WORLDS)
def test_a_stream_without_faults_is_a_replay(kind: str) -> None:
    rows = rows_of(world(kind), marks=True)
    items, feed = run(listened(Tape(rows)))
    expect_same(items, replayed(rows))
    assert [notice.kind for notice in notices(items)] == [NoticeKind.CONNECTED]
    assert feed.counts == {NoticeKind.CONNECTED: 1}
    received = [one.received_ns for one in only_slices(items) if one.received_ns]
    assert received and received == sorted(received)
    assert times(items) == sorted(set(times(items)))


ON_WIRE = [
    (FaultKind.GAP, {NoticeKind.GAP: 1, NoticeKind.FILLED: 1}),
    (FaultKind.DUPLICATE, {NoticeKind.DUPLICATE: 3}),
    (FaultKind.DISORDER, {}),
    (FaultKind.MALFORMED, {NoticeKind.REFUSED: 1, NoticeKind.GAP: 1, NoticeKind.FILLED: 1}),
    (FaultKind.DISCONNECT, {NoticeKind.DISCONNECTED: 1, NoticeKind.CONNECTED: 2}),
]


@pytest.mark.parametrize(("kind", "counted"), ON_WIRE, ids=lambda v: str(v))
def test_a_fault_of_the_wire_changes_no_slice_and_is_told(
    kind: FaultKind, counted: dict[NoticeKind, int]
) -> None:
    rows = rows_of(world("minute_bars", length=60), marks=True)
    items, feed = run(listened(Tape(rows, FaultSchedule((Fault(kind, at=40, count=3),)))))
    expect_same(items, replayed(rows))
    counts = {NoticeKind.CONNECTED: 1, **counted}
    found = {k: n for k, n in feed.counts.items() if k in counts or n}
    if kind is FaultKind.DISCONNECT:  # what was missed meanwhile is fetched
        assert found.pop(NoticeKind.GAP, 0) == found.pop(NoticeKind.FILLED, 0) <= 1
    assert found == counts
    assert {notice.kind for notice in notices(items)} == set(feed.counts)


def test_a_socket_that_says_nothing_for_ever_is_left() -> None:
    """It is open, and its other side is gone; only the silence tells."""
    rows = rows_of(world("minute_bars", length=60), marks=True)
    schedule = FaultSchedule((Fault(FaultKind.MUTE, at=40),))
    items, feed = run(listened(Tape(rows, schedule), settings=HASTY))
    expect_same(items, replayed(rows))
    counts = feed.counts
    assert counts[NoticeKind.STALE] == counts[NoticeKind.DISCONNECTED] >= 1
    assert counts[NoticeKind.CONNECTED] == counts[NoticeKind.DISCONNECTED] + 1


def test_the_last_message_is_not_missed() -> None:
    """Nothing comes after it whose number would tell; the end does."""
    rows = rows_of(world("minute_bars", length=20))
    tape = Tape(rows)
    schedule = FaultSchedule((Fault(FaultKind.GAP, at=len(tape), count=1),))
    items, feed = run(listened(Tape(rows, schedule)))
    expect_same(items, replayed(rows))
    assert feed.counts[NoticeKind.FILLED] == 1


def test_a_history_that_fails_is_asked_again() -> None:
    rows = rows_of(world("minute_bars", length=60))
    faults = (Fault(FaultKind.GAP, at=30, count=4), Fault(FaultKind.HISTORY_ERROR, at=1, count=4))
    items, feed = run(listened(Tape(rows, FaultSchedule(faults))))
    expect_same(items, replayed(rows))
    assert feed.counts[NoticeKind.GAP] == feed.counts[NoticeKind.FILLED] == 1


def test_what_nobody_keeps_any_more_is_lost_and_told() -> None:
    rows = rows_of(world("minute_bars", length=60, instruments=1))
    schedule = FaultSchedule((Fault(FaultKind.GAP, at=30, count=2),))
    items, feed = run(listened(Tape(rows, schedule), kept=1))
    known = replayed(rows)
    assert len(only_slices(items)) == len(known) - 2
    (lost,) = notices(items, NoticeKind.LOST)
    assert "30 to 31" in lost.detail and feed.counts[NoticeKind.LOST] == 1


@pytest.mark.parametrize("seed", range(8))
def test_random_faults_that_can_be_repaired_change_no_slice(seed: int) -> None:
    """A failing seed is the whole bug report."""
    kind = ("trades", "minute_bars")[seed % 2]
    rows = rows_of(world(kind, length=80, instruments=1 + seed % 3), marks=bool(seed % 4))
    kinds = [k for k in REPAIRABLE if k is not FaultKind.REVISED]
    schedule = random_schedule(seed, Tape(rows).rows_count, count=12, kinds=kinds)
    items, feed = run(listened(Tape(rows, schedule), settings=HASTY))
    expect_same(items, replayed(rows))
    told = {kind for kind, count in feed.counts.items() if count}
    assert {notice.kind for notice in notices(items)} == told


def test_a_feed_goes_on_from_a_cursor_in_another_process() -> None:
    rows = rows_of(world("minute_bars", length=25), marks=True)
    tape = Tape(rows)
    every, _ = run(listened(tape))
    slices = only_slices(every)
    for n in (0, 1, 7, 20, len(slices) - 2, len(slices) - 1):
        items, _ = run(listened(tape, after=slices[n].cursor))
        expect_same(items, slices[n + 1 :])
        assert [s.cursor for s in only_slices(items)] == [s.cursor for s in slices[n + 1 :]]


def test_a_paced_stream_goes_on_while_nobody_listens() -> None:
    """What was told meanwhile is fetched when somebody comes back."""
    rows = rows_of(world("minute_bars", length=60, instruments=1))
    tape = Tape(rows)

    async def story() -> list[Slice]:
        async with StreamServer(tape, SystemClock(), speed=60 * 100, tick_seconds=TICK) as server:
            feed = feed_of(tape, server.url)
            found: list[Slice] = []
            async for item in feed.items():
                found += [item] if isinstance(item, Slice) else []
                if len(found) == 5:
                    break
            seen = server.head
            while server.head < seen + 10:
                await asyncio.sleep(0.005)
            again = feed_of(tape, server.url)
            return found + [i async for i in again.items(found[-1].cursor) if isinstance(i, Slice)]

    expect_same(run(story()), replayed(rows))


def test_who_comes_late_is_told_what_was_before_at_once() -> None:
    """The first word of a stream says how far it is; nothing else comes for an hour."""
    tape = Tape(rows_of(world("minute_bars", length=60, instruments=1)))

    async def story() -> list[int]:
        async with StreamServer(tape, SystemClock(), speed=60 * 200, tick_seconds=3600) as server:
            async for _ in feed_of(tape, server.url).items():
                if server.head >= 10:
                    break
            server._player.is_over = True
            server._playing.cancel()  # type: ignore[union-attr]
            head, bars = server.head, 0
            async for item in feed_of(tape, server.url).items():
                bars += int((item.events[:, 1] == 20).sum()) if isinstance(item, Slice) else 0
                if bars == head:
                    break
            return [bars, head]

    bars, head = run(story())
    assert bars == head >= 10


def test_time_is_told_while_nothing_comes() -> None:
    rows = rows_of(world("minute_bars", length=400, instruments=1))
    tape = Tape(rows)

    async def story() -> list[FeedItem]:
        async with StreamServer(tape, SystemClock(), speed=60.0, tick_seconds=0.02) as server:
            found: list[FeedItem] = []
            async for item in feed_of(tape, server.url).items():
                found.append(item)
                if len(times(found)) == 4:
                    break
            return found

    items = run(story())
    assert times(items) == sorted(set(times(items)))
    seen_ns = 0
    for item in items:
        now_ns = getattr(item, "ts_ns", getattr(item, "now_ns", seen_ns))
        assert now_ns >= seen_ns
        seen_ns = now_ns


def test_closing_ends_the_feed_at_once() -> None:
    rows = rows_of(world("minute_bars", length=400, instruments=1))
    tape = Tape(rows)

    async def story() -> int:
        async with StreamServer(tape, SystemClock(), speed=1.0, tick_seconds=5.0) as server:
            feed = feed_of(tape, server.url)
            count = 0
            async for item in feed.items():
                count += 1
                if isinstance(item, Slice):
                    asyncio.get_running_loop().call_later(0.01, asyncio.ensure_future, feed.close())
            return count

    assert run(story()) >= 1


def test_a_feed_waits_for_a_server_that_is_not_there_yet() -> None:
    rows = rows_of(world("minute_bars", length=10))
    tape = Tape(rows)

    async def story() -> tuple[list[FeedItem], StreamFeed]:
        first = StreamServer(tape, SystemClock(), tick_seconds=TICK)
        await first.start()
        url, port = first.url, int(first.url.rpartition(":")[2])
        await first.stop()
        feed = feed_of(tape, url)
        items: list[FeedItem] = []
        async with StreamServer(tape, SystemClock(), tick_seconds=TICK, port=port) as second:
            await second.stop()
            async for item in feed.items():
                items.append(item)
                if len(notices(items, NoticeKind.DISCONNECTED)) == 2 and second.head == 0:
                    await second.start()
        return items, feed

    items, feed = run(story())
    expect_same(items, replayed(rows))
    assert feed.counts[NoticeKind.DISCONNECTED] >= 2


# --- Where it cannot go on ----------------------------------------------------------------------------
def test_an_instrument_that_the_stream_does_not_have_or_defines_otherwise_is_refused() -> None:
    tape = Tape(rows_of(world("minute_bars")))

    async def story(change: Callable[[wire.Hello], Sequence[object]]) -> None:
        async with StreamServer(tape, SystemClock(), tick_seconds=TICK) as server:
            hello = await fetch_hello(server.url)
            feed = StreamFeed(server.url, change(hello), SystemClock(), settings=FAST)  # type: ignore[arg-type]
            async for _ in feed.items():
                pass

    with pytest.raises(DataError, match="the stream has no GOOG"):
        run(story(lambda h: [replace(h.instruments[0].to_instrument(), symbol="GOOG")]))
    with pytest.raises(DataError, match="price_precision is 2, not 3"):
        run(story(lambda h: [replace(h.instruments[0].to_instrument(), price_precision=3)]))


def test_another_stream_at_the_same_address_is_not_taken_for_the_first() -> None:
    rows = rows_of(world("minute_bars", length=30))
    torn = FaultSchedule((Fault(FaultKind.DISCONNECT, at=10),))
    tape, other = Tape(rows, torn), Tape(rows)

    async def story() -> None:
        first = StreamServer(tape, SystemClock(), tick_seconds=TICK)
        await first.start()
        port = int(first.url.rpartition(":")[2])
        feed = feed_of(tape, first.url)
        second = StreamServer(other, SystemClock(), tick_seconds=TICK, port=port)
        try:
            async for item in feed.items():
                if notices([item], NoticeKind.DISCONNECTED):
                    await first.stop()
                    await second.start()
        finally:
            await second.stop()

    with pytest.raises(DataError, match="another stream"):
        run(story())


async def _odd_server(
    handler: Callable[[web.Request], object], history: Callable[[web.Request], object] | None = None
) -> tuple[web.AppRunner, str]:
    app = web.Application()
    app.router.add_get("/stream", handler)  # type: ignore[arg-type]
    if history is not None:
        app.router.add_get("/history", history)  # type: ignore[arg-type]
    runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.1)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    return runner, f"ws://127.0.0.1:{runner.addresses[0][1]}"


@pytest.mark.parametrize("status", [302, 401, 404])
def test_a_redirect_or_a_refusal_is_not_followed_and_not_tried_again(status: int) -> None:
    asked = []

    async def handler(request: web.Request) -> web.Response:
        asked.append(request.path)
        return web.Response(status=status, headers={"Location": "/elsewhere"})

    async def story() -> None:
        runner, url = await _odd_server(handler)
        try:
            async for _ in StreamFeed(url, [], SystemClock(), settings=FAST).items():
                pass
        finally:
            await runner.cleanup()

    with pytest.raises(DataError, match="cannot be used"):
        run(story())
    assert asked == ["/stream"]


def test_a_server_that_cannot_do_tls_is_not_asked_without() -> None:
    tape = Tape(rows_of(world("minute_bars", length=5)))

    async def story() -> None:
        async with StreamServer(tape, SystemClock()) as server:
            async for _ in feed_of(tape, server.url.replace("ws://", "wss://")).items():
                pass

    with pytest.raises(DataError, match="cannot be used"):
        run(story())


def test_nonsense_instead_of_a_hello_is_tried_again() -> None:
    said = [b"<html>", b'{"type":"time","ts":1,"seq":0}', b'{"type":"hello"}']

    async def handler(request: web.Request) -> web.WebSocketResponse:
        socket = web.WebSocketResponse(timeout=0.1)
        await socket.prepare(request)
        await socket.send_bytes(said.pop() if said else b"{}")
        return socket

    async def story() -> list[FeedItem]:
        runner, url = await _odd_server(handler)
        try:
            feed, items = StreamFeed(url, [], SystemClock(), settings=FAST), []
            async for item in feed.items():
                items.append(item)
                if len(items) == 4:
                    break
            return items
        finally:
            await runner.cleanup()

    items = run(story())
    assert [notice.kind for notice in notices(items)] == [NoticeKind.DISCONNECTED] * 4


def test_an_address_at_which_nobody_is_is_named() -> None:
    with pytest.raises(DataError, match="cannot be reached"):
        run(fetch_hello("ws://127.0.0.1:9", FAST))


# --- A stream in wall time ----------------------------------------------------------------------------
def test_on_a_stream_in_wall_time_a_slice_waits_for_its_grace_and_time_passes_by_the_clock() -> (
    None
):
    """A venue tells no time: two instruments, of which one stays silent at a close."""
    tape = Tape(rows_of(world("minute_bars")))
    clock = SystemClock()
    patient = replace(FAST, grace_seconds=0.2, disorder_seconds=0.05)

    async def handler(request: web.Request) -> web.WebSocketResponse:
        socket = web.WebSocketResponse(timeout=0.1)
        await socket.prepare(request)
        now_ns = clock.now_ns()
        hello = msgspec.structs.replace(tape.hello(0), clock="wall", starts_ns=now_ns)
        await socket.send_bytes(wire.encode(hello))
        symbol = hello.instruments[0].symbol
        bar = wire.Bar(1, symbol, now_ns, now_ns - 60 * 10**9, "10", "10", "10", "10")
        await socket.send_bytes(wire.encode(bar))
        async for _ in socket:
            pass
        return socket

    async def story() -> tuple[list[FeedItem], int]:
        runner, url = await _odd_server(handler)
        feed, items = feed_of(tape, url, settings=patient), []
        try:
            async for item in feed.items():
                items.append(item)
                if times(items):
                    break
        finally:
            await runner.cleanup()
        return items, clock.now_ns()

    items, ended_ns = run(story())
    (one,) = [s for s in only_slices(items) if s.received_ns]
    (now_ns,) = times(items)
    assert one.ts_ns <= now_ns <= ended_ns - 200_000_000


def test_time_does_not_pass_over_what_is_missing() -> None:
    """A time comes after three messages, of which only the first has come."""
    rows = rows_of(world("minute_bars", length=3, instruments=1))
    tape = Tape(rows)
    messages = list(tape.messages())

    async def handler(request: web.Request) -> web.WebSocketResponse:
        socket = web.WebSocketResponse(timeout=0.1)
        await socket.prepare(request)
        await socket.send_bytes(wire.encode(tape.hello(0)))
        await socket.send_bytes(messages[0].content)
        await socket.send_bytes(wire.encode(wire.Time(messages[2].ts_ns, 3)))
        while "history" not in asked:
            await asyncio.sleep(0.001)
        await socket.send_bytes(wire.encode(wire.End(tape.last_ns, 3)))
        async for _ in socket:
            pass
        return socket

    async def history(request: web.Request) -> web.Response:
        asked.append("history")
        body = b"\n".join(m.content for m in messages[int(request.query["after"]) :])
        return web.Response(body=body, content_type="application/x-ndjson")

    async def story() -> list[FeedItem]:
        runner, url = await _odd_server(handler, history)
        try:
            return [item async for item in feed_of(tape, url).items()]
        finally:
            await runner.cleanup()

    asked: list[str] = []
    items = run(story())
    expect_same(items, replayed(rows))
    assert notices(items, NoticeKind.LATE) == []


def test_a_stream_that_has_no_beginning_is_gone_on_with_from_a_cursor() -> None:
    """Sessions are then told from the last message on, and none twice."""
    rows = rows_of(world("daily_bars", length=8, instruments=1))
    tape = Tape(rows)
    every, _ = run(listened(tape))
    slices = only_slices(every)

    async def handler(request: web.Request) -> web.WebSocketResponse:
        socket = web.WebSocketResponse(timeout=0.1)
        await socket.prepare(request)
        hello = msgspec.structs.replace(tape.hello(len(tape)), starts_ns=None)
        await socket.send_bytes(wire.encode(hello))
        await socket.send_bytes(wire.encode(wire.End(tape.last_ns, len(tape))))
        async for _ in socket:
            pass
        return socket

    async def history(request: web.Request) -> web.Response:
        first, last = int(request.query["after"]), int(request.query["until"])
        body = b"\n".join(m.content for m in tape.messages(first) if m.seq <= last)
        return web.Response(body=body, content_type="application/x-ndjson")

    async def story(after: int) -> list[FeedItem]:
        runner, url = await _odd_server(handler, history)
        try:
            return [item async for item in feed_of(tape, url).items(after)]
        finally:
            await runner.cleanup()

    for n in (1, 2, 3, 9, len(slices) - 3):
        rest = only_slices(run(story(slices[n].cursor)))
        told = [one.events[:, :3].tolist() for one in rest]
        assert told == [one.events[:, :3].tolist() for one in slices[n + 1 :]]
