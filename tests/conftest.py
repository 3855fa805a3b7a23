"""Fixtures for every test."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from runtime.compile_cache import use_cache
from runtime.store.location import VARIABLE

if TYPE_CHECKING:
    from xdist.scheduler import LoadScopeScheduling

use_cache()  # before numba is imported; compiled kernels are kept between runs of the tests


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> LoadScopeScheduling:
    """Give a worker whole files, and all that is compiled to one: it compiles each door once.

    Two workers that need one door at the same time would both compile it, which is minutes for nothing.
    """
    from xdist.scheduler import LoadScopeScheduling

    class ByFile(LoadScopeScheduling):
        def _split_scope(self, nodeid: str) -> str:
            return "compiled" if "compiled" in nodeid else nodeid.partition("::")[0]

    config.option.loadscopereorder = False  # the compiled ones begin early, small files end
    return ByFile(config, log)


@pytest.fixture(scope="session", autouse=True)
def _own_registry(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """Keep the tests' runs out of the registry of whoever runs them."""
    file = tmp_path_factory.mktemp("registry") / "trader.sqlite"
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv(VARIABLE, f"sqlite:///{file}")
        yield


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """Return the folder of the shared market data; skips the test where it is absent."""
    named = os.environ.get("TRADER_SHARED_DATA")
    folder = Path(named) if named else Path(__file__).parents[2] / "shared" / "data"
    if not (folder / "README.md").is_file():
        pytest.skip("the shared market data is not here")
    return folder
