"""The account at its daily closes, from marks that may be more than one a day.

A day is the trading day of the account's calendar; its close is the last mark in it. Marks on a day
without a session (a timer at the weekend) belong to the next session. Flows and traded values are
counted since the mark before, so a day's are the sum over its marks.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from data.calendars import day_starts, sessions_of_days
from engine.model import layout as at
from engine.model.units import NS_PER_DAY
from runtime.results.exact import Ints
from runtime.results.output import RunOutput
from runtime.results.rows import rows_of
from runtime.results.statement import opening_is_in_journal

FINE = 20  # so many marks for each day are a curve of their own


@dataclass(frozen=True, slots=True, eq=False)
class DailyCloses:
    """One row per day, the first being the account before the first day; money in minor units."""

    day_numbers: Ints
    ts: Ints
    equity: Ints
    cash: Ints
    gross: Ints
    net: Ints
    flow: Ints
    traded: Ints


def daily_closes(output: RunOutput) -> DailyCloses:
    """Reduce the marks of a run to one per trading day."""
    marks = output.journal[rows_of(output, at.KIND_EQUITY_MARKED)]
    if not len(marks):
        return _only_the_start(output)
    days = trading_days(output.calendar, marks[:, at.EVENT_TS])
    starts = np.flatnonzero(np.diff(days, prepend=days[0] - 1))
    return _reduced(output, marks, days, starts, before_ns=NS_PER_DAY)


def _reduced(
    output: RunOutput, marks: Ints, days: Ints, starts: Ints, *, before_ns: int
) -> DailyCloses:
    """Return the opening row, `before_ns` before the first mark, and one row per group of marks."""
    flows = marks[:, at.MARK_FLOW].copy()
    if opening_is_in_journal(output):
        flows[0] -= output.starting_cash_minor
    last = marks[np.append(starts[1:], len(marks)) - 1]
    cash = output.starting_cash_minor

    def column(first: int, values: Ints) -> Ints:
        return np.concatenate((np.array([first], dtype=np.int64), values))

    return DailyCloses(
        day_numbers=column(int(days[0]) - 1, days[starts]),
        ts=column(int(marks[0, at.EVENT_TS]) - before_ns, last[:, at.EVENT_TS]),
        equity=column(cash, last[:, at.MARK_EQUITY]),
        cash=column(cash, last[:, at.MARK_CASH]),
        gross=column(0, last[:, at.MARK_GROSS]),
        net=column(0, last[:, at.MARK_NET]),
        flow=column(0, np.add.reduceat(flows, starts)),
        traded=column(0, np.add.reduceat(marks[:, at.MARK_TRADED], starts)),
    )


def equity_points(output: RunOutput, closes: DailyCloses | None = None) -> DailyCloses:
    """Return the account at every mark where they are much finer than days, else at its closes."""
    rows = rows_of(output, at.KIND_EQUITY_MARKED)
    closes = daily_closes(output) if closes is None else closes
    if len(rows) < FINE * (len(closes.ts) - 1) or not len(rows):
        return closes
    marks = output.journal[rows]
    days = trading_days(output.calendar, marks[:, at.EVENT_TS])
    return _reduced(output, marks, days, np.arange(len(marks)), before_ns=1)


def trading_days(calendar: str, ts: Ints) -> Ints:
    """Return the trading day of each time: days since 1970, times ascending, closes included.

    Examples
    --------
    >>> trading_days("24/7", np.array([1, NS_PER_DAY, NS_PER_DAY + 1])).tolist()
    [0, 0, 1]
    """
    span = np.arange(ts[0] // NS_PER_DAY - 1, ts[-1] // NS_PER_DAY + 3)
    if calendar == "24/7":
        result: Ints = (ts - 1) // NS_PER_DAY
        return result
    days: Ints = span[np.searchsorted(day_starts(calendar, span), ts, side="left") - 1]
    _, _, is_session = sessions_of_days(calendar, span)
    known = span[is_session]
    if not len(known):
        return days
    following: Ints = known[np.minimum(np.searchsorted(known, days), len(known) - 1)]
    return following


def _only_the_start(output: RunOutput) -> DailyCloses:
    """Without marks there is only the account before the run."""
    first = int(output.journal[0, at.EVENT_TS]) if len(output.journal) else 0
    none, cash = np.zeros(1, dtype=np.int64), np.array([output.starting_cash_minor], dtype=np.int64)
    day = np.array([first // NS_PER_DAY], dtype=np.int64)
    ts = np.array([first], dtype=np.int64)
    return DailyCloses(day, ts, cash, cash, none, none, none, none)
