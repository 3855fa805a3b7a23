"""Sessions: journals, leases, checkpoints, controls, alerts, and projections."""

from typing import Any

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"


def upgrade() -> None:
    """Make the tables of sessions."""
    _sessions()
    _around_the_journal()
    _trading()
    _exits()
    _told()


def _text(*names: str) -> list[sa.Column[Any]]:
    return [sa.Column(name, sa.Text, nullable=False) for name in names]


def _whole(*names: str) -> list[sa.Column[Any]]:
    return [sa.Column(name, sa.BigInteger, nullable=False) for name in names]


def _maybe(*names: str) -> list[sa.Column[Any]]:
    return [sa.Column(name, sa.BigInteger) for name in names]


def _bytes(name: str) -> sa.Column[Any]:
    return sa.Column(name, sa.LargeBinary, nullable=False)


def _id(name: str = "session_id") -> sa.Column[Any]:
    return sa.Column(name, sa.String(32), nullable=False)


def _of_session(table: str, key: str) -> list[sa.Constraint]:
    return [
        sa.PrimaryKeyConstraint("session_id", key, name=f"pk_{table}"),
        sa.ForeignKeyConstraint(["session_id"], ["sessions.id"], name=f"fk_{table}_session_id"),
    ]


def _index(table: str, *columns: str) -> None:
    op.create_index(f"ix_{table}_{'_'.join(columns)}", table, list(columns))


def _sessions() -> None:
    op.create_table(
        "sessions",
        _id("id"),
        *_text("strategy", "path", "fingerprint", "account", "broker", "feed", "evidence", "mode"),
        *_text("command", "symbols", "state", "cause"),
        *(*_text("host"), *_whole("pid"), *_text("process")),
        *(*_whole("begun_ns", "changed_ns"), *_maybe("ended_ns", "equity_minor", "marked_ns")),
        sa.PrimaryKeyConstraint("id", name="pk_sessions"),
    )
    _index("sessions", "begun_ns")
    op.create_table(
        "journal",
        _id(),
        *_whole("sequence", "epoch", "ts_ns"),
        sa.Column("kind", sa.String(16), nullable=False),
        *(*_whole("version"), _bytes("payload"), _bytes("hash")),
        *_of_session("journal", "sequence"),
    )


def _around_the_journal() -> None:
    op.create_table(
        "checkpoints",
        _id(),
        *(*_whole("sequence", "cursor", "schema", "ts_ns"), _bytes("hash"), _bytes("blob")),
        *_of_session("checkpoints", "sequence"),
    )
    op.create_table(
        "leases",
        *(*_text("account"), *_whole("epoch"), *_text("holder", "host"), *_whole("pid")),
        *(*_text("process"), *_whole("since_ns", "renewed_ns", "expires_ns")),
        sa.PrimaryKeyConstraint("account", name="pk_leases"),
    )
    op.create_table(
        "controls",
        *(_id("id"), _id(), *_text("verb", "arguments", "who", "why")),
        *(*_whole("asked_ns"), *_maybe("done_ns"), *_text("answer")),
        sa.PrimaryKeyConstraint("id", name="pk_controls"),
        sa.ForeignKeyConstraint(
            ["session_id"], ["sessions.id"], name="fk_controls_session_id_sessions"
        ),
    )
    _index("controls", "session_id", "done_ns")
    op.create_table(
        "alerts",
        *(_id("id"), *_text("session_id", "episode", "severity", "subject", "text")),
        *_whole("raised_ns", "repeated_ns", "count"),
        *(*_maybe("cleared_ns"), *_text("delivered")),
        sa.PrimaryKeyConstraint("id", name="pk_alerts"),
    )
    _index("alerts", "session_id", "episode")


def _trading() -> None:
    op.create_table(
        "session_orders",
        *(_id(), *_whole("order_id", "instrument"), *_text("symbol"), *_whole("side")),
        *(*_text("type", "tif"), *_whole("quantity_lots", "limit_ticks", "stop_ticks")),
        *(*_text("status"), *_whole("filled_lots", "fees_minor", "reason")),
        *(*_whole("placed_ns"), *_maybe("ended_ns")),
        *_whole("signal", "position", "exit_reason", "attempt", "parent", "oco", "armed_lots"),
        *_text("client_id", "venue_id", "outcome", "problem"),
        *_of_session("session_orders", "order_id"),
    )
    _index("session_orders", "session_id", "client_id")
    _index("session_orders", "session_id", "ended_ns", "instrument")
    op.create_table(
        "session_fills",
        *(_id(), *_whole("row", "ts_ns", "instrument"), *_text("symbol")),
        *_whole("order_id", "side", "lots", "price_ticks", "fee_minor"),
        *_text("liquidity", "rule"),
        *_whole("reference_ticks", "realized_minor", "position_lots"),
        *_text("execution_id"),
        *_of_session("session_fills", "row"),
    )
    op.create_table(
        "session_positions",
        *(_id(), *_whole("row", "instrument"), *_text("symbol")),
        *_whole("direction", "lots", "entered_lots", "left_lots"),
        *_whole("cost_minor", "realized_minor", "fees_minor"),
        *(*_whole("opened_ns"), *_maybe("closed_ns"), *_whole("position", "signal", "exit_reason")),
        *_of_session("session_positions", "row"),
    )
    _index("session_positions", "session_id", "instrument", "row")
    _index("session_positions", "session_id", "position")


def _exits() -> None:
    op.create_table(
        "session_exits",
        *(_id(), *_whole("row", "instrument"), *_text("symbol"), *_whole("position", "reason")),
        *_whole("fired_ns", "price_ticks", "pnl_ppm", "lots", "number", "bound", "also"),
        *(*_text("state"), *_whole("result", "sent", "walks", "closed_lots", "left_lots")),
        *_maybe("ended_row", "ended_ns"),
        *_of_session("session_exits", "row"),
    )
    _index("session_exits", "session_id", "position")
    op.create_table(
        "session_attempts",
        *(_id(), *_whole("row", "exit_row", "position", "number", "kind", "price_ticks", "lots")),
        *(*_whole("touch_ticks", "order_id", "sent_ns"), *_maybe("ended_row", "ended_ns")),
        *_whole("result", "filled_lots", "code"),
        *_of_session("session_attempts", "row"),
    )
    _index("session_attempts", "session_id", "position")


def _told() -> None:
    op.create_table(
        "session_signals",
        *(_id(), *_whole("number"), *_text("signal_id"), *_whole("ts_ns", "instrument")),
        *(*_text("symbol"), *_whole("side"), *_text("source")),
        *_maybe("edge_ppb", "confidence_ppb", "goal_ticks", "price_ticks", "expires_ns"),
        *(*_text("answer"), *_whole("order_id", "lots", "code"), *_maybe("answered_ns")),
        *_of_session("session_signals", "number"),
    )
    _index("session_signals", "session_id", "signal_id")
    op.create_table(
        "session_approvals",
        *(_id(), *_whole("sequence", "ts_ns"), *_text("signal_id", "verb", "who", "why")),
        *_of_session("session_approvals", "sequence"),
    )
    op.create_table(
        "incidents",
        *(_id(), *_whole("row", "ts_ns"), *_text("kind", "severity", "subject", "text")),
        *_of_session("incidents", "row"),
    )
