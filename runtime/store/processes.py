"""Which process a running row belongs to, and whether that process is still there.

A process id alone is used again by others. With the machine's boot, its process-id space (a container
has its own) and the process's start since boot it is not. Where the system does not tell, a row is
believed to be running: better a stale row than a live one declared dead.
"""

from __future__ import annotations

import os
from contextlib import suppress
from dataclasses import dataclass
from functools import cache
from pathlib import Path


@dataclass(frozen=True, slots=True)
class Process:
    """A process: the machine's name, its number there, and ``boot/space/start``."""

    host: str
    pid: int
    process: str


def this_process() -> Process:
    """Return the process that asks."""
    return _process(os.getpid())


@cache
def _process(pid: int) -> Process:
    return Process(os.uname().nodename, pid, f"{_machine()}/{_start_of(pid) or ''}")


def has_ended(other: Process) -> bool:
    """Say whether a process is known to be gone."""
    boot, _, rest = other.process.partition("/")
    space, _, start = rest.partition("/")
    our_boot, _, our_space = _machine().partition("/")
    if other.host != os.uname().nodename or not boot or not our_boot:
        return False
    if boot != our_boot:
        return True  # the machine was started again since
    if space != our_space:
        return False
    now = _start_of(other.pid)
    return now is None or now != start


@cache
def _machine() -> str:
    boot = space = ""
    with suppress(OSError):
        boot = Path("/proc/sys/kernel/random/boot_id").read_text("ascii").strip()
        space = os.readlink("/proc/self/ns/pid").strip("pid:[]")
    return f"{boot}/{space}"


def _start_of(pid: int) -> str | None:
    """Return when a process began, in clock ticks since boot; None when there is none or a zombie."""
    try:
        line = Path(f"/proc/{pid}/stat").read_text("utf-8", errors="replace")
    except OSError:
        return None
    fields = line.rpartition(")")[2].split()  # its name may hold anything, spaces too
    return None if fields[0] in "ZX" else fields[19]
