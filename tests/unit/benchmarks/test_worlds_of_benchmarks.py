"""The benchmarks' data: the same for everybody, and without what libraries may decide differently."""

from __future__ import annotations

import numpy as np
import pytest

from benchmarks.scale import blocks
from benchmarks.world import FAST, SLOW, WORLDS, random_walk, without_ties


def test_the_walk_is_a_function_of_its_seed() -> None:
    first, again, other = random_walk(500), random_walk(500), random_walk(500, seed=8)
    assert np.array_equal(first.close, again.close)
    assert not np.array_equal(first.close, other.close)


def test_no_two_averages_are_ever_equal() -> None:
    cents = np.round(random_walk(20_000).close * 100).astype(np.int64)
    fast = np.convolve(cents, np.ones(FAST, dtype=np.int64), "valid")[SLOW - FAST :]
    slow = np.convolve(cents, np.ones(SLOW, dtype=np.int64), "valid")
    assert (SLOW * fast != FAST * slow).all()


def test_a_constant_price_has_its_ties_moved_by_a_cent_each() -> None:
    moved = without_ties(np.full(60, 100, dtype=np.int64), fast=2, slow=4)
    assert set((moved - 100).tolist()) == {0, 1}


def test_bars_are_possible_and_have_two_decimals() -> None:
    walk = random_walk(5_000)
    assert (walk.high >= np.maximum(walk.open, walk.close)).all()
    assert (walk.low <= np.minimum(walk.open, walk.close)).all()
    assert np.array_equal(walk.close, np.round(walk.close, 2))


def test_each_bar_opens_where_the_one_before_closed() -> None:
    """Peers that fill at the close of the decision trade at everybody's price because of it."""
    walk = random_walk(1_000)
    assert np.array_equal(walk.open[1:], walk.close[:-1])


def test_quotes_are_never_crossed() -> None:
    quotes = WORLDS["quotes"](10_000)
    assert (quotes["ask"] > quotes["bid"]).all()


@pytest.mark.parametrize("world", sorted(WORLDS))
def test_times_ascend(world: str) -> None:
    assert (np.diff(WORLDS[world](300)["ts"]) > 0).all()


def test_blocks_of_a_long_walk_join_without_a_gap(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("benchmarks.scale.BLOCK", 400)
    parts = list(blocks(1_000))
    assert [len(part["ts"]) for part in parts] == [400, 400, 200]
    assert parts[1]["open"][0] == parts[0]["close"][-1]
    assert np.diff(np.concatenate([part["ts"] for part in parts])).min() > 0
