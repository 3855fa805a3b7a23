"""The kill switch: a file that withdraws everything, holds over restarts, and is released by a person."""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from engine.errors import InputError
from engine.model import layout as at
from runtime.backtest.histories import load_history
from runtime.config import load_strategy
from runtime.journal.records import OperatorInput, Taken
from runtime.session.kill_switch import BY_HAND, Halt, KillSwitch, Release
from runtime.session.replaying import replay
from runtime.session.session import Session
from runtime.session.standing import Standing
from runtime.session.starting import start_paper, switch_of
from runtime.session.states import SessionState
from sims.virtual_time import run_virtual
from tests.architecture.source import ROOT
from tests.unit.session.papers import Desk

ANN = Halt("ann", "something is wrong", 1)
BEN = Release("ben", "it is right again", 2**62)  # after every halt
CLOSING = Halt("ann", "something is wrong", 1, flatten=True)


def halted(desk: Desk, halt: Halt, *, at_s: float, until: float) -> Session:
    """Run a session, halt it after some seconds, and stop it after some more."""
    with desk.store() as store:

        async def story() -> Session:
            session, loop = desk.session(store), asyncio.get_running_loop()
            loop.call_later(at_s, switch_of(store).set, halt)
            loop.call_later(until, session.stop, "the evening")
            await session.run()
            return session

        return run_virtual(story())


@pytest.mark.parametrize("example", ["sma_cross.toml", "full_loop.toml"])
def test_closing_leaves_nothing_and_nothing_is_entered_until_a_release(
    example: str, tmp_path: Path
) -> None:
    desk = Desk.of_example(example, tmp_path, speed=86_400.0)
    session = halted(desk, CLOSING, at_s=450.0, until=500.0)
    assert session.parts.core.positions() == []
    assert session.gateway.books.live() == ()
    fills = session.parts.core.plain.account[at.ACCOUNT_FILLS]
    assert fills > 0, "it had traded before"
    with desk.store() as store:
        with pytest.raises(InputError, match="halted by ann"):
            run_virtual(starting(desk, store))
        assert switch_of(store).release(BEN).why == CLOSING.why
    desk.speed = None
    session = desk.run()
    assert session.parts.core.plain.account[at.ACCOUNT_FILLS] > fills, "it trades again"
    with desk.store() as store:
        entries = [each.record for each in store.entries(store.get("last").id)]
        replay(store.entries(store.get("last").id))
    asked = [
        r.input.verb for r in entries if isinstance(r, Taken) and isinstance(r.input, OperatorInput)
    ]
    assert asked == ["kill_flatten", "release"]


async def starting(desk: Desk, store: object) -> None:
    start_paper(store, desk.plan(store))  # type: ignore[arg-type]


def test_without_closing_positions_stay_and_orders_go(tmp_path: Path) -> None:
    desk = Desk.of_example("full_loop.toml", tmp_path, speed=86_400.0)
    with_position = halted(desk, ANN, at_s=100.0, until=300.0)
    assert with_position.gateway.books.live() == ()
    assert SessionState.HALTED.value in states_of(desk)


def states_of(desk: Desk) -> list[str]:
    with desk.store() as store:
        records = [each.record for each in store.entries(store.get("last").id)]
    return [r.after for r in records if type(r).__name__ == "StateChanged"]  # type: ignore[union-attr]


def test_a_file_that_cannot_be_read_halts(tmp_path: Path) -> None:
    switch = KillSwitch(tmp_path / "HALT")
    assert switch.flags() == (False, False)
    switch.path.touch()
    assert switch.flags() == (True, False)
    with pytest.raises(InputError, match="halted"):
        switch.require_off()
    switch.set(CLOSING)
    assert switch.flags() == (True, True)
    assert switch.release(BEN) == CLOSING
    with pytest.raises(InputError, match="nothing is halted"):
        switch.release(BEN)


@pytest.mark.parametrize("content", [b"stop \xff", b'{"who":"J\xfcrg"}', b'{"a":' * 10_000, b""])
def test_a_halt_that_a_person_has_written_halts(content: bytes, tmp_path: Path) -> None:
    switch = KillSwitch(tmp_path / "HALT")
    switch.path.write_bytes(content)
    assert switch.flags() == (True, False)
    assert "cannot be read" in switch.state().why  # type: ignore[union-attr]


def test_two_halts_at_once_are_one(tmp_path: Path) -> None:
    switch = KillSwitch(tmp_path / "HALT")
    with ThreadPoolExecutor(8) as people:
        done = [people.submit(switch.set, ANN) for _ in range(200)]
    assert [each.exception() for each in done] == [None] * 200
    assert switch.state() == ANN
    assert [each.name for each in tmp_path.iterdir()] == ["HALT"], "nothing half-written is left"


def test_a_full_disk_halts_too(tmp_path: Path) -> None:
    """No byte may be written, as `ulimit` has it; an empty file needs none."""
    switch = KillSwitch(tmp_path / "HALT")
    setting = "from runtime.session.kill_switch import *; from pathlib import Path; import signal\n"
    setting += "signal.signal(signal.SIGXFSZ, signal.SIG_IGN)\n"
    setting += f"KillSwitch(Path({str(switch.path)!r})).set(Halt('ann', 'why', 1, flatten={{}}))"
    for flatten, told in ((False, b""), (True, b"halted, but nothing is closed")):
        line = ["sh", "-c", 'ulimit -f 0; "$0" -c "$1"', sys.executable, setting.format(flatten)]
        result = subprocess.run(line, cwd=ROOT, capture_output=True, check=False)
        assert bool(result.returncode) == flatten and told in result.stderr, result.stderr
        assert switch.flags() == (True, False)
    assert [each.name for each in tmp_path.iterdir()] == ["HALT"], "nothing half-written is left"


def test_a_link_to_nowhere_halts(tmp_path: Path) -> None:
    switch = KillSwitch(tmp_path / "HALT")
    switch.path.symlink_to("nowhere")
    assert switch.flags() == (True, False)
    assert switch.release(BEN).who == "nobody knows"
    assert switch.state() is None
    KillSwitch(tmp_path / "elsewhere").set(ANN)
    switch.path.symlink_to("elsewhere")
    assert switch.release(BEN) == ANN
    assert switch.state() is None


@pytest.mark.parametrize("is_one_more", [False, True])
def test_a_halt_that_is_set_while_another_is_released_stays(
    is_one_more: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Zoe halts for a reason of her own just when Ben lets everything run again."""
    switch, others = KillSwitch(tmp_path / "HALT"), KillSwitch(tmp_path / "HALT")
    switch.set(ANN)
    rename, zoe = os.rename, Halt("zoe", "the venue is down", 5, flatten=True)

    def meanwhile(*places: Path) -> None:
        others.set(zoe)
        rename(*places)
        if is_one_more:
            others.set(ANN)

    monkeypatch.setattr(os, "rename", meanwhile)
    with pytest.raises(InputError, match="that halt stays"):
        switch.release(BEN)
    assert switch.state() == (ANN if is_one_more else zoe)
    assert sorted(each.name for each in tmp_path.iterdir()) == ["HALT", "HALT.released"]


def test_of_two_who_release_at_once_both_are_done(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    switch, rename = KillSwitch(tmp_path / "HALT"), os.rename
    switch.set(ANN)

    def too_late(*places: Path) -> None:
        switch.path.unlink()
        rename(*places)

    monkeypatch.setattr(os, "rename", too_late)
    assert switch.release(BEN) == ANN
    assert switch.state() is None


def test_who_cannot_be_named_releases_nothing(tmp_path: Path) -> None:
    switch = KillSwitch(tmp_path / "HALT")
    switch.set(ANN)
    (tmp_path / "HALT.released").mkdir()
    with pytest.raises(OSError):
        switch.release(BEN)
    assert switch.state() == ANN


@pytest.mark.parametrize("is_by_hand", [False, True])
def test_the_journal_has_who_released_it_and_why(is_by_hand: bool, tmp_path: Path) -> None:
    """The release before this halt was another one's, and says nothing of this one."""
    desk = Desk.of_example("sma_cross.toml", tmp_path, speed=86_400.0)
    with desk.store() as store:
        switch = switch_of(store)
        switch.set(ANN)
        switch.release(Release("zoe", "of another halt", 1))

    def released() -> None:
        if is_by_hand:
            switch.path.unlink()
        else:
            switch.release(BEN)

    with desk.store() as store:

        async def story() -> None:
            session, loop = desk.session(store), asyncio.get_running_loop()
            loop.call_later(50.0, switch.set, ANN)
            loop.call_later(100.0, released)
            loop.call_later(150.0, session.stop, "the evening")
            await session.run()

        run_virtual(story())
        records = [each.record for each in store.entries(store.get("last").id)]
    (wish,) = [
        r.input
        for r in records
        if isinstance(r, Taken) and isinstance(r.input, OperatorInput) and r.input.verb == "release"
    ]
    by = BY_HAND if is_by_hand else BEN
    assert (wish.who, wish.why) == (by.who, by.why)


FULL = '''"""Fills the table of orders, then holds a position."""

from trader import Bar, Strategy


class Full(Strategy):
    """Buys once, and rests as many orders as there is room for."""

    def on_bar(self, bar: Bar) -> None:
        if self.position() == 0 and not self.working_orders():
            self.buy(10)
        elif self.position():
            while self.buy(1, limit=self.price(bar.close * 0.2, "down")):
                pass
'''


def test_a_full_table_of_orders_does_not_keep_a_position_open(tmp_path: Path) -> None:
    (tmp_path / "full.py").write_text(FULL)
    path = tmp_path / "full.toml"
    path.write_text(
        '[strategy]\nname = "full"\nclass = "full.py:Full"\n[data]\ndataset = "sample:goog"\n'
    )
    config = load_strategy(path)
    desk = Desk(config, load_history(config.data, Path()), tmp_path, speed=86_400.0)
    session = halted(desk, CLOSING, at_s=20.0, until=60.0)
    assert session.gateway.books.live() == ()
    assert session.parts.core.positions() == []
    with desk.store() as store:
        replay(store.entries(store.get("last").id))


def test_a_halt_that_is_on_can_be_made_to_close(tmp_path: Path) -> None:
    desk = Desk.of_example("sma_cross.toml", tmp_path, speed=86_400.0)
    with desk.store() as store:

        async def story() -> Session:
            session, loop = desk.session(store), asyncio.get_running_loop()
            loop.call_later(450.0, switch_of(store).set, ANN)
            loop.call_later(460.0, lambda: held.extend(session.parts.core.positions()))
            loop.call_later(470.0, switch_of(store).set, CLOSING)
            loop.call_later(500.0, session.stop, "the evening")
            await session.run()
            return session

        held: list[object] = []
        session = run_virtual(story())
    assert held, "a halt alone leaves what is held"
    assert session.parts.core.positions() == []


@pytest.mark.parametrize(
    ("verbs", "stands"),
    [
        ("pause", Standing(is_paused=True)),
        ("pause resume", Standing()),
        ("flatten", Standing(is_paused=True, is_closing=True)),
        ("flatten resume", Standing()),
        ("kill", Standing(is_killed=True)),
        ("kill kill_flatten", Standing(is_killed=True, is_closing=True)),
        ("kill_flatten resume", Standing(is_killed=True, is_closing=True)),
        ("pause kill_flatten release", Standing(is_paused=True)),
        ("approve cancel part reset", Standing()),
    ],
)
def test_what_wishes_leave_standing(verbs: str, stands: Standing) -> None:
    found = Standing()
    for verb in verbs.split():
        found = found.after(verb)
    assert found == stands
