"""A session that is looked on: the same to the bit, its alerts told once and in time, its faults its own."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgspec
import pytest

from engine.model import layout as at
from engine.model import trading_layout as loop
from engine.model.trading import Latch
from engine.ports import FeedItem, Notice, NoticeKind
from runtime.observing.alerting import Told
from runtime.observing.events import EventName
from runtime.observing.health import Component, Condition
from runtime.observing.heartbeat import Pulse
from runtime.observing.logs import InlineSink, Log, json_lines, text_lines
from runtime.observing.masking import Masker
from runtime.observing.observer import Looks, SessionObserver
from runtime.session.kill_switch import Halt, Release
from runtime.session.parts import Asked
from runtime.session.replaying import replay
from runtime.session.session import Session
from sims.virtual_time import VirtualClock, run_virtual
from tests.unit.session.papers import Desk


class Seen:
    """What an observer has let out."""

    def __init__(self) -> None:
        self.lines: list[dict[str, Any]] = []
        self.told: list[tuple[float, Told]] = []
        clock, masker = VirtualClock(), Masker(["hunter22"])
        sink = InlineSink(
            json_lines(masker), lambda line: self.lines.append(msgspec.json.decode(line))
        )
        log = Log([sink], clock, session="", environment="PAPER")
        self.observer = SessionObserver(Looks(clock, masker, log, (self._take,), is_recorded=False))

    def _take(self, told: Told) -> None:
        self.told.append((asyncio.get_running_loop().time(), told))

    def episodes(self, *, is_over: bool = False) -> list[str]:
        return [told.episode for _, told in self.told if told.is_over is is_over]


def run(desk: Desk, seen: Seen, story: Callable[[Session], None]) -> Session:
    with desk.store() as store:

        async def whole() -> Session:
            session = desk.session(store, observers=seen.observer.observers)
            story(session)
            await session.run()
            return session

        return run_virtual(whole())


@pytest.mark.parametrize("example", ["sma_cross.toml", "full_loop.toml"])
@pytest.mark.parametrize("speed", [None, 864_000.0])
def test_who_is_looked_on_decides_the_same(
    example: str, speed: float | None, tmp_path: Path
) -> None:
    desk, seen = Desk.of_example(example, tmp_path, speed=speed), Seen()
    run(desk, seen, lambda session: None)
    with desk.store() as store:
        found = replay(store.entries(store.get("last").id))
    assert found.output.state_hash == desk.backtest().state_hash
    assert seen.observer.counts.faults == 0
    assert seen.told == []


def test_every_line_says_paper_and_whose_it_is(tmp_path: Path) -> None:
    desk, seen = Desk.of_example("full_loop.toml", tmp_path, speed=864_000.0), Seen()
    session = run(desk, seen, lambda session: None)
    session_id = session.parts.journal.session_id
    assert {(line["environment"], line["session"]) for line in seen.lines} == {
        ("PAPER", session_id)
    }
    names = [line["event"] for line in seen.lines]
    for name in ("LOOP_STARTED", "SIGNAL_RECEIVED", "SIGNAL_APPROVED", "TRADE_EXECUTED",
                 "POSITION_CLOSED", "HEARTBEAT", "LOOP_STOPPED"):  # fmt: skip
        assert name in names
    beats = [line for line in seen.lines if line["event"] == "HEARTBEAT"]
    first, last = desk.history.span_ns() or (0, 0)
    assert len(beats) == pytest.approx((last - first) / 864e13, abs=1), "each ten seconds"
    assert beats[-1]["fills"] == names.count("TRADE_EXECUTED") - _after(names)


def _after(names: list[str]) -> int:
    last = len(names) - names[::-1].index("HEARTBEAT")
    return names[last:].count("TRADE_EXECUTED")


def test_a_halt_is_told_once_within_five_seconds_and_its_end_too(tmp_path: Path) -> None:
    desk, seen = Desk.of_example("full_loop.toml", tmp_path, speed=86_400.0), Seen()

    def story(session: Session) -> None:
        clock, switch = session.parts.clock, session.parts.switch
        later = asyncio.get_running_loop().call_later
        later(300.0, lambda: switch.set(Halt("ann", "password=hunter22", clock.now_ns())))
        later(400.0, lambda: switch.release(Release("ben", "it is right again", clock.now_ns())))

    run(desk, seen, story)
    begun = [(when, told) for when, told in seen.told if not told.is_over]
    for episode in ("noted:halt:kill switch", "state:halted"):
        (when,) = [when for when, told in begun if told.episode == episode]
        assert 299.9 <= when <= 305.0
        (over,) = [when for when, told in seen.told if told.is_over and told.episode == episode]
        assert 399.9 <= over <= 405.0
    texts = [told.text for _, told in seen.told] + [str(line) for line in seen.lines]
    with desk.store() as store:
        texts += [str(each.record) for each in store.entries(store.get("last").id)
                  if type(each.record).__name__ in ("Noted", "StateChanged")]  # fmt: skip
    assert not [text for text in texts if "hunter22" in text], "no secret leaves"


class Mute:
    """A feed that says nothing for some time, and notices."""

    def __init__(self, feed: Any, at_ns: int, seconds: float, notices: list[Notice]) -> None:
        self._feed, self._at_ns, self._seconds = feed, at_ns, seconds
        self._notices = notices

    def __getattr__(self, name: str) -> Any:
        return getattr(self._feed, name)

    async def items(self, after: int = 0) -> Any:
        is_told = False
        item: FeedItem
        async for item in self._feed.items(after):
            yield item
            if not is_told and getattr(item, "ts_ns", 0) >= self._at_ns:
                is_told = True
                for notice in self._notices:
                    yield notice
                await asyncio.sleep(self._seconds)


def test_a_silent_feed_is_told_after_two_minutes_and_the_engine_stops_entries(
    tmp_path: Path,
) -> None:
    desk, seen = Desk.of_example("full_loop.toml", tmp_path, speed=43_200.0), Seen()
    at_ns = int(desk.history.span_ns()[0] + 100 * 86_400 * 10**9)  # type: ignore[index]

    def story(session: Session) -> None:
        session.parts.feed = Mute(session.parts.feed, at_ns, 900.0, [])

    run(desk, seen, story)
    times = [when for when, told in seen.told if told.episode == "health:feed" and not told.is_over]
    assert len(times) == 2, "told, and repeated after ten minutes"
    assert times[0] == pytest.approx(200 + 121, abs=6)
    assert times[1] - times[0] == pytest.approx(600, abs=2)
    assert seen.episodes(is_over=True).count("health:feed") == 1
    with desk.store() as store:
        output = replay(store.entries(store.get("last").id)).output
    latched = output.journal[output.journal[:, loop.LATCHED_LATCH] == Latch.HEALTH]
    kinds = [
        k
        for k in latched[:, at.EVENT_KIND].tolist()
        if k in (at.KIND_LATCH_SET, at.KIND_LATCH_CLEARED)
    ]
    assert kinds == [at.KIND_LATCH_SET, at.KIND_LATCH_CLEARED]


def test_a_feed_that_says_it_is_cut_off_is_down_at_once(tmp_path: Path) -> None:
    desk, seen = Desk.of_example("sma_cross.toml", tmp_path, speed=86_400.0), Seen()
    at_ns = int(desk.history.span_ns()[0] + 200 * 86_400 * 10**9)  # type: ignore[index]
    cut = Notice(NoticeKind.DISCONNECTED, "the connection was closed")

    def story(session: Session) -> None:
        session.parts.feed = Mute(session.parts.feed, at_ns, 20.0, [cut])
        asyncio.get_running_loop().call_later(215.0, look)

    def look() -> None:
        conditions.append(seen.observer.health.conditions()[Component.FEED][0])

    conditions: list[Condition] = []
    run(desk, seen, story)
    assert conditions == [Condition.DOWN]
    assert seen.episodes().count("noted:feed") == 1


class Late(Mute):
    """A feed that has to read a gap before anything else."""

    async def items(self, after: int = 0) -> Any:
        yield Notice(NoticeKind.GAP, "a day is read")
        await asyncio.sleep(self._seconds)
        yield Notice(NoticeKind.FILLED, "it was read")
        async for item in self._feed.items(after):
            yield item


@pytest.mark.parametrize(("seconds", "told"), [(100.0, 0), (400.0, 1)])
def test_a_beginning_is_no_trouble_unless_it_takes_two_minutes(
    seconds: float, told: int, tmp_path: Path
) -> None:
    desk, seen = Desk.of_example("full_loop.toml", tmp_path, speed=864_000.0), Seen()

    def story(session: Session) -> None:
        session.parts.feed = Late(session.parts.feed, 0, seconds, [])

    run(desk, seen, story)
    assert seen.episodes().count("health:feed") == told
    with desk.store() as store:
        output = replay(store.entries(store.get("last").id)).output
    latched = output.journal[output.journal[:, at.EVENT_KIND] == at.KIND_LATCH_SET]
    assert latched[:, loop.LATCHED_LATCH].tolist().count(Latch.HEALTH) == told


def test_a_mistake_of_who_looks_on_is_not_the_sessions(tmp_path: Path) -> None:
    desk, seen = Desk.of_example("sma_cross.toml", tmp_path), Seen()

    def broken(*given: object) -> None:
        raise ZeroDivisionError("a mistake")

    seen.observer.looks.heard = broken
    session = run(desk, seen, lambda session: None)
    assert session.state.value == "stopped"
    assert seen.observer.counts.faults > 10


def test_a_readable_line_fits_the_screen_and_shows_paper() -> None:
    line = {"at": 0, "level": "critical", "environment": "PAPER", "session": "0194abcde",
            "event": EventName.TRADE_FAILED, "text": "x" * 200, "order": 3}  # fmt: skip
    shown = text_lines(Masker(), colours=False)(dict(line))
    assert len(shown) == 80 and "PAPER abcde TRADE_FAILED" in shown
    assert "\x1b" in text_lines(Masker(), colours=True)(dict(line))


def test_a_running_session_tells_when_its_heart_beat_last_and_what_is_not_well(
    tmp_path: Path,
) -> None:
    desk, seen = Desk.of_example("full_loop.toml", tmp_path, speed=86_400.0), Seen()
    told: list[Pulse] = []

    def story(session: Session) -> None:
        async def ask() -> None:
            for _ in range(2):
                answer = await session.ask(Asked("pulse", "ann"))
                told.append(msgspec.json.decode(answer, type=Pulse))
                await session.parts.clock.sleep(23.0)
                seen.observer.health.say(Component.BROKER, Condition.DOWN, "away", 0)
                seen.observer.health.look(0)

        asyncio.get_running_loop().call_soon(lambda: tasks.append(asyncio.ensure_future(ask())))

    tasks: list[asyncio.Future[None]] = []
    run(desk, seen, story)
    first, second = told
    assert (first.beat_seconds, first.unhealthy) == (None, {})
    assert second.beat_seconds == pytest.approx(3.0, abs=0.1), "it beats every ten seconds"
    assert second.lag.max_ms == 0.0, "virtual time is never late"
    assert second.unhealthy["broker"] == "down: away"
