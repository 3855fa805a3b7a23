"""Columns give the same run as rows: what a quiet lane skips over could not have mattered."""

from __future__ import annotations

import pytest

from engine.model import layout as at
from sims.replay.columns import Lanes
from tests.property.core_worlds import World, hash_of, make_world, play

# Worlds in which only rules decide: who decides from outside sees every row.
SEEDS = [seed for seed in range(60) if not make_world(seed).acts]


def lanes_of(world: World) -> Lanes:
    _, core, _ = world.fresh(world.settings)
    reinvests = bool(core.account[at.ACCOUNT_REINVEST])
    return Lanes(world.sources, world.terms, always=reinvests)


@pytest.mark.parametrize("seed", SEEDS)
def test_lanes_decide_what_rows_decide(seed: int) -> None:
    world = make_world(seed)
    assert hash_of(play(world, lanes=lanes_of(world))) == hash_of(play(world))


def test_compiled_lanes_decide_the_same() -> None:
    for seed in SEEDS[:12]:
        world = make_world(seed)
        compiled = play(world, lanes=lanes_of(world), compiled=True)
        assert hash_of(compiled) == hash_of(play(world)), f"seed {seed}"
