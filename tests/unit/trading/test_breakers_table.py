"""Every line of breakers.txt is a test of the real kernels."""

from __future__ import annotations

from decimal import Decimal

import pytest

from tests.unit.trading.guarded import START, Guarded, Row, rows_of

ROWS = rows_of("breakers.txt")
LATCHES = {"api": "api", "auth": "api_authorization", "database": "database"}
WORDS = {"r": "reconciled", "x": "unreconciled", "b": "api business", "a": "api auth"}


def states(row: Row, world: str) -> list[str]:
    """Let a line's errors happen; return what the breaker says after each."""
    guard, times, _, _ = row.columns
    account = Guarded(row.settings, world)
    name = LATCHES[guard]
    said = []
    for token in times.split():
        before = account.latch(name)["severity"]
        letter = token[-1] if token[-1].isalpha() else ""
        account.move_to(START + int(Decimal(token.removesuffix(letter)) * 10**9))
        if letter == "w":
            account.finish()
        else:
            word = "db" if guard == "database" else "api"
            word = f"reset {name}" if letter == "p" else WORDS.get(letter, word)
            account.happen("& " + word)
        said.append(state_of(before, account.latch(name)))
    return said


def state_of(before: int, latch: dict[str, int]) -> str:
    """Return a breaker's state in the table's words."""
    if not latch["severity"]:
        return "free" if before else "."
    return ("on" if before else "trip") + "!" * latch["manual"]


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row.name)
def test_a_line(row: Row) -> None:
    assert states(row, "interpreted") == row.columns[2].split()
