"""The doors from Python into the compiled loop: integers only, because a typed argument costs about
two microseconds a call and a Python strategy goes through the door at every order. A replay has ten
blocks; their addresses stand in a *frame*, so that one integer names them all.

Importing this module imports numba.
"""

from __future__ import annotations

from functools import cache
from typing import Any, NamedTuple

import numpy as np
from numba.core import cgutils, types
from numba.extending import intrinsic

from engine.jit import compiled, kernel
from engine.model.layout import (
    COMMAND_WIDTH,
    EVENT_WIDTH,
    LEDGER_WIDTH,
    ORDER_WIDTH,
    POSITION_WIDTH,
    SIGNAL_WIDTH,
    TERMS_WIDTH,
)
from engine.model.trading_layout import (
    CALENDARS_WIDTH,
    EXITS_WIDTH,
    LATCHES_WIDTH,
    MONITOR_WIDTH,
    RETURNS_WIDTH,
    RINGS_WIDTH,
    STAGES_WIDTH,
    WAKES_WIDTH,
)
from engine.pointers import VECTOR, ColumnsType, MatrixType, ViewsType
from engine.state import Core
from sims.fillbook.layout import MARKET_WIDTH, REQUEST_WIDTH, Book
from sims.replay.functions import VALUE_WIDTH, replay_function
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
    LANE_WIDTH,
)
from sims.replay.loop import run
from sims.replay.verbs import act

_CORE = ViewsType(
    tuple(
        zip(
            Core._fields,
            (
                VECTOR,
                TERMS_WIDTH,
                POSITION_WIDTH,
                LEDGER_WIDTH,
                ORDER_WIDTH,
                MONITOR_WIDTH,
                VECTOR,
                EXITS_WIDTH,
                STAGES_WIDTH,
                VECTOR,
                LATCHES_WIDTH,
                RINGS_WIDTH,
                CALENDARS_WIDTH,
                RETURNS_WIDTH,
                WAKES_WIDTH,
                VECTOR,
                VECTOR,
                ORDER_WIDTH,
                COMMAND_WIDTH,
                EVENT_WIDTH,
            ),
            strict=True,
        )
    )
)
_BOOK = ViewsType(
    tuple(
        zip(
            Book._fields,
            (
                VECTOR,
                TERMS_WIDTH,
                MARKET_WIDTH,
                ORDER_WIDTH,
                ORDER_WIDTH,
                EVENT_WIDTH,
                VECTOR,
                REQUEST_WIDTH,
            ),
            strict=True,
        )
    )
)


def _views_at(kind: ViewsType) -> Any:
    @intrinsic
    def views_at(typing_context: Any, address: Any) -> Any:
        def codegen(context: Any, builder: Any, signature: Any, args: Any) -> Any:
            views = cgutils.create_struct_proxy(kind)(context, builder)
            pointer = context.get_value_type(types.CPointer(types.int64))
            views.table = builder.inttoptr(args[0], pointer)
            return views._getvalue()

        return kind(types.int64), codegen

    return views_at


def _matrix_at(kind: MatrixType) -> Any:
    @intrinsic
    def matrix_at(typing_context: Any, address: Any) -> Any:
        def codegen(context: Any, builder: Any, signature: Any, args: Any) -> Any:
            matrix = cgutils.create_struct_proxy(kind)(context, builder)
            pointer = context.get_value_type(types.CPointer(types.int64))
            matrix.data = builder.inttoptr(args[0], pointer)
            matrix.rows = context.get_constant(types.int64, 0)
            return matrix._getvalue()

        return kind(types.int64), codegen

    return matrix_at


@intrinsic  # type: ignore[untyped-decorator]
def _lanes_at(typing_context: Any, address: Any, rows: Any) -> Any:
    kind = MatrixType(LANE_WIDTH)

    def codegen(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        matrix = cgutils.create_struct_proxy(kind)(context, builder)
        matrix.data = builder.inttoptr(args[0], context.get_value_type(types.CPointer(types.int64)))
        matrix.rows = args[1]
        return matrix._getvalue()

    return kind(types.int64, types.int64), codegen


def _columns_at(element: Any) -> Any:
    kind = ColumnsType(element)

    @intrinsic
    def columns_at(typing_context: Any, address: Any) -> Any:
        def codegen(context: Any, builder: Any, signature: Any, args: Any) -> Any:
            columns = cgutils.create_struct_proxy(kind)(context, builder)
            pointer = context.get_value_type(types.CPointer(types.int64))
            columns.table = builder.inttoptr(args[0], pointer)
            return columns._getvalue()

        return kind(types.int64), codegen

    return columns_at


_integers_at = _columns_at(types.int64)
_floats_at = _columns_at(types.float64)
_vector_at = _matrix_at(MatrixType(VECTOR))
_core_at = _views_at(_CORE)
_book_at = _views_at(_BOOK)
_events_at = _matrix_at(MatrixType(EVENT_WIDTH))
_signals_at = _matrix_at(MatrixType(SIGNAL_WIDTH))
_intents_at = _matrix_at(MatrixType(ORDER_WIDTH))
_values_at = _matrix_at(MatrixType(VALUE_WIDTH))


@kernel
def run_at(
    core: int, book: int, events: int, signals: int, intents: int, first: int, last: int
) -> Any:
    """`sims.replay.loop.run` with every block by address."""
    return run(
        _core_at(core),
        _book_at(book),
        _events_at(events),
        _signals_at(signals),
        _intents_at(intents),
        first,
        last,
    )


@kernel
def replay_at(frame: int, until: int, with_others: int) -> Any:
    """`sims.replay.lanes.replay` with every block by a frame's addresses."""
    at = _vector_at(frame)
    return replay(
        _core_at(at[FRAME_CORE]),
        _book_at(at[FRAME_BOOK]),
        _lanes_at(at[FRAME_LANES], at[FRAME_LANE_ROWS]),  # type: ignore[call-arg]
        _integers_at(at[FRAME_COLUMNS]),
        _vector_at(at[FRAME_HEAP]),
        _vector_at(at[FRAME_TURN]),
        _events_at(at[FRAME_EVENTS]),
        _signals_at(at[FRAME_SIGNALS]),
        _intents_at(at[FRAME_INTENTS]),
        until,
        with_others,
    )


@kernel
def act_at(frame: int, verb: int, a: int, b: int, c: int, d: int) -> Any:
    """`sims.replay.verbs.act` with every block by a frame's addresses."""
    at = _vector_at(frame)
    return act(
        _core_at(at[FRAME_CORE]),
        _book_at(at[FRAME_BOOK]),
        _lanes_at(at[FRAME_LANES], at[FRAME_LANE_ROWS]),  # type: ignore[call-arg]
        _integers_at(at[FRAME_COLUMNS]),
        _vector_at(at[FRAME_HEAP]),
        _vector_at(at[FRAME_TURN]),
        _intents_at(at[FRAME_INTENTS]),
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
    at = _vector_at(frame)
    return replay_function(
        _core_at(at[FRAME_CORE]),
        _book_at(at[FRAME_BOOK]),
        _lanes_at(at[FRAME_LANES], at[FRAME_LANE_ROWS]),  # type: ignore[call-arg]
        _integers_at(at[FRAME_COLUMNS]),
        _vector_at(at[FRAME_HEAP]),
        _vector_at(at[FRAME_TURN]),
        _events_at(at[FRAME_EVENTS]),
        _signals_at(at[FRAME_SIGNALS]),
        _intents_at(at[FRAME_INTENTS]),
        until,
        own_intents,
        _values_at(values),
        _floats_at(floats),
        width,
        numbers,
        memory,
        function,
    )


class Doors(NamedTuple):
    """The compiled doors."""

    run: Any
    replay: Any
    act: Any
    replay_function: Any


@cache
def doors(*, with_loop: bool) -> Doors:
    """Return the doors with or without the trading loop; without it they compile in half the time."""
    made = (run_at, replay_at, act_at, replay_function_at)
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
