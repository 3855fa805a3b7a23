"""Guards as a frame, and the tables of guards and denials that reports show.

One row per event: a latch set or cleared, a change of trust, tier or tilt, a time without
protection, an alert.
"""

from __future__ import annotations

from collections import Counter
from functools import cached_property
from typing import TYPE_CHECKING, Final

import numpy as np

from engine.model import layout as at
from engine.model import trading_layout as loop
from engine.model.denials import SENTENCES, Denial
from engine.model.layout import EventKind
from engine.model.trading import (
    Clearer,
    Distrust,
    ExitAlert,
    GuardAlert,
    Latch,
    Severity,
    Tier,
    Tilt,
    Unit,
)
from reports.trading import DenialRow, ExitRow, GuardRow
from runtime.results import columns
from runtime.results.exact import Ints
from runtime.results.exits import exit_statistics
from runtime.results.frames import symbol_names
from runtime.results.output import RunOutput
from runtime.results.rows import rows_of
from runtime.results.signals import number_column
from runtime.results.units import LATCH_UNITS, given, mixed_column, to_decimal, unit_column

if TYPE_CHECKING:
    import polars as pl

KINDS: Final = tuple(range(at.KIND_LATCH_SET, at.KIND_ALERT + 1))
EVENTS = {kind: EventKind(kind).name.lower() for kind in KINDS}
LATCHES = {latch.value: latch.name.lower() for latch in Latch if latch}
SEVERITIES = {severity.value: severity.name.lower() for severity in Severity}
CLEARED_BY = {
    Clearer.ITSELF.value: "itself",
    Clearer.PERSON.value: "a person",
    Clearer.SIMULATION.value: "the simulated operator",
}
ALERTS = {alert.value: alert.name.lower() for alert in (*ExitAlert, *GuardAlert)} | {
    201: "unprotected"
}
ALERT_SEVERITIES = {1: "information", 2: "warning", 3: "critical"}
DISTRUST = {reason.value: reason.name.lower() for reason in Distrust if reason}
TRUST = {0: "trusted", 1: "untrusted"}
LEVELS: Final = {
    at.KIND_TRUST_CHANGED: TRUST,
    at.KIND_TIER_CHANGED: {tier.value: tier.name.lower() for tier in Tier},
    at.KIND_TILT_CHANGED: {tilt.value: tilt.name.lower() for tilt in Tilt},
}
LATCH_KINDS: Final = (at.KIND_LATCH_SET, at.KIND_LATCH_CLEARED)


def guards_frame(output: RunOutput) -> pl.DataFrame:
    """Return one row per event of the guards.

    `guard` names the latch; `severity` is its own, `effective` that of all together afterwards.
    `number` and `limit` are what it compared, in `unit`; `before` and `after` are levels of trust,
    tier and tilt. `lots` are those without protection.
    """
    import polars as pl

    table = output.journal[rows_of(output, *KINDS)]
    kind, i = table[:, at.EVENT_KIND], table[:, at.EVENT_INSTRUMENT]
    is_latch = np.isin(kind, LATCH_KINDS)
    is_alert, is_bare = kind == at.KIND_ALERT, kind == at.KIND_PROTECTION
    latch = np.where(is_latch, table[:, loop.LATCHED_LATCH], 0)
    severity = np.where(is_latch, table[:, loop.LATCHED_SEVERITY], -1)
    urgency = np.where(is_alert, table[:, loop.ALERT_SEVERITY], -1)
    # What is said when a latch is cleared is no comparison: the new peak, where that begins anew.
    unit = np.where(kind == at.KIND_LATCH_SET, _units(latch), Unit.NONE.value)
    unit = np.where(kind == at.KIND_TIER_CHANGED, Unit.MINOR.value, unit)
    unit = np.where(kind == at.KIND_TILT_CHANGED, Unit.COUNT.value, unit)
    until = np.where(is_latch, table[:, loop.LATCHED_UNTIL], 0)
    known = given(until) & (until > 0)
    position = np.where(is_bare, table[:, loop.PROTECTION_POSITION], 0)
    position = np.where(is_alert, table[:, loop.ALERT_POSITION], position)
    cleared = np.where(kind == at.KIND_LATCH_CLEARED, table[:, loop.LATCHED_BY], -1)
    effective = np.where(is_latch, table[:, loop.LATCHED_EFFECTIVE], -1)
    lots = pl.Series("lots", table[:, loop.PROTECTION_LOTS])

    def number(name: str, column: int) -> pl.Series:
        return mixed_column(name, table[:, column], unit, i, output.instruments)

    def levels(name: str, column: int) -> pl.Series:
        return _levels(name, kind, table[:, column])

    return pl.DataFrame(
        [
            columns.times("time", table[:, at.EVENT_TS]),
            columns.names("event", kind, EVENTS),
            columns.names("symbol", i, symbol_names(output)),
            number_column("position_id", position),
            columns.names("guard", latch, LATCHES),
            columns.names("severity", severity, SEVERITIES),
            number("number", loop.LATCHED_NUMBER),
            number("limit", loop.LATCHED_LIMIT),
            unit_column(unit),
            columns.where(pl.Series("manual", table[:, loop.LATCHED_MANUAL] == 1), is_latch),
            columns.names("cleared_by", cleared, CLEARED_BY),
            columns.where(columns.times("until", np.where(known, until, 0)), known),
            columns.names("effective", effective, SEVERITIES),
            levels("before", loop.CHANGED_FROM),
            levels("after", loop.CHANGED_TO),
            columns.where(lots, is_bare),
            columns.names("urgency", urgency, ALERT_SEVERITIES),
            columns.names("alert", np.where(is_alert, table[:, loop.ALERT_CODE], 0), ALERTS),
        ]
    )


def guard_rows(output: RunOutput) -> list[GuardRow]:
    """Return what each guard did, those that were never set left out."""
    rows = output.journal[rows_of(output, *LATCH_KINDS)].tolist()
    told: dict[int, list[list[int]]] = {}
    for values in rows:
        told.setdefault(values[loop.LATCHED_LATCH], []).append(values)
    return [_guard(Latch(latch), found) for latch, found in sorted(told.items())]


def denial_rows(output: RunOutput) -> list[DenialRow]:
    """Return how often each reason denied signals and orders, most frequent first."""
    signals = _counted(output, at.KIND_SIGNAL_DENIED, loop.ANSWER_CODE)
    orders = _counted(output, at.KIND_DENIED, at.FACT_REASON)
    codes = sorted({*signals, *orders}, key=lambda code: (-signals[code] - orders[code], code))
    return [_denial(code, signals[code], orders[code]) for code in codes]


class LoopTables:
    """The tables of a run with a trading loop, made when they are first asked for."""

    def __init__(self, output: RunOutput) -> None:
        self._output = output

    @cached_property
    def exits(self) -> list[ExitRow]:
        """By reason, in the order of the conditions."""
        return exit_statistics(self._output)

    @cached_property
    def guards(self) -> list[GuardRow]:
        """By guard, those that were set."""
        return guard_rows(self._output)

    @cached_property
    def denials(self) -> list[DenialRow]:
        """By reason, most frequent first."""
        return denial_rows(self._output)


def _units(latch: Ints) -> Ints:
    units = np.full(latch.size, Unit.NONE.value, dtype=np.int64)
    for each, unit in LATCH_UNITS.items():
        units[latch == each] = unit
    return units


def _levels(name: str, kind: Ints, values: Ints) -> pl.Series:
    import polars as pl

    texts = [
        LEVELS[of_kind].get(value) if of_kind in LEVELS else None
        for of_kind, value in zip(kind.tolist(), values.tolist())
    ]
    return pl.Series(name, texts, dtype=pl.String)


def _guard(latch: Latch, found: list[list[int]]) -> GuardRow:
    """Sum up a guard. What it locks is one instrument where the row has one, and ends by itself."""
    times: list[list[int]] = []
    is_set = False
    for values in found:
        rises = values[at.EVENT_KIND] == at.KIND_LATCH_SET
        is_lock = values[at.EVENT_INSTRUMENT] >= 0
        if rises and (is_lock or not is_set):  # a set latch may be set again, to a worse severity
            times.append(values)
        is_set = is_set if is_lock else rises
    worst = max(values[loop.LATCHED_SEVERITY] for values in found)
    return GuardRow(
        guard=latch.name.lower(),
        severity=SEVERITIES.get(worst, str(worst)),
        times=len(times),
        first_ns=times[0][at.EVENT_TS] if times else 0,
        last_ns=times[-1][at.EVENT_TS] if times else 0,
        is_set=is_set,
        why=why_latched(latch, times[-1]) if times else "",
    )


def why_latched(latch: Latch, values: list[int]) -> str:
    """Return what a latch compared, as text; empty where it compared nothing.

    Examples
    --------
    >>> row = [0] * 12
    >>> row[loop.LATCHED_NUMBER], row[loop.LATCHED_LIMIT] = 201_000, 200_000
    >>> why_latched(Latch.DRAWDOWN, row)
    '20.1 % against 20 %'
    """
    unit = LATCH_UNITS.get(latch)
    if unit is None:
        return ""
    texts = (number_text(values[c], unit) for c in (loop.LATCHED_NUMBER, loop.LATCHED_LIMIT))
    return " against ".join(texts)


def number_text(number: int, unit: Unit) -> str:
    """Write a number of a guard: percent, money, or a count."""
    value = to_decimal(number, unit, None)
    if value is None:
        return "unknown"
    if unit in (Unit.PPM, Unit.PPB):
        return f"{(value * 100).normalize():,f} %"
    return f"{value:,.2f}" if unit is Unit.MINOR else f"{value:,f}"


def _counted(output: RunOutput, kind: int, column: int) -> Counter[int]:
    return Counter(output.journal[rows_of(output, kind), column].tolist())


def _denial(code: int, signals: int, orders: int) -> DenialRow:
    known = Denial._value2member_map_.get(code)
    if not isinstance(known, Denial):
        return DenialRow(str(code), "", signals, orders)
    return DenialRow(known.name.lower(), SENTENCES[known], signals, orders)
