"""What all tables of a strategy file have in common, and the values that many of their keys take."""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal
from typing import Annotated, Any, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field

from runtime.config.values import to_duration, to_number

MONEY_MAX = Decimal(90_000_000_000)
QUANTITY_MAX = Decimal(9_000_000_000)  # in parts of 10^-9 within 64 bits

Number = Annotated[Decimal, BeforeValidator(to_number)]
Duration = Annotated[int, BeforeValidator(to_duration)]  # nanoseconds
Symbol = Annotated[str, Field(min_length=1, max_length=100)]
Formula = Annotated[str, Field(min_length=1, max_length=20_000)]


class Table(BaseModel):
    """A table of the file: unknown keys and wrong types are refused.

    The validator of the whole file holds those of its tables; a table has one of its own only once it
    is asked to validate by itself.
    """

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True, defer_build=True)


def all_defaults(table: type[Table], description: str) -> Any:
    """Return the field of a table that may be left out."""
    return Field(default_factory=table.model_construct, description=description)


def choice(names: Sequence[str]) -> Any:
    """Return a Literal type of names that are defined elsewhere."""
    return Literal[tuple(names)]
