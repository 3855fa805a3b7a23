"""The stationary bootstrap: draws by counters, blocks as arch's, spread as arch's."""

from __future__ import annotations

import subprocess
import sys

import numpy as np
import pytest
from numpy.typing import NDArray

from engine.errors import InputError
from engine.rules.bootstrap import (
    Resampling,
    block_indices,
    resampled_indices,
    resampled_returns,
    seed_of,
    uniforms,
)


def some_returns(n: int = 300) -> NDArray[np.float64]:
    return np.random.default_rng(5).standard_t(4, n) * 0.01 + 0.0006


def test_a_path_does_not_depend_on_how_many_others_are_asked_for() -> None:
    whole = resampled_indices(50, Resampling(seed=3, paths=100), first=0, count=100)
    for first, count in ((0, 1), (7, 1), (40, 60)):
        piece = resampled_indices(50, Resampling(seed=3, paths=1), first=first, count=count)
        assert np.array_equal(piece, whole[first : first + count])


def test_seeds_differ_and_are_the_same_in_another_process() -> None:
    code = (
        "from engine.rules.bootstrap import *;"
        "print(resampled_indices(90, Resampling(seed=8), 3, 1).tolist())"
    )
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    here = resampled_indices(90, Resampling(seed=8), 3, 1).tolist()
    assert run.stdout.strip() == str(here)
    assert resampled_indices(90, Resampling(seed=9), 3, 1).tolist() != here


def test_the_blocks_are_arch_s_when_the_draws_are() -> None:
    samplers = pytest.importorskip("arch.bootstrap._samplers_python")
    rng = np.random.default_rng(1)
    starts, draws = rng.integers(0, 200, (20, 200)), rng.random((20, 200))
    ours = block_indices(starts, draws <= 0.1, starts.shape[1])
    for row in range(20):
        theirs = samplers.stationary_bootstrap_sample_python(starts[row].copy(), draws[row], 0.1)
        assert np.array_equal(ours[row], theirs)


def test_the_spread_of_a_statistic_is_arch_s() -> None:
    """Deviation of the mean over 2,000 paths each: two estimates agree within 5 %."""
    bootstrap = pytest.importorskip("arch.bootstrap")
    returns = some_returns()
    theirs = bootstrap.StationaryBootstrap(10, returns, seed=7).apply(np.mean, 2_000)
    pieces = list(resampled_returns(returns, Resampling(seed=7)))
    ours = np.concatenate(pieces).mean(axis=1)
    assert ours.size == 2_000
    assert ours.mean() == pytest.approx(theirs.mean(), abs=4 * theirs.std() / np.sqrt(2_000))
    assert ours.std() == pytest.approx(theirs.std(), rel=0.05)


def test_the_draws_are_uniform_and_the_blocks_as_long_as_said() -> None:
    draws = uniforms(1, np.arange(200, dtype=np.uint64)[:, np.newaxis], np.arange(500))
    assert draws.min() >= 0.0 and draws.max() < 1.0
    counts, _ = np.histogram(draws, bins=20, range=(0, 1))
    expected = draws.size / 20
    assert ((counts - expected) ** 2 / expected).sum() < 43.8  # chi-square, 19 degrees, 99.9 %
    indices = resampled_indices(1_000, Resampling(seed=2, mean_block=10), 0, 100)
    jumps = (np.diff(indices, axis=1) % 1_000 != 1).mean()
    assert jumps == pytest.approx(0.1, abs=0.005)


def test_pieces_are_the_whole(monkeypatch: pytest.MonkeyPatch) -> None:
    returns = some_returns(40)
    whole = np.concatenate(list(resampled_returns(returns, Resampling(seed=4, paths=30))))
    monkeypatch.setattr("engine.rules.bootstrap._CHUNK_CELLS", 130)
    pieces = list(resampled_returns(returns, Resampling(seed=4, paths=30)))
    assert len(pieces) == 10
    assert np.array_equal(np.concatenate(pieces), whole)


@pytest.mark.parametrize(("paths", "block"), [(0, 10.0), (10, 0.5), (10, float("nan"))])
def test_nonsense_is_refused(paths: int, block: float) -> None:
    with pytest.raises(InputError, match="must be at least 1"):
        Resampling(seed=1, paths=paths, mean_block=block)


def test_a_fingerprint_is_a_seed() -> None:
    assert seed_of("8427b6cb36ef6b0e112294d24a018761") == 0x8427B6CB36EF6B0E
