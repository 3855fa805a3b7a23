"""Two processes with a database each: only one of them trades a live account."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from engine.errors import InputError, NegativeAnswer
from runtime.session.account_lock import take_account
from tests.architecture.source import ROOT

NAME = "alpaca:0123456789abcdef"
TAKING = """
import sys
from pathlib import Path
from runtime.session.account_lock import take_account
take_account(sys.argv[1], "20261122-a", "sqlite:///a.db", Path(sys.argv[2]))
print("taken", flush=True)
sys.stdin.read()
"""


@contextmanager
def another(folder: Path) -> Iterator[subprocess.Popen[bytes]]:
    """Have another process trade the account."""
    line = [sys.executable, "-c", TAKING, NAME, str(folder)]
    with subprocess.Popen(line, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == b"taken\n"
        yield process
        process.kill()


def test_an_account_that_another_process_trades_is_refused_until_that_is_dead(
    tmp_path: Path,
) -> None:
    with another(tmp_path) as process:
        with pytest.raises(NegativeAnswer) as caught:
            take_account(NAME, "20261122-b", "sqlite:///b.db", tmp_path)
        assert caught.value.code == "live.account_in_use"
        told = f"session 20261122-a of sqlite:///a.db (process {process.pid})"
        assert told in caught.value.problem
        take_account("alpaca:fedcba9876543210", "20261122-b", "sqlite:///b.db", tmp_path)
        process.kill()
        process.wait()
        take_account(NAME, "20261122-b", "sqlite:///b.db", tmp_path)
        take_account(NAME, "20261122-b", "sqlite:///b.db", tmp_path)  # begun again


def test_where_it_cannot_be_seen_nothing_is_traded(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(InputError, match="cannot be seen"):
        take_account(NAME, "20261122-b", "sqlite:///b.db", tmp_path / "file")
