"""A story: the rows of a journal that are about one order, signal or position, in words, in order.

A run without a trading loop has orders only, and their story is what was submitted and what the market
and the broker made of it.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from engine.errors import InputError
from engine.model import layout as at
from engine.model import trading_layout as loop
from engine.model.layout import EventKind
from runtime.explain.rows import POSITION_COLUMNS, SIGNAL_COLUMNS, JournalRows
from runtime.explain.sentences import (
    checks,
    order_terms,
    replacement_denied,
    sentence_of,
    submitted_and_linked,
)
from runtime.explain.words import moment
from runtime.results.journal import RunJournal

Ints = NDArray[np.int64]


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
        self._rows = JournalRows(journal)

    def order(self, order: int) -> Story:
        rows = self._rows.rows_of_order(order)
        born = [row for row in rows if self._rows.kind(row) in (at.KIND_SUBMITTED, at.KIND_DENIED)]
        if not born:
            raise self._rows.nothing("order", str(order), self._rows.known_orders())
        links = self._rows.link(rows)
        found = set(rows)
        if links is not None and links[loop.LINKED_SIGNAL]:
            found |= set(self._rows.origin(links[loop.LINKED_SIGNAL], {order}))
        else:
            for number in self._rows.signals_checked(rows):
                found |= set(self._rows.origin(number, {order}))
        if links is not None and links[loop.LINKED_REASON]:
            found |= set(self._rows.exits_around(rows))
        found |= set(self._rows.matching({at.KIND_LINKED: loop.LINKED_PARENT}, order))
        title = order_terms(self._rows.row(born[0]), self._rows.words(born[0]))
        return self._story(f"order {order}", title, found)

    def signal(self, text: str) -> Story:
        numbers = self._rows.signals_named(text)
        found: set[int] = set()
        for number in numbers:
            rows = self._rows.matching(SIGNAL_COLUMNS, number)
            found |= set(rows)
            for order in self._rows.orders_of_signal(number):
                found |= set(self._rows.rows_of_order(order))
        first = min(
            self._rows.matching({at.KIND_SIGNAL_RECEIVED: loop.RECEIVED_NUMBER}, numbers[0])
        )
        row = self._rows.row(first)
        side = "buy" if row[loop.RECEIVED_SIDE] > 0 else "sell"
        title = f"{side} {self._rows.words(first).symbol} ({self._rows.public_id(first)})"
        return self._story(f"signal {numbers[0]}", title, found)

    def position(self, position: int) -> Story:
        rows = self._rows.matching(POSITION_COLUMNS, position) if position > 0 else []
        opened = [row for row in rows if self._rows.kind(row) == at.KIND_POSITION_OPENED]
        if not opened:
            known = self._rows.largest((at.KIND_POSITION_OPENED,), loop.TRIP_POSITION)
            raise self._rows.nothing("position", str(position), known)
        first = opened[0]
        closed = [row for row in rows if self._rows.kind(row) == at.KIND_POSITION_CLOSED]
        last = closed[0] if closed else len(self._rows.table)
        found = set(rows) | set(self._rows.fills_between(first, last))
        orders = {
            self._rows.row(row)[at.FACT_ORDER]
            for row in found
            if self._rows.kind(row) == at.KIND_FILL
        }
        orders |= set(self._rows.linked_to(position))
        for order in sorted(orders):
            found |= set(self._rows.rows_of_order(order))
        number = self._rows.row(first)[loop.TRIP_SIGNAL]
        if number:
            found |= set(self._rows.origin(number, orders))
        found |= set(self._rows.guards_behind(rows))
        direction = "long" if self._rows.row(first)[loop.TRIP_DIRECTION] > 0 else "short"
        return self._story(
            f"position {position}", f"{direction} {self._rows.words(first).symbol}", found
        )

    # --- Telling
    def _story(self, subject: str, title: str, rows: set[int]) -> Story:
        told = list(self._rows.without_repeats(sorted(rows)))
        lines = tuple(line for line in self._lines(told) if line.text)
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
        if self._rows.kind(first) == at.KIND_CHECKED:
            while end < len(rows) and self._is_same_check(rows[end - 1], rows[end]):
                end += 1
        elif self._rows.kind(first) == at.KIND_SUBMITTED and rows[end : end + 1] == [first + 1]:
            end += self._rows.kind(first + 1) == at.KIND_LINKED
        return end

    def _line(self, rows: list[int]) -> Line:
        told, words = [self._rows.row(row) for row in rows], self._rows.words(rows[0])
        kind = self._rows.kind(rows[0])
        if kind == at.KIND_CHECKED:
            text = checks(told, words)
        elif len(told) > 1:
            text = submitted_and_linked(told[0], told[1], words)
        elif kind == at.KIND_DENIED and self._rows.was_sent(told[0][at.FACT_ORDER]):
            text = replacement_denied(told[0], words)
        else:
            text = sentence_of(told[0], words)
        return Line(told[0][at.EVENT_TS], EventKind(kind).name.lower(), text, tuple(rows))

    def _is_same_check(self, one: int, other: int) -> bool:
        columns = [at.EVENT_TS, at.EVENT_KIND, loop.CHECKED_SIGNAL, loop.CHECKED_ORDER]
        same = bool((self._rows.table[one, columns] == self._rows.table[other, columns]).all())
        return (
            same
            and self._rows.table[one, loop.CHECKED_PLACE]
            < self._rows.table[other, loop.CHECKED_PLACE]
        )
