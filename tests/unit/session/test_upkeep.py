"""Upkeep of many sessions: one transaction and one look for all, and each is told its own."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from engine.errors import InputError
from runtime.journal.controls import Control
from runtime.journal.failures import LeaseLost
from runtime.journal.leases import Lease
from runtime.journal.sessions import NewSession, SessionStore
from runtime.session.kill_switch import Halt, KillSwitch
from sims.virtual_time import VirtualClock, run_virtual
from tests.unit.session.papers import Inline

MANY = 10


def counted(monkeypatch: pytest.MonkeyPatch, store: SessionStore, name: str) -> list[None]:
    """Count the transactions that a store's backend begins."""
    begun: list[None] = []
    backend = store.backend
    begin = getattr(backend, name)

    @contextmanager
    def counting() -> Any:
        begun.append(None)
        with begin() as transaction:
            yield transaction

    monkeypatch.setattr(backend, name, counting)
    return begun


def in_store(folder: Path, story: Callable[[SessionStore], Any]) -> Any:
    inline = Inline()
    url = f"sqlite:///{folder / 'trader.db'}"
    store = SessionStore.open(url, clock=VirtualClock(), executor=inline, files=inline)
    try:
        return run_virtual(story(store))
    finally:
        store.close()


def leases_of(store: SessionStore) -> list[Lease]:
    found = [store.leases.acquire(f"account {n}", f"session {n}") for n in range(MANY)]
    return [each for each in found if isinstance(each, Lease)]


def test_leases_of_one_moment_are_renewed_together(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def story(store: SessionStore) -> None:
        held = leases_of(store)
        begun = counted(monkeypatch, store, "writing")
        await asyncio.sleep(10)
        renewed = await asyncio.gather(*(store.upkeep.renew(each) for each in held))
        assert len(begun) == 1
        assert [each.account for each in renewed] == [each.account for each in held]
        assert {
            new.until_monotonic_ns - old.until_monotonic_ns for new, old in zip(renewed, held)
        } == {10 * 10**9}

    in_store(tmp_path, story)


def test_a_lease_that_is_lost_ends_its_own_session_alone(tmp_path: Path) -> None:
    async def story(store: SessionStore) -> None:
        held = leases_of(store)
        store.leases.acquire("account 3", "session 3")  # with a higher epoch
        outcomes = await asyncio.gather(
            *(store.upkeep.renew(each) for each in held), return_exceptions=True
        )
        lost = [n for n, each in enumerate(outcomes) if isinstance(each, LeaseLost)]
        assert lost == [3]
        assert sum(isinstance(each, Lease) for each in outcomes) == MANY - 1

    in_store(tmp_path, story)


class Sessions:
    """Sessions that wait for something to do."""

    def __init__(self, store: SessionStore) -> None:
        self.store = store
        self.ids = [store.begin_session(NewSession("s", f"account {n}")) for n in range(MANY)]
        self.switch = KillSwitch(store.folder / "HALT")
        self.waiting = [asyncio.ensure_future(self.wait(each)) for each in self.ids]

    async def wait(self, session: str, *, was_on: bool = False) -> list[Control]:
        return await self.store.upkeep.asked(session, self.switch, was_on=was_on, seconds=0.5)

    @property
    def told(self) -> list[int]:
        return [n for n, each in enumerate(self.waiting) if each.done()]


def test_a_wish_wakes_the_session_that_it_is_for_within_half_a_second(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def story(store: SessionStore) -> None:
        begun = counted(monkeypatch, store, "reading")
        sessions = Sessions(store)
        await asyncio.sleep(10.1)
        assert sessions.told == []
        assert len(begun) == 20, "one look in half a second for all of them"
        first = store.controls.ask(sessions.ids[4], "pause", who="me")
        second = store.controls.ask(sessions.ids[4], "resume", who="me")
        await asyncio.sleep(0.5)
        assert sessions.told == [4]
        assert sorted(each.id for each in sessions.waiting[4].result()) == sorted((first, second))

    in_store(tmp_path, story)


def test_the_kill_file_wakes_all_of_them_also_without_a_database(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def story(store: SessionStore) -> None:
        sessions = Sessions(store)
        monkeypatch.setattr(store.controls.__class__, "all_waiting", away)
        await asyncio.sleep(0.1)
        sessions.switch.set(Halt("me", "enough", 0))
        await asyncio.sleep(0.5)
        assert [each.result() for each in sessions.waiting] == [[]] * MANY
        again = asyncio.ensure_future(sessions.wait(sessions.ids[0], was_on=True))
        with pytest.raises(InputError, match="away"):  # nothing has changed, and nobody answers
            await again

    in_store(tmp_path, story)


def away(self: object) -> list[Control]:
    raise InputError("the database is away")


def test_who_stops_waiting_leaves_the_others_waiting(tmp_path: Path) -> None:
    async def story(store: SessionStore) -> None:
        sessions = Sessions(store)
        await asyncio.sleep(0.1)
        sessions.waiting[2].cancel()
        store.controls.ask(sessions.ids[7], "stop", who="me")
        await asyncio.sleep(0.6)
        assert sessions.told == [2, 7]

    in_store(tmp_path, story)
