"""The certificate of a session that runs: every minute, every venue day, every send."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

import pytest

from runtime.promotion.certificate import Verdict, VerifiedCertificate
from runtime.promotion.problems import Code, Problem
from runtime.promotion.watch import CertificateWatch
from tests.unit.promotion.certificates import DAY, NOW, RUNS, MovableClock, body_of, like

VALID = VerifiedCertificate(body_of(), NOW)
REVOKED = Problem(Code.REVOKED, "the certificate was revoked: no reason", "request a new one")


class Venue:
    """What a watch looks at, as a test sets it."""

    def __init__(self) -> None:
        self.clock = MovableClock()
        self.verdict: Verdict | Exception = VALID
        self.runs = RUNS
        self.day = 1
        self.checks: list[int] = []  # seconds since the start
        self.told: list[Verdict] = []
        self.watch = CertificateWatch(
            self.check,
            lambda: self.runs,
            self.clock,
            day=lambda: self.day,
            told=self.told.append,
            off_loop=at_once,
        )

    def check(self) -> Verdict:
        self.checks.append((self.clock.steady_ns - NOW) // 10**9)
        if isinstance(self.verdict, Exception):
            raise self.verdict
        return self.verdict

    def renewed(self) -> str:
        asyncio.run(self.watch.renew())
        return self.watch.text()


async def at_once(check: Callable[[], Verdict]) -> Verdict:
    return check()


@pytest.fixture
def venue() -> Venue:
    return Venue()


def test_nothing_is_entered_before_it_was_verified(venue: Venue) -> None:
    assert venue.watch.text() == "the certificate was not verified yet"


def test_a_verified_certificate_lets_through(venue: Venue) -> None:
    assert venue.renewed() == ""


def test_a_problem_is_told_in_its_words(venue: Venue) -> None:
    venue.verdict = REVOKED
    assert venue.renewed() == "the certificate was revoked: no reason"


def test_what_cannot_be_verified_denies(venue: Venue) -> None:
    assert venue.renewed() == ""
    venue.verdict = RuntimeError("the database is gone")
    assert venue.renewed() == (
        "the certificate could not be verified: RuntimeError: the database is gone"
    )
    venue.verdict = VALID
    assert venue.renewed() == ""


def test_an_edit_is_seen_at_the_next_send(venue: Venue) -> None:
    venue.renewed()
    venue.runs = like(RUNS, exits__stop_loss_percent="50")
    assert venue.watch.text() == "what runs is not what the certificate is for"


def test_the_expiry_is_seen_at_the_next_send(venue: Venue) -> None:
    venue.renewed()
    venue.clock.wall_ns = VALID.certificate.expires_ns
    assert venue.watch.text() == "the certificate has expired"


def test_a_clock_that_is_moved_back_is_seen_at_the_next_send(venue: Venue) -> None:
    venue.renewed()
    venue.clock.wall_ns = VALID.certificate.issued_ns - 1
    assert venue.watch.text() != ""


def test_a_watch_that_has_died_denies(venue: Venue) -> None:
    venue.renewed()
    venue.clock.steady_ns += 180 * 10**9
    assert venue.watch.text() == "the certificate was last verified 180 s ago"


def test_an_error_at_a_send_denies(venue: Venue) -> None:
    venue.renewed()
    venue.runs = None  # type: ignore[assignment]
    assert "could not be verified" in venue.watch.text()


def test_it_warns_three_days_before_it_expires(venue: Venue) -> None:
    venue.renewed()
    assert not venue.watch.warns
    venue.clock.wall_ns = VALID.certificate.expires_ns - 3 * DAY + 1
    assert venue.watch.warns


def test_it_is_verified_each_minute_and_at_each_venue_day(venue: Venue) -> None:
    async def minutes() -> None:
        running = asyncio.create_task(venue.watch.run())
        while venue.clock.steady_ns < NOW + 100 * 10**9:
            if venue.clock.steady_ns >= NOW + 75 * 10**9:
                venue.day = 2
            await asyncio.sleep(0)
        running.cancel()

    asyncio.run(minutes())
    assert venue.checks[:3] == [0, 60, 75]


def test_only_news_is_told(venue: Venue) -> None:
    for verdict in (VALID, VALID, REVOKED, REVOKED, VALID):
        venue.verdict = verdict
        venue.renewed()
    assert venue.told == [VALID, REVOKED, VALID]


def test_a_check_runs_beside_the_loop() -> None:
    """Files and databases can be slow: by default the session goes on meanwhile."""
    watch = CertificateWatch(lambda: VALID, lambda: RUNS, MovableClock())
    renew: Callable[[], Awaitable[Verdict]] = watch.renew

    async def both() -> Verdict:
        return await renew()

    assert asyncio.run(both()) == VALID
    assert watch.text() == ""
