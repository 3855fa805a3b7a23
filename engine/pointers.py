"""How the compiled world sees blocks: bare pointers with a known row width.

The problem: kernels take the core and the book as named tuples of arrays, which read well. As numba
arrays each of them is seven words with a reference count, so passing a tuple of seven to a function
costs about 100 ns and makes compilation slow (measured in docs/adr/0003-pointers.md).

The choice: the same source, another type. A `Matrix` is an address and a row count, its width part of
its type; a `Views` is the address of a table of them. ``s.orders[row, ORDER_FILLED]`` compiles to one
load at ``address + row * width + column``. Nothing is counted, nothing is bounds-checked: the
interpreted world, which runs the same source over memoryviews, checks every index.

Importing this module imports numba; only `engine.jit` does so, when something is compiled.
"""

from __future__ import annotations

import operator
from collections.abc import Sequence
from typing import Any

import numpy as np
from numba.core import cgutils, types
from numba.core.typing.templates import AbstractTemplate, AttributeTemplate, infer_global, signature
from numba.extending import (
    NativeValue,
    infer_getattr,
    lower_builtin,
    lower_getattr,
    lower_getattr_generic,
    models,
    register_model,
    typeof_impl,
    unbox,
)
from numpy.typing import NDArray

VECTOR = 0  # width of a one-dimensional block


class Matrix:
    """A block of int64 rows, handed to compiled kernels by address; keeps the array alive."""

    def __init__(self, array: NDArray[np.int64]) -> None:
        assert array.dtype == np.int64 and array.flags.c_contiguous
        self.array = array
        self.address = array.ctypes.data
        self.rows = array.shape[0]
        self.width = array.shape[1] if array.ndim == 2 else VECTOR
        self.numba_type = MatrixType(self.width)


class Views:
    """A named tuple of blocks, handed to compiled kernels as the address of a table."""

    def __init__(self, blocks: Any) -> None:
        self.names = blocks._fields
        self.matrices = [Matrix(block) for block in blocks]
        fields = tuple(
            (name, matrix.width) for name, matrix in zip(self.names, self.matrices, strict=True)
        )
        self.table = np.array([(m.address, m.rows) for m in self.matrices], dtype=np.int64)
        self.address = self.table.ctypes.data
        self.numba_type = ViewsType(fields)

    def replace(self, name: str, block: NDArray[np.int64]) -> None:
        """Put another block of the same width in the place of one; the address of the table stays."""
        number = self.names.index(name)
        matrix = Matrix(block)
        assert matrix.width == self.matrices[number].width
        self.matrices[number] = matrix
        self.table[number] = (matrix.address, matrix.rows)


class Columns:
    """Columns of one element type, handed to compiled kernels as the address of a table.

    ``columns[number][row]`` reads an element; columns may differ in length and are never written.
    """

    def __init__(self, columns: Sequence[NDArray[Any]], kind: type = np.int64) -> None:
        for column in columns:
            assert column.dtype == kind and column.ndim == 1 and column.flags.c_contiguous
        self.columns = list(columns)
        self.table = np.array([column.ctypes.data for column in columns] or [0], dtype=np.int64)
        self.address = self.table.ctypes.data

    def replace(self, number: int, column: NDArray[Any]) -> None:
        """Put another column in the place of one; the address of the table stays."""
        assert column.dtype == self.columns[number].dtype and column.flags.c_contiguous
        self.columns[number] = column
        self.table[number] = column.ctypes.data


class ColumnsType(types.Type):  # type: ignore[misc]
    """The numba type of `Columns` of one element type."""

    def __init__(self, element: Any) -> None:
        self.element = element
        super().__init__(name=f"Columns({element})")


class ColumnType(types.Type):  # type: ignore[misc]
    """The numba type of one column of `Columns`."""

    def __init__(self, element: Any) -> None:
        self.element = element
        super().__init__(name=f"Column({element})")


class MatrixType(types.Type):  # type: ignore[misc]
    """The numba type of a `Matrix` of one width."""

    def __init__(self, width: int) -> None:
        self.width = width
        super().__init__(name=f"Matrix({width})")


class ViewsType(types.Type):  # type: ignore[misc]
    """The numba type of a `Views` with certain fields."""

    def __init__(self, fields: tuple[tuple[str, int], ...]) -> None:
        self.fields = fields
        super().__init__(name=f"Views({fields})")

    @property
    def key(self) -> Any:
        """What makes two of these types the same."""
        return self.fields


_POINTER = types.CPointer(types.int64)


@register_model(MatrixType)
class _MatrixModel(models.StructModel):  # type: ignore[misc]
    def __init__(self, manager: Any, kind: MatrixType) -> None:
        super().__init__(manager, kind, [("data", _POINTER), ("rows", types.int64)])


@register_model(ViewsType)
class _ViewsModel(models.StructModel):  # type: ignore[misc]
    def __init__(self, manager: Any, kind: ViewsType) -> None:
        super().__init__(manager, kind, [("table", _POINTER)])


@typeof_impl.register(Matrix)
def _typeof_matrix(value: Matrix, context: Any) -> MatrixType:
    return value.numba_type


@typeof_impl.register(Views)
def _typeof_views(value: Views, context: Any) -> ViewsType:
    return value.numba_type


def _integer_attribute(c: Any, value: Any, name: str) -> Any:
    attribute = c.pyapi.object_getattr_string(value, name)
    number = c.pyapi.long_as_longlong(attribute)
    c.pyapi.decref(attribute)
    return number


@unbox(MatrixType)
def _unbox_matrix(kind: MatrixType, value: Any, c: Any) -> NativeValue:
    matrix = cgutils.create_struct_proxy(kind)(c.context, c.builder)
    address = _integer_attribute(c, value, "address")
    matrix.data = c.builder.inttoptr(address, c.context.get_value_type(_POINTER))
    matrix.rows = _integer_attribute(c, value, "rows")
    return NativeValue(matrix._getvalue())


@unbox(ViewsType)
def _unbox_views(kind: ViewsType, value: Any, c: Any) -> NativeValue:
    views = cgutils.create_struct_proxy(kind)(c.context, c.builder)
    address = _integer_attribute(c, value, "address")
    views.table = c.builder.inttoptr(address, c.context.get_value_type(_POINTER))
    return NativeValue(views._getvalue())


@register_model(ColumnsType)
class _ColumnsModel(models.StructModel):  # type: ignore[misc]
    def __init__(self, manager: Any, kind: ColumnsType) -> None:
        super().__init__(manager, kind, [("table", _POINTER)])


@register_model(ColumnType)
class _ColumnModel(models.StructModel):  # type: ignore[misc]
    def __init__(self, manager: Any, kind: ColumnType) -> None:
        super().__init__(manager, kind, [("data", types.CPointer(kind.element))])


@infer_getattr
class _ViewsAttributes(AttributeTemplate):  # type: ignore[misc]
    key = ViewsType

    def generic_resolve(  # type: ignore[override]
        self, kind: ViewsType, name: str
    ) -> MatrixType | None:
        widths = dict(kind.fields)
        return MatrixType(widths[name]) if name in widths else None


@lower_getattr_generic(ViewsType)
def _lower_views_attribute(
    context: Any, builder: Any, kind: ViewsType, value: Any, name: str
) -> Any:
    index = [field for field, _ in kind.fields].index(name)
    table = cgutils.create_struct_proxy(kind)(context, builder, value=value).table
    matrix = cgutils.create_struct_proxy(MatrixType(dict(kind.fields)[name]))(context, builder)
    address = builder.load(cgutils.gep_inbounds(builder, table, 2 * index))
    matrix.data = builder.inttoptr(address, context.get_value_type(_POINTER))
    matrix.rows = builder.load(cgutils.gep_inbounds(builder, table, 2 * index + 1))
    return matrix._getvalue()


@infer_getattr
class _MatrixAttributes(AttributeTemplate):  # type: ignore[misc]
    key = MatrixType

    def resolve_shape(self, kind: MatrixType) -> types.UniTuple:
        return types.UniTuple(types.int64, 2)


@lower_getattr(MatrixType, "shape")
def _lower_shape(context: Any, builder: Any, kind: MatrixType, value: Any) -> Any:
    rows = cgutils.create_struct_proxy(kind)(context, builder, value=value).rows
    width = context.get_constant(types.int64, kind.width)
    return context.make_tuple(builder, types.UniTuple(types.int64, 2), (rows, width))


def _is_index(kind: MatrixType, index: Any) -> bool:
    if kind.width == VECTOR:
        return isinstance(index, types.Integer)
    return (
        isinstance(index, types.BaseTuple)
        and len(index) == 2
        and all(isinstance(part, types.Integer) for part in index)  # type: ignore[attr-defined]
    )


@infer_global(operator.getitem)
class _GetItem(AbstractTemplate):  # type: ignore[misc]
    def generic(self, args: Any, kws: Any) -> Any:
        if isinstance(args[0], MatrixType) and _is_index(args[0], args[1]):
            return signature(types.int64, *args)
        if isinstance(args[0], ColumnsType) and isinstance(args[1], types.Integer):
            return signature(ColumnType(args[0].element), *args)
        if isinstance(args[0], ColumnType) and isinstance(args[1], types.Integer):
            return signature(args[0].element, *args)
        return None


@infer_global(operator.setitem)
class _SetItem(AbstractTemplate):  # type: ignore[misc]
    def generic(self, args: Any, kws: Any) -> Any:
        if isinstance(args[0], MatrixType) and _is_index(args[0], args[1]):
            return signature(types.none, args[0], args[1], types.int64)
        return None


def _cell(
    context: Any, builder: Any, kind: MatrixType, value: Any, index_type: Any, index: Any
) -> Any:
    data = cgutils.create_struct_proxy(kind)(context, builder, value=value).data
    if kind.width == VECTOR:
        offset = context.cast(builder, index, index_type, types.int64)
    else:
        row, column = cgutils.unpack_tuple(builder, index, count=2)
        row = context.cast(builder, row, index_type[0], types.int64)
        column = context.cast(builder, column, index_type[1], types.int64)
        width = context.get_constant(types.int64, kind.width)
        offset = builder.add(builder.mul(row, width), column)
    return builder.gep(data, [offset], inbounds=True)


@lower_builtin(operator.getitem, MatrixType, types.Any)
def _lower_getitem(context: Any, builder: Any, sig: Any, args: Any) -> Any:
    return builder.load(_cell(context, builder, sig.args[0], args[0], sig.args[1], args[1]))


@lower_builtin(operator.setitem, MatrixType, types.Any, types.int64)
def _lower_setitem(context: Any, builder: Any, sig: Any, args: Any) -> Any:
    builder.store(args[2], _cell(context, builder, sig.args[0], args[0], sig.args[1], args[1]))
    return context.get_dummy_value()


@lower_builtin(operator.getitem, ColumnsType, types.Integer)
def _lower_choose(context: Any, builder: Any, sig: Any, args: Any) -> Any:
    table = cgutils.create_struct_proxy(sig.args[0])(context, builder, value=args[0]).table
    number = context.cast(builder, args[1], sig.args[1], types.int64)
    address = builder.load(builder.gep(table, [number], inbounds=True))
    column = cgutils.create_struct_proxy(sig.return_type)(context, builder)
    pointer = context.get_value_type(types.CPointer(sig.return_type.element))
    column.data = builder.inttoptr(address, pointer)
    return column._getvalue()


@lower_builtin(operator.getitem, ColumnType, types.Integer)
def _lower_read(context: Any, builder: Any, sig: Any, args: Any) -> Any:
    data = cgutils.create_struct_proxy(sig.args[0])(context, builder, value=args[0]).data
    row = context.cast(builder, args[1], sig.args[1], types.int64)
    return builder.load(builder.gep(data, [row], inbounds=True))
