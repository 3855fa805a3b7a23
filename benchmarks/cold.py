"""W5: how long a person waits for a small backtest in a new process, and for ``--help``.

Timed from outside: interpreter, imports, 2,500 bars from a file, backtest, end of the process. *Warm*:
byte code and compiled kernels are where an earlier run left them. *Fresh*: as after an installation,
the folders of byte code and of compiled kernels are empty; the files themselves are in memory. An
environment in which Python may not write byte code (containers often say so) would make every start a
fresh one, for us and for all peers: it is told to, into folders of its own.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from time import perf_counter
from typing import Any

from benchmarks.environments import HERE, NotInstalledError, Peer
from benchmarks.participant import OURS, ParticipantError, Task, last_line, run_alone
from benchmarks.record import Record
from benchmarks.workloads import COLD_BARS, COLD_PEERS, WORLD_SIZES
from benchmarks.world import cache_root, data_folder

WARM, FRESH = "W5 warm", "W5 fresh"
FRESH_ROUNDS = 2
HELP, YARDSTICK, CLI = "trader --help", "import typer, rich", "trader backtest"


@dataclass(frozen=True, slots=True)
class Start:
    """Something that is started and waited for."""

    name: str
    run: Callable[[dict[str, str]], dict[str, Any]]


def measure_cold(record: Record, peers: dict[str, Peer], rounds: int) -> None:
    """Measure all starts, warm in turn, then fresh in turn."""
    starts = [Start(OURS, _worker(None)), *_own_commands()]
    starts += [Start(name, _worker(peers[name])) for name in COLD_PEERS if name in peers]
    warm = warm_variables()
    for start in starts:
        _attempt(record, WARM, start, warm, keep=False)
    for turn in range(rounds):
        for start in starts:
            if len(record.cell(WARM, start.name, COLD_BARS).samples) <= turn:
                _attempt(record, WARM, start, warm)
    for turn in range(FRESH_ROUNDS):
        for start in starts:
            if len(record.cell(FRESH, start.name, COLD_BARS).samples) <= turn:
                with tempfile.TemporaryDirectory() as folder:
                    _attempt(record, FRESH, start, fresh_variables(Path(folder)))


def warm_variables() -> dict[str, str]:
    """Return variables that keep byte code from one start to the next."""
    return {
        "PYTHONDONTWRITEBYTECODE": "",  # empty is as good as not set
        "PYTHONPYCACHEPREFIX": str(cache_root() / "bytecode"),
    }


def fresh_variables(folder: Path) -> dict[str, str]:
    """Return variables that point every cache at an empty folder."""
    return {
        "PYTHONDONTWRITEBYTECODE": "",
        "XDG_CACHE_HOME": str(folder / "cache"),
        "NUMBA_CACHE_DIR": str(folder / "numba"),
        "PYTHONPYCACHEPREFIX": str(folder / "bytecode"),
    }


def _attempt(
    record: Record, kind: str, start: Start, variables: dict[str, str], *, keep: bool = True
) -> None:
    cell = record.cell(kind, start.name, COLD_BARS)
    if cell.failed:
        return
    try:
        answer = start.run(variables)
    except (NotInstalledError, ParticipantError) as error:
        cell.failed = f"failed: {error}"
        print(f"{kind} {start.name}: {cell.failed}", file=sys.stderr, flush=True)
        return
    if keep:
        cell.about = {key: answer.pop(key) for key in ("version", "python") if key in answer}
        cell.samples.append(answer)
        record.save()
        print(f"{kind} {start.name}: {answer['seconds']:.3f} s", file=sys.stderr, flush=True)


def _worker(peer: Peer | None) -> Callable[[dict[str, str]], dict[str, Any]]:
    task = Task("W5", "bars", COLD_BARS, peer)

    def run(variables: dict[str, str]) -> dict[str, Any]:
        task.command()  # installs, before the clock runs
        started = perf_counter()
        answer = run_alone(task, "--cold", variables=variables)
        return answer | {"seconds": perf_counter() - started}

    return run


def _own_commands() -> list[Start]:
    """Return our command line: a backtest of the same bars from the catalog, and the help."""
    trader = [str(Path(sys.executable).parent / "trader")]
    if not Path(trader[0]).is_file():
        trader = [sys.executable, "-m", "trader"]
    strategy = str(HERE / "strategies" / "cross_rule.toml")

    def backtest(variables: dict[str, str]) -> dict[str, Any]:
        catalog = imported_catalog(trader)
        command = [*trader, "backtest", strategy, "--data", "walk", "--catalog", str(catalog)]
        return _timed(command, variables)

    return [
        Start(CLI, backtest),
        Start(HELP, lambda variables: _timed([*trader, "--help"], variables)),
        Start(
            YARDSTICK,
            lambda variables: _timed([sys.executable, "-c", "import typer, rich"], variables),
        ),
    ]


def _timed(command: list[str], variables: dict[str, str]) -> dict[str, Any]:
    started = perf_counter()
    done = subprocess.run(
        command, capture_output=True, text=True, env=os.environ | variables, check=False
    )
    seconds = perf_counter() - started
    if done.returncode != 0:
        raise ParticipantError(last_line(done.stderr))
    return {"seconds": seconds}


def imported_catalog(trader: list[str]) -> Path:
    """Return a catalog with the first bars of the walk as dataset ``walk``; import them if needed."""
    import numpy as np
    import polars as pl

    catalog = cache_root() / f"catalog-{COLD_BARS}-v2"
    marker = catalog / "complete"
    if marker.is_file():
        return catalog
    shutil.rmtree(catalog, ignore_errors=True)
    folder = data_folder("bars", WORLD_SIZES["bars"])
    columns = {
        name: np.load(folder / f"{name}.npy")[:COLD_BARS]
        for name in ("ts", "open", "high", "low", "close", "volume")
    }
    frame = pl.DataFrame(columns).with_columns(pl.from_epoch("ts", time_unit="ns"))
    catalog.mkdir(parents=True)
    frame.write_parquet(catalog / "walk.parquet")
    command = [*trader, "data", "import", str(catalog / "walk.parquet"), "--name", "walk"]
    command += ["--symbol", "WALK", "--timezone", "UTC", "--stamp", "close", "--timeframe", "1m"]
    command += ["--calendar", "24/7", "--instrument-kind", "equity", "--catalog", str(catalog)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise ParticipantError(last_line(done.stderr))
    marker.touch()
    return catalog
