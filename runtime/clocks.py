"""`SystemClock`: the machine's own time, for sessions that run in it."""

from __future__ import annotations

import asyncio
import time
from typing import Final

# Linux's monotonic clock stands while the machine sleeps: a lease would be as good afterwards as before.
_SLEEP_COUNTS: Final[int | None] = getattr(time, "CLOCK_BOOTTIME", None)


class SystemClock:
    """An `engine.ports.Clock` on the machine's clocks; nothing else reads them."""

    def now_ns(self) -> int:
        """Return the wall clock's time, which a person or a time server may step."""
        return time.time_ns()  # noqa: TID251  (this is the clock)

    def monotonic_ns(self) -> int:
        """Return a time that never goes back, and that passes while the machine sleeps."""
        if _SLEEP_COUNTS is None:
            return time.monotonic_ns()
        return time.clock_gettime_ns(_SLEEP_COUNTS)

    async def sleep(self, seconds: float) -> None:
        """Wait."""
        await asyncio.sleep(seconds)
