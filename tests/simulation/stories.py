"""The story of a seed, for whoever looks for what it has found."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any


def tell(seed: int, run: Callable[..., Any]) -> int:
    """Print a world's story, and what it finds; return the exit code."""
    try:
        world = run(seed, keeps_story=True)
    except Exception as error:  # noqa: BLE001  (a find)
        print("\n".join(getattr(error, "__notes__", [])))
        print(f"{type(error).__name__}: {error}")
        return 1
    print("\n".join(world.story))
    print(f"seed {seed}: sound after {world.auditor.checks} inputs, {world.lives} lives")
    return 0
