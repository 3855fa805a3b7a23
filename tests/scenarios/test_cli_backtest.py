"""`trader backtest` and `trader demo` from the shell to the last line."""

from __future__ import annotations

import json
import os
import pty
import re
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from cli.main import app

ROOT = Path(__file__).parents[2]
PNG = b"\x89PNG\r\n\x1a\n"
EXAMPLE = "examples/sma_cross.toml"


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "home"))
    return tmp_path


def trader(*args: str) -> Result:
    return CliRunner().invoke(app, list(args))


def in_process(*args: str, hash_seed: str) -> dict[str, object]:
    result = subprocess.run(
        [sys.executable, "-m", "trader", *args, "--json"],
        env=os.environ | {"PYTHONPATH": str(ROOT), "PYTHONHASHSEED": hash_seed},
        capture_output=True,
        check=True,
    )
    assert result.stderr == b""
    found: dict[str, object] = json.loads(result.stdout)
    return found


def test_the_example_runs_from_anywhere_and_fits_the_screen() -> None:
    result = trader("backtest", EXAMPLE)
    assert result.exit_code == 0, result.stderr
    assert "sma_cross" in result.stdout
    assert "State hash" in result.stdout or "Hash pessim." in result.stdout
    assert max(map(len, result.stdout.split("\n"))) <= 80


def test_two_processes_agree_to_the_last_bit() -> None:
    first = in_process("backtest", EXAMPLE, hash_seed="1")
    second = in_process("backtest", EXAMPLE, hash_seed="2")
    for answer in (first, second):
        del answer["elapsed_seconds"], answer["run"], answer["run_id"]
    assert first == second


def test_another_parameter_is_another_run_and_can_be_reproduced() -> None:
    usual = json.loads(trader("backtest", EXAMPLE, "--json").stdout)
    other = json.loads(trader("backtest", EXAMPLE, "--param", "fast=10", "--json").stdout)
    assert usual["parameters"] == {"fast": "20", "slow": "50"}
    assert other["parameters"] == {"fast": "10", "slow": "50"}
    assert usual["state_hash"] != other["state_hash"]


def test_dates_cut_the_history() -> None:
    args = ("backtest", EXAMPLE, "--start", "2006-01-01", "--end", "2007-01-01", "--json")
    period = json.loads(trader(*args).stdout)["period"]
    assert (period["start"], period["end"]) == ("2006-01-03", "2006-12-29")


def test_dates_without_data_are_an_error() -> None:
    result = trader("backtest", EXAMPLE, "--start", "2020-01-01")
    assert result.exit_code == 2
    assert "no data" in result.stderr


def test_the_picture_and_the_json_file_are_written_and_named(folder: Path) -> None:
    result = trader("backtest", EXAMPLE, "--plot", "out.png", "--json", "out.json")
    assert result.exit_code == 0, result.stderr
    assert result.stdout.endswith("Picture: out.png\nJSON: out.json\n")
    assert (folder / "out.png").read_bytes().startswith(PNG)
    assert json.loads((folder / "out.json").read_text())["strategy"] == "sma_cross"
    assert sorted(each.name for each in folder.iterdir()) == ["out.json", "out.png"]


def test_imported_data_is_found_by_name(folder: Path) -> None:
    rows = [f"2024-01-{day:02},10,11,9,{10 + day / 100},100000" for day in (2, 3, 4, 5, 8, 9)]
    (folder / "p.csv").write_text("\n".join(["Date,Open,High,Low,Close,Volume", *rows]))
    options = ("--name", "mine", "--symbol", "A", "--calendar", "XNYS")
    assert trader("data", "import", "p.csv", *options).exit_code == 0
    result = trader("backtest", EXAMPLE, "--data", "mine", "--json")
    assert json.loads(result.stdout)["instruments"] == ["A"], result.stderr
    wrong = trader("backtest", EXAMPLE, "--data", "mien")
    assert wrong.exit_code == 2
    assert "did you mean 'mine'?" in wrong.stderr


def test_the_demo_runs_and_says_where_its_picture_is(folder: Path) -> None:
    result = trader("demo")
    assert result.exit_code == 0, result.stderr
    assert "Picture: trader-demo.png" in result.stdout
    assert (folder / "trader-demo.png").read_bytes().startswith(PNG)


def test_a_new_workspace_runs_its_example(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert trader("init", "work").exit_code == 0
    monkeypatch.chdir(folder / "work")
    assert trader("backtest", "sma_cross").exit_code == 0


LONG = """\
[strategy]
name = "long"
[data]
dataset = "world:minute_bars"
[data.world]
instruments = 1
length = 510_000
[rules]
entry = "close > sma(close, 20)"
exit = "close < sma(close, 20)"
"""


def test_ctrl_c_in_the_middle_of_a_run_leaves_no_file(folder: Path) -> None:
    (folder / "long.toml").write_text(LONG)
    ours, theirs = pty.openpty()
    process = subprocess.Popen(
        [sys.executable, "-m", "trader", "backtest", "long.toml", "--engine", "interpreted",
         "--plot", "out.png", "--json", "out.json"],
        env=os.environ | {"PYTHONPATH": str(ROOT), "TERM": "xterm"},
        stdin=theirs, stdout=subprocess.PIPE, stderr=theirs,
    )  # fmt: skip
    os.close(theirs)
    shown = ""
    while not re.search(r"[1-9]\d?%", shown):  # the bar moves: the run is in its middle
        shown += os.read(ours, 65_536).decode()
    process.send_signal(signal.SIGINT)
    rest = _read_all(ours)
    stdout, _ = process.communicate()
    assert process.returncode == 130
    assert stdout == b""
    assert "interrupted: nothing half-written is left" in rest
    assert "Traceback" not in rest
    assert [each.name for each in folder.iterdir()] == ["long.toml"]


def _read_all(terminal: int) -> str:
    read = b""
    while True:
        try:
            piece = os.read(terminal, 65_536)
        except OSError:  # the other side is closed
            return read.decode()
        if not piece:
            return read.decode()
        read += piece
