"""Registries to test with."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from runtime.store import Store


@pytest.fixture
def store(url: str, tmp_path: Path) -> Iterator[Store]:
    """Return an empty registry of each kind."""
    opened = Store.open(url, folder=tmp_path / "files")
    yield opened
    opened.close()
