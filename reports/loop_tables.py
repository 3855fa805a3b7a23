"""The trading loop's tables as text: for the tear sheet as a table, for the page as cells."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from decimal import Decimal
from typing import TYPE_CHECKING

from engine.model.units import NS_PER_SECOND
from reports.formats import UNDEFINED, format_money, format_money_short, format_percent
from reports.trading import DenialRow, ExitRow, GuardRow

if TYPE_CHECKING:
    from rich.table import Table

DENIALS_SHOWN = 12
_UNITS = ((86_400.0, "d"), (3_600.0, "h"), (60.0, "min"), (1.0, "s"))


def format_span(seconds: float | None) -> str:
    """Write a span of time in its largest unit.

    Examples
    --------
    >>> format_span(70.0), format_span(5.0), format_span(7200.0), format_span(None)
    ('1.2 min', '5.0 s', '2.0 h', '-')
    """
    if seconds is None:
        return UNDEFINED
    size, name = next((unit for unit in _UNITS if seconds >= unit[0]), _UNITS[-1])
    return f"{seconds / size:,.1f} {name}"


def format_count(count: int) -> str:
    """Write a count in at most six characters.

    Examples
    --------
    >>> format_count(99_999), format_count(1_250_000)
    ('99,999', '1.2 M')
    """
    return f"{count:,}" if count < 100_000 else f"{count / 10**6:,.1f} M"


def exit_table(rows: Sequence[ExitRow]) -> Table:
    """Return the table per exit reason for a terminal, at most 80 columns wide."""
    counts = (("fired", 8), ("chosen", 8), ("closed", 8), ("failed", 7))
    table = _table(20, (*counts, ("P&L", 11), ("mean", 9), ("to flat", 9)))
    for row in rows:
        table.add_row(
            row.reason,
            *(format_count(each) for each in (row.fired, row.won, row.closed, row.failed)),
            format_money_short(Decimal(row.pnl)) if row.won else UNDEFINED,
            UNDEFINED if row.mean_return is None else format_percent(row.mean_return),
            format_span(row.seconds_to_flat),
        )
    return table


def denial_table(rows: Sequence[DenialRow], width: int) -> Table:
    """Return the most frequent denials for a terminal."""
    table = _table(width - 18, (("signals", 8), ("orders", 8)))
    for row in rows[:DENIALS_SHOWN]:
        table.add_row(denial_text(row), f"{row.signals:,}", f"{row.orders:,}")
    if len(rows) > DENIALS_SHOWN:
        table.add_row(f"and {len(rows) - DENIALS_SHOWN} more reasons", "", "")
    return table


def denial_text(row: DenialRow) -> str:
    """Return a reason with what it says."""
    return f"{row.reason}: {row.sentence}" if row.sentence else row.reason


def guard_lines(rows: Sequence[GuardRow]) -> list[str]:
    """Say of each guard when, how often and why it was set.

    Examples
    --------
    >>> guard_lines([GuardRow("drawdown", "locked", 1, 0, 0, True, "20 % against 20 %")])
    ['drawdown (locked): set 1970-01-01 00:00, 20 % against 20 %; it is set still']
    """
    return [_guard_line(row) for row in rows]


def _guard_line(row: GuardRow) -> str:
    when = f"set {_moment(row.last_ns)}"
    if row.times > 1:
        when = f"set {row.times:,} times from {_moment(row.first_ns)} to {_moment(row.last_ns)}"
    why = f", {row.why}" if row.why and row.times == 1 else f", last {row.why}" if row.why else ""
    still = "it is set still" if row.is_set else "cleared"
    return f"{row.guard} ({row.severity}): {when}{why}; {still}"


EXIT_COLUMNS = (
    "Reason",
    "Fired",
    "Chosen",
    "Closed",
    "Failed",
    "Taken over",
    "Elsewhere",
    "Quantity",
    "P&L",
    "Mean",
    "Tries",
    "To flat",
    "Cost, bps",
)


def exit_cells(rows: Sequence[ExitRow]) -> list[tuple[str, ...]]:
    """Return the table per exit reason as cells, every column of it."""
    return [
        (
            row.reason,
            f"{row.fired:,}",
            f"{row.won:,}",
            f"{row.closed:,}",
            f"{row.failed:,}",
            f"{row.taken_over:,}",
            f"{row.elsewhere:,}",
            f"{Decimal(row.quantity).normalize():,f}",
            format_money(Decimal(row.pnl)) if row.won else UNDEFINED,
            UNDEFINED if row.mean_return is None else format_percent(row.mean_return),
            _number(row.attempts_per_close),
            format_span(row.seconds_to_flat),
            _number(row.cost_bps),
        )
        for row in rows
    ]


def _number(value: float | None) -> str:
    return UNDEFINED if value is None else f"{value:,.1f}"


def _moment(ns: int) -> str:
    return datetime.fromtimestamp(ns // NS_PER_SECOND, UTC).strftime("%Y-%m-%d %H:%M")


def _table(first: int, columns: Sequence[tuple[str, int]]) -> Table:
    from rich.table import Table

    table = Table(box=None, padding=(0, 1, 0, 0), pad_edge=False, header_style="dim")
    table.add_column("", width=first - 1, overflow="fold")
    for name, width in columns:
        table.add_column(name, width=width - 1, justify="right", overflow="fold")
    return table
