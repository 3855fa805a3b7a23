"""A search on a Dask cluster: the rows of this machine, whatever happens to a worker."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack, suppress
from pathlib import Path

import pytest
from polars.testing import assert_frame_equal

from engine.errors import InputError
from runtime.sweep import Place, Sweep, prepare_sweep, run_sweep, space_of
from tests.unit.sweep.sweep_samples import CROSS, class_config, config_of

HERE = Place(jobs=1, engine="interpreted")
TRIALS = 120


class Cluster:
    """A scheduler and some worker processes on this machine."""

    def __init__(self, stack: ExitStack, folder: Path, *, workers: int) -> None:
        self._stack = stack
        self._folder = folder
        scheduler_file = folder / "scheduler.json"
        quiet = ("--no-dashboard", "--scheduler-file", str(scheduler_file))
        scheduler = self._start("scheduler", "--host", "127.0.0.1", "--port", "0", *quiet)
        while not scheduler_file.exists() or not scheduler_file.read_text("utf-8").endswith("}"):
            with suppress(subprocess.TimeoutExpired):
                scheduler.wait(timeout=0.02)
        single = ("--no-nanny", "--no-dashboard", "--nthreads", "1")
        self.workers = [
            self._start("worker", *single, "--scheduler-file", str(scheduler_file))
            for _ in range(workers)
        ]
        from distributed import Client

        with Client(scheduler_file=str(scheduler_file), set_as_default=False) as client:
            if workers:
                client.wait_for_workers(workers, timeout=60)
            self.address: str = client.scheduler.address

    def _start(self, *words: str) -> subprocess.Popen[bytes]:
        process = subprocess.Popen(
            [sys.executable, "-m", "distributed.cli.dask_" + words[0], *words[1:]],
            cwd=self._folder,
            env={**os.environ, "PYTHONPATH": os.pathsep.join(path for path in sys.path if path)},
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        self._stack.callback(process.wait, timeout=30)
        self._stack.callback(process.kill)
        return process


@pytest.fixture(scope="module")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cluster]:
    """Two workers; one of them is killed by one of the tests."""
    with ExitStack() as stack:
        yield Cluster(stack, tmp_path_factory.mktemp("cluster"), workers=2)


def cross_sweep() -> Sweep:
    config = config_of(CROSS)
    return prepare_sweep(config, space_of(config, ["fast=2:13:1", "slow=14:32:2"], []))


def test_a_cluster_gives_the_rows_of_one_machine_though_a_worker_is_killed(
    tmp_path: Path, cluster: Cluster
) -> None:
    seen: list[int] = []

    def kill_one(done: int, total: int, _failed: int) -> None:
        if 0 < done < total and not seen:
            seen.append(done)
            cluster.workers[0].send_signal(signal.SIGKILL)
            cluster.workers[0].wait()

    there = Place(cluster=cluster.address, engine="interpreted")
    spread = run_sweep(cross_sweep(), tmp_path / "there", place=there, progress=kill_one)
    assert seen and seen[0] < TRIALS // 2, "the worker was killed in the middle"
    alone = run_sweep(cross_sweep(), tmp_path / "here", place=HERE)
    assert len(alone.trials) == TRIALS and alone.failed == 0
    assert_frame_equal(spread.trials, alone.trials)
    assert_frame_equal(spread.returns, alone.returns)


def test_a_cluster_without_workers_is_told(tmp_path: Path) -> None:
    with ExitStack() as stack:
        there = Place(cluster=Cluster(stack, tmp_path, workers=0).address)
        with pytest.raises(InputError, match="the cluster has no workers"):
            run_sweep(cross_sweep(), tmp_path / "there", place=there)


def test_a_combination_that_raises_there_is_a_row(tmp_path: Path, cluster: Cluster) -> None:
    config = class_config(tmp_path)
    sweep = prepare_sweep(config, space_of(config, ["window=5:9:1"], []))
    there = Place(cluster=cluster.address, engine="interpreted")
    result = run_sweep(sweep, tmp_path / "there", place=there)
    errors = dict(result.trials.select("window", "error").iter_rows())
    assert "seven is not my number" in errors.pop(7)
    assert set(errors.values()) == {None}
