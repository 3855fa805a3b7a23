"""Which rows of a journal belong to an order, a signal or a position: read from the rows themselves.

Orders name their signal and their position (LINKED), checks and sizes their signal, attempts their
position and order.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Final

import numpy as np
from numpy.typing import NDArray

from engine.errors import InputError
from engine.model import layout as at
from engine.model import trading_layout as loop
from engine.model.trading import FLATTENING, REASON_CIRCUIT_BREAKER, RESULT_TAKEN_OVER
from runtime.explain.sentences import Row
from runtime.explain.words import Words
from runtime.results.journal import RunJournal
from runtime.results.signals import signal_id

Ints = NDArray[np.int64]

SHORTEST_ID = 4  # letters of a signal's id that are enough to look for it
_FACTS: Final = (
    at.KIND_SUBMITTED,
    at.KIND_DENIED,
    at.KIND_CANCEL_SENT,
    at.KIND_REPLACE_SENT,
    *range(at.KIND_ACCEPTED, at.KIND_CANCEL_REJECTED + 1),
)
ORDER_COLUMNS: Final = {
    **dict.fromkeys(_FACTS, at.FACT_ORDER),
    at.KIND_LINKED: loop.LINKED_ORDER,
    at.KIND_CHECKED: loop.CHECKED_ORDER,
    at.KIND_EXIT_ATTEMPT: loop.ATTEMPT_ORDER,
    at.KIND_ATTEMPT_ENDED: loop.ENDED_ORDER,
    at.KIND_ENTRY_STEP: loop.STEP_ORDER,
    at.KIND_ENTRY_ENDED: loop.STEP_ORDER,
}
SIGNAL_COLUMNS: Final = {
    at.KIND_SIGNAL_RECEIVED: loop.RECEIVED_NUMBER,
    at.KIND_SIGNAL_APPROVED: loop.ANSWER_NUMBER,
    at.KIND_SIGNAL_DENIED: loop.ANSWER_NUMBER,
    at.KIND_SIGNAL_QUEUED: loop.QUEUED_NUMBER,
    at.KIND_APPROVAL_REFUSED: loop.REFUSED_NUMBER,
    at.KIND_CHECKED: loop.CHECKED_SIGNAL,
    at.KIND_SIZED: loop.SIZED_SIGNAL,
    at.KIND_ENTRY_STEP: loop.STEP_SIGNAL,
    at.KIND_ENTRY_ENDED: loop.STEP_SIGNAL,
    at.KIND_POSITION_OPENED: loop.TRIP_SIGNAL,
    at.KIND_POSITION_CLOSED: loop.TRIP_SIGNAL,
}
POSITION_COLUMNS: Final = {
    at.KIND_POSITION_OPENED: loop.TRIP_POSITION,
    at.KIND_POSITION_CLOSED: loop.TRIP_POSITION,
    at.KIND_EXIT_FIRED: loop.FIRED_POSITION,
    at.KIND_EXIT_ATTEMPT: loop.ATTEMPT_POSITION,
    at.KIND_ATTEMPT_ENDED: loop.ENDED_POSITION,
    at.KIND_EXIT_ENDED: loop.EXITED_POSITION,
    at.KIND_PROTECTION: loop.PROTECTION_POSITION,
    at.KIND_ALERT: loop.ALERT_POSITION,
}


class JournalRows:
    """The rows of a run's journal, found by what they are about; a row is named by its place."""

    def __init__(self, journal: RunJournal) -> None:
        self._run = journal
        self.table = journal.journal

    def kind(self, row: int) -> int:
        """Return what kind of event a row is."""
        return int(self.table[row, at.EVENT_KIND])

    def row(self, row: int) -> list[int]:
        """Return the values of a row."""
        values: list[int] = self.table[row].tolist()
        return values

    def of_kind(self, kind: int) -> Ints:
        """Return the rows of a kind, ascending."""
        return self._run.rows_by_kind.get(kind, np.empty(0, dtype=np.int64))

    def matching(self, columns: dict[int, int], value: int) -> list[int]:
        """Return the rows, ascending, whose column for their kind has a value."""
        found: list[int] = []
        for kind, column in columns.items():
            rows = self.of_kind(kind)
            found += rows[self.table[rows, column] == value].tolist()
        return sorted(found)

    def known_orders(self) -> int:
        """Return the largest id of an order, the denied ones among them."""
        return self.largest((at.KIND_SUBMITTED, at.KIND_DENIED), at.FACT_ORDER)

    def largest(self, kinds: Iterable[int], column: int) -> int:
        """Return the largest number in a column of rows of some kinds."""
        return max(
            (int(self.table[self.of_kind(k), column].max(initial=0)) for k in kinds), default=0
        )

    def words(self, row: int) -> Words:
        """Return how the numbers of a row are said."""
        place = int(self.table[row, at.EVENT_INSTRUMENT])
        instrument = self._run.instruments[place] if place >= 0 else None
        return Words(instrument, self._run.currencies[0])

    def rows_of_order(self, order: int) -> list[int]:
        """Return the rows about an order."""
        return self.matching(ORDER_COLUMNS, order) if order > 0 else []

    def origin(self, number: int, orders: set[int]) -> Iterator[int]:
        """Yield the rows of a signal; of its checks, those of these orders and of no order yet."""
        for row in self.matching(SIGNAL_COLUMNS, number):
            values, kind = self.row(row), self.kind(row)
            if kind == at.KIND_CHECKED and values[loop.CHECKED_ORDER] not in orders | {0}:
                continue
            if kind in (at.KIND_POSITION_CLOSED, at.KIND_ENTRY_STEP, at.KIND_ENTRY_ENDED):
                continue
            yield row

    def signals_checked(self, rows: Iterable[int]) -> list[int]:
        """Return the signals of a denied order, which only its checks and its answer name."""
        checked = [self.row(row) for row in rows if self.kind(row) == at.KIND_CHECKED]
        return sorted({values[loop.CHECKED_SIGNAL] for values in checked} - {0})

    def exits_around(self, rows: list[int]) -> Iterator[int]:
        """Yield where the exits that these attempts belong to fired, and how they ended."""
        attempts = [row for row in rows if self.kind(row) == at.KIND_EXIT_ATTEMPT]
        for row in attempts[:1]:
            values = self.row(row)
            position, reason = values[loop.ATTEMPT_POSITION], values[loop.ATTEMPT_REASON]
            columns = {at.KIND_EXIT_FIRED: loop.FIRED_POSITION}
            fired = self._with_reason(columns, position, reason)
            yield from [each for each in fired if each < row][-1:]
            columns = {at.KIND_EXIT_ENDED: loop.EXITED_POSITION}
            yield from [
                each for each in self._with_reason(columns, position, reason) if each > row
            ][:1]

    def without_repeats(self, rows: Iterable[int]) -> Iterator[int]:
        """Yield the rows but those that say of a position once more why it is to be closed.

        While an exit waits or works, conditions come and go with the price, each time with a row. A
        reason is told once, and again after the exit has ended: what takes over is another reason.
        """
        told: dict[int, set[int]] = {}
        for row in rows:
            values, kind = self.row(row), self.kind(row)
            if kind == at.KIND_EXIT_FIRED:
                of_position = told.setdefault(values[loop.FIRED_POSITION], set())
                if values[loop.FIRED_REASON] in of_position:
                    continue
                of_position.add(values[loop.FIRED_REASON])
            elif kind == at.KIND_EXIT_ENDED:
                # What takes over has fired before the exit that it ends.
                of_position = told.setdefault(values[loop.EXITED_POSITION], set())
                if values[loop.EXITED_RESULT] != RESULT_TAKEN_OVER:
                    of_position.clear()
                of_position.discard(values[loop.EXITED_REASON])
            yield row

    def _with_reason(self, columns: dict[int, int], position: int, reason: int) -> list[int]:
        # Position and reason stand in the same places of all rows of an exit.
        found = self.matching(columns, position)
        return [row for row in found if self.row(row)[loop.FIRED_REASON] == reason]

    def guards_behind(self, rows: Iterable[int]) -> Iterator[int]:
        """Yield the guard that was set last before each closing of everything."""
        latches = self.of_kind(at.KIND_LATCH_SET)
        latches = latches[self.table[latches, loop.LATCHED_EFFECTIVE] == FLATTENING]
        for row in rows:
            if self.kind(row) != at.KIND_EXIT_FIRED:
                continue
            if self.row(row)[loop.FIRED_REASON] == REASON_CIRCUIT_BREAKER:
                yield from latches[latches < row][-1:].tolist()

    def fills_between(self, first: int, last: int) -> Iterator[int]:
        """Yield the changes of a position from the one that opened it, each after its fill."""
        instrument = self.row(first)[at.EVENT_INSTRUMENT]
        rows = self.of_kind(at.KIND_POSITION_CHANGED)
        rows = rows[(self.table[rows, at.EVENT_INSTRUMENT] == instrument) & (rows < last)]
        start = np.searchsorted(rows, first)
        for row in rows[max(start - 1, 0) :].tolist():
            if self.row(row)[at.POSITION_CAUSE] == at.KIND_FILL:
                yield row - 1
            yield row

    def orders_of_signal(self, number: int) -> list[int]:
        """Return the orders that a signal has become, denied ones among them."""
        rows = self.matching({at.KIND_LINKED: loop.LINKED_SIGNAL}, number)
        orders = {self.row(row)[loop.LINKED_ORDER] for row in rows}
        rows = self.matching({at.KIND_CHECKED: loop.CHECKED_SIGNAL}, number)
        orders |= {self.row(row)[loop.CHECKED_ORDER] for row in rows}
        return sorted(orders - {0})

    def linked_to(self, position: int) -> list[int]:
        """Return the orders that close a position."""
        rows = self.matching({at.KIND_LINKED: loop.LINKED_POSITION}, position)
        return [self.row(row)[loop.LINKED_ORDER] for row in rows]

    def link(self, rows: Iterable[int]) -> Row | None:
        """Return what an order belongs to, where the run has a trading loop."""
        return next((self.row(row) for row in rows if self.kind(row) == at.KIND_LINKED), None)

    def was_sent(self, order: int) -> bool:
        """Return whether an order exists: what was denied with its id is a replacement of it."""
        return bool(self.matching({at.KIND_SUBMITTED: at.FACT_ORDER}, order))

    # --- Signals by name
    def signals_named(self, text: str) -> list[int]:
        """Return the numbers of the signals with a public id, the beginning of one, or a number."""
        rows = self.of_kind(at.KIND_SIGNAL_RECEIVED).tolist()
        if text.isdecimal() and len(text) < 2 * SHORTEST_ID:
            found = [row for row in rows if self.row(row)[loop.RECEIVED_NUMBER] == int(text)]
        elif len(text) >= SHORTEST_ID:
            found = [row for row in rows if self.public_id(row).startswith(text.lower())]
        else:
            found = []
        ids = {self.public_id(row) for row in found}
        if len(ids) > 1:
            raise InputError(
                f"{text!r} begins {len(ids)} signals: {', '.join(sorted(ids)[:3])}",
                remedy="give more letters of it",
                code="explain.ambiguous",
            )
        if not found:
            known = self.largest((at.KIND_SIGNAL_RECEIVED,), loop.RECEIVED_NUMBER)
            raise self.nothing("signal", text, known)
        return [self.row(row)[loop.RECEIVED_NUMBER] for row in found]

    def public_id(self, row: int) -> str:
        """Return the public id of a received signal."""
        values = self.row(row)
        symbol = self._run.instruments[values[at.EVENT_INSTRUMENT]].symbol
        return signal_id(
            self._run.fingerprint, symbol, values[loop.RECEIVED_SIDE], values[at.EVENT_TS]
        )

    def nothing(self, what: str, text: str, known: int) -> InputError:
        """Return the error that says that there is no such thing, and what there is."""
        if known == 0 and what != "order":
            return InputError(
                f"this run has no {what}s: its strategy has no trading loop, or nothing came of it",
                remedy="explain one of its orders with --order ID",
                code="explain.not_found",
            )
        has = f"it has 1 to {known}" if known else "it has none"
        return InputError(
            f"the run has no {what} {text}; {has}",
            remedy=f"the tables of `--out DIR` list every {what}",
            code="explain.not_found",
        )
