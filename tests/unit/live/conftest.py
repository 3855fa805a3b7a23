"""A prepared workspace, made once and copied for each test."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.unit.live.rehearsals import Rehearsal, copied, prepare


@pytest.fixture(scope="session")
def prepared(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a workspace with keys, a strategy and a drill."""
    folder = tmp_path_factory.mktemp("live")
    prepare(folder)
    return folder


@pytest.fixture
def here(prepared: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Rehearsal:
    """Return a copy of it; what is the user's is of this test too."""
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "home"))
    return copied(prepared, tmp_path / "workspace")
