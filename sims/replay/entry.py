"""The doors from Python into the compiled loop: integers only, because a typed argument costs about
two microseconds a call and a Python strategy goes through the door at every order. A replay has ten
blocks; their addresses stand in a *frame*, so that one integer names them all.

Importing this module imports numba.
"""

from __future__ import annotations

from functools import cache
from typing import Any, NamedTuple

import numpy as np
from numba.core import types

from engine.jit import compiled, kernel
from sims.replay.addresses import (
    book_at,
    core_at,
    events_at,
    floats_at,
    integers_at,
    intents_at,
    lanes_at,
    signals_at,
    values_at,
    vector_at,
)
from sims.replay.functions import replay_function
from sims.replay.lanes import replay
from sims.replay.layout import (
    FRAME_BOOK,
    FRAME_COLUMNS,
    FRAME_CORE,
    FRAME_EVENTS,
    FRAME_HEAP,
    FRAME_INTENTS,
    FRAME_LANE_ROWS,
    FRAME_LANES,
    FRAME_SIGNALS,
    FRAME_TURN,
)
from sims.replay.verbs import act


@kernel
def replay_at(frame: int, until: int, with_others: int) -> Any:
    """`sims.replay.lanes.replay` with every block by a frame's addresses."""
    at = vector_at(frame)
    return replay(
        core_at(at[FRAME_CORE]),
        book_at(at[FRAME_BOOK]),
        lanes_at(at[FRAME_LANES], at[FRAME_LANE_ROWS]),  # type: ignore[call-arg]
        integers_at(at[FRAME_COLUMNS]),
        vector_at(at[FRAME_HEAP]),
        vector_at(at[FRAME_TURN]),
        events_at(at[FRAME_EVENTS]),
        signals_at(at[FRAME_SIGNALS]),
        intents_at(at[FRAME_INTENTS]),
        until,
        with_others,
    )


@kernel
def act_at(frame: int, verb: int, a: int, b: int, c: int, d: int) -> Any:
    """`sims.replay.verbs.act` with every block by a frame's addresses."""
    at = vector_at(frame)
    return act(
        core_at(at[FRAME_CORE]),
        book_at(at[FRAME_BOOK]),
        lanes_at(at[FRAME_LANES], at[FRAME_LANE_ROWS]),  # type: ignore[call-arg]
        integers_at(at[FRAME_COLUMNS]),
        vector_at(at[FRAME_HEAP]),
        vector_at(at[FRAME_TURN]),
        intents_at(at[FRAME_INTENTS]),
        verb,
        a,
        b,
        c,
        d,
    )


@kernel
def replay_function_at(
    frame: int,
    until: int,
    own_intents: Any,
    values: int,
    floats: int,
    width: int,
    numbers: Any,
    memory: Any,
    function: Any,
) -> Any:
    """`sims.replay.functions.replay_function` with every block by a frame's addresses."""
    at = vector_at(frame)
    return replay_function(
        core_at(at[FRAME_CORE]),
        book_at(at[FRAME_BOOK]),
        lanes_at(at[FRAME_LANES], at[FRAME_LANE_ROWS]),  # type: ignore[call-arg]
        integers_at(at[FRAME_COLUMNS]),
        vector_at(at[FRAME_HEAP]),
        vector_at(at[FRAME_TURN]),
        events_at(at[FRAME_EVENTS]),
        signals_at(at[FRAME_SIGNALS]),
        intents_at(at[FRAME_INTENTS]),
        until,
        own_intents,
        values_at(values),
        floats_at(floats),
        width,
        numbers,
        memory,
        function,
    )


class Doors(NamedTuple):
    """The compiled doors."""

    replay: Any
    act: Any
    replay_function: Any


@cache
def doors(*, with_loop: bool) -> Doors:
    """Return the doors with or without the trading loop; without it they compile in half the time."""
    made = (replay_at, act_at, replay_function_at)
    return Doors(*(compiled(door, with_loop=with_loop) for door in made))


FUNCTION_SIGNATURE = types.int64(
    types.float64[::1],
    types.float64[::1],
    types.int64,
    types.int64,
    types.int64,
    types.Array(types.int64, 2, "C"),
)
assert np.dtype(np.int64).itemsize == 8
