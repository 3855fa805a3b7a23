"""The rehearsal's own port: faults, the truth, and what the wire has seen. No venue has it."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence

from aiohttp import web

from engine.errors import InputError
from sims.venues.alpaca.books import Books
from sims.venues.alpaca.disturbances import Disturbances
from sims.venues.alpaca.faults import parse_faults
from sims.venues.alpaca.front import Seen
from sims.venues.alpaca.trading_routes import answer
from sims.venues.alpaca.venue_time import VenueTime
from sims.venues.alpaca.words import Json, Record, number_text, time_text


class Control:
    """The calls of the control port.

    Parameters
    ----------
    begin
        Lets the market go on.
    advance_to
        Lets time pass that is moved by hand.
    """

    def __init__(
        self,
        books: Books,
        requests: Sequence[Seen],
        disturbances: Disturbances,
        time: VenueTime,
        begin: Callable[[], None],
        advance_to: Callable[[int], None],
    ) -> None:
        self._books, self._requests, self._disturbances = books, requests, disturbances
        self._time, self._begin, self._advance_to = time, begin, advance_to

    def application(self) -> web.Application:
        """Return them as an application."""
        app = web.Application(middlewares=[_no_browsers])
        app.router.add_get("/_control/books", self._tell_books)
        app.router.add_get("/_control/requests", self._tell_requests)
        app.router.add_get("/_control/faults", self._tell_faults)
        app.router.add_post("/_control/faults", self._add_faults)
        app.router.add_delete("/_control/faults", self._clear_faults)
        app.router.add_post("/_control/begin", self._let_begin)
        app.router.add_post("/_control/advance", self._advance)
        return app

    async def _tell_books(self, request: web.Request) -> web.Response:
        """The truth: cash, positions, orders, executions."""
        told: Record = {
            "time": time_text(self._time.now_ns()),
            "cash": number_text(self._books.cash),
            "positions": {s: number_text(q) for s, q in self._books.positions.items()},
            "orders": [order.record() for order in self._books.orders],
            "executions": [fill.record() for fill in self._books.executions],
        }
        return answer(told)

    async def _tell_requests(self, request: web.Request) -> web.Response:
        """What the wire has seen; bodies as text, keys left out."""
        return answer([_seen(each) for each in self._requests])

    async def _tell_faults(self, request: web.Request) -> web.Response:
        return answer({"waiting": self._disturbances.waiting})

    async def _add_faults(self, request: web.Request) -> web.Response:
        try:
            faults = parse_faults(await request.read(), "body")
            for fault in faults:
                self._disturbances.add(fault)
        except InputError as error:
            return answer({"problem": str(error)}, 422)
        return answer({"added": len(faults)})

    async def _clear_faults(self, request: web.Request) -> web.Response:
        self._disturbances.clear()
        return web.Response(status=204)

    async def _let_begin(self, request: web.Request) -> web.Response:
        self._begin()
        return web.Response(status=204)

    async def _advance(self, request: web.Request) -> web.Response:
        """Seconds of the venue's time, where it is moved by hand."""
        text = request.query.get("seconds", "")
        if not self._time.is_by_hand:
            return answer({"problem": "its time passes by itself"}, 422)
        if not text.isdecimal():
            return answer({"problem": "seconds is a whole number"}, 422)
        self._advance_to(self._time.now_ns() + int(text) * 10**9)
        return web.Response(status=204)


@web.middleware
async def _no_browsers(
    request: web.Request, handler: Callable[[web.Request], Awaitable[web.StreamResponse]]
) -> web.StreamResponse:
    """Refuse what a page in a browser sends: any page could."""
    if "Origin" in request.headers:
        return answer({"problem": "this port is not for pages"}, 403)
    return await handler(request)


def _seen(each: Seen) -> Json:
    query: Record = dict(each.query)
    return {
        "number": each.number,
        "operation": each.operation,
        "method": each.method,
        "path": each.path,
        "query": query,
        "body": each.body.decode(errors="replace"),
        "status": each.status,
    }
