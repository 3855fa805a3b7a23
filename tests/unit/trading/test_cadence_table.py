"""Every line of cadence.txt is a test of the real kernels; the budget is a property too."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.jit import as_plain
from engine.kernels.windows import push_time
from engine.model import layout as at
from engine.model import trading as words_of
from engine.model import trading_layout as loop
from engine.rules.cadence import (
    CALLS_WINDOW,
    PLAN_DUE,
    PLAN_INSTRUMENT,
    PLAN_URGENT,
    PLAN_WIDTH,
    note_poll,
    plan_polls,
)
from tests.unit.trading.guarded import (
    INSTRUMENTS,
    Guarded,
    Row,
    duration,
    ppm,
    rows_of,
    split_words,
)

ROWS = rows_of("cadence.txt")
CLASSES = {"low": 1, "medium": 2, "high": 3}
SECOND = 10**9


def watched(world: str = "interpreted", calls: int = 60) -> Guarded:
    """Return an account with the exits and the monitoring that the table names."""
    account = Guarded({}, world)
    s = account.s
    s.limits[loop.LIMIT_EXITS] = 1
    s.limits[loop.LIMIT_POLL_EVERY] = 30 * SECOND
    s.limits[loop.LIMIT_POLL_URGENT] = 5 * SECOND
    s.limits[loop.LIMIT_POLL_CACHE] = 10 * SECOND
    s.limits[loop.LIMIT_POLL_CALLS] = calls
    s.limits[loop.LIMIT_POLL_RESERVE] = 10
    thresholds = {
        words_of.REASON_STOP_LOSS: ("15", "0", "0"),
        words_of.REASON_PROFIT_TARGET: ("25", "20", "15"),
        words_of.REASON_PARTIAL_EXIT_TARGET: ("0", "0", "0"),
    }
    for reason, values in thresholds.items():
        s.exits[reason, loop.EXITS_ENABLED] = 1
        for number, value in enumerate(values):
            s.exits[reason, loop.EXITS_THRESHOLD + number] = ppm(value)
    s.limits[loop.LIMIT_STAGES] = 2
    for stage, percent in enumerate(("15", "25")):
        s.stages[stage, loop.STAGE_AT_PPM] = ppm(percent)
    return account


def hold(account: Guarded, text: str) -> None:
    """Let the account hold what one position of a line says."""
    first, mark, *rest = (part.strip() for part in text.split(","))
    symbol, *trade = first.split()
    i = account.number(symbol)
    account.trade("hold", symbol, *trade)
    account.show("quote" if mark.startswith("quote") else "print", symbol, *mark.split()[-2:][-2:])
    s = account.s
    s.monitors[i, loop.MONITOR_POLLED_AT] = account.now
    for word in rest:
        name, *value = word.split()
        if name in CLASSES:
            s.monitors[i, loop.MONITOR_CLASS] = CLASSES[name]
        elif name == "polled":
            s.monitors[i, loop.MONITOR_POLLED_AT] = account.now - duration(value[0])
        elif name == "seen":
            s.positions[i, at.POSITION_LAST_TS] = account.now - duration(value[0])
        elif name == "done":
            s.monitors[i, loop.MONITOR_STAGES] = (1 << int(value[0])) - 1
        else:
            assert name == "trail"
            s.monitors[i, loop.MONITOR_STOP] = INSTRUMENTS[i].price_to_ticks(value[0])


def plan(account: Guarded) -> list[tuple[int, int, int]]:
    """Return the plan's rows: instrument, due, urgent."""
    block = np.zeros((len(INSTRUMENTS), PLAN_WIDTH), dtype=np.int64)
    table = as_plain(block) if account.world == "interpreted" else block
    count = account.kernel(plan_polls)(account.s, account.now, table)
    columns = (PLAN_INSTRUMENT, PLAN_DUE, PLAN_URGENT)
    return [tuple(int(block[n, c]) for c in columns) for n in range(count)]  # type: ignore[misc]


def play(row: Row, world: str) -> list[tuple[str, int, str]]:
    """Return what a line's plan says."""
    account = watched(world, int(row.settings.get("calls", "60")))
    for text in split_words(row.columns[0]):
        hold(account, text)
    if row.columns[1]:
        _, number, ago = row.columns[1].split()
        for _ in range(int(number)):
            push_time(account.s.rings, loop.RING_POLLS, account.now - duration(ago))
    return [
        (INSTRUMENTS[i].symbol, due - account.now, "urgent" if urgent else "")
        for i, due, urgent in plan(account)
    ]


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row.name)
def test_a_line(row: Row) -> None:
    expected = [(*word.split(), "")[:3] for word in split_words(row.columns[2])]
    assert play(row, "interpreted") == [
        (name, duration(due), urgent) for name, due, urgent in expected
    ]


@given(calls=st.integers(11, 13), polled=st.lists(st.integers(0, 90), min_size=3, max_size=3))
def test_no_minute_has_more_calls_than_the_budget(calls: int, polled: list[int]) -> None:
    account = watched(calls=calls)
    for symbol, ago in zip(("ABC", "DEF", "RAIN"), polled, strict=True):
        price = "0.5" if symbol == "RAIN" else "100"
        hold(account, f"{symbol} 10 @ {price}, {price}, polled {ago}s, seen {ago}s")
    made = []
    for _ in range(12):
        i, due, _ = plan(account)[0]
        account.now = due
        note_poll(account.s, i, due)
        made.append(due)
    for n in range(calls - 10, len(made)):
        assert made[n] - made[n - (calls - 10)] >= CALLS_WINDOW
