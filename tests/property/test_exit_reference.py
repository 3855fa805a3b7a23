"""The exits of the core against the reference model: in seeded worlds with an honest broker, and at a
venue of moods. At each look the same conditions hold, the same one wins, and the same is sent.
"""

from __future__ import annotations

from collections import Counter

import pytest

from engine.model.trading import AttemptResult, ExitAlert, ExitReason
from tests.property.core_worlds import lanes_of, play
from tests.property.exit_judge import ExitJudge
from tests.property.exit_venues import StubbornVenue, Venue, roomy
from tests.property.exit_worlds import make_exit_world
from tests.property.test_trading_worlds import audited, journal_of

# In some a request lies through the nights, and is asked again every five seconds.
LONG = (17, 41, 50)
WORLDS = [seed for seed in range(60) if seed not in LONG]
VENUES = range(20)
STUBBORN = range(12)
TWINS = (0, 9, 28)  # in which much is decided
MAKES_ROOM = 30  # its world has a position that goes for a better one
FILLED, DENIED = AttemptResult.FILLED, AttemptResult.DENIED


def judged_world(seed: int, patch: pytest.MonkeyPatch) -> ExitJudge:
    """Play a world with its honest broker; a difference raises."""
    world = make_exit_world(seed)
    judge = ExitJudge(world)
    with judge.watching(patch):
        machine = play(world)
    audited(world, machine)
    return judge


def judged_venue(seed: int, patch: pytest.MonkeyPatch, venue: type[Venue] = Venue) -> ExitJudge:
    """Play a seed at the venue of moods, or another; a difference raises."""
    world = roomy(make_exit_world(seed))
    judge = ExitJudge(world)
    with judge.watching(patch):
        venue(world).play()
    return judge


@pytest.mark.parametrize("seed", WORLDS)
def test_exits_are_those_of_the_reference(seed: int, monkeypatch: pytest.MonkeyPatch) -> None:
    judged_world(seed, monkeypatch)


@pytest.mark.parametrize("seed", VENUES)
def test_exits_at_a_venue_of_moods_are_those_of_the_reference(
    seed: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    judged_venue(seed, monkeypatch)


@pytest.mark.parametrize("seed", STUBBORN)
def test_exits_at_a_venue_that_changes_nothing_are_those_of_the_reference(
    seed: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    judged_venue(seed, monkeypatch, StubbornVenue)


def test_the_compiled_core_decides_what_the_reference_says(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    for seed in TWINS:
        judge = judged_world(seed, monkeypatch)
        world = make_exit_world(seed)
        machine = play(world, lanes=lanes_of(world), compiled=True)
        rows = journal_of(machine).tolist()
        decided = [said for said in map(judge.as_said, rows) if said is not None]
        assert decided == judge.said, f"seed {seed}"


def test_the_seeds_meet_all_that_an_exit_can_meet(monkeypatch: pytest.MonkeyPatch) -> None:
    met: Counter[str] = Counter()
    for seed in (*WORLDS[:15], MAKES_ROOM):
        met.update(judged_venue(seed, monkeypatch).seen)
        met.update(judged_world(seed, monkeypatch).seen)
    wanted = [f"fired {reason.name}" for reason in ExitReason if reason]
    wanted += [f"attempt {reason.name}" for reason in ExitReason if reason]
    wanted += [f"ended {result.name}" for result in AttemptResult if FILLED <= result <= DENIED]
    wanted += [f"exit {result.name}" for result in AttemptResult if result > DENIED]
    wanted += [f"alert {code.name}" for code in ExitAlert]
    assert not [name for name in wanted if not met[name]], met
