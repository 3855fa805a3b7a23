"""The order stream: who we are, what we want to hear, then messages until the connection is gone.

Paper sends JSON in binary frames, live in text; both are read. Pings go out by themselves; a connection
whose pings are not answered is gone. The venue repeats nothing after a gap, so every end is told.
"""

from __future__ import annotations

import asyncio

import aiohttp
import msgspec

from brokers.alpaca import wire
from brokers.alpaca.client import AlpacaClient, Keys, Redirected
from engine.errors import VenueError

TRADE_UPDATES = "trade_updates"
_FRAMES = (aiohttp.WSMsgType.TEXT, aiohttp.WSMsgType.BINARY)


class OrderStream:
    """An open stream that listens; see `open_stream`."""

    def __init__(self, socket: aiohttp.ClientWebSocketResponse, keys: Keys) -> None:
        self._socket, self._keys = socket, keys

    async def receive(self, seconds: float | None = None) -> bytes:
        """Return the next frame, without our secrets.

        Raises
        ------
        TimeoutError
            If none comes in time; the stream stays open.
        VenueError
            If it has ended.
        """
        message = await self._socket.receive(timeout=seconds)
        if message.type in _FRAMES:
            data: str | bytes = message.data
            return self._keys.masked(data.encode() if isinstance(data, str) else data)
        why = self._socket.exception() or f"closed with {self._socket.close_code}"
        raise VenueError(f"the order stream has ended: {why}")

    async def close(self) -> None:
        """End it; whoever waits for a frame is told."""
        await self._socket.close()


async def open_stream(client: AlpacaClient) -> OrderStream:
    """Return a stream that has confirmed that it listens to our orders.

    Raises
    ------
    VenueError
        If it does not in time. One that refuses our keys, and one that says nothing, are told apart.
    """
    seconds, url = client.deadlines.stream, client.urls.order_stream
    try:
        async with asyncio.timeout(seconds):
            return await _open(client, url)
    except TimeoutError:
        raise VenueError(
            f"the order stream at {url} does not listen within {seconds:g} s"
        ) from None
    except aiohttp.WSServerHandshakeError as error:
        raise VenueError(
            f"the order stream at {url} refuses the connection with {error.status}",
            is_authorization=error.status in (401, 403),
        ) from None
    except (aiohttp.ClientError, OSError) as error:
        raise VenueError(
            f"the order stream at {url} cannot be reached: {error}",
            is_authorization=isinstance(error, aiohttp.ClientSSLError | Redirected),
        ) from None


async def _open(client: AlpacaClient, url: str) -> OrderStream:
    socket = await client.session.ws_connect(
        url, heartbeat=client.deadlines.heartbeat, max_msg_size=0
    )
    stream = OrderStream(socket, client.keys)
    try:
        await _authorize(client, socket, stream)
        await _listen(socket, stream)
    except BaseException:
        await socket.close()
        raise
    return stream


async def _authorize(
    client: AlpacaClient, socket: aiohttp.ClientWebSocketResponse, stream: OrderStream
) -> None:
    keys = {"key_id": client.keys.key_id, "secret_key": client.keys.secret}
    await _say(socket, {"action": "authenticate", "data": keys})
    while True:
        message = await _message(stream)
        if isinstance(message, wire.Authorization):
            break
    if message.status != "authorized":
        raise VenueError(
            f"the order stream says that we are {message.status}", is_authorization=True
        )


async def _listen(socket: aiohttp.ClientWebSocketResponse, stream: OrderStream) -> None:
    await _say(socket, {"action": "listen", "data": {"streams": [TRADE_UPDATES]}})
    while True:
        message = await _message(stream)
        if isinstance(message, wire.Listening):
            break
    if TRADE_UPDATES not in message.streams:
        raise VenueError(f"the order stream tells {message.streams}, not {TRADE_UPDATES}")


async def _say(socket: aiohttp.ClientWebSocketResponse, message: object) -> None:
    await socket.send_str(msgspec.json.encode(message).decode())


async def _message(stream: OrderStream) -> wire.StreamMessage:
    frame = await stream.receive()
    try:
        return wire.decode_stream(frame)
    except wire.Unreadable as error:
        raise VenueError(f"the order stream cannot be read: {error}") from None
