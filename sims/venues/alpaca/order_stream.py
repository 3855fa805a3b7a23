"""The order stream: what happens to orders, told once, to whoever listens then."""

from __future__ import annotations

import json
from typing import Any, Final

import msgspec
from aiohttp import web

from sims.venues.alpaca.connection import Connection, accepted
from sims.venues.alpaca.faults import Schedule
from sims.venues.alpaca.happenings import Happening
from sims.venues.alpaca.line import Line
from sims.venues.alpaca.settings import VenueSettings
from sims.venues.alpaca.words import Json

STREAM: Final = "trade_updates"


class Listener(Connection):
    """One connection."""

    listens = False

    def send(self, body: Json) -> None:
        """Tell it something soon, in order."""
        if not self.is_mute:
            self.queue.put_nowait(msgspec.json.encode(body))


class OrderStream:
    """The connections of the order stream."""

    def __init__(self, settings: VenueSettings, schedule: Schedule) -> None:
        self._settings = settings
        self._line = Line(schedule, "order_stream")
        self.listeners: list[Listener] = []

    def tell(self, happening: Happening) -> None:
        """Tell all who listen, as the faults of the stream have it."""
        messages = self._line.passed({"stream": STREAM, "data": happening.payload()})
        for listener in self.listeners:
            if listener.listens:
                for message in messages:
                    listener.send(message)
                listener.is_mute |= self._line.mutes
        if self._line.tears:
            self.drop_all()

    def drop_all(self) -> None:
        """Tear all connections."""
        for listener in self.listeners:
            listener.drop()

    async def connect(self, request: web.Request) -> web.WebSocketResponse:
        """Serve one connection until it ends."""
        socket = await accepted(request)
        listener = Listener(socket, request)
        self.listeners.append(listener)
        try:
            await listener.serve(lambda content: self._hear(listener, content))
        finally:
            self.listeners.remove(listener)
        return socket

    def _hear(self, listener: Listener, content: str | bytes) -> None:
        try:
            wish = json.loads(content)
        except ValueError:
            return
        match wish:
            case {"action": "authenticate", "data": dict(data)}:
                self._let_in(listener, data.get("key_id"), data.get("secret_key"))
            case {"action": "auth", "key": key, "secret": secret}:
                self._let_in(listener, key, secret)
            case {"action": "listen", "data": {"streams": list(streams)}}:
                self._listen(listener, streams)

    def _let_in(self, listener: Listener, key: Any, secret: Any) -> None:
        known = self._settings.key_id, self._settings.secret_key
        listener.is_known = (key, secret) == known
        status = "authorized" if listener.is_known else "unauthorized"
        listener.send(
            {"stream": "authorization", "data": {"status": status, "action": "authenticate"}}
        )

    def _listen(self, listener: Listener, streams: list[Any]) -> None:
        if not listener.is_known:
            data: Json = {"status": "unauthorized", "action": "listen"}
            listener.send({"stream": "authorization", "data": data})
            return
        listener.listens = STREAM in streams
        known: list[Json] = [STREAM] if listener.listens else []
        listener.send({"stream": "listening", "data": {"streams": known}})
