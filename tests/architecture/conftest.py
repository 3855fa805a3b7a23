"""Syntax trees of all files, for as long as they are looked at."""

from __future__ import annotations

import gc
from collections.abc import Iterator

import pytest

from tests.architecture.source import forget_trees


@pytest.fixture(scope="module", autouse=True)
def _trees() -> Iterator[None]:
    """Look for no garbage among two million nodes, of which none is; that took four times the parsing."""
    gc.disable()
    yield
    forget_trees()
    gc.enable()
