"""No two columns of a block of the trading loop are the same place."""

from __future__ import annotations

import pytest

from engine.model import trading_layout as loop

# Names that belong to a block, its width, and how many places those have that take more than one.
BLOCKS = {
    "monitors": (("MONITOR_", "EXIT_", "ENTRY_", "WAITING_"), loop.MONITOR_WIDTH),
    "limits": (("LIMIT_",), loop.LIMITS_WIDTH),
    "exits": (("EXITS_",), loop.EXITS_WIDTH),
    "guard": (("GUARD_",), loop.GUARD_WIDTH),
    "latches": (("LATCH_",), loop.LATCHES_WIDTH),
    "calendars": (("CALENDAR_",), loop.CALENDARS_WIDTH),
    "returns": (("RETURNS_",), loop.RETURNS_WIDTH),
}
LONGER = {
    "GUARD_HOURS": 20,
    "GUARD_TIER_SINCES": 3,
    "LIMIT_TIER_LEVELS": 3,
    "LATCH_RESUME_TIMES": 3,
}
NOT_COLUMNS = ("_WIDTH", "_ROWS", "_CAPACITY")


@pytest.mark.parametrize("block", BLOCKS)
def test_no_two_columns_are_one(block: str) -> None:
    prefixes, width = BLOCKS[block]
    taken: dict[int, str] = {}
    for name, value in vars(loop).items():
        if not name.startswith(prefixes) or name.endswith(NOT_COLUMNS):
            continue
        for place in range(value, value + LONGER.get(name, 1)):
            assert place not in taken, f"{name} and {taken[place]} are both column {place}"
            assert 0 <= place < width, f"{name} is outside the block"
            taken[place] = name
    assert taken


def test_no_two_rings_are_one() -> None:
    rows = {
        name: value
        for name, value in vars(loop).items()
        if name.startswith("RING_")
        and name not in ("RING_HEAD", "RING_COUNT", "RING_FIRST", "RING_CAPACITY")
    }
    assert sorted(rows.values()) == list(range(loop.RINGS_ROWS))
