"""Watching a strategy while it runs: its numbers after every callback, and what it asked for.

A Python class is run as a subclass of itself that writes down; a compiled function (interpreted
here) inside a function that does. Neither sees a difference.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from decimal import Decimal
from types import FunctionType
from typing import Any

import numpy as np
from numpy.typing import NDArray

from engine.strategy import Strategy
from runtime.backtest.classes import ClassDecider
from runtime.backtest.decisions import Decider
from runtime.backtest.functions import FunctionDecider
from runtime.differences import Series

_CALLBACKS = ("on_bar", "on_quote", "on_trade")
_VERBS = ("buy", "sell", "target_weight", "close", "cancel", "replace")
_NUMBERS = (bool, int, float, Decimal, np.number, np.bool_)
_ARRAY_LENGTH_MIN = 10


@dataclass(frozen=True, slots=True)
class Wish:
    """Something that a strategy asked for: the verb and its terms as text; quantities left out."""

    ts_ns: int
    symbol: str
    text: str


@dataclass(slots=True, eq=False)
class Log:
    """What was written down in one run."""

    now_ns: int | None = None
    symbol: str = ""
    hidden: frozenset[str] = frozenset({"_desk"})
    wishes: list[Wish] = field(default_factory=list)
    arrays: dict[str, NDArray[np.float64]] = field(default_factory=dict)
    memories: list[NDArray[np.float64]] = field(default_factory=list)
    _rows: list[tuple[int, str, dict[str, float]]] = field(default_factory=list)
    _told: list[tuple[str, dict[str, float]]] = field(default_factory=list)

    def enter(self, ts_ns: int, symbol: str) -> None:
        """Note that a callback about something of the market begins."""
        self.now_ns, self.symbol = ts_ns, symbol
        self._rows += [(ts_ns, of, numbers) for of, numbers in self._told]
        self._told.clear()

    def fill(self, strategy: object, symbol: str) -> None:
        """Write down the numbers after a fill.

        It is told before the market's next callback and known from then on: its own time may be the
        open of a bar that closes later.
        """
        self._told.append((symbol, self._numbers(strategy)))

    def attributes(self, strategy: object) -> None:
        """Write down the numbers that a strategy keeps."""
        assert self.now_ns is not None
        self._rows.append((self.now_ns, self.symbol, self._numbers(strategy)))

    def _numbers(self, strategy: object) -> dict[str, float]:
        return {
            name: float(value)
            for name, value in vars(strategy).items()
            if isinstance(value, _NUMBERS) and name not in self.hidden
        }

    def series(self) -> list[Series]:
        """Return each attribute's values, by the instrument that its callback was about."""
        symbols = dict.fromkeys(symbol for _, symbol, _ in self._rows)
        made = []
        for symbol in symbols:
            rows = [(ts, numbers) for ts, of, numbers in self._rows if of == symbol]
            ts = np.array([ts for ts, _ in rows], dtype=np.int64)
            for name in dict.fromkeys(name for _, numbers in rows for name in numbers):
                values = np.array([numbers.get(name, np.nan) for _, numbers in rows])
                made.append(Series(name, symbol, ts, values))
        return made


def watched(decider: Decider, log: Log) -> Decider:
    """Return a decider that decides the same and writes into a log."""
    if isinstance(decider, ClassDecider):
        log.hidden |= set(decider.parameters) | set(decider.indicators)
        return replace(decider, kind=_watched_class(decider.kind, log))
    if isinstance(decider, FunctionDecider):
        return replace(decider, function=_watched_function(decider.function, log))
    return decider


def _watched_class(kind: type[Strategy], log: Log) -> type[Strategy]:
    """Return a subclass that writes down; `on_stop` is left out, since a cut run stops early."""
    methods: dict[str, Any] = {"on_stop": lambda self: None, "on_start": _start_of(kind, log)}
    for name in _CALLBACKS:
        if getattr(kind, name) is not getattr(Strategy, name):
            methods[name] = _callback_of(getattr(kind, name), log)
    if kind.on_bars is not Strategy.on_bars:
        methods["on_bars"] = _bars_of(kind.on_bars, log)
    if kind.on_fill is not Strategy.on_fill:
        methods["on_fill"] = _fill_of(kind.on_fill, log)
    for name in _VERBS:
        methods[name] = _verb_of(name, getattr(kind, name), log)
    return type(kind.__name__, (kind,), methods)


def _start_of(kind: type[Strategy], log: Log) -> Callable[[Any], None]:
    def on_start(self: Any) -> None:
        kind.on_start(self)
        log.arrays.update(_arrays(vars(self), ""))
        log.arrays.update(_arrays(_globals_of(kind), "module-level "))

    return on_start


def _callback_of(method: Callable[[Any, Any], Any], log: Log) -> Callable[[Any, Any], Any]:
    def callback(self: Any, event: Any) -> Any:
        log.enter(event.ts_ns, event.symbol)
        answer = method(self, event)
        log.attributes(self)
        return answer

    return callback


def _fill_of(method: Callable[[Any, Any], Any], log: Log) -> Callable[[Any, Any], Any]:
    def on_fill(self: Any, fill: Any) -> Any:
        log.symbol = fill.symbol
        answer = method(self, fill)
        log.fill(self, fill.symbol)
        return answer

    return on_fill


def _bars_of(method: Callable[[Any, Any], Any], log: Log) -> Callable[[Any, Any], Any]:
    def on_bars(self: Any, bars: Any) -> Any:
        log.enter(bars[0].ts_ns, bars[0].symbol if len(bars) == 1 else "")
        answer = method(self, bars)
        log.attributes(self)
        return answer

    return on_bars


def _verb_of(name: str, method: Callable[..., Any], log: Log) -> Callable[..., Any]:
    takes_quantity = name in ("buy", "sell", "replace")

    def verb(self: Any, *args: Any, **terms: Any) -> Any:
        given = [str(each) for each in (args[1:] if takes_quantity else args)]
        given += [f"{key}={value}" for key, value in terms.items() if key != "quantity"]
        if name in ("cancel", "replace"):
            given = given[1:]  # the order's id counts the orders since the start
        log.wishes.append(Wish(log.now_ns or 0, log.symbol, " ".join([name, *given])))
        return method(self, *args, **terms)

    return verb


def _watched_function(function: Callable[..., int], log: Log) -> Callable[..., int]:
    def called(values: Any, memory: Any, *others: Any) -> int:
        count = function(values, memory, *others)
        log.memories.append(memory.copy())
        return count

    called.on = function.on  # type: ignore[attr-defined]
    return called


def _globals_of(kind: type) -> dict[str, Any]:
    functions = [each for each in vars(kind).values() if isinstance(each, FunctionType)]
    return functions[0].__globals__ if functions else {}


def _arrays(names: dict[str, Any], prefix: str) -> dict[str, NDArray[np.float64]]:
    found = {}
    for name, value in names.items():
        if name.startswith("__") or isinstance(value, str | bytes | dict | set | type):
            continue
        if not hasattr(value, "__len__") or not hasattr(value, "__getitem__"):
            continue
        try:
            array = np.asarray(value, dtype=np.float64)
        except (TypeError, ValueError):
            continue
        if array.ndim == 1 and len(array) >= _ARRAY_LENGTH_MIN:
            found[prefix + name] = array.copy()
    return found
