"""What an import answers."""

from __future__ import annotations

from collections.abc import Sequence

from data.actions import Action
from data.importing.options import ImportOptions, ImportReport
from data.importing.table import Table
from data.parts import Part


def actions_report(table: Table, actions: tuple[Action, ...]) -> ImportReport:
    """Return the report about a table of corporate actions."""
    stamps = [action.ts_ex_ns for action in actions]
    return ImportReport(
        dataset=table.options.dataset,
        kind=table.layout.kind,
        rows=len(actions),
        symbols=tuple(dict.fromkeys(action.symbol for action in actions)),
        first_ns=min(stamps),
        last_ns=max(stamps),
        timeframe="",
        fingerprint="",
        rounding_error_max=0.0,
        notes=_notes(table.notes, table.layout.ignored),
        columns_ignored=table.layout.ignored,
    )


def market_report(table: Table, parts: Sequence[Part]) -> ImportReport:
    """Return the report about a table of market data."""
    return report_of(table.options, table.layout.kind, parts, table.notes, table.layout.ignored)


def report_of(
    options: ImportOptions,
    kind: str,
    parts: Sequence[Part],
    notes: Sequence[str],
    ignored: tuple[str, ...],
) -> ImportReport:
    """Return the report about parts of market data, however they were read."""
    spans = [part.span_ns() for part in parts]
    return ImportReport(
        dataset=options.dataset,
        kind=kind,
        rows=sum(len(part.columns) for part in parts),
        symbols=tuple(part.symbol for part in parts),
        first_ns=min(first for first, _ in spans),
        last_ns=max(last for _, last in spans),
        timeframe=parts[0].timeframe,
        fingerprint="",
        rounding_error_max=max(part.rounding_error_max for part in parts),
        notes=_notes(notes, ignored),
        columns_ignored=ignored,
    )


def _notes(notes: Sequence[str], ignored: tuple[str, ...]) -> tuple[str, ...]:
    unused = [f"columns not used: {', '.join(ignored)}"] if ignored else []
    return (*notes, *unused)
