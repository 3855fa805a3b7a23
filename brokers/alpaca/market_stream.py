"""The market data stream: who we are, what we want to hear, then messages until the connection is gone.

The venue repeats nothing after a gap, and lets one connection at a time have a feed: what was missed is
read from the history, and a refusal because of another connection is one to wait out.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import aiohttp
import msgspec

from brokers.alpaca.client import AlpacaClient, Redirected
from brokers.alpaca.data_paths import CRYPTO, stream_path
from brokers.alpaca.market_wire import (
    MarketMessage,
    Problem,
    Subscription,
    Success,
    decode_frame,
)
from engine.errors import VenueError

_FRAMES: Final = (aiohttp.WSMsgType.TEXT, aiohttp.WSMsgType.BINARY)
_AUTHORIZATION: Final = frozenset({401, 402, 409})
# Asking for the same again cannot help: syntax, too many symbols, a channel that the feed has not.
_HOPELESS: Final = frozenset({400, 405, 410})


class StreamRefused(VenueError):
    """The stream refuses what is asked of it, and would again."""


@dataclass(frozen=True, slots=True)
class Wish:
    """What is to be heard.

    Parameters
    ----------
    feed
        ``iex`` or ``sip`` of shares, or `CRYPTO`.
    is_daily
        Days instead of minutes.
    has_bars, has_quotes, has_trades
        What of them. With prints come their corrections.
    """

    symbols: tuple[str, ...]
    feed: str = "iex"
    is_daily: bool = False
    has_bars: bool = True
    has_quotes: bool = False
    has_trades: bool = False

    @property
    def channels(self) -> dict[str, Sequence[str]]:
        """The channels with what is wanted of each."""
        bars = ("dailyBars",) if self.is_daily else ("bars", "updatedBars")
        names = [*(bars if self.has_bars else ())]
        names += ["statuses"] * (self.feed != CRYPTO)  # of coins it tells none
        names += ["quotes"] * self.has_quotes + ["trades"] * self.has_trades
        return dict.fromkeys(names, self.symbols)

    def lacks(self, told: Subscription) -> list[str]:
        """Return what is wanted and will not be told."""
        bars = told.day_bars if self.is_daily else told.bars
        wanted = (
            ("bars", self.has_bars, bars),
            ("quotes", self.has_quotes, told.quotes),
            ("trades", self.has_trades, told.trades),
        )
        return [
            f"{name} of {symbol}"
            for name, is_wanted, symbols in wanted
            for symbol in self.symbols
            if is_wanted and symbol not in symbols
        ]


class MarketStream:
    """An open stream that tells what was wished; see `open_market_stream`."""

    def __init__(self, socket: aiohttp.ClientWebSocketResponse) -> None:
        self._socket = socket
        self.is_silent = True  # nothing has come since somebody set it

    async def receive(self, seconds: float) -> list[MarketMessage]:
        """Return the messages of the next frame; none if none comes in time.

        Raises
        ------
        VenueError
            If it has ended, or says that it will.
        """
        try:
            message = await self._socket.receive(timeout=max(seconds, 0.0))
        except TimeoutError:
            return []
        if message.type not in _FRAMES:
            why = self._socket.exception() or f"closed with {self._socket.close_code}"
            raise VenueError(f"the market data stream has ended: {why}")
        self.is_silent = False
        data: str | bytes = message.data
        found = decode_frame(data.encode() if isinstance(data, str) else data)
        for each in found:
            if isinstance(each, Problem):
                raise refusal(each)
        return found

    async def close(self) -> None:
        """End it; whoever waits for a frame is told."""
        await self._socket.close()


def refusal(problem: Problem) -> VenueError:
    """Return what an error of the stream means."""
    text = f"the market data stream says {problem.code} {problem.text!r}"
    if problem.code in _HOPELESS:
        return StreamRefused(text)
    return VenueError(text, is_authorization=problem.code in _AUTHORIZATION)


async def open_market_stream(client: AlpacaClient, wish: Wish) -> MarketStream:
    """Return a stream that has confirmed that it tells what is wished.

    Raises
    ------
    VenueError
        If it does not in time. One that refuses our keys, and one that says nothing, are told apart.
    """
    seconds, url = client.deadlines.stream, client.urls.data_stream + stream_path(wish.feed)
    try:
        async with asyncio.timeout(seconds):
            return await _open(client, url, wish)
    except TimeoutError:
        raise VenueError(f"the stream at {url} does not listen within {seconds:g} s") from None
    except aiohttp.WSServerHandshakeError as error:
        raise VenueError(
            f"the stream at {url} refuses the connection with {error.status}",
            is_authorization=error.status in (401, 403),
        ) from None
    except (aiohttp.ClientError, OSError) as error:
        raise VenueError(
            f"the stream at {url} cannot be reached: {error}",
            is_authorization=isinstance(error, aiohttp.ClientSSLError | Redirected),
        ) from None


async def _open(client: AlpacaClient, url: str, wish: Wish) -> MarketStream:
    socket = await client.session.ws_connect(
        url, heartbeat=client.deadlines.heartbeat, max_msg_size=0
    )
    stream, seconds = MarketStream(socket), client.deadlines.stream
    try:
        await _hear(stream, "connected", seconds)
        keys = client.keys
        await _say(socket, {"action": "auth", "key": keys.key_id, "secret": keys.secret})
        await _hear(stream, "authenticated", seconds)
        await _say(socket, {"action": "subscribe", **wish.channels})
        await _hear_subscription(stream, wish, seconds)
    except BaseException:
        await socket.close()
        raise
    return stream


async def _hear(stream: MarketStream, word: str, seconds: float) -> None:
    while Success(word) not in await stream.receive(seconds):
        pass


async def _hear_subscription(stream: MarketStream, wish: Wish, seconds: float) -> None:
    while True:
        for each in await stream.receive(seconds):
            if isinstance(each, Subscription):
                if missing := wish.lacks(each):
                    raise StreamRefused(f"the stream does not tell {', '.join(missing)}")
                return


async def _say(socket: aiohttp.ClientWebSocketResponse, message: object) -> None:
    await socket.send_str(msgspec.json.encode(message).decode())
