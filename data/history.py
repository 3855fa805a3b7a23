"""History in memory: what a backtest reads, whatever it came from.

One `History` holds some instruments, and for each of them bars, quotes and trades as contiguous
int64 columns in time order (bars by their close), its corporate actions, and a passport that says
where all this comes from. It is built from the catalog, from the sample, or from arrays
(`History.from_arrays`), and is never changed afterwards.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, fields, replace
from typing import TypeVar

import numpy as np
from numpy.typing import ArrayLike, NDArray

from data.actions import Action
from data.calendars import CALENDAR_VERSION
from data.checks import Problem, bar_problem
from data.fingerprint import history_fingerprint
from data.numbers import (
    Floats,
    detect_precision,
    suggest_precision,
    to_floats,
    to_quanta_exact,
    to_quanta_report,
)
from engine.errors import DataError
from engine.model.instruments import Instrument, InstrumentKind

Ints = NDArray[np.int64]

PRICES = ("open", "high", "low", "close")


def _freeze(columns: object) -> None:
    """Make the arrays read-only: what is hashed or shown later is what a run has read."""
    for name in type(columns).__slots__:  # type: ignore[attr-defined]
        value = getattr(columns, name)
        if isinstance(value, np.ndarray):
            value.flags.writeable = False


@dataclass(frozen=True, slots=True, eq=False)
class BarColumns:
    """Bars of one instrument, ascending by `ts_close_ns`; volumes are zero without `has_volume`.

    Here as in the other columns, the arrays given become read-only.
    """

    ts_open_ns: Ints
    ts_close_ns: Ints
    open_ticks: Ints
    high_ticks: Ints
    low_ticks: Ints
    close_ticks: Ints
    volume_lots: Ints
    has_volume: bool = True

    def __post_init__(self) -> None:
        _freeze(self)

    @property
    def ts_ns(self) -> Ints:
        """When each bar is known: its close."""
        return self.ts_close_ns

    def __len__(self) -> int:
        return len(self.ts_close_ns)


@dataclass(frozen=True, slots=True, eq=False)
class QuoteColumns:
    """Best bid and ask of one instrument, ascending by `ts_ns`, file order within one stamp."""

    ts_ns: Ints
    bid_ticks: Ints
    ask_ticks: Ints
    bid_size_lots: Ints
    ask_size_lots: Ints
    has_sizes: bool = True

    def __post_init__(self) -> None:
        _freeze(self)

    def __len__(self) -> int:
        return len(self.ts_ns)


@dataclass(frozen=True, slots=True, eq=False)
class TradeColumns:
    """Market prints of one instrument; `aggressor` is 1 for a buyer, -1 a seller, 0 unknown."""

    ts_ns: Ints
    price_ticks: Ints
    size_lots: Ints
    aggressor: Ints

    def __post_init__(self) -> None:
        _freeze(self)

    def __len__(self) -> int:
        return len(self.ts_ns)


Columns = TypeVar("Columns", BarColumns, QuoteColumns, TradeColumns)


@dataclass(frozen=True, slots=True)
class Gap:
    """A hole between two bars of one instrument: sessions that have no bar."""

    symbol: str
    after_ns: int
    before_ns: int
    missing_count: int


@dataclass(frozen=True, slots=True)
class Passport:
    """Where a history comes from and how it was treated, to be printed with every result."""

    source: str
    timeframe: str = ""
    adjustment: str = "as traded"
    gaps: tuple[Gap, ...] = ()
    calendar_version: str = CALENDAR_VERSION
    rounding_error_max: float = 0.0
    notes: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, eq=False)
class InstrumentHistory:
    """One instrument with what is known of its past; None where a kind of data is missing.

    Parameters
    ----------
    bars_fill
        Orders trade on bars, though there are quotes or trades: those are only a few, between the bars.
    """

    instrument: Instrument
    bars: BarColumns | None = None
    quotes: QuoteColumns | None = None
    trades: TradeColumns | None = None
    bars_fill: bool = False

    @property
    def is_quoted(self) -> bool:
        """Whether orders trade on quotes."""
        return self.quotes is not None and len(self.quotes) > 0 and not self.bars_fill

    @property
    def is_ticked(self) -> bool:
        """Whether orders trade on quotes or prints, and not on bars."""
        return (bool(self.quotes) or bool(self.trades)) and not self.bars_fill


@dataclass(frozen=True, slots=True, eq=False)
class History:
    """Market data of some instruments, exact and in time order.

    Parameters
    ----------
    parts
        One entry per instrument, each symbol once.
    actions
        Corporate actions, ascending by time.
    passport
        Source and treatment.
    """

    parts: tuple[InstrumentHistory, ...]
    actions: tuple[Action, ...] = ()
    passport: Passport = Passport("memory")
    _fingerprint: list[str] = field(default_factory=list, repr=False)

    def __post_init__(self) -> None:
        symbols = [part.instrument.symbol for part in self.parts]
        if len(set(symbols)) < len(symbols):
            twice = sorted({symbol for symbol in symbols if symbols.count(symbol) > 1})
            raise DataError(
                f"two instruments have the symbol {twice[0]!r}",
                remedy="give each instrument a symbol of its own",
                code="data.two_instruments_one_symbol",
            )
        ordered = tuple(sorted(self.actions, key=lambda action: action.ts_ex_ns))
        object.__setattr__(self, "actions", ordered)

    @property
    def instruments(self) -> tuple[Instrument, ...]:
        """The instruments, in the order of `parts`."""
        return tuple(part.instrument for part in self.parts)

    @property
    def symbols(self) -> tuple[str, ...]:
        """Their symbols, in the same order."""
        return tuple(part.instrument.symbol for part in self.parts)

    @property
    def fingerprint(self) -> str:
        """The identity of the content: equal content, equal fingerprint, whatever its origin."""
        if not self._fingerprint:
            self._fingerprint.append(history_fingerprint(self))
        return self._fingerprint[0]

    def __getitem__(self, symbol: str) -> InstrumentHistory:
        for part in self.parts:
            if part.instrument.symbol == symbol:
                return part
        raise DataError(
            f"no instrument {symbol!r} in this history",
            remedy=f"it holds: {_some(self.symbols)}",
            code="data.unknown_instrument",
        )

    def span_ns(self) -> tuple[int, int] | None:
        """Return the first and the last time of any market data, or None when there is none."""
        stamps = [columns.ts_ns for _, columns in self.columns() if len(columns)]
        if not stamps:
            return None
        return min(int(ts[0]) for ts in stamps), max(int(ts[-1]) for ts in stamps)

    def columns(self) -> Iterable[tuple[Instrument, BarColumns | QuoteColumns | TradeColumns]]:
        """Yield every block of columns with its instrument."""
        for part in self.parts:
            for columns in (part.bars, part.quotes, part.trades):
                if columns is not None:
                    yield part.instrument, columns

    def between(self, start_ns: int | None, end_ns: int | None) -> History:
        """Return what is known in [start, end): bars by their close. Views, no copies."""
        parts = tuple(
            replace(
                part,
                bars=_cut(part.bars, start_ns, end_ns),
                quotes=_cut(part.quotes, start_ns, end_ns),
                trades=_cut(part.trades, start_ns, end_ns),
            )
            for part in self.parts
        )
        return History(parts, self.actions, self.passport)

    def select(self, symbols: Sequence[str]) -> History:
        """Return only the instruments named, in that order."""
        actions = tuple(action for action in self.actions if action.symbol in symbols)
        return History(tuple(self[symbol] for symbol in symbols), actions, self.passport)

    @staticmethod
    def from_arrays(
        instrument: Instrument | str,
        *,
        ts_close_ns: ArrayLike,
        open: ArrayLike,
        high: ArrayLike,
        low: ArrayLike,
        close: ArrayLike,
        volume: ArrayLike | None = None,
        ts_open_ns: ArrayLike | None = None,
        actions: Sequence[Action] = (),
        source: str = "arrays",
        rounding: bool = False,
        check: bool = True,
    ) -> History:
        """Build a history of one instrument's bars from numpy arrays or polars columns.

        Parameters
        ----------
        instrument
            A definition, or only a symbol: then the precision is detected from the values, and
            the rest is that of a US share (`InstrumentKind.EQUITY`, calendar 24/7).
        ts_close_ns, ts_open_ns
            Nanoseconds UTC (int64 or datetime64), strictly ascending. Without opens, a bar opens
            where the one before closed.
        open, high, low, close, volume
            Floats or whole numbers, in currency and units.
        rounding
            Allow values off the grid; the largest error goes to the passport.
        check
            Refuse impossible bars; skip it only for data that was checked before.

        Raises
        ------
        DataError
            If the values are off the grid, impossible, or out of order.
        """
        prices = [_floats(column, name) for column, name in zip((open, high, low, close), PRICES)]
        volumes = None if volume is None else _floats(volume, "volume")
        if isinstance(instrument, str):
            instrument = _guess_instrument(instrument, prices, volumes)
        opens, closes = _bar_times(ts_open_ns, ts_close_ns)
        bars, error_max = _bars_from_floats(instrument, prices, volumes, opens, closes, rounding)
        if check:
            _require_sound(bars, instrument.symbol)
        passport = Passport(source, rounding_error_max=error_max)
        return History((InstrumentHistory(instrument, bars),), tuple(actions), passport)


def merge(histories: Sequence[History]) -> History:
    """Put histories of different instruments together, in the order given."""
    parts = tuple(part for history in histories for part in history.parts)
    actions = tuple(action for history in histories for action in history.actions)
    sources = dict.fromkeys(history.passport.source for history in histories)
    return History(parts, actions, Passport(" + ".join(sources)))


def bar_floats(instrument: Instrument, bars: BarColumns) -> Mapping[str, Floats]:
    """Return open, high, low, close and volume as floats, for charts and statistics."""
    precision = instrument.price_precision
    views = {name: to_floats(getattr(bars, f"{name}_ticks"), precision) for name in PRICES}
    return {**views, "volume": to_floats(bars.volume_lots, instrument.quantity_precision)}


def cut_columns(columns: Columns, where: slice) -> Columns:
    """Return a range of rows as views."""
    values = {
        item.name: getattr(columns, item.name)[where]
        for item in fields(columns)
        if not item.name.startswith("has_")
    }
    return replace(columns, **values)


def _cut(columns: Columns | None, start_ns: int | None, end_ns: int | None) -> Columns | None:
    if columns is None:
        return None
    first = 0 if start_ns is None else int(np.searchsorted(columns.ts_ns, start_ns))
    last = len(columns) if end_ns is None else int(np.searchsorted(columns.ts_ns, end_ns))
    return cut_columns(columns, slice(first, last))


def _floats(column: ArrayLike, name: str) -> Floats:
    try:
        values = np.ascontiguousarray(np.asarray(column), dtype=np.float64)
    except (TypeError, ValueError):
        raise DataError(f"column {name} does not hold numbers", code="data.not_a_number") from None
    if values.ndim != 1:
        raise DataError(f"column {name} has {values.ndim} dimensions, not 1", code="data.shape")
    return values


def _stamps(column: ArrayLike) -> Ints:
    values = np.asarray(column)
    if values.dtype.kind == "M":
        values = values.astype("datetime64[ns]")
    elif values.dtype.kind not in "iu":
        raise DataError(
            f"time stamps must be int64 nanoseconds or datetime64, not {values.dtype}",
            code="data.bad_time",
        )
    if values.ndim != 1:
        raise DataError(f"time stamps have {values.ndim} dimensions, not 1", code="data.shape")
    return np.ascontiguousarray(values).astype(np.int64, copy=False)


def _guess_instrument(symbol: str, prices: list[Floats], volumes: Floats | None) -> Instrument:
    price = detect_precision(prices, at_least=2)
    quantity = 0 if volumes is None else detect_precision([volumes])
    if price is None or quantity is None:
        raise _off_grid(symbol, prices if price is None else [volumes])
    return Instrument(
        symbol, InstrumentKind.EQUITY, price_precision=price, quantity_precision=quantity
    )


def _off_grid(symbol: str, columns: Sequence[Floats | None]) -> DataError:
    found = [suggest_precision(column) for column in columns if column is not None]
    remedy = "give an Instrument with a price_precision, and rounding=True"
    if found and all(found):
        precision = max(item[0] for item in found if item)
        remedy += f"; they are near {precision} decimals"
    return DataError(
        f"{symbol}: values have more than 9 decimals", remedy=remedy, code="data.off_grid"
    )


def _bars_from_floats(
    instrument: Instrument,
    prices: Sequence[Floats],
    volumes: Floats | None,
    opens: Ints,
    closes: Ints,
    rounding: bool,
) -> tuple[BarColumns, float]:
    errors: list[float] = []
    # One block for all of them: large pages of memory then fit but for its ends.
    rooms = np.empty((5, len(closes)), dtype=np.int64)
    precision = instrument.price_precision
    ticks = [
        _quanta(column, precision, instrument.symbol, name, rounding, errors, room)
        for column, name, room in zip(prices, PRICES, rooms)
    ]
    if volumes is None:
        lots = np.zeros(len(closes), dtype=np.int64)
    else:
        precision = instrument.quantity_precision
        lots = _quanta(volumes, precision, instrument.symbol, "volume", rounding, errors, rooms[4])
    lengths = {len(column) for column in (opens, closes, lots, *ticks)}
    if len(lengths) > 1:
        raise DataError(
            f"{instrument.symbol}: columns differ in length: {sorted(lengths)}", code="data.shape"
        )
    first, high, low, last = ticks
    bars = BarColumns(opens, closes, first, high, low, last, lots, volumes is not None)
    return bars, max(errors, default=0.0)


def _bar_times(ts_open_ns: ArrayLike | None, ts_close_ns: ArrayLike) -> tuple[Ints, Ints]:
    """Return opens and closes as copies: the caller may change his arrays, a history never does.

    Without opens both are views of one array, since each bar opens where the one before closed.
    """
    closes = _stamps(ts_close_ns)
    if ts_open_ns is not None:
        return _stamps(ts_open_ns).copy(), closes.copy()
    both = np.empty(len(closes) + 1, dtype=np.int64)
    both[1:] = closes
    if len(closes):
        step = int(closes[1] - closes[0]) if len(closes) > 1 else 1
        both[0] = closes[0] - max(step, 1)
    return both[:-1], both[1:]


def _quanta(
    values: Floats,
    precision: int,
    symbol: str,
    name: str,
    rounding: bool,
    errors: list[float],
    room: Ints,
) -> Ints:
    out = room if len(room) == len(values) else None
    exact = to_quanta_exact(values, precision, out)
    if exact is not None:
        return exact
    report = to_quanta_report(values, precision, rounding=rounding)
    if len(report.bad_rows):
        row = int(report.bad_rows[0])
        finite = bool(np.isfinite(values[row]))
        raise DataError(
            f"{symbol}: {name} {values[row]} "
            + (f"has more than {precision} decimals" if finite else "is not a finite number"),
            where=f"row {row}",
            remedy="give a finer precision, or rounding=True" if finite else "",
            code="data.off_grid" if finite else "data.not_finite",
        )
    errors.append(report.error_max)
    return report.values


def _require_sound(bars: BarColumns, symbol: str) -> None:
    if len(bars) == 0:
        raise DataError(f"{symbol}: there are no bars", code="data.empty")
    problem: Problem | None = bar_problem(bars)
    if problem is not None:
        raise DataError(f"{symbol}: {problem.text}", where=f"row {problem.row}", code=problem.code)


def _some(names: Sequence[str], limit: int = 10) -> str:
    more = f" and {len(names) - limit} more" if len(names) > limit else ""
    return ", ".join(names[:limit]) + more
