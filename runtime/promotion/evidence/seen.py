"""What a session's journal says of its days: inputs, clocks, comparisons of the books."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Final

import numpy as np

from engine.gate.evidence import ClockObservation
from engine.model import layout as at
from engine.model import trading_layout as loop
from engine.model.units import INT64_MAX, NS_PER_MINUTE
from engine.ports import EvidenceClass, Rows
from runtime.journal.records import (
    ClockRead,
    Continued,
    HistoryRead,
    Input,
    Intents,
    Noted,
    Opened,
    OperatorInput,
    Reconciled,
    Record,
    SliceInput,
    StateChanged,
    Taken,
    TimeInput,
    Warmed,
)
from runtime.promotion.fingerprint import Fingerprint, fingerprint_from
from runtime.session.intake import from_packed, to_rows
from runtime.session.opening import FINGERPRINT_CORE, fingerprint_in
from runtime.session.states import SessionState
from runtime.session_core.steps import NO_ROWS

_DIFFERENCES = frozenset({"quarantine", "reconcile", "cash_differs"})  # kinds of notes
APART_NS: Final = 5 * NS_PER_MINUTE  # the clocks are read each minute: a machine that slept did not
_VIOLATIONS = frozenset({"overfill"})


@dataclass(slots=True)
class Seen:
    """A fold over a journal's records.

    Attributes
    ----------
    slices
        Time, time of receipt (0: replayed) and whether the strategy was asked, of each with market data.
    ran
        The core of the fingerprint under which each of these was decided on; empty where it is not known.
    cores, parts
        Of everything that it ran, in order, and the newest one's parts.
    clock
        Observations with the market's time at each.
    compared
        Market's time of each comparison of books and broker, and whether they were equal.
    history
        What the venue's history has said of minutes of which no bar had come, in order.
    ran_from_to
        Spans of the market's time in which it ran, as far as it is known: a state that changed between two
        moments that are known was not there since the first of them.
    past, start_ns
        What its formulas had seen as it began, and from when on it has decided; None: from its first data.
    """

    events: list[Rows] = field(default_factory=list)
    slices: list[tuple[int, int, bool]] = field(default_factory=list)
    ran: list[str] = field(default_factory=list)
    cores: list[str] = field(default_factory=list)
    parts: Fingerprint | None = None
    clock: list[tuple[int, ClockObservation]] = field(default_factory=list)
    compared: list[tuple[int, bool]] = field(default_factory=list)
    history: list[HistoryRead] = field(default_factory=list)
    ran_from_to: list[tuple[int, int]] = field(default_factory=list)
    past: Rows = field(default_factory=lambda: NO_ROWS)
    start_ns: int | None = None
    violations: int = 0
    differences: int = 0
    _boots: int = 0
    _is_running: bool = False
    _now_ns: int = 0
    _is_known: bool = False  # that it has run since the end of the last span
    _apart_ns: int = INT64_MAX  # what is farther apart does not show what was between

    def take(self, records: Iterable[Record]) -> Seen:
        """Take records in their order; returns itself."""
        for record in records:
            match record:
                case Taken(input=SliceInput() as one):
                    self._slice(one)
                case Warmed():
                    self.past, self.start_ns = from_packed(record.rows), record.until_ns + 1
                case Taken(input=OperatorInput() as one):
                    self._operator(one)
                case Taken(input=TimeInput() as one):
                    self._knows(one.now_ns)
                case HistoryRead():
                    self.history.append(record)
                case Opened():
                    if record.evidence == EvidenceClass.REAL:
                        self._apart_ns = APART_NS
                    self._runs(record.data.get(FINGERPRINT_CORE, ""), fingerprint_in(record))
                case Continued():
                    self._runs(record.fingerprint, fingerprint_from(record.parts))
                case StateChanged():
                    self._is_running = record.after == SessionState.RUNNING.value
                    self._is_known = False
                    self._boots += record.after == SessionState.STARTING.value
                case ClockRead():
                    seen = ClockObservation(
                        self._boots, record.wall_ns, record.monotonic_ns, record.venue_ns
                    )
                    self.clock.append((self._now_ns, seen))
                    self._knows(record.venue_ns or 0)
                case Reconciled():
                    self.compared.append((record.ts_ns, not record.differences))
                case Noted(kind=kind, severity="critical"):
                    self.differences += kind in _DIFFERENCES
                    self.violations += kind in _VIOLATIONS
                case _:
                    pass
        return self

    def _runs(self, core: str, parts: Fingerprint | None) -> None:
        self.cores.append(core)
        self.parts = parts

    def _slice(self, one: SliceInput) -> None:
        rows = to_rows(one.rows)
        self._now_ns = one.ts_ns
        self._knows(one.ts_ns)
        self.events.append(rows)
        if at.KIND_BAR <= rows[0, at.EVENT_KIND] <= at.KIND_TRADE:
            self.slices.append((one.ts_ns, one.received_ns, self._is_running))
            self.ran.append(self.cores[-1] if self.cores else "")

    def _knows(self, now_ns: int) -> None:
        """Note that it ran, or did not, at a time of the market."""
        if not self._is_running or not now_ns:
            return
        last_ns = self.ran_from_to[-1][1] if self.ran_from_to else 0
        if self._is_known and now_ns - last_ns <= self._apart_ns:
            self.ran_from_to[-1] = (self.ran_from_to[-1][0], max(last_ns, now_ns))
        elif now_ns > last_ns:
            self.ran_from_to.append((now_ns, now_ns))
            self._is_known = True

    def ran_at(self, ns: int) -> bool:
        """Return whether it is known to have run at a time of the market."""
        place = bisect_right(self.ran_from_to, (ns, INT64_MAX)) - 1
        return place >= 0 and ns <= self.ran_from_to[place][1]

    def _operator(self, one: Input) -> None:
        assert isinstance(one, OperatorInput)
        rows = to_rows(one.rows)
        for row in rows[rows[:, at.EVENT_KIND] == at.KIND_RECONCILED]:
            self.compared.append((one.now_ns, bool(row[loop.RECONCILED_OK])))

    @property
    def tape(self) -> Rows:
        """All rows that the feed has given."""
        return np.concatenate([NO_ROWS, *self.events])


def records_to_the_end(records: Iterable[Record]) -> Iterable[Record]:
    """Yield records; an input that a crash has cut off is there again, with its end."""
    return (record for record in records if not isinstance(record, Intents))
