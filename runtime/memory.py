"""How much of the memory that this process may use it uses."""

from __future__ import annotations

import os
import resource
from functools import cache
from pathlib import Path

_STATM = Path("/proc/self/statm")
_LIMITS = (Path("/sys/fs/cgroup/memory.max"), Path("/sys/fs/cgroup/memory/memory.limit_in_bytes"))


def memory_share() -> float | None:
    """Return the fraction of its memory that this process uses; None where the system does not say."""
    try:
        pages = int(_STATM.read_text().split()[1])
        return pages * os.sysconf("SC_PAGE_SIZE") / _limit_bytes()
    except (OSError, ValueError, IndexError):
        return None


@cache
def _limit_bytes() -> int:
    """Return the least of the machine's memory, its container's limit, and the process's own."""
    found = [os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")]
    for path in _LIMITS:
        if path.exists() and (text := path.read_text().strip()).isdecimal():
            found.append(int(text))
    own = resource.getrlimit(resource.RLIMIT_AS)[0]
    if own != resource.RLIM_INFINITY:
        found.append(own)
    return min(found)
