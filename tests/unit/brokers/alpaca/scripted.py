"""A venue on loopback that answers as a test says, and counts what reaches it."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any, Self

from aiohttp import WSMsgType, web

from brokers.alpaca.broker import AlpacaBroker, Settings
from brokers.alpaca.client import Deadlines, Keys
from brokers.alpaca.environments import rehearsal
from engine.approved import RiskApproved
from engine.model.orders import OrderFlag, OrderType, TimeInForce
from runtime.clocks import SystemClock
from tests.unit.brokers.alpaca.messages import ACCOUNT, INSTRUMENTS, encode

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]
KEYS = Keys("KEY-1234", "SECRET-5678")
QUICK = Deadlines(order=5.0, question=5.0, stream=5.0, look=0.0, heartbeat=5.0, mute=0.3)
HASTY = Deadlines(
    order=0.4, question=0.3, stream=0.3, look=0.0, heartbeat=5.0
)  # where it is waited in vain
AUTHORIZED = encode({"stream": "authorization", "data": {"status": "authorized"}})
LISTENING = encode({"stream": "listening", "data": {"streams": ["trade_updates"]}})


def answer(status: int, body: Any = b"", **headers: str) -> Handler:
    """Return a handler that answers so; what is not bytes goes out as JSON."""
    content = body if isinstance(body, bytes) else encode(body)

    async def handle(request: web.Request) -> web.StreamResponse:
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        return web.Response(status=status, body=content, headers=named)

    return handle


class ScriptedVenue:
    """See the module. Requests are noted as ``METHOD /path?query`` with their bodies."""

    def __init__(self) -> None:
        self.requests: list[str] = []
        self.bodies: list[bytes] = []
        self.heard: list[bytes] = []  # what was said on the stream
        self.said = [AUTHORIZED, LISTENING]  # one after each of what is heard
        self.streams: list[web.WebSocketResponse] = []
        self.elsewhere = ""  # where the stream is said to be
        self.handlers: dict[str, Handler] = {"GET /v2/account": answer(200, ACCOUNT)}

    def count(self, method: str) -> int:
        return sum(each.startswith(method + " ") for each in self.requests)

    async def __aenter__(self) -> Self:
        app = web.Application()
        app.router.add_get("/stream", self._stream)
        app.router.add_route("*", "/{path:.*}", self._handle)
        self._runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.1)
        await self._runner.setup()
        site = web.TCPSite(self._runner, "127.0.0.1", 0)
        await site.start()
        self.url = f"http://127.0.0.1:{self._runner.addresses[0][1]}"
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._runner.cleanup()

    async def _handle(self, request: web.Request) -> web.StreamResponse:
        self.requests.append(f"{request.method} {request.path_qs}")
        self.bodies.append(await request.read())
        handler = self.handlers.get(f"{request.method} {request.path}") or self.handlers.get("*")
        handler = handler or answer(404, {"code": 40410000, "message": "not found"})
        return await handler(request)

    async def _stream(self, request: web.Request) -> web.StreamResponse:
        if self.elsewhere:
            raise web.HTTPFound(self.elsewhere)
        socket = web.WebSocketResponse()
        await socket.prepare(request)
        self.streams.append(socket)
        said = list(self.said)
        async for message in socket:
            if message.type is WSMsgType.TEXT:
                self.heard.append(message.data.encode())
            if said and (words := said.pop(0)):
                await socket.send_bytes(words)
        return socket

    async def say(self, frame: bytes) -> None:
        """Say something on the newest stream."""
        await self.streams[-1].send_bytes(frame)


def broker_of(venue: ScriptedVenue, **keys: Any) -> AlpacaBroker:
    """Return a broker of the venue."""
    settings = Settings(**({"deadlines": QUICK} | keys))
    return AlpacaBroker(rehearsal(venue.url), KEYS, INSTRUMENTS, SystemClock(), settings)


def approved(**fields: Any) -> RiskApproved:
    """Return an order: ten AAPL at 180.50, for the day."""
    terms: dict[str, Any] = {
        "order_id": 1,
        "instrument": 0,
        "side": 1,
        "order_type": OrderType.LIMIT,
        "time_in_force": TimeInForce.DAY,
        "quantity_lots": 10,
        "limit_ticks": 18050,
        "stop_ticks": 0,
        "trail_ticks": 0,
        "trail_ppm": 0,
        "expires_ns": 0,
        "flags": OrderFlag.NONE,
        "parent_id": 0,
        "group_id": 0,
    }
    return RiskApproved(**(terms | fields))


def run(story: Awaitable[Any]) -> Any:
    """Run a story, which must end soon."""

    async def bounded() -> Any:
        async with asyncio.timeout(20):
            return await story

    return asyncio.run(bounded())
