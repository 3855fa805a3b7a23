"""The command line as the shell sees it: exit codes, streams, terminals, signals."""

from __future__ import annotations

import json
import os
import pty
import re
import signal
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

import pytest

# Typer itself takes pydantic for the types of a single command: that is not among them.
HEAVY = ("numba", "numpy", "polars", "matplotlib", "sqlalchemy", "msgspec")
# What a short backtest of a file without mistakes does not need.
NOT_FOR_A_BACKTEST = (
    "numba", "polars", "matplotlib", "sqlalchemy", "scipy", "optuna", "jinja2", "pydantic", "aiohttp",
    "importlib.metadata", "socket", "statistics",
)  # fmt: skip
ROOT = Path(__file__).parents[2]
COLOUR = re.compile(r"\x1b\[[0-9;]*3[0-9]")

GOOD = """\
[strategy]
name = "good"
[data]
dataset = "sample:goog"
[rules]
entry = "close > sma(close, 20)"
"""


def command(*args: str) -> list[str]:
    return [sys.executable, "-m", "trader", *args]


def environment(extra: Mapping[str, str] | None = None) -> dict[str, str]:
    kept = {k: v for k, v in os.environ.items() if k not in ("NO_COLOR", "COLUMNS", "TERM")}
    return kept | {"PYTHONPATH": str(ROOT), "TERM": "xterm"} | dict(extra or {})


def run(*args: str, cwd: Path, python: tuple[str, ...] = ()) -> subprocess.CompletedProcess[str]:
    line = [sys.executable, *python, "-m", "trader", *args]
    return subprocess.run(
        line, check=False, cwd=cwd, env=environment(), capture_output=True, text=True
    )


def run_on_terminal(*args: str, cwd: Path, extra: Mapping[str, str] | None = None) -> str:
    """Run with a terminal as all three streams; return what it showed."""
    ours, theirs = pty.openpty()
    process = subprocess.Popen(
        command(*args), cwd=cwd, env=environment(extra), stdin=theirs, stdout=theirs, stderr=theirs
    )
    os.close(theirs)
    shown = b""
    while True:
        try:
            piece = os.read(ours, 65_536)
        except OSError:  # the other side is closed
            break
        if not piece:
            break
        shown += piece
    os.close(ours)
    process.wait()
    return shown.decode()


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "good.toml").write_text(GOOD)
    (tmp_path / "bad.toml").write_text(GOOD.replace("entry", "entri"))
    rows = [f"2024-01-{day:02},10,11,9,10,100" for day in (2, 3, 4, 5, 8)]
    (tmp_path / "prices.csv").write_text("\n".join(["Date,Open,High,Low,Close,Volume", *rows]))
    return tmp_path


IMPORT = (
    "data", "import", "prices.csv", "--name", "mine", "--symbol", "A", "--calendar", "XNYS",
    "--catalog", "catalog",
)  # fmt: skip

# arguments                              | exit code | on which stream something stands
ANSWERS = [
    (("--version",), 0, "stdout"),
    (("--help",), 0, "stdout"),
    (("strategies", "check", "good.toml"), 0, "stdout"),
    (("strategies", "check", "bad.toml"), 1, "both"),
    (("backtest", "bad.toml"), 2, "stderr"),
    (("backtest", "missing.toml"), 2, "stderr"),
    (("backtest", "."), 2, "stderr"),
    (("nonsense",), 2, "stderr"),
    (IMPORT, 0, "stdout"),  # and no progress bar in a pipe
]


@pytest.mark.parametrize(("args", "code", "stream"), ANSWERS, ids=lambda each: str(each)[:30])
def test_exit_codes_and_streams(
    args: tuple[str, ...], code: int, stream: str, folder: Path
) -> None:
    result = run(*args, cwd=folder)
    assert result.returncode == code, result.stderr
    assert bool(result.stdout) == (stream in ("stdout", "both"))
    assert bool(result.stderr) == (stream in ("stderr", "both"))
    assert "Traceback" not in result.stderr
    assert "\x1b" not in result.stdout + result.stderr


@pytest.mark.parametrize("args", [("--help",), ("backtest", "--help"), ("data", "import", "-h")])
def test_help_imports_nothing_heavy(args: tuple[str, ...], folder: Path) -> None:
    result = run(*args, cwd=folder, python=("-X", "importtime"))
    imported = {line.rpartition("|")[2].strip() for line in result.stderr.splitlines()}
    assert "typer" in imported
    assert imported.isdisjoint(HEAVY)


def imports_of(*python: str, cwd: Path) -> set[str]:
    line = [sys.executable, "-X", "importtime", *python]
    result = subprocess.run(
        line, check=False, cwd=cwd, env=environment(), capture_output=True, text=True
    )
    assert result.returncode == 0, result.stderr
    return {line.rpartition("|")[2].strip() for line in result.stderr.splitlines()}


@pytest.mark.parametrize("dataset", ["mine", "sample:goog"])
def test_a_short_backtest_imports_little(dataset: str, folder: Path) -> None:
    run(*IMPORT, cwd=folder)
    (folder / "trader.toml").write_text('catalog = "catalog"')
    command_line = ("-m", "trader", "backtest", "good.toml", "--data", dataset)
    assert imports_of(*command_line, cwd=folder) & {*NOT_FOR_A_BACKTEST} == set()
    call = f"import trader; trader.backtest('good.toml', {dataset!r})"
    imported = imports_of("-c", call, cwd=folder)
    assert "sqlite3" in imported, "the run is recorded"
    assert imported & {*NOT_FOR_A_BACKTEST, "typer", "rich"} == set()


def test_long_work_shows_a_bar_on_a_terminal(folder: Path) -> None:
    shown = run_on_terminal(*IMPORT, cwd=folder)
    assert "import" in shown and "%" in shown
    assert "mine: 5 bars" in shown


def test_colour_is_for_terminals_without_no_color(folder: Path) -> None:
    assert COLOUR.search(run_on_terminal("backtest", "bad.toml", cwd=folder))
    plain = {"NO_COLOR": "1"}
    assert not COLOUR.search(run_on_terminal("backtest", "bad.toml", cwd=folder, extra=plain))
    assert not COLOUR.search(run_on_terminal("doctor", cwd=folder, extra=plain))


@pytest.mark.parametrize("option", [(), ("--plot", "out.png")])
def test_ctrl_c_is_one_line_exit_code_130_and_no_file(
    option: tuple[str, ...], folder: Path
) -> None:
    os.mkfifo(folder / "waits.toml")
    before = sorted(folder.iterdir())
    process = subprocess.Popen(
        command("backtest", "waits.toml", *option),
        cwd=folder, env=environment(), stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
    )  # fmt: skip
    with (folder / "waits.toml").open("w"):  # returns when the command has opened the file to read
        process.send_signal(signal.SIGINT)
        stdout, stderr = process.communicate()
    assert process.returncode == 130
    assert (stdout, stderr) == ("", "interrupted: nothing half-written is left\n")
    assert sorted(folder.iterdir()) == before


@pytest.mark.parametrize(
    "args",
    [
        ("init", "good.toml/below"),
        (*IMPORT[:-1], "good.toml/catalog"),
        ("backtest", "good.toml", "--plot", "/proc/out.png"),
        ("backtest", "good.toml", "--plot", "good.toml/out.png"),
    ],
)
def test_a_place_that_cannot_be_written_is_told_and_nothing_is_left(
    args: tuple[str, ...], folder: Path
) -> None:
    before = sorted(folder.rglob("*"))
    result = run(*args, cwd=folder)
    assert result.returncode == 2, result.stderr
    assert result.stderr.startswith("error: ")
    assert sorted(folder.rglob("*")) == before


def test_a_full_disk_behind_the_output_is_told(folder: Path) -> None:
    with Path("/dev/full").open("w") as full:
        result = subprocess.run(
            command("doctor", "--json"), cwd=folder, env=environment(), stdout=full,
            stderr=subprocess.PIPE, text=True, check=False,
        )  # fmt: skip
    assert result.returncode == 2
    assert result.stderr.startswith("error: No space left on device")


def test_a_reader_that_has_seen_enough_is_no_error(folder: Path) -> None:
    reading, writing = os.pipe()
    os.close(reading)
    result = subprocess.run(
        command("data", "list"), cwd=folder, env=environment(), stdout=writing,
        stderr=subprocess.PIPE, text=True, check=False,
    )  # fmt: skip
    os.close(writing)
    assert (result.returncode, result.stderr) == (0, "")


def test_the_doctor_refuses_python_without_assertions(folder: Path) -> None:
    result = run("doctor", cwd=folder, python=("-O",))
    assert result.returncode == 1
    assert "run without -O" in " ".join(result.stdout.split())


def test_nothing_else_runs_without_the_checks_of_invariants(folder: Path) -> None:
    result = run("backtest", "good.toml", cwd=folder, python=("-O",))
    assert result.returncode == 2
    assert "removes the checks of invariants" in " ".join(result.stderr.split())
    assert "unset PYTHONOPTIMIZE" in " ".join(result.stderr.split())


def test_a_folder_that_was_removed_is_told(folder: Path) -> None:
    gone = folder / "gone"
    line = f"cd {gone} && rmdir {gone} && {sys.executable} -m trader backtest sma_cross"
    gone.mkdir()
    result = subprocess.run(
        ["sh", "-c", line],
        check=False,
        cwd=folder,
        env=environment(),
        capture_output=True,
        text=True,
    )
    assert (result.returncode, result.stdout) == (2, "")
    assert "the current folder is not there any more" in result.stderr
    assert "Traceback" not in result.stderr


NO_UTF8 = b"caf\xe9"


def run_bytes(*args: bytes, cwd: Path, database: Path) -> subprocess.CompletedProcess[bytes]:
    line = [os.fsencode(sys.executable), b"-m", b"trader", *args]
    url = {"TRADER_DATABASE_URL": f"sqlite:///{database}"}
    return subprocess.run(line, check=False, cwd=cwd, env=environment(url), capture_output=True)


@pytest.mark.parametrize(
    "args", [(b"runs", b"show", NO_UTF8), (b"resume", b"--why", NO_UTF8), (NO_UTF8,)]
)
def test_arguments_that_are_no_text_are_told(args: tuple[bytes, ...], folder: Path) -> None:
    result = run_bytes(*args, cwd=folder, database=folder / "x.sqlite")
    assert (result.returncode, result.stdout) == (2, b"")
    assert result.stderr.startswith(b"error: an argument is no text in UTF-8: caf?\n")


def test_the_kill_switch_takes_any_reason(folder: Path) -> None:
    result = run_bytes(b"halt", b"--why", NO_UTF8, cwd=folder, database=folder / "x.sqlite")
    assert result.returncode == 0, result.stderr
    assert b'"why":"caf?"' in (folder / "x.sessions" / "HALT").read_bytes()


@pytest.mark.parametrize("args", [("demo",), ("promote", "good.toml"), ("sessions", "list")])
def test_a_terminal_that_has_ascii_only_is_shown_the_rest_as_question_marks(
    args: tuple[str, ...], folder: Path
) -> None:
    ascii_only = environment({"PYTHONIOENCODING": "ascii", "XDG_DATA_HOME": str(folder)})
    result = subprocess.run(
        command(*args), cwd=folder, env=ascii_only, capture_output=True, check=False
    )
    assert result.returncode in (0, 1), result.stderr
    assert result.stdout.isascii()


def test_json_is_whole_where_the_output_has_ascii_only(folder: Path) -> None:
    (folder / "strategies").mkdir()
    (folder / "trader.toml").write_text("# ours")
    (folder / "strategies" / "caf\N{LATIN SMALL LETTER E WITH ACUTE}.toml").write_text(GOOD)
    result = subprocess.run(
        command("strategies", "list", "--json"), cwd=folder,
        env=environment({"PYTHONIOENCODING": "ascii"}), capture_output=True, check=False,
    )  # fmt: skip
    assert result.returncode == 0, result.stderr
    assert "caf\N{LATIN SMALL LETTER E WITH ACUTE}.toml" in str(json.loads(result.stdout))


def test_a_terminal_that_does_not_know_its_width_is_shown_the_usual_one(folder: Path) -> None:
    shown = [
        subprocess.run(
            command("strategies", "list", "good.toml"), cwd=folder, env=environment(width),
            capture_output=True, check=True,
        ).stdout
        for width in ({}, {"COLUMNS": "0"})
    ]  # fmt: skip
    assert shown[0] and shown[0] == shown[1]
