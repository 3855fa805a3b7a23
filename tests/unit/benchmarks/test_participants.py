"""Real processes: what a participant prints, how it fails, and that they take turns."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from benchmarks import environments, participant
from benchmarks.environments import NotInstalledError, Peer, find_python, load_peers
from benchmarks.participant import Task
from benchmarks.profile import Stopwatch, stage_table
from benchmarks.record import Record
from benchmarks.run import measure_in_turn
from benchmarks.workloads import COLD_PEERS, MEMORY_PEERS, WORKLOADS

PROGRAM = """
def w1b(data):
    print("a library says hello")
    def once():
        print("and again")
        with open({log!r}, "a") as file:
            file.write({name!r})
        return len(data.close), data.close[-1]
    return once
"""


@pytest.fixture
def data(tmp_path: Path) -> Path:
    """Return a folder with ten bars."""
    folder = tmp_path / "data"
    folder.mkdir()
    for name in ("ts", "close"):
        np.save(folder / f"{name}.npy", np.arange(10))
    (folder / "complete.json").write_text(json.dumps({"arrays": ["ts", "close"]}))
    return folder


@pytest.fixture
def stage(tmp_path: Path, data: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Let peers be files in a folder, run by this Python on ten bars."""
    monkeypatch.setattr(environments, "HERE", tmp_path)
    monkeypatch.setattr(participant, "environment_of", lambda peer: Path(sys.executable))
    monkeypatch.setattr(participant, "data_folder", lambda world, size: data)
    monkeypatch.setenv("TRADER_BENCH_HOME", str(tmp_path / "cache"))
    (tmp_path / "peers").mkdir()
    return tmp_path / "peers"


def write_peer(stage: Path, name: str) -> Task:
    """Write a peer that notes its turns in a log; return its task."""
    log = str(stage / "log")
    (stage / f"{name}.py").write_text(PROGRAM.format(log=log, name=name))
    return Task("W1b", "bars", 7, Peer(name, name, "1"))


def test_what_a_library_prints_does_not_mix_with_the_answer(stage: Path, data: Path) -> None:
    write_peer(stage, "a")
    worker = Path(participant.HERE) / "worker.py"
    command = [sys.executable, "-P", str(worker), str(stage / "a.py"), "W1b", str(data)]
    done = subprocess.run([*command, "--rounds", "2"], capture_output=True, text=True, check=True)
    answer = json.loads(done.stdout)
    assert (answer["fills"], answer["equity"], len(answer["all"])) == (10, 9.0, 2)
    assert answer["peak_kib"] >= answer["baseline_kib"] > 0
    assert "a library says hello" in done.stderr


def test_participants_take_turns_after_one_run_each_that_is_not_counted(stage: Path) -> None:
    record = Record(None)
    tasks = [write_peer(stage, "a"), write_peer(stage, "b")]
    measure_in_turn(record, tasks, rounds=2)
    assert (stage / "log").read_text() == "abab" + "ab"
    assert [len(cell.samples) for cell in record.cells.values()] == [2, 2]


def test_only_the_rounds_that_are_missing_are_run(stage: Path) -> None:
    record = Record(None)
    task = write_peer(stage, "a")
    measure_in_turn(record, [task], rounds=1)
    measure_in_turn(record, [task], rounds=1)
    assert len(record.cell("W1b", "a", 7).samples) == 1


def test_a_participant_that_raises_does_not_stop_the_others(stage: Path) -> None:
    record = Record(None)
    bad = write_peer(stage, "bad")
    (stage / "bad.py").write_text("def w1b(data):\n    raise ValueError('no licence')\n")
    measure_in_turn(record, [bad, write_peer(stage, "good")], rounds=1)
    assert record.cell("W1b", "bad", 7).failed == "failed: ValueError: no licence"
    assert len(record.cell("W1b", "good", 7).samples) == 1


DIES = """
import os
rounds = []
def w1b(data):
    def once():
        rounds.append(1)
        if len(rounds) == 3:
            os._exit(3)
        return 1, 1.0
    return once
"""


def test_a_participant_that_dies_in_a_round_keeps_what_it_had(stage: Path) -> None:
    record = Record(None)
    task = write_peer(stage, "a")
    (stage / "a.py").write_text(DIES)
    measure_in_turn(record, [task], rounds=3)
    cell = record.cell("W1b", "a", 7)
    assert len(cell.samples) == 1
    assert cell.failed == "failed: ended without a word"


def test_a_peer_that_cannot_be_installed_is_recorded_so(
    stage: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(peer: Peer) -> Path:
        raise NotInstalledError("no matching distribution")

    monkeypatch.setattr(participant, "environment_of", refuse)
    record = Record(None)
    measure_in_turn(record, [write_peer(stage, "a")], rounds=1)
    assert record.cell("W1b", "a", 7).failed == "not installed: no matching distribution"


def test_a_python_that_is_too_old_is_told(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.delenv("TRADER_BENCH_PYTHON", raising=False)
    monkeypatch.setenv("PYENV_ROOT", str(tmp_path))
    with pytest.raises(NotInstalledError, match=r"needs Python 3\.90"):
        find_python("3.90")


@pytest.mark.parametrize("name", sorted(load_peers()))
def test_each_peer_is_pinned_and_has_its_program(name: str) -> None:
    peer = load_peers()[name]
    assert all("==" in requirement for requirement in peer.requirements)
    assert peer.file.is_file(), peer.file


def test_each_peer_of_a_workload_has_a_function_for_it() -> None:
    peers = load_peers()
    wanted = [(name, item.name) for item in WORKLOADS.values() for name in item.peers]
    wanted += [(name, work) for work, names in MEMORY_PEERS.items() for name in names]
    wanted += [(name, "W5") for name in COLD_PEERS]
    missing = []
    for name, workload in wanted:
        text = peers[name].file.read_text()
        if f"def {workload.lower()}(" not in text and f"{workload.lower()} = " not in text:
            missing.append((name, workload))
    assert not missing


def test_time_counts_for_the_innermost_stage() -> None:
    watch = Stopwatch()
    watch.enter("outer")
    watch.enter("inner")
    watch.leave()
    watch.leave()
    assert set(watch.seconds) == {"outer", "inner"}
    assert "whole" in stage_table({"outer": 1.0, "other": 1.0, "whole": 2.0}).splitlines()[-1]
