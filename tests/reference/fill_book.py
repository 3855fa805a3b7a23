"""The fill book a second time, written from docs/explain/fill-model.md alone.

Slow and obvious on purpose: objects in a dictionary, every question asked of every order, a bar's
two paths walked on two copies of everything.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from fractions import Fraction
from itertools import pairwise
from typing import Protocol

from engine.model.instruments import Instrument
from engine.model.orders import Liquidity, OrderRequest, OrderType, Side, TimeInForce
from tests.reference.book_state import (
    ON_CLOSE,
    ON_OPEN,
    UNLIMITED,
    BookEvent,
    Command,
    Market,
    State,
    Working,
)
from tests.reference.pricing import (
    Slippage,
    ceiling,
    charge,
    fill_price,
    slippage_ticks,
    units_kept,
)

# What the rules of an order that takes the market's price are called.
_TAKERS = {
    OrderType.MARKET: "market",
    OrderType.STOP: "stop",
    OrderType.TRAILING_STOP: "trailing",
}


class Settings(Protocol):
    """What the reference reads of the book's settings."""

    path: str
    limit_fill: str
    volume_cap: object
    latency_ns: int
    is_late: bool | None
    slippage: Slippage
    fees: object


class ReferenceFillBook:
    """The audit's fill book; the verbs are those of `sims.fillbook.FillBook`."""

    def __init__(self, instruments: Sequence[Instrument], settings: Settings) -> None:
        self.instruments = list(instruments)
        self.settings = settings
        self.state = State()
        self.commands: list[Command] = []
        self.quoted: set[int] = set()
        self.printed: set[int] = set()
        self.halted: set[int] = set()
        self.auction_due: set[int] = set()
        self.last: dict[int, Market] = {}
        self.standing: dict[int, Market] = {}  # the quote (prints alone: the print) that holds now
        self.session_event = 0  # points up to its time do not stand

    # ---- what comes from the trader ----

    def submit(self, request: OrderRequest, now_ns: int) -> None:
        """Send an order; it arrives after the latency."""
        parent = self.state.orders.get(request.parent_id)
        self.state.orders[request.order_id] = Working(
            request,
            is_orphan=request.parent_id != 0 and (parent is None or parent.closed),
            arrival=now_ns + self.settings.latency_ns,
            quantity=request.quantity_lots,
            limit=request.limit_ticks,
            stop=request.stop_ticks,
            trail=request.trail_ticks,
            armed=parent.filled if parent and not parent.closed else 0,
        )

    def cancel(self, order_id: int, now_ns: int) -> list[BookEvent]:
        """Ask for an order to be canceled."""
        return self._ask(order_id, now_ns, None)

    def _ask(
        self, order_id: int, now_ns: int, changes: dict[str, int | None] | None
    ) -> list[BookEvent]:
        """Send a command on its way; about an order known to have ended it is answered at once."""
        if order_id not in self.state.orders or self.state.orders[order_id].closed:
            return [BookEvent("cancel_rejected", order_id, -1, now_ns)]
        self.commands.append(Command(order_id, now_ns + self.settings.latency_ns, changes))
        return []

    def replace(
        self,
        order_id: int,
        now_ns: int,
        quantity_lots: int | None = None,
        limit_ticks: int | None = None,
        stop_ticks: int | None = None,
    ) -> list[BookEvent]:
        """Ask for another total, limit or stop."""
        changes = {"quantity": quantity_lots, "limit": limit_ticks, "stop": stop_ticks}
        return self._ask(order_id, now_ns, changes)

    def position_lots(self, instrument: int) -> int:
        """Return what all fills so far add up to."""
        return self.state.positions.get(instrument, 0)

    def _miss(self, i: int, ts_close: int) -> None:
        for w in self.state.orders.values():
            if w.request.instrument == i and not w.closed and not w.is_late:
                w.is_late, w.arrival = True, max(w.arrival, ts_close)

    # ---- what comes from the market ----

    def on_bar(
        self, i: int, ts_open: int, ts_close: int, o: int, h: int, low: int, c: int, volume: int
    ) -> list[BookEvent]:
        """Section 3."""
        known = volume if volume >= 0 else None
        market = Market(
            ts_open, "open", o, o, known, self._room(i, known), shared=True, opened=ts_open
        )
        shows = i not in self.halted and i not in self.quoted and i not in self.printed
        if shows and self.settings.is_late:
            self._miss(i, ts_close)
        self._arrivals(i, ts_open)
        self._obey(i, ts_open, until=ts_open)
        self._expire(i, ts_open, until=ts_open)
        if shows:
            self._meet(market, lambda w: self._on(w, i) and w.arrival <= ts_open)
            self.auction_due.discard(i)
            self._path(i, replace(market, ts=ts_close), (o, h, low, c))
        self._arrivals(i, ts_close)
        at_close = replace(market, ts=ts_close, place="close", bid=c, ask=c)
        if shows:
            self._meet(
                at_close,
                lambda w: (
                    self._on(w, i)
                    and ts_open < w.arrival <= ts_close
                    and not _expires_before(w, ts_close)
                ),
            )
            self.last[i] = at_close
        self._expire(i, ts_close, until=ts_close)
        self._obey(i, ts_close, until=ts_close)
        return self._said()

    def on_quote(
        self, i: int, ts: int, bid: int, ask: int, bid_size: int, ask_size: int
    ) -> list[BookEvent]:
        """Section 4."""
        self.quoted.add(i)
        self._before_tick(i, ts)
        if bid < ask and i not in self.halted:
            market = Market(ts, "quote", bid, ask)
            market.room = {
                Side.BUY: self._capped(i, ask_size if ask_size >= 0 else None),
                Side.SELL: self._capped(i, bid_size if bid_size >= 0 else None),
            }
            shown = {Side.BUY: (bid, bid_size), Side.SELL: (ask, ask_size)}
            self._meet(market, lambda w: self._on(w, i) and w.arrival <= ts)
            for order in self._alive(i):
                if order.acts_as_limit and not order.new:
                    _watch_queue(order, *shown[order.side])
            self.auction_due.discard(i)
            self.last[i] = market
            self._stand(i, market)
        return self._said()

    def on_trade(self, i: int, ts: int, price: int, size: int, aggressor: int) -> list[BookEvent]:
        """Section 5."""
        self.printed.add(i)
        self._before_tick(i, ts)
        if i not in self.halted:
            known = size if size >= 0 else None
            market = Market(ts, "trade", price, price, room=self._room(i, known), shared=True)
            market.size, market.aggressor = known, aggressor
            self._meet(market, lambda w: self._on(w, i) and w.arrival <= ts)
            self.auction_due.discard(i)
            self.last[i] = market
            if i not in self.quoted:
                self._stand(i, market)
        return self._said()

    def on_session_open(self, ts: int) -> list[BookEvent]:
        """Section 8: the first point after this is the opening auction."""
        self._before_session_event(ts)
        self.auction_due = set(range(len(self.instruments)))
        self.last.clear()
        return self._said()

    def on_session_close(self, ts: int) -> list[BookEvent]:
        """Section 8: on-close orders fill, DAY orders expire."""
        self._before_session_event(ts)
        for order in self._alive():
            if order.closed or order.arrival >= ts:
                continue
            if order.request.order_type in ON_CLOSE:
                self._closing_auction(order, ts)
            if order.request.time_in_force is TimeInForce.DAY and not order.closed:
                self._end(order, "expired", ts)
        self.last.clear()
        return self._said()

    def on_halt(self, i: int, ts: int) -> list[BookEvent]:
        """From now on the instrument shows no points."""
        self.halted.add(i)
        self.standing.pop(i, None)
        return []

    def on_resume(self, i: int, ts: int) -> list[BookEvent]:
        """Trading goes on."""
        self.halted.discard(i)
        return []

    def on_split(self, i: int, ts: int, numerator: int, denominator: int) -> list[BookEvent]:
        """Scale orders and the position; `numerator` new shares for `denominator` old ones."""
        self.standing.pop(i, None)
        self._arrivals(i, ts)
        self._obey(i, ts, until=ts)
        self._expire(i, ts, until=ts)
        step = self.instruments[i].quantity_step_lots
        position = self.position_lots(i)
        kept = _floor(Fraction(abs(position) * numerator, denominator), step)
        self.state.positions[i] = kept if position > 0 else -kept
        self.last.pop(i, None)
        for order in self._alive(i):
            self._split_order(order, ts, Fraction(numerator, denominator))
        self.commands = [self._split_command(k, i, numerator, denominator) for k in self.commands]
        return self._said()

    # ---- before an event ----

    def _said(self) -> list[BookEvent]:
        said, self.state.events = self.state.events, []
        return said

    def _say(self, kind: str, order: Working, ts: int, **more: object) -> None:
        event = BookEvent(kind, order.id, order.request.instrument, ts, **more)  # type: ignore[arg-type]
        self.state.events.append(event)

    def _alive(self, i: int | None = None) -> list[Working]:
        chosen = sorted(self.state.orders.values(), key=lambda w: w.id)
        return [w for w in chosen if not w.closed and i in (None, w.request.instrument)]

    def _on(self, order: Working, i: int) -> bool:
        return order.request.instrument == i

    def _before_tick(self, i: int, ts: int) -> None:
        self._arrivals(i, ts)
        self._obey(i, ts, until=ts)
        self._expire(i, ts, until=ts)

    def _before_session_event(self, ts: int) -> None:
        self.standing.clear()
        self.session_event = ts
        self._arrivals(None, ts)
        self._obey(None, ts, until=ts)
        self._expire(None, ts, until=ts)

    def _arrivals(self, i: int | None, ts: int) -> None:
        for order in self._alive(i):
            if order.accepted or order.arrival > ts:
                continue
            order.accepted = True
            if order.is_orphan:
                self._end(order, "canceled", ts, reason="parent_ended")
            elif order.is_child:
                on_its_way, order.armed = order.armed, 0
                self._arm(order, on_its_way, ts)
            else:
                self._say("accepted", order, ts)

    def _stand(self, i: int, market: Market) -> None:
        """The orders have met a point, which stands now: what waited acts, dates before requests."""
        if market.ts > self.session_event:
            self.standing[i] = market
        self._expire(i, market.ts, until=market.ts, had_their_turn=True)
        self._obey(i, market.ts, until=market.ts, had_their_turn=True)

    def _goes_first(self, order: Working) -> bool:
        """Section 2: the point that stands would have filled it before the request came."""
        i = order.request.instrument
        if i not in self.standing or not (order.accepted and order.new and order.in_play):
            return False
        price = self.standing[i].price(order.side)
        reached = order.side * (price - order.stop) >= 0
        better = order.side * (order.limit - price)
        enough = i in self.quoted or self.settings.limit_fill == "touch"
        fits = better >= (0 if enough else self._step(order)) and not order.request.post_only
        return {
            OrderType.MARKET: True,
            OrderType.LIMIT: fits,
            OrderType.STOP: reached,
            OrderType.STOP_LIMIT: reached and fits,
        }.get(order.request.order_type, False)

    def _expire(self, i: int | None, ts: int, *, until: int, had_their_turn: bool = False) -> None:
        for order in self._alive(i):
            is_dated = order.request.time_in_force is TimeInForce.GTD
            if is_dated and order.request.expire_ns <= until:
                came_in_time = order.arrival < order.request.expire_ns
                waits = came_in_time and not had_their_turn and self._goes_first(order)
                if not order.closed and not waits:
                    self._end(order, "expired", ts)

    def _obey(self, i: int | None, ts: int, *, until: int, had_their_turn: bool = False) -> None:
        waiting = []
        for command in self.commands:
            order = self.state.orders[command.order_id]
            if (
                command.arrival > until
                or i not in (None, order.request.instrument)
                or (not order.closed and not had_their_turn and self._goes_first(order))
            ):
                waiting.append(command)
            elif order.closed:
                self._say("cancel_rejected", order, ts)
            elif command.changes is None:
                self._cancel_by_command(order, ts)
            else:
                self._replace_now(order, command, ts)
        self.commands = waiting

    def _cancel_by_command(self, order: Working, ts: int) -> None:
        self._end(order, "canceled", ts, reason="command")
        for other in self._group(order):
            if not other.closed:
                self._end(other, "canceled", ts, reason="oco")

    def _replace_now(self, order: Working, command: Command, ts: int) -> None:
        changes = {k: v for k, v in (command.changes or {}).items() if v is not None}
        if changes.get("quantity", order.quantity) <= order.filled:
            self._end(order, "canceled", ts, reason="command")
            return
        order.quantity = changes.get("quantity", order.quantity)
        order.limit = changes.get("limit", order.limit)
        order.stop = changes.get("stop", order.stop)
        order.armed = min(order.armed, order.quantity)
        order.arrival = command.arrival
        order.new, order.triggered, order.anchor, order.ahead = True, False, None, None
        self._say("replaced", order, ts)

    # ---- points ----

    def _meet(self, market: Market, sees: Callable[[Working], bool]) -> None:
        """Show a point to every order that may see it, in order of ids."""
        self.state.unchecked = {w.id for w in self._alive() if sees(w) and w.in_play}
        self._drain(market, sees)

    def _drain(self, market: Market, sees: Callable[[Working], bool]) -> None:
        """Show the point to whoever has not seen it; fills may bring children into play."""
        while self.state.unchecked:
            first = min(self.state.unchecked)
            self.state.unchecked.discard(first)
            order = self.state.orders[first]
            if order.in_play and sees(order):
                self._point(order, market)

    def _point(self, order: Working, m: Market) -> None:
        kind = order.request.order_type
        if kind in ON_CLOSE:
            return
        if kind in ON_OPEN:
            is_opening = m.place in ("open", "quote", "trade")
            if is_opening and order.request.instrument in self.auction_due:
                self._auction(order, m, "on_open")
            return
        is_print_beside_quotes = m.place == "trade" and order.request.instrument in self.quoted
        if is_print_beside_quotes and (order.new or not order.acts_as_limit):
            return
        if order.waits_for_stop:
            self._point_of_stop(order, m)
        elif order.acts_as_limit:
            self._point_of_limit(order, m, newly=order.new)
            self._end_if_immediate(order, m)
        else:
            family = _TAKERS[order.request.order_type]
            self._take(order, m, f"{family}.{m.place}")
            self._end_if_immediate(order, m)
        order.new = False

    def _point_of_stop(self, order: Working, m: Market) -> None:
        price, side = m.price(order.side), order.side
        kind = order.request.order_type
        if kind is OrderType.TRAILING_STOP:
            if order.anchor is None:
                order.anchor = price
                return
            if side * (price - self._trail_stop(order)) < 0:
                order.anchor = _further(side, order.anchor, price)
                return
        elif side * (price - order.stop) < 0:
            return
        order.triggered = True
        self._say("triggered", order, m.ts)
        if kind is OrderType.STOP_LIMIT:
            self._point_of_limit(order, m, newly=True)
        else:
            self._take(order, m, f"{_TAKERS[kind]}.{m.place}")
        self._end_if_immediate(order, m)

    def _point_of_limit(self, order: Working, m: Market, *, newly: bool) -> None:
        price, at = m.price(order.side), order.limit
        better = order.side * (at - price)  # how far the market is on our good side
        if newly and order.request.post_only and better >= 0:
            self._end(order, "rejected", m.ts, reason="post_only_would_cross")
            return
        family = "limit" if order.request.order_type is OrderType.LIMIT else "stop_limit"
        rule = f"{family}.{m.place}"
        is_through = better >= self._step(order)
        is_touch = better >= 0 and self.settings.limit_fill == "touch"
        if m.place == "quote":
            if better >= 0:
                self._trade_at(order, m, price if newly else at, rule, resting=not newly)
        elif m.place == "trade" and not newly:
            if is_through:
                self._trade_at(order, m, at, rule, resting=True)
            elif better == 0:
                self._print_at_limit(order, m, family)
        elif is_through or is_touch:
            self._trade_at(order, m, price, rule, resting=False)

    def _print_at_limit(self, order: Working, m: Market, family: str) -> None:
        if self.settings.limit_fill == "touch":
            self._trade_at(order, m, order.limit, f"{family}.touch", resting=True)
        if self.settings.limit_fill != "queue" or order.ahead is None or m.size is None:
            return
        if m.aggressor == order.side:
            return
        left = m.size - order.ahead - m.queue_taken
        order.ahead = max(0, order.ahead - m.size)
        if left > 0:
            before = order.filled
            self._trade_at(order, m, order.limit, f"{family}.queue", resting=True, at_most=left)
            m.queue_taken += order.filled - before

    def _auction(self, order: Working, m: Market, rule: str) -> None:
        kind = order.request.order_type
        price = m.price(order.side)
        if kind in (OrderType.MARKET_ON_OPEN, OrderType.MARKET_ON_CLOSE):
            self._take(order, m, rule)
        elif order.side * (order.limit - price) >= 0:
            self._trade_at(order, m, price, rule, resting=False)
        if not order.closed:
            self._end(order, "canceled", m.ts, reason="auction_rest")

    def _closing_auction(self, order: Working, ts: int) -> None:
        i = order.request.instrument
        if i in self.last and i not in self.halted and order.in_play:
            market = replace(self.last[i], ts=ts, place="close")
            self._auction(order, market, "on_close")
            self._drain(market, lambda w: self._on(w, i))

    def _end_if_immediate(self, order: Working, m: Market) -> None:
        """IOC and FOK live for one point."""
        reason = {TimeInForce.IOC: "ioc_rest", TimeInForce.FOK: "fok_unfilled"}
        tif = order.request.time_in_force
        if tif in reason and not order.closed:
            self._end(order, "canceled", m.ts, reason=reason[tif])

    # ---- the inside of a bar ----

    def _path(self, i: int, m: Market, prices: tuple[int, int, int, int]) -> None:
        o, high, low, c = prices
        if self.settings.path == "high_first":
            highs_first = True
        elif self.settings.path == "low_first":
            highs_first = False
        elif self.settings.path == "nearest":
            highs_first = high - o < o - low
        else:
            highs_first = self._high_first_is_chosen(i, m, prices)
        self._walk(i, m, (o, high, low, c) if highs_first else (o, low, high, c))

    def _high_first_is_chosen(self, i: int, m: Market, prices: tuple[int, int, int, int]) -> bool:
        o, high, low, c = prices
        by_high = self._worth(i, m, (o, high, low, c))
        by_low = self._worth(i, m, (o, low, high, c))
        return by_high <= by_low if self.settings.path == "pessimistic" else by_high >= by_low

    def _worth(self, i: int, m: Market, path: tuple[int, ...]) -> int:
        """Walk the path on a copy and return what its fills are worth at the close."""
        kept = self.state
        self.state = kept.copy()
        before = len(self.state.events)
        self._walk(i, replace(m, room=dict(m.room)), path)
        fills = [e for e in self.state.events[before:] if e.kind == "fill"]
        worth = sum(
            self.state.orders[e.order_id].side * e.lots * (path[-1] - e.price_ticks) for e in fills
        )
        self.state = kept
        return worth

    def _walk(self, i: int, m: Market, path: tuple[int, ...]) -> None:
        for a, b in pairwise(path):
            if a != b:
                self._leg(i, m, a, b)

    def _leg(self, i: int, m: Market, a: int, b: int) -> None:
        way = Side.BUY if b > a else Side.SELL

        def sees(w: Working) -> bool:
            return self._on(w, i) and w.arrival <= m.opened and not _expires_before(w, m.ts)

        here = a
        self.state.tried = set()
        while True:
            hits = []
            for order in self._alive(i):
                price = self._hit_price(order, way, here, b)
                if price is not None and order.in_play and sees(order):
                    if order.id not in self.state.tried:
                        hits.append((abs(price - here), order.id, price))
            if not hits:
                break
            _, order_id, here = min(hits)
            self.state.tried.add(order_id)
            self.state.unchecked = set()
            self._hit(self.state.orders[order_id], m.moved("path", here))
            self._drain(m.moved("point", here), sees)
        for order in self._alive(i):
            if order.anchor is not None and order.waits_for_stop and sees(order):
                order.anchor = _further(order.side, order.anchor, b)

    def _hit_price(self, order: Working, way: Side, here: int, end: int) -> int | None:
        """Return where on the leg from `here` to `end` the order is hit, if it is."""
        kind = order.request.order_type
        if order.acts_as_limit and way is not order.side:
            at = order.limit
            depth = order.side * (at - end)  # how far the leg ends on our good side
            need = 0 if self.settings.limit_fill == "touch" else self._step(order)
            return at if order.side * (here - at) >= 0 and depth >= need else None
        if not order.waits_for_stop or way is not order.side:
            return None
        if kind is OrderType.TRAILING_STOP:
            if order.anchor is None:
                return None
            at = self._trail_stop(order)
        else:
            at = order.stop
        return at if way * (at - here) >= 0 and way * (end - at) >= 0 else None

    def _hit(self, order: Working, m: Market) -> None:
        if order.acts_as_limit:
            family = "limit" if order.request.order_type is OrderType.LIMIT else "stop_limit"
            self._trade_at(order, m, order.limit, f"{family}.path", resting=True)
            return
        order.triggered = True
        self._say("triggered", order, m.ts)
        if order.request.order_type is OrderType.STOP_LIMIT:
            self._point_of_limit(order, m, newly=True)
        else:
            self._take(order, m, f"{_TAKERS[order.request.order_type]}.path")
        self._end_if_immediate(order, m)

    # ---- fills ----

    def _take(self, order: Working, m: Market, rule: str) -> None:
        """Fill at the market's price; slippage comes on top."""
        self._fill(order, m, m.price(order.side), rule, Liquidity.TAKER, slips=True)

    def _trade_at(
        self,
        order: Working,
        m: Market,
        price: int,
        rule: str,
        *,
        resting: bool,
        at_most: int = UNLIMITED,
    ) -> None:
        """Fill a limit order; it pays no slippage."""
        liquidity = Liquidity.MAKER if resting else Liquidity.TAKER
        self._fill(order, m, price, rule, liquidity, slips=False, at_most=at_most)

    def _fill(
        self,
        order: Working,
        m: Market,
        reference: int,
        rule: str,
        liquidity: Liquidity,
        *,
        slips: bool,
        at_most: int = UNLIMITED,
    ) -> None:
        i = order.request.instrument
        reducible = self._reducible(order)
        if reducible == 0:
            self._end(order, "canceled", m.ts, reason="reduce_only_nothing_left")
            return
        lots = min(order.in_play, reducible, max(0, m.room[order.side]), at_most)
        is_all_or_none = order.request.time_in_force is TimeInForce.FOK
        if lots == 0 or (is_all_or_none and lots < order.in_play):
            return
        slip = self._slip(i, reference, lots, m) if slips else 0
        price = fill_price(self.instruments[i], order.side, reference, slip) if slips else reference
        fees, held = self.settings.fees, self.position_lots(i)
        fee = charge(fees, self.instruments[i], order.tab, lots, price, liquidity, order.side, held)
        kept = units_kept(fees, order.side, lots, liquidity)
        order.filled += lots
        self.state.positions[i] = held + order.side * lots - kept
        m.take(order.side, lots)
        self._say(
            "fill",
            order,
            m.ts,
            lots=lots,
            price_ticks=price,
            fee_minor=fee,
            fee_lots=kept,
            liquidity=int(liquidity),
            rule=rule,
            reference_ticks=reference,
        )
        self._after_fill(order, lots, m.ts)

    def _slip(self, i: int, reference: int, lots: int, m: Market) -> int:
        return slippage_ticks(
            self.settings.slippage,
            reference,
            lots,
            m.volume,
            self.instruments[i].price_step_ticks,
            on_quote=m.ask != m.bid,
        )

    def _after_fill(self, order: Working, lots: int, ts: int) -> None:
        for child in self._children(order):
            if child.accepted:
                self._arm(child, lots, ts)
            else:
                child.armed = min(child.quantity, child.armed + lots)
        for other in self._group(order):
            if not other.closed:
                self._shrink(other, lots, ts)
        if order.filled >= order.quantity:
            order.closed = True
            self._parent_ended(order, ts)
        elif order.in_play and self._reducible(order) == 0:
            self._end(order, "canceled", ts, reason="reduce_only_nothing_left")

    def _reducible(self, order: Working) -> int:
        if not order.is_reduce_only:
            return UNLIMITED
        i = order.request.instrument
        opposite = max(0, -order.side * self.position_lots(i))
        return opposite - opposite % self.instruments[i].quantity_step_lots

    # ---- linked orders ----

    def _children(self, order: Working) -> Iterable[Working]:
        return [w for w in self._alive() if w.request.parent_id == order.id]

    def _group(self, order: Working) -> Iterable[Working]:
        group = order.request.group_id
        return [
            w for w in self._alive() if group and w.request.group_id == group and w.id != order.id
        ]

    def _arm(self, child: Working, lots: int, ts: int) -> None:
        before = child.armed
        child.armed = min(child.quantity, child.armed + lots)
        if child.armed > before:
            self._say("armed", child, ts, lots=child.armed)
            self.state.unchecked.add(child.id)
            self.state.tried.discard(child.id)

    def _shrink(self, other: Working, lots: int, ts: int) -> None:
        """A fill of a member of the group leaves less to do for this one."""
        other.quantity = max(other.filled, other.quantity - lots)
        other.armed = max(other.filled, other.armed - lots)
        if other.quantity == other.filled:
            self._end(other, "canceled", ts, reason="oco")

    def _end(self, order: Working, kind: str, ts: int, reason: str = "") -> None:
        if not order.accepted and not order.is_child:
            order.accepted = True
            self._say("accepted", order, ts)
        order.closed = True
        self._say(kind, order, ts, reason=reason)
        self._parent_ended(order, ts)

    def _parent_ended(self, parent: Working, ts: int) -> None:
        """No more fills of the parent: its children go on alone with what was armed, or end."""
        ended = {parent.id}
        for child in self._alive():
            if child.request.parent_id not in ended or child.is_released:
                continue
            child.is_released = True
            child.quantity = min(child.quantity, child.armed)
            if child.filled >= child.quantity:
                child.closed = True
                self._say("canceled", child, ts, reason="parent_ended")
                ended.add(child.id)

    # ---- arithmetic ----

    def _step(self, order: Working) -> int:
        return self.instruments[order.request.instrument].price_step_ticks

    def _trail_stop(self, order: Working) -> int:
        assert order.anchor is not None
        trail = order.trail
        if order.request.trail_ppm:
            step = self._step(order)
            exact = Fraction(order.anchor * order.request.trail_ppm, 10**6)
            trail = ceiling(exact / step) * step
        return order.anchor + order.side * trail

    def _capped(self, i: int, size: int | None) -> int:
        if self.settings.volume_cap is None or size is None:
            return UNLIMITED
        cap = Fraction(str(self.settings.volume_cap)) * size
        return _floor(cap, self.instruments[i].quantity_step_lots)

    def _room(self, i: int, size: int | None) -> dict[Side, int]:
        return dict.fromkeys(Side, self._capped(i, size))

    def _split_order(self, order: Working, ts: int, ratio: Fraction) -> None:
        lot = self.instruments[order.request.instrument].quantity_step_lots
        rest = _floor((order.quantity - order.filled) * ratio, lot)
        live = _floor(order.in_play * ratio, lot)
        if order.closed:  # its parent ended a moment ago
            return
        if rest == 0:
            self._end(order, "canceled", ts, reason="split")
            return
        order.filled = _floor(order.filled * ratio, 1)
        order.quantity, order.armed = order.filled + rest, order.filled + live
        order.limit, order.stop = self._split_prices(order, order.limit, order.stop, ratio)
        up = order.side is Side.BUY
        order.trail = self._split_price(order, order.trail, ratio, up=True)
        if order.anchor is not None:
            order.anchor = self._split_price(order, order.anchor, ratio, up=up)
        order.ahead = None

    def _split_prices(
        self, order: Working, limit: int, stop: int, ratio: Fraction
    ) -> tuple[int, int]:
        """Round so that nothing fills or triggers earlier than before."""
        buys = order.side is Side.BUY
        return (
            self._split_price(order, limit, ratio, up=not buys),
            self._split_price(order, stop, ratio, up=buys),
        )

    def _split_price(self, order: Working, price: int, ratio: Fraction, *, up: bool) -> int:
        if price == 0:
            return 0
        step = self._step(order)
        steps = price / ratio / step
        return max(step, (ceiling(steps) if up else steps.__floor__()) * step)

    def _split_command(self, command: Command, i: int, num: int, den: int) -> Command:
        order = self.state.orders[command.order_id]
        if order.request.instrument != i or not command.changes:
            return command
        ratio, old = Fraction(num, den), command.changes
        limit, stop = self._split_prices(order, old["limit"] or 0, old["stop"] or 0, ratio)
        quantity = old["quantity"]
        if quantity is not None:
            quantity = _floor(quantity * ratio, self.instruments[i].quantity_step_lots)
        changes = {"quantity": quantity, "limit": limit or None, "stop": stop or None}
        return replace(command, changes=changes)


def _floor(amount: Fraction, step: int) -> int:
    return amount.__floor__() // step * step


def _further(side: Side, anchor: int, price: int) -> int:
    """Return the better anchor of a trailing stop: the lowest price for a buy."""
    return min(anchor, price) if side is Side.BUY else max(anchor, price)


def _expires_before(order: Working, ts: int) -> bool:
    return order.request.time_in_force is TimeInForce.GTD and order.request.expire_ns < ts


def _watch_queue(order: Working, price: int, size: int) -> None:
    """Learn from the shown best price how many lots are ahead of a resting order."""
    if order.side * (order.limit - price) > 0:
        order.ahead = 0
    elif order.limit == price and size >= 0:
        order.ahead = size if order.ahead is None else min(order.ahead, size)
