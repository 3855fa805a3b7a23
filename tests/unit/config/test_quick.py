"""The quick check accepts what pydantic accepts, and reads it as the same."""

from __future__ import annotations

import subprocess
import sys
import tomllib
from ast import literal_eval
from decimal import Decimal
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from pydantic import BaseModel, ValidationError

from engine.errors import ConfigError
from runtime.config.generate import TARGET, generated
from runtime.config.locate import Key
from runtime.config.quick import defaults_of, quick_strategy, quick_workspace
from runtime.config.reading import parse_toml
from runtime.config.schema import StrategyFile, WorldTable
from runtime.workspace_tables import WorkspaceTable
from tests.unit.config.test_every_key import BASE, VALUES, keys, with_key

ROOT = Path(__file__).parents[3]
FILES = [*(ROOT / "examples").rglob("*.toml"), *(ROOT / "benchmarks/strategies").glob("*.toml")]
REQUIRED_TABLES = (("strategy",), ("data",))
NEAR_A_BOUND = (
    "2", "10", "100", "99.99", "100.01", "500", "501", "-100", "-101", "0.9", "0.91", "0.001", "1.01",
    "0.0009", "10000", "10001", "50000001", "9223372036854775807", "0.123456", "0.1234567",
    "0.12345678", "0.123456789", "1.10000000000", "1e-19", "1e2", "90000000000", "90000000000.01",
    '"A"', '"USD"', '"USDT\\n"', '"ABCDEFGHIJKLM"', '"é"', '"é.py:É"', '"a.py:É"', '"a.py:x1"', '"GTC"',
    '"none"', '"fixed_notional"', '"reinvest"', '"nearest"', '"touch"', '"bps"', '"monthly"', '"limit"', '"exchange"', f'"{"x" * 101}"', '["a", "a"]', '["", "b"]',
    '"5s"', '"1d"', '"8d"', '"5m"', '"999ms"', '"1.5s"', '"-1s"', '"s"', '"0s"', '"1000000000d"', '"٣s"', '"off "',
    "[[15, 50]]", "[[15, 50], [25, 50.5]]", "[[25, 50], [15, 5]]", "[[15, 50, 1]]", "[[1e-5, 1]]", "[[0, 1]]", '[["a", 1]]',
    '{ a = ["X"] }', '{ a = [1] }', '{ a = [] }', '{ a = "X" }', "{ enabled = false }", "{ percent = 5 }", "{ errors = 5 }",
    '"sniper"', '"close_first"', '"approve"', '"allow"', '"retry"', '"odds"', '"kelly"', '"instrument"', '"next_day"', "50", "11", "9", "8",
    '{ default = 2, min = 1, step = 0.5 }', '{ default = true, foo = 1 }', '{ EUR = "" }', "2020-01-31",
)  # fmt: skip


def plain(value: Any) -> Any:
    """Return tables as dictionaries, whoever read them, and what else there is with its type."""
    if isinstance(value, BaseModel | SimpleNamespace):
        return {name: plain(each) for name, each in vars(value).items()}
    if isinstance(value, dict):
        return {name: plain(each) for name, each in value.items()}
    if isinstance(value, list):
        return [plain(each) for each in value]
    return type(value), str(value) if isinstance(value, Decimal) else value


def also(key: Key) -> str:
    """Return what a key cannot be without."""
    needs_default = key[0] == "parameters" and key[2:] not in ((), ("default",))
    return "\nparameters.some.default = 1" if needs_default else ""


def by_pydantic(tables: object) -> Any:
    try:
        return plain(StrategyFile.model_validate(tables))
    except ValidationError:
        return None


def test_the_text_is_that_of_the_models() -> None:
    renew = "python -m runtime.config.generate"
    assert TARGET.read_text("utf-8") == generated(), f"run {renew}"


@pytest.mark.parametrize("key", [*keys(StrategyFile), *BASE], ids=".".join)
def test_nothing_is_accepted_or_read_otherwise(key: Key) -> None:
    read_quickly = 0
    for value in (*VALUES, *NEAR_A_BOUND):
        try:
            tables = parse_toml(with_key(key, value) + also(key), Path("strategy.toml"))
        except ConfigError:  # no TOML, or a key that its own table hides
            continue
        quick = quick_strategy(tables)
        if quick is not None:
            read_quickly += 1
            assert plain(quick) == by_pydantic(tables), value
    assert read_quickly or key in REQUIRED_TABLES, "some value is plainly right for any key"


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_usual_files_need_no_pydantic(path: Path) -> None:
    tables = parse_toml(path.read_text(), path)
    assert plain(quick_strategy(tables)) == by_pydantic(tables)


def test_defaults_are_those_of_the_models() -> None:
    assert plain(defaults_of("WorldTable")) == plain(WorldTable())


@pytest.mark.parametrize("tables", [[], {}, {"strategy": 1}, {"strategy": {"name": "a"}}, None])
def test_what_is_no_strategy_is_left_to_pydantic(tables: object) -> None:
    assert quick_strategy(tables) is None


def test_floats_never_come_in() -> None:
    text = with_key(("account", "cash"), "0.1")
    assert quick_strategy(tomllib.loads(text)) is None


@pytest.mark.parametrize("key", ["catalog", "strategies", "database", "database.url", "other"])
def test_workspace_files_are_read_the_same(key: str) -> None:
    for value in (*VALUES, '"./data"', '{ url = "sqlite:///a.db" }', "{ url = 1 }"):
        tables = parse_toml(f"{key} = {value}", Path("trader.toml"))
        quick = quick_workspace(tables)
        if quick is not None:
            assert plain(quick) == plain(WorkspaceTable.model_validate(tables)), value
    assert quick_workspace({}) is not None


@pytest.mark.parametrize(
    ("example", "more"),
    [("sma_cross", set()), ("full_loop", {"building", "relations", "sections"})],
)
def test_loading_a_file_imports_what_it_needs(example: str, more: set[str]) -> None:
    """A short run is over sooner than pydantic is imported."""
    script = (
        "import sys; from pathlib import Path; from runtime.config import load_strategy; "
        f"load_strategy(Path({str(ROOT / 'examples' / example)!r} + '.toml')); "
        "print([m for m in sys.modules if m == 'pydantic' or m.startswith('runtime.config.trading_')])"
    )
    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, cwd=ROOT, check=True
    )
    assert set(literal_eval(done.stdout)) == {f"runtime.config.trading_{each}" for each in more}
