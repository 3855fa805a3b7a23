"""The tables of the registry, as SQLAlchemy sees them.

Only types that need no conversion (text, 64-bit integers, floats, bytes), so that the statements of
`runtime.store.statements` mean the same through SQLAlchemy and through a bare driver. A change here
needs a migration; a test holds the two together.
"""

from __future__ import annotations

from sqlalchemy import (
    BigInteger,
    CheckConstraint,
    Column,
    Double,
    ForeignKey,
    Index,
    LargeBinary,
    MetaData,
    PrimaryKeyConstraint,
    String,
    Table,
    Text,
)

from runtime.store.records import State

# Named constraints can be changed by later migrations on every database.
NAMING = {
    "ix": "ix_%(table_name)s_%(column_0_N_name)s",
    "uq": "uq_%(table_name)s_%(column_0_N_name)s",
    "ck": "ck_%(table_name)s_%(constraint_name)s",
    "fk": "fk_%(table_name)s_%(column_0_N_name)s_%(referred_table_name)s",
    "pk": "pk_%(table_name)s",
}
METADATA = MetaData(naming_convention=NAMING)
STATES = ", ".join(f"'{state.value}'" for state in State)


def _text(name: str) -> Column[str]:
    return Column(name, Text, nullable=False)


def _hash(name: str) -> Column[str]:
    return Column(name, String(64), nullable=False)


def _time(name: str, *, nullable: bool = False) -> Column[int]:
    return Column(name, BigInteger, nullable=nullable)


def _process() -> list[Column[str] | Column[int]]:
    """Return the columns that tell whether the process of a row is still alive."""
    return [_text("host"), _time("pid"), _text("process")]


def _figures() -> list[Column[int] | Column[float] | Column[bytes]]:
    names = ("total_return", "sharpe_daily", "max_drawdown", "skew", "kurtosis")
    floats: list[Column[float]] = [Column(name, Double) for name in names]
    return [_time("observations"), *floats, Column("returns", LargeBinary, nullable=False)]


RUNS = Table(
    "runs",
    METADATA,
    Column("id", String(32), primary_key=True),
    _hash("family"),
    _hash("fingerprint"),
    Column("state", String(16), nullable=False),
    _text("strategy"),
    _text("path"),
    _text("parameters"),
    _text("dataset"),
    _hash("data_id"),
    _time("start_ns"),
    _time("end_ns"),
    _text("configuration"),
    _hash("engine"),
    _text("command"),
    _text("origin"),
    *_process(),
    _time("begun_ns"),
    _time("ended_ns", nullable=True),
    Column("final_equity", Text),
    _text("currency"),
    _hash("state_hash"),
    *_figures(),
    Column("summary", LargeBinary, nullable=False),
    _text("error"),
    CheckConstraint(f"state IN ({STATES})", name="state"),
    Index(None, "family", "fingerprint"),
    Index(None, "state"),
    Index(None, "begun_ns"),
)

SWEEPS = Table(
    "sweeps",
    METADATA,
    Column("id", String(32), primary_key=True),
    _hash("family"),
    Column("state", String(16), nullable=False),
    _text("strategy"),
    _text("method"),
    _text("space"),
    _time("planned"),
    _text("dataset"),
    _hash("data_id"),
    _hash("engine"),
    _text("command"),
    *_process(),
    _time("begun_ns"),
    _time("ended_ns", nullable=True),
    CheckConstraint(f"state IN ({STATES})", name="state"),
    Index(None, "state"),
)

TRIALS = Table(
    "trials",
    METADATA,
    Column("sweep_id", String(32), ForeignKey(SWEEPS.c.id), nullable=False),
    _hash("family"),
    _hash("fingerprint"),
    Column("state", String(16), nullable=False),
    _text("parameters"),
    _hash("data_id"),
    _time("start_ns"),
    _time("end_ns"),
    *_figures(),
    _text("error"),
    PrimaryKeyConstraint("sweep_id", "family", "fingerprint"),
    CheckConstraint(f"state IN ({STATES})", name="state"),
    Index(None, "family", "fingerprint"),
)
