"""The system clock: wall time for labels, a time that never goes back for waits."""

from __future__ import annotations

import asyncio
import time

from freezegun import freeze_time

from engine.model.units import NS_PER_SECOND
from engine.ports import Clock
from runtime.clocks import SystemClock


def test_it_is_a_clock() -> None:
    clock: Clock = SystemClock()
    before = clock.monotonic_ns()
    asyncio.run(clock.sleep(0))
    assert clock.monotonic_ns() >= before


def test_time_passes_while_the_machine_sleeps() -> None:
    asleep = time.clock_gettime_ns(time.CLOCK_BOOTTIME)
    now = SystemClock().monotonic_ns()
    assert asleep <= now <= time.clock_gettime_ns(time.CLOCK_BOOTTIME)


def test_labels_follow_the_machine_and_waits_do_not() -> None:
    clock = SystemClock()
    with freeze_time("2026-03-08T06:59:59", real_asyncio=True) as frozen:
        assert clock.now_ns() == 1_772_953_199 * NS_PER_SECOND
        frozen.move_to("2026-03-08T06:59:00")
        assert clock.now_ns() == 1_772_953_140 * NS_PER_SECOND
