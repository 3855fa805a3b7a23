"""Every Python and shell block of the documentation runs; every TOML block parses.

Blocks of one page run one after another in one empty folder, Python in one namespace. A shell block
runs as it is written when all its lines are commands of ours; what a page needs that its text tells
the reader to make is made in `SCENES`. ``<!-- not run -->`` above a block leaves it out.
"""

from __future__ import annotations

import doctest
import importlib
import os
import re
import subprocess
import sys
import tomllib
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.architecture.source import PACKAGES, ROOT, python_files

PAGES = sorted([ROOT / "README.md", *(ROOT / "docs").rglob("*.md")])
_BLOCK = re.compile(r"(<!-- not run -->\n+)?^```(\w+)\n(.*?)^```$", re.DOTALL | re.MULTILINE)
_OURS = re.compile(r"^(?:\w+=\S+ )*(?:trader|cd) ")


@dataclass(frozen=True)
class Block:
    """One fenced block of a page."""

    page: Path
    line: int
    language: str
    text: str

    @property
    def is_shell_of_ours(self) -> bool:
        """Whether every line is a command that runs offline and writes into its folder only."""
        lines = [line for line in self.text.splitlines() if line.strip()]
        return self.language == "sh" and all(_OURS.match(line) for line in lines)


def blocks(page: Path) -> list[Block]:
    """Return the blocks of a page that are to be run."""
    text = page.read_text(encoding="utf-8")
    return [
        Block(page, text.count("\n", 0, match.start()) + 1, match[2], match[3])
        for match in _BLOCK.finditer(text)
        if not match[1]
    ]


def name_of(page: Path) -> str:
    return page.relative_to(ROOT).as_posix()


def pages_with(wanted: Callable[[Block], bool]) -> list[Path]:
    return [page for page in PAGES if any(map(wanted, blocks(page)))]


# --- Python and TOML --------------------------------------------------------------------------------
@pytest.mark.parametrize("page", pages_with(lambda block: block.language == "python"), ids=name_of)
def test_the_python_blocks_of_a_page_run(
    page: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    namespace: dict[str, object] = {"__name__": "documentation"}
    for block in blocks(page):
        if block.language == "python":
            place = "\n" * block.line  # so that a traceback names the page's own line
            exec(compile(place + block.text, str(page), "exec"), namespace)  # noqa: S102


@pytest.mark.parametrize("page", pages_with(lambda block: block.language == "toml"), ids=name_of)
def test_the_toml_blocks_of_a_page_parse(page: Path) -> None:
    for block in blocks(page):
        if block.language == "toml":
            assert tomllib.loads(block.text)


# --- the shell --------------------------------------------------------------------------------------
def tutorial(folder: Path) -> None:
    """Make what the tutorial tells its reader to make."""
    strategies = folder / "my-trading" / "strategies"
    if strategies.is_dir() and not (strategies / "mine.toml").exists():
        text = (strategies / "sma_cross.toml").read_text(encoding="utf-8")
        text = re.sub(r'^name = ".*"$', 'name = "mine"', text, count=1, flags=re.MULTILINE)
        (strategies / "mine.toml").write_text(text, encoding="utf-8")
        sample = ROOT / "tests" / "docs" / "prices.csv"
        (folder / "my-trading" / "prices.csv").write_bytes(sample.read_bytes())


SCENES: dict[str, Callable[[Path], None]] = {"docs/tutorial/first-backtest.md": tutorial}


def shell(folder: Path) -> dict[str, str]:
    """Return an environment in which `trader` is this program."""
    tools = folder / ".tools"
    tools.mkdir()
    command = tools / "trader"
    command.write_text(f'#!/bin/sh\nexec "{sys.executable}" -m trader "$@"\n', encoding="utf-8")
    command.chmod(0o755)
    return os.environ | {
        "PATH": f"{tools}{os.pathsep}{os.environ['PATH']}",
        "PYTHONPATH": str(ROOT),
        "XDG_DATA_HOME": str(folder / ".home"),
        "NO_COLOR": "1",
        "COLUMNS": "80",
    }


def sh(script: str, folder: Path, environment: dict[str, str]) -> subprocess.CompletedProcess[str]:
    """Run a script in a folder; what it answers is for the caller to judge."""
    command = ["sh", "-c", script]
    return subprocess.run(
        command, cwd=folder, env=environment, capture_output=True, text=True, check=False
    )


def require_one_hash(printed: str) -> None:
    """Three commands of the page on determinism print the same."""
    hashes = [line.strip() for line in printed.splitlines()]
    assert len(hashes) == 3 and len(set(hashes)) == 1


@pytest.mark.parametrize("page", pages_with(lambda block: block.is_shell_of_ours), ids=name_of)
def test_the_shell_blocks_of_a_page_run(page: Path, tmp_path: Path) -> None:
    environment = shell(tmp_path)
    entered = "."  # blocks of a page share their working folder, as a reader's terminal does
    for block in blocks(page):
        if not block.is_shell_of_ours:
            continue
        SCENES.get(name_of(page), lambda folder: None)(tmp_path)
        script = f'set -e\ncd "{entered}"\n{block.text}\npwd > "{tmp_path}/.where"\n'
        done = sh(script, tmp_path, environment)
        assert done.returncode == 0, f"{name_of(page)}:{block.line}\n{done.stderr}"
        assert "Traceback" not in done.stderr
        if name_of(page) == "docs/determinism.md":
            require_one_hash(done.stdout)
        entered = (tmp_path / ".where").read_text(encoding="utf-8").strip()


# --- docstrings -------------------------------------------------------------------------------------
def modules_with_examples() -> list[str]:
    return [
        ".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__")
        for path in python_files(*PACKAGES)
        if ">>> " in path.read_text(encoding="utf-8")
    ]


@pytest.mark.parametrize("module", modules_with_examples())
def test_the_examples_of_a_module_run(module: str) -> None:
    found = doctest.testmod(importlib.import_module(module), optionflags=doctest.ELLIPSIS)
    assert found.attempted > 0 and found.failed == 0


def test_there_are_blocks_to_run() -> None:
    languages = {block.language for page in PAGES for block in blocks(page)}
    assert {"python", "sh", "toml"} <= languages
    assert len(modules_with_examples()) > 5
