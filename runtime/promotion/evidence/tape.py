"""What a session has seen, as a history: the tape over which its shadow runs."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from typing import Any

import numpy as np

from data.history import (
    BarColumns,
    History,
    InstrumentHistory,
    Passport,
    QuoteColumns,
    TradeColumns,
)
from engine.model import layout as at
from engine.ports import Rows
from runtime.feeds.recording import COLUMNS, action_of
from runtime.session_core.assembling import Market

_KINDS: dict[int, Any] = {
    at.KIND_BAR: BarColumns,
    at.KIND_QUOTE: QuoteColumns,
    at.KIND_TRADE: TradeColumns,
}


def history_of(events: Rows, market: Market, session: str) -> History:
    """Return the market data and actions among the events of a session, as they came.

    Parameters
    ----------
    events
        All rows that its feed has given, in order, shape ``(n, EVENT_WIDTH)``.
    """
    parts = tuple(_part(events, i, market) for i in range(len(market.instruments)))
    actions = events[events[:, at.EVENT_KIND] < at.KIND_BAR].tolist()
    made = [action_of(row, market.instruments) for row in actions]
    known = tuple(action for action in made if action is not None)
    return History(parts, known, Passport(f"what session {session} has seen"))


def _part(events: Rows, i: int, market: Market) -> InstrumentHistory:
    own = events[events[:, at.EVENT_INSTRUMENT] == i]
    columns: dict[str, Any] = {}
    for kind, (name, places) in COLUMNS.items():
        rows = own[own[:, at.EVENT_KIND] == kind]
        if not len(rows):
            continue
        values: dict[str, Any] = {
            field: np.ascontiguousarray(rows[:, place]) for field, place in places.items()
        }
        if kind == at.KIND_BAR:
            values["has_volume"] = market.volumes[i] == at.KIND_BAR
            columns["bars_fill"] = bool(rows[:, at.BAR_FILLS].any())
        columns[name] = _KINDS[kind](**values)
    return InstrumentHistory(market.instruments[i], **columns)


def content_hashes(bars: Rows, instruments: int) -> tuple[str, ...]:
    """Return for each instrument with bars a hash over their prices and volumes, without their times."""
    columns = (at.BAR_OPEN, at.BAR_HIGH, at.BAR_LOW, at.BAR_CLOSE, at.BAR_VOLUME)
    found: Sequence[Rows] = [bars[bars[:, at.EVENT_INSTRUMENT] == i] for i in range(instruments)]
    return tuple(
        hashlib.sha256(np.ascontiguousarray(rows[:, columns]).tobytes()).hexdigest()
        for rows in found
        if len(rows)
    )
