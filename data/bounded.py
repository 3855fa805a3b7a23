"""Reading whole files that a person has named, which may be a device without an end."""

from __future__ import annotations

import errno
from pathlib import Path


def read_at_most(path: Path, most: int) -> bytes:
    """Return what a file has.

    Raises
    ------
    OSError
        If it cannot be read, or has more than `most` bytes.
    """
    with path.open("rb") as file:
        content = file.read(most + 1)
    if len(content) > most:
        raise OSError(errno.EFBIG, f"it has more than {most:,} bytes", str(path))
    return content
