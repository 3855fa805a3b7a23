"""`LimitsKept`: a session keeps the workspace's limits that it began with, which its certificate names.

Once a minute ``trader.toml`` is read again. Where it says other limits, or cannot be read, a person is told:
whoever changes them there may believe that they count already.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import TYPE_CHECKING, Final

from engine.errors import TraderError
from engine.ports import Clock
from runtime.promotion.limits import AllowedLimits, limits_told
from runtime.promotion.watch import EVERY_SECONDS

if TYPE_CHECKING:
    from runtime.session.session import Session

_KIND: Final = "limits"


class LimitsKept:
    """See the module.

    Parameters
    ----------
    kept
        What the session began with, before the certificate's stage made them smaller.
    read
        Reads what the workspace says now.
    """

    def __init__(
        self, kept: AllowedLimits, read: Callable[[], AllowedLimits], clock: Clock
    ) -> None:
        self._kept, self._read, self._clock = kept, read, clock
        self._told = ""

    async def follow(self, session: Session) -> None:
        """Look once a minute, as long as the session runs."""
        while True:
            await self.look(session)
            await self._clock.sleep(EVERY_SECONDS)

    async def look(self, session: Session) -> None:
        """Tell what has changed since the last look."""
        problem = await asyncio.to_thread(self._problem)
        if problem == self._told:
            return
        self._told = problem
        severity = "warning" if problem else "info"
        text = problem or "trader.toml has the limits again that the session keeps"
        session.note(_KIND, severity, "trader.toml", text)

    def _problem(self) -> str:
        """Return how the workspace's limits differ from those that are kept; empty: they do not."""
        try:
            now = self._read()
        except TraderError as error:
            return f"its limits cannot be read, the session keeps those it began with: {error}"
        if now == self._kept:
            return ""
        said, kept = limits_told(now), limits_told(self._kept)
        news = [each for each in said if each not in kept] or ["nothing is restricted"]
        return (
            f"its limits were changed: {', '.join(news)}; until it is begun again the session keeps "
            f"{', '.join(each for each in kept if each not in said) or 'nothing restricted'}"
        )
