"""The tables of sessions: journals, leases, checkpoints, controls, alerts, and projections.

The journal is the truth; what begins with ``session_`` and `INCIDENTS` are projections of it, written
in the transaction of the records that they are made of, and rebuilt from them at will. `row` is the
place of what made it: ``sequence << 20 | number of the core's row in the record``.
"""

from __future__ import annotations

from typing import Any

from sqlalchemy import (
    BigInteger,
    Column,
    ForeignKey,
    ForeignKeyConstraint,
    Index,
    LargeBinary,
    PrimaryKeyConstraint,
    String,
    Table,
    Text,
    text,
)

from runtime.store.tables import METADATA


def _text(*names: str) -> list[Column[Any]]:
    return [Column(name, Text, nullable=False) for name in names]


def _whole(*names: str) -> list[Column[Any]]:
    return [Column(name, BigInteger, nullable=False) for name in names]


def _maybe(*names: str) -> list[Column[Any]]:
    return [Column(name, BigInteger) for name in names]


def _session() -> Column[Any]:
    return Column("session_id", String(32), nullable=False)


def _of_session(name: str) -> ForeignKeyConstraint:
    return ForeignKeyConstraint(["session_id"], ["sessions.id"], name=f"fk_{name}_session_id")


SESSIONS = Table(
    "sessions",
    METADATA,
    Column("id", String(32), primary_key=True),
    *_text("strategy", "path", "fingerprint", "account", "broker", "feed", "evidence", "mode"),
    *_text("command", "symbols", "state", "cause"),
    *(*_text("host"), *_whole("pid"), *_text("process")),
    *(*_whole("begun_ns", "changed_ns"), *_maybe("ended_ns", "equity_minor", "marked_ns")),
    Index(None, "begun_ns"),
)

JOURNAL = Table(
    "journal",
    METADATA,
    _session(),
    *_whole("sequence", "epoch", "ts_ns"),
    Column("kind", String(16), nullable=False),
    *_whole("version"),
    Column("payload", LargeBinary, nullable=False),
    Column("hash", LargeBinary, nullable=False),
    PrimaryKeyConstraint("session_id", "sequence"),
    _of_session("journal"),
)

CHECKPOINTS = Table(
    "checkpoints",
    METADATA,
    _session(),
    *_whole("sequence", "cursor", "schema", "ts_ns"),
    Column("hash", LargeBinary, nullable=False),
    Column("blob", LargeBinary, nullable=False),
    PrimaryKeyConstraint("session_id", "sequence"),
    _of_session("checkpoints"),
)

LEASES = Table(
    "leases",
    METADATA,
    Column("account", Text, primary_key=True),
    *_whole("epoch"),
    *(*_text("holder", "host"), *_whole("pid"), *_text("process")),
    *_whole("since_ns", "renewed_ns", "expires_ns"),
)

CONTROLS = Table(
    "controls",
    METADATA,
    Column("id", String(32), primary_key=True),
    Column("session_id", String(32), ForeignKey(SESSIONS.c.id), nullable=False),
    *_text("verb", "arguments", "who", "why"),
    *(*_whole("asked_ns"), *_maybe("done_ns"), *_text("answer")),
    Index(None, "session_id", "done_ns"),
    Index(  # of what nobody has answered: running sessions look twice a second
        None,
        "asked_ns",
        "id",
        sqlite_where=text("done_ns IS NULL"),
        postgresql_where=text("done_ns IS NULL"),
    ),
)

ALERTS = Table(
    "alerts",
    METADATA,
    Column("id", String(32), primary_key=True),
    *_text("session_id", "episode", "severity", "subject", "text"),
    *(*_whole("raised_ns", "repeated_ns", "count"), *_maybe("cleared_ns"), *_text("delivered")),
    Index(None, "session_id", "episode"),
)

# --- projections --------------------------------------------------------------------------------------
SESSION_ORDERS = Table(
    "session_orders",
    METADATA,
    _session(),
    *(*_whole("order_id", "instrument"), *_text("symbol"), *_whole("side")),
    *(*_text("type", "tif"), *_whole("quantity_lots", "limit_ticks", "stop_ticks")),
    *(*_text("status"), *_whole("filled_lots", "fees_minor", "reason")),
    *(*_whole("placed_ns"), *_maybe("ended_ns")),
    *_whole("signal", "position", "exit_reason", "attempt", "parent", "oco", "armed_lots"),
    *_text("client_id", "venue_id", "outcome", "problem"),
    PrimaryKeyConstraint("session_id", "order_id"),
    _of_session("session_orders"),
    Index(None, "session_id", "client_id"),
    Index(None, "session_id", "ended_ns", "instrument"),
)

SESSION_FILLS = Table(
    "session_fills",
    METADATA,
    _session(),
    *(*_whole("row", "ts_ns", "instrument"), *_text("symbol")),
    *_whole("order_id", "side", "lots", "price_ticks", "fee_minor"),
    *(*_text("liquidity", "rule"), *_whole("reference_ticks", "realized_minor", "position_lots")),
    *_text("execution_id"),
    PrimaryKeyConstraint("session_id", "row"),
    _of_session("session_fills"),
)

SESSION_POSITIONS = Table(
    "session_positions",
    METADATA,
    _session(),
    *(*_whole("row", "instrument"), *_text("symbol")),
    *_whole("direction", "lots", "entered_lots", "left_lots"),
    *_whole("cost_minor", "realized_minor", "fees_minor"),
    *(*_whole("opened_ns"), *_maybe("closed_ns"), *_whole("position", "signal", "exit_reason")),
    PrimaryKeyConstraint("session_id", "row"),
    _of_session("session_positions"),
    Index(None, "session_id", "instrument", "row"),
    Index(None, "session_id", "position"),
)

SESSION_EXITS = Table(
    "session_exits",
    METADATA,
    _session(),
    *(*_whole("row", "instrument"), *_text("symbol"), *_whole("position", "reason")),
    *_whole("fired_ns", "price_ticks", "pnl_ppm", "lots", "number", "bound", "also"),
    *(*_text("state"), *_whole("result", "sent", "walks", "closed_lots", "left_lots")),
    *_maybe("ended_row", "ended_ns"),
    PrimaryKeyConstraint("session_id", "row"),
    _of_session("session_exits"),
    Index(None, "session_id", "position"),
)

SESSION_ATTEMPTS = Table(
    "session_attempts",
    METADATA,
    _session(),
    *_whole("row", "exit_row", "position", "number", "kind", "price_ticks", "lots", "touch_ticks"),
    *(*_whole("order_id", "sent_ns"), *_maybe("ended_row", "ended_ns")),
    *_whole("result", "filled_lots", "code"),
    PrimaryKeyConstraint("session_id", "row"),
    _of_session("session_attempts"),
    Index(None, "session_id", "position"),
)

SESSION_SIGNALS = Table(
    "session_signals",
    METADATA,
    _session(),
    *(*_whole("number"), *_text("signal_id"), *_whole("ts_ns", "instrument"), *_text("symbol")),
    *(*_whole("side"), *_text("source"), *_maybe("edge_ppb", "confidence_ppb", "goal_ticks")),
    *(*_maybe("price_ticks", "expires_ns"), *_text("answer"), *_whole("order_id", "lots", "code")),
    *_maybe("answered_ns"),
    PrimaryKeyConstraint("session_id", "number"),
    _of_session("session_signals"),
    Index(None, "session_id", "signal_id"),
)

SESSION_APPROVALS = Table(
    "session_approvals",
    METADATA,
    _session(),
    *(*_whole("sequence", "ts_ns"), *_text("signal_id", "verb", "who", "why")),
    PrimaryKeyConstraint("session_id", "sequence"),
    _of_session("session_approvals"),
)

INCIDENTS = Table(
    "incidents",
    METADATA,
    _session(),
    *(*_whole("row", "ts_ns"), *_text("kind", "severity", "subject", "text")),
    PrimaryKeyConstraint("session_id", "row"),
    _of_session("incidents"),
)

PROJECTIONS = (
    SESSION_ORDERS,
    SESSION_FILLS,
    SESSION_POSITIONS,
    SESSION_EXITS,
    SESSION_ATTEMPTS,
    SESSION_SIGNALS,
    SESSION_APPROVALS,
    INCIDENTS,
)
