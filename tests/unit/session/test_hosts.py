"""Sessions that break by a mistake of ours go on from their journals, in their process, beside the others."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from cli.main import app
from engine.errors import InputError
from runtime.journal.records import Noted
from runtime.journal.sessions import SessionStore
from runtime.session.host import Ended, Host, Seat
from runtime.session.intake import Intake
from runtime.session.parts import Again, Asked, Options
from runtime.session.replaying import replay
from runtime.session.session import Session
from runtime.session.starting import start_paper
from runtime.session.states import SessionState
from sims.virtual_time import run_virtual
from tests.unit.session.papers import Desk, example

DAY = 86_400.0


@pytest.fixture
def breaking(monkeypatch: pytest.MonkeyPatch) -> Iterator[dict[int, Exception]]:
    """Errors by the cursors of the slices at which they are raised, once; -1: at each."""
    errors: dict[int, Exception] = {}
    take = Intake.slice

    async def slice_(self: Intake, one: Any) -> None:
        error = errors.get(-1) or errors.pop(one.cursor, None)
        if error is not None:
            raise error
        await take(self, one)

    monkeypatch.setattr(Intake, "slice", slice_)
    yield errors


def hosted(desk: Desk, store: SessionStore, **keys: Any) -> Host:
    """Return a host of one session. Inside a loop only."""

    def again(why: Again) -> Session:
        plan = desk.plan(store, options=Options(again=why))
        return start_paper(store, plan, store.get("last"))

    session = desk.session(store)
    return Host([Seat(session, again)], store.clock, draw=lambda: 1.0, **keys)


def run(desk: Desk, seconds: float | None = None, **keys: Any) -> tuple[Ended, float, list[Noted]]:
    """Run a session; return how it has ended, when, and what its journal says of the supervisor."""
    with desk.store() as store:

        async def story() -> tuple[Ended, float]:
            host = hosted(desk, store, **keys)
            if seconds is not None:
                asyncio.get_running_loop().call_later(seconds, host.stop, "the evening")
            (ended,) = await host.run()
            return ended, asyncio.get_running_loop().time()

        ended, when = run_virtual(story())
        records = [each.record for each in store.entries(ended.session)]
    notes = [each for each in records if isinstance(each, Noted) and each.kind == "supervisor"]
    return ended, when, notes


def test_what_breaks_by_a_mistake_of_ours_goes_on_and_ends_as_its_backtest(
    tmp_path: Path, breaking: dict[int, Exception]
) -> None:
    breaking |= {300: ZeroDivisionError("once"), 700: AssertionError("and again")}
    desk = Desk.of_example("full_loop.toml", tmp_path)
    ended, _, notes = run(desk)
    assert (ended.state, ended.error) == (SessionState.STOPPED, None)
    assert [(each.severity, each.text) for each in notes] == [
        ("warning", "ZeroDivisionError: once"),
        ("warning", "AssertionError: and again"),
    ]
    with desk.store() as store:
        assert len(store.list()) == 1
        found = replay(store.entries(ended.session))
    assert found.output.state_hash == desk.backtest().state_hash


def test_what_a_person_has_to_put_right_ends_it(
    tmp_path: Path, breaking: dict[int, Exception]
) -> None:
    breaking[20] = InputError("the disk is full")
    ended, _, notes = run(Desk.of_example("full_loop.toml", tmp_path))
    assert (ended.state, ended.problem, notes) == (SessionState.FAILED, "the disk is full", [])


def test_more_than_five_times_in_a_minute_it_enters_nothing_more(
    tmp_path: Path, breaking: dict[int, Exception]
) -> None:
    """Waits of 0.1, 0.2 ... 3.2 s: the sixth restart is 6.3 s after the first error."""
    breaking[-1] = ZeroDivisionError("always")
    desk = Desk.of_example("full_loop.toml", tmp_path, speed=DAY)
    _, _, notes = run(desk, seconds=40.0)
    assert [each.severity for each in notes[:7]] == ["warning"] * 5 + ["critical"] * 2
    assert "nothing is entered" in notes[5].text
    with desk.store() as store:
        assert store.get("last").state is SessionState.FAILED

        async def whether_it_enters() -> list[str]:
            breaking.clear()
            session = desk.session(store)
            said = []
            later = asyncio.get_running_loop().call_later
            later(5.0, lambda: said.append(session.state.value))
            asked = Asked("resume", "ann", "it was mended")
            later(6.0, lambda: tasks.append(asyncio.ensure_future(session.ask(asked))))
            later(7.0, lambda: said.append(session.state.value))
            later(8.0, session.stop, "enough")
            tasks: list[Any] = []
            await session.run()
            return said

        assert run_virtual(whether_it_enters()) == ["paused", "running"], "a person resumes it"


def test_where_nobody_would_resume_it_it_ends(
    tmp_path: Path, breaking: dict[int, Exception]
) -> None:
    breaking[-1] = ZeroDivisionError("always")
    desk = Desk.of_example("full_loop.toml", tmp_path, speed=DAY)
    ended, when, notes = run(desk, gives_up=True)
    assert (ended.state, ended.problem) == (SessionState.FAILED, "always")
    assert len(notes) == 5
    assert when < 20.0


def test_one_that_waits_to_be_begun_again_is_not_when_everything_stops(
    tmp_path: Path, breaking: dict[int, Exception]
) -> None:
    """It breaks at once; of the waits 0.1, 0.2, 0.4 ... the fifth lasts from 1.5 to 3.1 s."""
    breaking[-1] = ZeroDivisionError("always")
    ended, when, notes = run(Desk.of_example("full_loop.toml", tmp_path), seconds=2.0)
    assert (ended.state, ended.problem) == (SessionState.FAILED, "always")
    assert len(notes) == 4
    assert 2.0 <= when < 2.2


# --- the command -------------------------------------------------------------------------------------


@pytest.fixture
def database(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    url = f"sqlite:///{tmp_path / 'trader.db'}"
    monkeypatch.setenv("TRADER_DATABASE_URL", url)
    monkeypatch.chdir(tmp_path)
    return url


def paper(*args: str) -> Any:
    return CliRunner().invoke(app, ["paper", *args])


BOTH = tuple(str(example(name)) for name in ("sma_cross.toml", "full_loop.toml"))


def test_several_strategies_run_side_by_side_each_on_its_account(database: str) -> None:
    done = paper(*BOTH, "--json")
    assert done.exit_code == 0
    answers = json.loads(done.stdout)["sessions"]
    assert [each["strategy"] for each in answers] == ["sma_cross", "full_loop"]
    lines = [json.loads(line) for line in done.stderr.splitlines()]
    assert {(line["strategy"], line["session"]) for line in lines} == {
        (each["strategy"], each["session"]) for each in answers
    }
    store = SessionStore.open(database)
    try:
        found = {each.id: each.account for each in store.list()}
        hashes = [replay(store.entries(each["session"])).output.state_hash for each in answers]
    finally:
        store.close()
    assert [found[each["session"]] for each in answers] == ["paper:sma_cross", "paper:full_loop"]
    for name, state_hash in zip(("sma_cross.toml", "full_loop.toml"), hashes, strict=True):
        assert state_hash == Desk.of_example(name, Path()).backtest().state_hash


def test_one_that_cannot_begin_leaves_the_others_alone_and_gives_the_exit_code(
    database: str, tmp_path: Path
) -> None:
    store = SessionStore.open(database)
    try:
        store.leases.acquire("paper:sma_cross", "somebody")
        done = paper(*BOTH)
    finally:
        store.close()
    assert done.exit_code == 2
    assert "sma_cross:\nerror: account 'paper:sma_cross' is in use by somebody" in done.stderr
    assert "Results" in done.stdout and "full_loop" in done.stdout


@pytest.mark.parametrize(
    ("args", "told"),
    [
        ((BOTH[0], BOTH[0]), "two strategies are called 'sma_cross'"),
        ((*BOTH, "--account", "mine"), "cannot trade one account"),
        ((*BOTH, "--heartbeat", "0"), "0 is no time"),
    ],
)
def test_what_cannot_be_meant_begins_nothing(
    args: tuple[str, ...], told: str, database: str, tmp_path: Path
) -> None:
    done = paper(*args)
    assert done.exit_code == 2
    assert told in done.stderr
    assert not (tmp_path / "trader.db").exists()
