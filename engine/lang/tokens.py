"""Text of a formula to tokens."""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import Enum

from engine.errors import FormulaError

MAX_LENGTH = 10_000  # characters; a formula is a sentence, not a program


class TokenKind(Enum):
    """What a token is."""

    NUMBER = "a number"
    NAME = "a name"
    TEXT = "a quoted text"
    OPERATOR = "an operator"
    END = "the end"


@dataclass(frozen=True, slots=True)
class Token:
    """One token and the zero-based column where it begins."""

    kind: TokenKind
    text: str
    column: int


_TOKEN = re.compile(
    r"""(?P<space>[ \t\r\n]+)
      | (?P<number>(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:[eE][+-]?[0-9]+)?)
      | (?P<name>[A-Za-z_][A-Za-z0-9_]*)
      | (?P<text>"[^"\n]*"|'[^'\n]*')
      | (?P<operator><=|>=|==|!=|[-+*/<>()\[\],=])
    """,
    re.VERBOSE,
)

# What people write from habit, and what to write here.
_HABITS = {
    "&": "write 'and'",
    "|": "write 'or'",
    "!": "write 'not', or != to compare",
    "^": "there is no power operator; multiply",
    "%": "there is no remainder; a percentage is a fraction here: 0.01 is one percent",
    "~": "write 'not'",
    ";": "one formula per key",
    "{": "use parentheses",
    "}": "use parentheses",
    '"': "the quotation mark is never closed",
    "'": "the quotation mark is never closed",
}


def tokenize(text: str) -> list[Token]:
    """Split a formula into tokens; the last one is the end.

    Raises
    ------
    FormulaError
        At the first character that cannot begin a token, or if the formula is too long.
    """
    if len(text) > MAX_LENGTH:
        raise FormulaError(
            f"the formula has {len(text)} characters; at most {MAX_LENGTH} are read",
            text=text[:60],
            column=0,
        )
    tokens = []
    column = 0
    while column < len(text):
        match = _TOKEN.match(text, column)
        if match is None:
            raise FormulaError(
                f"{text[column]!r} has no meaning in a formula",
                text=text,
                column=column,
                remedy=_HABITS.get(text[column], ""),
            )
        tokens += _token_of(match, text)
        column = match.end()
    return [*tokens, Token(TokenKind.END, "", len(text))]


def _token_of(match: re.Match[str], text: str) -> list[Token]:
    kind, word, column = match.lastgroup, match.group(), match.start()
    if kind == "space":
        return []
    if kind == "number":
        following = text[match.end() : match.end() + 1]
        if following.isalnum() or following in {"_", "."}:
            raise FormulaError(
                f"{word + following!r} is neither a number nor a name", text=text, column=column
            )
        return [Token(TokenKind.NUMBER, word, column)]
    if kind == "name":
        return [Token(TokenKind.NAME, word, column)]
    if kind == "text":
        return [Token(TokenKind.TEXT, word[1:-1], column)]
    return [Token(TokenKind.OPERATOR, word, column)]
