"""Where each key of a TOML text stands; `tomllib` tells positions of syntax errors only.

The text has already been parsed by `tomllib`, so this scanner may assume that it is valid: it
walks over statements and needs to know only where strings, comments and brackets end.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TypeAlias

Key: TypeAlias = tuple[str, ...]

_BLANK = re.compile(r"(?:[ \t\r\n]|#[^\n]*)*")
_KEY_PART = re.compile(r"""[ \t]*("(?:[^"\\]|\\.)*"|'[^']*'|[A-Za-z0-9_-]+)[ \t]*(\.?)""")
_VALUE_PIECE = re.compile(
    r'''"""(?:[^\\]|\\.)*?"{3,5}|\'\'\'.*?\'{3,5}|"(?:[^"\\\n]|\\.)*"|\'[^\'\n]*\''''
    r"""|#[^\n]*|[\[\]{}]|\n|[^"'#\[\]{}\n]+""",
    re.DOTALL,
)
_MULTILINE_OPENING = re.compile(r"""[ \t]*(?:\"{3}|'{3})\r?\n""")


@dataclass(frozen=True, slots=True)
class Place:
    """Lines from 1: of a key, and of the first character of its value."""

    line: int
    value_line: int


def locate_keys(text: str) -> dict[Key, Place]:
    """Return the place of every table and key of a valid TOML text.

    Keys inside an inline table are not listed; `find_place` answers with the table's place.

    Examples
    --------
    >>> places = locate_keys('[data]\\n# comment\\ndataset = "x"\\n')
    >>> places["data", "dataset"].line
    3
    """
    places: dict[Key, Place] = {}
    table: Key = ()
    at = _skip_blank(text, 0)
    while at < len(text):
        line = text.count("\n", 0, at) + 1
        if text[at] == "[":
            opening = 2 if text.startswith("[[", at) else 1
            table, at = _dotted_key(text, at + opening)
            places.setdefault(table, Place(line, line))
            at = _skip_blank(text, at + opening)
            continue
        key, at = _dotted_key(text, at)
        starts_below = _MULTILINE_OPENING.match(text, at + 1) is not None
        for length in range(1, len(key) + 1):
            places.setdefault(table + key[:length], Place(line, line + starts_below))
        at = _skip_blank(text, _value_end(text, at + 1))
    return places


def find_place(places: Mapping[Key, Place], key: Key) -> tuple[Key, Place | None]:
    """Return the longest part of `key` that stands in the file, with its place."""
    for length in range(len(key), 0, -1):
        if key[:length] in places:
            return key[:length], places[key[:length]]
    return (), None


def _skip_blank(text: str, at: int) -> int:
    match = _BLANK.match(text, at)
    assert match is not None, "the pattern matches the empty text"
    return match.end()


def _dotted_key(text: str, at: int) -> tuple[Key, int]:
    parts: list[str] = []
    while True:
        match = _KEY_PART.match(text, at)
        assert match is not None, "tomllib accepted this text"
        parts.append(_unquoted(match.group(1)))
        at = match.end()
        if not match.group(2):
            return tuple(parts), at


def _unquoted(part: str) -> str:
    if part[0] not in "\"'":
        return part
    return str(tomllib.loads(f"key = {part}")["key"])


def _value_end(text: str, at: int) -> int:
    depth = 0
    while at < len(text):
        match = _VALUE_PIECE.match(text, at)
        assert match is not None, "tomllib accepted this text"
        at = match.end()
        match match.group():
            case "[" | "{":
                depth += 1
            case "]" | "}":
                depth -= 1
            case "\n" if depth == 0:
                break
    return at
