"""Files that appear complete or not at all, and a folder that one process writes at a time."""

from __future__ import annotations

import fcntl
import os
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from engine.errors import InputError

TEMPORARY_PREFIX = ".tmp-"
_held: set[int] = set()


def replace_file(path: Path, write: Callable[[Path], object]) -> None:
    """Let `write` make a file, and put it in the place of `path` when it is on the disk."""
    handle, name = tempfile.mkstemp(dir=path.parent, prefix=TEMPORARY_PREFIX, suffix=path.suffix)
    os.close(handle)
    temporary = Path(name)
    try:
        write(temporary)
        temporary.chmod(0o644)  # mkstemp makes private files
        with temporary.open("rb") as file:
            os.fsync(file.fileno())
        temporary.replace(path)
    finally:
        temporary.unlink(missing_ok=True)


@contextmanager
def only_writer(folder: Path) -> Iterator[None]:
    """Hold a folder against other processes; the system lets go when this one ends.

    Raises
    ------
    InputError
        If another process holds it.
    """
    handle = os.open(folder, os.O_RDONLY)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        _held.add(handle)
        yield
    except BlockingIOError:
        raise InputError(
            "another search is writing this folder",
            where=str(folder),
            remedy="wait for it, or choose another folder with --out",
            code="sweep.locked",
        ) from None
    finally:
        _held.discard(handle)
        os.close(handle)


def _let_go() -> None:
    """Leave the folders to the parent: a forked worker would hold them when it is killed."""
    for handle in _held:
        os.close(handle)
    _held.clear()


os.register_at_fork(after_in_child=_let_go)


def sweep_temporaries(folder: Path) -> None:
    """Delete what a killed process has left half written."""
    for path in folder.glob(f"{TEMPORARY_PREFIX}*"):
        path.unlink(missing_ok=True)
