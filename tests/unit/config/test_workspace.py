"""Finding the workspace, the catalog and strategies; making a workspace."""

from __future__ import annotations

import re
from importlib.metadata import EntryPoint
from pathlib import Path

import pytest

from engine.errors import ConfigError, InputError
from runtime.config import load_strategy
from runtime.registry import find_strategies
from runtime.workspace import (
    catalog_root,
    create_workspace,
    examples_folder,
    find_strategy,
    find_workspace,
)
from tests.unit.config.strategy_texts import MINIMAL


@pytest.fixture
def workspace(tmp_path: Path) -> Path:
    create_workspace(tmp_path / "work")
    return tmp_path / "work"


def test_the_workspace_is_found_from_below(workspace: Path) -> None:
    found = find_workspace(workspace / "strategies")
    assert found is not None
    assert (found.root, found.catalog) == (workspace, workspace / "catalog")


def test_without_a_workspace_there_is_none(tmp_path: Path) -> None:
    assert find_workspace(tmp_path) is None


def test_what_stands_in_comments_of_a_new_workspace_is_right(workspace: Path) -> None:
    _take_comments_away(workspace / "trader.toml")
    found = find_workspace(workspace)
    assert found is not None and found.alpaca is not None and found.limits is not None
    assert (found.four_eyes, found.profile) == (True, "standard")
    assert (found.alpaca.environment, found.alpaca.key_id) == ("paper", "env:TRADER_ALPACA_KEY_ID")
    assert found.database and found.channels


def test_the_example_has_in_comments_what_the_gate_asks_for(workspace: Path) -> None:
    _take_comments_away(workspace / "strategies" / "sma_cross.toml")
    config = load_strategy(workspace / "strategies" / "sma_cross.toml")
    assert config.data.holdout_ns is not None
    assert config.risk is not None and config.guards is not None
    assert config.risk.max_positions == 1
    assert config.guards.drawdown_percent == 30


def _take_comments_away(path: Path) -> None:
    text = path.read_text("utf-8")
    path.write_text(re.sub(r"^# (?=\[|\w+ = )", "", text, flags=re.MULTILINE), "utf-8")


def test_a_wrong_workspace_file_names_its_line(workspace: Path) -> None:
    (workspace / "trader.toml").write_text("catalog = 'c'\nstrategy = 's'\n")
    with pytest.raises(ConfigError) as caught:
        find_workspace(workspace)
    assert caught.value.where == f"{workspace / 'trader.toml'}, line 2, strategy"
    assert caught.value.remedy == "did you mean 'strategies'?"


def test_the_catalog_is_what_is_said_else_the_workspaces_else_the_users(
    workspace: Path, tmp_path: Path
) -> None:
    home = {"XDG_DATA_HOME": str(tmp_path / "home")}
    assert catalog_root(Path("said"), workspace, home) == Path("said")
    assert catalog_root(None, workspace, home) == workspace / "catalog"
    assert catalog_root(None, tmp_path, home) == tmp_path / "home" / "trader" / "catalog"
    assert catalog_root(None, tmp_path, {}) == Path.home() / ".local/share/trader/catalog"


@pytest.mark.parametrize("name", ["sma_cross", "sma_cross.toml", "strategies/sma_cross.toml"])
def test_a_strategy_is_found_by_name_or_path(
    workspace: Path, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(workspace)
    assert find_strategy(name, workspace).resolve() == workspace / "strategies/sma_cross.toml"


def test_the_installed_examples_are_found_from_anywhere(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    example = examples_folder() / "momentum.toml"
    assert find_strategy("examples/momentum.toml", tmp_path) == example
    assert find_strategy("nowhere/momentum.toml", tmp_path) == Path("nowhere/momentum.toml")


def test_a_strategy_is_found_by_the_name_that_the_list_shows(workspace: Path) -> None:
    other = workspace / "strategies" / "other.toml"
    other.write_text("[strategy]\nname = 'my cross'\n")
    (workspace / "strategies/broken.toml").write_text("[strategy")
    assert find_strategy("my cross", workspace).resolve() == other
    (workspace / "strategies/twin.toml").write_text("[strategy]\nname = 'my cross'\n")
    assert find_strategy("my cross", workspace) == Path("my cross")


def test_a_new_workspace_holds_the_example_word_for_word(workspace: Path) -> None:
    example = (examples_folder() / "sma_cross.toml").read_bytes()
    assert (workspace / "strategies/sma_cross.toml").read_bytes() == example


def test_a_folder_with_something_in_it_is_refused_and_left_alone(tmp_path: Path) -> None:
    (tmp_path / "mine.txt").write_text("mine")
    with pytest.raises(InputError, match="the folder is not empty"):
        create_workspace(tmp_path)
    assert [each.name for each in tmp_path.iterdir()] == ["mine.txt"]
    create_workspace(tmp_path, force=True)
    assert find_workspace(tmp_path) is not None
    assert (tmp_path / "mine.txt").read_text() == "mine"


def test_a_file_is_no_place_for_a_workspace(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(InputError, match="this is a file"):
        create_workspace(tmp_path / "file")
    with pytest.raises(InputError, match="cannot be written"):
        create_workspace(tmp_path / "file" / "below")


def test_an_interrupted_init_leaves_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def interrupt(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(Path, "replace", interrupt)
    with pytest.raises(KeyboardInterrupt):
        create_workspace(tmp_path / "work")
    assert list(tmp_path.iterdir()) == []


# --- Registry -------------------------------------------------------------------------------------


def test_a_broken_strategy_is_reported_and_hides_no_other(workspace: Path) -> None:
    folder = workspace / "strategies"
    (folder / "a_broken.toml").write_text(MINIMAL.replace("entry", "entri"))
    (folder / "b_binary.toml").write_bytes(b"\0")
    (folder / "c_good.toml").write_text(MINIMAL)
    found = find_strategies(find_workspace(workspace), installed=())
    assert [(each.name, each.is_broken) for each in found] == [
        ("a_broken", True), ("b_binary", True), ("minimal", False), ("mean_reversion", False),
        ("sma_cross", False),
    ]  # fmt: skip


def test_given_paths_are_all_that_is_looked_at(workspace: Path, tmp_path: Path) -> None:
    path = tmp_path / "one.toml"
    path.write_text(MINIMAL)
    found = find_strategies(find_workspace(workspace), [path, workspace / "strategies"])
    assert [(each.name, each.source) for each in found] == [
        ("minimal", "path"), ("mean_reversion", "path"), ("sma_cross", "path")
    ]  # fmt: skip
    with pytest.raises(InputError, match="no such file or folder"):
        find_strategies(None, [tmp_path / "nothing"])


def test_packages_bring_strategies_and_a_broken_package_hides_no_other(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "brought.toml").write_text(MINIMAL)
    (tmp_path / "good_package.py").write_text(
        f"PATH = {str(tmp_path / 'brought.toml')!r}\ndef path(): return PATH\n"
    )
    (tmp_path / "bad_package.py").write_text("raise RuntimeError('no licence')\n")
    monkeypatch.syspath_prepend(tmp_path)
    group = "trader.strategies"
    points = [
        EntryPoint("bad", "bad_package:PATH", group),
        EntryPoint("as_path", "good_package:PATH", group),
        EntryPoint("as_function", "good_package:path", group),
        EntryPoint("absent", "good_package:nothing", group),
    ]
    found = find_strategies(None, installed=points)
    assert [(each.name, each.is_broken) for each in found] == [
        ("bad", True), ("as_path", False), ("as_function", False), ("absent", True)
    ]  # fmt: skip
    assert found[0].error is not None
    assert "no licence" in found[0].error.problem


@pytest.mark.parametrize(
    ("name", "told"),
    [
        ("sma_cros", "did you mean 'sma_cross'?"),
        ("sma_cros.toml", "did you mean 'sma_cross.toml'?"),
        ("momentun", "did you mean 'momentum'?"),
        ("my_cros", "did you mean 'my_cross'?"),
    ],
)
def test_a_name_that_is_nearly_a_strategys_is_told_with_it(
    workspace: Path, name: str, told: str
) -> None:
    other = workspace / "strategies" / "other.toml"
    other.write_text("[strategy]\nname = 'my_cross'\n")
    with pytest.raises(ConfigError) as caught:
        find_strategy(name, workspace)
    assert (caught.value.where, caught.value.remedy) == (name, told)
