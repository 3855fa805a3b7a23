"""Every line of tilt.txt is a test of the real kernels."""

from __future__ import annotations

import pytest

from engine.model import trading_layout as loop
from engine.model.trading import Tilt
from engine.rules.tilt import anomalies
from tests.unit.trading.guarded import START, UNITS, Guarded, Row, rows_of, split_words

ROWS = rows_of("tilt.txt")


def play(row: Row, world: str) -> str:
    """Let a line happen; return level and anomalies."""
    account = Guarded(row.settings, world)
    hours = row.columns[0].split()[1:]
    for number, actions in enumerate(hours):
        account.move_to(START + number * UNITS["h"])
        for _ in range(int(actions)):
            account.happen("cancel")
    account.move_to(START + len(hours) * UNITS["h"])
    for text in split_words(row.columns[1]):
        times, _, word = text.rpartition("*")
        for _ in range(int(times or 1)):
            happen(account, word)
    account.finish()
    level = Tilt(int(account.s.guard[loop.GUARD_TILT]))
    return f"{level.name.lower()} {account.kernel(anomalies)(account.s)}"


def happen(account: Guarded, word: str) -> None:
    """Let a word of the table happen; a trip is bought at 100 and sold at 99."""
    if word.startswith("trip"):
        symbol = word.split()[1]
        account.happen(f"buy {symbol} 1 @ 100")
        account.happen(f"& sell {symbol} 1 @ 99")
    else:
        account.happen(word)


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row.name)
def test_a_line(row: Row) -> None:
    assert play(row, "interpreted") == row.columns[2]
