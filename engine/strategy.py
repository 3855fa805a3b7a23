"""What a strategy written in Python is: declared parameters and indicators, callbacks, and verbs.

    class MeanReversion(Strategy):
        window = parameter(20, minimum=2, maximum=200)
        is_cheap = condition("close < 0.95 * sma(close, window)")

        def on_bar(self, bar: Bar) -> None:
            if self.is_cheap and not self.position():
                self.buy(10)

The same object runs in backtest, paper and live: it never learns which. It sees a read-only context as
of the event in hand, and acts through verbs whose orders pass the same checks as everybody's.
Indicators are formulas of the rule language, computed by the engine and ready when a callback runs;
before all of them are defined no callback is called.
"""

from __future__ import annotations

import difflib
from collections.abc import Sequence
from dataclasses import dataclass, fields
from decimal import ROUND_CEILING, ROUND_FLOOR, ROUND_HALF_EVEN, Decimal
from typing import Any, ClassVar, Protocol, runtime_checkable

from engine.errors import StrategyError

Number = int | str | Decimal

_ROUNDINGS = {"down": ROUND_FLOOR, "up": ROUND_CEILING, "nearest": ROUND_HALF_EVEN}


@dataclass(frozen=True, slots=True)
class Parameter:
    """A value that a strategy declares, a strategy file sets and a sweep varies."""

    default: int | float | bool
    minimum: float | None = None
    maximum: float | None = None
    step: float | None = None
    description: str = ""


@dataclass(frozen=True, slots=True)
class Indicator:
    """A formula of the rule language, computed for each instrument at each bar."""

    formula: str
    is_condition: bool = False


_DECLARED = (Parameter, Indicator)


def parameter(
    default: float | bool,
    *,
    minimum: float | None = None,
    maximum: float | None = None,
    step: float | None = None,
    description: str = "",
) -> Any:
    """Declare a parameter; inside callbacks the attribute is its value."""
    return Parameter(default, minimum, maximum, step, description)


def indicator(formula: str) -> Any:
    """Declare a number computed by the engine, e.g. ``indicator("sma(close, 20)")``.

    Inside `on_bar` the attribute is its value (a float) for the bar's instrument. Inside `on_bars`,
    which looks at several, `value` reads it.
    """
    return Indicator(formula)


def condition(formula: str) -> Any:
    """Declare a condition computed by the engine, e.g. ``condition("cross_above(close, sma(close, 20))")``.

    Inside `on_bar` the attribute is 1.0 where it holds and 0.0 where it does not.
    """
    return Indicator(formula, is_condition=True)


class Bar(Protocol):
    """One bar as a strategy sees it; prices are floats for reading, raw as they traded."""

    @property
    def symbol(self) -> str:
        """The instrument."""

    @property
    def ts_ns(self) -> int:
        """When it closed, nanoseconds UTC."""

    @property
    def open(self) -> float:
        """First price."""

    @property
    def high(self) -> float:
        """Highest price."""

    @property
    def low(self) -> float:
        """Lowest price."""

    @property
    def close(self) -> float:
        """Last price."""

    @property
    def volume(self) -> float:
        """Units traded; NaN where the source has none."""


@dataclass(frozen=True, slots=True)
class Quote:
    """A quote as a strategy sees it."""

    symbol: str
    ts_ns: int
    bid: float
    ask: float
    bid_size: float
    ask_size: float


@dataclass(frozen=True, slots=True)
class Trade:
    """A market print as a strategy sees it; `aggressor` is +1 for a buyer, -1 a seller, 0 unknown."""

    symbol: str
    ts_ns: int
    price: float
    size: float
    aggressor: int


@dataclass(frozen=True, slots=True)
class Fill:
    """A fill of one of the strategy's orders."""

    order_id: int
    symbol: str
    ts_ns: int
    quantity: Decimal
    price: Decimal
    fee: Decimal
    rule: str


class Desk(Protocol):
    """What a strategy's verbs and reads go through; the session provides it."""

    def order(
        self, symbol: str | None, side: int, quantity: Number, terms: OrderTerms
    ) -> int | None:
        """Place an order, and its bracket."""

    def target(self, symbol: str | None, weight: float) -> int | None:
        """Trade towards a weight of equity."""

    def signal(self, symbol: str | None, side: str, estimate: Estimate) -> int | None:
        """Ask for an entry that the strategy file sizes."""

    def edge(self, symbol: str | None, estimate: Estimate) -> None:
        """Say what an instrument's edge is now."""

    def close(self, symbol: str | None) -> int | None:
        """Close a position at market."""

    def cancel(self, order_id: int) -> bool:
        """Ask to cancel an order."""

    def replace(
        self, order_id: int, quantity: Number | None, limit: Number | None, stop: Number | None
    ) -> bool:
        """Ask to change an order; what is None stays."""

    def position(self, symbol: str | None) -> Decimal:
        """Return a signed position in whole quantity steps."""

    def working(self, symbol: str | None) -> tuple[int, ...]:
        """Return the ids of working orders."""

    def equity(self) -> Decimal:
        """Return the account's marked equity."""

    def cash(self) -> Decimal:
        """Return the account's cash."""

    def value(self, symbol: str | None, name: str) -> float:
        """Return an instrument's indicator at its bar of the time in hand."""

    def round_price(self, symbol: str | None, price: float, rounding: str) -> Decimal:
        """Return a price on the instrument's grid."""


@dataclass(frozen=True, slots=True)
class OrderTerms:
    """The terms of an order beside side and quantity; prices in currency."""

    limit: Number | None = None
    stop: Number | None = None
    trail: Number | None = None
    trail_percent: Number | None = None
    auction: str | None = None
    time_in_force: str = "GTC"
    expire_ns: int = 0
    reduce_only: bool = False
    post_only: bool = False
    stop_loss: Number | None = None
    take_profit: Number | None = None


@dataclass(frozen=True, slots=True)
class Estimate:
    """What a strategy expects of an instrument; None is not said. The goal is a price, in currency."""

    edge: float | None = None
    probability: float | None = None
    confidence: float | None = None
    goal: Number | None = None
    volatility: float | None = None


@runtime_checkable
class SavesState(Protocol):
    """What a strategy has whose session goes on after a restart from what it saved.

    A strategy without it loses nothing: its session goes on by playing the journal from its beginning.
    """

    def save_state(self) -> Any:
        """Return all that the strategy remembers between callbacks.

        Of None, bool, int, float, str, bytes, lists, and dicts whose keys are texts. Parameters,
        indicators, positions and orders are kept without it.
        """

    def restore_state(self, state: Any) -> None:
        """Take back what `save_state` has returned.

        Called on a new object in the place of `on_start`; nothing can be asked or ordered yet.
        """


class Strategy:
    """Base of strategies written in Python. Override the callbacks you need.

    In callbacks about one instrument `symbol` may be left out: it is that instrument.
    """

    _desk: Desk
    _declarations: ClassVar[dict[str, Any]] = {}

    def __init_subclass__(cls, **options: Any) -> None:
        """Put declarations aside: an attribute that the class has, too, is slower to read."""
        super().__init_subclass__(**options)
        cls._declarations = {
            name: value for name, value in vars(cls).items() if isinstance(value, _DECLARED)
        }
        for name in cls._declarations:
            delattr(cls, name)

    def __getattr__(self, name: str) -> Any:
        """Say why an indicator has no value: it would be one instrument's, and there are several."""
        if name in declared(Indicator, type(self)):
            raise StrategyError(
                f"{name} is of one instrument, and on_bars looks at several",
                remedy=f"self.value({name!r}, symbol)",
            )
        raise AttributeError(f"{type(self).__name__!r} object has no attribute {name!r}", name=name)

    # --- callbacks -------------------------------------------------------------------------------
    def on_start(self) -> None:
        """Called once before the first event."""

    def on_bar(self, bar: Bar) -> None:
        """Called for each bar at its close, after all bars of that time are known."""

    def on_bars(self, bars: Sequence[Bar]) -> None:
        """Called once with all bars of one time, after `on_bar` of each; see `value`."""

    def on_quote(self, quote: Quote) -> None:
        """Called for each quote."""

    def on_trade(self, trade: Trade) -> None:
        """Called for each market print."""

    def on_fill(self, fill: Fill) -> None:
        """Called for each fill of an own order, before the next market callback."""

    def on_stop(self) -> None:
        """Called once after the last event."""

    # --- verbs -----------------------------------------------------------------------------------
    def buy(self, quantity: Number, symbol: str | None = None, **terms: Any) -> int | None:
        """Buy; return the order's id, or None when it was denied.

        Parameters
        ----------
        quantity
            Units, as int, Decimal or text; floats are refused because they are not exact.
        terms
            ``limit``, ``stop``, ``trail`` or ``trail_percent`` (prices as text, int or Decimal; see
            `price` for floats), ``auction="open"`` or ``"close"``, ``time_in_force`` (GTC, DAY, IOC,
            FOK, GTD with ``expire_ns``), ``reduce_only``, ``post_only``, ``stop_loss`` and
            ``take_profit`` (children of a bracket).
        """
        return self._desk.order(symbol, 1, quantity, _terms(terms))

    def sell(self, quantity: Number, symbol: str | None = None, **terms: Any) -> int | None:
        """Sell; see `buy`."""
        return self._desk.order(symbol, -1, quantity, _terms(terms))

    def target_weight(self, weight: float, symbol: str | None = None) -> int | None:
        """Trade at market towards `weight` of equity (negative: short).

        With several instruments what makes a position larger is sent when all callbacks of its time have
        returned: whatever they were asked in, sales go before what they pay for. Return the order's id,
        or None where nothing was sent now.
        """
        return self._desk.target(symbol, weight)

    def signal(
        self,
        side: str,
        symbol: str | None = None,
        *,
        edge: float | None = None,
        probability: float | None = None,
        confidence: float | None = None,
        goal: Number | None = None,
        volatility: float | None = None,
    ) -> int | None:
        """Ask for an entry; the file sizes and prices it, and its checks judge it.

        Return the order's id, or None when the signal was denied. Needs the trading loop: one of the
        file's tables [signals], [risk], [exits], [guards].

        Parameters
        ----------
        side
            ``"buy"`` or ``"sell"``.
        edge
            The expected return of that side, as a fraction (0.08 is eight percent).
        probability
            Instead of an edge, for event contracts: that it pays 1, whatever the side.
        confidence
            0 to 1; it selects the profit target, and is the probability of Kelly's formula with odds.
        goal
            The price at which the profit is taken: int, Decimal or text.
        volatility
            As a fraction a year, for sizes made of it.

        Notes
        -----
        What one signal of a run says, every later one must say: a number that is missing, not finite or
        beyond 1000 is unknown, and what is unknown is denied.
        """
        estimate = Estimate(edge, probability, confidence, goal, volatility)
        return self._desk.signal(symbol, side, estimate)

    def edge(
        self,
        value: float | None = None,
        symbol: str | None = None,
        *,
        probability: float | None = None,
    ) -> None:
        """Say what an instrument's edge, or its probability, is now; the exits look at it."""
        self._desk.edge(symbol, Estimate(edge=value, probability=probability))

    def close(self, symbol: str | None = None) -> int | None:
        """Close the position at market."""
        return self._desk.close(symbol)

    def cancel(self, order_id: int) -> bool:
        """Ask to cancel an order; False when it is not working."""
        return self._desk.cancel(order_id)

    def replace(
        self,
        order_id: int,
        *,
        quantity: Number | None = None,
        limit: Number | None = None,
        stop: Number | None = None,
    ) -> bool:
        """Ask to change an order's total quantity or prices; False when it is unknown or denied."""
        return self._desk.replace(order_id, quantity, limit, stop)

    # --- reads -----------------------------------------------------------------------------------
    def value(self, name: str, symbol: str | None = None) -> float:
        """Return a declared indicator or condition of an instrument, inside `on_bars`.

        Of instruments that have a bar there; in `on_bar` the attribute of that name is shorter.
        """
        return self._desk.value(symbol, name)

    def position(self, symbol: str | None = None) -> Decimal:
        """Return the signed position in units that can be traded: whole quantity steps.

        What a fee in kind or a split leaves below one step stays in the account and in its equity.
        """
        return self._desk.position(symbol)

    def working_orders(self, symbol: str | None = None) -> tuple[int, ...]:
        """Return the ids of orders that have not ended."""
        return self._desk.working(symbol)

    @property
    def equity(self) -> Decimal:
        """The account's equity at the last prices."""
        return self._desk.equity()

    @property
    def cash(self) -> Decimal:
        """The account's cash in its own currency."""
        return self._desk.cash()

    def price(self, value: float, rounding: str = "nearest", symbol: str | None = None) -> Decimal:
        """Turn a float into a price on the instrument's grid, rounding ``down``, ``up`` or ``nearest``."""
        return self._desk.round_price(symbol, value, rounding)


MARKET = OrderTerms()
_TERMS = tuple(each.name for each in fields(OrderTerms))


def _terms(given: dict[str, Any]) -> OrderTerms:
    """Return terms by their names, or say which name is none."""
    if not given:
        return MARKET
    known = _TERMS
    for name in given:
        if name not in known:
            near = difflib.get_close_matches(name, known, n=1)
            raise StrategyError(
                f"an order has no term {name!r}",
                remedy=f"did you mean {near[0]!r}?" if near else f"it has {', '.join(known)}",
            )
    return OrderTerms(**given)


def rounding_of(name: str) -> str:
    """Return decimal's rounding of a name, or raise ValueError."""
    if name not in _ROUNDINGS:
        raise ValueError(f"rounding must be one of {', '.join(_ROUNDINGS)}, not {name!r}")
    return _ROUNDINGS[name]


def declared(kind: type, strategy: type) -> dict[str, Any]:
    """Return the declarations of `kind` (Parameter or Indicator) in a class and its bases, by name."""
    found: dict[str, Any] = {}
    for base in reversed(strategy.__mro__):
        for name, value in {**vars(base), **vars(base).get("_declarations", {})}.items():
            if isinstance(value, kind):
                found[name] = value
            else:
                found.pop(name, None)
    return found


def compiled_strategy(
    *, indicators: dict[str, str] | None = None, memory: int = 1, on: str = "bar"
) -> Any:
    """Declare a compiled strategy: a function in the numba subset, asked about every row of its kind.

    The function is ``f(values, memory, position, last, working, intents) -> int``. `values` holds

    ========  ==================================================================
    on        values
    ========  ==================================================================
    bar       open, high, low, close, volume, then the declared indicators
    quote     bid, ask, bid size, ask size
    trade     price, size, aggressor (+1 buyer, -1 seller, NaN unknown)
    ========  ==================================================================

    and then the strategy's parameters, in order. `memory` is `memory` floats of its own for each
    instrument, kept between calls; `position` in lots, `last` in ticks, `working` the number of working
    orders. It writes into `intents` with `engine.kernels.intents.market_order`, `limit_order`,
    `stop_order` and `cancel_all`, and returns how many it has written. With the trading loop `enter` and
    `enter_on_probability` ask for an entry that the strategy file sizes, `say_edge` and
    `say_probability` tell the exits what is expected now, and `leave` wants to be flat. Bars before all
    indicators are defined are not asked about.
    """
    from engine.jit import kernel

    if on not in ("bar", "quote", "trade"):
        raise StrategyError(f"on is {on!r}; it is 'bar', 'quote' or 'trade'")

    def mark(function: Any) -> Any:
        function.indicators = dict(indicators or {})
        function.memory = memory
        function.on = on
        return kernel(function)

    return mark
