"""A WebSocket connection of either stream: what is to be told waits in a queue, in order."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from contextlib import suppress

from aiohttp import WSMsgType, web


class Connection:
    """One connection; `None` in its queue ends it."""

    def __init__(self, socket: web.WebSocketResponse, request: web.Request) -> None:
        self.socket, self._request = socket, request
        self.queue: asyncio.Queue[bytes | None] = asyncio.Queue()
        self.is_known = self.is_mute = False

    def drop(self) -> None:
        """Tear it."""
        if self._request.transport is not None:
            self._request.transport.abort()
        self.queue.put_nowait(None)

    async def run(self) -> None:
        """Send what is to be told until it ends."""
        while (content := await self.queue.get()) is not None:
            await self.write(content)

    async def write(self, content: bytes) -> None:
        """Send one message."""
        await self.socket.send_bytes(content)

    async def serve(self, hear: Callable[[str | bytes], None]) -> None:
        """Send what is to be told, and pass on what comes, until it is gone."""
        sending = asyncio.create_task(self.run())
        try:
            async for message in self.socket:
                if message.type in (WSMsgType.TEXT, WSMsgType.BINARY):
                    hear(message.data)
        finally:
            sending.cancel()
            with suppress(asyncio.CancelledError, ConnectionError, RuntimeError):
                await sending


async def accepted(request: web.Request) -> web.WebSocketResponse:
    """Return the socket of a request that is answered by one."""
    socket = web.WebSocketResponse(timeout=0.2, compress=False)
    await socket.prepare(request)
    return socket
