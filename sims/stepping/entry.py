"""The doors from Python into the compiled steps: integers only. A frame has the blocks' addresses.

Importing this module imports numba.
"""

from __future__ import annotations

from functools import cache
from typing import Any, NamedTuple

from numba.core import types

from engine.jit import compiled, kernel
from sims.replay.addresses import book_at, core_at, events_at, intents_at, signals_at, vector_at
from sims.stepping.steps import step_book, step_core


@kernel
def step_core_at(frame: int, step: int, a: int, b: int, c: int, d: int, e: int) -> Any:
    """`sims.stepping.steps.step_core` with every block by a frame's addresses."""
    at = vector_at(frame)
    return step_core(
        core_at(at[0]), events_at(at[1]), signals_at(at[2]), intents_at(at[3]), step, a, b, c, d, e
    )


@kernel
def step_book_at(frame: int, step: int, a: int, b: int, c: int, d: int, e: int) -> Any:
    """`sims.stepping.steps.step_book` with every block by a frame's addresses."""
    at = vector_at(frame)
    return step_book(book_at(at[0]), events_at(at[1]), intents_at(at[2]), step, a, b, c, d, e)


class StepDoors(NamedTuple):
    """The compiled doors of a session."""

    core: Any
    book: Any


@cache
def step_doors(*, with_loop: bool) -> StepDoors:
    """Return the doors, compiled or from the cache: the call of none waits for that any more."""
    made = StepDoors(
        compiled(step_core_at, with_loop=with_loop), compiled(step_book_at, with_loop=with_loop)
    )
    for door in made:
        door.compile((types.int64,) * 7)
    return made
