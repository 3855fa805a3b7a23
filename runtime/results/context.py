"""What a run's output does not know about itself, and the lines about it that a reader gets."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import overload

import numpy as np
from numpy.typing import NDArray

from data.history import History
from engine.errors import InputError
from engine.model import layout as at
from engine.model.denials import SENTENCES, Denial
from engine.model.units import from_minor
from reports.formats import format_money
from reports.summary import ns_to_date
from runtime.results.exact import Ints, sum_of
from runtime.results.frames import cash_balances
from runtime.results.orders import denials_of
from runtime.results.output import RunOutput
from runtime.results.rows import Tables, cash_moves_of, tables_of
from runtime.results.statement import statement_of, unrealized_minor

NAMES_SHOWN = 5
LOOP_CODES = Denial.SIGNAL_NOT_FINITE  # from here on: signals, risk checks, sizes


@dataclass(frozen=True, slots=True, eq=False)
class Benchmark:
    """What the strategy is compared with: its closes by day (since 1970-01-01), ascending."""

    name: str
    day_numbers: NDArray[np.int64]
    close: NDArray[np.float64]

    def __post_init__(self) -> None:
        if (
            self.day_numbers.shape != self.close.shape
            or self.close.ndim != 1
            or not self.close.size
        ):
            raise InputError(
                f"benchmark {self.name!r} has {self.close.size} closes "
                f"and {self.day_numbers.size} days",
                remedy="give one close per day, and at least one",
            )

    def at_days(self, days: Ints) -> NDArray[np.float64]:
        """Return the last close known on each day; before the first, the first close."""
        place = np.searchsorted(self.day_numbers, days, side="right") - 1
        return self.close[np.maximum(place, 0)]


@dataclass(frozen=True, slots=True, eq=False)
class RunContext:
    """How and on what a strategy was run.

    Parameters
    ----------
    strategy, parameters
        Its name, and names and values of its parameters as text.
    passport, assumptions, warnings
        Lines for a reader; see `PassportLines`.
    engine_mode
        ``compiled`` or ``interpreted``.
    reproduce
        The command that makes the same result.
    history
        The market data of the run: for the spread paid, the implementation shortfall, bars held and
        the period.
    description, fingerprint, configuration
        What the strategy's file says of itself, the hash of what decides, and its leaves by key.
    run_id
        Under which the registry knows the run; empty when it was not recorded.
    """

    strategy: str
    parameters: tuple[tuple[str, str], ...] = ()
    passport: Sequence[str] = ()
    assumptions: tuple[str, ...] = ()
    engine_mode: str = "compiled"
    elapsed_seconds: float = 0.0
    reproduce: str = ""
    benchmark: Benchmark | None = None
    warnings: tuple[str, ...] = ()
    history: History | None = None
    description: str = ""
    fingerprint: str = ""
    configuration: tuple[tuple[str, str], ...] = ()
    run_id: str = ""


class PassportLines(Sequence[str]):
    """The data passport of a history, made when it is first read: it takes the data's fingerprint."""

    def __init__(self, history: History) -> None:
        self._history = history

    @cached_property
    def _lines(self) -> tuple[str, ...]:
        return passport_lines(self._history)

    def __len__(self) -> int:
        return len(self._lines)

    @overload
    def __getitem__(self, index: int) -> str: ...

    @overload
    def __getitem__(self, index: slice) -> tuple[str, ...]: ...

    def __getitem__(self, index: int | slice) -> str | tuple[str, ...]:
        return self._lines[index]


def passport_lines(history: History) -> tuple[str, ...]:
    """Return the data passport of a history, one fact a line."""
    passport = history.passport
    lines = [f"source: {passport.source}", f"fingerprint: {history.fingerprint}"]
    if passport.timeframe:
        lines.append(f"timeframe: {passport.timeframe}")
    count = len(history.actions)
    known = f"{count:,} corporate actions" if count != 1 else "1 corporate action"
    missing = "no corporate actions known: no splits, no dividends"
    lines.append(f"prices: {passport.adjustment}; {known if count else missing}")
    lines.append(_gap_line(history))
    lines.append(f"calendar rules: {passport.calendar_version}")
    if passport.rounding_error_max > 0:
        lines.append(f"rounded to the grid: by at most {passport.rounding_error_max:g}")
    return (*lines, *passport.notes)


def period_of(output: RunOutput, history: History | None) -> tuple[int, int]:
    """Return first and last time of the run: of its data, else of its journal."""
    span = history.span_ns() if history is not None else None
    if span is not None:
        return span
    if not len(output.journal):
        return 0, 0
    return int(output.journal[0, at.EVENT_TS]), int(output.journal[-1, at.EVENT_TS])


def warnings_of(output: RunOutput, tables: Tables | None = None) -> tuple[str, ...]:
    """Return what a reader of the result has to know: denials, negative cash, open positions.

    `tables` is what `tables_of` has read, where the caller has it already.
    """
    tables = tables_of(output) if tables is None else tables
    return (
        *_denial_lines(output),
        *_cash_lines(output, tables),
        *_transfer_lines(output),
        *_split_lines(output, tables),
        *_open_lines(output),
    )


def _gap_line(history: History) -> str:
    gaps = history.passport.gaps
    if not gaps:
        return "gaps: none found"
    missing = sum(gap.missing_count for gap in gaps)
    first = gaps[0]
    day = ns_to_date(first.after_ns)
    return f"gaps: {len(gaps)} with {missing} missing bars, the first of {first.symbol} after {day}"


def _denial_lines(output: RunOutput) -> list[str]:
    """Warn of denied orders; those that the trading loop's limits denied have a table instead."""
    return [
        f"{count:,} order{'s' * (count > 1)} denied: {SENTENCES[code]} ({code.name.lower()})"
        for code, count in denials_of(output).items()
        if code < LOOP_CODES
    ]


def _cash_lines(output: RunOutput, tables: Tables) -> list[str]:
    moves = cash_moves_of(output, tables.changes, tables.terms)
    balances, lines = cash_balances(output, moves), []
    for index, currency in enumerate(output.currencies):
        rows = np.flatnonzero(moves.currency == index)
        # Several rows of one event (a trade and its fee) count once: by the last of them.
        rows = rows[np.flatnonzero(np.diff(moves.ts[rows], append=np.iinfo(np.int64).max))]
        below = rows[balances[rows] < 0]
        if below.size:
            lowest = below[int(balances[below].argmin())]
            amount = format_money(from_minor(int(balances[lowest])))
            lines.append(
                f"cash was below zero from {ns_to_date(int(moves.ts[below[0]]))}: "
                f"lowest {amount} {currency} on {ns_to_date(int(moves.ts[lowest]))}"
            )
    return lines


def _transfer_lines(output: RunOutput) -> list[str]:
    moved = statement_of(output).transfers
    if moved == 0:
        return []
    amount = f"{format_money(from_minor(abs(moved)))} {output.currencies[0]}"
    what = (
        f"deposits of {amount} are in" if moved > 0 else f"withdrawals of {amount} are missing in"
    )
    return [f"net {what} the final equity; the metrics leave them out"]


def _split_lines(output: RunOutput, tables: Tables) -> list[str]:
    """The tables come from the journal, the statement from the ledger: say where they differ."""
    changes, terms = tables.changes, tables.terms
    booked = -output.ledger[:, at.LEDGER_REALIZED]
    lines = []
    for index, currency in enumerate(output.currencies):
        told = sum_of(changes.realized[terms.currency[changes.instrument] == index])
        if told != booked[index]:
            amount = f"{format_money(from_minor(int(booked[index]) - told))} {currency}"
            lines.append(
                f"{amount} were realized by splits that left fractions: "
                "they are in the statement, not in the tables of trades and cash"
            )
    return lines


def _open_lines(output: RunOutput) -> list[str]:
    held = np.flatnonzero(output.positions[:, at.POSITION_QUANTITY]).tolist()
    if not held:
        return []
    shown = [_holding(output, index) for index in held[:NAMES_SHOWN]]
    more = f" and {len(held) - NAMES_SHOWN} more" if len(held) > NAMES_SHOWN else ""
    plural = "position is" if len(held) == 1 else "positions are"
    gain = format_money(from_minor(unrealized_minor(output)))
    return [
        (
            f"{len(held)} {plural} open at the end: {', '.join(shown)}{more}; unrealized P&L "
            f"{gain} {output.currencies[0]}, in the returns but not in the closed trades"
        )
    ]


def _holding(output: RunOutput, index: int) -> str:
    instrument = output.instruments[index]
    lots = int(output.positions[index, at.POSITION_QUANTITY])
    return f"{instrument.lots_to_quantity(lots):f} {instrument.symbol}"
