"""What a start goes on with, what it refuses, and that a refused one leaves nothing behind."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Callable
from dataclasses import replace
from decimal import Decimal
from pathlib import Path
from typing import Any

import msgspec
import pytest

from data.history import History
from engine.errors import InputError
from engine.model import layout as at
from runtime.backtest.histories import load_history
from runtime.config import load_strategy
from runtime.gateway.refusals import Refusal
from runtime.journal.failures import JournalDamaged, Trouble, TroubleKind
from runtime.journal.frames import JournalFile
from runtime.journal.journal import SessionJournal
from runtime.journal.records import Closed, Noted, Record, StopInput, Taken
from runtime.journal.sessions import SessionStore
from runtime.session.bookkeeping import cannot_go_on
from runtime.session.kill_switch import Halt, KillSwitch, Release
from runtime.session.operators import REFUSED
from runtime.session.parts import Asked, Observers, Options
from runtime.session.replaying import replay
from runtime.session.session import Session
from runtime.session.starting import left_behind, start_paper
from runtime.session.states import SessionState
from sims.virtual_time import run_virtual
from tests.architecture.source import ROOT
from tests.unit.session.papers import Desk

DAY = 86_400.0
OFTEN = Options(lease_seconds=5.0)


def stopped(desk: Desk, seconds: float = 100.0, **keys: Any) -> str:
    """Run a session for some time, stop it, and return its id."""
    with desk.store() as store:

        async def part() -> str:
            session = desk.session(store, **keys)
            asyncio.get_running_loop().call_later(seconds, session.stop, "the evening")
            await session.run()
            return session.parts.journal.session_id

        return run_virtual(part())


def started(store: SessionStore, desk: Desk, **keys: Any) -> Session:
    """Start a session inside a loop."""

    async def story() -> Session:
        session = desk.session(store, **keys)
        await session.parts.journal.close()
        return session

    return run_virtual(story())


def test_a_start_that_is_refused_leaves_no_session_to_go_on_with(tmp_path: Path) -> None:
    desk = Desk.of_example("full_loop.toml", tmp_path, speed=DAY)
    with desk.store() as store:

        async def story() -> None:
            session = desk.session(store)
            with pytest.raises(InputError, match="is in use"):
                start_paper(store, desk.plan(store))
            assert [each.id for each in store.list()] == [session.parts.journal.session_id]
            await session.parts.journal.close()

        run_virtual(story())


def test_a_mode_that_a_strategy_cannot_have_leaves_no_session(tmp_path: Path) -> None:
    desk = Desk.of_example("sma_cross.toml", tmp_path)
    with desk.store() as store:
        with pytest.raises(InputError, match="mode approve"):
            started(store, desk, mode="approve")
        assert store.list() == []
        assert store.leases.holder("paper") is None


def test_target_weights_are_asked_about_too(tmp_path: Path) -> None:
    text = (ROOT / "examples" / "momentum.toml").read_text() + "\n[risk]\nmax_positions = 5\n"
    (tmp_path / "momentum.toml").write_text(text)
    config = load_strategy(tmp_path / "momentum.toml")
    desk = Desk(config, load_history(config.data, Path()), tmp_path)
    with desk.store() as store:
        session = started(store, desk, mode="approve")
        assert session.parts.rules[1].startswith("weight = ")


def test_a_session_is_not_gone_on_with_in_another_mode(tmp_path: Path) -> None:
    desk = Desk.of_example("full_loop.toml", tmp_path, speed=DAY)
    first = stopped(desk, mode="approve")
    with desk.store() as store:
        with pytest.raises(InputError, match="mode approve") as refused:
            started(store, desk, mode="auto")
        assert "--mode approve" in refused.value.remedy
        assert started(store, desk, mode="approve").parts.journal.session_id == first


def part_of(desk: Desk, **keys: Any) -> History:
    return load_history(replace(desk.config.data, **keys), Path())


def test_data_that_have_grown_are_gone_on_with(tmp_path: Path) -> None:
    desk = Desk.of_example("full_loop.toml", tmp_path, speed=DAY)
    whole = desk.history
    _, end = span(whole)
    desk.history = part_of(desk, end_ns=end - 200 * 86_400 * 10**9)
    first = stopped(desk)
    desk.history, desk.speed = whole, None
    session = desk.run()
    assert session.parts.journal.session_id == first
    assert session.parts.core.equity_minor == desk.backtest().final_equity_minor


def test_other_data_are_refused_and_named(tmp_path: Path) -> None:
    desk = Desk.of_example("full_loop.toml", tmp_path, speed=DAY)
    begin, _ = span(desk.history)
    first = stopped(desk)
    desk.history = part_of(desk, start_ns=begin + 20 * 86_400 * 10**9)
    problem = rf"session {first} has seen: slice \d+ is another"
    with desk.store() as store, pytest.raises(InputError, match=problem):
        started(store, desk)


def span(history: History) -> tuple[int, int]:
    bars = history.parts[0].bars
    assert bars is not None
    return int(bars.ts_close_ns[0]), int(bars.ts_close_ns[-1])


def test_whoever_begins_anew_is_told_what_is_left_behind(tmp_path: Path) -> None:
    desk = Desk.of_example("full_loop.toml", tmp_path, speed=DAY)
    first = stopped(desk)
    desk.config = desk.config.with_parameters({"trend": Decimal(30)})
    with desk.store() as store:
        assert f"session {first} of this account" in left_behind(store, desk.plan(store))


def test_whose_session_has_ended_leaves_nothing_behind(tmp_path: Path) -> None:
    desk = Desk.of_example("full_loop.toml", tmp_path)
    desk.run()
    with desk.store() as store:
        assert left_behind(store, desk.plan(store)) == ""


def test_a_database_that_was_emptied_is_told_of_where_its_anchors_are(tmp_path: Path) -> None:
    desk = Desk.of_example("full_loop.toml", tmp_path, speed=DAY)
    first = stopped(desk)
    for path in tmp_path.glob("trader.db*"):
        path.unlink()
    with desk.store() as store:
        assert first in left_behind(store, desk.plan(store))


ALTERED: dict[str, Callable[[bytes], bytes]] = {
    "a bit": lambda payload: payload[:-1] + bytes([payload[-1] ^ 1]),
    "the end": lambda payload: payload[:-2],
}


@pytest.mark.parametrize("what", ALTERED)
def test_a_journal_that_was_altered_is_not_gone_on_with(what: str, tmp_path: Path) -> None:
    desk = Desk.of_example("full_loop.toml", tmp_path, speed=DAY)
    first = stopped(desk)
    with desk.store() as store, store.backend.writing() as transaction:
        raw = transaction.connection  # type: ignore[attr-defined]
        raw.execute("DELETE FROM checkpoints")
        (payload,) = raw.execute("SELECT payload FROM journal WHERE sequence = 60").fetchone()
        raw.execute("UPDATE journal SET payload = ? WHERE sequence = 60", (ALTERED[what](payload),))
    problem = "record 60 is not what was written"
    with desk.store() as store, pytest.raises(JournalDamaged, match=problem) as damaged:
        started(store, desk)
    assert first in damaged.value.where


@pytest.mark.parametrize("is_replaced", [False, True])
def test_a_database_that_is_deleted_under_a_session_is_noticed(
    tmp_path: Path, is_replaced: bool
) -> None:
    """What is written into a deleted file nobody ever finds: the emergency file takes over."""
    desk = Desk.of_example("full_loop.toml", tmp_path, speed=DAY)
    file = tmp_path / "trader.db"
    with desk.store() as store:

        async def story() -> Session:
            session = desk.session(store, options=OFTEN)

            def delete() -> None:
                os.unlink(file)
                if is_replaced:
                    file.write_bytes(b"")

            asyncio.get_running_loop().call_later(100.0, delete)
            asyncio.get_running_loop().call_later(120.0, session.stop, "the evening")
            await session.run()
            return session

        session = run_virtual(story())
        files = store.files(session.parts.journal.session_id)
    assert session.state is SessionState.STOPPED
    assert JournalFile(files.emergency).head.first > 1, "it has what was said since"
    assert [each.kind for each in JournalFile(files.emergency).entries()][-2:] == [
        "closed",
        "state",
    ]


def test_what_a_person_approves_between_two_bars_is_decided_then(tmp_path: Path) -> None:
    """What the market said last is hours old, the decision is not."""
    desk = Desk.of_example("full_loop.toml", tmp_path, speed=DAY / 100)
    refused, sent = list[Refusal](), list[bool]()
    observers = Observers(
        refused=lambda command, why: refused.append(why.code), sending=sent.append
    )

    async def story() -> str:
        async with desk.running(mode="approve", observers=observers) as session:
            found: list[dict[str, int]] = []
            while not found:
                await asyncio.sleep(1)
                found = msgspec.json.decode(await session.ask(Asked("signals", "ann")))
            await asyncio.sleep(85)  # the next day is open for some seconds
            number = str(found[0]["number"])
            return await session.ask(Asked("approve", "ann", argument=number))

    answer = run_virtual(story())
    assert answer.startswith("approve: done")
    assert sent and not refused


def test_what_does_not_wait_cannot_be_approved(tmp_path: Path) -> None:
    desk = Desk.of_example("full_loop.toml", tmp_path, speed=DAY)
    with desk.store() as store:

        async def story() -> list[str]:
            session = desk.session(store, mode="approve")
            answers: list[str] = []

            async def decide(number: int) -> None:
                for verb in ("approve", "reject"):
                    answers.append(await session.ask(Asked(verb, "ann", argument=str(number))))

            async def person() -> None:
                await decide(99)
                await decide(-5)
                while not (
                    found := msgspec.json.decode(await session.ask(Asked("signals", "ann")))
                ):
                    await asyncio.sleep(1)
                await decide(found[0]["number"])
                session.stop("enough")

            asking = asyncio.ensure_future(person())
            await session.run()
            await asking
            return answers

        answers = run_virtual(story())
    assert all(each.startswith(REFUSED) for each in answers[:4])
    assert "there is no signal 99" in answers[0] and "no signal's number" in answers[2]
    assert answers[4].startswith("approve: done"), "a day's signal is for the next open"
    assert answers[5].startswith(REFUSED) and "approved before" in answers[5]


def test_a_full_disk_is_no_mistake_of_ours() -> None:
    for kind in (TroubleKind.DISK_FULL, TroubleKind.LOST, TroubleKind.LEASE):
        told = cannot_go_on(Trouble(kind, "the disk is full", 7))
        assert (told.exit_code, bool(told.remedy)) == (2, True)
    assert cannot_go_on(Trouble(TroubleKind.SEQUENCE, "7 is missing", 7)).exit_code == 3


def test_a_kill_file_that_is_a_folder_halts_and_is_left_to_a_person(tmp_path: Path) -> None:
    switch = KillSwitch(tmp_path / "HALT")
    switch.path.mkdir()
    with pytest.raises(InputError, match="everything is halted"):
        switch.require_off()
    switch.set(Halt("ann", "it is on already", 1))
    with pytest.raises(InputError, match="is a folder"):
        switch.release(Release("ann", "it was looked at", 1))
    assert switch.state() is not None


@pytest.mark.parametrize(
    "raised", ["KeyboardInterrupt()", "SystemExit(7)", "ValueError('ä\\x1b[31m')"]
)
def test_whatever_a_strategy_raises_the_session_goes_on_without_it(
    raised: str, tmp_path: Path
) -> None:
    code = f"from trader import Strategy\n\nclass S(Strategy):\n    def on_bar(self, bar):\n        raise {raised}\n"
    (tmp_path / "s.py").write_text(code, encoding="utf-8")
    file = tmp_path / "s.toml"
    data = '[data]\ndataset = "sample:goog"\n[account]\ncash = 100_000\n'
    file.write_text(f'[strategy]\nname = "s"\nclass = "s.py:S"\n{data}', encoding="utf-8")
    config = load_strategy(file)
    desk = Desk(config, load_history(config.data, Path()), tmp_path)
    assert desk.run().state is SessionState.STOPPED
    with desk.store() as store:
        entries = [each.record for each in store.entries(store.get("last").id)]
    assert [each.subject for each in entries if isinstance(each, Noted)].count("strategy") == 1


@pytest.mark.parametrize("last", [Taken, Closed])
def test_a_session_that_is_killed_while_it_stops_is_gone_on_with(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, last: type[Record]
) -> None:
    """It is not left for a new one that begins with nothing; and its strategy is stopped once."""
    desk = Desk.of_example("sma_cross.toml", tmp_path)
    desk.history = part_of(desk, end_ns=span(desk.history)[0] + 60 * 86_400 * 10**9)
    append = SessionJournal.append

    def appended(self: SessionJournal, record: Record) -> int:
        is_stopping = isinstance(getattr(record, "input", None), StopInput)
        if isinstance(record, last) and (is_stopping or last is Closed):
            raise KeyboardInterrupt
        return append(self, record)

    with monkeypatch.context() as patch:
        patch.setattr(SessionJournal, "append", appended)
        with pytest.raises(KeyboardInterrupt):
            desk.run()
    desk.run()
    with desk.store() as store:
        (only,) = store.list()
        records = [each.record for each in store.entries(only.id)]
    stops = [each for each in records if isinstance(getattr(each, "input", None), StopInput)]
    assert len(stops) == 1


COUNTING = """
from trader import Strategy


class Counting(Strategy):
    def on_start(self):
        self.bars = 0

    def on_bar(self, bar):
        self.bars += 1
        if self.bars % 7 == 0:
            self.close() if self.position() else self.buy(10)

    def save_state(self):
        return {saved}

    def restore_state(self, state):
        self.bars = state["bars"]
"""


@pytest.mark.parametrize("is_good", [True, False])
def test_a_class_that_saves_its_state_goes_on_from_its_checkpoint(
    is_good: bool, tmp_path: Path
) -> None:
    """One whose state does not come back goes on, too, by the whole journal; that is told once."""
    saved = '{"bars": self.bars}' if is_good else '{"bars": self.bars, "at": id(self)}'
    (tmp_path / "counting.py").write_text(COUNTING.replace("{saved}", saved))
    data = '[data]\ndataset = "sample:goog"\nend = "2005-06-01"\n[account]\ncash = 100_000\n'
    file = tmp_path / "counting.toml"
    file.write_text(f'[strategy]\nname = "counting"\nclass = "counting.py:Counting"\n{data}')
    config = load_strategy(file)
    desk = Desk(config, load_history(config.data, Path()), tmp_path, DAY)
    first = stopped(desk, options=Options(checkpoint_seconds=30.0))
    with desk.store() as store:
        again = started(store, desk)
        assert again.parts.journal.session_id == first
        assert (again._recovered.played == 0) == is_good
    desk.speed = None
    desk.run()
    with desk.store() as store:
        (only,) = store.list()
        entries = list(store.entries(only.id))
    expected = desk.backtest()
    assert replay(entries).output.state_hash == expected.state_hash
    assert len(expected.journal[expected.journal[:, at.EVENT_KIND] == at.KIND_FILL]) > 10
    told = [each.record for each in entries if isinstance(each.record, Noted)]
    assert [each.subject for each in told].count("checkpoint") == (0 if is_good else 1)
