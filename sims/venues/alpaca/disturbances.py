"""What goes wrong at the venue itself: halts, a thin book, surprises after an order has ended."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress

from engine.errors import InputError
from engine.model import layout as at
from engine.model.units import NS_PER_SECOND, parse_decimal
from sims.venues.alpaca.desk import Desk
from sims.venues.alpaca.exchange import Exchange
from sims.venues.alpaca.faults import Fault, FaultKind, Schedule
from sims.venues.alpaca.happenings import Happening
from sims.venues.alpaca.market import Row
from sims.venues.alpaca.orders import Asset, Order
from sims.venues.alpaca.refusals import Refusal
from sims.venues.alpaca.tickets import Ticket

Later = Callable[[int, Callable[[], object]], None]


class Disturbances:
    """The faults of the venue.

    Parameters
    ----------
    later
        Does something at a time of the venue.
    restart
        Goes away for some seconds of the clock.
    show
        Lets an event happen in the market.
    """

    def __init__(
        self,
        exchange: Exchange,
        schedule: Schedule,
        later: Later,
        restart: Callable[[float], None],
        show: Callable[[Row], None],
    ) -> None:
        self._exchange, self._schedule = exchange, schedule
        self._later, self._restart, self._show = later, restart, show
        self._thin: dict[int, int] = {}  # the most lots that an event shows, by instrument
        self.clock_offset_ns = 0

    # --- occasions -------------------------------------------------------------------------------
    def add(self, fault: Fault) -> None:
        """Schedule a fault.

        Raises
        ------
        InputError
            If it is about an instrument that is not listed.
        """
        if fault.symbol and fault.symbol not in self._exchange.by_symbol:
            raise InputError(f"{fault.kind}: {fault.symbol!r} is not listed", code="venue.fault")
        if fault.time:
            self._later(fault.time_ns, lambda: self._act(fault))
        else:
            self._schedule.add(fault)

    @property
    def waiting(self) -> int:
        """How many faults wait for an occasion."""
        return self._schedule.left

    def clear(self) -> None:
        """Forget all that wait for an occasion."""
        self._schedule.clear()

    def on_request(self, operation: str) -> list[Fault]:
        """Let the venue's faults of a request happen; return those of its answer."""
        answers: list[Fault] = []
        for fault in self._schedule.take(operation, is_request=True):
            if not self._act(fault):
                answers.append(fault)
        return answers

    def on_happening(self, one: Happening) -> None:
        """Follow what happens to orders: some faults wait for that."""
        order = self._exchange.orders.get(str(one.order["id"]))
        if order is None:
            return
        if one.event in ("new", "accepted") and order.replaces is None:
            self._surprise("submitted", order)
        elif one.event == "canceled":
            self._surprise("canceled", order)
        elif one.event in ("fill", "partial_fill"):
            self._surprise("executed", order)
            if one.event == "fill":
                self._surprise("filled", order)

    def thinned(self, row: Row) -> Row:
        """Return an event with no more size than the book is to have."""
        most = self._thin.get(row[at.EVENT_INSTRUMENT])
        if most is None:
            return row
        columns = {
            at.KIND_QUOTE: (at.QUOTE_BID_SIZE, at.QUOTE_ASK_SIZE),
            at.KIND_TRADE: (at.TRADE_SIZE,),
            at.KIND_BAR: (at.BAR_VOLUME,),
        }.get(row[at.EVENT_KIND], ())
        row = list(row)
        for column in columns:
            row[column] = most if row[column] == at.UNKNOWN else min(row[column], most)
        return row

    # --- what they do ----------------------------------------------------------------------------
    def _surprise(self, occasion: str, order: Order) -> None:
        """Let the faults of an order happen once what is happening is over."""
        for fault in self._schedule.take(occasion):
            self._later(self._exchange.now_ns(), lambda fault=fault: self._befall(fault, order))  # type: ignore[misc]

    def _act(self, fault: Fault) -> bool:
        exchange = self._exchange
        match fault.kind:
            case FaultKind.MARKET_CLOSED:
                exchange.force_closed(closed=True)
                self._undo(fault, lambda: exchange.force_closed(closed=False))
            case FaultKind.HALT:
                self._halt(fault, at.KIND_HALT)
                self._undo(fault, lambda: self._halt(fault, at.KIND_RESUME))
            case FaultKind.THIN_BOOK:
                asset = exchange.by_symbol[fault.symbol]
                self._thin[asset.number] = _lots(asset, fault)
                exchange.cap_sizes()
                self._undo(fault, lambda: self._thin.pop(asset.number, None))
            case FaultKind.BLOCKED:
                exchange.is_blocked = True
                self._undo(fault, lambda: setattr(exchange, "is_blocked", False))
            case FaultKind.CLOCK_OFFSET:
                self.clock_offset_ns = round(fault.offset * NS_PER_SECOND)
                self._undo(fault, lambda: setattr(self, "clock_offset_ns", 0))
            case FaultKind.FOREIGN_ORDER:
                self._order_by_hand(fault)
            case FaultKind.RESTART:
                self._restart(fault.seconds)
            case _:
                return False
        return True

    def _undo(self, fault: Fault, action: Callable[[], object]) -> None:
        if fault.seconds:
            ns = self._exchange.now_ns() + round(fault.seconds * NS_PER_SECOND)
            self._later(ns, action)

    def _halt(self, fault: Fault, kind: int) -> None:
        row = [0] * at.EVENT_WIDTH
        row[at.EVENT_TS], row[at.EVENT_KIND] = self._exchange.now_ns(), kind
        row[at.EVENT_INSTRUMENT] = self._exchange.by_symbol[fault.symbol].number
        self._show(row)

    def _order_by_hand(self, fault: Fault) -> None:
        """Somebody trades on the account."""
        asset = self._exchange.by_symbol[fault.symbol]
        quantity = parse_decimal(fault.quantity, name="quantity")
        tif = "gtc" if asset.is_crypto else "day"
        ticket = Ticket(asset.symbol, fault.side, "market", tif, quantity=quantity)
        with suppress(Refusal):
            Desk(self._exchange).submit(ticket)

    def _befall(self, fault: Fault, order: Order) -> None:
        exchange = self._exchange
        lots, price = _lots(order.asset, fault), exchange.price_of(order)
        match fault.kind:
            case FaultKind.REJECT if not order.is_final:
                exchange.take_away(order, "rejected")
            case FaultKind.PARTIAL_THEN_CANCEL if not order.is_final:
                exchange.take_away(order, "")
                exchange.execute(order, min(lots, order.open_lots), price)
                exchange.end(order, "canceled")
            case FaultKind.LATE_FILL | FaultKind.OVERFILL:
                exchange.execute(order, lots, price)
            case FaultKind.BUST:
                of_order = [each for each in exchange.fills if each.order is order]
                if of_order and of_order[-1].busts is None:
                    exchange.bust(of_order[-1])


def _lots(asset: Asset, fault: Fault) -> int:
    return asset.instrument.quantity_to_lots(fault.quantity)
