"""A slice of the seeded worlds, and two days of trading; `make sim SEED=0 COUNT=2000` runs many."""

from __future__ import annotations

import pytest

from runtime.session.venue_hearing import VenueOptions
from tests.simulation.plans import plan_of
from tests.simulation.worlds import run_seed

SLICE = 8  # tests, so that they spread over processes
SEEDS = 10  # of each


@pytest.mark.parametrize("part", range(SLICE))
def test_a_seeded_world_holds_every_invariant(part: int) -> None:
    """A failing seed is the whole bug report: ``make sim SEED=7`` tells its story."""
    for seed in range(part * SEEDS, (part + 1) * SEEDS):
        world = run_seed(seed)
        assert world.is_stolen or world.auditor.checks > 20


def test_a_world_is_a_function_of_its_seed() -> None:
    stories = [run_seed(11, keeps_story=True) for _ in range(2)]
    ours = [[line.split("tr-")[0] for line in world.story] for world in stories]
    assert ours[0] == ours[1]
    assert stories[0].auditor.checks == stories[1].auditor.checks


@pytest.mark.parametrize("seed", [3])
def test_days_with_faults_pass_in_seconds(seed: int) -> None:
    """Five days of ten-minute bars; the account is read each quarter of an hour, and after each gap."""
    watch = VenueOptions(reconcile_least=600, reconcile_most=1200)
    plan = plan_of(seed, minutes=5 * 24 * 60, step=600, busy=12, watch=watch)
    world = run_seed(seed, plan=plan)
    assert world.is_stolen or world.auditor.checks > 1_000
