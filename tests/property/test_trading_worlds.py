"""The trading loop in random worlds: what must always hold, and that columns decide what rows decide."""

from __future__ import annotations

from collections import Counter
from functools import cache
from types import SimpleNamespace
from typing import Any, cast

import numpy as np
import pytest
from numpy.typing import NDArray

from engine.model import layout as at
from engine.model.trading import ExitReason
from runtime.backtest.machine import Machine
from tests.property.core_worlds import CASH, World, hash_of, lanes_of, play, played
from tests.property.trading_audit import TradingAudit
from tests.property.trading_worlds import make_trading_world, without_outside_orders
from tests.seeds import seeds

SEEDS = seeds(40)
TWINS = range(6)


def journal_of(machine: Machine) -> NDArray[np.int64]:
    clockwork = SimpleNamespace(periods_per_year=252.0, account_calendar="24/7")
    return machine.output(cast(Any, clockwork), CASH).journal


def audited(world: World, machine: Machine) -> TradingAudit:
    audit = TradingAudit(machine.core.limits.copy(), world.terms)
    audit.read(journal_of(machine))
    return audit


@cache
def audit_of(seed: int) -> TradingAudit:
    """Play the world of a seed and audit its journal."""
    world = make_trading_world(seed)
    machine = played(world)
    assert machine.plain.account[at.ACCOUNT_FAULT] == at.FAULT_NONE
    return audited(world, machine)


@pytest.mark.parametrize("seed", SEEDS)
def test_no_limit_is_passed_and_no_exit_opens(seed: int) -> None:
    audit_of(seed)


@pytest.mark.parametrize("seed", SEEDS)
def test_lanes_decide_what_rows_decide(seed: int) -> None:
    world = without_outside_orders(make_trading_world(seed))
    rows, lanes = played(world), play(world, lanes=lanes_of(world))
    if hash_of(rows) != hash_of(lanes):
        first, second = journal_of(rows), journal_of(lanes)
        count = min(len(first), len(second))
        differing = np.flatnonzero((first[:count] != second[:count]).any(axis=1))
        place = int(differing[0]) if len(differing) else count
        pytest.fail(
            f"row {place}:\n{first[place - 3 : place + 1]}\n{second[place - 3 : place + 1]}"
        )


def test_the_worlds_meet_every_exit_and_many_guards() -> None:
    met: Counter[str] = Counter()
    for seed in SEEDS:
        met.update(audit_of(seed).seen)
    missing = [
        reason.name
        for reason in ExitReason
        if reason is not ExitReason.NONE and not met[f"fired {reason.name}"]
    ]
    assert not missing, met
    assert met["opening"] > 300


def test_compiled_worlds_are_the_interpreted_ones() -> None:
    for seed in TWINS:
        world = make_trading_world(seed)
        for each in (world, without_outside_orders(world)):
            lanes = play(each, lanes=lanes_of(each), compiled=True)
            assert hash_of(lanes) == hash_of(played(each)), f"seed {seed}"
