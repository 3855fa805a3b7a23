"""What the registry needs of a database: transactions that run statements by name."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager
from typing import Protocol, TypeAlias

Cell: TypeAlias = str | int | float | bytes | None
Row: TypeAlias = Mapping[str, Cell]
Values: TypeAlias = Mapping[str, Cell]


class Transaction(Protocol):
    """A transaction under way."""

    def read(self, statement: str, values: Values | None = None) -> list[Row]:
        """Return the rows of a query."""

    def write(self, statement: str, values: Values) -> int:
        """Change rows and return how many."""

    def write_many(self, statement: str, values: Sequence[Values]) -> None:
        """Run a change once for each set of values."""


class Backend(Protocol):
    """A database whose schema is the one of this code."""

    @property
    def place(self) -> str:
        """Where it is, without any password."""

    def reading(self) -> AbstractContextManager[Transaction]:
        """Begin a transaction that only reads."""

    def writing(self) -> AbstractContextManager[Transaction]:
        """Begin a transaction that is durable once it has ended without an error."""

    def close(self) -> None:
        """Give back what it holds."""
