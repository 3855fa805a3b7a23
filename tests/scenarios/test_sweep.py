"""`trader sweep` as a person meets it: in its own process, stopped, killed, resumed."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
from collections.abc import Callable, Sequence
from contextlib import suppress
from pathlib import Path

import polars as pl
import pytest
from polars.testing import assert_frame_equal
from typer.testing import CliRunner

from cli.main import app
from runtime.store import State, Store
from runtime.sweep import Place, prepare_sweep, run_sweep, space_of
from tests.running import is_running
from tests.unit.sweep.sweep_samples import CROSS, config_of

ASKED = ("--param", "fast=2:9:1", "--param", "slow=4:40:4", "--where", "fast < slow")
TRIALS = sum(fast < slow for fast in range(2, 10) for slow in range(4, 41, 4))
PROGRAM = (sys.executable, "-m", "trader")


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with a strategy and a registry of its own."""
    (tmp_path / "cross.toml").write_text(CROSS, "utf-8")
    monkeypatch.setenv("TRADER_DATABASE_URL", f"sqlite:///{tmp_path / 'registry.sqlite'}")
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join(path for path in sys.path if path))
    return tmp_path


def sweep_command(*more: str) -> list[str]:
    return [*PROGRAM, "sweep", "cross.toml", *ASKED, "--engine", "interpreted", *more]


def run(folder: Path, arguments: Sequence[str]) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        arguments, cwd=folder, capture_output=True, text=True, timeout=120, check=False
    )


def stopped_by(folder: Path, stop: Callable[[int], object]) -> subprocess.Popen[str]:
    """Start a search with two workers, and stop it as soon as its third part is there."""
    process = subprocess.Popen(
        sweep_command("--out", "out", "--jobs", "2"),
        cwd=folder,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,  # a process group of its own, as a terminal gives
    )
    parts = folder / "out" / "parts"
    while process.poll() is None and len(list(parts.glob("trials-*.parquet"))) < 3:
        with suppress(subprocess.TimeoutExpired):  # a test that only turns takes a core from them
            process.wait(timeout=0.02)
    stop(process.pid)
    return process


def workers_of(pid: int) -> list[int]:
    children = Path(f"/proc/{pid}/task/{pid}/children").read_text("ascii").split()
    return [int(child) for child in children]


@pytest.fixture(scope="module")
def whole_results(tmp_path_factory: pytest.TempPathFactory) -> pl.DataFrame:
    """Return what a search that nobody stops gives."""
    config = config_of(CROSS)
    space = space_of(config, [ASKED[1], ASKED[3]], [ASKED[5]])
    place = Place(jobs=1, engine="interpreted")
    folder = tmp_path_factory.mktemp("whole")
    return run_sweep(prepare_sweep(config, space), folder / "out", place=place).trials


def test_a_search_prints_the_best_what_luck_gives_and_its_files(folder: Path) -> None:
    done = run(folder, sweep_command("--top", "3"))
    assert done.returncode == 0, done.stderr
    assert f"cross on world:daily_bars: {TRIALS} trials, best by Sharpe" in done.stdout
    assert f"The best of {TRIALS} trials without any edge has a Sharpe of about" in done.stdout
    assert re.search(r"trader backtest cross.toml --param fast=\d+ --param slow=\d+", done.stdout)
    (out,) = (folder / "sweeps").iterdir()
    assert {path.name for path in out.iterdir()} == {
        "heatmap.png",
        "manifest.json",
        "results.parquet",
        "returns.parquet",
        "stability.png",
        "sweep-id",
    }
    again = run(folder, sweep_command())
    assert again.returncode == 2 and "add --resume" in again.stderr
    shown = run(folder, sweep_command("--resume", "--json"))
    values = json.loads(shown.stdout)
    assert values["trials"] == values["family_trials"] == TRIALS
    assert 0 < values["deflated_sharpe"]["probability"] < 1


def test_killed_at_any_moment_it_loses_nothing_and_leaves_no_workers(
    folder: Path, whole_results: pl.DataFrame
) -> None:
    workers: list[int] = []

    def kill(pid: int) -> None:
        workers.extend(workers_of(pid))
        os.kill(pid, signal.SIGKILL)

    process = stopped_by(folder, kill)
    assert process.wait(timeout=30) == -signal.SIGKILL
    assert len(workers) >= 2
    while any(is_running(worker) for worker in workers):
        os.sched_yield()  # the test's own time limit is the assertion
    assert not (folder / "out" / "results.parquet").exists()
    kept = len(pl.concat([pl.read_parquet(p) for p in folder.glob("out/parts/trials-*.parquet")]))
    assert 0 < kept < TRIALS
    resumed = run(folder, sweep_command("--out", "out", "--resume", "--json"))
    assert resumed.returncode == 0, resumed.stderr
    assert json.loads(resumed.stdout)["family_trials"] == TRIALS
    assert_frame_equal(pl.read_parquet(folder / "out" / "results.parquet"), whole_results)
    store = Store.open()
    states = {each.trials: each.state for each in store.sweeps()}
    store.close()
    assert states == {TRIALS: State.FINISHED}


def test_ctrl_c_stops_at_once_and_says_how_to_go_on(
    folder: Path, whole_results: pl.DataFrame
) -> None:
    process = stopped_by(folder, lambda pid: os.killpg(pid, signal.SIGINT))
    _, told = process.communicate(timeout=30)
    assert process.returncode == 130, told
    assert re.search(rf"stopped: \d+ of {TRIALS} trials are kept in out", told)
    assert "Traceback" not in told
    command = told.strip().splitlines()[-1].strip()
    assert command.startswith("trader sweep cross.toml") and command.endswith("--resume")
    store = Store.open()
    (stopped,) = store.sweeps()
    store.close()
    assert stopped.state is State.INTERRUPTED
    resumed = run(folder, sweep_command("--out", "out", "--jobs", "2", "--resume"))
    assert resumed.returncode == 0, resumed.stderr
    assert_frame_equal(pl.read_parquet(folder / "out" / "results.parquet"), whole_results)


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        ([], "no parameter to search is given; cross has: fast, slow"),
        (["--param", "fats=1:3:1"], "unknown parameter 'fats'"),
        (["--param", "fast=1:300:1"], "300 is not a number from 1 to 30"),
        (["--param", "fast", "--where", "fast <"], "--where"),
        (["--param", "fast", "--metric", "sharp"], "unknown metric 'sharp'"),
        (["--param", "fast", "--random", "0"], "at least one trial"),
        (["--param", "fast", "--random", "5", "--optuna", "5"], "--random and --optuna"),
        (["--param", "fast", "--train", "100b"], "belong to a walk-forward"),
        (["--param", "fast", "--walk-forward", "rolling"], "needs the lengths"),
        (
            ["--param", "fast", "--walk-forward", "rolling", "--train", "9y", "--test", "5b"],
            "'9y' is no length",
        ),
        (["--param", "fast", "--jobs", "0"], "0 processes cannot work"),
        (["--param", "fast", "--cluster", "tcp://127.0.0.1:1"], "no Dask scheduler answers"),
    ],
)
def test_what_cannot_be_searched_is_told_in_a_sentence(
    folder: Path, arguments: list[str], told: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(folder)
    done = CliRunner().invoke(app, ["sweep", "cross.toml", *arguments, "--out", "out"])
    assert done.exit_code == 2
    assert told in " ".join(done.stderr.split()) and "Traceback" not in done.stderr
    assert done.stdout == ""


def test_a_walk_forward_prints_its_windows_and_the_stitched_result(folder: Path) -> None:
    lengths = ("--train", "50b", "--test", "20b", "--purge", "2b")
    done = run(folder, sweep_command("--walk-forward", "anchored", *lengths, "--out", "out"))
    assert done.returncode == 0, done.stderr
    assert "walk-forward (anchored, train 50b test 20b purge 2b" in done.stdout
    assert "Out of sample, 7" in done.stdout
    assert all(len(line) <= 80 for line in done.stdout.splitlines() if "Files in" not in line)
    assert (folder / "out" / "walk-forward.png").stat().st_size > 10_000
