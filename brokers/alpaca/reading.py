"""What the venue is asked: account, positions, orders and fills, read whole over all pages."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from decimal import Decimal
from typing import Final, TypeVar
from urllib.parse import quote

import msgspec

from brokers.alpaca import wire
from brokers.alpaca.budget import Use
from brokers.alpaca.chains import Chain, Chains
from brokers.alpaca.client import AlpacaClient
from brokers.alpaca.coins import is_coin
from brokers.alpaca.translating import Translator, account_facts
from engine.errors import VenueError
from engine.model.instruments import Instrument
from engine.ports import (
    AccountFacts,
    Environment,
    Execution,
    VenueOrder,
    VenuePosition,
    target_id,
)

T = TypeVar("T")
ORDERS_A_PAGE: Final = 500
FILLS_A_PAGE: Final = 100
PAGES_MOST: Final = 10_000
LINKS_MOST: Final = 1000
ASSETS_ONE_BY_ONE: Final = 20  # of more the whole list is read: one request
TIMES_KEPT: Final = 10_000
UNKNOWN_MANY: Final = 3  # orders; fewer are asked for one by one
# Fills of one time come in any order, and late: what is read goes back behind the cursor by so much.
OVERLAP_NS: Final = 60 * 10**9
_MICROSECOND: Final = 1000
_NOT_FOUND: Final = 404


class MarketState(msgspec.Struct, frozen=True):
    """Whether the market is open; `offset_ns` is what the venue's clock is ahead of ours."""

    is_open: bool
    next_open_ns: int
    next_close_ns: int
    offset_ns: int


class Listing(msgspec.Struct, frozen=True):
    """What may be done with an instrument; of a coin its steps and its smallest order, 0 where it has none."""

    symbol: str
    is_tradable: bool = False
    is_shortable: bool = False
    is_fractionable: bool = False
    is_coin: bool = False
    price_step: Decimal = Decimal(0)
    quantity_step: Decimal = Decimal(0)
    least_quantity: Decimal = Decimal(0)


class Reader:
    """The venue's answers as `engine.ports` has them.

    Parameters
    ----------
    begins_ns
        Fills before it are left out.
    """

    def __init__(
        self, client: AlpacaClient, instruments: Sequence[Instrument], *, begins_ns: int = 0
    ) -> None:
        self._client, self._begins_ns = client, begins_ns
        self.translator, self.chains = Translator(instruments), Chains()
        self._trades_coins = any(is_coin(each) for each in instruments)
        self._times: OrderedDict[str, int] = OrderedDict()  # of executions

    # --- the account -------------------------------------------------------------------------------
    async def account(self, environment: Environment) -> AccountFacts:
        """Return what the account is now."""
        account = await self._client.ask("/v2/account", wire.Account)
        with _understood():
            return account_facts(account, environment, trades_coins=self._trades_coins)

    async def market(self) -> MarketState:
        """Return whether the market is open, and how far the clocks are apart."""
        clock = self._client.clock
        before = clock.now_ns()
        state = await self._client.ask("/v2/clock", wire.MarketClock)
        middle = (before + clock.now_ns()) // 2
        with _understood():
            return MarketState(
                state.is_open,
                wire.parse_time_ns(state.next_open),
                wire.parse_time_ns(state.next_close),
                wire.parse_time_ns(state.timestamp) - middle,
            )

    async def listings(self, symbols: Sequence[str]) -> list[Listing]:
        """Return how instruments are listed, in their order; what is not listed does not trade."""
        if len(symbols) > ASSETS_ONE_BY_ONE:
            query = {"status": "active"}
            if not self._trades_coins:
                query["asset_class"] = "us_equity"
            told = await self._client.ask("/v2/assets", list[wire.Asset], query)
            by_symbol = {each.symbol: each for each in told}
            return [_listing(each, by_symbol.get(each)) for each in symbols]
        return [_listing(each, await self._asset(each)) for each in symbols]

    async def _asset(self, symbol: str) -> wire.Asset | None:
        path = f"/v2/assets/{quote(symbol)}"
        return await self._found(path, wire.Asset, Use.QUESTION)

    async def positions(self) -> list[VenuePosition]:
        """Return all positions."""
        held = await self._client.ask("/v2/positions", list[wire.Position])
        with _understood():
            return [self.translator.position(each) for each in held]

    # --- orders ------------------------------------------------------------------------------------
    async def open_orders(self) -> list[VenueOrder]:
        """Return all orders that work.

        The venue has no cursor here, only times: each page begins a little before the end of the last.
        """
        found: dict[str, wire.Order] = {}
        query = {"status": "open", "limit": str(ORDERS_A_PAGE), "direction": "asc"}
        for _ in range(PAGES_MOST):
            page = await self._client.ask("/v2/orders", list[wire.Order], query)
            news = [each for each in page if each.id not in found]
            found |= {each.id: each for each in news}
            if len(page) < ORDERS_A_PAGE:
                legs = [each for each in found.values() if self.chains.may_be_leg(each)]
                if legs:
                    await self._meet_legs({each.symbol for each in legs if each.symbol})
                return [await self._told(each) for each in found.values()]
            if not news:
                break
            query["after"] = _iso(self._begin_of(page[-1]) - _MICROSECOND)
        raise VenueError("the venue lists more working orders of one time than fit on a page")

    async def order(self, client_id: str) -> VenueOrder | None:
        """Return one order, None where two looks did not find it."""
        found = await self.latest(client_id)
        if found is None:
            await self._client.clock.sleep(self._client.deadlines.look)
            found = await self.latest(client_id)
        return None if found is None else await self._told(found[1])

    async def latest(
        self, client_id: str, use: Use = Use.QUESTION
    ) -> tuple[Chain, wire.Order] | None:
        """Return an order as it is now, whatever it was replaced by; None where it is not found."""
        known, order = self.chains.find(client_id), None
        target = target_id(client_id)
        if target is not None and known is None:
            await self._meet_leg(target, use)
            known = self.chains.find(client_id)
        if known is not None and known.head:
            order = await self._by_id(known.head, use)
        if order is None:
            path = "/v2/orders:by_client_order_id"
            order = await self._find(path, use, {"client_order_id": client_id})
        if order is None:
            return None
        for _ in range(LINKS_MOST):
            chain = self.chains.see(order)
            if order.status != "replaced" or not order.replaced_by:
                return chain, order
            order = await self._by_id(order.replaced_by, use)
            if order is None:
                break
        raise VenueError(f"what order {client_id} was replaced by cannot be read")

    async def _meet_legs(self, symbols: set[str]) -> None:
        """Learn which orders are legs, from the newest orders of some symbols, shown with their legs."""
        query = {
            "status": "all",
            "limit": str(ORDERS_A_PAGE),
            "direction": "desc",
            "nested": "true",
            "symbols": ",".join(sorted(symbols)),
        }
        for each in await self._client.ask("/v2/orders", list[wire.Order], query):
            self.chains.see(each)

    async def _meet_leg(self, target: str, use: Use) -> None:
        """Learn the leg of a target."""
        path = "/v2/orders:by_client_order_id"
        order = await self._find(path, use, {"client_order_id": target})
        if order is not None and not wire.legs_of(order):
            order = await self._find(f"/v2/orders/{order.id}", use, {"nested": "true"})
        if order is not None:
            self.chains.see(order)

    async def was_filled_before(self, chain: Chain, order: wire.Order) -> bool:
        """Return whether anything was filled of what an order has replaced."""
        while order.replaces is not None:
            known = chain.was_filled_before(order.id)
            if known is not None:
                return known
            order = await self._earlier(order.replaces)
            if order.filled_qty > 0:
                return True
        return False

    async def _earlier(self, order_id: str) -> wire.Order:
        order = await self._by_id(order_id)
        if order is None:
            raise VenueError(f"order {order_id}, which was replaced, cannot be read")
        self.chains.see(order)
        return order

    async def _told(self, order: wire.Order) -> VenueOrder:
        chain, filled = self.chains.see(order), None
        if order.replaces is not None and await self.was_filled_before(chain, order):
            filled = await self._filled(chain)
        with _understood():
            return self.translator.order(order, chain.client_id, filled)

    async def _filled(self, chain: Chain) -> Decimal:
        """Return what was filled of all links of an order, by their fills.

        Whether a link counts what was filled before it, nobody says for sure; the fills are each told once.
        """
        first = await self._earlier(chain.links[0])
        while first.replaces is not None:
            first = await self._earlier(first.replaces)
        fills = await self._fills(self._begin_of(first) - OVERLAP_NS)
        return sum((each.qty for each in fills if each.order_id in chain.links), Decimal(0))

    async def _by_id(self, order_id: str, use: Use = Use.QUESTION) -> wire.Order | None:
        return await self._find(f"/v2/orders/{order_id}", use)

    async def _find(
        self, path: str, use: Use, query: Mapping[str, str] | None = None
    ) -> wire.Order | None:
        return await self._found(path, wire.Order, use, query)

    async def _found(
        self, path: str, type_: type[T], use: Use, query: Mapping[str, str] | None = None
    ) -> T | None:
        """Return what is asked for; None only where the venue itself says that there is none."""
        answer = await self._client.question(path, query, use)
        if answer.status == _NOT_FOUND:
            error = wire.decode_error(answer.body)
            if error is not None and error.code:
                return None
        if answer.status != 200:
            raise self._client.refusal(answer, path)
        return self._client.read(answer, path, type_)

    # --- fills -------------------------------------------------------------------------------------
    async def executions(self, since: str) -> list[Execution]:
        """Return the fills after a cursor, oldest first, and some before it, which are known then."""
        fills = await self._fills(max(await self._time_of(since) - OVERLAP_NS, self._begins_ns))
        await self._meet({each.order_id for each in fills})
        found = [await self._execution(each) for each in fills]
        return sorted((one for one in found if one.ts_ns >= self._begins_ns), key=_age)

    async def _fills(self, after_ns: int) -> list[wire.Fill]:
        """Return the fills from a time on."""
        query = {"direction": "asc", "page_size": str(FILLS_A_PAGE)}
        if after_ns > 0:
            query["after"] = _iso(after_ns - _MICROSECOND)
        found: dict[str, wire.Fill] = {}
        for _ in range(PAGES_MOST):
            page = await self._client.ask("/v2/account/activities/FILL", list[wire.Fill], query)
            found |= {each.id: each for each in page}
            if len(page) < FILLS_A_PAGE:
                return list(found.values())
            query["page_token"] = page[-1].id
        raise VenueError("the account's fills do not end")

    async def _meet(self, order_ids: set[str]) -> None:
        """Learn whose some of the venue's orders are from the list of the newest, where many are unknown.

        One by one each is a request: a session that is begun again knows none, and would use up the budget
        that its orders need. What the list does not tell, or not legibly, is asked for one by one all the same.
        """
        unknown = [each for each in order_ids if self.chains.of(each) is None]
        if len(unknown) < UNKNOWN_MANY:
            return
        query = {
            "status": "all",
            "limit": str(ORDERS_A_PAGE),
            "direction": "desc",
            "nested": "true",
        }
        try:
            newest = await self._client.ask("/v2/orders", list[wire.Order], query)
        except VenueError as error:
            if error.is_authorization:
                raise
            return
        for each in newest:
            self.chains.see(each)

    async def _execution(self, fill: wire.Fill) -> Execution:
        chain = self.chains.of(fill.order_id)
        if chain is None:
            order = await self._by_id(fill.order_id)
            if order is not None and self.chains.may_be_leg(order):
                await self._meet_legs({fill.symbol})
            chain = None if order is None else self.chains.see(order)
        with _understood():
            one = self.translator.activity(
                fill,
                "" if chain is None else chain.client_id,
                side="" if chain is None else chain.side,
            )
        self._times[one.execution_id] = one.ts_ns
        if len(self._times) > TIMES_KEPT:
            self._times.popitem(last=False)
        return one

    async def _time_of(self, since: str) -> int:
        """Return a time not after a fill; after a restart its order is asked for."""
        known = self._times.get(since)
        if known is not None or not since:
            return known or 0
        order = await self._by_id(since.partition("/")[0])
        return 0 if order is None else self._begin_of(order)

    def _begin_of(self, order: wire.Order) -> int:
        with _understood():
            return wire.parse_time_ns(order.submitted_at or order.created_at or "")


def _listing(symbol: str, asset: wire.Asset | None) -> Listing:
    if asset is None:
        return Listing(symbol)
    is_tradable = asset.tradable and asset.status == "active"
    return Listing(
        symbol,
        is_tradable,
        asset.shortable,
        asset.fractionable,
        asset.asset_class == "crypto",
        asset.price_increment or Decimal(0),
        asset.min_trade_increment or Decimal(0),
        asset.min_order_size or Decimal(0),
    )


def _age(one: Execution) -> tuple[int, bool, str, int, str]:
    """Return what fills are ordered by: of one time and order by what is filled, strangers last."""
    order, _, filled = one.execution_id.partition("/")
    return (one.ts_ns, not one.client_id, order, len(filled.partition(".")[0]), filled)


def _iso(ns: int) -> str:
    """Return a time as the venue reads it, cut to microseconds."""
    seconds, rest = divmod(ns, 10**9)
    moment = datetime.fromtimestamp(seconds, UTC).replace(microsecond=rest // 1000, tzinfo=None)
    return f"{moment.isoformat(timespec='microseconds')}Z"


@contextmanager
def _understood() -> Iterator[None]:
    """Tell as an error of the venue what it says and we cannot read.

    Raises
    ------
    VenueError
        In place of `Unreadable`.
    """
    try:
        yield
    except wire.Unreadable as error:
        raise VenueError(f"the venue's answer cannot be read: {error}") from None
