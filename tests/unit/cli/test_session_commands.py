"""The kill switch and sessions for programs: JSON, and exit codes that say what is so."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from cli.main import app
from tests.architecture.source import ROOT

EXAMPLE = str(ROOT / "examples" / "sma_cross.toml")


@pytest.fixture(autouse=True)
def _database(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TRADER_DATABASE_URL", f"sqlite:///{tmp_path / 'trader.db'}")
    monkeypatch.chdir(tmp_path)


def answer(*words: str) -> dict[str, Any]:
    result = CliRunner().invoke(app, [*words, "--json"])
    assert result.exit_code == 0, result.stderr
    found: dict[str, Any] = json.loads(result.stdout)
    return found


def test_a_halt_and_its_release_are_told_to_programs() -> None:
    halted = answer("halt", "--why", "smoke")
    assert (halted["why"], halted["flatten"]) == ("smoke", False)
    assert Path(halted["halted"]).is_file()
    released = answer("resume", "--why", "it was toast")
    assert (released["halted_by"], released["halted_why"]) == (halted["who"], "smoke")
    assert released["why"] == "it was toast"
    assert not Path(halted["halted"]).exists()


@pytest.mark.parametrize("mistake", ["[alerts]\nchannels = 3", "[databse]", "[limits]\nmax = true"])
def test_a_mistake_in_the_workspaces_file_keeps_nobody_from_halting(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, mistake: str
) -> None:
    monkeypatch.delenv("TRADER_DATABASE_URL")
    (tmp_path / "trader.toml").write_text('[database]\nurl = "sqlite:///ours.db"\n' + mistake)
    halted = answer("halt")
    assert Path(halted["halted"]) == tmp_path / "ours.sessions" / "HALT", "where sessions look"
    answer("resume", "--why", "it was corrected")
    assert not Path(halted["halted"]).exists()


@pytest.mark.parametrize("text", ["[database\n", "[database]\nurl = 3"])
def test_a_halt_that_cannot_know_its_database_says_what_halts_all_the_same(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, text: str
) -> None:
    monkeypatch.delenv("TRADER_DATABASE_URL")
    (tmp_path / "trader.toml").write_text(text)
    result = CliRunner().invoke(app, ["halt"])
    assert result.exit_code == 2
    assert "TRADER_DATABASE_URL" in result.stderr and "trader.toml" in result.stderr


def test_the_doctor_tells_that_everything_is_halted() -> None:
    answer("halt", "--why", "smoke")
    told = json.loads(CliRunner().invoke(app, ["doctor", "--json"]).stdout)
    found = {each["name"]: each for each in told["checks"]}["kill switch"]
    assert (found["health"], told["ok"]) == ("problem", False)
    assert "smoke" in found["detail"] and "trader resume" in found["remedy"]
    answer("resume", "--why", "it was toast")


def test_the_inputs_of_a_session_are_those_that_its_replay_takes() -> None:
    session = answer("paper", EXAMPLE)
    inputs = answer("replay", "last")["inputs"]
    assert session["inputs"] == answer("sessions", "show", "last")["inputs"] == inputs
    exported = answer("sessions", "export", "last", "a.journal")
    assert exported["problem"] is None
    assert exported["records"] == answer("verify", "a.journal")["records"] > inputs


def test_a_session_that_does_not_run_releases_nothing() -> None:
    answer("paper", EXAMPLE)
    result = CliRunner().invoke(app, ["sessions", "release", "last", "GOOG", "--why", "so"])
    assert result.exit_code == 2
    assert "is not running" in result.stderr
