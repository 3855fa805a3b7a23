"""`trader report`, `trader compare`, and the files of `trader backtest`, from the shell."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from cli.main import app

EXAMPLE = "examples/sma_cross.toml"


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "home"))
    return tmp_path


def trader(*args: str) -> Result:
    return CliRunner().invoke(app, list(args))


def done(*args: str) -> str:
    result = trader(*args)
    assert result.exit_code == 0, result.stderr
    return result.stdout


def backtest(*args: str) -> str:
    return done("backtest", EXAMPLE, "--engine", "interpreted", *args)


def test_a_run_writes_its_report_its_tables_and_its_document() -> None:
    said = backtest("--report", "deep/r.html", "--out", "deep/tables", "--json", "a.json")
    for line in ("Report: deep/r.html", "Tables: deep/tables", "JSON: a.json"):
        assert line in said
    assert Path("deep/r.html").read_text("utf-8").startswith("<!DOCTYPE html>")
    assert {path.suffix for path in Path("deep/tables").iterdir()} == {".json", ".parquet"}
    document = json.loads(Path("a.json").read_text("utf-8"))
    assert document["run"]["id"] == document["run_id"]
    assert len(document["detail"]["daily"]["equity"]) == 1_048


def test_the_registry_a_file_and_a_folder_show_one_report() -> None:
    backtest("--report", "direct.html", "--out", "tables", "--json", "a.json")
    for number, run in enumerate(("last", "a.json", "tables")):
        done("report", run, "--html", f"{number}.html")
        assert Path(f"{number}.html").read_bytes() == Path("direct.html").read_bytes()


def test_a_report_in_the_terminal_fits_it_and_says_what_matters() -> None:
    backtest("--json", "a.json")
    page = done("report", "a.json")
    assert max(map(len, page.splitlines())) <= 80
    for said in ("180,183.10", "+80.18 %", "-36.10 %", "Sharpe 95 % interval"):
        assert said in page
    assert json.loads(done("report", "a.json", "--json"))["schema_version"] == 1


def test_a_report_reproduces_from_its_own_command() -> None:
    import shlex

    backtest("--param", "fast=10", "--json", "a.json")
    document = json.loads(Path("a.json").read_text("utf-8"))
    program, *command = shlex.split(document["reproduce"])
    assert program == "trader"
    again = json.loads(done(*command, "--engine", "interpreted", "--json"))
    assert again["state_hash"] == document["state_hash"]


def test_two_runs_are_compared_with_their_first_difference() -> None:
    backtest("--json", "a.json")
    backtest("--param", "fast=10")
    page = done("compare", "a.json", "last", "--html", "c.html", "--plot", "c.svg")
    assert max(map(len, page.splitlines())) <= 80
    assert "parameters.fast: 20 against 10" in page and "within luck" in page
    assert Path("c.html").is_file() and Path("c.svg").is_file()
    values = json.loads(done("compare", "a.json", "last", "--json"))
    assert values["same"] is False and values["common_days"] == 1_047


def test_a_run_compared_with_itself_is_the_same() -> None:
    backtest("--json", "a.json")
    assert "same state, to the last bit" in done("compare", "a.json", "last")


@pytest.mark.parametrize(
    ("command", "says"),
    [
        (("report", "nothing"), "no run is called 'nothing'"),
        (("report", "missing.json"), "No such file"),
        (("report", "."), "No such file"),
        (("report", "broken.json"), "not JSON"),
        (("report", "deep.json"), "not JSON"),
        (("report", "latin.json"), "not JSON"),
        (("report", "last", "--html", "broken.json/r.html"), "is a file, not a folder"),
        (("compare", "last", "nothing"), "no run is called 'nothing'"),
        (("compare", "last", "last", "--plot", "c.jpg"), "no picture"),
        (("backtest", EXAMPLE, "--out", "."), "other files"),
        (("backtest", EXAMPLE, "--report", "broken.json/r.html"), "is a file, not a folder"),
    ],
)
def test_what_cannot_be_shown_is_told_in_a_line_or_two(command: tuple[str, ...], says: str) -> None:
    backtest()
    Path("broken.json").write_text("{")
    Path("deep.json").write_text("[" * 10_000)
    Path("latin.json").write_bytes(b'["caf\xe9"]')
    result = trader(*command)
    assert result.exit_code == 2
    assert says in result.stderr and len(result.stderr.splitlines()) <= 4
    assert Path("broken.json").read_text() == "{"


def test_a_failed_run_has_nothing_to_report() -> None:
    Path("s.py").write_text(
        "from trader import Strategy\nclass S(Strategy):\n    def on_bar(self, bar): 1 / 0\n"
    )
    Path("s.toml").write_text(
        '[strategy]\nname = "s"\nclass = "s.py:S"\n[data]\ndataset = "sample:goog"\n'
    )
    assert trader("backtest", "s.toml").exit_code == 2
    result = trader("report", "last")
    assert result.exit_code == 2 and "it is failed" in result.stderr
