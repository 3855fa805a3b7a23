"""What the statements of the registry and of sessions are made with."""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy import (
    ColumnElement,
    Executable,
    Integer,
    Table,
    bindparam,
    func,
    literal_column,
    or_,
)

from runtime.store.ids import TAIL_START


@dataclass(frozen=True, slots=True, eq=False)
class Statement:
    """A statement, and the columns that its parameters set."""

    core: Executable
    columns: tuple[str, ...] = ()


def number(value: int) -> ColumnElement[int]:
    """Return a constant that stands in the text: what remains to be given is the caller's alone."""
    return literal_column(str(value), Integer)


def columns_of(table: Table) -> tuple[str, ...]:
    """Return the names of all columns."""
    return tuple(column.name for column in table.columns)


def begins(column: ColumnElement[str]) -> ColumnElement[bool]:
    """Say whether a text begins with `name`, which has `length` characters."""
    beginning = func.substr(column, number(1), bindparam("length", type_=Integer))
    return beginning == bindparam("name")


def is_meant(table: Table) -> ColumnElement[bool]:
    """A person names a row by the beginning of its id, or by its random end."""
    tail = func.substr(table.c.id, number(TAIL_START + 1))
    return or_(begins(table.c.id), tail == bindparam("name"))
