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


@pytest.mark.parametrize("option", ["--approve", "--verify"])
def test_a_file_that_is_not_there_is_told_with_what_to_do(
    workspace: Workspace, option: str
) -> None:
    answer = workspace.trader("promote", option, "nofile")
    assert answer.exit_code == 2
    said = " ".join(answer.stderr.split())
    assert "there is no such file" in said and "in nofile" in said
    assert "`trader promote STRATEGY --request` writes a request" in said


def test_a_request_that_was_not_written_is_told_as_such(workspace: Workspace) -> None:
    for role in ("gate", "approver"):
        assert workspace.trader("keys", "new", role, "--name", role).exit_code == 0
    answer = workspace.trader("promote", "sma.toml", "--request")
    assert answer.exit_code == 1
    assert "No request was written: it has to lack a person's approval only." in answer.stdout
    assert not [*workspace.folder.glob("*.request")]
    assert "No request" not in workspace.trader("promote", "sma.toml").stdout
