"""What a rehearsal has earned opens venues of this machine, at any port, and nothing else."""

from __future__ import annotations

import asyncio

import pytest

from brokers.alpaca.environments import rehearsal
from engine.errors import ConfigError, NegativeAnswer
from engine.ports import Environment
from runtime.gateway.checks import Limits
from runtime.session.live import go_live
from runtime.session.live_plan import LiveStart
from tests.unit.live.rehearsals import Rehearsal
from tests.unit.live.test_live_refusals import LiveDoor


class Confirmed(Exception):
    """Nothing has spoken against it; the session does not begin all the same."""


def stop(start: LiveStart) -> None:
    raise Confirmed


async def tried(here: Rehearsal, content: bytes | None = None) -> str:
    """Try to begin at a venue of its own; return the venue's address."""
    with here.desk() as desk, here.store() as store:
        async with here.venue() as venue:
            limits = Limits(order_value_minor=10**12, position_value_minor=10**12)
            plan = here.plan(venue, confirm=stop, content=content, limits=limits)
            with pytest.raises(Confirmed):
                await go_live(store, plan, desk)
            return venue.url


async def refused(here: Rehearsal, environment: Environment, content: bytes | None = None) -> str:
    """Try at an account that is said to be of an environment; return why not."""
    with here.desk() as desk, here.store() as store:
        async with here.venue() as venue:
            door = LiveDoor(here.door(venue), environment, environment)
            limits = Limits(order_value_minor=10**12, position_value_minor=10**12)
            plan = here.plan(venue, confirm=stop, content=content, limits=limits)
            plan.door = door if environment is not Environment.REHEARSAL else here.door(venue)
            with pytest.raises(NegativeAnswer) as caught:
                await go_live(store, plan, desk)
            return caught.value.code


def test_another_port_is_the_same_rehearsal(here: Rehearsal) -> None:
    here.issue()
    first, second = asyncio.run(tried(here)), asyncio.run(tried(here))
    assert first != second


def test_no_live_and_no_paper_account_is_opened(here: Rehearsal) -> None:
    content = here.issue().to_bytes()
    assert asyncio.run(refused(here, Environment.LIVE, content)) == "certificate.environment"
    assert asyncio.run(refused(here, Environment.PAPER, content)) == "live.environment"


def test_an_edited_environment_breaks_the_signature(here: Rehearsal) -> None:
    content = here.issue().to_bytes()
    edited = content.replace(b'"environment":"rehearsal"', b'"environment":"live"')
    assert edited != content
    for environment in (Environment.LIVE, Environment.REHEARSAL):
        assert asyncio.run(refused(here, environment, edited)) == "certificate.signature"


def test_rehearsed_evidence_signed_for_live_is_refused(here: Rehearsal) -> None:
    """Even with both keys: what was rehearsed is not real."""
    live = here.issue(here.runs(Environment.LIVE), evidence_class="rehearsal").to_bytes()
    assert asyncio.run(refused(here, Environment.LIVE, live)).startswith("certificate.")


@pytest.mark.parametrize(
    "url",
    [
        "https://api.alpaca.markets",
        "https://paper-api.alpaca.markets",
        "http://127.0.0.1.example.com:8790",
        "http://10.0.0.1:8790",
    ],
)
def test_no_other_address_is_a_rehearsal(url: str) -> None:
    with pytest.raises(ConfigError):
        rehearsal(url)
