"""Folders of files that are asked for by name: made when the file is written, refused when they cannot be."""

from __future__ import annotations

import os
from pathlib import Path

from engine.errors import InputError


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
