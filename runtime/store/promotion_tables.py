"""The table of promotions: what became of certificates, as a chain in which nothing can be changed unseen."""

from __future__ import annotations

from sqlalchemy import BigInteger, Column, LargeBinary, String, Table

from runtime.store.tables import METADATA

PROMOTION_EVENTS = Table(
    "promotion_events",
    METADATA,
    Column("sequence", BigInteger, primary_key=True, autoincrement=False),
    Column("ts_ns", BigInteger, nullable=False),
    Column("kind", String(32), nullable=False),
    Column("version", BigInteger, nullable=False),
    Column("payload", LargeBinary, nullable=False),
    Column("hash", LargeBinary, nullable=False),
)
