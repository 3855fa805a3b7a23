"""`trader explain`: a recorded run is made again, or refused with what has changed."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from cli.main import app
from runtime.explain.again import journal_of_record
from runtime.results.result import BacktestResult
from runtime.store import Store
from runtime.store.location import VARIABLE
from runtime.workspace import create_workspace
from tests.unit.explain.test_real_runs import LOOPED


@pytest.fixture
def workspace(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    create_workspace(tmp_path / "work")
    monkeypatch.chdir(tmp_path / "work")
    monkeypatch.setenv(VARIABLE, f"sqlite:///{tmp_path / 'runs.sqlite'}")
    return tmp_path / "work"


def trader(*args: str) -> Result:
    return CliRunner().invoke(app, list(args))


def ran(*options: str) -> None:
    result = trader("backtest", "sma_cross", "--engine", "interpreted", *options)
    assert result.exit_code == 0, result.stderr


def test_an_order_of_the_last_run_is_told(workspace: Path) -> None:
    ran("--param", "fast=10", "--start", "2006-01-01")
    shown = trader("explain", "last", "--order", "1")
    assert shown.exit_code == 0, shown.stderr
    lines = shown.stdout.splitlines()
    assert lines[0].startswith("Order 1: buy ") and "GOOG" in lines[0]
    assert any("by market.open (taker)" in line for line in lines)
    assert max(map(len, lines)) <= 80
    assert re.match(r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d  Order 1 sent", lines[1])


def test_a_folder_tells_the_same_without_running(
    workspace: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    ran("--out", "kept")
    by_run = trader("explain", "last", "--order", "2", "--json")
    monkeypatch.setattr("runtime.explain.again.run_backtest", None)  # a call would fail
    by_folder = trader("explain", "kept", "--order", "2", "--json")
    one, other = json.loads(by_run.stdout), json.loads(by_folder.stdout)
    assert (one.pop("run"), other.pop("run")) == ("last", "kept")
    assert one == other and one["subject"] == "order 2"
    assert one["lines"][0]["event"] == "submitted"


def test_a_changed_strategy_is_refused_with_what_changed(workspace: Path) -> None:
    ran()
    file = workspace / "strategies" / "sma_cross.toml"
    text = file.read_text()
    file.write_text(re.sub(r"(?m)^cash = .*$", "cash = 54321", text))
    assert file.read_text() != text
    refused = trader("explain", "last", "--order", "1")
    assert refused.exit_code == 2
    said = " ".join(refused.stderr.split())
    assert "cannot be made again: its configuration differs in account.cash" in said
    assert "--out DIR" in said


def test_another_program_is_refused(workspace: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    ran()
    monkeypatch.setattr("runtime.store.identity.engine_digest", lambda: "f" * 64)
    refused = trader("explain", "last", "--order", "1")
    assert refused.exit_code == 2
    assert "another version of the program" in " ".join(refused.stderr.split())


def test_another_outcome_is_refused(workspace: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    ran()
    monkeypatch.setattr(BacktestResult, "state_hash", property(lambda _: "0" * 32))
    refused = trader("explain", "last", "--order", "1")
    assert refused.exit_code == 2
    assert "in 000000000000 now" in " ".join(refused.stderr.split())


def test_a_run_on_data_that_no_command_names_is_refused(workspace: Path) -> None:
    from runtime.backtest.histories import load_history
    from runtime.backtest.recorded import recorded_backtest
    from runtime.config import load_strategy

    config = load_strategy(workspace / "strategies" / "sma_cross.toml")
    history = load_history(config.data, workspace)
    _, run_id = recorded_backtest(config, history=history, engine="interpreted")
    refused = trader("explain", run_id, "--order", "1")
    assert refused.exit_code == 2 and "no command names" in " ".join(refused.stderr.split())


def test_the_run_is_made_again_to_the_same_journal(workspace: Path) -> None:
    ran()
    journal = journal_of_record(Store.open().run("last"))
    assert journal.strategy == "sma_cross" and len(journal.journal) > 100


@pytest.mark.parametrize(
    ("args", "says"),
    [
        ((), "say what to explain"),
        (("--order", "1", "--position", "1"), "say what to explain"),
    ],
)
def test_what_is_to_be_explained_is_asked_before_any_work(
    workspace: Path, args: tuple[str, ...], says: str
) -> None:
    refused = trader("explain", "nowhere", *args)
    assert refused.exit_code == 2 and says in " ".join(refused.stderr.split())


@pytest.mark.parametrize(
    ("run", "says"),
    [("kept", "no journal here"), ("result.json", "has no journal"), ("zzzz", "zzzz")],
)
def test_what_has_no_journal_says_so(workspace: Path, run: str, says: str) -> None:
    (workspace / "kept").mkdir()
    refused = trader("explain", run, "--order", "1")
    assert refused.exit_code == 2 and says in " ".join(refused.stderr.split())


def test_a_position_of_a_looped_run_is_told_from_the_folder_and_from_the_registry(
    workspace: Path,
) -> None:
    (workspace / "strategies" / "looped.toml").write_text(LOOPED)
    done = trader("backtest", "looped", "--engine", "interpreted", "--out", "kept")
    assert done.exit_code == 0, done.stderr
    assert "Exits, USD" in done.stdout
    one = json.loads(trader("explain", "kept", "--position", "3", "--json").stdout)
    other = json.loads(trader("explain", "last", "--position", "3", "--json").stdout)
    assert one["lines"] == other["lines"]
    assert {"signal_received", "checked", "exit_fired", "position_closed"} <= {
        line["event"] for line in one["lines"]
    }
    signal = trader("explain", "kept", "--signal", "1")
    assert signal.exit_code == 0 and "Signal 1 to buy GOOG from rule" in signal.stdout
