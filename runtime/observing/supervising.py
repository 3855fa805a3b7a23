"""Restarting what has crashed or hangs: with backoff, counted, and told.

A task that ends with an error, or gives no sign of life for three heartbeats, is begun again. More than
five restarts in a minute are a fault that restarting does not mend: then nothing is entered any more.
"""

from __future__ import annotations

import asyncio
import random
from collections import deque
from collections.abc import Callable, Coroutine
from dataclasses import dataclass, field
from typing import Any, Final

from engine.model.units import NS_PER_SECOND
from engine.ports import Clock
from runtime.gateway.retrying import wait_seconds

HEARTBEAT_SECONDS: Final = 10.0
MISSED_MAX: Final = 3
RESTARTS_MAX: Final = 5
WINDOW_NS: Final = 60 * NS_PER_SECOND


@dataclass(slots=True)
class Restarts:
    """The restarts of the last minute; what is exactly a minute old counts no more."""

    _times: deque[int] = field(default_factory=deque)
    _attempt: int = -1

    def add(self, now_ns: int, began_ns: int) -> bool:
        """Count one of what had begun at a time; return whether there were too many."""
        self._attempt = 0 if now_ns - began_ns >= WINDOW_NS else self._attempt + 1
        self._times.append(now_ns)
        while now_ns - self._times[0] >= WINDOW_NS:
            self._times.popleft()
        return len(self._times) > RESTARTS_MAX

    def wait_seconds(self, draw: float) -> float:
        """Return how long to wait with it: longer each time, until something has lived for a minute."""
        return wait_seconds(self._attempt, draw)


class Alive:
    """A sign of life: the task calls it while it works."""

    def __init__(self, clock: Clock) -> None:
        self._clock, self._at_ns = clock, clock.monotonic_ns()

    def __call__(self) -> None:
        """Give a sign."""
        self._at_ns = self._clock.monotonic_ns()

    @property
    def seconds(self) -> float:
        """How long ago the last one was."""
        return (self._clock.monotonic_ns() - self._at_ns) / NS_PER_SECOND


async def supervised(
    make: Callable[[Alive], Coroutine[Any, Any, None]],
    clock: Clock,
    *,
    restarted: Callable[[str, bool], None],
    draw: Callable[[], float] = random.random,
) -> None:
    """Run a task for ever.

    Parameters
    ----------
    restarted
        Called before each restart with the reason, and whether there were too many.
    """
    restarts = Restarts()
    while True:
        alive = Alive(clock)
        began = clock.monotonic_ns()
        reason = await _until_dead(make(alive), alive, clock)
        restarted(reason, restarts.add(clock.monotonic_ns(), began))
        await clock.sleep(restarts.wait_seconds(draw()))


async def _until_dead(work: Coroutine[Any, Any, None], alive: Alive, clock: Clock) -> str:
    task = asyncio.ensure_future(work)
    try:
        while True:
            looked = asyncio.ensure_future(clock.sleep(HEARTBEAT_SECONDS))
            await asyncio.wait((task, looked), return_when=asyncio.FIRST_COMPLETED)
            looked.cancel()
            if task.done():
                error = task.exception()
                return "it ended" if error is None else f"{type(error).__name__}: {error}"
            if alive.seconds > MISSED_MAX * HEARTBEAT_SECONDS:
                return f"no sign of life for {alive.seconds:.0f} seconds"
    finally:
        task.cancel()
