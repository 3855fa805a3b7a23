"""What the venue can do with shares and with coins, as data.

Read by whoever decides whether a strategy may run here, and by README.md.
"""

from __future__ import annotations

from typing import Final

import msgspec

from brokers.alpaca.coins import TYPES
from engine.model.orders import OrderType, TimeInForce


class Capabilities(msgspec.Struct, frozen=True):
    """One venue's abilities, in the words of all venues."""

    client_id_scope: str
    client_id_lookup: bool
    client_id_length: int
    replace: str
    replace_quantity: str
    cancel_all: str
    order_types: tuple[OrderType, ...]
    times_in_force: tuple[TimeInForce, ...]
    post_only: bool
    reduce_only: bool
    brackets: bool
    oco: bool
    flips: bool  # one order takes a position from long to short
    fractional: bool
    price_decimals: (
        int | None
    )  # that an order's price may always have; None: each instrument has its own
    short: bool
    extended_hours: bool
    closed_market: str
    push_orders: bool
    sequence_numbers: bool
    fee_in: str
    fee_may_reduce_quantity: bool
    requests_per_minute: int


ALPACA: Final = Capabilities(
    client_id_scope="account, forever",
    client_id_lookup=True,
    client_id_length=128,
    replace="a new order with a new id; refused once it is partly filled",
    replace_quantity="total",
    cancel_all="account",
    order_types=tuple(OrderType),
    times_in_force=(TimeInForce.DAY, TimeInForce.GTC, TimeInForce.IOC, TimeInForce.FOK),
    post_only=False,
    reduce_only=False,  # the gateway sees to it
    brackets=False,  # its legs wait with us, and leave when the entry has ended
    oco=True,
    flips=False,  # more is sold than is held: refused for want of shares
    fractional=True,
    price_decimals=2,  # four below a dollar
    short=True,
    extended_hours=True,
    closed_market="queued until it opens",
    push_orders=True,
    sequence_numbers=False,
    fee_in="later, on the account",
    fee_may_reduce_quantity=False,
    requests_per_minute=200,
)

ALPACA_COINS: Final = msgspec.structs.replace(
    ALPACA,
    order_types=TYPES,
    times_in_force=(TimeInForce.GTC, TimeInForce.IOC),
    oco=False,
    price_decimals=None,  # the venue's list says it for each pair
    short=False,
    extended_hours=False,
    closed_market="never closes",
    fee_in="of what is received; told later, as an activity",
    fee_may_reduce_quantity=True,
)
