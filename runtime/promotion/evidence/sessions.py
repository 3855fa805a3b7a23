"""Sessions as their journals open: what a row of the database says of one can be edited."""

from __future__ import annotations

from collections.abc import Iterator

from runtime.journal.records import Opened
from runtime.journal.sessions import SessionRecord, SessionStore

_SESSIONS = 100_000


def opened_sessions(store: SessionStore) -> Iterator[tuple[SessionRecord, Opened]]:
    """Yield every session that has a journal with its first record, the oldest first."""
    for record in reversed(store.list(limit=_SESSIONS)):
        first = next(iter(store.entries(record.id)), None)
        if first is not None and isinstance(first.record, Opened):
            yield record, first.record
