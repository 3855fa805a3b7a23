"""Alerts as they are kept: one row for each episode, however often it is told."""

from __future__ import annotations

from dataclasses import dataclass

import msgspec

from engine.ports import Clock
from runtime.store.backend import Backend, Cell, Row
from runtime.store.ids import new_id
from runtime.store.rows import storable


class StoredAlert(msgspec.Struct, frozen=True):
    """One episode.

    Parameters
    ----------
    session_id
        Empty where it is about no session.
    episode
        What makes it the same alert: e.g. ``stale:AAPL``.
    count
        How often it was told.
    delivered
        Which channels took it, separated by blanks.
    """

    id: str
    session_id: str
    episode: str
    severity: str
    subject: str
    text: str
    raised_ns: int
    repeated_ns: int
    count: int
    cleared_ns: int | None
    delivered: str


@dataclass(frozen=True, slots=True)
class Alerts:
    """The alerts of a database."""

    backend: Backend
    clock: Clock

    def tell(
        self, episode: str, severity: str, subject: str, text: str, *, session_id: str = ""
    ) -> StoredAlert:
        """Begin an episode, or count the one that is open once more."""
        now = self.clock.now_ns()
        told: dict[str, Cell] = {"severity": severity, "text": storable(text), "repeated_ns": now}
        with self.backend.writing() as transaction:
            rows = transaction.read(
                "open_alert", {"session": session_id, "of_episode": storable(episode)}
            )
            if rows:
                changed = {**told, "count": int(str(rows[0]["count"])) + 1}
                transaction.write("repeat_alert", {**changed, "row_id": rows[0]["id"]})
                return _alert({**rows[0], **changed})
            row: dict[str, Cell] = {
                **told,
                "id": new_id(now),
                "session_id": session_id,
                "episode": storable(episode),
                "subject": storable(subject),
                "raised_ns": now,
                "count": 1,
                "cleared_ns": None,
                "delivered": "",
            }
            transaction.write("insert_alert", row)
        return _alert(row)

    def clear(self, episode: str, *, session_id: str = "") -> bool:
        """End an episode; False where none is open."""
        with self.backend.writing() as transaction:
            rows = transaction.read("open_alert", {"session": session_id, "of_episode": episode})
            for row in rows:
                cleared = {"cleared_ns": self.clock.now_ns(), "row_id": row["id"]}
                transaction.write("clear_alert", cleared)
        return bool(rows)

    def delivered(self, alert_id: str, channels: str) -> None:
        """Record which channels took an alert."""
        with self.backend.writing() as transaction:
            transaction.write("deliver_alert", {"delivered": channels, "row_id": alert_id})

    def newest(self, *, session_id: str | None = None, limit: int = 50) -> list[StoredAlert]:
        """Return the newest first; of one session, or of all."""
        values: dict[str, Cell] = {"row_limit": limit}
        name = "alerts"
        if session_id is not None:
            name, values["session"] = "alerts_of_session", session_id
        with self.backend.reading() as transaction:
            return [_alert(row) for row in transaction.read(name, values)]


def _alert(row: Row) -> StoredAlert:
    return msgspec.convert(dict(row), StoredAlert)
