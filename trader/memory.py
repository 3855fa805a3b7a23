"""Market data that a user already holds: columns of numpy, a polars or a pandas frame, to a history.

The rules are those of the importer (docs/howto/import-data.md). Dates without a time of day name
trading days. A time of day without a zone is refused until its zone is said, and an intraday bar
until it is said whether its time is its open or its close. Only the calendar of daily bars is told
from the data, where nothing else fits. Nothing is guessed, and polars is not imported for it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any, TypeGuard
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import numpy as np
from numpy.typing import NDArray

from data.calendars import get_calendar, sessions_of_days
from data.gaps import session_gaps
from data.history import History, merge
from data.importing.bartimes import format_timeframe, usual_step_ns
from data.numbers import detect_precision, suggest_precision
from engine.errors import DataError
from engine.model.instruments import Instrument, InstrumentKind
from engine.model.units import NS_PER_DAY

Ints = NDArray[np.int64]

TIME_NAMES = ("ts", "timestamp", "datetime", "date_time", "time", "date", "trade_date")
SYMBOL_NAMES = ("symbol", "ticker", "instrument")
PRICE_NAMES = ("open", "high", "low", "close")
KIND_OF_CALENDAR = {
    "XNYS": InstrumentKind.EQUITY,
    "FX": InstrumentKind.FX,
    "24/7": InstrumentKind.CRYPTO_SPOT,
}
_FIRST_NS = 10**17  # 1973; smaller whole numbers count seconds, milliseconds or microseconds
_WORKDAYS = 5
_FEW = 2  # stamps, between which there is a step
_DAILY_NS = 20 * 3_600 * 10**9  # no two stamps of a day are so far apart, those of two days are


@dataclass(frozen=True, slots=True)
class Reading:
    """How to read data in memory; None is detected where that is safe, else asked for.

    Parameters
    ----------
    symbol
        The instrument of data without a column for it.
    timezone
        The zone of times that carry none, e.g. ``America/New_York``.
    stamp
        ``open`` or ``close``: what the time of an intraday bar is.
    calendar
        ``XNYS``, ``24/7`` or ``FX``.
    price_precision, quantity_precision
        Decimals to keep; saying so allows rounding to them.
    """

    symbol: str | None = None
    timezone: str | None = None
    stamp: str | None = None
    calendar: str | None = None
    price_precision: int | None = None
    quantity_precision: int | None = None


@dataclass(frozen=True, slots=True, eq=False)
class _Times:
    """Times of rows: days where they only name days, else nanoseconds; UTC where `is_utc`."""

    values: Ints
    is_days: bool
    is_utc: bool


def history_of(data: object, reading: Reading) -> History:
    """Return data in memory as a history.

    Parameters
    ----------
    data
        A history; a mapping of column names to arrays; a polars or pandas frame; or a mapping of
        symbols to such frames or mappings.

    Raises
    ------
    DataError
        If a column is missing, the times need a word that was not said, or a bar is impossible.
    """
    if isinstance(data, History):
        return data
    if isinstance(data, Mapping) and data and all(_is_table(each) for each in data.values()):
        parts = [_one(each, replace(reading, symbol=str(name))) for name, each in data.items()]
        merged = merge(parts)
        return History(merged.parts, (), replace(parts[0].passport, gaps=_gaps(merged)))
    if not _is_table(data):
        raise DataError(
            f"data is a {type(data).__name__}",
            remedy="give a dataset's name, a polars or pandas frame, or a dict of numpy columns",
            code="data.unknown_kind",
        )
    return _by_symbol(data, reading)


def _is_table(value: object) -> bool:
    return isinstance(value, Mapping) or (hasattr(value, "columns") and hasattr(value, "shape"))


def _by_symbol(data: Any, reading: Reading) -> History:
    """Divide a table with a symbol column into its instruments."""
    columns = _columns_of(data)
    name = next((key for key in SYMBOL_NAMES if key in columns), None)
    if name is None or reading.symbol is not None:
        return _one(columns, reading)
    symbols = np.asarray(columns.pop(name)).astype(str)
    tables: dict[str, Mapping[str, Any]] = {
        str(each): {key: _rows(column, symbols == each) for key, column in columns.items()}
        for each in dict.fromkeys(symbols.tolist())
    }
    return history_of(tables, reading)


def _rows(column: Any, chosen: NDArray[np.bool_]) -> Any:
    if isinstance(column, _Times):
        return _Times(column.values[chosen], column.is_days, column.is_utc)
    return np.asarray(column)[chosen]


def _columns_of(data: Any) -> dict[str, Any]:
    """Return columns by lower-case name; times become `_Times`, whose zone would get lost."""
    if isinstance(data, Mapping):
        columns = {str(name).strip().lower(): column for name, column in data.items()}
    else:
        columns = {str(name).strip().lower(): data[name] for name in data.columns}
        if _is_pandas(data) and not any(name in columns for name in TIME_NAMES):
            columns[str(data.index.name or "timestamp").strip().lower()] = data.index
    for name in TIME_NAMES:
        if name in columns and not isinstance(columns[name], _Times):
            columns[name] = _times_of(columns[name], name)
    return columns


def _is_pandas(value: object) -> TypeGuard[Any]:
    return type(value).__module__.partition(".")[0] == "pandas"


def _one(data: Any, reading: Reading) -> History:
    columns = _columns_of(data)
    missing = [name for name in PRICE_NAMES if name not in columns]
    time, told = _time_of(columns, reading)
    if time is None:
        missing.insert(0, "timestamp")
    if missing:
        raise DataError(
            f"there is no column {missing[0]!r}",
            remedy=f"bars need timestamp, open, high, low, close; it has {', '.join(columns)}",
            code="data.missing_column",
        )
    assert time is not None, "its absence was refused above"
    symbol = reading.symbol or "DATA"
    prices = {name: _floats(columns[name], name, symbol) for name in PRICE_NAMES}
    volume = _floats(columns["volume"], "volume", symbol) if "volume" in columns else None
    opens, closes, calendar, notes = _bar_times(time, reading)
    instrument = _instrument(symbol, calendar, list(prices.values()), volume, reading)
    history = History.from_arrays(
        instrument,
        ts_open_ns=opens,
        ts_close_ns=closes,
        open=prices["open"],
        high=prices["high"],
        low=prices["low"],
        close=prices["close"],
        volume=volume,
        rounding=True,  # to the decimals that were said, or away from float noise; it is told
    )
    made = replace(
        history.passport,
        source="data in memory",
        timeframe="1d" if time.is_days else format_timeframe(int(closes[0] - opens[0])),
        adjustment="as given, no corporate actions",
        gaps=_gaps(history),
        notes=told + notes,
    )
    return History(history.parts, (), made)


def _time_of(columns: Mapping[str, Any], reading: Reading) -> tuple[_Times | None, tuple[str, ...]]:
    """Return the column that times the bars: a trading day beside daily stamps wins."""
    found = [(name, columns[name]) for name in TIME_NAMES if name in columns]
    if not found:
        return None, ()
    first, time = found[0]
    day = next(((name, each) for name, each in found if each.is_days), None)
    if day is None or time.is_days or reading.stamp is not None or time.values.size < _FEW:
        return time, ()
    if int(np.diff(time.values).min()) < _DAILY_NS:
        return time, ()
    return day[1], (f"daily bars: the trading day is column {day[0]}, not {first}",)


def _gaps(history: History) -> tuple[Any, ...]:
    return tuple(gap for part in history.parts for gap in session_gaps(part))


def _floats(column: Any, name: str, symbol: str) -> NDArray[np.float64]:
    try:
        return np.ascontiguousarray(np.asarray(column), dtype=np.float64)
    except (TypeError, ValueError):
        raise DataError(
            f"{symbol}: column {name} does not hold numbers", code="data.not_a_number"
        ) from None


def _times_of(column: Any, name: str) -> _Times:
    """Return a column of times with what its type says of their zone."""
    zone = getattr(getattr(column, "dtype", None), "time_zone", None)  # polars
    if _is_pandas(column):
        zone = getattr(column.dtype, "tz", None)
        if zone is not None:
            column = (column if hasattr(column, "tz_convert") else column.dt).tz_convert("UTC")
            column = (column if hasattr(column, "tz_localize") else column.dt).tz_localize(None)
    values = np.asarray(column)
    if values.dtype.kind in "OU":
        return _from_objects(values.tolist(), name)
    if values.dtype.kind in "iu":
        if values.size and int(values.min()) < _FIRST_NS:
            raise DataError(
                f"column {name} holds {int(values[0])}, which is not nanoseconds since 1970",
                remedy="convert it, e.g. numpy: column.astype('datetime64[ms]')",
                code="data.bad_time",
            )
        return _Times(values.astype(np.int64), is_days=False, is_utc=True)
    if values.dtype.kind != "M":
        raise DataError(f"column {name} does not hold times", code="data.bad_time")
    if bool(np.isnat(values).any()):
        raise DataError(f"column {name} lacks a time", code="data.bad_time")
    ns = values.astype("datetime64[ns]").astype(np.int64)
    is_days = zone is None and bool((ns % NS_PER_DAY == 0).all())
    return _Times(ns // NS_PER_DAY if is_days else ns, is_days, is_utc=zone is not None)


def _from_objects(values: Sequence[Any], name: str) -> _Times:
    """Read datetimes of Python, dates, or ISO text."""
    try:
        found = [datetime.fromisoformat(str(value).strip()) for value in values]
    except ValueError as error:
        raise DataError(f"column {name}: {error}", code="data.bad_time") from None
    zoned = [each.tzinfo is not None for each in found]
    if any(zoned) and not all(zoned):
        raise DataError(f"column {name}: some times have a zone and some not", code="data.bad_time")
    if all(zoned) and found:
        found = [each.astimezone(ZoneInfo("UTC")).replace(tzinfo=None) for each in found]
    times = _times_of(np.array(found, dtype="datetime64[us]"), name)
    if all(zoned) and found:
        ns = times.values * NS_PER_DAY if times.is_days else times.values
        return _Times(ns, is_days=False, is_utc=True)
    return times


def _bar_times(time: _Times, reading: Reading) -> tuple[Ints, Ints, str, tuple[str, ...]]:
    """Return opens, closes and the calendar of bars, and notes on what was detected."""
    if time.is_days and reading.stamp is None:
        calendar, notes = _calendar_of_days(time.values, reading.calendar)
        opens, closes, known = sessions_of_days(calendar, time.values)
        if not known.all():
            day = np.datetime64(int(time.values[int(np.argmin(known))]), "D")
            raise DataError(
                f"{day} is no trading day of {calendar}",
                remedy="leave the row out, or say another calendar",
                code="data.not_a_session",
            )
        return opens, closes, calendar, notes
    ns = _in_utc(time, reading)
    if reading.calendar is None:
        raise DataError(
            "nothing says when the instrument trades",
            remedy='say it: calendar="XNYS" (US shares), "24/7" or "FX"',
            code="data.calendar_missing",
        )
    get_calendar(reading.calendar)
    if reading.stamp not in ("open", "close"):
        raise DataError(
            "nothing says whether a bar's time is its open or its close",
            remedy='say it: stamp="open" or stamp="close"',
            code="data.stamp_missing",
        )
    step = usual_step_ns(ns, [np.arange(ns.size)])
    if step is None:
        raise DataError(
            "the length of the bars cannot be told from one of them", code="data.timeframe_unknown"
        )
    if reading.stamp == "open":
        return ns, ns + step, reading.calendar, ()
    return ns - step, ns, reading.calendar, ()


def _calendar_of_days(days: Ints, given: str | None) -> tuple[str, tuple[str, ...]]:
    if given is not None:
        get_calendar(given)
        return given, ()
    if bool((((days + 3) % 7) >= _WORKDAYS).any()):  # 1970-01-01 was a Thursday
        return "24/7", ("calendar 24/7, told from the data: it has weekends",)
    _, _, known = sessions_of_days("XNYS", days)
    if days.size > 1 and known.all():
        return "XNYS", ("calendar XNYS, told from the data: every date is one of its sessions",)
    raise DataError(
        "the dates do not tell the calendar: some are no sessions of New York, none is a weekend",
        remedy='say it: calendar="XNYS" (US shares), "24/7" or "FX"',
        code="data.calendar_missing",
    )


def _in_utc(time: _Times, reading: Reading) -> Ints:
    ns = time.values * NS_PER_DAY if time.is_days else time.values
    if time.is_utc or reading.timezone == "UTC":
        return ns
    if reading.timezone is None:
        raise DataError(
            "the times carry no zone",
            remedy='say it: timezone="UTC", timezone="America/New_York"',
            code="data.zone_missing",
        )
    try:
        ZoneInfo(reading.timezone)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        raise DataError(
            f"unknown time zone {reading.timezone!r}", code="data.unknown_zone"
        ) from None
    return _localized(ns, reading.timezone)


def _localized(ns: Ints, zone: str) -> Ints:
    import polars as pl

    wall = pl.Series(ns).cast(pl.Datetime("ns"))
    placed = wall.dt.replace_time_zone(zone, ambiguous="null", non_existent="null")
    unclear = placed.is_null()
    if unclear.any():
        raise DataError(
            f"{wall.filter(unclear)[0]} falls into a change of clocks in {zone}",
            remedy="give the times in UTC",
            code="data.ambiguous_local_time",
        )
    return placed.dt.epoch("ns").to_numpy().astype(np.int64)


def _instrument(
    symbol: str,
    calendar: str,
    prices: list[NDArray[np.float64]],
    volume: NDArray[np.float64] | None,
    reading: Reading,
) -> Instrument:
    kind = KIND_OF_CALENDAR[calendar]
    price, quantity = reading.price_precision, reading.quantity_precision
    if price is None:
        floor = 2 if kind is InstrumentKind.EQUITY else 0
        price = _precision(prices, floor, f"{symbol}: a price", "price_precision")
    if quantity is None:
        sizes = [] if volume is None else [volume]
        quantity = _precision(sizes, 0, f"{symbol}: a volume", "quantity_precision")
    return Instrument(
        symbol, kind, price_precision=price, quantity_precision=quantity, calendar=calendar
    )


def _precision(columns: list[NDArray[np.float64]], floor: int, what: str, option: str) -> int:
    """Return the fewest decimals that hold all values; float noise (0.1 + 0.2) is none of them."""
    exact = detect_precision(columns, at_least=floor)
    if exact is not None:
        return exact
    near = [suggest_precision(column) for column in columns]
    found = [each[0] for each in near if each is not None]
    if len(found) == len(columns):
        return max(floor, *found)
    raise DataError(
        f"{what} has more than 9 decimals",
        remedy=f"say how many to keep, which rounds to them: {option}=4",
        code="data.off_grid",
    )
