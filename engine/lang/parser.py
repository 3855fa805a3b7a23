"""Tokens to a tree: a Pratt parser.

==========  ===================================  ======================================
binds       operators
==========  ===================================  ======================================
weakest     ``or``
            ``and``
            ``not``
            ``< <= > >= == !=``                  not chained: ``a < b < c`` is refused
            ``+ -``
            ``* /``
strongest   unary ``-``, call, ``close["SPY"]``
==========  ===================================  ======================================

Nesting is counted and refused beyond `MAX_DEPTH`, so that no input can exhaust the stack, neither
here nor in what walks the tree later.
"""

from __future__ import annotations

from typing import NoReturn

from engine.errors import FormulaError
from engine.lang.tokens import Token, TokenKind, tokenize
from engine.lang.tree import (
    Binary,
    Call,
    Expression,
    Index,
    Name,
    Number,
    Text,
    Truth,
    Unary,
    children,
)

MAX_DEPTH = 100

_COMPARISONS = frozenset({"<", "<=", ">", ">=", "==", "!="})
_COMPARISON_BINDING = 4
_NOT_BINDING = 3
_MINUS_BINDING = 7
_BINDINGS = {
    "or": 1,
    "and": 2,
    **dict.fromkeys(sorted(_COMPARISONS), _COMPARISON_BINDING),
    "+": 5,
    "-": 5,
    "*": 6,
    "/": 6,
}
KEYWORDS = frozenset({"and", "or", "not", "true", "false"})


def parse_formula(text: str) -> Expression:
    """Parse a formula.

    Raises
    ------
    FormulaError
        With the column of the first mistake.

    Examples
    --------
    >>> from engine.lang.tree import format_tree
    >>> format_tree(parse_formula("close > 2 * sma(close, 20) and not volume < 50"))
    '(and (> close (* 2 (sma close 20))) (not (< volume 50)))'
    """
    parser = _Parser(text, tokenize(text))
    expression = parser.expression(0, 0)
    parser.require_end()
    _require_shallow(expression, text)
    return expression


def _require_shallow(expression: Expression, text: str) -> None:
    # A chain a + b + c grows to the left without nesting in the text: measured here, without
    # recursion, so that whatever walks the tree later may recurse.
    waiting = [(expression, 1)]
    while waiting:
        node, depth = waiting.pop()
        if depth > MAX_DEPTH:
            raise FormulaError(
                f"the formula has more than {MAX_DEPTH} operations inside one another",
                text=text,
                column=node.column,
                remedy="split it: outputs and parameters can share the work",
            )
        waiting += [(each, depth + 1) for each in children(node)]


class _Parser:
    def __init__(self, text: str, tokens: list[Token]) -> None:
        self._text = text
        self._tokens = tokens
        self._position = 0

    def expression(self, binding_min: int, depth: int) -> Expression:
        self._check_depth(depth)
        left = self._prefix(depth)
        while True:
            token = self._peek()
            binding = _BINDINGS.get(token.text, 0) if token.kind in _OPERATOR_KINDS else 0
            if binding <= binding_min:
                return left
            self._advance()
            right = self.expression(binding, depth + 1)
            self._refuse_chain(binding)
            left = Binary(token.text, left, right, token.column)

    def require_end(self) -> None:
        token = self._peek()
        if token.kind is not TokenKind.END:
            self._fail_unexpected(token, "an operator or the end of the formula")

    def _prefix(self, depth: int) -> Expression:
        token = self._advance()
        if token.kind is TokenKind.NUMBER:
            return self._number(token)
        if token.kind is TokenKind.TEXT:
            return Text(token.text, token.column)
        if token.text == "-":
            return Unary("-", self.expression(_MINUS_BINDING, depth + 1), token.column)
        if token.text == "not":
            return Unary("not", self.expression(_NOT_BINDING, depth + 1), token.column)
        if token.text == "(":
            inner = self.expression(0, depth + 1)
            self._expect(")", "to close the parenthesis", opened=token)
            return inner
        if token.kind is TokenKind.NAME and token.text in {"true", "false"}:
            return Truth(token.text == "true", token.column)
        if token.kind is TokenKind.NAME and token.text not in KEYWORDS:
            return self._name(token, depth)
        return self._fail_unexpected(token, "a number, a name or a parenthesis")

    def _number(self, token: Token) -> Number:
        value = float(token.text)
        if value - value != 0.0:
            self._fail(f"the number {token.text} is too large", token)
        return Number(value, token.column)

    def _name(self, token: Token, depth: int) -> Expression:
        following = self._peek().text if self._peek().kind is TokenKind.OPERATOR else ""
        if following == "(":
            return self._call(token, depth)
        if following == "[":
            return self._index(token)
        return Name(token.text, token.column)

    def _index(self, name: Token) -> Index:
        opened = self._advance()
        symbol = self._advance()
        if symbol.kind is not TokenKind.TEXT or not symbol.text:
            self._fail(
                f"{name.text}[...] takes the symbol of an instrument in quotation marks",
                symbol,
                remedy=f'write {name.text}["SPY"]; for an earlier bar write lag({name.text}, 1)',
            )
        self._expect("]", "after the symbol", opened=opened)
        return Index(name.text, symbol.text, name.column)

    def _call(self, name: Token, depth: int) -> Call:
        opened = self._advance()
        arguments: list[Expression] = []
        keywords: list[tuple[str, Expression]] = []
        while not self._is_next(")"):
            if self._peek().kind is TokenKind.END:
                self._expect(")", "after the arguments", opened=opened)
            if arguments or keywords:
                self._expect(",", "between arguments", opened=opened)
            keyword = self._keyword()
            value = self.expression(0, depth + 1)
            if keyword is None and keywords:
                self._fail("an argument without a name cannot follow one with a name", name)
            if keyword is None:
                arguments.append(value)
            elif keyword.text in dict(keywords):
                self._fail(f"{keyword.text} is given twice", keyword)
            else:
                keywords.append((keyword.text, value))
        self._advance()
        return Call(name.text, tuple(arguments), tuple(keywords), name.column)

    def _keyword(self) -> Token | None:
        token, following = self._peek(), self._peek(1)
        if token.kind is not TokenKind.NAME or following.text != "=":
            return None
        self._advance()
        self._advance()
        return token

    def _peek(self, ahead: int = 0) -> Token:
        return self._tokens[min(self._position + ahead, len(self._tokens) - 1)]

    def _advance(self) -> Token:
        token = self._peek()
        self._position += 1
        return token

    def _is_next(self, operator: str) -> bool:
        token = self._peek()
        return token.kind is TokenKind.OPERATOR and token.text == operator

    def _expect(self, operator: str, why: str, *, opened: Token) -> None:
        if self._is_next(operator):
            self._advance()
            return
        token = self._peek()
        found = "the formula ends" if token.kind is TokenKind.END else f"there is {token.text!r}"
        self._fail(
            f"{operator!r} is missing {why}: {found}",
            token,
            remedy=f"the {opened.text!r} of column {opened.column + 1} is still open",
        )

    def _check_depth(self, depth: int) -> None:
        if depth > MAX_DEPTH:
            self._fail(f"the formula is nested more than {MAX_DEPTH} deep", self._peek())

    def _refuse_chain(self, binding: int) -> None:
        token = self._peek()
        if binding == _COMPARISON_BINDING and token.text in _COMPARISONS:
            self._fail(
                "comparisons cannot be chained", token, remedy="write a < b and b < c instead"
            )

    def _fail_unexpected(self, token: Token, expected: str) -> NoReturn:
        if token.text == "=":
            self._fail("= does not compare", token, remedy="write == to compare two numbers")
        found = "the formula ends" if token.kind is TokenKind.END else f"there is {token.text!r}"
        empty = not self._text.strip()
        self._fail("the formula is empty" if empty else f"{found} where {expected} belongs", token)

    def _fail(self, problem: str, token: Token, *, remedy: str = "") -> NoReturn:
        raise FormulaError(problem, text=self._text, column=token.column, remedy=remedy)


_OPERATOR_KINDS = frozenset({TokenKind.OPERATOR, TokenKind.NAME})
