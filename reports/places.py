"""Files that are asked for by name: refused before the work where they cannot be, and written whole or not at all."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from uuid import uuid4

from engine.errors import InputError


def require_file(path: Path) -> None:
    """Refuse a file that could not be written after a long run; nothing is made yet.

    Raises
    ------
    InputError
        If it is a folder or a device, or its folder can neither be made nor written.
    """
    if path.is_dir():
        raise InputError("this is a folder", where=str(path), remedy="Name a file in it.")
    if path.exists() and not path.is_file():  # a file that is written whole would take its place
        raise InputError(
            "this is no file", where=str(path), remedy="Name one that may be replaced."
        )
    require_folder(path)


@contextmanager
def whole(path: Path, what: str = "file") -> Iterator[Path]:
    """Give a new file to write, and put it in the place of `path` when that went well.

    Raises
    ------
    InputError
        If it cannot be written; what was there is then as it was.
    """
    require_file(path)
    new = path.with_name(f".{path.name}-{uuid4().hex[:8]}")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        new.touch(exist_ok=False)
        yield new
        new.replace(path)
    except OSError as error:
        raise InputError(
            f"the {what} cannot be written: {error.strerror or 'unknown reason'}",
            where=str(path),
            remedy="Choose a folder with space in which you may write.",
        ) from error
    finally:
        new.unlink(missing_ok=True)


def require_folder(path: Path) -> None:
    """Refuse a file whose folder is not there and could not be made; nothing is made yet.

    Raises
    ------
    InputError
        If something above it is a file, or a folder in which one may not write.
    """
    above = path.absolute().parent
    while not above.exists():
        above = above.parent
    if not above.is_dir():
        raise InputError(
            f"{above.name} is a file, not a folder",
            where=str(path),
            remedy="Choose a folder, one that is there or one that can be made.",
        )
    if not os.access(above, os.W_OK):
        raise InputError(
            "the file cannot be written: no permission to write in its folder",
            where=str(path),
            remedy="Choose a folder in which you may write.",
        )
