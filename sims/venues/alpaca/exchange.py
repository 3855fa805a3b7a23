"""The venue's truth: the fill book, its orders, executions and account, and what it says of them.

Everything that happens is a `Happening`, in order.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Sequence
from typing import Final

from engine.model import layout as at
from engine.model.instruments import Instrument
from engine.model.units import NS_PER_SECOND, to_minor
from sims.fillbook import BookEvent, FillBook
from sims.fillbook import layout as book_at
from sims.paper.tally import Tally
from sims.venues.alpaca.actions import follow_action, follow_trails
from sims.venues.alpaca.booking import book_request
from sims.venues.alpaca.cash import CashActivity, charge_coins, charge_sales, kept_of
from sims.venues.alpaca.happenings import Happening
from sims.venues.alpaca.hours import Hours
from sims.venues.alpaca.market import Row, Shown
from sims.venues.alpaca.orders import Asset, Fill, Order
from sims.venues.alpaca.replacing import put_in_place, refuse_replacement
from sims.venues.alpaca.settings import VenueSettings

_FIRST_CALENDAR, _ALWAYS_OPEN = 0, 1
_REMEMBERED: Final = 10_000  # happenings, for reads that lag behind


class Exchange:
    """Orders, executions and cash of one account over a fill book.

    Parameters
    ----------
    instruments
        What is listed; market events name them by their place.
    hours
        When shares trade. Crypto always does.
    now_ns
        The venue's time.
    speed
        How much faster it passes than the clock.
    tell
        Called with everything that happens.
    """

    def __init__(
        self,
        instruments: Sequence[Instrument],
        hours: Hours,
        settings: VenueSettings,
        now_ns: Callable[[], int],
        speed: float = 1.0,
        tell: Callable[[Happening], None] = lambda happening: None,
    ) -> None:
        least = settings.coin_order_least
        self.assets = [
            Asset(n, item, settings.life, coin_order_least=least)
            for n, item in enumerate(instruments)
        ]
        self.by_symbol = {asset.symbol: asset for asset in self.assets}
        self.hours, self.settings, self.tell = hours, settings, tell
        self._time, self._event_ns = now_ns, 0
        self._moment_ns = round(settings.moment_seconds * max(speed, 1.0) * NS_PER_SECOND)
        self.shown = [Shown() for _ in instruments]
        self.announced: list[Row] = []  # corporate actions, those to come too
        self.orders: dict[str, Order] = {}  # by id, in order of their submission
        self.by_client_id: dict[str, Order] = {}
        self.fills: list[Fill] = []
        self.cash_activities: list[CashActivity] = []
        self.untold_activities: list[CashActivity] = []  # moved, and told later
        self._charged = 0  # fills whose fees were charged
        self.happenings: deque[Happening] = deque(maxlen=_REMEMBERED)
        self._happened = 0
        self.tally = Tally.opened(
            instruments, "USD", to_minor(settings.cash, name="the account's cash")
        )
        self.is_blocked = self.is_suspended = self.is_forced_closed = False
        self.no_shorting = not settings.is_shorting or settings.multiplier == 1
        self.equity_marks: list[tuple[int, int]] = []  # at each close
        self.book = FillBook(instruments, settings.book)
        self.book.arrays.settings[book_at.SETTING_HOURS] = 1
        for asset in self.assets:
            calendar = _ALWAYS_OPEN if asset.is_crypto else _FIRST_CALENDAR
            self.book.arrays.terms[asset.number, at.TERM_CALENDAR] = calendar
        self._by_number: dict[int, Order] = {}
        self._numbers = 0
        self._used_before: frozenset[str] = frozenset()
        self._remember: Callable[[str], None] = lambda client_id: None
        if not self.is_open:
            self._close_book()

    def now_ns(self) -> int:
        """Return the venue's time; while an event of the market is met, the event's."""
        return self._event_ns or self._time()

    # --- the market ------------------------------------------------------------------------------
    @property
    def is_open(self) -> bool:
        """Whether shares trade now."""
        return not self.is_forced_closed and self.hours.is_open(self._time())

    def trades_now(self, asset: Asset) -> bool:
        """Return whether an instrument trades now."""
        return asset.is_crypto or self.is_open

    def meet(self, row: Row) -> None:
        """Let working orders meet one event; then it is shown."""
        self._event_ns = row[at.EVENT_TS]
        self.hear(self.book.meet(row))
        follow_trails(self)
        self._event_ns = 0
        if row[at.EVENT_INSTRUMENT] >= 0:
            follow_action(self, row)
            self.shown[row[at.EVENT_INSTRUMENT]].add(row)

    def open_session(self, ns: int) -> None:
        """A session of shares opens: what was queued begins to work."""
        if self.is_forced_closed:
            return
        self._event_ns = ns
        self.hear(self.book.on_session_open(ns, _FIRST_CALENDAR))
        for order in self.working():
            if order.status == "accepted" and not order.asset.is_crypto:
                self.set_status(order, "new", "new")
        self._event_ns = 0

    def close_session(self, ns: int) -> None:
        """A session of shares closes: day orders end."""
        self._event_ns = ns
        self.hear(self.book.on_session_close(ns, _FIRST_CALENDAR))
        charge_sales(self, self._charged)
        self._charged = len(self.fills)
        self.equity_marks.append((ns, self.equity_minor()))
        self._event_ns = 0

    def _close_book(self) -> None:
        self.book.on_session_close(self.now_ns(), _FIRST_CALENDAR)

    def force_closed(self, *, closed: bool) -> None:
        """Close the venue out of its hours, or let it follow them again."""
        was_open = self.is_open
        self.is_forced_closed = closed
        if was_open and not self.is_open:
            self._close_without_expiry()
        elif self.is_open and not was_open:
            self.open_session(self.now_ns())

    def _close_without_expiry(self) -> None:
        for asset in self.assets:
            if not asset.is_crypto:
                self.book.arrays.market[asset.number, book_at.MARKET_HALTED] |= (
                    book_at.HALTED_OUTSIDE
                )

    def equity_minor(self) -> int:
        """Return cash and the value of all positions."""
        return self.tally.cash["USD"] + sum(self.value_minor(asset) for asset in self.assets)

    def value_minor(self, asset: Asset) -> int:
        """Return what a position is worth at the last price, negative for short."""
        lots = self.tally.held[asset.number].lots
        item, price = asset.instrument, self.shown[asset.number].last_ticks
        return lots * price * item.notional_numerator // item.notional_denominator

    # --- orders ----------------------------------------------------------------------------------
    def next_number(self) -> int:
        """Return the number of a new order: it is also its priority."""
        self._numbers += 1
        return self._numbers

    def working(self) -> list[Order]:
        """Return all orders that have not ended, oldest first."""
        return [order for order in self._by_number.values() if not order.is_final]

    def at_book(self, number: int) -> Order | None:
        """Return an order by its number at the book; None of one that has ended long ago."""
        return self._by_number.get(number)

    def register(self, order: Order) -> None:
        """Keep an order; its client id is used from now on, forever."""
        self.orders[order.id] = self._by_number[order.number] = order
        self.by_client_id[order.client_id] = order
        self._remember(order.client_id)

    def is_used(self, client_id: str) -> bool:
        """Return whether the account has ever used a client id."""
        return client_id in self.by_client_id or client_id in self._used_before

    def remember_ids(self, used: Sequence[str], remember: Callable[[str], None]) -> None:
        """Take over the client ids of a life before, and tell new ones; orders get numbers after them."""
        self._used_before, self._remember = frozenset(used), remember
        self._numbers = len(used)

    def start(self, order: Order) -> None:
        """Send an order to the book, where it is taken to have been for a moment.

        At a venue it would trade at once, at the price of that moment. Bars have a price for their start and
        for their end, and for no time between: who comes just after the start is there at the start.
        """
        order.is_at_book = True
        now_ns = self.now_ns()
        self.hear(self.book.submit(book_request(order), now_ns - self._moment_ns))
        self.hear(self.book.catch_up(order.asset.number, now_ns))

    def ask_cancel(self, order: Order) -> None:
        """Ask the book to end an order; it answers now, or with the next event."""
        if not order.is_at_book:
            self.end(order, "canceled")
            return
        now_ns = self.now_ns()
        self.hear(self.book.cancel(order.number, now_ns))
        self.hear(self.book.catch_up(order.asset.number, now_ns))

    def take_away(self, order: Order, status: str) -> None:
        """Take an order from the book without asking; with a status it ends so."""
        order.is_detached = True
        self.book.cancel(order.number, self.now_ns())
        self.book.catch_up(order.asset.number, self.now_ns())
        if status:
            self.end(order, status)

    def cap_sizes(self) -> None:
        """Let no event fill more than it shows, from now on."""
        self.book.arrays.settings[book_at.SETTING_VOLUME_CAP_PPB] = 10**9

    def price_of(self, order: Order) -> int:
        """Return a price for a fill that the market does not give: its limit, else the last price."""
        return order.limit_ticks or self.shown[order.asset.number].last_ticks

    def set_status(self, order: Order, status: str, event: str, fill: Fill | None = None) -> None:
        """Change an order and say so."""
        order.status, order.updated_ns = status, self.now_ns()
        self.say(event, order, fill)

    def say(self, event: str, order: Order, fill: Fill | None = None) -> None:
        """Tell something of an order."""
        self._happened += 1
        one = Happening(self._happened, event, self.now_ns(), order.record(), fill)
        self.happenings.append(one)
        self.tell(one)

    # --- what the book says ----------------------------------------------------------------------
    def hear(self, facts: Sequence[BookEvent]) -> None:
        """Follow what the book has done."""
        for fact in facts:
            order = self.at_book(fact.order_id)
            if order is not None and not order.is_detached:
                self._follow(order, fact)
        self._forget_ended()

    def _follow(self, order: Order, fact: BookEvent) -> None:
        match fact.kind:
            case "accepted":
                self._take_in(order)
            case "fill":
                self.execute(order, fact.lots, fact.price_ticks, fact.fee_minor, fact.fee_lots)
            case "canceled" if order.wanted is not None and fact.reason == "canceled_by_request":
                put_in_place(self, order, order.wanted)
            case "canceled" | "expired" | "rejected":
                refuse_replacement(self, order)
                self.end(order, fact.kind)
            case "cancel_rejected" if order.wanted is not None:
                refuse_replacement(self, order)
            case "cancel_rejected":
                self.say("order_cancel_rejected", order)

    def _take_in(self, order: Order) -> None:
        if order.status != "pending_new":
            return
        if self.trades_now(order.asset):
            self.set_status(order, "new", "new")
        else:
            self.set_status(order, "accepted", "accepted")

    def execute(
        self, order: Order, lots: int, price_ticks: int, fee_minor: int = 0, fee_lots: int = 0
    ) -> Fill:
        """Book a fill of an order and say so."""
        asset, now_ns = order.asset, self.now_ns()
        item = asset.instrument
        fee_lots += kept_of(self, order, lots)
        self.tally.fill(asset.number, item, order.sign * lots, price_ticks, fee_minor, fee_lots)
        order.filled_lots += lots
        order.value += item.ticks_to_price(price_ticks) * item.lots_to_quantity(lots)
        leaves = max(order.lots - order.filled_lots, 0)
        status = order.status if order.is_final else "partially_filled" if leaves else "filled"
        fill = Fill(
            len(self.fills) + 1,
            order,
            now_ns,
            lots,
            price_ticks,
            leaves,
            order.filled_lots,
            self.tally.held[asset.number].lots,
            status,
            kept_lots=fee_lots,
        )
        self.fills.append(fill)
        charge_coins(self, fill)
        if leaves == 0:
            order.times.setdefault("filled_at", now_ns)
        pending = order.status in ("pending_cancel", "pending_replace") and leaves > 0
        event = "partial_fill" if leaves else "fill"
        self.set_status(order, order.status if pending else status, event, fill)
        if leaves == 0:
            self._release_legs(order)
        return fill

    def bust(self, fill: Fill) -> Fill:
        """Take a fill back: position and cash are as if it had not been."""
        order, asset = fill.order, fill.order.asset
        item = asset.instrument
        self.tally.fill(asset.number, item, -order.sign * fill.lots, fill.price_ticks, 0, 0)
        order.filled_lots -= fill.lots
        order.value -= item.ticks_to_price(fill.price_ticks) * item.lots_to_quantity(fill.lots)
        back = Fill(
            len(self.fills) + 1,
            order,
            self.now_ns(),
            fill.lots,
            fill.price_ticks,
            0,
            order.filled_lots,
            self.tally.held[asset.number].lots,
            order.status,
            busts=fill,
        )
        self.fills.append(back)
        self.set_status(order, order.status, "trade_bust", back)
        return back

    def end(self, order: Order, status: str) -> None:
        """End an order unfilled, and legs that wait for it."""
        if order.is_final:
            return
        times = {"canceled": "canceled_at", "expired": "expired_at", "rejected": "failed_at"}
        order.times[times[status]] = self.now_ns()
        self.set_status(order, status, status)
        for leg in order.legs:
            if not leg.is_final and not leg.is_at_book:
                self.end(leg, "canceled")

    def _release_legs(self, order: Order) -> None:
        """The entry is filled completely: its legs begin to work."""
        for leg in order.legs:
            if leg.status == "held":
                leg.status = "pending_new"
                self.start(leg)

    def _forget_ended(self) -> None:
        """The book's numbers of ended orders are not looked through again; late fills use `orders`."""
        if len(self._by_number) > 256:
            self._by_number = {n: o for n, o in self._by_number.items() if not o.is_final}
