"""Bars of longer periods, anchored to the calendar; also from trades and from quotes.

The problem: an hour can be counted from midnight UTC or from the opening bell, a day can be a date
or a session, and summer time moves one against the other. Here every row belongs to a session of
the instrument's calendar, the first that closes at or after the row (so do the engine's higher
timeframes, and so pre-market rows belong to the session that follows):

- ``5m``, ``1h``: counted from the session's open, cut at its close; a half day has fewer bars. With
  ``Anchor.UTC`` they are counted from 00:00 UTC instead, as formulas' ``timeframe("1h", ...)`` is;
- ``1d``: one session; ``1w``: the sessions of Monday to Sunday; ``1mo``: those of a month.

A bar opens and closes with its period, whatever its first and last row; a period without rows has
no bar. The last bar is left out when the data ends before the period does: it would be a bar that
nobody saw.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from enum import Enum

import numpy as np

from data.calendars import FIRST_YEAR, sessions
from data.frames import AnyColumns, array_names, with_arrays
from data.history import BarColumns, QuoteColumns, TradeColumns, cut_columns
from data.numbers import Ints
from engine.errors import DataError
from engine.model.instruments import PRECISION_MAX, Instrument
from engine.model.units import INT64_MAX, NS_PER_DAY, NS_PER_HOUR, NS_PER_MINUTE, NS_PER_SECOND

_UNITS = {"s": NS_PER_SECOND, "m": NS_PER_MINUTE, "h": NS_PER_HOUR}
_LABEL = re.compile(r"([1-9]\d{0,3})(s|m|h|d|w|mo)")
_AROUND_NS = 40 * NS_PER_DAY  # sessions on both sides, so that whole months are known


class Anchor(Enum):
    """From where periods within a day are counted."""

    SESSION = "session"
    UTC = "utc"


class QuotePrice(Enum):
    """Which price of a quote makes the bar."""

    MID = "mid"
    BID = "bid"
    ASK = "ask"


@dataclass(frozen=True, slots=True)
class Period:
    """A bar length: ``5m``, ``1h``, ``1d``, ``1w``, ``1mo``; `length_ns` is 0 from a day on."""

    label: str
    unit: str
    length_ns: int


def parse_period(label: str) -> Period:
    """Return the period of a label.

    Raises
    ------
    DataError
        If it is none, or does not divide a day.

    Examples
    --------
    >>> parse_period("1h").length_ns == 3600 * 10**9
    True
    """
    match = _LABEL.fullmatch(label.strip().lower())
    if match is None or (match[2] not in _UNITS and match[1] != "1"):
        raise _no_period(label, "write 30s, 5m, 4h, 1d, 1w or 1mo")
    length_ns = int(match[1]) * _UNITS.get(match[2], 0)
    if length_ns and (length_ns >= NS_PER_DAY or NS_PER_DAY % length_ns):
        raise _no_period(label, "seconds, minutes and hours must divide a day")
    return Period(match[0], match[2], length_ns)


def resample(
    blocks: Iterable[AnyColumns],
    instrument: Instrument,
    period: Period,
    *,
    anchor: Anchor = Anchor.SESSION,
    price: QuotePrice = QuotePrice.MID,
    regular_hours: bool = False,
) -> Iterator[BarColumns]:
    """Yield the bars of a period, made of rows that come in blocks.

    Parameters
    ----------
    blocks
        Bars, quotes or trades of one instrument, ascending in time.
    instrument
        Whose rows they are; its calendar says what a session is.
    period
        See `parse_period`.
    anchor
        From where hours and minutes are counted.
    price
        For quotes only; a mid needs one decimal more, see `resampled_instrument`.
    regular_hours
        Leave out rows that begin outside every session.

    Raises
    ------
    DataError
        If bars are not made of whole shorter ones: 10m cannot be made of 4m.
    """
    carry: BarColumns | None = None
    for block in blocks:
        rows = as_bars(block, price)
        if carry is not None:
            rows = concatenated([carry, rows])
        if regular_hours:
            rows = _regular(rows, instrument.calendar, is_ticks=_is_ticks(block))
        if len(rows) == 0:
            continue
        buckets = _buckets(rows, instrument, period, anchor, is_ticks=_is_ticks(block))
        last = int(buckets.starts[-1])
        if last:
            yield _aggregated(cut_columns(rows, slice(0, last)), buckets.head(last))
        carry = cut_columns(rows, slice(last, len(rows)))
        final = buckets.tail(last)
        _require_whole(buckets, period, instrument)
    if carry is not None and int(carry.ts_close_ns[-1]) >= int(final.close_ns[0]):
        yield _aggregated(carry, final)


def resample_bars(
    bars: BarColumns,
    instrument: Instrument,
    label: str,
    *,
    anchor: Anchor = Anchor.SESSION,
    regular_hours: bool = False,
) -> BarColumns:
    """Return bars in memory as bars of a longer period; see `resample`."""
    made = list(
        resample(
            [bars], instrument, parse_period(label), anchor=anchor, regular_hours=regular_hours
        )
    )
    return concatenated(made) if made else cut_columns(bars, slice(0, 0))


def concatenated(blocks: Sequence[BarColumns]) -> BarColumns:
    """Return blocks of bars as one."""
    names = array_names(blocks[0])
    joined = [np.concatenate([getattr(block, name) for block in blocks]) for name in names]
    bars = with_arrays(blocks[0], joined)
    assert isinstance(bars, BarColumns)
    return bars


def period_of_tick(
    ts_ns: int,
    instrument: Instrument,
    period: Period,
    *,
    anchor: Anchor = Anchor.SESSION,
    regular_hours: bool = False,
) -> tuple[int, int] | None:
    """Return open and close of the bar that a quote or trade begins or belongs to.

    A bar opens where the period of its first tick says. None where the tick is in no bar.
    """
    stamp, zero = np.array([ts_ns], dtype=np.int64), np.zeros(1, dtype=np.int64)
    row = BarColumns(stamp, stamp, zero, zero, zero, zero, zero)
    if regular_hours and not len(_regular(row, instrument.calendar, is_ticks=True)):
        return None
    buckets = _buckets(row, instrument, period, anchor, is_ticks=True)
    return int(buckets.open_ns[0]), int(buckets.close_ns[0])


def resampled_instrument(instrument: Instrument, kind: str, price: QuotePrice) -> Instrument:
    """Return the definition of the bars' instrument: mids need one decimal more.

    Raises
    ------
    DataError
        If there is no decimal left.
    """
    if kind != "quotes" or price is not QuotePrice.MID:
        return instrument
    if instrument.price_precision == PRECISION_MAX:
        raise DataError(
            f"a mid of {instrument.symbol} needs more than {PRECISION_MAX} decimals",
            remedy="make bars of one side: --price bid, or --price ask",
            code="data.off_grid",
        )
    return replace(instrument, price_precision=instrument.price_precision + 1)


def as_bars(block: AnyColumns, price: QuotePrice) -> BarColumns:
    """Return rows as bars: a tick is a bar that opens and closes in its moment."""
    if isinstance(block, BarColumns):
        return block
    if isinstance(block, TradeColumns):
        ticks = block.price_ticks
        return BarColumns(block.ts_ns, block.ts_ns, ticks, ticks, ticks, ticks, block.size_lots)
    ticks = _quote_ticks(block, price)
    none = np.zeros(len(block), dtype=np.int64)
    return BarColumns(block.ts_ns, block.ts_ns, ticks, ticks, ticks, ticks, none, False)


def _quote_ticks(block: QuoteColumns, price: QuotePrice) -> Ints:
    if price is QuotePrice.BID:
        return block.bid_ticks
    if price is QuotePrice.ASK:
        return block.ask_ticks
    # (bid + ask) / 2 in tenths of a tick is exact: half a tick is five tenths.
    if len(block) and int(block.ask_ticks.max()) > INT64_MAX // 10:
        raise DataError("a mid does not fit 64 bits", code="data.too_large")
    return (block.bid_ticks + block.ask_ticks) * 5


@dataclass(frozen=True, slots=True)
class _Buckets:
    """The period of each row, its open and its close, and the rows that begin one."""

    open_ns: Ints
    close_ns: Ints
    starts: Ints
    crosses: bool  # a row reaches beyond its period

    def head(self, count: int) -> _Buckets:
        """Return the first `count` rows, which end where a period ends."""
        starts = self.starts[self.starts < count]
        return _Buckets(self.open_ns[:count], self.close_ns[:count], starts, self.crosses)

    def tail(self, first: int) -> _Buckets:
        """Return the rows from `first` on: one period."""
        zero = np.zeros(1, dtype=np.int64)
        return _Buckets(self.open_ns[first:], self.close_ns[first:], zero, self.crosses)


def _buckets(
    rows: BarColumns, instrument: Instrument, period: Period, anchor: Anchor, *, is_ticks: bool
) -> _Buckets:
    opens, closes = _sessions_around(instrument.calendar, rows)
    place = _session_of(rows, opens, closes, is_ticks=is_ticks)
    if period.length_ns == 0:
        open_ns, close_ns = _day_bounds(rows, opens, closes, place, period)
    else:
        open_ns, close_ns = _bounds(rows, opens, closes, place, period, anchor, is_ticks=is_ticks)
    starts = np.flatnonzero(np.diff(close_ns, prepend=close_ns[0] - 1)).astype(np.int64)
    crosses = not is_ticks and bool((rows.ts_close_ns > close_ns).any())
    return _Buckets(open_ns, close_ns, starts, crosses)


def _session_of(rows: BarColumns, opens: Ints, closes: Ints, *, is_ticks: bool) -> Ints:
    """Return the session of each row: the first that closes at or after it."""
    place = np.searchsorted(closes, rows.ts_close_ns, side="left")
    if not is_ticks:
        return place
    # Where one session ends as the next begins, the moment is the next one's.
    following = np.minimum(place + 1, len(opens) - 1)
    return np.where(opens[following] == rows.ts_close_ns, following, place)


def _sessions_around(calendar: str, rows: BarColumns) -> tuple[Ints, Ints]:
    first, last = int(rows.ts_open_ns[0]) - _AROUND_NS, int(rows.ts_close_ns[-1]) + _AROUND_NS
    earliest = (FIRST_YEAR - 1970) * 365 * NS_PER_DAY + 5 * NS_PER_DAY  # five leap days
    if calendar != "24/7" and first < earliest <= int(rows.ts_open_ns[0]):
        first = earliest
    return sessions(calendar, first, last)


def _bounds(
    rows: BarColumns,
    opens: Ints,
    closes: Ints,
    place: Ints,
    period: Period,
    anchor: Anchor,
    *,
    is_ticks: bool,
) -> tuple[Ints, Ints]:
    """Return the open and close of each row's period within its session."""
    length = period.length_ns
    zero = opens[place] if anchor is Anchor.SESSION else np.zeros(len(rows), dtype=np.int64)
    stamps = rows.ts_open_ns
    if is_ticks:  # the closing print carries the session's last moment, and belongs to it
        stamps = np.where(stamps == closes[place], stamps - 1, stamps)
    first = zero + (stamps - zero) // length * length
    before = np.where(place > 0, closes[np.maximum(place - 1, 0)], first)
    is_regular = stamps >= opens[place]
    open_ns = np.where(is_regular, np.maximum(first, opens[place]), np.maximum(first, before))
    is_early = ~is_regular & (first + length <= opens[place])
    return open_ns, np.where(is_early, first + length, np.minimum(first + length, closes[place]))


def _day_bounds(
    rows: BarColumns, opens: Ints, closes: Ints, place: Ints, period: Period
) -> tuple[Ints, Ints]:
    """Return the first open and the last close of each row's day, week or month of sessions."""
    key = _period_keys((closes - 1) // NS_PER_DAY, period)
    edges = np.flatnonzero(np.diff(key, prepend=key[0] - 1))
    lasts = np.append(edges[1:], len(key)) - 1
    group = np.searchsorted(edges, place, side="right") - 1
    open_ns, close_ns = opens[edges[group]], closes[lasts[group]]
    # Rows before the bell belong to the session: its bar then begins with them.
    starts = np.flatnonzero(np.diff(close_ns, prepend=close_ns[0] - 1))
    first_rows = np.repeat(rows.ts_open_ns[starts], np.diff(np.append(starts, len(rows))))
    return np.minimum(open_ns, first_rows), close_ns


def _period_keys(days: Ints, period: Period) -> Ints:
    """Return a number per session that its period's sessions share."""
    if period.unit == "w":
        return (days + 3) // 7  # 1970-01-05, day 4, was the first Monday
    if period.unit == "mo":
        return days.astype("datetime64[D]").astype("datetime64[M]").astype(np.int64)
    return days


def _regular(rows: BarColumns, calendar: str, *, is_ticks: bool) -> BarColumns:
    """Return the rows that begin inside a session."""
    if len(rows) == 0:
        return rows
    opens, closes = _sessions_around(calendar, rows)
    place = _session_of(rows, opens, closes, is_ticks=is_ticks)
    keep = (rows.ts_open_ns >= opens[place]) & (
        (rows.ts_open_ns < closes[place]) | (is_ticks & (rows.ts_open_ns == closes[place]))
    )
    kept = with_arrays(rows, [getattr(rows, name)[keep] for name in array_names(rows)])
    assert isinstance(kept, BarColumns)
    return kept


def _aggregated(rows: BarColumns, buckets: _Buckets) -> BarColumns:
    starts = buckets.starts
    ends = np.append(starts[1:], len(rows)) - 1
    return BarColumns(
        buckets.open_ns[starts],
        buckets.close_ns[starts],
        rows.open_ticks[starts],
        np.maximum.reduceat(rows.high_ticks, starts),
        np.minimum.reduceat(rows.low_ticks, starts),
        rows.close_ticks[ends],
        np.add.reduceat(rows.volume_lots, starts),
        rows.has_volume,
    )


def _is_ticks(block: AnyColumns) -> bool:
    return not isinstance(block, BarColumns)


def _require_whole(buckets: _Buckets, period: Period, instrument: Instrument) -> None:
    if buckets.crosses:
        raise DataError(
            f"{instrument.symbol}: its bars do not divide bars of {period.label}: one reaches from "
            "one period into the next",
            remedy="choose a multiple of the bars' length, or another --anchor",
            code="data.timeframe_mixed",
        )


def _no_period(label: str, remedy: str) -> DataError:
    return DataError(
        f"{label!r} is no period", where="--to", remedy=remedy, code="data.bad_timeframe"
    )
