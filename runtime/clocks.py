"""`SystemClock`: the machine's own time, for sessions that run in it."""

from __future__ import annotations

import asyncio
import time


class SystemClock:
    """An `engine.ports.Clock` on the machine's clocks; nothing else reads them."""

    def now_ns(self) -> int:
        """Return the wall clock's time, which a person or a time server may step."""
        return time.time_ns()  # noqa: TID251  (this is the clock)

    def monotonic_ns(self) -> int:
        """Return a time that never goes back."""
        return time.monotonic_ns()

    async def sleep(self, seconds: float) -> None:
        """Wait."""
        await asyncio.sleep(seconds)
