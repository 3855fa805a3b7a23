"""Every line of guards.txt is a test of the real kernels."""

from __future__ import annotations

from decimal import Decimal

import pytest

from engine.model import layout as at
from engine.model import trading_layout as loop
from tests.unit.trading.guarded import START, Guarded, Row, duration, rows_of, split_words

ROWS = rows_of("guards.txt")
SEVERITIES = ("reduce_only", "paused_all", "flattening", "locked")


QUIET = (loop.GUARD_QUIET_LOW, loop.GUARD_QUIET_HIGH, loop.GUARD_QUIET_UNTIL)


def play(row: Row, world: str, *, closely: bool = False) -> Guarded:
    """Let a line happen; the day begins once there is cash."""
    account = Guarded(row.settings, world, closely)
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
        elif name == "alerts":
            assert len(account.journal(at.KIND_ALERT)) == int(rest[0]), claim
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


def test_a_quick_look_sees_what_a_close_one_would() -> None:
    for row in ROWS:
        quick, close = play(row, "interpreted"), play(row, "interpreted", closely=True)
        for account in (quick, close):
            for column in QUIET:
                account.s.guard[column] = 0
        assert (quick.block == close.block).all(), row
        assert (quick.core.journal == close.core.journal).all(), row


def test_the_table_is_whole() -> None:
    assert len(ROWS) >= 120
    assert START > 0
