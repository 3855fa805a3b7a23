"""Channels: a real HTTP server is told by apprise, fails, is tried again, and holds up nobody."""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web
from msgspec import structs

from engine.errors import ConfigError
from runtime.observing.alerting import Told
from runtime.observing.channels import Channel, Trouble, apprise_channel, open_channels
from runtime.observing.masking import Masker
from runtime.secrets import secret_of

FEED = Told("feed", "critical", "feed", "nothing came for 15 seconds")


class Hook:
    """A server that takes JSON, or answers 500 while `is_broken`."""

    def __init__(self) -> None:
        self.taken: list[dict[str, Any]] = []
        self.times: list[float] = []
        self.asked = 0
        self.is_broken = False
        self.delay = 0.0
        self._ready = threading.Event()
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._serve, daemon=True)
        self._thread.start()
        assert self._ready.wait(10)

    def _serve(self) -> None:
        async def take(request: web.Request) -> web.Response:
            self.asked += 1
            await asyncio.sleep(self.delay)
            if self.is_broken:
                return web.Response(status=500)
            self.taken.append(await request.json())
            self.times.append(time.monotonic())
            return web.json_response({})

        async def start() -> None:
            app = web.Application()
            app.router.add_post("/{tail:.*}", take)
            self.runner = web.AppRunner(app)
            await self.runner.setup()
            site = web.TCPSite(self.runner, "127.0.0.1", 0)
            await site.start()
            self.port = self.runner.addresses[0][1]
            self._ready.set()

        self._loop.run_until_complete(start())
        self._loop.run_forever()

    def close(self) -> None:
        asyncio.run_coroutine_threadsafe(self.runner.cleanup(), self._loop).result(10)
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(10)

    @property
    def url(self) -> str:
        return f"json://127.0.0.1:{self.port}/hook"


@pytest.fixture
def hook() -> Iterator[Hook]:
    made = Hook()
    yield made
    made.close()


def until(is_so: Any, seconds: float = 20.0) -> None:
    end = time.monotonic() + seconds
    while not is_so():
        assert time.monotonic() < end, "it did not come to that"
        time.sleep(0.01)


def test_an_alert_is_at_the_server_within_five_seconds(hook: Hook) -> None:
    channel = Channel("ops", apprise_channel(hook.url))
    began = time.monotonic()
    channel.put(FEED)
    until(lambda: hook.taken)
    assert hook.times[0] - began < 5.0
    (taken,) = hook.taken
    assert taken["title"] == "trader PAPER: feed"
    assert taken["message"] == FEED.text and taken["type"] == "failure"
    channel.close()


def test_the_end_of_an_alert_looks_like_good_news(hook: Hook) -> None:
    channel = Channel("ops", apprise_channel(hook.url))
    channel.put(structs.replace(FEED, is_over=True))
    until(lambda: hook.taken)
    (taken,) = hook.taken
    assert (taken["title"], taken["type"]) == ("trader PAPER: feed is over", "success")
    channel.close()


def test_a_channel_that_fails_is_told_once_and_delivers_when_it_works_again(hook: Hook) -> None:
    hook.is_broken = True
    troubles: list[Trouble] = []
    channel = Channel("ops", apprise_channel(hook.url), told=troubles.append)
    for number in range(3):
        channel.put(Told(f"e{number}", "warning", f"e{number}", "x"))
    until(lambda: hook.asked >= 3)
    assert [each.works for each in troubles] == [False]
    hook.is_broken = False
    until(lambda: len(hook.taken) == 3)
    assert [each["title"][-2:] for each in hook.taken] == ["e0", "e1", "e2"], "each once, in order"
    assert [each.works for each in troubles] == [False, True]
    channel.close()


def test_a_channel_that_hangs_holds_up_neither_the_caller_nor_another(hook: Hook) -> None:
    hook.delay = 1.5
    slow = Channel("slow", apprise_channel(hook.url))
    taken: list[str] = []
    quick = Channel("quick", lambda title, text, severity: taken.append(title) is None)
    began = time.monotonic()
    for _ in range(100):
        slow.put(FEED)
        quick.put(FEED)
    assert time.monotonic() - began < 0.5
    until(lambda: len(taken) == 100)
    assert len(hook.taken) < 100
    slow.close()
    quick.close()


def test_a_full_queue_drops_the_oldest() -> None:
    go = threading.Event()

    def send(title: str, text: str, severity: str) -> bool:
        return go.wait(10)

    channel = Channel("ops", send)
    for _ in range(1_500):
        channel.put(FEED)
    assert 490 <= channel.lost <= 500
    go.set()
    channel.close()


def test_an_address_comes_from_the_environment_or_a_file_of_ones_own(tmp_path: Path) -> None:
    place = tmp_path / "slack.url"
    place.write_text("slack://a/b/c\n")
    place.chmod(0o600)
    assert secret_of("file:slack.url", tmp_path, {}, what="it") == "slack://a/b/c"
    assert (
        secret_of("env:SLACK", tmp_path, {"SLACK": "slack://d/e/f"}, what="it") == "slack://d/e/f"
    )
    place.chmod(0o640)
    with pytest.raises(ConfigError, match="others may read"):
        secret_of("file:slack.url", tmp_path, {}, what="it")


@pytest.mark.parametrize(
    "reference", ["tgram://123456:ABCDEF/99", "env:NOT_THERE", "file:nowhere.url", "env:", ""]
)
def test_a_secret_in_the_file_or_nowhere_is_refused_and_not_shown(
    reference: str, tmp_path: Path
) -> None:
    with pytest.raises(ConfigError) as caught:
        open_channels(
            {"ops": reference}, tmp_path, Masker(), title="t",
            told=lambda what: None, sent=lambda name, one: None,
        )  # fmt: skip
    assert "ABCDEF" not in str(caught.value)


def test_an_address_that_apprise_does_not_know_is_not_shown(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OPS_URL", "nonsense://TopSecret99/x")
    masker = Masker()
    with pytest.raises(ConfigError, match="no channel") as caught:
        open_channels(
            {"ops": "env:OPS_URL"}, tmp_path, masker, title="t",
            told=lambda what: None, sent=lambda name, one: None,
        )  # fmt: skip
    assert "TopSecret99" not in str(caught.value)
    assert masker.text("401 for TopSecret99") == "401 for ***"
