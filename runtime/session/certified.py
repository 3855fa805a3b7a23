"""A session's certificate while it runs: what is told of it, and the engine's latch for it.

At each send the gateway asks `CertificateWatch.text`. Beside it this tells a person when the certificate stops
or starts to cover what runs, and three days before it expires, and has the engine open nothing meanwhile.
"""

from __future__ import annotations

from collections.abc import Coroutine, Sequence
from typing import TYPE_CHECKING, Any, Final

from engine.model.trading import Latch
from engine.ports import Clock
from runtime.config.moments import format_moment
from runtime.promotion.certificate import VerifiedCertificate
from runtime.promotion.watch import LOOK_SECONDS, CertificateWatch

if TYPE_CHECKING:
    from runtime.session.session import Session

_KIND: Final = "certificate"


class Certified:
    """See the module; `tasks` run beside the session."""

    def __init__(self, watch: CertificateWatch, clock: Clock) -> None:
        self.watch, self._clock = watch, clock
        self._problem, self._is_warned = "", False

    def tasks(self, session: Session) -> Sequence[Coroutine[Any, Any, None]]:
        """Return what runs as long as the session."""
        return (self.watch.run(), self._follow(session))

    async def renewed(self) -> str:
        """Verify now; return what is wrong, empty: nothing."""
        await self.watch.renew()
        return self.watch.text()

    async def _follow(self, session: Session) -> None:
        while True:
            await self.look(session)
            await self._clock.sleep(LOOK_SECONDS)

    async def look(self, session: Session) -> None:
        """Tell what has changed since the last look."""
        problem = self.watch.text()
        if bool(problem) != bool(self._problem):
            text = f"{problem}: nothing is entered, what is held is closed as planned"
            if problem:
                session.note(_KIND, "critical", _KIND, text)
            else:
                session.note(_KIND, "info", _KIND, "it covers what runs again")
            await session.tell_component(Latch.CERTIFICATE, _KIND, is_good=not problem)
        self._problem = problem
        verdict = self.watch.verdict
        if not problem and self.watch.warns and isinstance(verdict, VerifiedCertificate):
            if not self._is_warned:
                expires = format_moment(verdict.certificate.expires_ns)
                session.note(_KIND, "warning", "expiry", f"it expires at {expires}")
            self._is_warned = True
