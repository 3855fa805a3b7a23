"""The trading interface: one function a call."""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable
from datetime import date
from decimal import Decimal, InvalidOperation
from typing import Any

import msgspec
from aiohttp import web

from sims.venues.alpaca.account import (
    account_record,
    configuration_record,
    portfolio_record,
    position_record,
)
from sims.venues.alpaca.cash import page_of_cash
from sims.venues.alpaca.desk import Desk
from sims.venues.alpaca.exchange import Exchange
from sims.venues.alpaca.orders import Asset, Order
from sims.venues.alpaca.reading import View, orders_asked, page_of_activities
from sims.venues.alpaca.refusals import malformed, not_found
from sims.venues.alpaca.tickets import read_change, read_ticket
from sims.venues.alpaca.words import Json

Handler = Callable[[web.Request], Awaitable[web.Response]]


def answer(body: Json, status: int = 200) -> web.Response:
    """Return a body as JSON."""
    return web.Response(
        body=msgspec.json.encode(body), status=status, content_type="application/json"
    )


class TradingRoutes:
    """The calls of the trading interface.

    Parameters
    ----------
    clock_offset_ns
        By how much the clock that the venue tells is wrong.
    """

    def __init__(self, exchange: Exchange, clock_offset_ns: Callable[[], int]) -> None:
        self._exchange, self._desk = exchange, Desk(exchange)
        self._clock_offset_ns = clock_offset_ns

    def add_to(self, router: web.UrlDispatcher) -> None:
        """Add all routes; their names are those of operations in a schedule of faults."""
        for method, path, handler, name in (
            ("GET", "/v2/account", self._account, "account"),
            ("GET", "/v2/account/configurations", self._configurations, "configurations"),
            ("PATCH", "/v2/account/configurations", self._configure, "configure"),
            ("GET", "/v2/account/portfolio/history", self._portfolio, "portfolio"),
            ("GET", "/v2/account/activities", self._activities, "activities"),
            ("GET", "/v2/account/activities/{kind}", self._activities, "activities_of_kind"),
            ("GET", "/v2/clock", self._clock, "clock"),
            ("GET", "/v2/calendar", self._calendar, "calendar"),
            ("GET", "/v2/assets", self._assets, "assets"),
            ("GET", "/v2/assets/{symbol:.+}", self._asset, "asset"),
            ("POST", "/v2/orders", self._submit, "submit"),
            ("GET", "/v2/orders", self._orders, "orders"),
            ("DELETE", "/v2/orders", self._cancel_all, "cancel_all"),
            (
                "GET",
                "/v2/orders:by_client_order_id",
                self._order_by_client_id,
                "order_by_client_id",
            ),
            ("GET", "/v2/orders/{id}", self._order, "order"),
            ("PATCH", "/v2/orders/{id}", self._replace, "replace"),
            ("DELETE", "/v2/orders/{id}", self._cancel, "cancel"),
            ("GET", "/v2/positions", self._positions, "positions"),
            ("DELETE", "/v2/positions", self._close_all, "close_all"),
            ("GET", "/v2/positions/{symbol:.+}", self._position, "position"),
            ("DELETE", "/v2/positions/{symbol:.+}", self._close, "close"),
        ):
            router.add_route(method, path, handler, name=name)

    # --- account and reference -------------------------------------------------------------------
    async def _account(self, request: web.Request) -> web.Response:
        return answer(account_record(self._exchange))

    async def _configurations(self, request: web.Request) -> web.Response:
        return answer(configuration_record(self._exchange))

    async def _configure(self, request: web.Request) -> web.Response:
        body = await read_json(request)
        if not isinstance(body, dict):
            raise malformed("request body format is invalid")
        if isinstance(body.get("suspend_trade"), bool):
            self._exchange.is_suspended = body["suspend_trade"]
        if isinstance(body.get("no_shorting"), bool):
            self._exchange.no_shorting = body["no_shorting"]
        return answer(configuration_record(self._exchange))

    async def _portfolio(self, request: web.Request) -> web.Response:
        return answer(portfolio_record(self._exchange, request.query.get("timeframe", "1D")))

    async def _activities(self, request: web.Request) -> web.Response:
        kinds = request.match_info.get("kind") or request.query.get("activity_types") or "FILL"
        is_no_trade = request.query.get("category") == "non_trade_activity"
        if is_no_trade or "FILL" not in kinds.split(","):
            asked = {**request.query, "activity_types": "" if is_no_trade else kinds}
            return answer([*page_of_cash(self._exchange.cash_activities, asked)])
        return answer(page_of_activities(View(self._exchange).fills(), request.query))

    async def _clock(self, request: web.Request) -> web.Response:
        now_ns = self._exchange.now_ns() + self._clock_offset_ns()
        return answer(self._exchange.hours.clock(now_ns, is_open=self._exchange.is_open))

    async def _calendar(self, request: web.Request) -> web.Response:
        start = _day(request, "start", date(1990, 1, 1))
        end = _day(request, "end", date(2099, 12, 31))
        return answer(list(self._exchange.hours.calendar(start, end)))

    async def _assets(self, request: web.Request) -> web.Response:
        kind, status = request.query.get("asset_class"), request.query.get("status", "active")
        return answer(
            [
                asset.record()
                for asset in self._exchange.assets
                if status == "active" and kind in (None, asset.kind)
            ]
        )

    async def _asset(self, request: web.Request) -> web.Response:
        return answer(self._asset_named(request.match_info["symbol"]).record())

    # --- orders ----------------------------------------------------------------------------------
    async def _submit(self, request: web.Request) -> web.Response:
        return answer(self._desk.submit(read_ticket(await read_json(request))))

    async def _orders(self, request: web.Request) -> web.Response:
        return answer(orders_asked(View(self._exchange), request.query))

    async def _order(self, request: web.Request) -> web.Response:
        nested = request.query.get("nested", "").lower() == "true"
        return answer(View(self._exchange).order(self._order_of(request).id, nested=nested))

    async def _order_by_client_id(self, request: web.Request) -> web.Response:
        found = self._exchange.by_client_id.get(request.query.get("client_order_id", ""))
        if found is None:
            raise not_found(
                f"order not found for {request.query.get('client_order_id', 'client_order_id')}"
            )
        return answer(View(self._exchange).order(found.id, nested=False))

    async def _replace(self, request: web.Request) -> web.Response:
        change = read_change(await read_json(request))
        return answer(self._desk.replace(self._order_of(request), change))

    async def _cancel(self, request: web.Request) -> web.Response:
        self._desk.cancel(self._order_of(request))
        return web.Response(status=204)

    async def _cancel_all(self, request: web.Request) -> web.Response:
        return answer(list(self._desk.cancel_all()), 207)

    # --- positions -------------------------------------------------------------------------------
    async def _positions(self, request: web.Request) -> web.Response:
        held = View(self._exchange).positions()
        return answer(
            [
                position_record(self._exchange, asset, held[asset.number])
                for asset in self._exchange.assets
                if held[asset.number].lots != 0
            ]
        )

    async def _position(self, request: web.Request) -> web.Response:
        asset = self._asset_named(request.match_info["symbol"])
        held = View(self._exchange).positions()[asset.number]
        if held.lots == 0:
            raise not_found("position does not exist")
        return answer(position_record(self._exchange, asset, held))

    async def _close(self, request: web.Request) -> web.Response:
        asset = self._asset_named(request.match_info["symbol"])
        quantity, percentage = (_decimal(request, name) for name in ("qty", "percentage"))
        return answer(self._desk.close(asset, quantity, percentage))

    async def _close_all(self, request: web.Request) -> web.Response:
        cancels = request.query.get("cancel_orders", "").lower() == "true"
        return answer(list(self._desk.close_all(cancel_orders=cancels)), 207)

    # --- what is meant ---------------------------------------------------------------------------
    def _order_of(self, request: web.Request) -> Order:
        found = self._exchange.orders.get(request.match_info["id"])
        if found is None:
            raise not_found(f"order not found for {request.match_info['id']}")
        return found

    def _asset_named(self, name: str) -> Asset:
        for asset in self._exchange.assets:
            if name in (asset.symbol, asset.id) or (
                asset.is_crypto and name == asset.symbol.replace("/", "")
            ):
                return asset
        raise not_found(f"asset not found for {name}")


async def read_json(request: web.Request) -> Any:
    """Return a body; its numbers stay exact.

    Raises
    ------
    Refusal
        If it is no JSON.
    """
    try:
        return json.loads(await request.read(), parse_float=Decimal)
    except ValueError:
        raise malformed("request body format is invalid") from None


def _day(request: web.Request, name: str, default: date) -> date:
    text = request.query.get(name)
    if text is None:
        return default
    try:
        return date.fromisoformat(text[:10])
    except ValueError:
        raise malformed(f"invalid {name}") from None


def _decimal(request: web.Request, name: str) -> Decimal | None:
    text = request.query.get(name)
    if text is None:
        return None
    try:
        value = Decimal(text)
    except InvalidOperation:
        raise malformed(f"invalid {name}") from None
    if not value.is_finite() or value <= 0:
        raise malformed(f"invalid {name}")
    return value
