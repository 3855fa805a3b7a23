"""Commands that read plain arguments by themselves.

Typer hands every argument to pydantic, also the options that nobody has given, and importing pydantic
takes a fifth of a short backtest. A text, a path, one of several words or nothing needs no conversion
that could fail; whatever else, and whatever is wrong, goes Typer's way, with Typer's words.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any, Literal, get_args, get_origin

from typer import BadParameter
from typer.core import TyperCommand, TyperGroup

_UNREAD = object()
_NUMBERS = {"integer": "a whole number", "number": "a number"}
_SENTENCE = 200  # characters of a command's first sentence, at most


class PlainCommand(TyperCommand):
    """A command that leaves to Typer only what is not plain."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        _read_plainly(self.params)

    def get_help_option(self, ctx: Any) -> Any:
        """Return ``--help``, which every command has besides its own options."""
        return _read_plainly([super().get_help_option(ctx)])[0]

    def get_short_help_str(self, limit: int = _SENTENCE) -> str:
        """Return the first sentence of the help, whole: a list of commands wraps it."""
        return super().get_short_help_str(max(limit, _SENTENCE))


class PlainGroup(TyperGroup):
    """A group of commands that does the same."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        _read_plainly(self.params)

    def get_help_option(self, ctx: Any) -> Any:
        """Return ``--help``."""
        return _read_plainly([super().get_help_option(ctx)])[0]


def _read_plainly(parameters: list[Any]) -> list[Any]:
    """Let parameters take what is plain as it is; return them."""
    for each in parameters:
        descriptor = getattr(each, "type_descriptor", None)  # other versions of Typer have none
        if descriptor is not None and "process_value" not in vars(each):
            each.process_value = _reader_of(each, descriptor.annotation)
    return parameters


def _reader_of(parameter: Any, annotation: Any) -> Callable[[Any, Any], Any]:
    by_typer: Callable[[Any, Any], Any] = parameter.process_value

    def process_value(context: Any, value: Any) -> Any:
        plain = _plain(value, annotation, is_list=parameter.multiple or parameter.nargs == -1)
        if plain is _UNREAD or (parameter.required and not plain):
            try:
                return by_typer(context, value)
            except BadParameter as error:
                error.message = _in_our_words(error.message, value)
                raise
        callback = parameter.callback
        return plain if callback is None else callback(context, parameter, plain)

    return process_value


def _in_our_words(problem: str, value: Any) -> str:
    """Return what is wrong with a value without what pydantic says to programmers."""
    for kind, wanted in _NUMBERS.items():
        if problem.startswith(f"Input should be a valid {kind}"):
            return f"{value!r} is not {wanted}."
    return problem.removeprefix("Value error, ")


def _plain(value: Any, annotation: Any, *, is_list: bool) -> Any:
    if is_list:
        texts = () if value is None else value
        is_plain = annotation == list[str] and all(type(each) is str for each in texts)
        return list(texts) if is_plain and texts else () if is_plain else _UNREAD
    if value is None:
        return None
    if type(value) is not str or not value:
        return _UNREAD
    if annotation is str:
        return value
    if get_origin(annotation) is Literal and value in get_args(annotation):
        return value
    if annotation is Path and (not os.path.exists(value) or os.access(value, os.R_OK)):
        return Path(value)
    return _UNREAD
