"""The kill switch and sessions for programs: JSON, and exit codes that say what is so."""

from __future__ import annotations

import json
import socket
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from msgspec.structs import replace
from typer.testing import CliRunner

from cli.main import app
from cli.sessions import print_list
from runtime.journal.sessions import DRILL_ACCOUNT, NewSession, SessionStore
from runtime.session.states import SessionState
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
    assert session["evidence"] == "rehearsal"
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


def test_last_never_means_a_drill(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("cli.sessions._WAIT_SECONDS", 0.0)  # nobody answers
    store = SessionStore.open()
    wanted = store.begin_session(NewSession("sma_cross", "paper:sma_cross"))
    drilled = store.begin_session(NewSession("drill", DRILL_ACCOUNT))
    store.close()
    assert answer("sessions", "show", "last")["session"] == wanted
    assert answer("sessions", "show", drilled)["session"] == drilled, "by its id it is found"
    assert [each["session"] for each in answer("sessions", "list")["sessions"]] == [drilled, wanted]


def test_a_mistake_in_the_workspaces_file_keeps_nobody_from_asking_a_session(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("cli.sessions._WAIT_SECONDS", 0.0)  # nobody answers
    monkeypatch.delenv("TRADER_DATABASE_URL")
    (tmp_path / "trader.toml").write_text('[database]\nurl = "sqlite:///ours.db"\n[databse]\n')
    store = SessionStore.open(f"sqlite:///{tmp_path / 'ours.db'}")
    session = store.begin_session(NewSession("sma_cross", "paper:sma_cross"))
    store.close()
    asked = CliRunner().invoke(app, ["sessions", "stop", session, "--json"])
    assert (asked.exit_code, asked.stderr) == (0, "")
    assert json.loads(asked.stdout)["asked"] == "stop"


def test_a_replay_says_that_its_days_do_not_count_and_what_does() -> None:
    words = ["paper", EXAMPLE, "--for", "0.05", "--speed", "1"]
    told = CliRunner().invoke(app, words).stdout
    assert "no day of it counts for `trader promote`" in told
    assert "trader paper STRATEGY --feed alpaca" in told


def test_who_is_to_approve_signals_of_daily_bars_is_told_when_that_can_be() -> None:
    example = str(Path(EXAMPLE).with_name("full_loop.toml"))
    words = ["paper", example, "--for", "0.05", "--speed", "1", "--mode"]
    told = " ".join(CliRunner().invoke(app, [*words, "approve"]).stderr.split())
    assert "is for its next open. Approve it before that" in told
    assert "next open" not in CliRunner().invoke(app, [*words, "auto", "--new"]).stderr


def test_the_list_says_since_when_and_what_the_account_is_worth() -> None:
    session = answer("paper", EXAMPLE)
    told = CliRunner().invoke(app, ["sessions", "list"], env={"COLUMNS": "80"}).stdout.splitlines()
    assert told[0].split() == ["session", "broker", "state", "since", "strategy", "equity"]
    assert max(map(len, told)) <= 80
    (listed,) = answer("sessions", "list")["sessions"]
    assert listed["session"] == session["session"]
    assert told[1].split()[2:7] == [
        "stopped", listed["changed"][5:10], listed["changed"][11:16], "sma_cross", listed["equity"]
    ]  # fmt: skip


def test_the_list_of_eighty_columns_cuts_no_id_and_says_why_a_session_failed(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "80")
    with closing(SessionStore.open()) as store:
        wanted = NewSession("rehearsal", "PA3034C37C7E", broker="alpaca rehearsal")
        begun = store.get(store.begin_session(wanted))
    failed = replace(begun, state=SessionState.FAILED, cause="the venue refuses the keys")
    print_list([replace(failed, equity_minor=2_424_409_000_000)])
    told = capsys.readouterr().out.splitlines()
    assert max(map(len, told)) <= 80
    assert told[1].split()[:3] == [begun.id, "ALPACA", "failed"]
    assert told[1].split()[-2:] == ["rehearsal", "24244.09"]
    assert told[2].split() == ["REHEARSAL"], "what is too wide goes on below"
    assert told[3] == f"{begun.id}  failed: the venue refuses the keys"


def test_a_session_whose_feed_never_came_says_why_at_its_end() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        feed = f"ws://127.0.0.1:{server.getsockname()[1]}"
    words = ["paper", EXAMPLE, "--new", "--feed", feed, "--for", "0.2"]  # nobody listens any more
    told = CliRunner().invoke(app, words).stdout.splitlines()
    (why,) = (each for each in told if each.startswith("At its end"))
    assert why.startswith("At its end  feed disconnected: Cannot connect to host 127.0.0.1:")
    assert "Goes on     where it has stopped, at the next start" in told
