"""A file on its way: its rows grouped by instrument, its columns as numbers."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np

from data.importing.columns import Layout, find_layout
from data.importing.findings import Findings
from data.importing.options import ImportOptions
from data.importing.source import ROW, Source
from data.importing.values import Numbers, missing_columns, parse_numbers
from data.numbers import Ints
from engine.errors import DataError

if TYPE_CHECKING:
    import polars as pl

NUMBER_ROLES = {
    "bars": ("open", "high", "low", "close", "volume"),
    "quotes": ("bid", "ask", "bid_size", "ask_size"),
    "trades": ("price", "size"),
}
OPTIONAL_SIZES = frozenset({"volume", "bid_size", "ask_size"})
SIZE_ROLES = frozenset({"volume", "size", "bid_size", "ask_size"})


@dataclass(frozen=True, slots=True)
class Pins:
    """What the whole of a large file says about sizes, for its single batches.

    `absent` are roles without any value, `no_sizes` instruments without volumes or sizes.
    """

    absent: frozenset[str]
    no_sizes: frozenset[str]


@dataclass(slots=True)
class Table:
    """A file on its way: its rows grouped by instrument, and what was found."""

    source: Source
    layout: Layout
    options: ImportOptions
    findings: Findings
    rows: Ints  # line or row numbers as a person counts
    symbols: list[str]
    groups: list[Ints]  # places of each symbol's rows, in the order of the file
    notes: list[str]
    no_sizes: set[str] = field(default_factory=set)  # instruments without volumes or sizes
    pins: Pins | None = None  # for a batch: what only the whole file can tell

    def series(self, role: str) -> pl.Series | None:
        name = self.layout.column(role)
        return None if name is None else self.source.table[name]


def make_table(source: Source, options: ImportOptions, notes: list[str]) -> Table:
    layout = find_layout(source, options.kind, options.columns)
    findings = Findings(str(source.path), source.word)
    rows = np.ascontiguousarray(source.table[ROW].to_numpy(), dtype=np.int64)
    symbols, groups = _grouped(source, layout, options, rows, findings)
    return Table(source, layout, options, findings, rows, symbols, groups, notes)


def _grouped(
    source: Source, layout: Layout, options: ImportOptions, rows: Ints, findings: Findings
) -> tuple[list[str], list[Ints]]:
    import polars as pl

    name = layout.column("symbol")
    if name is None or (options.symbol is not None and "symbol" not in options.columns):
        return [_require_symbol(source, options)], [np.arange(len(rows), dtype=np.int64)]
    texts = [source.table[part].cast(pl.String).str.strip_chars() for part in name.split("+")]
    column = texts[0]
    for text in texts[1:]:
        column = column + "-" + text
    missing = np.flatnonzero((column.is_null() | (column == "")).fill_null(True).to_numpy())
    findings.add(rows[missing], name, "data.missing_value", lambda _: "the symbol is missing")
    findings.raise_if_any()
    symbols = column.unique(maintain_order=True).to_list()
    codes = column.cast(pl.Enum(symbols)).to_physical().to_numpy()
    order = np.argsort(codes, kind="stable").astype(np.int64)
    edges = np.searchsorted(codes[order], np.arange(1, len(symbols)))
    return symbols, list(np.split(order, edges))


def _require_symbol(source: Source, options: ImportOptions) -> str:
    if options.symbol is None:
        raise DataError(
            "no column names the instrument",
            where=str(source.path),
            remedy=(
                f"say it: --symbol {source.path.stem.upper()}, or name the column: "
                "--column symbol=NAME"
            ),
            code="data.symbol_missing",
        )
    return options.symbol


def read_numbers(table: Table) -> dict[str, Numbers]:
    found: dict[str, Numbers] = {}
    for role in NUMBER_ROLES[table.layout.kind]:
        series = table.series(role)
        if series is not None:
            found[role] = parse_numbers(series, table.rows, table.findings)
    if table.pins is not None:
        return {role: column for role, column in found.items() if role not in table.pins.absent}
    for role in missing_columns(found) & OPTIONAL_SIZES:
        table.notes.append(f"column {found[role].name} is empty: {role} is recorded as absent")
        del found[role]
    if ("bid_size" in found) != ("ask_size" in found):
        found.pop("bid_size", None)
        found.pop("ask_size", None)
        table.notes.append("only one of bid_size and ask_size is there: both are left out")
    return found


def without_empty_sizes(table: Table, columns: dict[str, Numbers]) -> dict[str, Numbers]:
    """Accept sizes that are missing for all rows of one instrument: they become zeros there."""
    kept = dict(columns)
    for role in columns.keys() & OPTIONAL_SIZES:
        column = columns[role]
        for symbol, group in zip(table.symbols, table.groups):
            if table.pins is not None and symbol not in table.pins.no_sizes:
                continue
            if column.is_missing[group].all():
                table.no_sizes.add(symbol)
                column = column.filled(group)
                table.notes.append(f"{symbol} has no {role}: recorded as absent")
        kept[role] = column
    return kept
