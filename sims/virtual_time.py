"""An asyncio loop whose time jumps: five days of timers in seconds, the same every time.

Nothing ever waits: when no task can run, time goes on to the next timer. What needs another thread or
process cannot wake this loop, so work for an executor is done in place, and a wait for nothing at all
is an error instead of a hang.
"""

from __future__ import annotations

import asyncio
import selectors
from collections.abc import Callable, Coroutine
from typing import Any, TypeVar

T = TypeVar("T")
_NS_PER_SECOND = 10**9


class Deadlock(RuntimeError):
    """Every task waits, and no timer is set that could end it."""


class _JumpingSelector(selectors.DefaultSelector):
    """Looks at sockets without waiting, and moves its loop's time instead."""

    loop: VirtualLoop

    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        if timeout is not None and len(self.get_map()) == 1:
            self.loop.advance(timeout)
            return []  # nothing but the loop's own alarm, which only other threads ring
        ready = super().select(0)
        if ready or timeout == 0:
            return ready
        if timeout is None:
            raise Deadlock("nothing is scheduled, and tasks are waiting")
        self.loop.advance(timeout)
        return ready


class VirtualLoop(asyncio.SelectorEventLoop):
    """A loop in virtual time.

    Parameters
    ----------
    start
        What `time` begins with, in seconds.
    """

    def __init__(self, start: float = 0.0) -> None:
        self._virtual_time = start
        selector = _JumpingSelector()
        super().__init__(selector)
        selector.loop = self
        self._clock_resolution = 1e-9

    def time(self) -> float:
        """Return the virtual time in seconds."""
        return self._virtual_time

    def advance(self, seconds: float) -> None:
        """Let time pass."""
        self._virtual_time += seconds

    def run_in_executor(  # type: ignore[override]  # a future that is done already
        self, executor: Any, func: Callable[..., T], *args: Any
    ) -> asyncio.Future[T]:
        """Do the work at once."""
        future: asyncio.Future[T] = self.create_future()
        try:
            future.set_result(func(*args))
        except Exception as error:  # noqa: BLE001  (whoever waits gets it)
            future.set_exception(error)
        return future


class VirtualClock:
    """An `engine.ports.Clock` on the running loop's time; the wall clock can be made to step.

    Parameters
    ----------
    epoch_ns
        The wall clock's time when the loop's is 0.
    """

    def __init__(self, epoch_ns: int = 0) -> None:
        self._epoch_ns = epoch_ns

    def now_ns(self) -> int:
        """Return the wall clock's time."""
        return self._epoch_ns + self.monotonic_ns()

    def monotonic_ns(self) -> int:
        """Return the loop's time, which nobody can step."""
        return round(asyncio.get_running_loop().time() * _NS_PER_SECOND)

    async def sleep(self, seconds: float) -> None:
        """Wait."""
        await asyncio.sleep(seconds)

    def step(self, by_ns: int) -> None:
        """Set the wall clock, as an operator or a time server does."""
        self._epoch_ns += by_ns


def run_virtual(main: Coroutine[Any, Any, T], *, start: float = 0.0) -> T:
    """Run a coroutine to its end in virtual time."""
    with asyncio.Runner(loop_factory=lambda: VirtualLoop(start)) as runner:
        return runner.run(main)
