"""Work that a session does again and again, and goes on with while its database is away."""

from __future__ import annotations

from collections.abc import Callable, Coroutine
from typing import Any, TypeAlias

from engine.errors import InputError
from engine.model.units import NS_PER_SECOND
from engine.ports import Clock
from runtime.journal.failures import LeaseLost

Work: TypeAlias = Callable[[], Coroutine[Any, Any, None]]
Tell: TypeAlias = Callable[[str, str], None]  # the work's name, and what is wrong


async def every(clock: Clock, seconds: float, work: Work, tell: Tell, phase: float = 0.0) -> None:
    """Do some work at the same moments as other sessions of this process; see `again`.

    `phase` is a fraction of the time between.
    """
    period = round(seconds * NS_PER_SECOND)

    async def waited() -> None:
        wait = period - (clock.monotonic_ns() - round(phase * period)) % period
        if wait < period // 8:  # so long was the last one early, or so little has happened
            wait += period
        await clock.sleep(wait / NS_PER_SECOND)
        await work()

    await again(waited, tell, work.__name__.strip("_"))


async def again(work: Work, tell: Tell, name: str) -> None:
    """Do some work for ever; while it fails for a database that is away, that is told once.

    Raises
    ------
    LeaseLost
        If somebody has taken the account over.
    """
    is_failing = False
    while True:
        try:
            await work()
            is_failing = False
        except LeaseLost:
            raise
        except InputError as error:
            if not is_failing:
                tell(name, error.problem)
            is_failing = True
