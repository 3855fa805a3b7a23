"""Emptying an account with its keys alone: no session, no database, no strategy, no order of ours.

The venue is asked to cancel all orders and to close all positions, each in one request, and then looked at
until it has done so. What is closed waits for the cancels: an order that works holds its shares.
"""

from __future__ import annotations

from typing import Final

import msgspec

from brokers.alpaca import wire
from brokers.alpaca.budget import Use
from brokers.alpaca.client import AlpacaClient, NoAnswer
from engine.errors import VenueError

_ORDERS: Final = "/v2/orders"
_POSITIONS: Final = "/v2/positions"
_WORKING: Final = {"status": "open", "limit": "500"}
_LOOK_SECONDS: Final = (
    0.25  # the first time, and longer each time: looks are requests, of which there are few
)
_LONGER: Final = 1.5
_ASK_AGAIN_SECONDS: Final = 2.0


class Content(msgspec.Struct, frozen=True):
    """What an account has, each in words."""

    orders: tuple[str, ...] = ()
    positions: tuple[str, ...] = ()


class Emptied(msgspec.Struct, frozen=True):
    """What an account had, what it has now, and what the venue refused."""

    before: Content
    after: Content
    problems: tuple[str, ...] = ()


async def content(client: AlpacaClient) -> Content:
    """Return what works and what is held.

    Raises
    ------
    VenueError
        If the venue does not say.
    """
    orders = await client.ask(_ORDERS, list[wire.Order], _WORKING, Use.CANCEL)
    positions = await client.ask(_POSITIONS, list[wire.Position], use=Use.CANCEL)
    return Content(
        tuple(_order_words(each) for each in orders),
        tuple(f"{each.qty.normalize():f} {each.symbol}" for each in positions if each.qty),
    )


async def empty(client: AlpacaClient, *, flatten: bool, seconds: float = 30.0) -> Emptied:
    """Cancel all orders, and close all positions where that is wanted, until it is so.

    Parameters
    ----------
    seconds
        How long to wait for it.

    Raises
    ------
    VenueError
        If the venue does not say what the account has; it was asked to cancel all the same.
    """
    clock, problems = client.clock, list[str]()
    until_ns = clock.monotonic_ns() + round(seconds * 1e9)
    asked_ns = {_ORDERS: 0, _POSITIONS: 0}  # monotonic; 0: not yet
    before, wait = None, _LOOK_SECONDS
    while True:
        found = await _content_until(client, until_ns)
        before, now = before or found, clock.monotonic_ns()
        if found is not None and before is not None and asked_ns[_ORDERS]:
            is_done = not found.orders and not (flatten and found.positions)
            if is_done or now >= until_ns:
                return Emptied(before, found, tuple(dict.fromkeys(problems)))
        is_clear = found is not None and not found.orders and asked_ns[_ORDERS]
        path = _POSITIONS if is_clear else _ORDERS
        # An order that closes is not canceled again: it is what was asked for.
        is_wanted = path == _POSITIONS or not asked_ns[_POSITIONS]
        if is_wanted and now - asked_ns[path] > _ASK_AGAIN_SECONDS * 1e9:
            asked_ns[path] = now
            problems += await _delete_all(client, path)
        await clock.sleep(wait)
        wait = min(wait * _LONGER, _ASK_AGAIN_SECONDS)


async def _content_until(client: AlpacaClient, until_ns: int) -> Content | None:
    """Return what an account has; None where the venue does not say it and may still be asked again."""
    try:
        return await content(client)
    except VenueError:
        if client.clock.monotonic_ns() >= until_ns:
            raise
        return None


async def _delete_all(client: AlpacaClient, path: str) -> list[str]:
    """Have all orders canceled, or all positions closed; return what is wrong with it."""
    try:
        answer = await client.send("DELETE", path, Use.CANCEL)
    except NoAnswer as error:
        return [error.problem]
    return [] if answer.status in (200, 204, 207) else [f"the venue answered {answer.raw}"]


def _order_words(order: wire.Order) -> str:
    quantity = "" if order.qty is None else f" {(order.qty - order.filled_qty).normalize():f}"
    return f"{order.side or 'order'}{quantity} {order.symbol or order.id}"
