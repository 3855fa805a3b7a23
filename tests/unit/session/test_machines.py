"""The machine under a session: a clock that was set, one that differs from the venue's, memory that runs out."""

from __future__ import annotations

import asyncio
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from runtime.journal.records import ClockRead, StateChanged
from runtime.memory import memory_share
from runtime.session.machine import Machine
from sims.virtual_time import run_virtual
from tests.unit.session.papers import Desk

SECOND = 10**9


class Held:
    """What of a session's condition the machine touches."""

    def __init__(self) -> None:
        self.held: set[str] = set()
        self.noted: list[str] = []

    def is_held_by(self, who: str) -> bool:
        return who in self.held

    def hold(self, who: str, cause: str) -> None:
        self.held.add(who)

    def free(self, who: str, cause: str) -> None:
        self.held.discard(who)

    def note(self, kind: str, severity: str, subject: str, text: str) -> None:
        self.noted.append(severity)


# Readings a minute apart: seconds by which the wall clock is ahead of the steady one, and of the venue's;
# after each whether entries are off.
CLOCKS = [
    ("0 0; 0 0; 0 0", "...", "in order"),
    ("0 0; 1 1; 1 0", "...", "set by a second exactly"),
    ("0 0; 1.1 0; 1.1 0", ".x.", "set ahead, and steady since"),
    ("0 0; -1.1 0; -1.1 0", ".x.", "set back"),
    ("0 0; 5 5; 5 5; 5 5; 0 0; 0 0", ".xxxx.", "off while it differs from the venue's"),
    ("0 0; 0 1; 0 1", "...", "a second from the venue's exactly"),
    ("0 1.1; 0 1.1; 0 1.1; 0 0.9", ".xx.", "over it: believed the second time"),
    ("0 0; 0 -9; 0 0; 0 -9", "....", "one answer may have been long on its way"),
    ("0 0; 3 -; 3 -", ".x.", "the venue's is not known"),
]


@pytest.mark.parametrize(("readings", "expected", "what"), CLOCKS)
def test_clocks(readings: str, expected: str, what: str) -> None:
    condition: Any = Held()
    machine, seen = Machine(condition, has_venue_time=True), ""
    for n, reading in enumerate(readings.split(";")):
        ahead, beyond = reading.split()
        monotonic = 60 * n * SECOND
        wall = monotonic + round(float(ahead) * SECOND)
        venue = None if beyond == "-" else wall - round(float(beyond) * SECOND)
        machine.clocks(ClockRead(wall, monotonic, venue))
        seen += "x" if condition.held else "."
    assert seen == expected, what
    assert condition.noted.count("critical") == ("." + expected).count(".x"), "told once each"


def test_a_rehearsals_clock_is_not_the_worlds() -> None:
    condition: Any = Held()
    machine = Machine(condition, has_venue_time=False)
    for n in range(3):
        machine.clocks(ClockRead(n * SECOND, n * SECOND, 5 * n * SECOND))
    assert not condition.held


def test_entries_end_at_80_percent_of_memory_and_come_back_under_75() -> None:
    condition: Any = Held()
    machine, seen = Machine(condition, has_venue_time=True), []
    for share in (0.5, 0.799, 0.8, 0.79, 0.75, 0.749, 0.79, None):
        machine.memory(share)
        seen.append(bool(condition.held))
    assert seen == [False, False, True, True, True, False, False, False]
    assert condition.noted == ["critical", "info"]


def test_this_process_uses_some_of_its_memory() -> None:
    share = memory_share()
    assert share is None or 0 < share < 1


@pytest.mark.parametrize("what", ["clock", "memory"])
def test_a_session_enters_nothing_until_its_machine_is_in_order(what: str, tmp_path: Path) -> None:
    desk = Desk.of_example("sma_cross.toml", tmp_path, speed=86_400.0)
    used = SimpleNamespace(share=0.1)
    with desk.store() as store:

        async def story() -> None:
            session, loop = desk.session(store), asyncio.get_running_loop()
            session.parts.memory = lambda: used.share
            if what == "clock":
                loop.call_later(90.0, session.parts.clock.step, 5 * SECOND)  # type: ignore[attr-defined]
            else:
                loop.call_later(90.0, lambda: setattr(used, "share", 0.81))
                loop.call_later(200.0, lambda: setattr(used, "share", 0.5))
            loop.call_later(300.0, session.stop, "the evening")
            await session.run()

        run_virtual(story())
        records = [each.record for each in store.entries(store.get("last").id)]
    states = [each.after for each in records if isinstance(each, StateChanged)]
    assert states == [
        *("starting", "reconciling", "running"),
        *("reconciling", "running", "stopping", "stopped"),
    ]
