"""What an import answers."""

from __future__ import annotations

from data.actions import Action
from data.importing.options import ImportReport
from data.importing.table import Table
from data.parts import Part


def actions_report(table: Table, actions: tuple[Action, ...]) -> ImportReport:
    stamps = [action.ts_ex_ns for action in actions]
    symbols = tuple(dict.fromkeys(action.symbol for action in actions))
    return _made_report(table, len(actions), symbols, min(stamps), max(stamps), "", 0.0)


def market_report(table: Table, parts: list[Part]) -> ImportReport:
    spans = [part.span_ns() for part in parts]
    return _made_report(
        table,
        sum(len(part.columns) for part in parts),
        tuple(table.symbols),
        min(first for first, _ in spans),
        max(last for _, last in spans),
        parts[0].timeframe,
        max(part.rounding_error_max for part in parts),
    )


def _made_report(
    table: Table,
    rows: int,
    symbols: tuple[str, ...],
    first_ns: int,
    last_ns: int,
    timeframe: str,
    error_max: float,
) -> ImportReport:
    ignored = table.layout.ignored
    notes = list(table.notes)
    if ignored:
        notes.append(f"columns not used: {', '.join(ignored)}")
    return ImportReport(
        dataset=table.options.dataset,
        kind=table.layout.kind,
        rows=rows,
        symbols=symbols,
        first_ns=first_ns,
        last_ns=last_ns,
        timeframe=timeframe,
        fingerprint="",
        rounding_error_max=error_max,
        notes=tuple(notes),
        columns_ignored=ignored,
    )
