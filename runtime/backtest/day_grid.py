"""`DayGrid`: which equity marks are of which trading day, and the accounts of runs at its closes."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from engine.kernels import tally as at
from engine.rules.metrics_many import DailyAccounts
from runtime.backtest.lean_machine import Outcome
from runtime.results.daily import trading_days

Ints = NDArray[np.int64]


class DayGrid:
    """The days of runs that mark equity at the same times: found once for all of them.

    Parameters
    ----------
    calendar
        Whose days they are.
    ts
        When equity is marked, ascending.
    start_ns
        When trading begins: what was marked in the warm-up before it belongs to no day of the run.
    """

    def __init__(self, calendar: str, ts: Ints, start_ns: int | None) -> None:
        self._ts = ts.copy()
        days = trading_days(calendar, ts) if len(ts) else np.zeros(0, dtype=np.int64)
        self._first = 0 if start_ns is None else int(np.searchsorted(ts, start_ns))
        days = days[self._first :]
        self._starts = np.flatnonzero(np.diff(days, prepend=days[0] - 1)) if len(days) else days
        self._last: Ints | slice = slice(None)
        if len(self._starts) < len(days):  # else each mark is its day's close
            self._last = np.append(self._starts[1:], len(days)) - 1
        before = days[0] - 1 if len(days) else 0
        self.closes = np.concatenate(([before], days[self._starts])).astype(np.int64)
        self.days = self.closes[1:]  # one array for all runs: a chunk of them is sent with one

    def fits(self, outcome: Outcome) -> bool:
        """Return whether a run has marked at the same times."""
        return np.array_equal(self._ts, outcome.tallied.marks[:, at.MARKED_TS])

    def accounts(
        self, outcomes: Sequence[Outcome], cash: int, periods_per_year: float
    ) -> DailyAccounts:
        """Return the accounts at their daily closes, as `runtime.results.daily` does for one."""
        marks = np.stack([each.tallied.marks for each in outcomes])[:, self._first :]
        flows = marks[:, :, at.MARKED_FLOW].copy()
        if flows.shape[1]:
            flows[:, 0] -= [each.opening_minor for each in outcomes]
        last = marks[:, self._last]
        return DailyAccounts(
            _led_by(cash, last[:, :, at.MARKED_EQUITY]),
            periods_per_year=periods_per_year,
            flows=_led_by(0, self._summed(flows)),
            day_numbers=self.closes,
            gross_exposure=_led_by(0, last[:, :, at.MARKED_GROSS]),
            traded_value=_led_by(0, self._summed(marks[:, :, at.MARKED_TRADED])),
        )

    def _summed(self, values: Ints) -> Ints:
        if isinstance(self._last, slice):
            return values
        total: Ints = np.add.reduceat(values, self._starts, axis=1)
        return total


def _led_by(first: int, values: Ints) -> Ints:
    """Return a table with a column of one number before it."""
    led = np.empty((values.shape[0], values.shape[1] + 1), dtype=np.int64)
    led[:, 0] = first
    led[:, 1:] = values
    return led
