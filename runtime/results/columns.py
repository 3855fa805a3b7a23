"""Journal columns to polars: exact decimals, UTC times, names.

polars' Decimal has 38 digits (128 bits): any int64 times 10^9 fits. Money has 8 decimals, prices
and quantities those of the finest instrument of the run.
"""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from typing import TYPE_CHECKING

import numpy as np

from engine.model.units import MONEY_PRECISION
from runtime.results.exact import Flags, Ints

if TYPE_CHECKING:
    import polars as pl

DIGITS = 38


def money(name: str, minor: Ints) -> pl.Series:
    """Return minor units as Decimal money."""
    return scaled(name, minor, MONEY_PRECISION)


def scaled(name: str, quanta: Ints, scale: int) -> pl.Series:
    """Return counts of 10^-scale as Decimal."""
    import polars as pl

    whole = pl.Series(name, quanta, dtype=pl.Int64).cast(pl.Decimal(DIGITS, 0))
    if scale == 0:
        return whole
    quantum = pl.Series("", [Decimal(1).scaleb(-scale)], dtype=pl.Decimal(DIGITS, scale))
    return (whole * quantum).alias(name)


def at_precision(name: str, quanta: Ints, precision: Ints, scale: int) -> pl.Series:
    """Return counts of 10^-precision, which differs from row to row, as Decimal of one scale."""
    import polars as pl

    if np.all(precision == scale):
        return scaled(name, quanta, scale)
    whole = pl.Series(name, quanta, dtype=pl.Int64).cast(pl.Decimal(DIGITS, 0))
    factor = pl.Series("", 10 ** (scale - precision), dtype=pl.Int64).cast(pl.Decimal(DIGITS, 0))
    quantum = pl.Series("", [Decimal(1).scaleb(-scale)], dtype=pl.Decimal(DIGITS, scale))
    return (whole * factor * quantum).alias(name)


def times(name: str, ts_ns: Ints) -> pl.Series:
    """Return nanoseconds UTC as Datetime."""
    import polars as pl

    return pl.Series(name, ts_ns, dtype=pl.Int64).cast(pl.Datetime("ns", "UTC"))


def names(name: str, codes: Ints, table: Mapping[int, str]) -> pl.Series:
    """Return the name of each code; null where the table has none or an empty one."""
    import polars as pl

    known = [code for code, text in sorted(table.items()) if text]
    place = np.searchsorted(np.array(known, dtype=np.int64), codes)
    place = np.minimum(place, len(known) - 1)
    found = np.array(known, dtype=np.int64)[place] == codes if known else np.zeros(codes.size)
    texts = pl.Series(name, [table[code] for code in known] + [None], dtype=pl.String)
    return texts.gather(np.where(found, place, len(known))).alias(name)


def where(series: pl.Series, present: Flags) -> pl.Series:
    """Return the series with null where `present` is False."""
    import polars as pl

    if np.all(present):
        return series
    nothing = pl.Series(series.name, [None], dtype=series.dtype).new_from_index(0, len(series))
    return series.zip_with(pl.Series(present), nothing)
