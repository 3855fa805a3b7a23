"""From a table to checked parts: what one file, or one batch of a large one, becomes."""

from __future__ import annotations

from data.importing.convert import convert
from data.importing.define import Known
from data.importing.rules import check_rows
from data.importing.table import Table, read_numbers, without_empty_sizes
from data.importing.times import put_in_order, row_times
from data.parts import Part
from engine.model.instruments import Instrument


def build_parts(table: Table, known: Known) -> tuple[dict[str, Instrument], list[Part]]:
    """Return the instruments of a table and the parts made of its rows.

    Raises
    ------
    BadRowsError
        If rows cannot be true.
    """
    columns = read_numbers(table)
    columns = without_empty_sizes(table, columns)
    check_rows(table.layout.kind, columns, table.rows, table.findings)
    times = row_times(table, known)
    table.findings.raise_if_any()
    put_in_order(table, times, columns)
    table.findings.raise_if_any()
    instruments: dict[str, Instrument] = {}
    parts = []
    for symbol, group in zip(table.symbols, table.groups):
        taken = {role: column.take(group) for role, column in columns.items()}
        instrument, part = convert(table, known, symbol, group, taken, times)
        instruments[symbol] = instrument
        parts.append(part)
    table.findings.raise_if_any()
    return instruments, parts
