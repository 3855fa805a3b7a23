"""Identifiers of runs and sweeps: the second they began, and a random tail.

They sort by time, a person can read and type them, and two machines do not meet: 25 random bits in
one second.
"""

from __future__ import annotations

import os
import time
from datetime import UTC, datetime

_ALPHABET = "0123456789abcdefghjkmnpqrstvwxyz"  # 32: without i, l, o, u, which are misread
_TAIL = 5
TAIL_START = len("20260131-235959-")


def now_ns() -> int:
    """Return the wall clock's time, nanoseconds UTC: a label for people, never an input of a run."""
    return time.time_ns()  # noqa: TID251


def new_id(ts_ns: int) -> str:
    """Return a new identifier for something that begins at `ts_ns`, e.g. ``20260131-235959-4k9zt``."""
    moment = datetime.fromtimestamp(ts_ns // 10**9, UTC)
    tail = "".join(_ALPHABET[byte % len(_ALPHABET)] for byte in os.urandom(_TAIL))
    return f"{moment:%Y%m%d-%H%M%S}-{tail}"
