"""`trader promote STRATEGY`: what the gate says of a strategy, on a machine with nothing but the sample."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner, Result

from cli.main import app
from tests.architecture.source import ROOT


class Workspace:
    """A folder with its own database."""

    def __init__(self, folder: Path, patch: pytest.MonkeyPatch) -> None:
        self.folder = folder
        patch.chdir(folder)
        patch.setenv("TRADER_DATABASE_URL", f"sqlite:///{folder / 'runs.db'}")
        (folder / "trader.toml").write_text("# ours\n")
        text = (ROOT / "examples" / "sma_cross.toml").read_text()
        sealed = 'dataset = "sample:goog"\nholdout = 2007-06-01'
        (folder / "sma.toml").write_text(text.replace('dataset = "sample:goog"', sealed))

    def trader(self, *words: str) -> Result:
        return CliRunner().invoke(app, words)

    def report(self, *words: str) -> dict[str, Any]:
        answer = self.trader("promote", "sma.toml", "--json", *words)
        assert answer.exit_code == 1
        report = json.loads(answer.stdout)
        return {check["id"]: check for check in report["checks"]} | {"overall": report["overall"]}


@pytest.fixture
def workspace(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Workspace:
    return Workspace(tmp_path, monkeypatch)


def test_a_strategy_that_was_never_run_has_everything_before_it(workspace: Workspace) -> None:
    checks = workspace.report()
    assert checks["overall"] == "FAIL"
    for check in ("R01", "R02", "R04", "R05", "R08", "R09", "R11", "R12", "S08", "P01"):
        assert checks[check]["verdict"] == "INSUFFICIENT", check
    assert checks["R03"]["verdict"] == "FAIL", "it has no limits"


def test_the_table_says_what_would_change_the_answer(workspace: Workspace) -> None:
    assert workspace.trader("backtest", "sma.toml").exit_code == 0
    answer = workspace.trader("promote", "sma.toml")
    assert answer.exit_code == 1
    assert "sma_cross at alpaca: FAIL, profile standard, evidence REAL" in answer.output
    assert "R07 evidence_fresh" in answer.output and "→ Newer data." in answer.output
    assert "the venue was not asked: no account at a venue is configured" in answer.output


def test_an_edited_row_of_the_registry_fails(workspace: Workspace) -> None:
    import sqlite3

    workspace.trader("backtest", "sma.toml")
    assert workspace.report()["R08"]["verdict"] == "PASS"
    with sqlite3.connect(workspace.folder / "runs.db") as database:
        database.execute("UPDATE runs SET final_equity = '1000000', sharpe_daily = 0.3")
    checks = workspace.report()
    assert checks["R06"]["verdict"] == "FAIL"
    assert "final equity" in checks["R06"]["sentence"]


def test_what_was_edited_since_its_backtest_has_none(workspace: Workspace) -> None:
    workspace.trader("backtest", "sma.toml")
    path = workspace.folder / "sma.toml"
    path.write_text(path.read_text().replace("default = 20", "default = 21", 1))
    assert workspace.report()["R01"]["verdict"] == "INSUFFICIENT"


def test_a_request_needs_the_gates_key_before_anything_is_read(workspace: Workspace) -> None:
    answer = workspace.trader("promote", "sma.toml", "--request")
    assert answer.exit_code == 2
    assert "gate" in answer.output and "trader keys new gate" in answer.output


def test_a_request_that_does_not_pass_writes_none_and_counts(workspace: Workspace) -> None:
    workspace.trader("backtest", "sma.toml")
    workspace.trader("keys", "new", "gate", "--name", "gate")
    first, second = (workspace.report("--request") for _ in range(2))
    assert first["S08"]["verdict"] in ("PASS", "FAIL"), "the holdout was read"
    assert second["S05"]["value"] != first["S05"]["value"], "a look and an attempt are trials"
    assert not list(workspace.folder.glob("*.request"))
