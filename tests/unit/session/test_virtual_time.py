"""Virtual time: what takes days takes no time, and goes the same way each time."""

from __future__ import annotations

import asyncio
from time import perf_counter

import pytest

from sims.virtual_time import Deadlock, VirtualClock, run_virtual

DAY = 86_400.0


async def timers() -> list[tuple[float, str]]:
    """Three timers over five days, as a session has them."""
    loop = asyncio.get_running_loop()
    seen: list[tuple[float, str]] = []

    async def tick(name: str, every: float) -> None:
        while loop.time() < 5 * DAY:
            await asyncio.sleep(every)
            seen.append((loop.time(), name))

    await asyncio.gather(tick("heartbeat", 3600.0), tick("checkpoint", 7200.0))
    return seen


def test_five_days_pass_at_once_and_the_same_way_twice() -> None:
    started = perf_counter()
    first = run_virtual(timers())
    assert first == run_virtual(timers())
    assert first[-1][0] >= 5 * DAY
    assert perf_counter() - started < 5.0


def test_a_wait_for_nothing_is_an_error_and_not_a_hang() -> None:
    async def wait_for_ever() -> None:
        await asyncio.Event().wait()

    with pytest.raises(Deadlock):
        run_virtual(wait_for_ever())


def test_a_step_of_the_wall_clock_leaves_the_monotonic_clock_alone() -> None:
    async def story() -> tuple[int, int, int]:
        clock = VirtualClock(epoch_ns=1_000)
        await clock.sleep(2.0)
        before = clock.monotonic_ns()
        clock.step(-500)
        return before, clock.monotonic_ns(), clock.now_ns()

    assert run_virtual(story()) == (2 * 10**9, 2 * 10**9, 500 + 2 * 10**9)


def test_work_for_a_thread_is_done_in_place_and_its_error_arrives() -> None:
    async def story() -> str:
        assert await asyncio.to_thread(lambda: 7) == 7
        with pytest.raises(ValueError, match="broken"):
            await asyncio.to_thread(_broken)
        return "done"

    assert run_virtual(story()) == "done"


def _broken() -> None:
    raise ValueError("broken")
