"""Stored columns as people read them: dates, prices, quantities."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING

from data.numbers import to_floats
from engine.model.instruments import Instrument
from engine.model.units import NS_PER_SECOND

if TYPE_CHECKING:
    import polars as pl


def readable_frame(
    rows: pl.DataFrame, instrument: Instrument, *, has_volume: bool, decimals: bool
) -> pl.DataFrame:
    """Return stored rows with UTC stamps and prices as floats, or as exact Decimals."""
    return rows.select(
        _readable(rows[name], instrument, decimals=decimals)
        for name in rows.columns
        if has_volume or not name.endswith("_lots")
    )


def _readable(column: pl.Series, instrument: Instrument, *, decimals: bool) -> pl.Series:
    import polars as pl

    name, _, unit = column.name.rpartition("_")
    if unit == "ns":
        return column.cast(pl.Datetime("ns")).dt.replace_time_zone("UTC").alias(name)
    if unit == "ticks":
        return _scaled(column, instrument.price_precision, decimals=decimals).alias(name)
    if unit == "lots":
        return _scaled(column, instrument.quantity_precision, decimals=decimals).alias(name)
    return column


def _scaled(column: pl.Series, precision: int, *, decimals: bool) -> pl.Series:
    import polars as pl

    if not decimals:
        # numpy divides; polars multiplies by the reciprocal, which is off by one bit at times.
        return pl.Series(to_floats(column.to_numpy(), precision))
    whole = pl.DataFrame({"count": column}).select(
        (pl.col("count").cast(pl.Decimal(38, precision)) / pl.lit(10**precision)).cast(
            pl.Decimal(38, precision)
        )
    )
    return whole["count"]


def format_day(ts_ns: int | None) -> str:
    """Return the UTC day of a time as text; nothing for None.

    Examples
    --------
    >>> format_day(0)
    '1970-01-01'
    """
    if ts_ns is None:
        return ""
    return datetime.fromtimestamp(ts_ns // NS_PER_SECOND, UTC).date().isoformat()


def format_instant(ts_ns: int) -> str:
    """Return a time as ISO text in UTC, without a fraction where there is none.

    Examples
    --------
    >>> format_instant(1_500_000_000), format_instant(0)
    ('1970-01-01T00:00:01.500000000Z', '1970-01-01T00:00:00Z')
    """
    seconds, rest = divmod(ts_ns, NS_PER_SECOND)
    text = datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%dT%H:%M:%S")
    return f"{text}.{rest:09}Z" if rest else f"{text}Z"
