"""A process whose outputs nobody reads: closed before it starts, or while it writes."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from runtime.journal.sessions import NewSession, SessionStore
from tests.architecture.source import ROOT


@pytest.mark.parametrize("end", [">&-", "2>&-", "| true"])
def test_whoever_does_not_listen_is_no_mistake_of_ours(end: str, tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path / 'x.db'}"
    store = SessionStore.open(url)
    store.begin_session(NewSession("mine", "paper"))
    store.close()
    line = f"set -o pipefail; {sys.executable} -m trader sessions show last {end}"
    found = subprocess.run(
        ["bash", "-c", line],
        env=os.environ | {"PYTHONPATH": str(ROOT), "TRADER_DATABASE_URL": url},
        cwd=tmp_path,
        capture_output=True,
        check=False,
    )
    assert (found.returncode, found.stderr) == (0, b"")
