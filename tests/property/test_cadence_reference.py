"""Whom to ask for a price, and when: random positions and calls, the kernels against the reference."""

from __future__ import annotations

from fractions import Fraction
from random import Random

import pytest

from engine.kernels.windows import push_time
from engine.model import trading_layout as loop
from engine.rules import cadence
from tests.reference.trading_cadence import SECOND, Held, plan
from tests.unit.trading import test_cadence_table as table

F = Fraction
SEEDS = range(60)
TARGETS = {"low": F(15, 100), "medium": F(20, 100), "high": F(25, 100)}
STAGES = (F(15, 100), F(25, 100))


def random_position(draw: Random, symbol: str, number: int, now: int) -> tuple[str, Held]:
    """Return a position in the table's words, and as the reference knows it."""
    paid, quantity = F(draw.randint(20, 90)), draw.choice((-1, 1)) * draw.randint(1, 40)
    if symbol == "RAIN":
        paid = paid / 100
    moved = F(draw.choice((0, 13, -13, 17, -17, 15, 20, -15, draw.randint(-300, 300) / F(10))))
    price = max(round(paid * (100 + moved)), 0) / F(100)
    words = f"{symbol} {quantity} @ {float(paid):.2f}, {float(price):.2f}"
    kind, done = draw.choice(("low", "medium", "high")), draw.randint(0, 2)
    polled, seen = draw.randint(0, 50), draw.randint(0, 50)
    words += f", {kind}, done {done}, polled {polled}s, seen {seen}s"
    trail = None
    if draw.random() < 0.3:
        trail = max(price + F(draw.randint(-4, 4), 100), F(1, 100))
        words += f", trail {float(trail):.2f}"
    levels = (F(-15, 100), TARGETS[kind], *STAGES[done : done + 1])
    times = (now - polled * SECOND, now - seen * SECOND)
    return words, Held(number, F(quantity), paid, price, *times, levels, trail)


@pytest.mark.parametrize("seed", SEEDS)
def test_the_plan_is_the_references(seed: int) -> None:
    draw = Random(seed)
    for _ in range(10):
        most = draw.randint(1, 4)
        account = table.watched(calls=most + 10)
        made = []
        for symbol in draw.sample(("ABC", "DEF", "RAIN"), draw.randint(1, 3)):
            words, one = random_position(draw, symbol, account.number(symbol), account.now)
            table.hold(account, words)
            made.append(one)
        calls = sorted(account.now - draw.choice((0, 5, 59, 60, 61)) * SECOND for _ in range(most))
        calls = calls[: draw.randint(0, most)]
        for ts in calls:
            push_time(account.s.rings, loop.RING_POLLS, ts)
        said = [(i, due, bool(urgent)) for i, due, urgent in table.plan(account)]
        assert said == plan(made, calls, account.now, most), f"seed {seed}"


@pytest.mark.parametrize(
    ("name", "mistake"),
    [
        ("NEAR_PPM", 19_000),
        ("CALLS_WINDOW", 59 * SECOND),
        ("comes_first", lambda due, urgent, plan, row: due < plan[row, 1]),
        ("target_of", lambda s, i: 200_000),
        ("closing_price", lambda s, i: s.positions[i, 0]),
    ],
)
def test_a_mistake_is_found(name: str, mistake: object, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cadence, name, mistake)
    with pytest.raises(AssertionError, match="seed"):
        for seed in SEEDS:
            test_the_plan_is_the_references(seed)
