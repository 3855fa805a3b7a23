"""Columns give the same run as rows: what the replay skips over could not have mattered."""

from __future__ import annotations

from dataclasses import replace

import pytest

from engine.model import layout as at
from tests.property.core_worlds import World, hash_of, lanes_of, make_world, play, played
from tests.seeds import seeds

SEEDS = seeds(75)


def with_one_kind(world: World, kind: int) -> World:
    """Return a world whose instruments with ticks have only quotes, or only prints, and no bars."""
    ticked = {source.instrument for source in world.sources if source.kind == kind}
    dropped = {at.KIND_BAR, at.KIND_QUOTE, at.KIND_TRADE} - {kind}
    kept = [s for s in world.sources if not (s.instrument in ticked and s.kind in dropped)]
    return replace(world, sources=tuple(kept))


@pytest.mark.parametrize("seed", SEEDS)
def test_lanes_decide_what_rows_decide(seed: int) -> None:
    world = make_world(seed)
    assert hash_of(play(world, lanes=lanes_of(world))) == hash_of(played(world))


@pytest.mark.parametrize("kind", [at.KIND_QUOTE, at.KIND_TRADE])
def test_ticks_out_of_reach_of_resting_orders_are_skipped_rightly(kind: int) -> None:
    compared = 0
    for seed in SEEDS:
        whole = make_world(seed)
        world = with_one_kind(whole, kind)
        if whole.acts and len(world.sources) < len(whole.sources):
            assert hash_of(play(world, lanes=lanes_of(world))) == hash_of(play(world)), seed
            compared += 1
    assert compared > 10


def test_compiled_lanes_decide_the_same() -> None:
    for seed in SEEDS[:24]:
        world = make_world(seed)
        compiled = play(world, lanes=lanes_of(world), compiled=True)
        assert hash_of(compiled) == hash_of(played(world)), f"seed {seed}"
