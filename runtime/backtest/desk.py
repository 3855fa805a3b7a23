"""The desk of a backtest: where a Python strategy's verbs become intents of the core."""

from __future__ import annotations

import math
from collections.abc import Callable
from decimal import Decimal
from typing import Any

import numpy as np

from engine.errors import InputError, StrategyError
from engine.kernels.orders import ask_cancel, ask_replace, find_order
from engine.kernels.positions import tradable_lots
from engine.model import layout as at
from engine.model.instruments import Instrument
from engine.model.orders import OrderFlag, OrderType, TimeInForce
from engine.model.units import from_minor, from_quanta, to_quanta
from engine.rules.decide import change_to, close_position, new_intent, withdraw_all
from engine.rules.sizing import lots_for_share
from engine.strategy import Number, OrderTerms, rounding_of
from runtime.backtest.machine import Machine
from runtime.backtest.signals import WEIGHT_MAX

_PPM_OF_PERCENT = 4
_AUCTIONS = {
    ("open", False): OrderType.MARKET_ON_OPEN,
    ("open", True): OrderType.LIMIT_ON_OPEN,
    ("close", False): OrderType.MARKET_ON_CLOSE,
    ("close", True): OrderType.LIMIT_ON_CLOSE,
}


class BacktestDesk:
    """Verbs and reads of a strategy over a machine; `catch_up` brings it to the strategy's now."""

    def __init__(
        self,
        catch_up: Callable[[], None],
        machine: Machine,
        instruments: tuple[Instrument, ...],
    ) -> None:
        self._catch_up = catch_up
        self._machine = machine
        self._instruments = instruments
        self._numbers = {item.symbol: k for k, item in enumerate(instruments)}
        self.instrument = 0 if len(instruments) == 1 else -1
        self.slice_bars: list[Any] = []

    # --- verbs -----------------------------------------------------------------------------------
    def order(
        self, symbol: str | None, side: int, quantity: Number, terms: OrderTerms
    ) -> int | None:
        """Place an order, and its bracket; return its id, or None when it was denied."""
        i = self._number(symbol)
        instrument = self._instruments[i]
        lots = _exact(quantity, instrument.quantity_precision, "quantity")
        rows = [_parent_row(instrument, i, side, lots, terms)]
        if terms.stop_loss is not None:
            stop = _exact(terms.stop_loss, instrument.price_precision, "stop_loss")
            rows.append(_child_row(i, -side, lots, OrderType.STOP, at.ORDER_STOP, stop, -1))
        if terms.take_profit is not None:
            limit = _exact(terms.take_profit, instrument.price_precision, "take_profit")
            back = -len(rows)
            rows.append(_child_row(i, -side, lots, OrderType.LIMIT, at.ORDER_LIMIT, limit, back))
        self._catch_up()
        return self._place(rows)

    def target(self, symbol: str | None, weight: float) -> int | None:
        """Trade at market towards a weight of equity."""
        weight = _real(weight, "target_weight")
        if not abs(weight) <= WEIGHT_MAX:  # NaN compares to nothing
            raise StrategyError(
                f"target_weight got {weight!r}; a weight is a fraction of equity, at most "
                f"{WEIGHT_MAX:g}"
            )
        i = self._number(symbol)
        self._catch_up()
        core = self._machine.plain
        lots = lots_for_share(core, i, round(abs(weight) * 10**9))
        change, withdraws = change_to(core, i, lots if weight >= 0 else -lots)
        if withdraws:
            withdraw_all(core, i)
            self._machine.place(0)
        if change == 0:
            return None
        row = np.zeros((1, at.ORDER_WIDTH), dtype=np.int64)
        new_intent(row, 0, i, 1 if change > 0 else -1, abs(change))
        return self._place([row[0].tolist()])

    def close(self, symbol: str | None) -> int | None:
        """Close a position at market."""
        i = self._number(symbol)
        self._catch_up()
        core = self._machine.plain
        before = core.account[at.ACCOUNT_SUBMITTED]
        close_position(core, self._machine.intents, i)
        self._machine.place(0)
        if core.account[at.ACCOUNT_SUBMITTED] == before:
            return None
        return int(core.positions[i, at.POSITION_EXIT])

    def cancel(self, order_id: int) -> bool:
        """Ask to cancel an order."""
        self._catch_up()
        asked = ask_cancel(self._machine.plain, order_id)
        self._machine.place(0)
        return asked

    def replace(
        self, order_id: int, quantity: Number | None, limit: Number | None, stop: Number | None
    ) -> bool:
        """Ask to change an order; what is None stays."""
        self._catch_up()
        core = self._machine.plain
        r = find_order(core, order_id)
        if r < 0:
            return False
        instrument = self._instruments[core.orders[r, at.ORDER_INSTRUMENT]]
        lots, at_limit, at_stop = (
            core.orders[r, column] for column in (at.ORDER_QUANTITY, at.ORDER_LIMIT, at.ORDER_STOP)
        )
        if quantity is not None:
            lots = _exact(quantity, instrument.quantity_precision, "quantity")
        if limit is not None:
            at_limit = _exact(limit, instrument.price_precision, "limit")
        if stop is not None:
            at_stop = _exact(stop, instrument.price_precision, "stop")
        asked = ask_replace(core, order_id, lots, at_limit, at_stop)
        self._machine.place(0)
        return asked

    def _place(self, rows: list[list[int]]) -> int | None:
        core = self._machine.plain
        order_id = int(core.account[at.ACCOUNT_NEXT_ORDER])
        denied = core.account[at.ACCOUNT_DENIED]
        self._machine.intents[: len(rows)] = rows
        self._machine.place(len(rows))
        submitted = core.account[at.ACCOUNT_DENIED] - denied < len(rows)
        return order_id if submitted else None

    # --- reads -----------------------------------------------------------------------------------
    def position(self, symbol: str | None) -> Decimal:
        """Return a signed position in units, in whole quantity steps."""
        i = self._number(symbol)
        self._catch_up()
        lots = tradable_lots(self._machine.plain, i)
        return from_quanta(lots, self._instruments[i].quantity_precision)

    def working(self, symbol: str | None) -> tuple[int, ...]:
        """Return the ids of orders that have not ended."""
        i = self._number(symbol)
        self._catch_up()
        orders = self._machine.plain.orders
        return tuple(
            orders[r, at.ORDER_ID]
            for r in range(self._machine.plain.account[at.ACCOUNT_ORDERS])
            if orders[r, at.ORDER_INSTRUMENT] == i
        )

    def equity(self) -> Decimal:
        """Return the account's marked equity."""
        self._catch_up()
        return from_minor(self._machine.equity_minor)

    def cash(self) -> Decimal:
        """Return the account's cash."""
        self._catch_up()
        return from_minor(self._machine.plain.ledger[0, at.LEDGER_CASH])

    def round_price(self, symbol: str | None, price: float, rounding: str) -> Decimal:
        """Return a price on the instrument's grid."""
        price = _real(price, "price")
        if not math.isfinite(price):
            raise StrategyError(f"price got {price!r}; a price is a finite number")
        instrument = self._instruments[self._number(symbol)]
        step = from_quanta(instrument.price_step_ticks, instrument.price_precision)
        steps = (Decimal(repr(price)) / step).to_integral_value(rounding_of(rounding))
        return steps * step

    def _number(self, symbol: str | None) -> int:
        if symbol is None:
            if self.instrument < 0:
                raise StrategyError(
                    "say which instrument: this callback is about several",
                    remedy=f"pass symbol=..., one of {', '.join(list(self._numbers)[:5])}",
                )
            return self.instrument
        if symbol not in self._numbers:
            raise StrategyError(
                f"there is no instrument {symbol!r} in this run",
                remedy=f"it has {', '.join(list(self._numbers)[:5])}",
            )
        return self._numbers[symbol]


def _real(value: float, name: str) -> float:
    """Return a number as a float, or say why the value is none."""
    if isinstance(value, bool) or not isinstance(value, int | float | Decimal | np.number):
        raise StrategyError(f"{name} got {value!r}, a {type(value).__name__}; it takes a number")
    return float(value)


def _exact(value: Number, precision: int, name: str) -> int:
    """Return an exact count of quanta, or say why the value is none."""
    if isinstance(value, np.integer):
        value = int(value)
    if isinstance(value, bool) or not isinstance(value, int | str | Decimal):
        raise StrategyError(
            f"{name} is {value!r}, a {type(value).__name__}; orders take exact numbers",
            remedy="use int, Decimal or text; self.price(x) rounds a float to a price",
        )
    try:
        return to_quanta(value, precision, name=name)
    except InputError as error:
        raise StrategyError(error.problem) from None


def _parent_row(
    instrument: Instrument, i: int, side: int, lots: int, terms: OrderTerms
) -> list[int]:
    precision = instrument.price_precision
    row = [0] * at.ORDER_WIDTH
    row[at.ORDER_INSTRUMENT], row[at.ORDER_SIDE], row[at.ORDER_QUANTITY] = i, side, lots
    row[at.ORDER_TYPE] = int(_type_of(terms))
    if terms.limit is not None:
        row[at.ORDER_LIMIT] = _exact(terms.limit, precision, "limit")
    if terms.stop is not None:
        row[at.ORDER_STOP] = _exact(terms.stop, precision, "stop")
    if terms.trail is not None:
        row[at.ORDER_TRAIL_TICKS] = _exact(terms.trail, precision, "trail")
    if terms.trail_percent is not None:
        row[at.ORDER_TRAIL_PPM] = _exact(terms.trail_percent, _PPM_OF_PERCENT, "trail_percent")
    if terms.time_in_force not in TimeInForce.__members__:
        raise StrategyError(
            f"time_in_force is {terms.time_in_force!r}; it is one of "
            f"{', '.join(TimeInForce.__members__)}"
        )
    row[at.ORDER_TIF] = int(TimeInForce[terms.time_in_force])
    row[at.ORDER_EXPIRE] = terms.expire_ns
    flags = OrderFlag.REDUCE_ONLY if terms.reduce_only else OrderFlag.NONE
    row[at.ORDER_FLAGS] = int(flags | (OrderFlag.POST_ONLY if terms.post_only else OrderFlag.NONE))
    return row


def _type_of(terms: OrderTerms) -> OrderType:
    if terms.auction is not None:
        key = (terms.auction, terms.limit is not None)
        if key not in _AUCTIONS:
            raise StrategyError(f"auction is {terms.auction!r}; it is 'open' or 'close'")
        return _AUCTIONS[key]
    if terms.trail is not None or terms.trail_percent is not None:
        return OrderType.TRAILING_STOP
    if terms.stop is not None:
        return OrderType.STOP if terms.limit is None else OrderType.STOP_LIMIT
    return OrderType.MARKET if terms.limit is None else OrderType.LIMIT


def _child_row(
    i: int, side: int, lots: int, kind: OrderType, column: int, price: int, back: int
) -> list[int]:
    row = [0] * at.ORDER_WIDTH
    row[at.ORDER_INSTRUMENT], row[at.ORDER_SIDE], row[at.ORDER_QUANTITY] = i, side, lots
    row[at.ORDER_TYPE], row[at.ORDER_TIF] = int(kind), int(TimeInForce.GTC)
    row[column] = price
    row[at.ORDER_PARENT], row[at.ORDER_GROUP] = back, -1
    return row
