"""An order in place of another: at this venue a new one, with an id of its own."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sims.venues.alpaca.orders import Order

if TYPE_CHECKING:
    from sims.venues.alpaca.exchange import Exchange


def replace(exchange: Exchange, old: Order, new: Order) -> None:
    """Ask for an order in place of another; the book may refuse, or fill the old one first."""
    exchange.register(new)
    old.wanted = new
    if not old.is_at_book:
        put_in_place(exchange, old, new)
        return
    old.previous = old.status
    exchange.set_status(old, "pending_replace", "pending_replace")
    exchange.ask_cancel(old)


def put_in_place(exchange: Exchange, old: Order, new: Order) -> None:
    """The old order has ended in favour of a new one."""
    old.wanted, old.replaced_by = None, new
    old.times["replaced_at"] = exchange.now_ns()
    new.carried_lots = new.filled_lots = old.filled_lots
    new.value, new.legs, new.parent = old.value, old.legs, old.parent
    for leg in new.legs:
        leg.parent = new
    if old.parent is not None:
        siblings = old.parent.legs
        siblings[siblings.index(old)] = new
    exchange.set_status(old, "replaced", "replaced")
    if new.carried_lots >= new.lots:
        exchange.end(new, "canceled")
    elif old.is_at_book:
        exchange.start(new)
    else:
        exchange.set_status(new, "held", "new")


def refuse_replacement(exchange: Exchange, order: Order) -> None:
    """Say that an order stays what it was, where another was wanted for it."""
    new, order.wanted = order.wanted, None
    if new is None:
        return
    if order.status == "pending_replace":
        order.status = "partially_filled" if order.filled_lots else order.previous
    exchange.say("order_replace_rejected", order)
    new.status = "rejected"
    new.times["failed_at"] = exchange.now_ns()
