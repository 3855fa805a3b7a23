"""What the account's owner can ask for: submit, replace, cancel, close."""

from __future__ import annotations

from decimal import Decimal

from sims.venues.alpaca import rules
from sims.venues.alpaca.account import order_price
from sims.venues.alpaca.exchange import Exchange
from sims.venues.alpaca.orders import Asset, Order
from sims.venues.alpaca.refusals import Refusal, against_rules, malformed, not_found
from sims.venues.alpaca.replacing import refuse_replacement, replace
from sims.venues.alpaca.tickets import Change, Leg, Ticket
from sims.venues.alpaca.words import Record, identity, number_text

_PENDING = ("pending_cancel", "pending_replace", "pending_new")


class Desk:
    """Requests for orders of one account."""

    def __init__(self, exchange: Exchange) -> None:
        self._exchange = exchange

    def _client_id(self, number: int) -> str:
        """Return a client id for an order that has been given none."""
        return identity("client", f"{self._exchange.settings.life}:{number}")

    # --- submit ----------------------------------------------------------------------------------
    def submit(self, ticket: Ticket) -> Record:
        """Take an order; return it as it is before the book has seen it.

        Raises
        ------
        Refusal
            If the venue does not take it.
        """
        exchange = self._exchange
        rules.require_new_client_id(exchange, ticket.client_id)
        rules.require_account(exchange)
        asset = exchange.by_symbol.get(ticket.symbol) or _crypto(exchange, ticket.symbol)
        if asset is None:
            raise against_rules(f'asset "{ticket.symbol}" not found')
        rules.require_kind(exchange, asset, ticket)
        order = self._made(asset, ticket)
        rules.require_room(exchange, order)
        return self._begin(order)

    def _begin(self, order: Order) -> Record:
        exchange = self._exchange
        exchange.register(order)
        for leg in order.legs:
            exchange.register(leg)
        exchange.say("pending_new", order)
        told = order.record(nested=True)
        exchange.start(order)
        if order.order_class == "oco":
            exchange.start(order.legs[0])
        return told

    def _made(self, asset: Asset, ticket: Ticket) -> Order:
        exchange, item = self._exchange, asset.instrument
        number, now_ns = exchange.next_number(), exchange.now_ns()
        limit = ticket.limit
        if ticket.order_class == "oco" and ticket.take_profit is not None:
            limit = ticket.take_profit.limit  # the take-profit is the parent
        order = Order(
            number,
            asset,
            ticket.client_id or self._client_id(number),
            ticket.sign,
            ticket.type,
            ticket.time_in_force,
            0,
            now_ns,
            limit_ticks=rules.price_ticks(item, limit, "limit_price"),
            stop_ticks=rules.price_ticks(item, ticket.stop, "stop_price"),
            trail_ticks=rules.price_ticks(item, ticket.trail_price, "trail_price"),
            trail_ppm=_ppm(ticket.trail_percent),
            notional=ticket.notional,
            extended_hours=ticket.extended_hours,
            order_class="" if ticket.order_class == "simple" else ticket.order_class,
            intent=ticket.intent or _intent(exchange, asset, ticket.sign),
        )
        if ticket.time_in_force == "day" and not asset.is_crypto:
            order.expires_ns = exchange.hours.next_close(now_ns)
        order.lots = rules.lots_of(asset, ticket, order_price(exchange, order))
        if order.order_class:
            self._add_legs(order, ticket)
            rules.require_legs(order)
        return order

    def _add_legs(self, order: Order, ticket: Ticket) -> None:
        is_oco = order.order_class == "oco"
        wanted = [ticket.stop_loss] if is_oco else [ticket.take_profit, ticket.stop_loss]
        order.legs = [self._leg(order, leg) for leg in wanted if leg is not None]
        members = [order, *order.legs] if is_oco else order.legs
        if len(members) > 1:
            for each in members:
                each.group = order.number

    def _leg(self, order: Order, leg: Leg) -> Order:
        item = order.asset.instrument
        number = self._exchange.next_number()
        is_oco = order.order_class == "oco"
        kind = "limit" if leg.stop is None else "stop" if leg.limit is None else "stop_limit"
        return Order(
            number,
            order.asset,
            self._client_id(number),
            order.sign if is_oco else -order.sign,
            kind,
            order.time_in_force,
            order.lots,
            order.created_ns,
            limit_ticks=rules.price_ticks(item, leg.limit, "limit_price"),
            stop_ticks=rules.price_ticks(item, leg.stop, "stop_price"),
            order_class=order.order_class,
            intent="sell_to_close" if order.sign * (1 if is_oco else -1) < 0 else "buy_to_close",
            status="pending_new" if is_oco else "held",
            parent=order,
            expires_ns=order.expires_ns,
        )

    # --- cancel ----------------------------------------------------------------------------------
    def cancel(self, order: Order) -> None:
        """Ask to end an order, and what hangs together with it.

        Raises
        ------
        Refusal
            If it has ended, or a cancel is on its way.
        """
        if order.is_final or order.status == "pending_cancel":
            raise against_rules(f'order is already in "{order.status}" state')
        refuse_replacement(self._exchange, order)
        if order.status != "held":
            self._exchange.set_status(order, "pending_cancel", "pending_cancel")
        self._exchange.ask_cancel(order)
        for sibling in order.parent.legs if order.parent is not None else ():
            if sibling.status == "held":
                self._exchange.ask_cancel(sibling)

    def cancel_all(self) -> list[Record]:
        """Ask to end all orders."""
        answers: list[Record] = []
        for order in self._exchange.working():
            if order.is_final:
                continue
            try:
                if order.status != "pending_cancel":
                    self.cancel(order)
                answers.append({"id": order.id, "status": 200})
            except Refusal as refusal:
                answers.append({"id": order.id, "status": refusal.status, "body": refusal.body()})
        return answers

    # --- replace ---------------------------------------------------------------------------------
    def replace(self, old: Order, change: Change) -> Record:
        """Take an order in place of another; it gets an id of its own."""
        exchange = self._exchange
        if old.is_final:
            raise against_rules(f'order is already in "{old.status}" state')
        if old.status in _PENDING:
            raise against_rules(f"cannot replace order in {old.status} status")
        rules.require_new_client_id(exchange, change.client_id)
        rules.require_account(exchange)
        if old.notional is not None:
            raise against_rules("notional orders cannot be replaced")
        new = self._changed(old, change)
        if new.lots <= old.filled_lots:
            raise against_rules("qty must be greater than the filled qty")
        if old.status != "held":
            new.filled_lots = old.filled_lots
            rules.require_room(exchange, new, without=old)
            new.filled_lots = 0
        replace(exchange, old, new)
        return new.record()

    def _changed(self, old: Order, change: Change) -> Order:
        item, number = old.asset.instrument, self._exchange.next_number()
        _require_fitting(old, change)
        quantity = change.quantity
        new = Order(
            number,
            old.asset,
            change.client_id or self._client_id(number),
            old.sign,
            old.type,
            change.time_in_force or old.time_in_force,
            old.lots if quantity is None else rules.quantity_lots(old.asset, quantity),
            self._exchange.now_ns(),
            limit_ticks=rules.price_ticks(item, change.limit, "limit_price") or old.limit_ticks,
            stop_ticks=rules.price_ticks(item, change.stop, "stop_price") or _stop_of(old),
            trail_ticks=old.trail_ticks,
            trail_ppm=old.trail_ppm,
            extended_hours=old.extended_hours,
            order_class=old.order_class,
            intent=old.intent,
            expires_ns=old.expires_ns,
            replaces=old,
            group=old.group,
        )
        if change.trail is not None and old.trail_ticks:
            new.trail_ticks = rules.price_ticks(item, change.trail, "trail")
        elif change.trail is not None:
            new.trail_ppm = _ppm(change.trail)
        return new

    # --- positions -------------------------------------------------------------------------------
    def close(
        self, asset: Asset, quantity: Decimal | None = None, percentage: Decimal | None = None
    ) -> Record:
        """Ask to close a position, or a part of it, at the market."""
        lots = self._exchange.tally.held[asset.number].lots
        if lots == 0:
            raise not_found("position does not exist")
        item = asset.instrument
        whole = item.lots_to_quantity(abs(lots))
        if quantity is not None and percentage is not None:
            raise malformed("only one of qty and percentage")
        if percentage is not None:
            if not 0 < percentage <= 100:
                raise malformed("percentage must be between 0 and 100")
            steps = int(whole * percentage / 100 / item.lot_size)
            quantity = steps * item.lot_size
        tif = "gtc" if asset.is_crypto else "day"
        side = "sell" if lots > 0 else "buy"
        wanted = whole if quantity is None else quantity
        return self.submit(Ticket(asset.symbol, side, "market", tif, quantity=wanted))

    def close_all(self, *, cancel_orders: bool) -> list[Record]:
        """Ask to close all positions."""
        if cancel_orders:
            self.cancel_all()
        answers: list[Record] = []
        for asset in self._exchange.assets:
            if self._exchange.tally.held[asset.number].lots == 0:
                continue
            try:
                body, status = self.close(asset), 200
            except Refusal as refusal:
                body, status = refusal.body(), refusal.status
            answers.append({"symbol": asset.symbol, "status": status, "body": body})
        return answers


def _crypto(exchange: Exchange, symbol: str) -> Asset | None:
    """Return the pair of a name without its slash."""
    for asset in exchange.assets:
        if asset.is_crypto and asset.symbol.replace("/", "") == symbol:
            return asset
    return None


def _intent(exchange: Exchange, asset: Asset, sign: int) -> str:
    closes = exchange.tally.held[asset.number].lots * sign < 0
    return f"{'buy' if sign > 0 else 'sell'}_to_{'close' if closes else 'open'}"


def _ppm(percent: Decimal | None) -> int:
    if percent is None:
        return 0
    ppm = percent * 10_000
    if ppm != ppm.to_integral_value() or not 0 < percent < 100:
        raise malformed(f"invalid trail_percent {number_text(percent)}")
    return int(ppm)


def _stop_of(order: Order) -> int:
    """Return the stop price that an order was given; a trailing one has its own."""
    return 0 if order.type == "trailing_stop" else order.stop_ticks


def _require_fitting(old: Order, change: Change) -> None:
    """Refuse a change of what the order does not have."""
    if change.limit is not None and not old.limit_ticks:
        raise against_rules(f"{old.type} orders have no limit price")
    if change.stop is not None and not _stop_of(old):
        raise against_rules(f"{old.type} orders have no stop price")
    if change.trail is not None and old.type != "trailing_stop":
        raise against_rules(f"{old.type} orders have no trail")
    if old.parent is not None and change.quantity is not None:
        raise against_rules("the qty of a leg cannot be replaced")
