"""Whoever is woken by an alert is told what to do: for every kind of episode that can begin."""

from __future__ import annotations

import re

import pytest

from engine.model.trading import ExitAlert, GuardAlert, Latch
from runtime.observing.advice import advice_on
from runtime.observing.health import Component
from tests.architecture.source import ROOT

KINDS = {
    kind
    for path in (ROOT / "runtime" / "session").glob("*.py")
    for kind in re.findall(r'(?:note\(|KIND: Final = )"(\w+)"', path.read_text("utf-8"))
}
EPISODES = [
    *(f"guard:{latch.name.lower()}" for latch in Latch if latch),
    "guard:trust",
    "guard:tilt",
    *(f"engine:{alert.name.lower()}:AAPL:7" for alert in (*ExitAlert, *GuardAlert)),
    "engine:unprotected:AAPL:7",
    "state:halted",
    "state:failed",
    *(f"noted:{kind}:something" for kind in sorted(KINDS)),
    *(f"health:{part}" for part in Component),
    "health:position AAPL",
    "refused:venue_refused",
    "channel:phone",
    "supervisor",
    "monitor",
    "several",
]


@pytest.mark.parametrize("episode", EPISODES)
def test_every_episode_says_what_to_do(episode: str) -> None:
    assert advice_on(episode, "20260131-2359-4k9zt")


def test_advice_is_a_command_to_copy() -> None:
    told = advice_on("guard:stop_losses:AAPL", "4k9zt"), advice_on("guard:daily_loss", "4k9zt")
    assert told[0] == "nothing: it ends by itself"
    assert "`trader sessions reset 4k9zt daily_loss --why TEXT`" in told[1]
    assert "`trader sessions release 4k9zt AAPL --why TEXT`" in advice_on(
        "noted:quarantine:AAPL", "4k9zt"
    )
    assert "sessions show last" in advice_on("state:failed", "")
    assert advice_on("of no kind", "") == ""


def test_the_kinds_of_notes_are_found() -> None:
    assert {"feed", "quarantine", "certificate", "drift", "halt", "strategy"} <= KINDS
