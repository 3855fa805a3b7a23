"""Whether a process that is not a child of the test runs."""

from __future__ import annotations

from pathlib import Path


def is_running(pid: int) -> bool:
    """Return whether there is such a process; one that nobody has asked for its end yet is none."""
    try:
        state = Path(f"/proc/{pid}/stat").read_text("ascii").rpartition(")")[2].split()[0]
    except OSError:
        return False
    return state not in "ZX"
