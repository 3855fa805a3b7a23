"""Fixtures for every test."""

from __future__ import annotations

import os
import shutil
import sys
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import settings

from runtime.compile_cache import use_cache
from runtime.store.location import VARIABLE

if TYPE_CHECKING:
    from xdist.scheduler import LoadScopeScheduling

# Some three hundred processes are started: where nobody keeps bytecode each compiles our sources anew,
# which doubles what its start takes, and each worker rewrites the assertions of all files.
os.environ.pop("PYTHONDONTWRITEBYTECODE", None)
sys.dont_write_bytecode = False
# How long an example takes says how busy the machine is: 0.2 s were passed by what takes a millisecond.
settings.register_profile("any machine", deadline=None, print_blob=True)
settings.load_profile("any machine")
use_cache()  # before numba is imported; compiled kernels are kept between runs of the tests

MEMORY = Path("/dev/shm")
ROOM = 4 * 2**30  # bytes that must be free there; the suite leaves 0.3 of them
# A page whose commands run compiled, in processes of their own: 25 s, unless the kernels are there.
PAGE_COMPILED = "test_the_shell_blocks_of_a_page_run[docs/determinism.md]"


def pytest_configure(config: pytest.Config) -> None:
    """Let tests write to memory, where there is room: each waits for the disk some thousand times.

    Databases are files with all their syncs there as well; only that nothing waits for a platter.
    What a failed run has left is removed by the next one.
    """
    if config.option.basetemp is not None or hasattr(config, "workerinput"):
        return
    if not MEMORY.is_dir() or shutil.disk_usage(MEMORY).free < ROOM:
        return
    for left in MEMORY.glob(f"trader-tests-{os.getuid()}-*"):
        if not Path("/proc", left.name.rpartition("-")[2]).exists():
            shutil.rmtree(left, ignore_errors=True)
    config.option.basetemp = str(MEMORY / f"trader-tests-{os.getuid()}-{os.getpid()}")


def pytest_sessionfinish(session: pytest.Session, exitstatus: int) -> None:
    """Give the memory back, unless somebody wants to look why a test failed."""
    folder = str(session.config.option.basetemp)
    is_ours = folder.startswith(str(MEMORY)) and not hasattr(session.config, "workerinput")
    if is_ours and exitstatus in (0, pytest.ExitCode.NO_TESTS_COLLECTED):
        shutil.rmtree(folder, ignore_errors=True)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Have the tests compile in their own process before one needs what is compiled in others."""
    items.sort(key=lambda item: item.nodeid.endswith(PAGE_COMPILED))


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> LoadScopeScheduling:
    """Give a worker whole files, and all that is compiled to one: it compiles each door once.

    Two workers that need one door at the same time would both compile it, which is minutes for nothing.
    """
    from xdist.scheduler import LoadScopeScheduling

    class ByFile(LoadScopeScheduling):
        def _split_scope(self, nodeid: str) -> str:
            is_compiled = "compiled" in nodeid or nodeid.endswith(PAGE_COMPILED)
            return "compiled" if is_compiled else nodeid.partition("::")[0]

    config.option.loadscopereorder = False  # the compiled ones begin early, small files end
    return ByFile(config, log)


@pytest.fixture(scope="session", autouse=True)
def _own_registry(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """Keep the tests' runs out of the registry of whoever runs them."""
    file = tmp_path_factory.mktemp("registry") / "trader.sqlite"
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv(VARIABLE, f"sqlite:///{file}")
        yield


@pytest.fixture(scope="session", autouse=True)
def _commands_built_once() -> Iterator[None]:
    """Build the tree of all commands once, and not at each call of a `CliRunner`: 40 ms each."""
    import typer.main

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("typer.testing._get_command", cache(typer.main.get_command))
        yield


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """Return the folder of the shared market data; skips the test where it is absent."""
    named = os.environ.get("TRADER_SHARED_DATA")
    folder = Path(named) if named else Path(__file__).parents[2] / "shared" / "data"
    if not (folder / "README.md").is_file():
        pytest.skip("the shared market data is not here")
    return folder


@pytest.fixture
def bound_folder() -> Iterator[Path]:
    """Return a folder of somebody whom permissions bind: root, whom they don't, is nobody meanwhile."""
    user, nobody = os.geteuid(), 65534
    with TemporaryDirectory() as name:
        if user == 0:
            os.chown(name, nobody, nobody)
            os.seteuid(nobody)
        try:
            yield Path(name)
        finally:
            os.seteuid(user)
