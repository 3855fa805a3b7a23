"""A session that was asked to stop says what it waits for; asked again, its process leaves."""

from __future__ import annotations

from pathlib import Path
from queue import Queue

from runtime.journal.sessions import SessionStore
from runtime.session.host import Host, Seat
from runtime.session.leaving import INTERRUPTED, Leaving
from sims.virtual_time import run_virtual
from tests.unit.session.papers import Desk


def test_what_is_waited_for_is_said_and_a_second_wish_leaves(tmp_path: Path) -> None:
    desk = Desk.of_example("sma_cross.toml", tmp_path)
    told, left = Queue[str](), Queue[int]()

    async def story(store: SessionStore) -> None:
        session = desk.session(store)
        leaving = Leaving(
            Host([Seat(session)], store.clock), told.put, left.put, patience=0.0, grace=0.0
        )
        leaving.asked()
        text = told.get(timeout=10)
        assert session.parts.journal.session_id in text
        assert "waits for an input to end" in text and "SIGTERM once more leaves" in text
        await session.run()
        leaving.asked()
        assert "has ended, and the rest of the process waits" in told.get(timeout=10)
        assert left.empty()
        leaving.asked_again()
        assert left.get(timeout=10) == INTERRUPTED

    with desk.store() as store:
        run_virtual(story(store))
