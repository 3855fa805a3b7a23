"""Arguments and options that several commands share, and the reading of ``name=value``."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from engine.errors import InputError

if TYPE_CHECKING:
    from runtime.config.parameters import ParameterValue

Strategy = Annotated[
    str, typer.Argument(metavar="STRATEGY", help="A strategy file, or a name in the workspace.")
]
Param = Annotated[
    list[str] | None,
    typer.Option("--param", metavar="NAME=VALUE", help="Another value of a parameter; repeatable."),
]
Debug = Annotated[bool, typer.Option("--debug", help="Show the traceback of an error.")]
Json = Annotated[bool, typer.Option("--json", help="Print JSON for programs.")]
CatalogFolder = Annotated[
    Path | None,
    typer.Option(
        "--catalog",
        metavar="DIR",
        help="Folder of imported data, instead of the workspace's or the user's.",
    ),
]


def parameter_values(param: Sequence[str] | None) -> dict[str, ParameterValue]:
    """Return what `Param` says.

    Raises
    ------
    InputError
        If one is no ``name=value``, or no number.
    """
    from runtime.config.parameters import parse_value

    pairs = parse_pairs(param or (), option="--param")
    return {name: parse_value(text, name=name) for name, text in pairs.items()}


def parse_pairs(texts: Sequence[str], *, option: str) -> dict[str, str]:
    """Return ``name=value`` texts as a dictionary.

    Raises
    ------
    InputError
        If one has no ``=``, no name, or a name comes twice.
    """
    pairs: dict[str, str] = {}
    for text in texts:
        name, equals, value = text.partition("=")
        if not equals or not name.strip():
            raise InputError(f"{text!r} is not name=value", where=option)
        if name.strip() in pairs:
            raise InputError(f"{name.strip()} is given twice", where=option)
        pairs[name.strip()] = value.strip()
    return pairs
