"""The market data streams: JSON, or msgpack for who asks for it; what is subscribed to, as it is shown."""

from __future__ import annotations

import asyncio
import struct
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from typing import Any, Final

import msgspec
from aiohttp import web

from engine.model import layout as at
from engine.model.units import NS_PER_HOUR, NS_PER_SECOND
from sims.venues.alpaca.bars import bar_of, day_start
from sims.venues.alpaca.connection import Connection, accepted
from sims.venues.alpaca.exchange import Exchange
from sims.venues.alpaca.faults import Schedule
from sims.venues.alpaca.line import Line
from sims.venues.alpaca.market import Row
from sims.venues.alpaca.orders import Asset
from sims.venues.alpaca.quoting import (
    Stamp,
    bar_record,
    book_record,
    quote_record,
    status_record,
    trade_record,
)
from sims.venues.alpaca.settings import VenueSettings
from sims.venues.alpaca.words import Record, time_text

CHANNELS: Final = ("trades", "quotes", "bars", "updatedBars", "dailyBars", "statuses", "lulds")
CRYPTO_CHANNELS: Final = ("trades", "quotes", "bars", "updatedBars", "dailyBars", "orderbooks")
FEEDS: Final = ("iex", "sip", "delayed_sip", "otc", "test")
_WITH_TRADES: Final = ("corrections", "cancelErrors")
_QUEUE_MAX: Final = 10_000
_AUTH_SECONDS: Final = 10.0
_LETTERS: Final = {
    "trades": "t",
    "quotes": "q",
    "bars": "b",
    "dailyBars": "d",
    "statuses": "s",
    "orderbooks": "o",
}
_ERRORS: Final = {
    400: "invalid syntax",
    401: "not authenticated",
    402: "auth failed",
    403: "already authenticated",
    404: "auth timeout",
    405: "symbol limit exceeded",
    406: "connection limit exceeded",
    407: "slow client",
    410: "invalid subscribe action for this feed",
}


def packed_time(ns: int) -> Any:
    """Return a time as msgpack's Timestamp extension, 96 bits: nanoseconds, then seconds."""
    seconds, rest = divmod(ns, NS_PER_SECOND)
    return msgspec.msgpack.Ext(-1, struct.pack(">Iq", rest, seconds))


class Subscriber(Connection):
    """One connection."""

    def __init__(self, socket: web.WebSocketResponse, request: web.Request) -> None:
        super().__init__(socket, request)
        self.is_crypto = "crypto" in request.path
        self.feed = request.path
        self.is_packed = request.headers.get("Content-Type") == "application/msgpack"
        self._stamp: Stamp = packed_time if self.is_packed else time_text
        self.channels: dict[str, list[str]] = {
            name: [] for name in (CRYPTO_CHANNELS if self.is_crypto else CHANNELS)
        }

    def wants(self, channel: str, symbol: str) -> bool:
        """Return whether it has subscribed to something."""
        chosen = self.channels.get(channel, ())
        return symbol in chosen or "*" in chosen

    def send(self, messages: list[Record]) -> None:
        """Tell it something soon, in order; who is too slow is let go."""
        if self.is_mute:
            return
        if self.queue.qsize() >= _QUEUE_MAX:
            self.fail(407)
            return
        encode = msgspec.msgpack.encode if self.is_packed else msgspec.json.encode
        self.queue.put_nowait(encode([self._stamped(each) for each in messages]))

    def _stamped(self, message: Record) -> Record:
        """Return a message with its time written as it wants it."""
        ns = message.get("t")
        return message | {"t": self._stamp(ns)} if isinstance(ns, int) else message

    def error(self, code: int) -> None:
        """Tell it what is wrong."""
        self.send([{"T": "error", "code": code, "msg": _ERRORS[code]}])

    def fail(self, code: int) -> None:
        """Tell it what is wrong, and close."""
        if code == 407:
            self.queue = asyncio.Queue()
        self.error(code)
        self.queue.put_nowait(None)

    async def run(self) -> None:
        """Send what is to be told until it ends, and close."""
        await super().run()
        await self.socket.close()

    async def write(self, content: bytes) -> None:
        """Send one message, in its kind of frame."""
        if self.is_packed:
            await self.socket.send_bytes(content)
        else:
            await self.socket.send_str(content.decode())

    def subscription(self) -> Record:
        """Return what it has subscribed to; corrections come with prints."""
        told: Record = {"T": "subscription"}
        told |= {name: list(symbols) for name, symbols in self.channels.items()}
        if not self.is_crypto:
            told |= {name: list(self.channels["trades"]) for name in _WITH_TRADES}
        return told


class DataStream:
    """The connections of the market data streams.

    Parameters
    ----------
    begin
        Called when somebody has subscribed.
    """

    def __init__(
        self,
        exchange: Exchange,
        settings: VenueSettings,
        schedule: Schedule,
        begin: Callable[[], None],
    ) -> None:
        self._exchange, self._settings, self._begin = exchange, settings, begin
        self._line = Line(schedule, "data_stream")
        self.subscribers: list[Subscriber] = []

    def add_to(self, router: web.UrlDispatcher) -> None:
        """Add all paths."""
        for feed in FEEDS:
            router.add_get(f"/v2/{feed}", self._connect)
        router.add_get("/v1beta3/crypto/us", self._connect)

    def publish(self, row: Row) -> None:
        """Tell an event of the market to all who have subscribed to it."""
        if row[at.EVENT_INSTRUMENT] < 0:
            return
        asset = self._exchange.assets[row[at.EVENT_INSTRUMENT]]
        for channel in _channels(asset, row):
            wanting = [
                each
                for each in self.subscribers
                if each.is_crypto == asset.is_crypto and each.wants(channel, asset.symbol)
            ]
            if not wanting:
                continue
            self._send(_message(asset, row, channel), wanting)

    def revise(self, asset: Asset, message: Record) -> None:
        """Tell all who have subscribed to prints that one was corrected, or taken back."""
        wanting = [each for each in self.subscribers if each.wants("trades", asset.symbol)]
        self._send(message, [each for each in wanting if not each.is_crypto])

    def _send(self, message: Record, wanting: Sequence[Subscriber]) -> None:
        messages = self._line.passed(message)
        for each in wanting:
            for one in messages:
                each.send([one])
            each.is_mute |= self._line.mutes
        if self._line.tears:
            self.drop_all()

    def drop_all(self) -> None:
        """Tear all connections."""
        for each in self.subscribers:
            each.drop()

    async def _connect(self, request: web.Request) -> web.WebSocketResponse:
        socket = await accepted(request)
        one = Subscriber(socket, request)
        one.send([{"T": "success", "msg": "connected"}])
        self.subscribers.append(one)
        impatient = asyncio.get_running_loop().call_later(_AUTH_SECONDS, self._lose_patience, one)
        try:
            await one.serve(lambda content: self._hear(one, content))
        finally:
            impatient.cancel()
            self.subscribers.remove(one)
        return socket

    def _lose_patience(self, one: Subscriber) -> None:
        if not one.is_known:
            one.fail(404)

    def _hear(self, one: Subscriber, content: str | bytes) -> None:
        wish = _decoded(content)
        match wish.pop("action", ""):
            case "auth":
                self._let_in(one, wish)
            case "subscribe" | "unsubscribe" if not one.is_known:
                one.error(401)
            case "subscribe":
                self._subscribe(one, wish)
            case "unsubscribe":
                for channel, chosen in one.channels.items():
                    left_out = wish.get(channel) or ()
                    one.channels[channel] = [each for each in chosen if each not in left_out]
                one.send([one.subscription()])
            case _:
                one.error(400)

    def _let_in(self, one: Subscriber, wish: Mapping[str, Any]) -> None:
        others = [each for each in self.subscribers if each.is_known and each.feed == one.feed]
        if one.is_known:
            one.error(403)
        elif (wish.get("key"), wish.get("secret")) != (
            self._settings.key_id,
            self._settings.secret_key,
        ):
            one.fail(402)
        elif len(others) >= self._settings.data_connections:
            one.fail(406)
        else:
            one.is_known = True
            one.send([{"T": "success", "msg": "authenticated"}])

    def _subscribe(self, one: Subscriber, wish: Mapping[str, Any]) -> None:
        unknown = [name for name in wish if name not in (*one.channels, *_WITH_TRADES)]
        if unknown or not all(isinstance(symbols, list) for symbols in wish.values()):
            one.error(410 if unknown else 400)
            return
        chosen = {
            name: list(dict.fromkeys([*symbols, *wish.get(name, ())]))
            for name, symbols in one.channels.items()
        }
        if any(len(symbols) > self._settings.data_symbols for symbols in chosen.values()):
            one.error(405)
            return
        one.channels = chosen
        one.send([one.subscription()])
        self._begin()


def _decoded(content: str | bytes) -> dict[str, Any]:
    """Return a wish: msgpack, or JSON in either kind of frame; what is neither is empty."""
    wish: object = None
    if isinstance(content, bytes):
        with suppress(msgspec.DecodeError):
            wish = msgspec.msgpack.decode(content)
    if not isinstance(wish, dict):
        with suppress(msgspec.DecodeError):
            wish = msgspec.json.decode(content)
    return wish if isinstance(wish, dict) else {}


def _channels(asset: Asset, row: Row) -> tuple[str, ...]:
    """Return where an event is told: bars up to an hour long as minute bars, longer ones as those of days."""
    match row[at.EVENT_KIND]:
        case at.KIND_QUOTE:
            return ("quotes", "orderbooks") if asset.is_crypto else ("quotes",)
        case at.KIND_TRADE:
            return ("trades",)
        case at.KIND_BAR if row[at.EVENT_TS] - row[at.BAR_OPEN_TS] <= NS_PER_HOUR:
            return ("bars",)
        case at.KIND_BAR:
            return ("dailyBars",)
        case at.KIND_HALT | at.KIND_RESUME if not asset.is_crypto:
            return ("statuses",)
    return ()


def _message(asset: Asset, row: Row, channel: str) -> Record:
    """Return what is told of an event; its time is still in ns."""
    stamp: Stamp = int
    head: Record = {"T": _LETTERS[channel], "S": asset.symbol}
    match channel:
        case "quotes":
            return head | quote_record(asset, row, stamp)
        case "orderbooks":
            return head | book_record(asset, row, stamp)
        case "trades":
            return head | trade_record(asset, row, stamp)
        case "statuses":
            return head | status_record(asset, row, stamp)
    bar = bar_of(row)
    if channel == "dailyBars":
        bar.start_ns = day_start(asset, bar.start_ns)
    return head | bar_record(asset, bar, stamp)
