"""Ctrl-C at moments when Python itself would show a traceback, each hit exactly."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[3]
INTERRUPTED = "interrupted: nothing half-written is left\n"

# Ctrl-C as a module is imported, or as a function of a command is called.
AS_IMPORTED = """
class Interrupting:
    def find_spec(name, path=None, target=None):
        if name == {0!r}:
            os.kill(os.getpid(), signal.SIGINT)
sys.meta_path.insert(0, Interrupting)
"""
AT_THE_END = """
import atexit
atexit.register(os.kill, os.getpid(), signal.SIGINT)
"""
# As pybind11 does, which takes the interrupt for arguments that do not convert.
LOST = """
import runtime.doctor
def lost(*given, **more):
    try:
        {0}
    except KeyboardInterrupt:
        pass
    raise TypeError("wrong arguments")
runtime.doctor.run_checks = lost
"""


def interrupted(tmp_path: Path, before: str, *args: str) -> subprocess.CompletedProcess[str]:
    environment = {name: each for name, each in os.environ.items() if name != "PYTHONUNBUFFERED"}
    code = f"import os, signal, sys\nsys.argv = {['trader', *args]!r}\n{before}\n"
    return subprocess.run(
        [sys.executable, "-c", f"{code}from cli.entry import main\nmain()"],
        cwd=tmp_path, env=environment | {"PYTHONPATH": str(ROOT)}, capture_output=True, text=True,
        check=False,
    )  # fmt: skip


@pytest.mark.parametrize(
    "module", ["cli.interrupts", "typer", "cli.backtest", "cli.errors", "cli.verify"]
)
def test_while_the_program_is_loaded(module: str, tmp_path: Path) -> None:
    result = interrupted(tmp_path, AS_IMPORTED.format(module), "runs", "list")
    assert (result.returncode, result.stdout, result.stderr) == (130, "", INTERRUPTED)


def test_while_a_command_is_loaded(tmp_path: Path) -> None:
    result = interrupted(tmp_path, AS_IMPORTED.format("runtime.doctor"), "doctor")
    assert (result.returncode, result.stdout, result.stderr) == (130, "", INTERRUPTED)


def test_when_the_command_has_ended(tmp_path: Path) -> None:
    result = interrupted(tmp_path, AT_THE_END, "--version")
    assert (result.returncode, result.stderr) == (130, INTERRUPTED)
    assert result.stdout == f"trader {result.stdout.split()[1]}\n"


def test_where_a_library_makes_an_error_of_its_own_of_it(tmp_path: Path) -> None:
    lost = LOST.format("os.kill(os.getpid(), signal.SIGINT)")
    result = interrupted(tmp_path, lost, "doctor")
    assert (result.returncode, result.stdout, result.stderr) == (130, "", INTERRUPTED)


def test_a_mistake_without_ctrl_c_stays_one(tmp_path: Path) -> None:
    result = interrupted(tmp_path, LOST.format("pass"), "doctor")
    assert result.returncode == 3
    assert "this is our mistake: TypeError: wrong arguments" in result.stderr


def test_a_process_that_was_told_not_to_hear_of_it_goes_on(tmp_path: Path) -> None:
    ignoring = "signal.signal(signal.SIGINT, signal.SIG_IGN)\n" + AS_IMPORTED.format("cli.errors")
    result = interrupted(tmp_path, ignoring, "--version")
    assert (result.returncode, result.stderr) == (0, "")
