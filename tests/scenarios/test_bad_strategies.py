"""What is told about a strategy file with one thing wrong: bad_strategies.txt, line by line."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

import pytest
from typer.testing import CliRunner

from cli.main import app

TABLE = Path(__file__).with_name("bad_strategies.txt")

GOOD = {
    "strategy": {"name": '"good"'},
    "parameters": {"fast": "20"},
    "data": {"dataset": '"sample:goog"'},
    "rules": {"entry": '"close > sma(close, fast)"', "exit": '"close < sma(close, fast)"'},
    "sizing": {"fraction": "0.5"},
}


@dataclass(frozen=True)
class Scenario:
    """One line of the table."""

    line: int
    changes: tuple[str, ...]
    key: str
    told: tuple[str, ...]

    def text(self) -> str:
        """Return the good file with the changes made."""
        tables = {name: dict(keys) for name, keys in GOOD.items()}
        for change in self.changes:
            target, _, value = change.removeprefix("-").strip().partition(" = ")
            table, _, key = target.partition(".")
            if change.startswith("-"):
                del tables[table][key]
            else:
                tables.setdefault(table, {})[key] = value
        return "\n".join(_written(name, keys) for name, keys in tables.items())


def _written(name: str, keys: dict[str, str]) -> str:
    return "\n".join([f"[{name}]", *(f"{key} = {value}" for key, value in keys.items()), ""])


def scenarios() -> list[Scenario]:
    """Read the table."""
    found = []
    for number, line in enumerate(TABLE.read_text("utf-8").splitlines(), start=1):
        if line.strip() and not line.startswith("#"):
            changes, key, *told = (cell.strip() for cell in line.split(" | "))
            parts = tuple(change.strip() for change in changes.split(";;"))
            found.append(Scenario(number, parts, key, tuple(told)))
    return found


def test_the_good_file_is_good(tmp_path: Path) -> None:
    path = tmp_path / "good.toml"
    path.write_text(Scenario(0, (), "", ()).text())
    assert CliRunner().invoke(app, ["strategies", "check", str(path)]).exit_code == 0


@pytest.mark.parametrize("scenario", scenarios(), ids=lambda each: f"line {each.line}")
def test_the_user_is_told_what_is_wrong_and_where(
    scenario: Scenario, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    text = scenario.text()
    Path("bad.toml").write_text(text)
    result = CliRunner().invoke(app, ["backtest", "bad.toml"])
    screen = result.stderr
    assert result.exit_code == 2, screen
    assert result.stdout == ""
    flat = " ".join(screen.split())
    for part in scenario.told:
        assert part in flat, screen
    place = re.search(rf"in bad\.toml, (?:line (\d+), )?{re.escape(scenario.key)}(?: |$)", flat)
    assert place is not None, screen
    if place.group(1):
        assert _stands_at(scenario.key, text.split("\n"), int(place.group(1))), screen
    assert "Traceback" not in screen
    assert max(map(len, screen.split("\n"))) <= 80


def _stands_at(key: str, lines: list[str], line: int) -> bool:
    """Say whether the line holds the key, or the table in which it is missing."""
    table, _, name = key.partition(".")
    return lines[line - 1].startswith((f"{name.split('.')[0]} =", f"[{table}]"))
