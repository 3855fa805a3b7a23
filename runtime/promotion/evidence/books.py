"""The books of an account's live sessions, held against what its venue states.

What the account holds and what works there has to be in the journals of its sessions, all of them together: one
that was ended without being closed holds still what it held. Nothing is explained away: whatever only one side
knows is a difference, in words.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from decimal import Decimal

from engine.model.instruments import Instrument
from engine.model.units import from_quanta
from engine.ports import VenueOrder, VenuePosition
from runtime.gateway.ids import is_ours
from runtime.gateway.ledger import HELD
from runtime.journal.sessions import SessionStore
from runtime.promotion.evidence.sessions import opened_sessions
from runtime.session.opening import instruments_of

_UNKNOWN = "unknown"  # of `runtime.journal.records.Outcome.status`
_NOBODYS = -1  # number of an instrument that no session has


@dataclass(slots=True)
class Books:
    """What the journals of an account's sessions have together.

    Attributes
    ----------
    held
        Units by symbol, negative for short.
    working, ended
        Client ids of orders.
    unknown
        Client ids of working orders of whose sending the outcome is not known.
    """

    held: dict[str, Decimal] = field(default_factory=lambda: defaultdict(Decimal))
    working: set[str] = field(default_factory=set)
    ended: set[str] = field(default_factory=set)
    unknown: set[str] = field(default_factory=set)


@dataclass(frozen=True, slots=True)
class Compared:
    """Books beside a venue: what differs, in sentences; orders of unknown fate, and those that are not ours."""

    differences: tuple[str, ...]
    unknown_orders: int
    foreign_orders: int


def instruments_traded(
    store: SessionStore, broker: str, first: Sequence[Instrument]
) -> tuple[Instrument, ...]:
    """Return some instruments, and after them all others that sessions at a broker have.

    Parameters
    ----------
    broker
        Its name in journals, e.g. ``alpaca live``.
    """
    known = {each.symbol: each for each in first}
    for _, opened in opened_sessions(store):
        if opened.broker == broker:
            for each in instruments_of(opened):
                known.setdefault(each.symbol, each)
    return tuple(known.values())


def books_of(store: SessionStore, broker: str, account: str) -> Books:
    """Return the books of all sessions at an account."""
    books = Books()
    for record, opened in opened_sessions(store):
        if (opened.broker, opened.account) != (broker, account):
            continue
        precision = {each.symbol: each.quantity_precision for each in instruments_of(opened)}
        for row in store.rows(record.id, "session_positions"):
            if row["closed_ns"] is None:
                symbol = str(row["symbol"])
                books.held[symbol] += from_quanta(int(str(row["lots"])), precision[symbol])
        for row in store.rows(record.id, "session_orders"):
            client_id = str(row["client_id"])
            if not client_id:
                continue  # was never sent
            if row["outcome"] == HELD and row["ended_ns"] is None:
                continue  # waits with its session
            if row["ended_ns"] is not None:
                books.ended.add(client_id)
            else:
                books.working.add(client_id)
                if row["outcome"] == _UNKNOWN:
                    books.unknown.add(client_id)
    return books


def compare(
    books: Books,
    instruments: Sequence[Instrument],
    positions: Sequence[VenuePosition],
    orders: Sequence[VenueOrder],
) -> Compared:
    """Hold books against positions and working orders of the venue.

    Parameters
    ----------
    instruments
        By their numbers in `positions`.
    """
    working = {each.client_id for each in orders}
    strange = working - books.working - books.ended
    lost = {each for each in strange if is_ours(each)}
    return Compared(
        (*_positions(books, instruments, positions), *_orders(books, working)),
        len(books.unknown | lost),
        sum(each.client_id in strange - lost for each in orders),
    )


def _positions(
    books: Books, instruments: Sequence[Instrument], positions: Sequence[VenuePosition]
) -> Iterator[str]:
    theirs: dict[str, Decimal] = defaultdict(Decimal)
    for each in positions:
        if each.instrument == _NOBODYS:
            yield "the venue holds an instrument that no session has traded"
        else:
            item = instruments[each.instrument]
            theirs[item.symbol] += from_quanta(each.lots, item.quantity_precision)
    for symbol in sorted(books.held.keys() | theirs.keys()):
        if theirs[symbol] != books.held[symbol]:
            yield (f"the venue holds {theirs[symbol]:f} {symbol}, the books {books.held[symbol]:f}")


def _orders(books: Books, working: set[str]) -> Iterator[str]:
    for client_id in sorted(books.working - books.unknown - working):
        yield f"order {client_id} works in the books and not at the venue"
    for client_id in sorted(books.ended & working):
        yield f"order {client_id} works at the venue and has ended in the books"
