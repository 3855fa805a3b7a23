"""Collecting garbage between inputs, so that Python does not do it in the middle of a decision.

Left alone it collects after every 700 objects that stay, wherever that is: 50 us, and 1 ms each tenth time,
were a good part of the slowest hundredth of decisions. What a strategy's own code makes in one go is
collected as ever.
"""

from __future__ import annotations

import gc
from typing import Final

_YOUNG: Final = 350  # objects: half of what Python waits for
_MIDDLE: Final = 10  # collections of young ones, as Python has it
_OLD: Final = 100  # collections of middle ones: whole ones take longest, and find least


def tidy() -> None:
    """Collect, if there is enough; to be called when an input has been taken."""
    young, middle, old = gc.get_count()
    if young >= _YOUNG:
        gc.collect(0 if middle < _MIDDLE else 1 if old < _OLD else 2)
