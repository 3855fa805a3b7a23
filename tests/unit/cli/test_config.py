"""`trader config show` and `trader config explain` as a person meets them."""

from __future__ import annotations

import json
import tomllib
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner, Result

from cli.main import app
from runtime.config.explaining import USED_BY, all_keys, explain, used_by
from runtime.config.showing import HIDDEN, ShownKey, shown_strategy, shown_workspace

EXAMPLES = sorted((Path(__file__).parents[3] / "examples").rglob("*.toml"))
FILE = """\
[strategy]
name = "shown"
[parameters]
fast = 20
[data]
dataset = "sample:goog"
start = 2006-01-01
[rules]
entry = "close > sma(close, fast)"
[account]
leverage = 2
[risk]
max_positions = 5
[exits]
stop_loss = { percent = 12.50 }
"""


def trader(*words: str) -> Result:
    return CliRunner().invoke(app, ["config", *words], catch_exceptions=False)


@pytest.fixture(autouse=True)
def _in_a_folder_with_a_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    Path("shown.toml").write_text(FILE)


def shown(text: str = FILE, **overrides: Any) -> dict[str, ShownKey]:
    Path("other.toml").write_text(text)
    return {each.name: each for each in shown_strategy(Path("other.toml"), overrides)}


ORIGINS = [
    ("strategy.name", '"shown"', "file line 2"),
    ("parameters.fast", "20", "file line 4"),
    ("data.start", '"2006-01-01"', "file line 7"),
    ("data.adjustment", '"splits"', "default"),
    ("account.leverage", "2", "file line 11"),
    ("account.allow_short", "false", "default"),
    ("sizing.method", '"equal_weight"', "default"),
    ("sizing.fraction", "0.95", "default"),
    ("execution.timeout", '"30s"', "default"),
    ("risk.max_positions", "5", "file line 13"),
    ("risk.max_gross_percent", "200", "default"),  # follows the leverage
    ("risk.max_quote_age", '"1m"', "default"),
    ("exits.stop_loss.percent", "12.50", "file line 15"),
    ("exits.stop_loss.wait", '"5s"', "default"),
    ("exits.partial_exit_target.stages", "[[15, 50], [25, 25]]", "default"),
    ("fills.volume_cap", "0.1", "default"),
    ("fills.fees.maker_bps", "", "default"),
]


@pytest.mark.parametrize(("key", "text", "origin"), ORIGINS)
def test_every_key_tells_its_value_and_its_origin(key: str, text: str, origin: str) -> None:
    found = shown()[key]
    assert (found.text(), found.origin) == (text, origin)


def test_the_command_line_is_an_origin() -> None:
    result = trader("show", "shown.toml", "--param", "fast=30", "--json")
    keys = {each["key"]: each for each in json.loads(result.stdout)["keys"]}
    assert keys["parameters.fast"] == {"key": "parameters.fast", "value": "30", "origin": "--param"}


def test_a_table_that_is_not_there_is_one_line() -> None:
    found = shown()
    assert found["guards"].origin == "not in the file: off"
    assert not any(name.startswith("guards.") for name in found)


@pytest.mark.parametrize("path", EXAMPLES, ids=lambda path: path.stem)
def test_every_key_of_a_file_is_shown_once(path: Path) -> None:
    found = shown_strategy(path)
    names = [each.name for each in found]
    assert len(names) == len(set(names))
    absent = tuple(f"{each.name}." for each in found if each.is_absent_table)
    expected = {".".join(key) for key in all_keys()} - {"parameters"}
    assert expected - set(names) == {name for name in expected if name.startswith(absent)}


@pytest.mark.parametrize("path", EXAMPLES, ids=lambda path: path.stem)
def test_what_is_shown_fits_80_columns(path: Path) -> None:
    result = trader("show", str(path))
    assert result.exit_code == 0
    assert max(len(line) for line in result.stdout.splitlines()) <= 80


def test_what_is_shown_is_the_file_with_everything_said() -> None:
    tables = tomllib.loads(trader("show", "shown.toml").stdout)
    assert tables["exits"]["stop_loss"] == {"enabled": True, "wait": "5s", "percent": 12.5}
    assert "guards" in tables and tables["guards"] == {}


def test_one_table_with_the_tables_in_it() -> None:
    result = trader("show", "shown.toml", "--only", "exits.stop_loss")
    assert result.stdout.splitlines()[0] == "[exits.stop_loss]"
    assert "percent = 12.50" in result.stdout and "trailing" not in result.stdout


def test_an_unknown_table_is_wrong_use() -> None:
    result = trader("show", "shown.toml", "--only", "rsk")
    assert result.exit_code == 2
    assert "did you mean 'risk'?" in result.stderr


def test_secrets_of_the_workspace_are_not_shown() -> None:
    Path("trader.toml").write_text(
        'catalog = "https://me:swordfish@example.org/data"\n'
        '[database]\nurl = "postgresql+psycopg://me:swordfish@host/runs"\n'
    )
    found = {each.name: each for each in shown_workspace(Path("trader.toml"))}
    assert found["database.url"].value == HIDDEN
    assert found["database.url"].origin == "trader.toml line 3"
    assert found["catalog"].value == "https://***@example.org/data"
    for words in (["show", "shown.toml"], ["show", "shown.toml", "--json"]):
        result = trader(*words)
        assert result.exit_code == 0
        assert "swordfish" not in result.output and HIDDEN in result.output


def test_a_user_in_an_address_is_not_shown_in_any_text() -> None:
    text = FILE.replace('name = "shown"', 'name = "shown"\ndescription = "at ftp://a:b@host/x"')
    assert shown(text)["strategy.description"].text() == '"at ftp://***@host/x"'


# --- explain ---------------------------------------------------------------------------------------------
def test_a_key_is_explained() -> None:
    result = trader("explain", "risk.max_positions", "shown.toml")
    assert result.stdout.splitlines() == [
        "risk.max_positions",
        "  Open at one time.",
        "  accepted  a whole number from 1 to 10000",
        "  default   10",
        "  used by   check max_positions",
        "  here      5 (file line 13)",
    ]


@pytest.mark.parametrize(
    ("key", "here"),
    [
        ("collar_percent", "5 (default)"),
        ("guards.drawdown.percent", "[guards] is not in the file: off"),
        ("exits.liquidity_dried_up.volume", "not set"),
    ],
)
def test_the_present_value_is_told(key: str, here: str) -> None:
    assert trader("explain", key, "shown.toml").stdout.splitlines()[-1] == f"  here      {here}"


@pytest.mark.parametrize("key", [*all_keys()], ids=".".join)
def test_every_key_has_a_meaning_and_a_use(key: tuple[str, ...]) -> None:
    name = ".".join(key)
    found = explain(name)
    assert found.description and found.accepted and found.used_by
    if name.endswith("_percent"):
        assert found.unit == "percent"
    result = trader("explain", name)
    assert result.exit_code == 0
    assert max(len(line) for line in result.stdout.splitlines()) <= 80


def test_what_uses_keys_names_keys_and_tables_that_exist() -> None:
    names = {".".join(key[:length]) for key in all_keys() for length in range(1, len(key) + 1)}
    assert set(USED_BY) <= names


def test_each_limit_names_the_check_or_condition_that_it_is_for() -> None:
    for key in all_keys():
        if key[0] in ("risk", "signals") or (key[0] == "exits" and len(key) > 2):
            assert used_by(".".join(key)) != USED_BY[key[0]], key


@pytest.mark.parametrize(
    ("key", "told"),
    [
        ("risk.max_position", "did you mean 'risk.max_positions'?"),
        ("max_positio", "did you mean 'risk.max_positions'?"),
        ("percent", "4 tables have a key 'percent'"),
        ("zzz", "lists all of them"),
        ("risk", "there is no key 'risk'"),
    ],
)
def test_an_unknown_key_is_wrong_use(key: str, told: str) -> None:
    result = trader("explain", key)
    assert result.exit_code == 2
    assert told in " ".join(result.stderr.split())


def test_an_explanation_for_programs() -> None:
    answer = json.loads(trader("explain", "guards.api.window", "--json").stdout)
    assert answer == {
        "key": "guards.api.window",
        "description": "Counted in it.",
        "accepted": 'a duration like "30s", "5m" or "1d", from 1s to 7d',
        "default": '"5m"',
        "unit": "a duration",
        "used_by": "latch api; check circuit_breaker",
    }
