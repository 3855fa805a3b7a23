"""Blocks by address, as compiled doors are given them: one integer each, or one for a whole frame.

Importing this module imports numba.
"""

from __future__ import annotations

from typing import Any

from numba.core import cgutils, types
from numba.extending import intrinsic

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
from sims.replay.functions import VALUE_WIDTH
from sims.replay.layout import LANE_WIDTH

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
def lanes_at(typing_context: Any, address: Any, rows: Any) -> Any:
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


integers_at = _columns_at(types.int64)
floats_at = _columns_at(types.float64)
vector_at = _matrix_at(MatrixType(VECTOR))
core_at = _views_at(_CORE)
book_at = _views_at(_BOOK)
events_at = _matrix_at(MatrixType(EVENT_WIDTH))
signals_at = _matrix_at(MatrixType(SIGNAL_WIDTH))
intents_at = _matrix_at(MatrixType(ORDER_WIDTH))
values_at = _matrix_at(MatrixType(VALUE_WIDTH))
