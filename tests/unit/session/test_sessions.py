"""A paper session: it decides what its backtest decides, goes on where it was, and its journal proves it."""

from __future__ import annotations

import asyncio
from functools import partial
from pathlib import Path

import pytest
from msgspec import structs

from engine.model import layout as at
from runtime.journal.records import StartInput, StateChanged, Taken
from runtime.session.parts import Asked
from runtime.session.replaying import replay
from runtime.session.session import Session
from runtime.session.states import SessionState
from sims.virtual_time import run_virtual
from tests.unit.session.papers import Desk

DAY = 86_400.0


@pytest.mark.parametrize("example", ["sma_cross.toml", "full_loop.toml", "momentum.toml"])
def test_a_session_ends_where_its_backtest_ends_and_its_journal_plays_again(
    example: str, tmp_path: Path
) -> None:
    desk = Desk.of_example(example, tmp_path)
    session = desk.run()
    assert session.state is SessionState.STOPPED
    expected = desk.backtest()
    with desk.store() as store:
        found = replay(store.entries(store.get("last").id))
        verdict = store.verify(store.get("last").id)
    assert found.output.state_hash == expected.state_hash
    assert found.output.final_equity_minor == session.parts.core.equity_minor
    assert found.state == session.parts.core.state_hash
    assert found.states > 0
    assert verdict.is_sound


def test_a_session_that_is_stopped_goes_on_where_it_was(tmp_path: Path) -> None:
    desk = Desk.of_example("full_loop.toml", tmp_path, speed=DAY)  # a day of data in a second
    ids, cursors = [], []
    for _ in range(3):  # in a fourth part the data would end, and so the session
        with desk.store() as store:

            async def part() -> Session:
                session = desk.session(store)
                asyncio.get_running_loop().call_later(200.0, session.stop, "the evening")
                await session.run()
                return session

            session = run_virtual(part())
            ids.append(session.parts.journal.session_id)
            cursors.append(session.cursor)
    assert len(set(ids)) == 1
    assert cursors == sorted(set(cursors)), "each part goes further"
    desk.speed = None
    session = desk.run()
    assert session.parts.journal.session_id == ids[0]
    with desk.store() as store:
        found = replay(store.entries(ids[0]))
        starts = [
            each
            for each in store.entries(ids[0])
            if isinstance(each.record, Taken) and isinstance(each.record.input, StartInput)
        ]
    assert len(starts) == 1, "a strategy begins once"
    assert found.output.state_hash == desk.backtest().state_hash


def test_a_pause_holds_over_a_restart_until_a_person_resumes(tmp_path: Path) -> None:
    desk = Desk.of_example("sma_cross.toml", tmp_path, speed=DAY)
    first = paused_after(desk, seconds=100.0, until=200.0)
    submitted = first.parts.core.plain.account[at.ACCOUNT_SUBMITTED]
    desk.speed = None
    second = desk.run()
    account = second.parts.core.plain.account
    assert account[at.ACCOUNT_SUBMITTED] > submitted, "the strategy asked"
    assert second.gateway.books.live() == ()
    assert account[at.ACCOUNT_FILLS] == first.parts.core.plain.account[at.ACCOUNT_FILLS]
    states = states_of(desk)
    assert states.count("paused") == 2, "paused by a person, and again after the restart"


def paused_after(desk: Desk, *, seconds: float, until: float) -> Session:
    """Run a session, pause it after some seconds, and stop it after some more."""
    with desk.store() as store:

        async def story() -> Session:
            session = desk.session(store)
            session_id, loop = session.parts.journal.session_id, asyncio.get_running_loop()
            ask = partial(store.controls.ask, session_id, "pause", who="ann", why="lunch")
            loop.call_later(seconds, ask)
            loop.call_later(until, session.stop, "the evening")
            await session.run()
            (asked,) = store.controls.all(session_id)
            assert asked.done_ns is not None and "paused" in asked.answer
            return session

        return run_virtual(story())


def test_who_stops_a_session_is_answered_and_not_asked_again_by_its_next_life(
    tmp_path: Path,
) -> None:
    """A stop ends the task that has taken it, so its answer was lost and it stopped every life to come."""
    desk = Desk.of_example("sma_cross.toml", tmp_path, speed=DAY)
    with desk.store() as store:

        async def story() -> None:
            session = desk.session(store)
            session_id, write = session.parts.journal.session_id, session.parts.keeper.answer

            async def answer(asked: Asked, text: str) -> None:
                await asyncio.sleep(0.001)  # a database takes its time
                await write(asked, text)

            session.parts.keeper = structs.replace(session.parts.keeper, answer=answer)
            ask = partial(store.controls.ask, session_id, "stop", who="ann", why="the evening")
            asyncio.get_running_loop().call_later(200.0, ask)
            assert await session.run() is SessionState.STOPPED
            (asked,) = store.controls.all(session_id)
            assert asked.done_ns is not None and asked.answer == "stopping"

        run_virtual(story())
    desk.speed = None
    assert desk.run().parts.core.equity_minor == desk.backtest().final_equity_minor, "it goes on"


def states_of(desk: Desk) -> list[str]:
    """Return the states that the last session went through."""
    with desk.store() as store:
        records = [each.record for each in store.entries(store.get("last").id)]
    return [each.after for each in records if isinstance(each, StateChanged)]


def test_a_checkpoint_of_another_engine_is_passed_over(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    desk = Desk.of_example("sma_cross.toml", tmp_path, speed=DAY)
    with desk.store() as store:

        async def part() -> None:
            session = desk.session(store)
            asyncio.get_running_loop().call_later(200.0, session.stop, "the evening")
            await session.run()

        run_virtual(part())
    monkeypatch.setattr("runtime.session.recovery.sources_digest", lambda: "0" * 32)
    desk.speed = None
    session = desk.run()
    assert session.parts.core.equity_minor == desk.backtest().final_equity_minor
