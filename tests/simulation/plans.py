"""From a seed to a world: a strategy, a market, a network, and when what goes wrong."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path
from random import Random
from typing import Final

import numpy as np

from data.history import History, merge
from engine.lang.program import Program
from engine.model import layout as at
from engine.model.instruments import Instrument, InstrumentKind
from engine.model.trading import ExecutionMode
from engine.ports import ClientIds, Slice
from runtime.approvals import use_mode
from runtime.backtest.account import Setup
from runtime.backtest.clockwork import clockwork_of
from runtime.config import StrategyConfig
from runtime.config.loading import parse_strategy
from runtime.feeds.rows import replay_rows
from runtime.session.venue_hearing import VenueOptions
from runtime.session_core.assembling import Market, market_of, setup_of_session
from runtime.session_core.core import SessionCore
from runtime.session_core.drivers.rules import RulesDriver
from sims.network import NetworkPlan, Odds
from sims.virtual_time import VirtualClock

EPOCH_NS: Final = 19_000 * 86_400 * 10**9
MINUTES: Final = 5.0  # of faults
STEP: Final = 25  # seconds of a bar
QUIET_STEP: Final = 60  # ... once the faults have ended
QUIET: Final = 630.0  # seconds without faults at the end: ten minutes, and the last answer
OFTEN: Final = VenueOptions()
RULES: Final = """
[strategy]
name = "simulated"
[data]
dataset = "sample:goog"
[rules]
entry = "close > open"
exit = "close < open"
"""
LOOP: Final = """
edge = "0.2 + 0 * close"
[sizing]
method = "fixed_quantity"
quantity = 10
[signals]
min_edge_percent = 5
[risk]
max_position_percent = 100
correlation_unknown = "allow"
max_quote_age = "1h"
[exits]
stop_loss = { percent = 0.8 }
profit_target = { high_percent = 3, medium_percent = 1, low_percent = 1 }
[guards]
daily_loss = { amount = 50_000 }
"""
EXECUTIONS: Final = (
    '[execution]\norder_type = "market"\n',
    '[execution]\norder_type = "limit"\ntimeout = "70s"\non_timeout = "walk"\n',
    '[execution]\norder_type = "limit"\ntimeout = "45s"\non_timeout = "cancel"\n',
)
FILLS: Final = '[fills]\nvolume_cap = 0.5\nlimit_fill = "touch"\n'
PLAIN: Final = '[sizing]\nmethod = "fixed_quantity"\nquantity = 10\n'
STRATEGIES: Final = tuple(
    RULES + (LOOP + each if each else PLAIN) + FILLS for each in (*EXECUTIONS, "")
)


@dataclass(frozen=True, eq=False)
class Ground:
    """What worlds of one strategy share."""

    text: str
    config: StrategyConfig
    market: Market
    setup: Setup
    slices: tuple[Slice, ...]
    fingerprint: str
    program: Program  # its formulas: they are read once, and not by each process

    def core(self, mode: ExecutionMode = ExecutionMode.AUTO) -> SessionCore:
        market = self.market
        rest = (market.instruments, market.clockwork, market.volumes)
        driver = RulesDriver(self.config, self.program, *rest)
        core = SessionCore(*self.setup.fresh_core(), driver, market.instruments)
        if self.config.is_trading:
            use_mode(core.plain, mode)
        return core


@cache
def ground_of(strategy: int, seconds: int, instruments: int, step: int = STEP) -> Ground:
    """Return the ground of a strategy; its prices are overwritten by each seed.

    Its bars are of `step` seconds while there are faults, and of `QUIET_STEP` afterwards.
    """
    text = STRATEGIES[strategy]
    config = parse_strategy(text, Path("simulated.toml"))
    closes = [*range(step, seconds, step), *range(seconds, seconds + int(QUIET), QUIET_STEP)]
    ts = EPOCH_NS + np.array(closes, dtype=np.int64) * 10**9
    bars = len(ts)
    price = np.full(bars, 100.0)
    history = merge(
        [
            History.from_arrays(
                Instrument(name, InstrumentKind.CRYPTO_SPOT, "USD", 2, 0),
                ts_close_ns=ts,
                open=price,
                high=price,
                low=price,
                close=price,
                volume=np.full(bars, 20.0),
                source="walk",
            )
            for name in "ABC"[:instruments]
        ]
    )
    clockwork = clockwork_of(history, days_after=8)
    market = market_of(history, clockwork)
    rows = replay_rows(history, trading=config.is_trading, marks=False)
    from runtime.feeds.replay import _slices

    slices = tuple(_slices(rows.blocks(0)))
    setup = setup_of_session(config, market)
    shape = setup.shape._replace(orders=64, commands=512, journal=4096)
    program = config.compile_rules(symbols=[each.symbol for each in market.instruments])
    shared = replace(setup, shape=shape)
    return Ground(text, config, market, shared, slices, config.fingerprint, program)


@dataclass(frozen=True)
class Plan:
    """One seed's world."""

    seed: int
    ground: Ground
    slices: tuple[Slice, ...]
    odds: Odds
    ids: ClientIds
    network: NetworkPlan
    faults_end: float  # seconds
    ends: float
    deaths: tuple[tuple[int, bool], ...]  # at which effect of each process, and whether after it
    feed_outages: tuple[tuple[float, float], ...]
    wishes: tuple[tuple[float, str], ...]
    clock_steps: tuple[tuple[float, int], ...]
    database_outages: tuple[tuple[float, float], ...]
    stops: tuple[float, ...]
    by_hand: tuple[tuple[float, int, int], ...]
    thefts: tuple[float, ...] = ()
    lapses: tuple[tuple[float, float], ...] = ()  # when the lease cannot be renewed
    certified_until: float = 1e9  # seconds: then the certificate is not valid any more
    watch: VenueOptions = OFTEN
    pace: int = 1  # so much less often the session looks after itself
    requests_per_minute: int = 200

    @property
    def mode(self) -> ExecutionMode:
        """In one world of sixteen a person is asked, where the strategy has signals to be asked of."""
        is_asked = self.seed % 16 == 12 and self.ground.config.is_trading
        return ExecutionMode.APPROVE if is_asked else ExecutionMode.AUTO

    def core(self) -> SessionCore:
        """Return the engine of its session, which has decided nothing yet."""
        return self.ground.core(self.mode)


def plan_of(
    seed: int,
    *,
    minutes: float = MINUTES,
    step: int = STEP,
    busy: int = 1,
    watch: VenueOptions = OFTEN,
) -> Plan:
    """Return the world of a seed: a few of its faults, each often enough to meet the others.

    `busy` times as many of what happens at some time.
    """
    rng = Random(seed)
    faults_end = minutes * 60
    ends = faults_end + QUIET + 70  # a last reconciliation without a market
    ground = ground_of(rng.choice((0, 0, 1, 1, 2, 3)), int(faults_end), rng.choice((1, 2)), step)

    def some(likely: float, most: float) -> float:
        return rng.uniform(0, most) if rng.random() < likely else 0.0

    def times(likely: float, most: int) -> list[float]:
        count = rng.randint(busy, busy * most) if rng.random() < likely else 0
        return sorted(rng.uniform(5, faults_end - 30) for _ in range(count))

    def windows(likely: float, most: int, longest: float) -> tuple[tuple[float, float], ...]:
        return tuple(
            (start, min(start + rng.uniform(1, longest), faults_end))
            for start in times(likely, most)
        )

    limits = Random(seed * 7 + 2)  # of its own, so that the rest of a seed's story is what it was
    odds = Odds(
        not_sent=some(0.3, 0.2),
        request_lost=some(0.4, 0.3),
        answer_lost=some(0.4, 0.3),
        request_late=some(0.3, 0.3),
        refused=some(0.3, 0.3),
        read_failed=some(0.3, 0.3),
        event_lost=some(0.4, 0.4),
        event_twice=some(0.4, 0.5),
        event_late=some(0.4, 0.5),
        fill_after_cancel=some(0.3, 0.8),
        overfill=some(0.15, 0.3),
        cancel_refused=some(0.2, 0.3),
        read_lag=some(0.3, 0.5),
        busy=limits.uniform(0, 0.1) if limits.random() < 0.2 else 0.0,
        banned=limits.uniform(0, 0.03) if limits.random() < 0.2 else 0.0,
    )
    ids = rng.choice((ClientIds.FOREVER, ClientIds.FOREVER, ClientIds.OPEN, ClientIds.NONE))
    deaths = busy * rng.choice((0, 0, 1, 2, 3))
    return Plan(
        seed,
        ground,
        priced(ground, rng),
        odds,
        ids,
        NetworkPlan(rng.choice((0.001, 0.05, 0.4)), outages=windows(0.4, 2, 60)),
        faults_end,
        ends,
        tuple((rng.randint(1, 60 * busy), rng.random() < 0.5) for _ in range(deaths)),
        windows(0.3, 2, 70),
        _wishes(rng, times),
        tuple((at_s, rng.choice((-1, 1)) * 5 * 10**9) for at_s in times(0.1, 2)),
        windows(0.1, 1, 20),
        tuple(times(0.15, 1)),
        tuple((at_s, 0, rng.choice((-3, 5))) for at_s in times(0.05, 1)),
        tuple(times(0.04, 1)),
        tuple((at_s, min(at_s + 600, faults_end)) for at_s in times(0.06, 1)),
        min(times(0.1, 1), default=1e9),
        watch,
        1 if busy == 1 else 20,
        limits.choice((200, 200, 40, 20)),
    )


def _wishes(rng: Random, times) -> tuple[tuple[float, str], ...]:  # type: ignore[no-untyped-def]
    """A pause with or without its end, the withdrawal of everything, a reset."""
    made: list[tuple[float, str]] = []
    for at_s in times(0.3, 1):
        made.append((at_s, "pause"))
        if rng.random() < 0.6:
            made.append((at_s + rng.uniform(20, 120), "resume"))
    made += [(at_s, rng.choice(("cancel", "flatten"))) for at_s in times(0.15, 1)]
    return tuple(sorted(made))


def priced(ground: Ground, rng: Random) -> tuple[Slice, ...]:
    """Give a ground's bars prices and volumes of their own."""
    last = dict.fromkeys(range(len(ground.market.instruments)), 10000)
    priced = []
    for one in ground.slices:
        rows = one.events.copy()
        for row in rows:
            if row[at.EVENT_KIND] == at.KIND_BAR:
                i = int(row[at.EVENT_INSTRUMENT])
                opened = last[i]
                closed = last[i] = max(opened + round(rng.gauss(0, 60)), 100)
                row[at.BAR_OPEN], row[at.BAR_CLOSE] = opened, closed
                row[at.BAR_HIGH] = max(opened, closed) + rng.randint(0, 30)
                row[at.BAR_LOW] = min(opened, closed) - rng.randint(0, 30)
                row[at.BAR_VOLUME] = rng.choice((6, 14, 30, 80))
        priced.append(Slice(one.ts_ns, rows, one.cursor))
    return tuple(priced)


def clock() -> VirtualClock:
    """Return the wall clock of all worlds."""
    return VirtualClock(EPOCH_NS)
