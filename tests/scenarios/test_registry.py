"""No backtest without its record: real processes, killed, interrupted, broken and refused."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from cli.main import app
from runtime.backtest.recorded import recorded_backtest
from runtime.config import load_strategy, parse_strategy
from runtime.store import State, Store
from runtime.store.location import VARIABLE

ROOT = Path(__file__).parents[2]
EXAMPLE = "examples/sma_cross.toml"
WAITING = """
from pathlib import Path
from trader import Strategy
class Waiting(Strategy):
    def on_bar(self, bar):
        Path(__file__).with_name("gate").read_bytes()
"""
BROKEN = """
from trader import Strategy
class Broken(Strategy):
    def on_bar(self, bar):
        raise ValueError("no idea")
"""
FILE = """\
[strategy]
name = "mine"
class = "mine.py:{name}"
[data]
dataset = "sample:goog"
"""


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "home"))
    monkeypatch.setenv(VARIABLE, f"sqlite:///{tmp_path / 'trader.sqlite'}")
    return tmp_path


def write_strategy(folder: Path, name: str, code: str) -> None:
    (folder / "mine.py").write_text(code)
    (folder / "mine.toml").write_text(FILE.format(name=name))


def trader(*args: str) -> Result:
    return CliRunner().invoke(app, list(args))


def listed() -> list[dict[str, object]]:
    found: list[dict[str, object]] = json.loads(trader("runs", "list", "--json").stdout)["runs"]
    return found


# --- what a run leaves ------------------------------------------------------------------------------
def test_a_run_is_recorded_with_all_that_it_was_and_gave() -> None:
    answer = json.loads(trader("backtest", EXAMPLE, "--param", "fast=10", "--json").stdout)
    shown = json.loads(trader("runs", "show", answer["run"]["id"], "--json").stdout)
    assert answer["run"]["trial"] == 1
    assert (shown["state"], shown["origin"]) == ("finished", "cli")
    assert shown["parameters"] == {"fast": "10", "slow": "50"}
    assert shown["state_hash"] == answer["state_hash"]
    assert shown["final_equity"] == answer["paths"]["pessimistic"]["final_equity"]
    assert shown["reproduce"] == answer["reproduce"]
    result, numbered = shown["result"], ("run", "run_id")
    assert {name: result[name] for name in result if name not in numbered} == {
        name: answer[name] for name in answer if name not in numbered
    }
    metrics = answer["paths"]["pessimistic"]["metrics"]
    assert shown["total_return"] == pytest.approx(metrics["total_return"])
    assert shown["sharpe_daily"] * 252**0.5 == pytest.approx(metrics["sharpe"])
    assert len(shown["returns"]) == shown["observations"] == 1047


def test_trials_count_evaluations_not_runs() -> None:
    def trial(*options: str) -> int:
        found: int = json.loads(trader("backtest", EXAMPLE, *options, "--json").stdout)["run"][
            "trial"
        ]
        return found

    assert [trial(), trial(), trial("--param", "fast=10"), trial("--start", "2006-01-01")] == [
        1, 1, 2, 3,
    ]  # fmt: skip
    assert len({each["family"] for each in listed()}) == 1


def test_a_strategy_under_another_name_in_another_workspace_counts_on(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv(VARIABLE)  # the user's own
    assert "trial 1 of this family" in trader("backtest", EXAMPLE).stdout
    assert trader("init", "work").exit_code == 0
    monkeypatch.chdir(folder / "work")
    path = folder / "work" / "strategies" / "sma_cross.toml"
    text = path.read_text().replace('name = "sma_cross"', 'name = "mine"')
    path.write_text(re.sub(r"\bfast\b", "quick", text))
    output = trader("backtest", "sma_cross", "--param", "quick=11").stdout
    assert "trial 2 of this family" in output
    assert re.search(r"^Run +\d{8}-\d{6}-\w{5}, trial 2 of this family$", output, re.MULTILINE)


def test_the_demo_is_recorded() -> None:
    assert trader("demo").exit_code == 0
    assert [each["strategy"] for each in listed()] == ["sma_cross"]


def test_a_run_from_python_is_recorded_where_the_user_says(folder: Path) -> None:
    store = Store.open(f"sqlite:///{folder / 'other.sqlite'}")
    config = load_strategy(ROOT / EXAMPLE)
    result, run_id = recorded_backtest(config, store=store, engine="interpreted")
    found = store.run(run_id)
    assert (found.origin, found.state) == ("python", State.FINISHED)
    assert (found.final_equity, found.state_hash) == (result.final_equity, result.state_hash)
    assert listed() == []


def test_history_of_ones_own_is_recorded(folder: Path) -> None:
    from data.samples import load_sample

    config = parse_strategy((ROOT / EXAMPLE).read_text(), Path("strategy.toml"))
    history = load_sample("goog").between(None, 1_200_000_000_000_000_000)
    _, run_id = recorded_backtest(config, history=history, engine="interpreted")
    found = Store.open().run(run_id)
    assert found.data_id == history.fingerprint
    assert found.command == ""  # no command has that history


# --- what breaks ------------------------------------------------------------------------------------
def test_a_strategy_that_raises_is_a_failed_run_with_its_line(folder: Path) -> None:
    write_strategy(folder, "Broken", BROKEN)
    assert trader("backtest", "mine.toml").exit_code == 2
    (run,) = listed()
    assert run["state"] == "failed"
    assert "mine.py, line 5: ValueError in on_bar: no idea" in str(run["error"])
    assert run["final_equity"] is None


def test_bad_input_is_no_run(folder: Path) -> None:
    assert trader("backtest", EXAMPLE, "--data", "none").exit_code == 2
    assert trader("backtest", EXAMPLE, "--param", "fast=0").exit_code == 2
    assert listed() == []


def test_ctrl_c_is_an_interrupted_run(folder: Path) -> None:
    with in_the_middle(folder) as process:
        process.send_signal(signal.SIGINT)
        assert process.wait() == 130
    (run,) = listed()
    assert (run["state"], run["error"]) == ("interrupted", "stopped by the user")
    assert run["ended_ns"] is not None


def test_a_killed_run_is_seen_running_and_then_interrupted(folder: Path) -> None:
    with in_the_middle(folder) as process:
        (run,) = listed()
        assert (run["state"], run["pid"]) == ("running", process.pid)
        process.kill()
        process.wait()
    (run,) = listed()
    assert run["state"] == "interrupted"
    assert "killed" in str(run["error"])
    table = trader("runs", "list").stdout
    assert "interrupted" in table
    assert "1 trial" in table


@contextmanager
def in_the_middle(folder: Path) -> Iterator[subprocess.Popen[bytes]]:
    """Give a backtest whose strategy waits at its first bar until the other end of a pipe is closed."""
    write_strategy(folder, "Waiting", WAITING)
    os.mkfifo(folder / "gate")
    command = [sys.executable, "-m", "trader", "backtest", "mine.toml"]
    environment = os.environ | {"PYTHONPATH": str(ROOT)}
    with (
        subprocess.Popen(command, env=environment, stderr=subprocess.PIPE) as process,
        (folder / "gate").open("wb"),  # returns when the strategy reads
    ):
        yield process


# --- what is refused --------------------------------------------------------------------------------
def test_without_a_registry_nothing_runs(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(VARIABLE, f"sqlite:///{folder}")
    result = trader("backtest", EXAMPLE, "--plot", "out.png")
    assert result.exit_code == 2
    assert result.stdout == ""
    assert "the registry of runs cannot be opened" in result.stderr
    assert VARIABLE in result.stderr
    assert not (folder / "out.png").exists()


def test_a_result_that_cannot_be_recorded_is_not_shown(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The disk may fill up while a run is under way."""
    import sqlite3

    import runtime.backtest.recorded as recorded

    original = recorded.outcome_of

    def and_lock(result: object) -> object:
        lock = sqlite3.connect(folder / "trader.sqlite", isolation_level=None)
        lock.execute("DROP TABLE runs")
        lock.close()
        return original(result)  # type: ignore[arg-type]

    monkeypatch.setattr(recorded, "outcome_of", and_lock)
    result = trader("backtest", EXAMPLE)
    assert result.exit_code == 2
    assert result.stdout == ""
    assert "no such table" in result.stderr


# --- what one sees ----------------------------------------------------------------------------------
def test_lists_fit_the_screen_and_can_be_cut_to_a_family() -> None:
    trader("backtest", EXAMPLE)
    trader("backtest", str(ROOT / "examples" / "python_class" / "mean_reversion.toml"))
    output = trader("runs", "list").stdout
    *lines, place = output.splitlines()
    assert max(map(len, lines)) <= 80
    assert place.startswith("Registry: ")
    assert "\x1b" not in output
    family = str(listed()[0]["family"])
    one = json.loads(trader("runs", "list", "--family", family[:8], "--json").stdout)["runs"]
    assert [each["strategy"] for each in one] == ["mean_reversion"]
    assert len(json.loads(trader("runs", "list", "--limit", "1", "--json").stdout)["runs"]) == 1


def test_a_run_is_shown_by_its_random_end_and_as_the_last() -> None:
    trader("backtest", EXAMPLE)
    run_id = str(listed()[0]["id"])
    for name in (run_id, run_id[-5:], "last"):
        output = trader("runs", "show", name).stdout
        assert run_id in output
        assert "finished" in output
        assert max(map(len, output.splitlines())) <= 80


def test_an_empty_registry_says_what_to_do() -> None:
    assert "No run yet: trader backtest STRATEGY" in trader("runs", "list").stdout
    unknown = trader("runs", "show", "nothing")
    assert unknown.exit_code == 2
    assert "`trader runs list` shows their ids" in unknown.stderr


def test_a_backtest_loads_no_database_library(folder: Path) -> None:
    """It is recorded through the standard library: importing the others takes longer than it runs."""
    code = (
        "import sys; from pathlib import Path\n"
        "from runtime.config import load_strategy\n"
        "from runtime.backtest.recorded import recorded_backtest\n"
        f"recorded_backtest(load_strategy(Path({str(ROOT / EXAMPLE)!r})), engine='interpreted')\n"
        "print([name for name in ('sqlalchemy', 'alembic') if name in sys.modules])"
    )
    environment = os.environ | {"PYTHONPATH": str(ROOT)}
    command = [sys.executable, "-c", code]
    done = subprocess.run(command, env=environment, capture_output=True, check=False)
    assert done.stdout == b"[]\n", done.stderr
