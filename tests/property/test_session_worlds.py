"""Random worlds run in a session as in the loop: orders from outside, actions, errors, an operator."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, cast

import numpy as np
import pytest

from engine.model import layout as at
from engine.ports import Rows, Slice
from runtime.session_core.core import SessionCore
from runtime.session_core.drivers.driver import Driver
from runtime.session_core.playing import at_once
from runtime.session_core.playing import play as drive
from runtime.session_core.steps import Step
from sims.paper import PaperBroker
from sims.replay.source import MARKET
from sims.stepping.entry import step_doors
from tests.property.core_worlds import CASH, World, _Trader, make_world, played
from tests.property.session_slices import cut
from tests.property.test_trading_worlds import journal_of
from tests.property.trading_worlds import make_trading_world
from tests.seeds import seeds

SEEDS = seeds(20)
NEVER = 2**62


class SignalDriver(Driver):
    """Follows the signals that a world has drawn, and sends a world's orders from outside."""

    def __init__(self, world: World) -> None:
        super().__init__()
        self.world = world
        self.signals: Any = None
        self.is_due = False

    def join(self, core: SessionCore) -> None:
        super().join(core)
        self.plain, self.intents = core.plain, core.intents
        self.trader = _Trader(self.world, cast(Any, self))

    def show(self, signals: Rows) -> None:
        self.signals = signals
        self.is_due = bool(signals[:, at.SIGNAL_BITS].any())

    def read(self, events: Any, count: int) -> Any:
        return self.signals

    def decide(self, events: Any, count: int) -> Step:
        core = self.core
        if self.is_due:
            core.decide(self.signals, count)
            yield from core.send()
            yield from core.turn()
        if self.world.acts and events[count - 1, at.EVENT_KIND] in MARKET:
            self.trader.act()
            yield from core.send()

    def act(self, verb: int, a: int = 0, b: int = 0, c: int = 0, d: int = 0) -> int:
        return self.core.act(verb, a, b, c, d)


class WorldSession:
    """A world's core and paper account."""

    def __init__(self, world: World) -> None:
        block, core, book = world.fresh(world.settings)
        self.driver = SignalDriver(world)
        self.core = SessionCore(block, core, self.driver, world.instruments)
        self.broker = PaperBroker(
            "paper",
            world.instruments,
            book,
            currency="USD",
            cash_minor=CASH,
            now_ns=lambda: self.core.now_ns,
        )
        self.blocks = core
        self.journal: list[Rows] = []

    def take(self, one: Slice, signals: Rows) -> None:
        """Take one slice."""
        self.driver.show(signals)
        drive(self.core.slice(one), self.broker, one.events)
        self.journal.append(self.core.take_journal())


def slices(world: World) -> Iterator[tuple[Slice, Rows]]:
    return cut(world.sources)


def require_same_world(world: World, *, compiled_from: int = NEVER) -> WorldSession:
    """Play a world in the loop and in a session, compiled from one of its slices on."""
    machine = played(world)
    session = WorldSession(world)
    for n, (one, signals) in enumerate(slices(world)):
        if n == compiled_from:
            doors = step_doors(with_loop=True)
            session.core.compile(doors.core)
            session.broker.compile(doors.book)
        session.take(one, signals)
    found, expected = np.concatenate(session.journal), journal_of(machine)
    count = min(len(found), len(expected))
    differing = np.flatnonzero((found[:count] != expected[:count]).any(axis=1))
    place = int(differing[0]) if len(differing) else count
    around = slice(max(place - 3, 0), place + 2)
    assert len(found) == len(expected) == place, f"{place}:\n{found[around]}\n{expected[around]}"
    for name in ("ledger", "positions", "orders", "account", "monitors"):
        mine, theirs = getattr(session.blocks, name).copy(), getattr(machine.core, name).copy()
        if name == "account":
            mine[at.ACCOUNT_JOURNAL] = theirs[at.ACCOUNT_JOURNAL] = 0
        if name == "orders":
            used = machine.core.account[at.ACCOUNT_ORDERS]
            mine, theirs = mine[:used], theirs[:used]
        assert np.array_equal(mine, theirs), name
    # The account's own fills, and the actions it was told of, lead to the same positions.
    assert at_once(session.broker.positions()) == session.core.positions()
    return session


@pytest.mark.parametrize("seed", SEEDS)
def test_a_world_runs_in_a_session_as_in_the_loop(seed: int) -> None:
    require_same_world(make_world(seed))


@pytest.mark.parametrize("seed", SEEDS)
def test_a_trading_world_runs_in_a_session_as_in_the_loop(seed: int) -> None:
    require_same_world(make_trading_world(seed))


@pytest.mark.parametrize("seed", SEEDS)
@pytest.mark.parametrize("compiled_from", [0, 50])
def test_compiled_or_changed_over_in_the_middle_it_is_the_same_world(
    seed: int, compiled_from: int
) -> None:
    require_same_world(make_world(seed), compiled_from=compiled_from)
    require_same_world(make_trading_world(seed), compiled_from=compiled_from)
