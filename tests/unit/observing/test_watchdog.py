"""A strategy that is too slow, and one that never returns (FAULTS 60 and 61)."""

from __future__ import annotations

import asyncio
import textwrap
import threading
import time
from pathlib import Path

import pytest

from engine.model import layout as at
from runtime.backtest.histories import load_history
from runtime.config import load_strategy
from runtime.journal.records import Noted
from runtime.observing.watchdog import CallbackGuard, StrategyStuck
from runtime.session.kill_switch import Halt
from runtime.session.parts import Options
from runtime.session.replaying import replay
from runtime.session.session import Session
from runtime.session.states import SessionState
from sims.virtual_time import run_virtual
from tests.unit.session.papers import Desk

DAY = 86_400.0


def desk_of(folder: Path, body: str) -> Desk:
    """Return a strategy that buys at its first bar, protects that, and then does something."""
    code = f"""
    import asyncio, time
    from trader import Strategy

    class Mine(Strategy):
        def on_start(self):
            self.seen = 0

        def on_bar(self, bar):
            self.seen += 1
            if self.seen == 1:
                self.buy(10, stop_loss=self.price(bar.close * 0.6))
{textwrap.indent(textwrap.dedent(body), " " * 12)}
    """
    (folder / "mine.py").write_text(textwrap.dedent(code))
    (folder / "mine.toml").write_text(
        '[strategy]\nname = "mine"\nclass = "mine.py:Mine"\n[data]\ndataset = "sample:goog"\n'
    )
    config = load_strategy(folder / "mine.toml")
    return Desk(config, load_history(config.data, Path()), folder, DAY)


ENDLESS = {
    "a plain loop": "while self.seen == 20: pass",
    "a loop that asks our desk": "while self.seen == 20: self.cancel(1)",
    "a loop that catches errors": """
        while self.seen == 20:
            try:
                time.sleep(0.001)
            except Exception:
                pass
    """,
    "a loop that catches everything, once": """
        if self.seen == 20:
            try:
                while True: pass
            except BaseException:
                while True: pass
    """,
}


@pytest.mark.parametrize("body", ENDLESS.values(), ids=ENDLESS)
def test_an_endless_strategy_is_ended_and_kill_and_cancels_go_on(body: str, tmp_path: Path) -> None:
    desk = desk_of(tmp_path, body)
    seen: list[tuple[float, SessionState, int, int]] = []
    with desk.store() as store:

        async def story() -> Session:
            session = desk.session(store, options=Options(callback_seconds=0.4))
            core, books, clock = session.parts.core, session.gateway.books, session.parts.clock
            loop = asyncio.get_running_loop()

            def note() -> None:
                seen.append((loop.time(), session.state, len(core.positions()), len(books.live())))

            halt = Halt("ann", "enough", clock.now_ns(), flatten=True)
            loop.call_later(60.0, note)
            loop.call_later(61.0, lambda: session.parts.switch.set(halt))
            loop.call_later(70.0, note)
            loop.call_later(71.0, session.stop, "the evening")
            await session.run()
            return session

        began = time.monotonic()
        session = run_virtual(story())
        assert time.monotonic() - began < 20.0
        session_id = session.parts.journal.session_id
        notes = [e.record for e in store.entries(session_id) if isinstance(e.record, Noted)]
    after, killed = seen
    assert after[1] is SessionState.PAUSED and after[2] == 1 and after[3] >= 1, "it is protected"
    assert killed[1] is SessionState.HALTED and killed[2:] == (0, 0), "withdrawn and closed"
    (fault,) = [note for note in notes if note.kind == "strategy"]
    assert "on_bar did not return within 0.4 seconds" in fault.text and "mine.py" in fault.text
    assert session.state is SessionState.STOPPED


def test_the_journal_of_an_endless_strategy_plays_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("runtime.observing.watchdog.LIMIT_SECONDS", 0.4)
    desk = desk_of(tmp_path, ENDLESS["a plain loop"])
    desk.speed = None
    session = desk.run(options=Options(callback_seconds=0.4))
    with desk.store() as store:
        found = replay(store.entries(store.get("last").id))
    assert found.state == session.parts.core.state_hash


SLOW = """
if 20 <= self.seen < 20 + {times}:
    asyncio.get_running_loop().advance({seconds})  # it thinks for so long
    if self.seen == 20:
        self.buy(1)
"""


@pytest.mark.parametrize(
    ("times", "seconds", "is_paused"), [(3, 2.1, True), (2, 2.1, False), (5, 2.0, False)]
)
def test_three_late_decisions_in_a_row_pause_a_strategy(
    times: int, seconds: float, is_paused: bool, tmp_path: Path
) -> None:
    desk = desk_of(tmp_path, SLOW.format(times=times, seconds=seconds))
    refused: list[str] = []
    with desk.store() as store:

        async def story() -> Session:
            plan = desk.plan(store)
            plan.observers.refused = lambda command, why: refused.append(why.code.name)
            from runtime.session.starting import start_paper

            session = start_paper(store, plan)
            asyncio.get_running_loop().call_later(100.0, note, session)
            asyncio.get_running_loop().call_later(101.0, session.stop, "the evening")
            await session.run()
            return session

        states: list[SessionState] = []

        def note(session: Session) -> None:
            states.append(session.state)

        session = run_virtual(story())
    assert states == [SessionState.PAUSED if is_paused else SessionState.RUNNING]
    assert refused == (["INTENT_EXPIRED"] if seconds > 2.0 else []), "the late wish was not sent"
    assert session.parts.core.plain.account[at.ACCOUNT_FILLS] >= 1


def test_nothing_is_raised_after_a_callback_has_returned(monkeypatch: pytest.MonkeyPatch) -> None:
    """Callbacks that end just when their time does: a shot never hits what comes after."""
    monkeypatch.setattr("runtime.observing.watchdog.LOOK_SECONDS", 0.02)
    guard, hits = CallbackGuard(0.03), 0
    for n in range(40):
        ends = time.monotonic() + 0.03 + (n % 20) * 0.001

        def work(ends: float = ends) -> int:
            while time.monotonic() < ends:
                pass
            return 1

        try:
            guard.call(work)
        except StrategyStuck:
            hits += 1
        for _ in range(20_000):
            pass  # where a late shot would hit
    assert 0 < hits < 40


def test_what_is_sheltered_is_not_hit() -> None:
    guard, done = CallbackGuard(0.2), list[int]()

    def ours() -> None:
        guard.shelter()
        end = time.monotonic() + 0.6
        while time.monotonic() < end:
            pass
        done.append(1)
        guard.unshelter()

    with pytest.raises(StrategyStuck):
        guard.call(ours)
    assert done == [1]


def test_callbacks_of_another_thread_are_ended_there() -> None:
    ended = threading.Event()

    def work() -> None:
        def endless() -> None:
            while True:
                pass

        try:
            CallbackGuard(0.2).call(endless)
        except StrategyStuck:
            ended.set()

    threading.Thread(target=work, daemon=True).start()
    assert ended.wait(10.0)
