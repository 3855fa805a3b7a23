"""A strategy's desk: where a Python strategy's verbs become intents of the core."""

from __future__ import annotations

import math
from collections.abc import Callable
from decimal import Decimal
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from engine.errors import InputError, StrategyError
from engine.kernels.orders import find_order
from engine.kernels.positions import tradable_lots
from engine.model import layout as at
from engine.model import trading_layout as loop
from engine.model.instruments import Instrument
from engine.model.orders import OrderFlag, OrderType, TimeInForce
from engine.model.units import from_minor, from_quanta, to_quanta
from engine.rules.verbs import (
    VERB_CANCEL,
    VERB_CLOSE,
    VERB_EDGE,
    VERB_PLACE,
    VERB_REPLACE,
    VERB_SIGNAL,
    VERB_TARGET,
)
from engine.state import Core
from engine.strategy import MARKET, Estimate, Number, OrderTerms, Strategy, rounding_of
from runtime.backtest.signals import WEIGHT_MAX

_PPM_OF_PERCENT = 4
_AUCTIONS = {
    ("open", False): OrderType.MARKET_ON_OPEN,
    ("open", True): OrderType.LIMIT_ON_OPEN,
    ("close", False): OrderType.MARKET_ON_CLOSE,
    ("close", True): OrderType.LIMIT_ON_CLOSE,
}
# As plain integers, because enumerations cost a microsecond each where orders are placed.
_MARKET, _LIMIT, _STOP = int(OrderType.MARKET), int(OrderType.LIMIT), int(OrderType.STOP)
_STOP_LIMIT, _TRAILING_STOP = int(OrderType.STOP_LIMIT), int(OrderType.TRAILING_STOP)
_GTC = int(TimeInForce.GTC)
_TIMES = {name: int(value) for name, value in TimeInForce.__members__.items()}
_REDUCE_ONLY, _POST_ONLY = int(OrderFlag.REDUCE_ONLY), int(OrderFlag.POST_ONLY)

_SIDES = {"buy": 1, "sell": -1}
_ESTIMATE_MAX = 1000  # beyond it, as what is not finite, an estimate is none

_MODERATE = 10**8  # times any power below stays in 64 bits: the general way needs not be gone
_CLEARLY = 0.49  # of a tick: what is nearest is beyond doubt, however the product was rounded
_POWERS: tuple[int, ...] = tuple(int(10**k) for k in range(11))

Row = dict[int, int]  # the columns of an intent that are not zero


class Acting(Protocol):
    """What stands behind a desk: a core, and the block in which intents are handed to it."""

    @property
    def plain(self) -> Core:
        """The core's blocks, as memoryviews."""

    @property
    def intents(self) -> NDArray[np.int64]:
        """The block of intents."""

    @property
    def plain_intents(self) -> Any:
        """The same, as a memoryview."""

    @property
    def equity_minor(self) -> int:
        """The account's equity at the last prices."""

    def act(self, verb: int, a: int = 0, b: int = 0, c: int = 0, d: int = 0, /) -> int:
        """Do what a verb asks for; see `engine.rules.verbs`."""


class StrategyDesk:
    """Verbs and reads of a strategy over a machine; `catch_up` brings it to the strategy's now."""

    def __init__(
        self,
        catch_up: Callable[[], None],
        machine: Acting,
        instruments: tuple[Instrument, ...],
    ) -> None:
        self._catch_up = catch_up
        self._machine = machine
        self._instruments = instruments
        self._numbers = {item.symbol: k for k, item in enumerate(instruments)}
        self.instrument = 0 if len(instruments) == 1 else -1
        self.slice_bars: list[Any] = []
        self.slice_values: dict[int, dict[str, float]] = {}  # of the instruments of those bars
        self.says_probabilities: bool | None = None  # None: nothing said yet
        self.increases: dict[int, int] = {}  # target weights that wait for the others

    # --- the bars of one time --------------------------------------------------------------------
    def add_to_slice(self, bar: Any, i: int, values: dict[str, float]) -> None:
        """Keep a bar of an instrument, and its indicators, for `on_bars`."""
        self.slice_bars.append(bar)
        self.slice_values[i] = values

    def begin_slice(self, strategy: Strategy) -> list[Any]:
        """Return the bars of `on_bars`, and give the strategy the indicators of a single one.

        Of several none is the strategy's own: the attributes are taken away, so that reading one is an
        error instead of another instrument's number.
        """
        is_single = len(self.slice_bars) == 1
        self.instrument = next(iter(self.slice_values)) if is_single else -1
        for name, value in next(iter(self.slice_values.values())).items():
            if is_single:
                setattr(strategy, name, value)
            else:
                vars(strategy).pop(name, None)
        return self.slice_bars

    def end_slice(self) -> None:
        """Begin a new list: the strategy may have kept the old one."""
        self.slice_bars, self.slice_values = [], {}

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
            rows.append(_child_row(i, -side, lots, _STOP, at.ORDER_STOP, stop, -1))
        if terms.take_profit is not None:
            limit = _exact(terms.take_profit, instrument.price_precision, "take_profit")
            back = -len(rows)
            rows.append(_child_row(i, -side, lots, _LIMIT, at.ORDER_LIMIT, limit, back))
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
        i, weight_ppb = self._number(symbol), round(weight * 10**9)
        self._catch_up()
        self.increases.pop(i, None)
        if len(self._instruments) == 1:
            return self._asked(VERB_TARGET, i, weight_ppb)
        order_id = self._asked(VERB_TARGET, i, weight_ppb, 1)
        if self._answer == 1:
            self.increases[i] = weight_ppb
        return order_id

    def increase(self) -> None:
        """Trade towards the target weights that were left: all that makes room for them has been asked for."""
        waiting, self.increases = self.increases, {}
        for i, weight_ppb in waiting.items():
            self._machine.act(VERB_TARGET, i, weight_ppb)

    def signal(self, symbol: str | None, side: str, estimate: Estimate) -> int | None:
        """Ask for an entry that the strategy file sizes; return its order's id, or None if denied."""
        i = self._number(symbol)
        if side not in _SIDES:
            raise StrategyError(f"signal got the side {side!r}; it is 'buy' or 'sell'")
        self._require_loop("signal")
        goal = None
        if estimate.goal is not None:
            goal = _exact(estimate.goal, self._instruments[i].price_precision, "goal")
        edge = self._edge_of(estimate, "signal")
        self._catch_up()
        monitors = self._machine.plain.monitors
        monitors[i, loop.MONITOR_EDGE] = edge
        monitors[i, loop.MONITOR_CONFIDENCE] = _billionths(estimate.confidence, "confidence")
        monitors[i, loop.MONITOR_GOAL] = loop.NOT_GIVEN if goal is None else goal
        monitors[i, loop.MONITOR_VOLATILITY] = _billionths(estimate.volatility, "volatility")
        limits = self._machine.plain.limits
        limits[loop.LIMIT_HAS_CONFIDENCE] |= int(estimate.confidence is not None)
        limits[loop.LIMIT_HAS_GOAL] |= int(goal is not None)
        return self._machine.act(VERB_SIGNAL, i, _SIDES[side]) or None

    def edge(self, symbol: str | None, estimate: Estimate) -> None:
        """Say what an instrument's edge, or its probability, is now."""
        i = self._number(symbol)
        self._require_loop("edge")
        edge = self._edge_of(estimate, "edge")
        self._catch_up()
        self._machine.act(VERB_EDGE, i, edge)

    def _require_loop(self, verb: str) -> None:
        if self._machine.plain.account[at.ACCOUNT_TRADING] == 0:
            raise StrategyError(
                f"{verb} needs the trading loop, which this strategy file does not ask for",
                remedy="add [signals], [risk], [exits] or [guards] to the file",
            )

    def _edge_of(self, estimate: Estimate, verb: str) -> int:
        """Return edge or probability in parts per billion; a run gives the one or the other."""
        says_probability = estimate.probability is not None
        if estimate.edge is not None and says_probability:
            raise StrategyError(f"{verb} got an edge and a probability; give the one or the other")
        if estimate.edge is None and not says_probability:
            return loop.NOT_GIVEN
        if self.says_probabilities not in (None, says_probability):
            raise StrategyError(
                f"{verb} got {'a probability' if says_probability else 'an edge'}, and before "
                f"{'an edge' if says_probability else 'a probability'}",
                remedy="give the same of the two throughout a run",
            )
        self.says_probabilities = says_probability
        limits = self._machine.plain.limits
        limits[loop.LIMIT_HAS_EDGE] = 1
        limits[loop.LIMIT_EDGE_IS_PROBABILITY] = int(says_probability)
        value = estimate.probability if says_probability else estimate.edge
        return _billionths(value, "probability" if says_probability else "edge")

    def close(self, symbol: str | None) -> int | None:
        """Close a position at market."""
        i = self._number(symbol)
        self._catch_up()
        self.increases.pop(i, None)
        return self._asked(VERB_CLOSE, i)

    def cancel(self, order_id: int) -> bool:
        """Ask to cancel an order."""
        self._catch_up()
        return self._machine.act(VERB_CANCEL, order_id) == 1

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
        return self._machine.act(VERB_REPLACE, order_id, lots, at_limit, at_stop) == 1

    def _place(self, rows: list[Row]) -> int | None:
        intents, plain = self._machine.intents, self._machine.plain_intents
        intents[: len(rows)] = 0
        for n, row in enumerate(rows):
            for column, value in row.items():
                plain[n, column] = value
        return self._asked(VERB_PLACE, len(rows))

    def _asked(self, verb: int, a: int, b: int = 0, c: int = 0) -> int | None:
        """Act; return the id of the first order that this has tried, or None when none was sent."""
        account = self._machine.plain.account
        order_id: int = account[at.ACCOUNT_NEXT_ORDER]
        before = account[at.ACCOUNT_SUBMITTED]
        self._answer = self._machine.act(verb, a, b, c)
        return order_id if account[at.ACCOUNT_SUBMITTED] > before else None

    # --- reads -----------------------------------------------------------------------------------
    def value(self, symbol: str | None, name: str) -> float:
        """Return an indicator of an instrument that has a bar in `on_bars`."""
        i = self._number(symbol)
        values = self.slice_values.get(i)
        if values is None:
            raise StrategyError(
                f"{self._instruments[i].symbol} has no bar here, or its indicators are not warm",
                remedy="ask for the symbols of on_bars' bars; in on_bar read the attribute",
            )
        if name not in values:
            raise StrategyError(
                f"no indicator {name!r} is declared",
                remedy=f"declared are: {', '.join(values) or 'none'}",
            )
        return values[name]

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
        if rounding == "nearest" and instrument.price_step_ticks == 1:
            ticks = price * _POWERS[instrument.price_precision]
            whole = round(ticks)
            if abs(ticks) < _MODERATE and abs(ticks - whole) < _CLEARLY:
                return from_quanta(whole, instrument.price_precision)
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


def _billionths(value: float | None, name: str) -> int:
    """Return an estimate in parts per billion, half-even; NOT_GIVEN where it says nothing usable."""
    if value is None:
        return loop.NOT_GIVEN
    number = _real(value, name)
    if not abs(number) <= _ESTIMATE_MAX:  # NaN compares to nothing
        return loop.NOT_GIVEN
    return round(number * 10**9)


def _exact(value: Number, precision: int, name: str) -> int:
    """Return an exact count of quanta, or say why the value is none."""
    if type(value) is int and -_MODERATE < value < _MODERATE:
        return value * _POWERS[precision]
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


def _parent_row(instrument: Instrument, i: int, side: int, lots: int, terms: OrderTerms) -> Row:
    row = {
        at.ORDER_INSTRUMENT: i,
        at.ORDER_SIDE: side,
        at.ORDER_QUANTITY: lots,
        at.ORDER_TYPE: _MARKET,
        at.ORDER_TIF: _GTC,
    }
    if terms is MARKET:
        return row
    precision = instrument.price_precision
    row[at.ORDER_TYPE] = _type_of(terms)
    if terms.limit is not None:
        row[at.ORDER_LIMIT] = _exact(terms.limit, precision, "limit")
    if terms.stop is not None:
        row[at.ORDER_STOP] = _exact(terms.stop, precision, "stop")
    if terms.trail is not None:
        row[at.ORDER_TRAIL_TICKS] = _exact(terms.trail, precision, "trail")
    if terms.trail_percent is not None:
        row[at.ORDER_TRAIL_PPM] = _exact(terms.trail_percent, _PPM_OF_PERCENT, "trail_percent")
    if terms.time_in_force not in _TIMES:
        raise StrategyError(
            f"time_in_force is {terms.time_in_force!r}; it is one of {', '.join(_TIMES)}"
        )
    row[at.ORDER_TIF] = _TIMES[terms.time_in_force]
    row[at.ORDER_EXPIRE] = terms.expire_ns
    row[at.ORDER_FLAGS] = (_REDUCE_ONLY if terms.reduce_only else 0) | (
        _POST_ONLY if terms.post_only else 0
    )
    return row


def _type_of(terms: OrderTerms) -> int:
    if terms.auction is not None:
        key = (terms.auction, terms.limit is not None)
        if key not in _AUCTIONS:
            raise StrategyError(f"auction is {terms.auction!r}; it is 'open' or 'close'")
        return int(_AUCTIONS[key])
    if terms.trail is not None or terms.trail_percent is not None:
        return _TRAILING_STOP
    if terms.stop is not None:
        return _STOP if terms.limit is None else _STOP_LIMIT
    return _MARKET if terms.limit is None else _LIMIT


def _child_row(i: int, side: int, lots: int, kind: int, column: int, price: int, back: int) -> Row:
    return {
        at.ORDER_INSTRUMENT: i,
        at.ORDER_SIDE: side,
        at.ORDER_QUANTITY: lots,
        at.ORDER_TYPE: kind,
        at.ORDER_TIF: _GTC,
        column: price,
        at.ORDER_PARENT: back,
        at.ORDER_GROUP: -1,
    }
