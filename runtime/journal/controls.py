"""What people ask running sessions to do, through the database; the session answers there."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import msgspec

from engine.ports import Clock
from runtime.store.backend import Backend, Cell, Row
from runtime.store.ids import new_id
from runtime.store.rows import storable


class Control(msgspec.Struct, frozen=True):
    """One wish: ``pause``, ``resume``, ``stop``, ``flatten``, ``approve``...

    `done_ns` is None while nobody has answered it.
    """

    id: str
    session_id: str
    verb: str
    arguments: dict[str, str]
    who: str
    why: str
    asked_ns: int
    done_ns: int | None
    answer: str


@dataclass(frozen=True, slots=True)
class Controls:
    """The wishes to all sessions of a database."""

    backend: Backend
    clock: Clock

    def ask(
        self,
        session_id: str,
        verb: str,
        *,
        who: str,
        why: str = "",
        arguments: Mapping[str, str] | None = None,
    ) -> str:
        """Leave a wish and return its id."""
        now = self.clock.now_ns()
        control_id = new_id(now)
        with self.backend.writing() as transaction:
            transaction.write(
                "insert_control",
                {
                    "id": control_id,
                    "session_id": session_id,
                    "verb": verb,
                    "arguments": msgspec.json.encode(
                        dict(arguments or {}), order="sorted"
                    ).decode(),
                    "who": storable(who),
                    "why": storable(why),
                    "asked_ns": now,
                    "done_ns": None,
                    "answer": "",
                },
            )
        return control_id

    def waiting(self, session_id: str) -> list[Control]:
        """Return what has not been answered, oldest first."""
        with self.backend.reading() as transaction:
            rows = transaction.read("controls_waiting", {"session": session_id})
        return [_control(row) for row in rows]

    def all_waiting(self) -> list[Control]:
        """Return what no session has answered, of each the oldest first."""
        with self.backend.reading() as transaction:
            rows = transaction.read("all_controls_waiting")
        return [_control(row) for row in rows]

    def answer(self, control_id: str, answer: str) -> bool:
        """Answer a wish; False where it was answered before, and stays as it is."""
        values: dict[str, Cell] = {"done_ns": self.clock.now_ns(), "answer": storable(answer)}
        with self.backend.writing() as transaction:
            return transaction.write("answer_control", {**values, "row_id": control_id}) == 1

    def get(self, control_id: str) -> Control | None:
        """Return one wish."""
        with self.backend.reading() as transaction:
            rows = transaction.read("control", {"row_id": control_id})
        return _control(rows[0]) if rows else None

    def all(self, session_id: str) -> list[Control]:
        """Return everything that was asked of a session, oldest first."""
        with self.backend.reading() as transaction:
            rows = transaction.read("controls", {"session": session_id})
        return [_control(row) for row in rows]


def _control(row: Row) -> Control:
    arguments = msgspec.json.decode(str(row["arguments"]), type=dict[str, str])
    return msgspec.convert({**row, "arguments": arguments}, Control)
