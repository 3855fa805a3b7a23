"""A session that has run for a while goes on compiled: the same decisions, the same state."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from runtime import compile_cache
from runtime.journal.records import Noted, Taken
from runtime.session import compiling
from runtime.session.parts import Options
from runtime.session.replaying import replay
from runtime.session.session import Session
from sims.stepping import entry
from sims.virtual_time import run_virtual
from tests.unit.session.papers import Desk

DAY = 86_400.0
step_doors = entry.step_doors


@pytest.fixture
def warm(monkeypatch: pytest.MonkeyPatch) -> None:
    """The kernels were made before; those with the loop do for every strategy, and are made once."""
    step_doors(with_loop=True)
    monkeypatch.setattr(entry, "step_doors", lambda *, with_loop: step_doors(with_loop=True))
    monkeypatch.setattr(compile_cache, "is_warm", lambda **which: True)


def told(desk: Desk) -> list[str]:
    """Return what a desk's last session has noted of its kernels, each with how many inputs followed."""
    with desk.store() as store:
        records = [entry.record for entry in store.entries(store.get("last").id)]
    noted = [
        (n, each.text)
        for n, each in enumerate(records)
        if isinstance(each, Noted) and each.subject == "kernels"
    ]
    for n, _ in noted:
        assert sum(isinstance(each, Taken) for each in records[:n]) > 100, "it began interpreted"
        assert sum(isinstance(each, Taken) for each in records[n:]) > 300, "and went on"
    return [text for _, text in noted]


@pytest.mark.usefixtures("warm")
@pytest.mark.parametrize(
    "example", ["full_loop.toml", "python_class/mean_reversion.toml", "compiled/cross.toml"]
)
def test_compiled_on_its_way_a_session_ends_where_its_backtest_ends(
    example: str, tmp_path: Path
) -> None:
    desk = Desk.of_example(example, tmp_path, speed=100 * DAY)
    session = desk.run(options=Options(compiles=True))
    assert told(desk) == ["the session goes on compiled"]
    with desk.store() as store:
        played = replay(store.entries(store.get("last").id))
    assert played.output.state_hash == desk.backtest().state_hash
    assert played.state == session.parts.core.state_hash


@pytest.mark.usefixtures("warm")
def test_a_session_that_went_on_compiled_is_gone_on_with_interpreted(tmp_path: Path) -> None:
    desk = Desk.of_example("full_loop.toml", tmp_path, speed=100 * DAY)
    with desk.store() as store:

        async def part() -> Session:
            session = desk.session(store, options=Options(compiles=True))
            asyncio.get_running_loop().call_later(12.0, session.stop, "the evening")
            await session.run()
            return session

        run_virtual(part())
    assert told(desk) == ["the session goes on compiled"]
    desk.speed = None
    session = desk.run()
    with desk.store() as store:
        played = replay(store.entries(store.get("last").id))
    assert played.output.state_hash == desk.backtest().state_hash
    assert played.state == session.parts.core.state_hash


def test_where_nothing_can_be_compiled_a_session_goes_on_interpreted(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Ended:
        def is_alive(self) -> bool:
            return False

    monkeypatch.setattr(compile_cache, "is_warm", lambda **which: False)
    monkeypatch.setattr(compiling, "_started", lambda with_loop: Ended())
    desk = Desk.of_example("full_loop.toml", tmp_path, speed=100 * DAY)
    session = desk.run(options=Options(compiles=True))
    assert [text.partition(":")[0] for text in told(desk)] == [
        "the session goes on interpreted, which is slower"
    ]
    assert session.state.value == "stopped"


def test_a_short_session_compiles_and_loads_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(compiling, "_doors", None)  # whoever asks for it fails
    desk = Desk.of_example("full_loop.toml", tmp_path)
    desk.run(options=Options(compiles=True))
    assert told(desk) == []
