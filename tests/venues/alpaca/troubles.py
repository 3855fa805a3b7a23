"""Seeded troubles between a session and the simulated venue; a seed is a story.

python -m tests.venues.alpaca.troubles 0 500      every seed from 0 on, eight at a time
"""

from __future__ import annotations

import asyncio
import json
import sys
import tempfile
from decimal import Decimal
from pathlib import Path
from random import Random
from typing import Any, Final

from brokers.alpaca.client import Deadlines
from brokers.alpaca.translating import own_id
from tests.venues.alpaca.sessions import Desk

AT_A_TIME: Final = 8
PACE: Final = Deadlines(order=0.5, question=1.0, stream=2.0, look=0.05, heartbeat=1.0, mute=1.0)
_REQUESTS: Final = ("submit", "submit", "submit", "cancel", "replace")
_ANSWERS: Final[tuple[dict[str, Any], ...]] = (
    {"kind": "error", "status": 500},
    {"kind": "error", "status": 504},
    {"kind": "hang", "seconds": 3},
    {"kind": "reset"},
    {"kind": "html", "status": 502},
)
_SURE: Final[tuple[dict[str, Any], ...]] = (  # which are not before or after
    {"kind": "error", "status": 429},
    {"kind": "torn", "after": True},
    {"kind": "missing_field", "field": "id"},
)
_QUESTIONS: Final = (
    "order", "order_by_client_id", "orders", "positions", "activities_of_kind", "account",
)  # fmt: skip
_SILENCES: Final[tuple[dict[str, Any], ...]] = (
    {"kind": "error", "status": 500},
    {"kind": "html", "status": 502},
    {"kind": "hang", "seconds": 2},
    {"kind": "reset"},
)
_MESSAGES: Final[tuple[dict[str, Any], ...]] = (
    {"kind": "drop"},
    {"kind": "mute"},
    {"kind": "lose"},
    {"kind": "duplicate"},
    {"kind": "reorder"},
    {"kind": "missing_field", "field": "data.order.id"},
    {"kind": "set_field", "field": "data.event", "value": "a new word"},
    {"kind": "set_field", "field": "data.order.status", "value": "a new word"},
)
_SURPRISES: Final[tuple[dict[str, Any], ...]] = (
    {"kind": "partial_then_cancel", "quantity": "2"},
    {"kind": "reject"},
    {"kind": "late_fill", "quantity": "1"},
    {"kind": "overfill", "quantity": "2"},
)


def schedule_of(seed: int) -> tuple[str, ...]:
    """Return what goes wrong in a seed's story, as lines of a schedule of faults."""
    random = Random(seed)
    made: list[dict[str, Any]] = []
    for on in _REQUESTS:
        if random.random() < 0.6:
            fault = random.choice(_ANSWERS) | {"after": random.random() < 0.7}
            fault = random.choice(_SURE) if random.random() < 0.2 else fault
            made.append(
                fault | {"on": on, "at": random.randint(1, 12), "count": random.randint(1, 2)}
            )
    for _ in range(random.randint(0, 5)):
        count = {"at": random.randint(1, 80), "count": random.randint(1, 3)}
        made.append(random.choice(_MESSAGES) | {"on": "order_stream"} | count)
    for _ in range(random.randint(0, 3)):
        count = {"at": random.randint(1, 6), "count": random.randint(1, 3)}
        made.append(random.choice(_SILENCES) | {"on": random.choice(_QUESTIONS)} | count)
    if random.random() < 0.3:
        read = random.choice(_QUESTIONS[:-1])
        made.append({"kind": "stale", "on": read, "lag": random.randint(1, 6), "count": 2})
    if random.random() < 0.5:
        made.append(random.choice(_SURPRISES) | {"at": random.randint(1, 6)})
    if random.random() < 0.2:
        made.append(
            {"kind": "restart", "on": "submit", "at": random.randint(1, 10), "seconds": 0.3}
        )
    return tuple(json.dumps(each) for each in made)


def differences(desk: Desk) -> list[str]:
    """Return what is not as it must be at the end of a story."""
    theirs = desk.venue.books
    names = [each.client_id for each in theirs.orders]
    strange = [name for name in names if desk.books.find_client(own_id(name)) is None]
    found = []
    if not desk.lots == desk.books.positions.get(0, 0) == desk.their_lots:
        found.append(f"lots {desk.lots}, {desk.books.positions.get(0, 0)}, {desk.their_lots}")
    if desk.cash - desk.cash_before != theirs.cash - Decimal(100_000):
        found.append(f"cash {desk.cash - desk.cash_before}, {theirs.cash - 100_000}")
    if len(set(names)) != len(names):
        found.append("an order is there twice")
    if strange:
        found.append(f"orders of nobody: {strange}")
    return found + _sent_unasked(desk)


def _sent_unasked(desk: Desk) -> list[str]:
    """Return what was submitted a second time without the venue having been asked for it."""
    asked: dict[str, bool] = {}
    found = []
    for each in desk.venue.requests:
        if each.operation == "order_by_client_id":
            asked[each.query["client_order_id"]] = True
        elif each.operation == "submit":
            name = json.loads(each.body)["client_order_id"]
            if not asked.get(name, True):
                found.append(f"order {name} was sent again unasked")
            asked[name] = False
    return found


async def story(seed: int, folder: Path) -> tuple[Desk, list[str]]:
    """Live through a seed; return what is wrong at its end."""
    desk = Desk(folder, schedule_of(seed), seed, deadlines=PACE)
    try:
        await desk.run()
    except TimeoutError:
        return desk, ["it does not come to rest", *differences(desk)]
    return desk, differences(desk)


async def main(first: int, count: int) -> int:
    """Live through many seeds; return how many are bad."""
    room, bad, fills = asyncio.Semaphore(AT_A_TIME), 0, 0

    async def one(seed: int) -> None:
        nonlocal bad, fills
        async with room:
            with tempfile.TemporaryDirectory() as folder:
                desk, wrong = await story(seed, Path(folder))
        fills += len(desk.venue.books.executions)
        if wrong:
            bad += 1
            print(f"seed {seed}: {'; '.join(wrong)}", *desk.faults, *desk.noted[-5:], sep="\n  ")

    await asyncio.gather(*(one(seed) for seed in range(first, first + count)))
    print(f"{count} seeds, {fills} fills, {bad} bad")
    return bad


if __name__ == "__main__":
    sys.exit(1 if asyncio.run(main(int(sys.argv[1]), int(sys.argv[2]))) else 0)
