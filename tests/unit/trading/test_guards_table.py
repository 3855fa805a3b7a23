"""Every line of guards.txt is a test of the real kernels."""

from __future__ import annotations

from decimal import Decimal

import pytest

from engine.model import layout as at
from tests.unit.trading.guarded import START, Guarded, Row, duration, rows_of, split_words

ROWS = rows_of("guards.txt")
SEVERITIES = ("reduce_only", "paused_all", "flattening", "locked")


def play(row: Row, world: str) -> Guarded:
    """Let a line happen; the day begins once there is cash."""
    account = Guarded(row.settings, world)
    cash, *holdings = split_words(row.columns[0])
    account.happen(cash)
    account.happen("& day")
    for word in holdings:
        account.happen("& " + word)
    account.tell(row.columns[1])
    return account


def check(account: Guarded, expected: str) -> None:
    """Hold an account against what a line says of it."""
    named: dict[str, str] = {}
    for claim in split_words(expected):
        name, *rest = claim.split()
        if claim == "active":
            continue
        if name == "severity":
            assert account.severity.name.lower() == rest[0]
        elif name in ("cooling", "locked"):
            assert account.claim(name, rest[0]) == duration(rest[1]), claim
        elif rest[0] in SEVERITIES:
            named[name] = rest[0]
        elif rest[0] == "manual":
            assert account.latch(name)["manual"] == 1, claim
        else:
            assert account.claim(name) == Decimal(rest[0]), claim
    assert account.latches() == named
    worst = max([0, *(SEVERITIES.index(severity) + 1 for severity in named.values())])
    assert account.severity == worst
    assert account.s.account[at.ACCOUNT_FAULT] == 0


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row.name)
def test_a_line(row: Row) -> None:
    check(play(row, "interpreted"), row.columns[2])


def test_the_table_is_whole() -> None:
    assert len(ROWS) >= 120
    assert START > 0
