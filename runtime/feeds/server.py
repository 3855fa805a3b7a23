"""`StreamServer`: data as a live stream on this machine, with its faults.

===============================  ========================================================================
``GET /stream`` (WebSocket)      `hello`, then every numbered message from now on, and what time it is
``GET /history?after=N``         what was told after number N, one message a line; ``until``, ``limit``
``GET /hello``                   what the stream is
===============================  ========================================================================

It listens on the loopback address only. Faults of the wire happen once each, to whoever is listening;
the history has what was told (`runtime.feeds.faults`).
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from contextlib import suppress
from itertools import islice
from typing import Final, Self

from aiohttp import WSMsgType, web

from engine.errors import InputError
from engine.ports import Clock
from runtime.feeds import wire
from runtime.feeds.faults import Fault, FaultKind
from runtime.feeds.pace import require_speed
from runtime.feeds.player import Player, Told
from runtime.feeds.tape import Tape

HISTORY_LIMIT: Final = 5_000
LOOPBACK: Final = "127.0.0.1"


class StreamServer:
    """A tape on a port.

    Parameters
    ----------
    tape, clock
        What is told, and by whose time.
    speed
        Seconds of the data in a second; None: as fast as it is taken.
    tick_seconds
        How often time is told when nothing else is.
    port
        0: a free one.
    kept
        How many messages the history goes back; None: all.
    """

    def __init__(
        self,
        tape: Tape,
        clock: Clock,
        *,
        speed: float | None = None,
        tick_seconds: float = 1.0,
        port: int = 0,
        kept: int | None = None,
    ) -> None:
        require_speed(speed)
        self._tape, self._port, self._kept = tape, port, kept
        self._player = Player(tape, clock, speed=speed, tick_seconds=tick_seconds)
        self._faults = _WireFaults(tape)
        self._runner: web.AppRunner | None = None
        self._playing: asyncio.Task[None] | None = None

    @property
    def url(self) -> str:
        """Where a `StreamFeed` connects to."""
        return f"ws://{LOOPBACK}:{self._port}"

    @property
    def head(self) -> int:
        """The number of the last message so far."""
        return self._player.head

    async def __aenter__(self) -> Self:
        await self.start()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.stop()

    async def start(self) -> None:
        """Listen; the tape begins with the first listener."""
        app = web.Application()
        app.router.add_get("/stream", self._stream)
        app.router.add_get("/history", self._history)
        app.router.add_get("/hello", self._hello)
        self._runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.2)
        await self._runner.setup()
        try:
            await web.TCPSite(self._runner, LOOPBACK, self._port).start()
        except OSError as error:
            raise InputError(
                f"port {self._port} cannot be listened at: {error.strerror}",
                remedy="choose another one, or 0 for one that is free",
                code="feed.port",
            ) from None
        self._port = int(self._runner.addresses[0][1])
        self._playing = asyncio.create_task(self._player.play())

    async def stop(self) -> None:
        """Go away, with all connections."""
        if self._playing is not None:
            self._playing.cancel()
            with suppress(asyncio.CancelledError):
                await self._playing
        if self._runner is not None:
            await self._runner.cleanup()

    async def _hello(self, _: web.Request) -> web.Response:
        content = wire.encode(self._tape.hello(self._player.head))
        return web.Response(body=content, content_type="application/json")

    async def _history(self, request: web.Request) -> web.Response:
        wrong = self._faults.history()
        if wrong is not None:
            return wrong
        asked = [request.query.get(name, "") for name in ("after", "until", "limit")]
        if not all(text.isdecimal() or not text for text in asked):
            return web.Response(status=400, text="after, until and limit are whole numbers")
        after, until, limit = (int(text) if text else None for text in asked)
        after = after or 0
        if self._kept is not None and after < self._player.head - self._kept:
            return web.Response(status=410, text=str(self._player.head - self._kept))
        last = min(until or self._player.head, self._player.head)
        count = max(min(limit or HISTORY_LIMIT, HISTORY_LIMIT, last - after), 0)
        lines = [m.content for m in islice(self._tape.messages(after), count)]
        return web.Response(body=b"\n".join(lines), content_type="application/x-ndjson")

    async def _stream(self, request: web.Request) -> web.WebSocketResponse:
        socket = web.WebSocketResponse(timeout=0.2, compress=False)
        await socket.prepare(request)
        listener, head = self._player.listen(), self._player.head
        telling = asyncio.create_task(self._tell(request, socket, head, listener))
        try:
            async for message in socket:
                if message.type is WSMsgType.ERROR:
                    break
        finally:
            self._player.forget(listener)
            telling.cancel()
            with suppress(asyncio.CancelledError, ConnectionError, RuntimeError):
                await telling
        return socket

    async def _tell(
        self,
        request: web.Request,
        socket: web.WebSocketResponse,
        head: int,
        listener: asyncio.Queue[Told | None],
    ) -> None:
        """Tell a listener everything, as the faults have it."""
        line = _Line(self._faults)
        await socket.send_bytes(wire.encode(self._tape.hello(head)))
        while True:
            told = await self._player.hear(listener)
            if told is None:
                await socket.close(message=b"too far behind")
                return
            for content in line.contents(told):
                await socket.send_bytes(content)
            if line.is_torn and request.transport is not None:
                request.transport.abort()
                return


class _WireFaults:
    """The faults of the wire that have not happened yet, by the number of their message."""

    def __init__(self, tape: Tape) -> None:
        self._by_number: dict[int, list[Fault]] = {}
        on_wire = (FaultKind.DUPLICATE, FaultKind.DISORDER, FaultKind.MALFORMED)
        for fault in tape.schedule.of(*on_wire, FaultKind.DISCONNECT, FaultKind.MUTE):
            self._add(tape.number_of_row(fault.at), fault)
        for fault in tape.schedule.of(FaultKind.GAP):
            first = tape.number_of_row(fault.at)
            for number in range(first, first + fault.count):
                self._add(number, fault)
        self._requests = 0
        self._history = tape.schedule.of(FaultKind.HISTORY_ERROR)

    def _add(self, number: int, fault: Fault) -> None:
        self._by_number.setdefault(number, []).append(fault)

    def take(self, number: int) -> list[Fault]:
        """Return what happens to a message, for the first time and the last."""
        return self._by_number.pop(number, [])

    def history(self) -> web.Response | None:
        """Return a wrong answer if this request is to get one."""
        self._requests += 1
        for fault in self._history:
            if fault.at <= self._requests < fault.at + fault.count:
                return _wrong_answer(self._requests)
        return None


def _wrong_answer(number: int) -> web.Response:
    match number % 4:
        case 0:
            return web.Response(status=500, text="sorry")
        case 1:
            return web.Response(status=429, headers={"Retry-After": "0.01"})
        case 2:
            return web.Response(text="<html>bad gateway</html>", content_type="text/html")
        case _:
            return web.Response(body=b'{"type":"bar","se', content_type="application/x-ndjson")


class _Line:
    """What one listener gets of what is told."""

    def __init__(self, faults: _WireFaults) -> None:
        self._faults = faults
        self._held: list[tuple[int, bytes]] = []  # messages to wait for, and content
        self._is_mute = self.is_torn = False

    def contents(self, told: Told) -> Iterable[bytes]:
        number, content = told
        if number is None:
            held, self._held = self._held, []
            return [] if self._is_mute else [*(each for _, each in held), content]
        faults = {fault.kind: fault for fault in self._faults.take(number)}
        if self._is_mute:
            return []
        sent = self._sent(content, faults)
        if sent:
            self._held = [(left - 1, each) for left, each in self._held]
            sent += [each for left, each in self._held if left <= 0]
            self._held = [(left, each) for left, each in self._held if left > 0]
        if FaultKind.DISORDER in faults and sent:
            self._held.append((faults[FaultKind.DISORDER].count, content))
            sent = sent[1:]
        self._is_mute = FaultKind.MUTE in faults
        self.is_torn = FaultKind.DISCONNECT in faults
        return sent

    def _sent(self, content: bytes, faults: dict[FaultKind, Fault]) -> list[bytes]:
        if FaultKind.GAP in faults:
            return []
        if FaultKind.MALFORMED in faults:
            return [content[: len(content) // 2]]
        if FaultKind.DUPLICATE in faults:
            return [content] * (1 + faults[FaultKind.DUPLICATE].count)
        return [content]


async def serve(server: StreamServer) -> None:
    """Run a server until the task is canceled; for a command that does nothing else."""
    async with server:
        await asyncio.Event().wait()
