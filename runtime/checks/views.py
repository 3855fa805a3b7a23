"""Other pasts and other futures of a history: cut, with a scrambled future, begun later.

A view is applied to everything that a strategy can read: the run's own market data, and tables that
the strategy reads by itself (`runtime.checks.reads`). Each row of a table has a time at which it is
known; a view says which rows there are, and which are not what they were.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from data.history import BarColumns, History, InstrumentHistory, QuoteColumns, TradeColumns
from engine.model.instruments import Instrument

Ints = NDArray[np.int64]
Mask = NDArray[np.bool_]
Columns = BarColumns | QuoteColumns | TradeColumns

NEVER = np.iinfo(np.int64).max
_LEVEL = 0.4  # a future that is half again as dear, or a third cheaper
_NOISE = 0.1


class View(Protocol):
    """One changed version of what is known."""

    @property
    def until_ns(self) -> int:
        """The last time that is run."""

    def history(self, history: History) -> History:
        """Return market data under this view."""

    def keeps(self, known_ns: Ints) -> Mask:
        """Return which rows of a table are there."""

    def factors(self, known_ns: Ints) -> NDArray[np.float64]:
        """Return by what the numbers of each row are multiplied."""


@dataclass(frozen=True, slots=True)
class Whole:
    """Everything as it is."""

    until_ns: int = NEVER

    def history(self, history: History) -> History:
        """Return the history itself."""
        return history

    def keeps(self, known_ns: Ints) -> Mask:
        """Keep all."""
        return np.ones(len(known_ns), dtype=bool)

    def factors(self, known_ns: Ints) -> NDArray[np.float64]:
        """Change nothing."""
        return np.ones(len(known_ns))


@dataclass(frozen=True, slots=True)
class Scramble:
    """What comes after a time has other prices and sizes; times and what came before stay.

    Every bar after it is multiplied by one seeded factor, so that it stays a valid bar.
    """

    until_ns: int
    seed: int

    def history(self, history: History) -> History:
        """Return the history with another future."""
        parts = tuple(self._part(k, part) for k, part in enumerate(history.parts))
        return History(parts, history.actions, history.passport)

    def keeps(self, known_ns: Ints) -> Mask:
        """Keep all."""
        return np.ones(len(known_ns), dtype=bool)

    def factors(self, known_ns: Ints) -> NDArray[np.float64]:
        """Return a random factor for each row of the future, 1 for the others."""
        return np.where(known_ns > self.until_ns, self._draws(len(known_ns), 0), 1.0)

    def _draws(self, count: int, stream: int) -> NDArray[np.float64]:
        draws = np.random.default_rng((self.seed, self.until_ns % 2**32, stream))
        level = _LEVEL if draws.random() < 0.5 else -_LEVEL
        return np.exp(level + _NOISE * draws.standard_normal(count))

    def _part(self, k: int, part: InstrumentHistory) -> InstrumentHistory:
        changed: dict[str, Any] = {}
        for number, name in enumerate(("bars", "quotes", "trades")):
            columns: Columns | None = getattr(part, name)
            if columns is not None and len(columns):
                factors = self._draws(len(columns), 1 + 3 * k + number)
                future = columns.ts_ns > self.until_ns
                changed[name] = scaled(columns, part.instrument, np.where(future, factors, 1.0))
        return replace(part, **changed)


@dataclass(frozen=True, slots=True)
class Cut:
    """Nothing is known of what comes after a time."""

    until_ns: int

    def history(self, history: History) -> History:
        """Return the history up to the time.

        Columns that have not begun stay, scrambled: which kinds of data an instrument has is known
        before it trades, and none of their rows is run.
        """
        before = history.between(None, self.until_ns + 1)
        other = Scramble(self.until_ns, seed=1).history(history)
        parts = tuple(_kept(part, whole) for part, whole in zip(before.parts, other.parts))
        actions = tuple(each for each in history.actions if each.ts_ex_ns <= self.until_ns)
        return History(parts, actions, history.passport)

    def keeps(self, known_ns: Ints) -> Mask:
        """Keep what is known at the time."""
        return known_ns <= self.until_ns

    def factors(self, known_ns: Ints) -> NDArray[np.float64]:
        """Change nothing."""
        return np.ones(len(known_ns))


@dataclass(frozen=True, slots=True)
class Start:
    """History begins later, with what is known at a time."""

    from_ns: int
    until_ns: int = NEVER

    def history(self, history: History) -> History:
        """Return the history from the time on; an instrument that has ended by then keeps its last row."""
        after = history.between(self.from_ns, None)
        last = History(
            tuple(_last_rows(part) for part in history.parts), history.actions, history.passport
        )
        parts = tuple(_kept(part, end) for part, end in zip(after.parts, last.parts))
        return History(parts, history.actions, history.passport)

    def keeps(self, known_ns: Ints) -> Mask:
        """Keep what became known from the time on."""
        return known_ns >= self.from_ns

    def factors(self, known_ns: Ints) -> NDArray[np.float64]:
        """Change nothing."""
        return np.ones(len(known_ns))


def _kept(part: InstrumentHistory, instead: InstrumentHistory) -> InstrumentHistory:
    """Return a part with other columns in the place of those that have no row left."""
    changed = {}
    for name in ("bars", "quotes", "trades"):
        columns = getattr(part, name)
        if columns is not None and len(columns) == 0:
            changed[name] = getattr(instead, name)
    return replace(part, **changed) if changed else part


def _last_rows(part: InstrumentHistory) -> InstrumentHistory:
    changed: dict[str, Any] = {}
    for name in ("bars", "quotes", "trades"):
        columns = getattr(part, name)
        if columns is not None and len(columns):
            changed[name] = _rows_of(columns, len(columns) - 1)
    return replace(part, **changed)


def _rows_of(columns: Columns, first: int) -> Columns:
    names = [name for name in columns.__dataclass_fields__ if not name.startswith("has_")]
    return replace(columns, **{name: getattr(columns, name)[first:] for name in names})


def scaled(columns: Columns, instrument: Instrument, factors: NDArray[np.float64]) -> Columns:
    """Return columns with each row's prices multiplied, on the grid, in their order; sizes doubled.

    One factor a row and a rounding that never changes an order keep a bar a bar.
    """
    changed = factors != 1.0
    if not changed.any():
        return columns
    first = int(np.argmax(changed))
    sizes = np.where(changed, 2, 1)
    made: dict[str, Ints] = {}
    for name in columns.__dataclass_fields__:
        values = getattr(columns, name)
        if name.endswith("_ticks"):
            made[name] = _scaled_prices(values, factors, first, instrument)
        elif name.endswith("_lots"):
            made[name] = values * sizes
    if isinstance(columns, QuoteColumns):
        open_spread = columns.ask_ticks > columns.bid_ticks
        locked = open_spread & (made["ask_ticks"] == made["bid_ticks"])
        made["ask_ticks"] = made["ask_ticks"] + locked * instrument.price_step_ticks
    changes: dict[str, Any] = made  # fields of one of three kinds
    return replace(columns, **changes)


def _scaled_prices(
    ticks: Ints, factors: NDArray[np.float64], first: int, instrument: Instrument
) -> Ints:
    step = instrument.price_step_ticks
    moved = _moved(ticks[first:], factors[first:], instrument)
    future = np.rint(moved / step).astype(np.int64) * step
    if (ticks > 0).all() or instrument.is_binary:
        highest = instrument.price_max_ticks // step * step
        future = np.clip(future, step, highest)
    kept = factors[first:] == 1.0
    return np.concatenate([ticks[:first], np.where(kept, ticks[first:], future)])


def _moved(
    ticks: Ints, factors: NDArray[np.float64], instrument: Instrument
) -> NDArray[np.float64]:
    """Return prices that the factors have moved, each row in one direction.

    A contract that pays 1 or nothing may stand at its end, where a multiple is no other price: its
    odds are moved, and halved first.
    """
    if not instrument.is_binary:
        return ticks * factors
    whole = instrument.price_max_ticks + 1
    share = np.clip(ticks / whole, 0.005, 0.995)
    odds = np.log(share / (1.0 - share)) / 2.0 + 3.0 * np.log(factors)
    moved: NDArray[np.float64] = whole / (1.0 + np.exp(-odds))
    return moved
