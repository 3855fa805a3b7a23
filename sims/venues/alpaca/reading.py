"""What a read shows: orders, executions and positions as of now, or as of some happenings ago."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextvars import ContextVar
from typing import Final

from sims.paper.tally import Held, Tally
from sims.venues.alpaca.exchange import Exchange
from sims.venues.alpaca.happenings import Happening
from sims.venues.alpaca.orders import FINAL, Fill
from sims.venues.alpaca.refusals import malformed, not_found
from sims.venues.alpaca.words import Json, Record, parse_time, time_text

ORDERS_MAX: Final = 500
_ORDERS_USUAL: Final = 50
ACTIVITIES_MAX: Final = 100
LAG: Final = ContextVar("LAG", default=0)  # of the request that is being answered


class View:
    """An account as a read sees it, which does not know of the last `LAG` happenings."""

    def __init__(self, exchange: Exchange) -> None:
        self._exchange, self._lag = exchange, LAG.get()

    def orders(self, *, nested: bool, only_open: bool) -> list[Record]:
        """Return all orders, or all that are open, in order of their submission."""
        if self._lag == 0:
            return [
                order.record(nested=nested)
                for order in self._exchange.orders.values()
                if not ((nested and order.parent is not None) or (only_open and order.is_final))
            ]
        return list(self._known().values())

    def order(self, order_id: str, *, nested: bool) -> Record:
        """Return one order.

        Raises
        ------
        Refusal
            If it is not known of.
        """
        if self._lag == 0:
            return self._exchange.orders[order_id].record(nested=nested)
        known = self._known().get(order_id)
        if known is None:
            raise not_found(f"order not found for {order_id}")
        return known

    def fills(self) -> Sequence[Fill]:
        """Return all executions, oldest first."""
        if self._lag == 0:
            return self._exchange.fills
        hidden = {id(each.fill) for each in self._hidden}
        return [fill for fill in self._exchange.fills if id(fill) not in hidden]

    def positions(self) -> Sequence[Held]:
        """Return what is held, by instrument."""
        if self._lag == 0:
            return self._exchange.tally.held
        instruments = [asset.instrument for asset in self._exchange.assets]
        tally = Tally.opened(instruments, "USD", 0)
        for fill in self.fills():
            asset = fill.order.asset
            change = fill.sign * fill.lots
            kept = fill.kept_lots
            tally.fill(asset.number, asset.instrument, change, fill.price_ticks, 0, kept)
        return tally.held

    @property
    def _hidden(self) -> list[Happening]:
        return list(self._exchange.happenings)[-self._lag :]

    def _known(self) -> dict[str, Record]:
        """Return orders by id; those that something has happened to as they were before."""
        changed = {str(each.order["id"]) for each in self._hidden}
        before = {
            str(each.order["id"]): each.order
            for each in list(self._exchange.happenings)[: -self._lag]
        }
        known: dict[str, Record] = {}
        for order in self._exchange.orders.values():
            if order.id not in changed:
                known[order.id] = order.record()
            elif order.id in before:
                known[order.id] = before[order.id]
        return known


def orders_asked(view: View, query: Mapping[str, str]) -> Json:
    """Return the orders that a query selects."""
    nested = query.get("nested", "").lower() == "true"
    status, direction = query.get("status", "open"), query.get("direction", "desc")
    if status not in ("open", "closed", "all") or direction not in ("asc", "desc"):
        raise malformed("invalid status or direction")
    symbols = set(query["symbols"].split(",")) if query.get("symbols") else None
    side, limit = query.get("side"), _whole(query, "limit", _ORDERS_USUAL, ORDERS_MAX)
    after, until = _moment(query, "after"), _moment(query, "until")
    found = [
        order
        for order in view.orders(nested=nested, only_open=status == "open")
        if (status == "all" or (order["status"] in FINAL) == (status == "closed"))
        and (symbols is None or order["symbol"] in symbols)
        and side in (None, order["side"])
        and (after is None or str(order["submitted_at"]) > after)
        and (until is None or str(order["submitted_at"]) < until)
    ]
    if direction == "desc":
        found.reverse()
    return list(found[:limit])


def page_of_activities(fills: Sequence[Fill], query: Mapping[str, str]) -> Json:
    """Return a page of executions: newest first, unless asked otherwise."""
    direction = query.get("direction", "desc")
    if direction not in ("asc", "desc"):
        raise malformed("invalid direction")
    after, until = _moment(query, "after"), _moment(query, "until")
    found = [
        fill
        for fill in fills
        if (after is None or time_text(fill.ts_ns) > after)
        and (until is None or time_text(fill.ts_ns) < until)
        and time_text(fill.ts_ns).startswith(query.get("date", ""))
    ]
    if direction == "desc":
        found.reverse()
    token = query.get("page_token")
    if token:
        places = [n for n, fill in enumerate(found) if fill.activity_id == token]
        if not places:
            raise malformed("invalid page_token")
        found = found[places[0] + 1 :]
    size = _whole(query, "page_size", ACTIVITIES_MAX, ACTIVITIES_MAX)
    return [fill.record() for fill in found[:size]]


def _whole(query: Mapping[str, str], name: str, usual: int, most: int) -> int:
    text = query.get(name, str(usual))
    if not text.isdecimal() or not 1 <= int(text) <= most:
        raise malformed(f"invalid {name}: 1 to {most}")
    return int(text)


def _moment(query: Mapping[str, str], name: str) -> str | None:
    text = query.get(name)
    if not text:
        return None
    try:
        return time_text(parse_time(text))
    except ValueError:
        raise malformed(f"invalid {name}") from None
