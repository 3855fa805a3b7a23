"""Calling a compiled kernel on a core, with its blocks as the compiled loop takes them.

As arrays they would have other types, and everything that the kernel leads to would be compiled once more.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from engine.jit import compiled
from engine.state import Core


def call_compiled(kernel: Callable[..., Any], core: Core, *values: Any) -> Any:
    """Call the compiled twin of a kernel on a core; other blocks may come in any form."""
    from engine.pointers import Matrix, Views

    blocks = [
        Matrix(np.asarray(value)) if isinstance(value, memoryview | np.ndarray) else value
        for value in values
    ]
    return compiled(kernel)(Views(core), *blocks)
