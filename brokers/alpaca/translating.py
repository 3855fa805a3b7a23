"""What the venue's messages mean: its orders, fills and words as `engine.ports` has them. Pure.

An execution is named by its order and what that has filled with it: the order stream and the account's
activities tell the same fill under ids of which nobody says that they are the same, but both say that.

A word that we do not know concerns its order alone. Of an order that is listed it is taken for working,
unless a time says that it has ended; on the stream it makes the order one to be looked up.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from decimal import ROUND_CEILING, ROUND_FLOOR, Decimal
from fractions import Fraction
from math import ceil
from typing import Final

from brokers.alpaca import wire
from brokers.alpaca.coins import numbers_of
from brokers.alpaca.wire import Unreadable, parse_time_ns
from engine.errors import InputError
from engine.model import layout as at
from engine.model.instruments import Instrument
from engine.model.orders import Liquidity, OrderStatus
from engine.model.units import MONEY_PRECISION, to_quanta_toward_zero
from engine.ports import (
    AccountFacts,
    BrokerEvent,
    Environment,
    Execution,
    VenueOrder,
    VenuePosition,
)

STRANGE: Final = -1  # the instrument of what is none of the session's
SOURCE: Final = "stream"
_CURRENCY: Final = "USD"
_STATUSES: Final = {
    "new": OrderStatus.OPEN,
    "accepted": OrderStatus.OPEN,  # also: queued until the market opens
    "pending_new": OrderStatus.OPEN,
    "accepted_for_bidding": OrderStatus.OPEN,
    "pending_review": OrderStatus.OPEN,
    "stopped": OrderStatus.OPEN,  # its fill is guaranteed, and has not come
    "suspended": OrderStatus.OPEN,
    "pending_replace": OrderStatus.OPEN,
    "replaced": OrderStatus.OPEN,  # in what it was replaced by
    "held": OrderStatus.HELD,
    "partially_filled": OrderStatus.PARTIALLY_FILLED,
    "pending_cancel": OrderStatus.PENDING_CANCEL,
    "filled": OrderStatus.FILLED,
    "canceled": OrderStatus.CANCELED,
    "expired": OrderStatus.EXPIRED,
    "rejected": OrderStatus.REJECTED,
}
_EVENTS: Final = {
    "new": at.KIND_ACCEPTED,
    "accepted": at.KIND_ACCEPTED,
    "canceled": at.KIND_CANCELED,
    "expired": at.KIND_EXPIRED,
    "rejected": at.KIND_REJECTED,
    "replaced": at.KIND_REPLACED,
    "order_replace_rejected": at.KIND_CANCEL_REJECTED,
    "order_cancel_rejected": at.KIND_CANCEL_REJECTED,
}
_FILLS: Final = frozenset({"fill", "partial_fill"})
_NO_NEWS: Final = frozenset(
    {
        "pending_new",
        "pending_cancel",
        "pending_replace",
        "stopped",
        "suspended",
        "calculated",
        "held",
    }
)
# The venue corrects what it has told before: positions and fills are to be read again.
_CORRECTIONS: Final = frozenset({"restated", "trade_bust", "trade_correct"})
_LINK: Final = re.compile(r"(.+)-r(\d+)")


def link_id(client_id: str, number: int) -> str:
    """Return what the replacement of an order is called: every one is a new order to the venue.

    Examples
    --------
    >>> link_id("tr-abc", 2), own_id("tr-abc-r2"), link_number("tr-abc-r2"), link_number("tr-abc")
    ('tr-abc-r2', 'tr-abc', 2, 0)
    """
    return f"{client_id}-r{number}"


def own_id(client_order_id: str) -> str:
    """Return our client id of an order or of one of its replacements."""
    found = _LINK.fullmatch(client_order_id)
    return client_order_id if found is None else found[1]


def link_number(client_order_id: str) -> int:
    """Return which replacement an order is, 0 for the first order of its name."""
    found = _LINK.fullmatch(client_order_id)
    return 0 if found is None else int(found[2])


def execution_id(order_id: str, filled: Decimal) -> str:
    """Return the name of a fill, after which its order has filled so much.

    Examples
    --------
    >>> execution_id("61e6", Decimal("10.00"))
    '61e6/10'
    """
    return f"{order_id}/{filled.normalize():f}"


def status_of(order: wire.Order) -> OrderStatus:
    """Return an order's status."""
    if order.status in ("done_for_day", "calculated"):
        if order.qty is not None and order.filled_qty >= order.qty:
            return OrderStatus.FILLED
        return OrderStatus.EXPIRED if order.time_in_force == "day" else OrderStatus.OPEN
    known = _STATUSES.get(order.status)
    if known is not None:
        return known
    if order.canceled_at:
        return OrderStatus.CANCELED
    if order.expired_at:
        return OrderStatus.EXPIRED
    if order.failed_at:
        return OrderStatus.REJECTED
    return OrderStatus.FILLED if order.filled_at else OrderStatus.OPEN


def account_facts(
    account: wire.Account, environment: Environment, *, trades_coins: bool = False
) -> AccountFacts:
    """Return an account; money that the venue tells more finely than we count is cut toward zero.

    Parameters
    ----------
    trades_coins
        Coins are paid in full, and need a permission of their own.
    """
    is_blocked = (
        account.status.upper() != "ACTIVE"
        or account.trading_blocked
        or account.account_blocked
        or account.trade_suspended_by_user
        or (trades_coins and account.crypto_status.upper() != "ACTIVE")
    )
    power = account.buying_power
    if trades_coins:
        power = min(power, account.non_marginable_buying_power)
    return AccountFacts(
        account.account_number,
        environment,
        account.currency,
        account.status.lower(),
        is_blocked,
        _minor(account.cash),
        _minor(power),
        _minor(account.equity),
        account.shorting_enabled,
    )


def booked_price(price: Decimal, side: int, lots: int, instrument: Instrument) -> tuple[int, int]:
    """Return the ticks and the fee at which a fill is booked.

    Fills inside a tick are common (price improvement). They are booked at the next tick against us, and
    the difference as a negative fee, so that the cash is the venue's: what is finer than a minor unit
    is ours to lose.

    Examples
    --------
    >>> from engine.model.instruments import InstrumentKind
    >>> share = Instrument("AAPL", InstrumentKind.EQUITY)
    >>> booked_price(Decimal("190.015"), 1, 10, share)  # 1900.20 less 0.05
    (19002, -5000000)
    >>> booked_price(Decimal("190.015"), -1, 10, share)  # 1900.10 and 0.05
    (19001, -5000000)
    """
    if not price.is_finite() or price <= 0:
        raise Unreadable(f"{instrument.symbol} was filled at {price}")
    rounding = ROUND_CEILING if side > 0 else ROUND_FLOOR
    exact = price.scaleb(instrument.price_precision)
    ticks = max(int(exact.to_integral_value(rounding)), instrument.price_min_ticks)
    booked = ticks * lots * instrument.notional_fraction
    true = Fraction(exact) * lots * instrument.notional_fraction
    return ticks, ceil(side * (true - booked))


class Translator:
    """The venue's values as ours, for the instruments of a session."""

    def __init__(self, instruments: Sequence[Instrument]) -> None:
        self.instruments = tuple(instruments)
        self._numbers = numbers_of(self.instruments)

    def order(self, order: wire.Order, client_id: str, filled: Decimal | None = None) -> VenueOrder:
        """Return an order; `filled` is told where it is more than this link of it says."""
        number = self._number(order.symbol)
        filled = order.filled_qty if filled is None else filled
        left = (order.qty or order.filled_qty) - order.filled_qty
        return VenueOrder(
            client_id,
            order.id,
            0,
            number,
            int(status_of(order)),
            self._lots(number, filled + left),
            self._lots(number, filled),
            _side(order.side) if number != STRANGE else 0,
            # A stop to buy gets a limit from the venue: not one that was asked for.
            0 if order.type == "stop" else self._ticks(number, order.limit_price),
            self._ticks(number, order.stop_price),
        )

    def position(self, position: wire.Position) -> VenuePosition:
        """Return what is held."""
        number = self._number(position.symbol)
        return VenuePosition(number, self._lots(number, position.qty))

    def activity(self, fill: wire.Fill, client_id: str, side: str = "") -> Execution:
        """Return a fill out of the account's activities.

        One that takes a fill back is never booked as a fill of our order: it is a stranger's, which has
        its instrument quarantined until a person has looked.

        Parameters
        ----------
        side
            Of its order, where it is known.
        """
        takes_back = fill.cum_qty < fill.qty or (side and _side(side) != _side(fill.side))
        return self._execution(
            fill.id if takes_back else execution_id(fill.order_id, fill.cum_qty),
            "" if takes_back else client_id,
            "" if takes_back else fill.order_id,
            fill.symbol,
            fill.side,
            fill.qty,
            fill.price,
            parse_time_ns(fill.transaction_time),
        )

    def event(
        self, update: wire.Update, client_id: str, received_ns: int, *, says_all: bool
    ) -> BrokerEvent | None:
        """Return what the stream has told; None where it is no news.

        Parameters
        ----------
        says_all
            What this link says to have filled is all that was filled of the order.

        Raises
        ------
        Unreadable
            If a fill does not say what was filled, or it cannot be booked.
        """
        order, number = update.order, self._number(update.order.symbol)
        works_tomorrow = update.event == "done_for_day" and order.time_in_force != "day"
        if update.event in _NO_NEWS or works_tomorrow:
            return None
        ts_ns = parse_time_ns(update.timestamp) if update.timestamp else received_ns
        if update.event in _CORRECTIONS:
            why = f"the venue corrects order {order.id} ({update.event})"
            return BrokerEvent(0, "", SOURCE, reason=why, ts_ns=ts_ns, received_ns=received_ns)
        if update.event in _FILLS:
            one = self._streamed(update, client_id, ts_ns)
            return BrokerEvent(
                at.KIND_FILL, one.execution_id, SOURCE, client_id, order.id, one,
                ts_ns=ts_ns, received_ns=received_ns,
            )  # fmt: skip
        kind, reason = _kind_of(update)
        filled_lots = -1
        if says_all and number != STRANGE and not reason:
            filled_lots = self._lots(number, order.filled_qty)
        key = f"{update.event}/{update.event_id or update.execution_id or ts_ns}/{order.id}"
        return BrokerEvent(
            kind, key, SOURCE, client_id, order.id,
            reason=reason, ts_ns=ts_ns, received_ns=received_ns, filled_lots=filled_lots,
        )  # fmt: skip

    def _streamed(self, update: wire.Update, client_id: str, ts_ns: int) -> Execution:
        order = update.order
        if update.qty is None or update.price is None or not order.symbol or not order.side:
            raise Unreadable(f"a {update.event} of order {order.id} does not say what was filled")
        if order.filled_qty < update.qty:
            raise Unreadable(
                f"a {update.event} of {update.qty} leaves order {order.id} filled by {order.filled_qty}"
            )
        return self._execution(
            execution_id(order.id, order.filled_qty),
            client_id,
            order.id,
            order.symbol,
            order.side,
            update.qty,
            update.price,
            ts_ns,
        )

    def _execution(
        self,
        name: str,
        client_id: str,
        order_id: str,
        symbol: str,
        side_word: str,
        quantity: Decimal,
        price: Decimal,
        ts_ns: int,
    ) -> Execution:
        number, side = self._number(symbol), _side(side_word)
        lots = self._lots(number, quantity)
        if lots <= 0:
            raise Unreadable(f"execution {name} fills {quantity}")
        ticks, fee = 0, 0
        if number != STRANGE:
            ticks, fee = booked_price(price, side, lots, self.instruments[number])
        return Execution(
            name, client_id, order_id, number, side, lots, ticks, fee, _CURRENCY,
            int(Liquidity.TAKER), ts_ns,
        )  # fmt: skip

    def _number(self, symbol: str | None) -> int:
        return STRANGE if symbol is None else self._numbers.get(symbol, STRANGE)

    def _lots(self, number: int, quantity: Decimal) -> int:
        """Return a quantity in lots; of a stranger in whole units, away from zero."""
        if number == STRANGE:
            if not quantity.is_finite():
                raise Unreadable(f"{quantity} is no quantity")
            return ceil(quantity) if quantity > 0 else -ceil(-quantity)
        try:
            return self.instruments[number].quantity_to_lots(quantity)
        except InputError as error:
            raise Unreadable(f"{error.problem}; its lots are of another size here") from None

    def _ticks(self, number: int, price: Decimal | None) -> int:
        """Return an order's price; 0 where there is none, or none that we could have asked for."""
        if price is None or number == STRANGE:
            return 0
        try:
            return self.instruments[number].price_to_ticks(price)
        except InputError:
            return 0


def _kind_of(update: wire.Update) -> tuple[int, str]:
    """Return what has happened to an order, and why it is to be looked up, if it is."""
    if update.event == "done_for_day":
        return at.KIND_EXPIRED, ""
    known = _EVENTS.get(update.event)
    if known is not None:
        return known, ""
    # An end of which nobody says how much was filled is never believed, but asked after.
    return at.KIND_CANCELED, f"the venue says {update.event!r} of order {update.order.id}"


def _side(word: str | None) -> int:
    """Return a side; activities also say ``sell_short``."""
    match (word or "").split("_")[0]:
        case "buy":
            return 1
        case "sell":
            return -1
        case _:
            raise Unreadable(f"{word!r} is no side")


def _minor(amount: Decimal) -> int:
    if not amount.is_finite():
        raise Unreadable(f"{amount} is no amount of money")
    return to_quanta_toward_zero(amount, MONEY_PRECISION)
