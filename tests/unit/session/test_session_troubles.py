"""A session whose database fails, whose account is taken, whose disk is full."""

from __future__ import annotations

import asyncio
import sqlite3
from pathlib import Path
from typing import Any

import pytest

from engine.errors import InputError, TraderError
from runtime.journal.leases import LeaseHeld, Leases
from runtime.journal.records import Noted
from runtime.journal.writer import GroupWriter
from runtime.session.parts import Options
from runtime.session.replaying import replay
from runtime.session.session import Session
from runtime.session.starting import start_paper
from runtime.session.states import SessionState
from runtime.store.processes import Process
from sims.virtual_time import run_virtual
from tests.unit.session.papers import Desk

OFTEN = Options(lease_seconds=5.0)


def test_a_database_that_is_away_for_a_while_loses_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    desk = Desk.of_example("sma_cross.toml", tmp_path, speed=86_400.0)
    times: list[float] = []
    commit = GroupWriter._commit

    def failing(self: GroupWriter, groups: Any) -> Any:
        now = asyncio.get_running_loop().time()
        if 300 < now < 320:
            times.append(now)
            return [(group, sqlite3.OperationalError("database is locked")) for group in groups]
        return commit(self, groups)

    monkeypatch.setattr(GroupWriter, "_commit", failing)
    session = desk.run(options=OFTEN)
    assert times, "the database was away"
    assert session.state is SessionState.STOPPED
    with desk.store() as store:
        session_id = store.get("last").id
        assert store.verify(session_id).is_sound
        told = [e.record.text for e in store.entries(session_id) if isinstance(e.record, Noted)]
        found = replay(store.entries(session_id))
    assert any("locked" in text for text in told)
    assert any("has everything again" in text for text in told)
    assert found.output.final_equity_minor == desk.backtest().final_equity_minor


def test_who_loses_the_account_sends_nothing_and_ends(tmp_path: Path) -> None:
    desk = Desk.of_example("sma_cross.toml", tmp_path, speed=86_400.0)
    with desk.store() as store:

        async def story() -> Session:
            session = desk.session(store, options=OFTEN)

            def taken() -> None:
                other = Process("elsewhere", 1, "other")
                leases = Leases(store.backend, store.clock, other, ended=lambda process: True)
                assert not isinstance(leases.acquire("paper", "somebody else"), LeaseHeld)

            asyncio.get_running_loop().call_later(100.0, taken)
            with pytest.raises(TraderError, match=r"account|lease"):
                await session.run()
            return session

        session = run_virtual(story())
    assert session.state is SessionState.FAILED


def test_a_second_session_on_the_account_is_refused_and_told_who_has_it(tmp_path: Path) -> None:
    desk = Desk.of_example("sma_cross.toml", tmp_path, speed=86_400.0)
    with desk.store() as store:

        async def story() -> None:
            session = desk.session(store)
            with pytest.raises(InputError, match=session.parts.journal.session_id):
                start_paper(store, desk.plan(store))
            await session.parts.journal.close()

        run_virtual(story())
