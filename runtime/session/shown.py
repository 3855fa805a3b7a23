"""What a person sees of a session that is recorded: of its journal's tables, whether it runs or not."""

from __future__ import annotations

from collections.abc import Mapping
from itertools import islice
from typing import Any

import msgspec

from engine.model.instruments import Instrument
from engine.model.units import NS_PER_DAY, from_minor, from_quanta
from runtime.config.moments import format_moment
from runtime.feeds.silent_minutes import Proven
from runtime.journal.records import HistoryRead, Opened, Warmed
from runtime.journal.sessions import SessionStore
from runtime.session.opening import instruments_of

NOTES_SHOWN = 10
ANCHORS_SHOWN = 3
_BEGINNING = 500  # records, of which those are that were written before the first bar


class PositionShown(msgspec.Struct, frozen=True):
    """A position that is held; money in its instrument's currency."""

    symbol: str
    quantity: str
    cost: str
    realized: str
    since: str


class OrderShown(msgspec.Struct, frozen=True):
    """An order that works."""

    order: int
    side: str
    symbol: str
    type: str
    quantity: str
    filled: str
    limit: str
    stop: str
    status: str
    client_id: str


class NoteShown(msgspec.Struct, frozen=True):
    """An incident, in the session's own time."""

    time: str
    severity: str
    kind: str
    subject: str
    text: str


class AnchorShown(msgspec.Struct, frozen=True):
    """Where the journal's head was, by the file beside the database."""

    record: int
    why: str
    hash: str


class SessionShown(msgspec.Struct, frozen=True):
    """The state of a session in its tables.

    Parameters
    ----------
    checkpoints
        The records after which one was stored.
    warm_up
        What its formulas had seen before its first bar, in words; empty where that was nothing.
    no_trades
        In how many minutes of its newest day nobody has traded, as its venue's history has said; empty: in none.
    """

    positions: list[PositionShown]
    orders: list[OrderShown]
    notes: list[NoteShown]
    alerts: list[NoteShown]
    checkpoints: list[int]
    anchors: list[AnchorShown]
    warm_up: str = ""
    no_trades: str = ""


def session_shown(store: SessionStore, session_id: str) -> SessionShown:
    """Return what is to be shown of a session."""
    first = next(iter(store.entries(session_id)), None)
    opened = None if first is None else first.record
    known: dict[str, Instrument] = {}
    if isinstance(opened, Opened):
        known = {item.symbol: item for item in instruments_of(opened)}
    positions = store.rows(session_id, "session_positions")
    orders = store.rows(session_id, "session_orders")
    notes = store.rows(session_id, "incidents")
    return SessionShown(
        [_position(row, known) for row in positions if row["closed_ns"] is None],
        [_order(row, known) for row in orders if row["ended_ns"] is None],
        [_note(row, "ts_ns") for row in notes[-NOTES_SHOWN:]],
        [
            NoteShown(
                format_moment(each.raised_ns), each.severity, each.episode, each.subject, each.text
            )
            for each in store.alerts.newest(session_id=session_id)
            if each.cleared_ns is None
        ],
        store.checkpoints(session_id).sequences(),
        [
            AnchorShown(each.sequence, each.why, each.hash.hex())
            for each in store.anchors(session_id)[-ANCHORS_SHOWN:]
        ],
        _warm_up(store, session_id),
        _no_trades(store, session_id),
    )


def _warm_up(store: SessionStore, session_id: str) -> str:
    """Return what a session has noted of the bars of before, which it reads first of all."""
    for entry in islice(store.entries(session_id), _BEGINNING):
        if entry.kind == "warmed" and isinstance(entry.record, Warmed):
            return entry.record.detail
    return ""


def _no_trades(store: SessionStore, session_id: str) -> str:
    """Return in how many minutes of the newest day that was asked of nobody has traded, of all instruments."""
    proven = Proven()
    for each in store.of_kind(session_id, HistoryRead):
        assert isinstance(each, HistoryRead)
        proven.add(each.since_ns, each.until_ns, each.asked_ns, each.bars, each.problem)
    until_ns = proven.until_ns
    count = sum(map(len, proven.empty(until_ns - NS_PER_DAY).values()))
    text = f"{count} minutes without trades, proven empty at the venue, up to {format_moment(until_ns)}"
    return text if count else ""


def _position(row: Mapping[str, Any], known: Mapping[str, Instrument]) -> PositionShown:
    item = known.get(row["symbol"])
    return PositionShown(
        row["symbol"],
        _decimal(row["lots"], item.quantity_precision if item else 0),
        _money(row["cost_minor"]),
        _money(row["realized_minor"]),
        format_moment(row["opened_ns"]),
    )


def _order(row: Mapping[str, Any], known: Mapping[str, Instrument]) -> OrderShown:
    item = known.get(row["symbol"])
    lots, ticks = (item.quantity_precision, item.price_precision) if item else (0, 0)
    return OrderShown(
        row["order_id"],
        "buy" if row["side"] > 0 else "sell",
        row["symbol"],
        row["type"],
        _decimal(row["quantity_lots"], lots),
        _decimal(row["filled_lots"], lots),
        _decimal(row["limit_ticks"], ticks) if row["limit_ticks"] > 0 else "",
        _decimal(row["stop_ticks"], ticks) if row["stop_ticks"] > 0 else "",
        row["status"],
        row["client_id"],
    )


def _note(row: Mapping[str, Any], time: str) -> NoteShown:
    texts = (row["severity"], row["kind"], row["subject"], row["text"])
    return NoteShown(format_moment(row[time]), *texts)


def _decimal(quanta: int, precision: int) -> str:
    return f"{from_quanta(quanta, precision):f}"


def _money(minor: int) -> str:
    return f"{from_minor(minor):.2f}"
