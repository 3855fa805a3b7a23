"""Kernels are made once for each place and version, by a process that a session is not held up by."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from runtime import compile_cache
from tests.architecture.source import ROOT
from tests.running import is_running

KILLED = """
import os, signal
from runtime.session.compiling import _started
if __name__ == "__main__":
    making = _started(True)
    while not os.path.exists({log!r}):
        assert making.is_alive()
    print(making.pid, flush=True)
    os.kill(os.getpid(), signal.SIGKILL)
"""


def test_what_makes_them_neither_outlives_a_killed_session_nor_holds_its_output(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("NUMBA_CACHE_DIR", str(tmp_path))
    folder = compile_cache.cache_folder()
    program = tmp_path / "killed.py"
    program.write_text(KILLED.format(log=str(folder / "making.log")))
    session = subprocess.Popen(
        [sys.executable, str(program)],
        cwd=tmp_path,
        env={"NUMBA_CACHE_DIR": str(tmp_path), "PYTHONPATH": str(ROOT)},
        stdout=subprocess.PIPE,
        text=True,
    )
    pid, _ = session.communicate()  # to the end of what it has told, and whoever else could tell
    while is_running(int(pid)):
        os.sched_yield()
    assert not compile_cache.is_warm(with_loop=True, steps=True), "it was not waited for"


def test_a_chosen_folder_keeps_versions_and_places_apart(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("NUMBA_CACHE_DIR", str(tmp_path))
    ours, origin = compile_cache.cache_folder(), compile_cache._origin
    copied = tmp_path / "numba" / "__init__.py"
    copied.parent.mkdir()
    copied.with_name("_version.py").write_text("another")
    found = {ours}
    for package, elsewhere in (("engine", "/elsewhere/engine/__init__.py"), ("numba", str(copied))):
        moved = {package: elsewhere}
        monkeypatch.setattr(
            compile_cache, "_origin", lambda name, moved=moved: moved.get(name) or origin(name)
        )
        compile_cache._folder_name.cache_clear()
        found.add(compile_cache.cache_folder())
    monkeypatch.setattr(compile_cache, "_origin", origin)
    compile_cache._folder_name.cache_clear()
    assert len(found) == 3 and {each.parent for each in found} == {tmp_path}


def test_a_process_and_its_children_use_one_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("NUMBA_CACHE_DIR", str(tmp_path))
    before = compile_cache.cache_folder()
    compile_cache.use_cache()  # sets it for both
    assert compile_cache.cache_folder() == before
