"""Fixtures for every test."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from runtime.compile_cache import use_cache

use_cache()  # before numba is imported; compiled kernels are kept between runs of the tests


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """Return the folder of the shared market data; skips the test where it is absent."""
    named = os.environ.get("TRADER_SHARED_DATA")
    folder = Path(named) if named else Path(__file__).parents[2] / "shared" / "data"
    if not (folder / "README.md").is_file():
        pytest.skip("the shared market data is not here")
    return folder
