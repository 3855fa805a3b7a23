"""A story: the rows of a journal that are about one order, signal or position, in words, in order.

Which rows belong to what is read from the rows: orders name their signal and their position, checks
and sizes their signal, attempts their position and order. A run without a trading loop has orders
only, and their story is what was submitted and what the market and the broker made of it.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from engine.errors import InputError
from engine.model import layout as at
from engine.model import trading_layout as loop
from engine.model.layout import EventKind
from engine.model.trading import REASON_CIRCUIT_BREAKER
from runtime.explain.sentences import (
    Row,
    checks,
    order_terms,
    replacement_denied,
    sentence_of,
    submitted_and_linked,
)
from runtime.explain.words import Words, moment
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
_ORDER_COLUMNS: Final = {
    **dict.fromkeys(_FACTS, at.FACT_ORDER),
    at.KIND_LINKED: loop.LINKED_ORDER,
    at.KIND_CHECKED: loop.CHECKED_ORDER,
    at.KIND_EXIT_ATTEMPT: loop.ATTEMPT_ORDER,
    at.KIND_ATTEMPT_ENDED: loop.ENDED_ORDER,
    at.KIND_ENTRY_STEP: loop.STEP_ORDER,
    at.KIND_ENTRY_ENDED: loop.STEP_ORDER,
}
_SIGNAL_COLUMNS: Final = {
    at.KIND_SIGNAL_RECEIVED: loop.RECEIVED_NUMBER,
    at.KIND_SIGNAL_APPROVED: loop.ANSWER_NUMBER,
    at.KIND_SIGNAL_DENIED: loop.ANSWER_NUMBER,
    at.KIND_CHECKED: loop.CHECKED_SIGNAL,
    at.KIND_SIZED: loop.SIZED_SIGNAL,
    at.KIND_ENTRY_STEP: loop.STEP_SIGNAL,
    at.KIND_ENTRY_ENDED: loop.STEP_SIGNAL,
    at.KIND_POSITION_OPENED: loop.TRIP_SIGNAL,
    at.KIND_POSITION_CLOSED: loop.TRIP_SIGNAL,
}
_POSITION_COLUMNS: Final = {
    at.KIND_POSITION_OPENED: loop.TRIP_POSITION,
    at.KIND_POSITION_CLOSED: loop.TRIP_POSITION,
    at.KIND_EXIT_FIRED: loop.FIRED_POSITION,
    at.KIND_EXIT_ATTEMPT: loop.ATTEMPT_POSITION,
    at.KIND_ATTEMPT_ENDED: loop.ENDED_POSITION,
    at.KIND_EXIT_ENDED: loop.EXITED_POSITION,
    at.KIND_PROTECTION: loop.PROTECTION_POSITION,
    at.KIND_ALERT: loop.ALERT_POSITION,
}


@dataclass(frozen=True, slots=True)
class Line:
    """One sentence: its time, and the rows of the journal that it is made of."""

    ts_ns: int
    event: str
    text: str
    rows: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Story:
    """What became of one order, signal or position."""

    subject: str
    title: str
    lines: tuple[Line, ...]

    def to_json(self) -> dict[str, object]:
        """Return the story as JSON values."""
        lines = [
            {
                "time": f"{moment(line.ts_ns).replace(' ', 'T')}Z",
                "ts_ns": line.ts_ns,
                "event": line.event,
                "text": line.text,
                "rows": list(line.rows),
            }
            for line in self.lines
        ]
        return {"subject": self.subject, "title": self.title, "lines": lines}


def story_of(
    journal: RunJournal,
    *,
    order: int | None = None,
    signal: str | None = None,
    position: int | None = None,
) -> Story:
    """Tell what became of one order, signal or position.

    Parameters
    ----------
    journal
        Of the run.
    order, position
        Their numbers, as in the tables of orders and trades.
    signal
        Its public id, the beginning of it, or its number.

    Raises
    ------
    InputError
        If not exactly one of them is given, or the run has no such thing.
    """
    require_one(order=order, signal=signal, position=position)
    teller = _Teller(journal)
    if order is not None:
        return teller.order(order)
    if position is not None:
        return teller.position(position)
    assert signal is not None
    return teller.signal(signal)


def require_one(*, order: int | None, signal: str | None, position: int | None) -> None:
    """Refuse to explain nothing, and more than one thing.

    Raises
    ------
    InputError
        If not exactly one of them is given.
    """
    if sum(each is not None for each in (order, signal, position)) != 1:
        raise InputError(
            "say what to explain: one order, one signal or one position",
            remedy="add --order ID, --signal ID or --position ID",
            code="explain.subject",
        )


class _Teller:
    def __init__(self, journal: RunJournal) -> None:
        self._run = journal
        self._rows = journal.journal

    # --- What belongs together
    def order(self, order: int) -> Story:
        rows = self._rows_of_order(order)
        born = [row for row in rows if self._kind(row) in (at.KIND_SUBMITTED, at.KIND_DENIED)]
        if not born:
            raise self._nothing("order", str(order), self._largest(_FACTS[:2], at.FACT_ORDER))
        links = self._link(rows)
        found = set(rows)
        if links is not None and links[loop.LINKED_SIGNAL]:
            found |= set(self._origin(links[loop.LINKED_SIGNAL], {order}))
        else:
            for number in self._signals_checked(rows):
                found |= set(self._origin(number, {order}))
        if links is not None and links[loop.LINKED_REASON]:
            found |= set(self._exits_around(rows))
        found |= set(self._matching({at.KIND_LINKED: loop.LINKED_PARENT}, order))
        title = order_terms(self._row(born[0]), self._words(born[0]))
        return self._story(f"order {order}", title, found)

    def signal(self, text: str) -> Story:
        numbers = self._signals_named(text)
        found: set[int] = set()
        for number in numbers:
            rows = self._matching(_SIGNAL_COLUMNS, number)
            found |= set(rows)
            for order in self._orders_of_signal(number):
                found |= set(self._rows_of_order(order))
        first = min(self._matching({at.KIND_SIGNAL_RECEIVED: loop.RECEIVED_NUMBER}, numbers[0]))
        row = self._row(first)
        side = "buy" if row[loop.RECEIVED_SIDE] > 0 else "sell"
        title = f"{side} {self._words(first).symbol} ({self._public_id(first)})"
        return self._story(f"signal {numbers[0]}", title, found)

    def position(self, position: int) -> Story:
        rows = self._matching(_POSITION_COLUMNS, position) if position > 0 else []
        opened = [row for row in rows if self._kind(row) == at.KIND_POSITION_OPENED]
        if not opened:
            known = self._largest((at.KIND_POSITION_OPENED,), loop.TRIP_POSITION)
            raise self._nothing("position", str(position), known)
        first = opened[0]
        closed = [row for row in rows if self._kind(row) == at.KIND_POSITION_CLOSED]
        last = closed[0] if closed else len(self._rows)
        found = set(rows) | set(self._fills_between(first, last))
        orders = {self._row(row)[at.FACT_ORDER] for row in found if self._kind(row) == at.KIND_FILL}
        orders |= set(self._linked_to(position))
        for order in sorted(orders):
            found |= set(self._rows_of_order(order))
        number = self._row(first)[loop.TRIP_SIGNAL]
        if number:
            found |= set(self._origin(number, orders))
        found |= set(self._guards_behind(rows))
        direction = "long" if self._row(first)[loop.TRIP_DIRECTION] > 0 else "short"
        return self._story(
            f"position {position}", f"{direction} {self._words(first).symbol}", found
        )

    def _rows_of_order(self, order: int) -> list[int]:
        return self._matching(_ORDER_COLUMNS, order) if order > 0 else []

    def _origin(self, number: int, orders: set[int]) -> Iterator[int]:
        """Yield the rows of a signal; of its checks, those of these orders and of no order yet."""
        for row in self._matching(_SIGNAL_COLUMNS, number):
            values, kind = self._row(row), self._kind(row)
            if kind == at.KIND_CHECKED and values[loop.CHECKED_ORDER] not in orders | {0}:
                continue
            if kind in (at.KIND_POSITION_CLOSED, at.KIND_ENTRY_STEP, at.KIND_ENTRY_ENDED):
                continue
            yield row

    def _signals_checked(self, rows: Iterable[int]) -> list[int]:
        """Return the signals of a denied order, which only its checks and its answer name."""
        checked = [self._row(row) for row in rows if self._kind(row) == at.KIND_CHECKED]
        return sorted({values[loop.CHECKED_SIGNAL] for values in checked} - {0})

    def _exits_around(self, rows: list[int]) -> Iterator[int]:
        """Yield where the exits that these attempts belong to fired, and how they ended."""
        attempts = [row for row in rows if self._kind(row) == at.KIND_EXIT_ATTEMPT]
        for row in attempts[:1]:
            values = self._row(row)
            position, reason = values[loop.ATTEMPT_POSITION], values[loop.ATTEMPT_REASON]
            columns = {at.KIND_EXIT_FIRED: loop.FIRED_POSITION}
            fired = self._with_reason(columns, position, reason)
            yield from [each for each in fired if each < row][-1:]
            columns = {at.KIND_EXIT_ENDED: loop.EXITED_POSITION}
            yield from [
                each for each in self._with_reason(columns, position, reason) if each > row
            ][:1]

    def _with_reason(self, columns: dict[int, int], position: int, reason: int) -> list[int]:
        # Position and reason stand in the same places of all rows of an exit.
        found = self._matching(columns, position)
        return [row for row in found if self._row(row)[loop.FIRED_REASON] == reason]

    def _guards_behind(self, rows: Iterable[int]) -> Iterator[int]:
        """Yield the guard that was set last before each closing of everything."""
        latches = self._of_kind(at.KIND_LATCH_SET)
        for row in rows:
            if self._kind(row) != at.KIND_EXIT_FIRED:
                continue
            if self._row(row)[loop.FIRED_REASON] == REASON_CIRCUIT_BREAKER:
                yield from latches[latches < row][-1:].tolist()

    def _fills_between(self, first: int, last: int) -> Iterator[int]:
        """Yield the changes of a position from the one that opened it, each after its fill."""
        instrument = self._row(first)[at.EVENT_INSTRUMENT]
        rows = self._of_kind(at.KIND_POSITION_CHANGED)
        rows = rows[(self._rows[rows, at.EVENT_INSTRUMENT] == instrument) & (rows < last)]
        start = np.searchsorted(rows, first)
        for row in rows[max(start - 1, 0) :].tolist():
            if self._row(row)[at.POSITION_CAUSE] == at.KIND_FILL:
                yield row - 1
            yield row

    def _orders_of_signal(self, number: int) -> list[int]:
        rows = self._matching({at.KIND_LINKED: loop.LINKED_SIGNAL}, number)
        orders = {self._row(row)[loop.LINKED_ORDER] for row in rows}
        rows = self._matching({at.KIND_CHECKED: loop.CHECKED_SIGNAL}, number)
        orders |= {self._row(row)[loop.CHECKED_ORDER] for row in rows}
        return sorted(orders - {0})

    def _linked_to(self, position: int) -> list[int]:
        rows = self._matching({at.KIND_LINKED: loop.LINKED_POSITION}, position)
        return [self._row(row)[loop.LINKED_ORDER] for row in rows]

    def _link(self, rows: Iterable[int]) -> Row | None:
        return next((self._row(row) for row in rows if self._kind(row) == at.KIND_LINKED), None)

    # --- Signals by name
    def _signals_named(self, text: str) -> list[int]:
        rows = self._of_kind(at.KIND_SIGNAL_RECEIVED).tolist()
        if text.isdecimal() and len(text) < 2 * SHORTEST_ID:
            found = [row for row in rows if self._row(row)[loop.RECEIVED_NUMBER] == int(text)]
        elif len(text) >= SHORTEST_ID:
            found = [row for row in rows if self._public_id(row).startswith(text.lower())]
        else:
            found = []
        ids = {self._public_id(row) for row in found}
        if len(ids) > 1:
            raise InputError(
                f"{text!r} begins {len(ids)} signals: {', '.join(sorted(ids)[:3])}",
                remedy="give more letters of it",
                code="explain.ambiguous",
            )
        if not found:
            known = self._largest((at.KIND_SIGNAL_RECEIVED,), loop.RECEIVED_NUMBER)
            raise self._nothing("signal", text, known)
        return [self._row(row)[loop.RECEIVED_NUMBER] for row in found]

    def _public_id(self, row: int) -> str:
        values = self._row(row)
        symbol = self._run.instruments[values[at.EVENT_INSTRUMENT]].symbol
        return signal_id(
            self._run.fingerprint, symbol, values[loop.RECEIVED_SIDE], values[at.EVENT_TS]
        )

    def _nothing(self, what: str, text: str, known: int) -> InputError:
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

    # --- Rows
    def _kind(self, row: int) -> int:
        return int(self._rows[row, at.EVENT_KIND])

    def _row(self, row: int) -> list[int]:
        values: list[int] = self._rows[row].tolist()
        return values

    def _of_kind(self, kind: int) -> Ints:
        return self._run.rows_by_kind.get(kind, np.empty(0, dtype=np.int64))

    def _matching(self, columns: dict[int, int], value: int) -> list[int]:
        """Return the rows, ascending, whose column for their kind has a value."""
        found: list[int] = []
        for kind, column in columns.items():
            rows = self._of_kind(kind)
            found += rows[self._rows[rows, column] == value].tolist()
        return sorted(found)

    def _largest(self, kinds: Iterable[int], column: int) -> int:
        return max(
            (int(self._rows[self._of_kind(k), column].max(initial=0)) for k in kinds), default=0
        )

    def _words(self, row: int) -> Words:
        place = int(self._rows[row, at.EVENT_INSTRUMENT])
        instrument = self._run.instruments[place] if place >= 0 else None
        return Words(instrument, self._run.currencies[0])

    # --- Telling
    def _story(self, subject: str, title: str, rows: set[int]) -> Story:
        lines = tuple(line for line in self._lines(sorted(rows)) if line.text)
        return Story(subject, title, lines)

    def _lines(self, rows: list[int]) -> Iterator[Line]:
        """Yield a line per row; the checks of one order are one line, an order and its link another."""
        place = 0
        while place < len(rows):
            end = self._end_of_line(rows, place)
            yield self._line(rows[place:end])
            place = end

    def _end_of_line(self, rows: list[int], place: int) -> int:
        """Return the place after the rows that are told together with the one at `place`."""
        end, first = place + 1, rows[place]
        if self._kind(first) == at.KIND_CHECKED:
            while end < len(rows) and self._is_same_check(rows[end - 1], rows[end]):
                end += 1
        elif self._kind(first) == at.KIND_SUBMITTED and rows[end : end + 1] == [first + 1]:
            end += self._kind(first + 1) == at.KIND_LINKED
        return end

    def _line(self, rows: list[int]) -> Line:
        told, words = [self._row(row) for row in rows], self._words(rows[0])
        kind = self._kind(rows[0])
        if kind == at.KIND_CHECKED:
            text = checks(told, words)
        elif len(told) > 1:
            text = submitted_and_linked(told[0], told[1], words)
        elif kind == at.KIND_DENIED and self._was_sent(told[0][at.FACT_ORDER]):
            text = replacement_denied(told[0], words)
        else:
            text = sentence_of(told[0], words)
        return Line(told[0][at.EVENT_TS], EventKind(kind).name.lower(), text, tuple(rows))

    def _was_sent(self, order: int) -> bool:
        """Return whether an order exists: what was denied with its id is a replacement of it."""
        return bool(self._matching({at.KIND_SUBMITTED: at.FACT_ORDER}, order))

    def _is_same_check(self, one: int, other: int) -> bool:
        columns = [at.EVENT_TS, at.EVENT_KIND, loop.CHECKED_SIGNAL, loop.CHECKED_ORDER]
        same = bool((self._rows[one, columns] == self._rows[other, columns]).all())
        return same and self._rows[one, loop.CHECKED_PLACE] < self._rows[other, loop.CHECKED_PLACE]
