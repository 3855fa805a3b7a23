"""Checked rows of one instrument to whole numbers: its part of the dataset."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import numpy as np

from data.frames import AnyColumns
from data.history import BarColumns, QuoteColumns, TradeColumns
from data.importing.bartimes import BarTimes
from data.importing.define import Known, define
from data.importing.table import SIZE_ROLES, Table
from data.importing.values import Numbers
from data.numbers import EXACT_LIMIT, Ints
from data.parts import Part
from engine.model.instruments import Instrument

_BUYERS = ("buy", "b", "bid", "buyer", "1")
_SELLERS = ("sell", "s", "ask", "seller", "-1", "a")


def convert(
    table: Table,
    known: Known,
    symbol: str,
    group: Ints,
    columns: Mapping[str, Numbers],
    times: BarTimes,
) -> tuple[Instrument, Part]:
    file = table.findings.file
    prices = [column for role, column in columns.items() if role not in SIZE_ROLES]
    sizes = [column for role, column in columns.items() if role in SIZE_ROLES]
    instrument = define(symbol, prices, sizes, known, file)
    whole, error_max = _to_whole(table, instrument, table.rows[group], columns)
    _check_bounds(table, instrument, table.rows[group], whole, columns)
    made = _columns(table, group, times, whole, has_sizes=symbol not in table.no_sizes)
    part = Part(table.layout.kind, symbol, made, times.timeframe, Path(file).name, error_max)
    return instrument, part


def _to_whole(
    table: Table, instrument: Instrument, rows: Ints, columns: Mapping[str, Numbers]
) -> tuple[dict[str, Ints], float]:
    whole: dict[str, Ints] = {}
    errors = [0.0]
    for role, column in columns.items():
        what = "quantity" if role in SIZE_ROLES else "price"
        precision = getattr(instrument, f"{what}_precision")
        rounding = getattr(table.options, f"{what}_precision") is not None
        quanta = column.quanta(precision, rounding=rounding)
        _add_off_grid(table, column, quanta.bad_rows, precision, rows)
        errors.append(quanta.error_max)
        whole[role] = quanta.values
    return whole, max(errors)


def _add_off_grid(table: Table, column: Numbers, bad: Ints, precision: int, rows: Ints) -> None:
    is_large = np.abs(column.floats[bad]) * 10.0**precision >= EXACT_LIMIT
    large, off = bad[is_large], bad[~is_large]
    table.findings.add(
        rows[large],
        column.name,
        "data.too_large",
        lambda i: f"{column.floats[large[i]]:.17g} is too large for {precision} decimals",
    )
    table.findings.add(
        rows[off],
        column.name,
        "data.off_grid",
        lambda i: f"{column.floats[off[i]]:.17g} is no exact count of 10^-{precision}",
    )


def _check_bounds(
    table: Table,
    instrument: Instrument,
    rows: Ints,
    whole: Mapping[str, Ints],
    columns: Mapping[str, Numbers],
) -> None:
    """Record prices that the instrument cannot have; rounding may have made them."""
    low, high = instrument.price_min_ticks, instrument.price_max_ticks
    for role, ticks in whole.items():
        if role in SIZE_ROLES:
            continue
        bad = np.flatnonzero((ticks < low) | (ticks > high))
        column = columns[role]
        bounds = (
            "strictly between 0 and 1"
            if instrument.is_binary
            else f"at least {instrument.tick_size}"
        )
        table.findings.add(
            rows[bad],
            column.name,
            "data.price_out_of_bounds",
            lambda i, column=column, bad=bad, bounds=bounds: (  # type: ignore[misc]
                f"{column.floats[bad[i]]:.15g} is no price of {instrument.symbol}: {bounds}"
            ),
        )


def _columns(
    table: Table, group: Ints, times: BarTimes, whole: Mapping[str, Ints], *, has_sizes: bool
) -> AnyColumns:
    opens, closes = times.open_ns[group], times.close_ns[group]
    nothing = np.zeros(len(group), dtype=np.int64)
    if table.layout.kind == "bars":
        prices = (whole["open"], whole["high"], whole["low"], whole["close"])
        has_volume = has_sizes and "volume" in whole
        return BarColumns(opens, closes, *prices, whole.get("volume", nothing), has_volume)
    if table.layout.kind == "quotes":
        sizes = (whole.get("bid_size", nothing), whole.get("ask_size", nothing))
        has_both = has_sizes and "bid_size" in whole
        return QuoteColumns(closes, whole["bid"], whole["ask"], *sizes, has_both)
    return TradeColumns(closes, whole["price"], whole["size"], _aggressor(table, group))


def _aggressor(table: Table, group: Ints) -> Ints:
    """Return 1 for a buying taker, -1 for a selling one, 0 where the file does not say."""
    import polars as pl

    series = table.series("aggressor")
    if series is None:
        return np.zeros(len(group), dtype=np.int64)
    text = series.cast(pl.String).str.strip_chars().str.to_lowercase().gather(group)
    is_buy, is_sell = text.is_in(_BUYERS).fill_null(False), text.is_in(_SELLERS).fill_null(False)
    known = is_buy | is_sell | text.is_null() | text.is_in(["", "none", "unknown", "n/a"])
    bad = np.flatnonzero(~known.fill_null(True).to_numpy())
    table.findings.add(
        table.rows[group][bad],
        series.name,
        "data.bad_side",
        lambda i: f"{text[int(bad[i])]!r} is neither buy nor sell",
    )
    sides: Ints = is_buy.cast(pl.Int64).to_numpy() - is_sell.cast(pl.Int64).to_numpy()
    return sides
