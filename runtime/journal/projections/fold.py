"""From records to rows: what of a record goes into which table.

The core's rows stand in the ``decided`` of records; most of them (marks of equity, checks, sizes) are
in no table, and are passed over without a look.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import islice
from typing import Final, TypeAlias

import msgspec
import numpy as np

from engine.model import layout as at
from runtime.journal.entries import Entry
from runtime.journal.projections import orders, told, trips
from runtime.journal.projections.draft import TABLES, Draft, Values
from runtime.journal.projections.exits import ExitTables
from runtime.journal.records import (
    Closed,
    FactsInput,
    Intents,
    Noted,
    Opened,
    OperatorInput,
    Outcome,
    Record,
    StateChanged,
    Taken,
)
from runtime.results.exit_rows import EXIT_KINDS
from runtime.session.states import SessionState
from runtime.store.backend import Backend, Transaction
from runtime.store.rows import storable

PLACE_BITS: Final = 20
PAGE: Final = 4_096
_TakeRow: TypeAlias = Callable[[Draft, list[int]], None]
_FACTS: Final[dict[int, _TakeRow]] = dict.fromkeys(orders.FACTS, orders.fact)
_ROWS: Final[dict[int, _TakeRow]] = _FACTS | {
    at.KIND_SUBMITTED: orders.submitted,
    at.KIND_DENIED: orders.submitted,
    at.KIND_LINKED: orders.linked,
    at.KIND_CANCEL_SENT: orders.cancel_sent,
    at.KIND_POSITION_OPENED: trips.opened,
    at.KIND_POSITION_CLOSED: trips.closed,
    at.KIND_SIGNAL_RECEIVED: told.received,
    at.KIND_SIGNAL_APPROVED: told.answered,
    at.KIND_SIGNAL_DENIED: told.answered,
}
_WANTED: Final = np.zeros(128, dtype=np.bool_)
_WANTED[[*_ROWS, *EXIT_KINDS, *told.GUARDS, at.KIND_POSITION_CHANGED, at.KIND_EQUITY_MARKED]] = True


def project(
    transaction: Transaction, session_id: str, records: Sequence[tuple[Entry, Record]]
) -> None:
    """Put records, which follow those before them, into the tables; for `GroupWriter`."""
    fold = _Fold(transaction, session_id)
    for entry, record in records:
        fold.add(entry, record)
    fold.write()


def rebuild(backend: Backend, session_id: str, entries: Iterable[Entry]) -> None:
    """Make the tables of a session anew from its whole journal, in one transaction."""
    with backend.writing() as transaction:
        for table in TABLES:
            transaction.write(f"clear_{table}", {"session": session_id})
        for page in _pages(entries):
            project(transaction, session_id, [(entry, entry.record) for entry in page])


def _pages(entries: Iterable[Entry]) -> Iterator[list[Entry]]:
    rest = iter(entries)
    while page := list(islice(rest, PAGE)):
        yield page


class _Fold:
    """The records of one group."""

    def __init__(self, transaction: Transaction, session_id: str) -> None:
        self._draft = Draft(transaction, session_id)
        self._exits = ExitTables(self._draft)
        self._fill: Values | None = None
        self._mark: list[int] | None = None

    def add(self, entry: Entry, record: Record) -> None:
        """Take one record."""
        place = entry.sequence << PLACE_BITS
        match record:
            case Taken():
                one = record.input
                if isinstance(one, OperatorInput):
                    told.approval(self._draft, entry.sequence, one)
                names = _executions(one) if isinstance(one, FactsInput) else {}
                self._decided(place, record.decided, names)
            case Intents():
                self._decided(place, record.decided, {})
                for intent in record.intents:
                    orders.sent(self._draft, intent)
            case Outcome():
                orders.outcome(self._draft, record)
            case Opened():
                self._opened(record)
            case StateChanged():
                self._state(entry, record)
            case Closed():
                pass  # its state has been told
            case Noted():
                told.noted(self._draft, place, entry.ts_ns, record)

    def write(self) -> None:
        """Write what has changed."""
        if self._mark is not None:
            marked = {
                "equity_minor": self._mark[at.MARK_EQUITY],
                "marked_ns": self._mark[at.EVENT_TS],
            }
            self._draft.set_session("set_session_equity", marked)
        self._exits.write()
        self._draft.write()

    def _decided(self, place: int, decided: bytes, executions: Executions) -> None:
        if not decided:
            return
        table = np.frombuffer(decided, dtype="<i8").reshape(-1, at.EVENT_WIDTH)
        (places,) = _WANTED[table[:, at.EVENT_KIND]].nonzero()
        if not places.size:
            return
        for index, row in zip(places.tolist(), table[places].tolist()):
            self._row(place + index, row, executions)

    def _row(self, place: int, row: list[int], executions: Executions) -> None:
        kind = row[at.EVENT_KIND]
        if kind == at.KIND_EQUITY_MARKED:
            self._mark = row
        elif kind == at.KIND_POSITION_CHANGED:
            is_of_fill = row[at.POSITION_CAUSE] in (at.KIND_FILL, at.KIND_FEE_IN_KIND)
            trips.changed(self._draft, place, row, self._fill if is_of_fill else None)
        elif kind in EXIT_KINDS:
            self._exits.add(place, row)
        elif kind in told.GUARDS:
            told.guard(self._draft, place, row)
        else:
            _ROWS[kind](self._draft, row)
            if kind == at.KIND_FILL:
                waiting = executions.get(_name(row), [])
                name = waiting.pop(0) if waiting else ""
                self._fill = orders.fill_of(self._draft, place, row, name)

    def _opened(self, record: Opened) -> None:
        names = ("strategy", "fingerprint", "account", "broker", "feed", "evidence", "mode")
        values = {name: storable(getattr(record, name)) for name in names}
        symbols = msgspec.json.encode(list(record.instruments)).decode()
        self._draft.set_session("set_session_opened", {**values, "symbols": storable(symbols)})

    def _state(self, entry: Entry, record: StateChanged) -> None:
        is_final = record.after in (SessionState.STOPPED, SessionState.FAILED)
        self._draft.set_session(
            "set_session_state",
            {
                "state": record.after,
                "cause": storable(record.cause),
                "changed_ns": entry.ts_ns,
                "ended_ns": entry.ts_ns if is_final else None,
            },
        )
        if record.after in (SessionState.HALTED, SessionState.FAILED):
            place = entry.sequence << PLACE_BITS
            told.went_wrong(self._draft, place, entry.ts_ns, record.after, record.cause)


Executions = dict[tuple[int, ...], list[str]]


def _name(row: list[int]) -> tuple[int, ...]:
    return row[at.FACT_ORDER], row[at.FACT_LOTS], row[at.FACT_PRICE], row[at.EVENT_TS]


def _executions(one: FactsInput) -> Executions:
    """Return the execution ids of a broker's fills, by what the core's row of each says."""
    table = np.frombuffer(one.rows, dtype="<i8").reshape(-1, at.EVENT_WIDTH)
    found: Executions = {}
    if len(table) == len(one.keys):
        for row, key in zip(table.tolist(), one.keys):
            if row[at.EVENT_KIND] == at.KIND_FILL:
                found.setdefault(_name(row), []).append(key)
    return found
