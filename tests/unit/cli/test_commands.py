"""The commands, called in this process."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, get_args

import pytest
from typer.main import get_command
from typer.testing import CliRunner, Result

from cli import data_import
from cli.backtest import with_json_target
from cli.main import app
from cli.reference import command_line_page
from data.importing.options import KINDS, Stamp
from engine.model.instruments import InstrumentKind
from runtime.workspace import create_workspace
from tests.unit.config.strategy_texts import MINIMAL

PAGE = Path(__file__).parents[3] / "docs" / "reference" / "cli.md"
PRICES = """\
Date,Open,High,Low,Close,Volume
2024-01-02,10.00,10.50,9.90,10.20,1000
2024-01-03,10.20,10.60,10.10,10.40,1100
2024-01-04,10.40,10.70,10.20,10.50,1200
"""


@pytest.fixture
def workspace(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    create_workspace(tmp_path / "work")
    monkeypatch.chdir(tmp_path / "work")
    Path("prices.csv").write_text(PRICES)
    return tmp_path / "work"


def trader(*args: str) -> Result:
    return CliRunner().invoke(app, list(args))


def answer(*args: str) -> dict[str, Any]:
    result = trader(*args, "--json")
    assert result.exit_code in (0, 1), result.stderr
    found: dict[str, Any] = json.loads(result.stdout)
    return found


IMPORT = ("data", "import", "prices.csv", "--name", "mine", "--symbol", "MINE")
IMPORT_BARS = (*IMPORT, "--calendar", "XNYS")


def _leaves(command: Any, words: tuple[str, ...] = ()) -> list[tuple[str, ...]]:
    """Return the words of every command that does something."""
    parts = getattr(command, "commands", {})
    shown = {name: each for name, each in parts.items() if not each.hidden}
    return [leaf for name, each in shown.items() for leaf in _leaves(each, (*words, name))] or [
        words
    ]


COMMANDS = _leaves(get_command(app))


@pytest.mark.parametrize("command", COMMANDS, ids=" ".join)
def test_every_command_explains_itself_with_an_example(command: tuple[str, ...]) -> None:
    result = trader(*command, "--help")
    assert result.exit_code == 0
    example = result.stdout.split("Example")[1]
    assert f"\n    trader {' '.join(command)}" in example, "on a line of its own"
    assert max(map(len, result.stdout.split("\n"))) <= 80


def test_the_reference_page_is_not_stale() -> None:
    renew = "python -m cli.reference > docs/reference/cli.md"
    assert PAGE.read_text("utf-8") == command_line_page(), f"renew it: {renew}"


@pytest.mark.parametrize("args", [("nothing",), ("backtest",), ("doctor", "--nothing"), ("data",)])
def test_wrong_use_is_exit_code_2(args: tuple[str, ...]) -> None:
    assert trader(*args).exit_code == 2


def test_without_a_command_the_help_is_shown() -> None:
    result = trader()
    assert result.exit_code == 0
    assert "Commands:" in result.stdout
    assert "trader demo" in result.stdout.split("Begin")[1], "what to type first"


# --- data -----------------------------------------------------------------------------------------


def test_a_file_is_imported_into_the_workspace_and_listed(workspace: Path) -> None:
    report = answer(*IMPORT_BARS)
    assert (report["rows"], report["symbols"], report["timeframe"]) == (3, ["MINE"], "1d")
    listed = answer("data", "list")
    assert listed["catalog"] == str(workspace / "catalog")
    assert [each["name"] for each in listed["datasets"]] == ["mine"]
    assert listed["datasets"][0]["fingerprint"] == report["fingerprint"]
    assert listed["samples"] == ["sample:goog"]


def test_the_list_fits_the_screen(workspace: Path) -> None:
    trader(*IMPORT_BARS)
    lines = trader("data", "list").stdout.split("\n")
    assert "mine" in lines[1] and "2024-01-02" in lines[1]
    assert max(len(line) for line in lines if "Catalog" not in line) <= 80


def test_an_existing_dataset_is_replaced_only_when_asked(workspace: Path) -> None:
    trader(*IMPORT_BARS)
    again = trader(*IMPORT_BARS)
    assert again.exit_code == 2
    assert "--replace or --append" in " ".join(again.stderr.split())
    assert trader(*IMPORT_BARS, "--replace").exit_code == 0
    assert trader(*IMPORT_BARS, "--replace", "--append").exit_code == 2


@pytest.mark.parametrize(
    ("args", "told"),
    [
        (("--column", "close"), "'close' is not name=value"),
        (("--column", "close=Nothing"), "Nothing"),
        (("--calendar", "MARS"), "MARS"),
        (("--calendar", "XNYS", "--where", "source=x"), "source"),
    ],
)
def test_a_wrong_option_is_explained_and_changes_nothing(
    workspace: Path, args: tuple[str, ...], told: str
) -> None:
    result = trader(*IMPORT, *args)
    assert result.exit_code == 2
    assert told in result.stderr
    assert not (workspace / "catalog").exists()


def test_the_words_of_the_options_are_those_of_the_importer() -> None:
    assert get_args(data_import.Kind) == KINDS
    assert get_args(data_import.Stamps) == tuple(each.value for each in Stamp)
    assert get_args(data_import.KindOfInstrument) == tuple(each.value for each in InstrumentKind)


# --- strategies -----------------------------------------------------------------------------------


def test_strategies_are_listed_and_checked(workspace: Path) -> None:
    listed = answer("strategies", "list")["strategies"]
    assert [each["name"] for each in listed] == ["mean_reversion", "sma_cross"]
    assert trader("strategies", "check").exit_code == 0


def test_a_broken_strategy_is_exit_code_1_and_the_others_are_shown(workspace: Path) -> None:
    Path("strategies/broken.toml").write_text(MINIMAL.replace("close >", "clse >"))
    result = trader("strategies", "check")
    assert result.exit_code == 1
    assert "ok      sma_cross" in result.stdout
    assert "broken  broken" in result.stdout
    assert "line 8, rules.entry" in result.stderr
    assert "3 checked, 1 broken" in result.stdout
    assert trader("strategies", "list").exit_code == 0
    assert answer("strategies", "check")["ok"] is False


def test_a_check_of_strategies_reads_their_python_too(workspace: Path) -> None:
    code = Path("strategies/mean_reversion.py")
    code.write_text(code.read_text().replace("sma(close, window)", "month()"))
    found = answer("strategies", "check")
    broken = [each for each in found["strategies"] if each["error"]]
    assert found["ok"] is False
    assert [each["name"] for each in broken] == ["mean_reversion"]
    assert "there is no function 'month'" in trader("strategies", "check").stderr


# --- doctor, init ---------------------------------------------------------------------------------


def test_the_doctor_finds_a_healthy_workspace(workspace: Path) -> None:
    found = answer("doctor")
    assert found["ok"] is True
    health = {each["name"]: each["health"] for each in found["checks"]}
    assert health["workspace"] == health["assertions"] == health["sample data"] == "ok"


def test_the_doctor_says_what_is_wrong_and_what_to_do(workspace: Path) -> None:
    Path("strategies/broken.toml").write_text("[")
    Path("catalog").write_text("not a folder")
    result = trader("doctor")
    assert result.exit_code == 1
    assert "trader strategies check says why" in result.stdout
    assert "is not a folder" in " ".join(result.stdout.split())


def test_a_wrong_workspace_file_does_not_stop_the_doctor(workspace: Path) -> None:
    Path("trader.toml").write_text("catalog = 5\n")
    found = answer("doctor")
    problems = [each for each in found["checks"] if each["health"] == "problem"]
    assert "trader.toml, line 1, catalog" in problems[0]["detail"]


def test_init_tells_the_next_step(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    result = trader("init", "new")
    assert result.exit_code == 0
    assert "trader backtest sma_cross" in result.stdout
    assert trader("init", "new").exit_code == 2


# --- backtest: what happens before the run --------------------------------------------------------


@pytest.mark.parametrize(
    ("args", "told"),
    [
        (("--param", "fsat=3"), "did you mean 'fast'?"),
        (("--param", "fast=abc"), "'abc' is neither a number nor true or false"),
        (("--param", "fast=1e30"), "1e30 is out of range"),
        (("--start", "soon"), "--start"),
        (("--start", "2006-01-02", "--end", "2006-01-01"), "the end is not after the start"),
        (("--data", "world:nothing"), "unknown synthetic market 'nothing'"),
        (("--plot", "trader.toml/a.png"), "trader.toml is a file, not a folder"),
        (("--plot", "a.gif"), "a picture ends in"),
    ],
)
def test_a_wrong_option_of_a_backtest_is_explained(
    workspace: Path, args: tuple[str, ...], told: str
) -> None:
    result = trader("backtest", "sma_cross", *args)
    assert result.exit_code == 2
    assert told in " ".join(result.stderr.split())


@pytest.mark.parametrize(
    ("written", "read"),
    [
        (["s.toml", "--json"], ["s.toml", "--json=-"]),
        (["--json", "s.toml"], ["--json=-", "s.toml"]),
        (["s.toml", "--json", "--plot", "a.png"], ["s.toml", "--json=-", "--plot", "a.png"]),
        (["s.toml", "--json", "a.json"], ["s.toml", "--json", "a.json"]),
        (["s.toml", "--json=a.json"], ["s.toml", "--json=a.json"]),
    ],
)
def test_json_may_stand_alone_or_name_a_file(written: list[str], read: list[str]) -> None:
    assert with_json_target(written) == read
