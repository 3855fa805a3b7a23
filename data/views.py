"""Stored columns as people read them: dates, prices, quantities."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING

from engine.model.instruments import Instrument
from engine.model.units import NS_PER_SECOND

if TYPE_CHECKING:
    import polars as pl


def readable_frame(
    rows: pl.DataFrame, instrument: Instrument, *, has_volume: bool, decimals: bool
) -> pl.DataFrame:
    """Return stored rows with UTC stamps and prices as floats, or as exact Decimals."""
    return rows.select(
        _readable(name, instrument, decimals=decimals)
        for name in rows.columns
        if has_volume or not name.endswith("_lots")
    )


def _readable(name: str, instrument: Instrument, *, decimals: bool) -> pl.Expr:
    import polars as pl

    column = pl.col(name)
    if name.endswith("_ns"):
        stamp = pl.from_epoch(column, time_unit="ns").dt.replace_time_zone("UTC")
        return stamp.alias(name.removesuffix("_ns"))
    if name.endswith("_ticks"):
        return _scaled(column, instrument.price_precision, decimals).alias(name[:-6])
    if name.endswith("_lots"):
        return _scaled(column, instrument.quantity_precision, decimals).alias(name[:-5])
    return column


def _scaled(column: pl.Expr, precision: int, decimals: bool) -> pl.Expr:
    import polars as pl

    if not decimals:
        return column / 10.0**precision
    whole = column.cast(pl.Decimal(38, precision))
    return (whole / pl.lit(10**precision).cast(pl.Decimal(38, 0))).cast(pl.Decimal(38, precision))


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
