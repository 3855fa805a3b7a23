"""The doors from Python into the compiled loop: integers only, because a typed argument costs about
two microseconds a call and a Python strategy goes through the door at every order.

Importing this module imports numba.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numba import njit
from numba.core import cgutils, types
from numba.extending import intrinsic

from engine.jit import compiled
from engine.model.layout import (
    COMMAND_WIDTH,
    EVENT_WIDTH,
    LEDGER_WIDTH,
    ORDER_WIDTH,
    POSITION_WIDTH,
    SIGNAL_WIDTH,
    TERMS_WIDTH,
)
from engine.pointers import VECTOR, MatrixType, ViewsType
from engine.state import Core
from sims.fillbook.layout import MARKET_WIDTH, REQUEST_WIDTH, Book
from sims.replay.loop import place_all, run, run_function

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


_core_at = _views_at(_CORE)
_book_at = _views_at(_BOOK)
_events_at = _matrix_at(MatrixType(EVENT_WIDTH))
_signals_at = _matrix_at(MatrixType(SIGNAL_WIDTH))
_intents_at = _matrix_at(MatrixType(ORDER_WIDTH))
_run = compiled(run)
_place_all = compiled(place_all)
_run_function = compiled(run_function)


@njit(cache=True)  # type: ignore[untyped-decorator]
def run_at(
    core: int, book: int, events: int, signals: int, intents: int, first: int, last: int
) -> Any:
    """`sims.replay.loop.run` with every block by address."""
    return _run(
        _core_at(core),
        _book_at(book),
        _events_at(events),
        _signals_at(signals),
        _intents_at(intents),
        first,
        last,
    )


@njit(cache=True)  # type: ignore[untyped-decorator]
def place_at(core: int, book: int, intents: int, count: int) -> None:
    """`sims.replay.loop.place_all` with every block by address."""
    _place_all(_core_at(core), _book_at(book), _intents_at(intents), count)


@njit(cache=True)  # type: ignore[untyped-decorator]
def run_function_at(
    core: int,
    book: int,
    events: int,
    signals: int,
    intents: int,
    own_intents: Any,
    values: Any,
    memory: Any,
    function: Any,
    first: int,
    last: int,
) -> Any:
    """`sims.replay.loop.run_function` with every block by address."""
    return _run_function(
        _core_at(core),
        _book_at(book),
        _events_at(events),
        _signals_at(signals),
        _intents_at(intents),
        own_intents,
        values,
        memory,
        function,
        first,
        last,
    )


FUNCTION_SIGNATURE = types.int64(
    types.float64[::1],
    types.float64[::1],
    types.int64,
    types.int64,
    types.int64,
    types.Array(types.int64, 2, "C"),
)
assert np.dtype(np.int64).itemsize == 8
