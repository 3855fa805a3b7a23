"""Registries to test with."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from runtime.store import Store


@pytest.fixture
def store(url: str) -> Iterator[Store]:
    """Return an empty registry of each kind."""
    opened = Store.open(url)
    yield opened
    opened.close()
