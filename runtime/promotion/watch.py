"""The certificate while a session runs: verified again each minute and each venue day, asked at each send."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

from engine.model.units import NS_PER_SECOND
from engine.ports import Clock
from runtime.promotion.certificate import Verdict, VerifiedCertificate
from runtime.promotion.fingerprint import Fingerprint
from runtime.promotion.problems import Code, Problem

EVERY_SECONDS = 60.0
LOOK_SECONDS = 5.0  # for the venue's next day
STALE_NS = 180 * NS_PER_SECOND
WARN_NS = 72 * 3_600 * NS_PER_SECOND


class CertificateWatch:
    """Keeps the last answer about a certificate.

    Parameters
    ----------
    check
        Verifies anew: reads file, database and keys. Whatever it raises denies.
    runs
        What the process runs now; compared at each send, so it has to be cheap.
    clock
        Wall clock for the expiry, monotonic for the pace.
    day
        The venue's day now, by any number that changes with it.
    told
        Told each answer that is another than the one before.
    off_loop
        Runs `check` where it may wait; in a thread when left out.

    Notes
    -----
    There is no answer before the first `renew`, and none that is older than three minutes: a watch that has
    died denies.
    """

    def __init__(
        self,
        check: Callable[[], Verdict],
        runs: Callable[[], Fingerprint],
        clock: Clock,
        *,
        day: Callable[[], int] = lambda: 0,
        told: Callable[[Verdict], None] = lambda verdict: None,
        off_loop: Callable[[Callable[[], Verdict]], Awaitable[Verdict]] = asyncio.to_thread,
    ) -> None:
        self._check = check
        self._runs = runs
        self._clock = clock
        self._day = day
        self._told = told
        self._off_loop = off_loop
        self._checked_ns: int | None = None  # monotonic
        self._checked_day = 0
        self.verdict: Verdict = Problem(
            Code.MISSING,
            "the certificate was not verified yet",
            "wait until the session has started",
        )

    def text(self) -> str:
        """Return what is wrong with the certificate, empty: nothing; for `Parts.certificate`."""
        try:
            problem = self._problem()
        except Exception as error:  # noqa: BLE001  whatever cannot be checked is not allowed
            problem = _fault(error)
        return "" if problem is None else problem.sentence

    def expires_in_ns(self) -> int:
        """Return how long the certificate is valid still; 0 where there is none."""
        if isinstance(self.verdict, Problem):
            return 0
        return max(self.verdict.certificate.expires_ns - self._clock.now_ns(), 0)

    @property
    def warns(self) -> bool:
        """Whether it expires within three days."""
        return self.expires_in_ns() < WARN_NS

    async def renew(self) -> Verdict:
        """Verify now."""
        day, started_ns = self._day(), self._clock.monotonic_ns()
        try:
            verdict = await self._off_loop(self._check)
        except Exception as error:  # noqa: BLE001  whatever cannot be checked is not allowed
            verdict = _fault(error)
        is_news = _meaning(verdict) != _meaning(self.verdict)
        self.verdict, self._checked_ns, self._checked_day = verdict, started_ns, day
        if is_news:
            self._told(verdict)
        return verdict

    async def run(self) -> None:
        """Verify each minute and at each venue day, until it is cancelled."""
        while True:
            if self._is_due():
                await self.renew()
            await self._clock.sleep(LOOK_SECONDS)

    def _is_due(self) -> bool:
        if self._checked_ns is None or self._day() != self._checked_day:
            return True
        return self._age_ns() >= int(EVERY_SECONDS * NS_PER_SECOND)

    def _problem(self) -> Problem | None:
        verdict = self.verdict
        if isinstance(verdict, Problem):
            return verdict
        if self._age_ns() >= STALE_NS:
            return Problem(
                Code.FAULT,
                f"the certificate was last verified {self._age_ns() // NS_PER_SECOND} s ago",
                "see why the session does not get to it",
            )
        if verdict.covers(self._runs(), self._clock.now_ns()):
            return None
        if self._clock.now_ns() >= verdict.certificate.expires_ns:
            return Problem(
                Code.EXPIRED,
                "the certificate has expired",
                "`trader promote` judges the strategy anew",
            )
        return Problem(
            Code.FINGERPRINT,
            "what runs is not what the certificate is for",
            "put it back as it was, or promote what runs",
        )

    def _age_ns(self) -> int:
        assert self._checked_ns is not None, "there is a certificate, so it was verified"
        return self._clock.monotonic_ns() - self._checked_ns


def _meaning(verdict: Verdict) -> tuple[str, str]:
    if isinstance(verdict, VerifiedCertificate):
        return "", verdict.id
    return verdict.code.value, verdict.sentence


def _fault(error: Exception) -> Problem:
    return Problem(
        Code.FAULT,
        f"the certificate could not be verified: {type(error).__name__}: {error}",
        "nothing is entered until it can be",
    )
