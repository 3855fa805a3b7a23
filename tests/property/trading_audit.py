"""What must hold of every journal of a trading loop, whatever the world did.

The audit reads the rows once, in order, and keeps its own small picture of orders and positions; it
shares no code with the kernels that wrote them.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from engine.model import layout as at
from engine.model import trading_layout as loop
from engine.model.orders import OrderFlag
from engine.model.trading import (
    AttemptResult,
    ExitAlert,
    ExitReason,
    Latch,
    Severity,
    Verdict,
)

CHECKS = 16
# Facts of the fill book have the time within a bar at which they happened; what is decided has now.
DECISIONS = (at.KIND_SUBMITTED, at.KIND_SIGNAL_RECEIVED, at.KIND_EXIT_FIRED)
ENDINGS = (at.KIND_CANCELED, at.KIND_EXPIRED, at.KIND_REJECTED)


@dataclass(slots=True)
class Order:
    """An order as the journal tells of it."""

    instrument: int
    side: int
    left: int
    reason: int
    position: int
    is_child: bool
    is_reducing: bool
    filled: int = 0


@dataclass
class TradingAudit:
    """Reads a journal and raises where an invariant does not hold.

    Parameters
    ----------
    limits, terms
        The core's blocks.
    """

    limits: NDArray[np.int64]
    terms: NDArray[np.int64]
    seen: Counter[str] = field(default_factory=Counter)
    orders: dict[int, Order] = field(default_factory=dict)
    held: dict[int, int] = field(default_factory=lambda: defaultdict(int))
    checks: dict[int, list[int]] = field(default_factory=lambda: defaultdict(list))
    latches: dict[int, tuple[int, bool]] = field(default_factory=dict)
    locked: dict[int, int] = field(default_factory=dict)  # until when an instrument is
    open_exits: list[tuple[int, int, int]] = field(default_factory=list)
    stages: Counter[int] = field(default_factory=Counter)
    trips: dict[int, int] = field(default_factory=dict)
    failed: set[int] = field(default_factory=set)  # positions whose closing was given up
    alerted: set[int] = field(default_factory=set)  # positions that a person was told of
    scaled: set[int] = field(default_factory=set)
    now: int = 0
    last: Any = None

    def read(self, journal: NDArray[np.int64]) -> None:
        """Read the rows of a run."""
        for values in journal.tolist():
            self._row(values)
            self.last = values
        untold = self.failed - self.alerted
        assert not untold, f"positions that could not be closed, and nobody was told of: {untold}"

    @property
    def severity(self) -> int:
        """The worst latch."""
        return max((severity for severity, _ in self.latches.values()), default=0)

    def _row(self, row: list[int]) -> None:
        kind, i = row[at.EVENT_KIND], row[at.EVENT_INSTRUMENT]
        self.seen[at.EventKind(kind).name] += 1
        if kind in DECISIONS:
            assert row[at.EVENT_TS] >= self.now, "time never goes back"
            self.now = row[at.EVENT_TS]
        match kind:
            case at.KIND_SUBMITTED:
                self._submitted(row, i)
            case at.KIND_LINKED:
                self._linked(row, i)
            case at.KIND_CHECKED:
                self.checks[row[loop.CHECKED_ORDER]].append(row[loop.CHECKED_VERDICT])
            case at.KIND_FILL:
                self._filled(row, i)
            case at.KIND_REPLACED:
                if row[at.FACT_ORDER] in self.orders:
                    order = self.orders[row[at.FACT_ORDER]]
                    order.left = row[at.FACT_LOTS] - order.filled
            case at.KIND_POSITION_CHANGED:
                self.held[i] = row[at.POSITION_AFTER]
                if row[at.POSITION_CAUSE] == at.KIND_SPLIT:  # the venue scales what works
                    self.scaled |= {o for o, order in self.orders.items() if order.instrument == i}
            case at.KIND_LATCH_SET if i >= 0:  # one instrument alone is kept from entries
                self.locked[i] = max(self.locked.get(i, 0), row[loop.LATCHED_UNTIL])
                self.seen["lock"] += 1
            case at.KIND_LATCH_SET:
                self._latched(row)
            case at.KIND_LATCH_CLEARED:
                self._cleared(row)
            case at.KIND_EXIT_FIRED:
                self._fired(row, i)
            case at.KIND_EXIT_ENDED:
                exit_of = (i, row[loop.EXITED_POSITION], row[loop.EXITED_REASON])
                assert exit_of in self.open_exits, "an exit ends that did not begin"
                self.open_exits.remove(exit_of)
                self._exit_ended(row)
            case at.KIND_EXIT_ATTEMPT:
                self._attempted(row)
            case at.KIND_ALERT if row[loop.ALERT_CODE] in set(ExitAlert):
                assert row[loop.ALERT_POSITION] != 0
                self.alerted.add(row[loop.ALERT_POSITION])
            case at.KIND_POSITION_OPENED:
                assert i not in self.trips
                self.trips[i] = row[loop.TRIP_POSITION]
            case at.KIND_POSITION_CLOSED:
                assert self.trips.pop(i) == row[loop.TRIP_POSITION]
                self.seen[f"closed {ExitReason(row[loop.TRIP_REASON]).name}"] += 1
            case _ if kind in ENDINGS:
                self.orders.pop(row[at.FACT_ORDER], None)

    def _submitted(self, row: list[int], i: int) -> None:
        order_id = row[at.FACT_ORDER]
        self.orders[order_id] = Order(
            i, row[at.SUBMIT_SIDE], row[at.FACT_LOTS], 0, 0, is_child=False, is_reducing=False
        )

    def _linked(self, row: list[int], i: int) -> None:
        order = self.orders[row[loop.LINKED_ORDER]]
        order.reason = row[loop.LINKED_REASON]
        order.position = row[loop.LINKED_POSITION]
        order.is_child = row[loop.LINKED_PARENT] != 0
        order.is_reducing = bool(row[loop.LINKED_FLAGS] & OrderFlag.REDUCE_ONLY)
        if order.is_child:
            return
        if order.reason:
            assert order.is_reducing, "an order to close can only reduce"
            assert order.position == self.trips.get(i), "it closes the position in hand"
            rivals = [
                o
                for o in self.orders.values()
                if o.instrument == i and o.reason and o is not order and o.side == order.side
            ]
            assert not rivals, "one order to close works at a time"
            assert self.severity not in (Severity.PAUSED_ALL, Severity.LOCKED), "nothing is sent"
            return
        if not order.is_reducing and self._opens(order, i):
            verdicts = self.checks.get(row[loop.LINKED_ORDER], [])
            assert len(verdicts) >= CHECKS, "every check is evaluated"
            assert set(verdicts[-CHECKS:]) <= {Verdict.PASS, Verdict.OFF}, "an order past a limit"
            assert self.severity == Severity.ACTIVE, "no entry while trading is restricted"
            assert self.locked.get(i, 0) <= self.now, "no entry while its instrument is locked"
            self.seen["opening"] += 1

    def _attempted(self, row: list[int]) -> None:
        """A stage is sold by the first order of its exit, once in a trip."""
        is_first = row[loop.ATTEMPT_NUMBER] == 1 and row[loop.ATTEMPT_ORDER] != 0
        if is_first and row[loop.ATTEMPT_REASON] == ExitReason.PARTIAL_EXIT_TARGET:
            trip = row[loop.ATTEMPT_POSITION]
            self.stages[trip] += 1
            assert self.stages[trip] <= self.limits[loop.LIMIT_STAGES], "a stage is sold once"

    def _exit_ended(self, row: list[int]) -> None:
        result = row[loop.EXITED_RESULT]
        self.seen[f"exit {AttemptResult(result).name}"] += 1
        if result == AttemptResult.FAILED:
            self.failed.add(row[loop.EXITED_POSITION])
        elif result == AttemptResult.CLOSED:
            assert row[loop.EXITED_LOTS] > 0, "what is closed was traded"
            assert row[loop.EXITED_LEFT] == 0

    def _opens(self, order: Order, i: int) -> bool:
        return order.side * self.held[i] >= 0

    def _filled(self, row: list[int], i: int) -> None:
        order = self.orders.get(row[at.FACT_ORDER])
        if order is None:
            return  # scaled by a split, and filled before
        lots = row[at.FACT_LOTS]
        if order.reason:
            before = self.held[i]
            assert order.side * before < 0, "an exit never enlarges"
            assert lots <= abs(before), "an exit never turns a position around"
            self.seen[f"exit fill {ExitReason(order.reason).name}"] += 1
        order.left -= lots
        order.filled += lots
        if order.left <= 0 or row[at.FACT_ORDER] in self.scaled:
            del self.orders[row[at.FACT_ORDER]]

    def _latched(self, row: list[int]) -> None:
        latch, severity = row[loop.LATCHED_LATCH], row[loop.LATCHED_SEVERITY]
        before, was_manual = self.latches.get(latch, (0, False))
        assert severity >= before, "a latch that is set only gets worse"
        self.latches[latch] = (severity, was_manual or bool(row[loop.LATCHED_MANUAL]))
        assert row[loop.LATCHED_EFFECTIVE] == self.severity
        self.seen[f"latch {Latch(latch).name}"] += 1

    def _cleared(self, row: list[int]) -> None:
        latch = row[loop.LATCHED_LATCH]
        _, is_manual = self.latches.pop(latch)
        assert not is_manual or row[loop.LATCHED_BY] > 0, "a person clears what a person must"
        assert row[loop.LATCHED_EFFECTIVE] == self.severity

    def _fired(self, row: list[int], i: int) -> None:
        reason = row[loop.FIRED_REASON]
        assert self.trips.get(i) == row[loop.FIRED_POSITION], "an exit is of the position in hand"
        self.seen[f"fired {ExitReason(reason).name}"] += 1
        self.open_exits.append((i, row[loop.FIRED_POSITION], reason))
