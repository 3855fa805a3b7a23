"""What stands before the handlers: who asks, how often, and what the wire has seen."""

from __future__ import annotations

from collections import deque
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Final

from aiohttp import web

from sims.venues.alpaca.budget import Budget
from sims.venues.alpaca.faults import OF_ANSWERS, Fault, FaultKind
from sims.venues.alpaca.reading import LAG
from sims.venues.alpaca.refusals import TOO_MANY, UNAUTHORIZED, Refusal
from sims.venues.alpaca.settings import VenueSettings
from sims.venues.alpaca.trading_routes import answer
from sims.venues.alpaca.words import identity
from sims.venues.alpaca.wrong_answers import wrong_answer

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]
_REMEMBERED: Final = 100_000
_DATA: Final = ("/v2/stocks", "/v1beta3/")


@dataclass(slots=True)
class Seen:
    """One request as the wire saw it; `status` 0: it was never answered."""

    number: int
    operation: str
    method: str
    path: str
    query: dict[str, str]
    body: bytes
    headers: dict[str, str] = field(default_factory=dict)
    status: int = 0


class Front:
    """The way of every request to its handler.

    Parameters
    ----------
    trading, data
        How many requests of each interface are answered.
    disturb
        Returns what goes wrong with the answer to an operation.
    """

    def __init__(
        self,
        settings: VenueSettings,
        trading: Budget,
        data: Budget,
        disturb: Callable[[str], list[Fault]],
    ) -> None:
        self._settings, self._trading, self._data = settings, trading, data
        self._disturb = disturb
        self.requests: deque[Seen] = deque(maxlen=_REMEMBERED)
        self._count = 0

    @web.middleware
    async def pass_through(self, request: web.Request, handler: Handler) -> web.StreamResponse:
        """Answer one request."""
        if request.headers.get("Upgrade", "").lower() == "websocket":
            return await handler(request)
        seen = await self._note(request)
        response = await self._disturbed(request, handler, seen.operation)
        if request.transport is not None and not request.transport.is_closing():
            response.headers["X-Request-ID"] = identity("request", str(seen.number))
            seen.status = response.status
        return response

    async def _disturbed(
        self, request: web.Request, handler: Handler, operation: str
    ) -> web.StreamResponse:
        """Answer as the faults have it."""
        faults = self._disturb(operation)
        LAG.set(max((each.lag for each in faults if each.kind is FaultKind.STALE), default=0))
        faults = [each for each in faults if each.kind is not FaultKind.STALE]
        for fault in faults:
            if fault.kind in OF_ANSWERS and not fault.after:
                return await wrong_answer(request, fault, None)
        response = await self._answered(request, handler)
        for fault in faults:
            response = await wrong_answer(request, fault, response)
        return response

    async def _note(self, request: web.Request) -> Seen:
        headers = {name: text for name, text in request.headers.items() if "SECRET" not in name}
        self._count += 1
        seen = Seen(
            self._count,
            request.match_info.route.name or "unknown",
            request.method,
            request.path,
            dict(request.query),
            await request.read(),
            headers,
        )
        self.requests.append(seen)
        return seen

    async def _answered(self, request: web.Request, handler: Handler) -> web.StreamResponse:
        is_data = request.path.startswith(_DATA)
        if not self._is_known(request):
            if is_data:
                return answer({"message": "forbidden."}, 403)
            return answer({"code": UNAUTHORIZED, "message": "request is not authorized"}, 401)
        budget = self._data if is_data else self._trading
        has_room = budget.take()
        response = await self._handled(request, handler) if has_room else _too_many()
        response.headers.update(budget.headers())
        return response

    async def _handled(self, request: web.Request, handler: Handler) -> web.StreamResponse:
        try:
            return await handler(request)
        except Refusal as refusal:
            return answer(refusal.body(), refusal.status)
        except web.HTTPException as wrong:  # no such path or method
            return answer({"code": 40410000, "message": wrong.reason}, wrong.status)

    def _is_known(self, request: web.Request) -> bool:
        shown = (
            request.headers.get("APCA-API-KEY-ID"),
            request.headers.get("APCA-API-SECRET-KEY"),
        )
        return shown == (self._settings.key_id, self._settings.secret_key)


def _too_many() -> web.Response:
    return answer({"code": TOO_MANY, "message": "too many requests."}, 429)
