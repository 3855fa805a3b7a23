"""From a seed to the story of a live session: its strategy and market, and what goes wrong at the venue, when."""

from __future__ import annotations

import json
import shutil
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from random import Random
from tempfile import mkdtemp
from typing import Any, Final

import numpy as np

from data.history import History, merge
from engine.model.instruments import Instrument, InstrumentKind
from engine.ports import Slice
from runtime.backtest.clockwork import clockwork_of
from runtime.config import StrategyConfig, load_strategy
from runtime.feeds.replay import _slices
from runtime.feeds.rows import replay_rows
from runtime.promotion.keys import Keys, Role
from runtime.session_core.assembling import Market, market_of
from tests.simulation.databases import folder_of_worlds
from tests.simulation.drills import rehearse
from tests.simulation.plans import EPOCH_NS, EXECUTIONS, LOOP, PLAIN, RULES, priced

STEP: Final = 15  # seconds of a bar, while there are faults
SYMBOLS: Final = ("AAPL", "MSFT")
COINS: Final = ("BTC/USD", "ETH/USD")
_BRACKET: Final = "stop_loss_percent = 0.8\ntake_profit_percent = 1\n"
BRACKETS: Final = (
    "[execution]\n" + _BRACKET,
    '[execution]\norder_type = "limit"\n' + _BRACKET,
    "[execution]\nstop_loss_percent = 0.8\n",
)
STRATEGIES: Final = tuple(
    (RULES + (LOOP + each if each in EXECUTIONS else PLAIN + each)).replace(
        "quantity = 10", "quantity = 40"
    )
    for each in (*EXECUTIONS, "", *BRACKETS)  # a certificate's first stage makes ten of the forty
)
FAULTY: Final = 480.0  # seconds with faults
QUIET: Final = 660.0  # and without: ten minutes, and the last reconciliation
NOTICED: Final = 66.0  # seconds until a session knows of a revocation: a minute, and a look
POSITION_LIMIT: Final = 6_000  # dollars; a quarter of it in a certificate's first stage
LIMIT_PERCENT: Final = 25
_DAY_NS: Final = 86_400 * 10**9

# --- what goes wrong, as `sims.venues.alpaca.faults` has it -------------------------------------------
_ORDERS: Final = ("submit", "submit", "submit", "cancel", "replace")
_QUESTIONS: Final = (
    "order", "order_by_client_id", "orders", "positions", "activities_of_kind", "account",
)  # fmt: skip
_NO_ANSWERS: Final[tuple[dict[str, Any], ...]] = (
    {"kind": "error", "status": 500},
    {"kind": "error", "status": 503},
    {"kind": "error", "status": 504},
    {"kind": "hang"},
    {"kind": "reset"},
    {"kind": "html", "status": 502},
    {"kind": "redirect"},
)
_ANSWERS: Final[tuple[dict[str, Any], ...]] = (
    {"kind": "error", "status": 429},
    {"kind": "error", "status": 418},
    {"kind": "torn", "after": True},
    {"kind": "missing_field", "field": "id"},
    {"kind": "null_field", "field": "status"},
    {"kind": "set_field", "field": "status", "value": "a new word"},
    {"kind": "number_kind", "field": "filled_qty"},
)
_ECHO: Final[tuple[dict[str, Any], ...]] = (
    {"kind": "error", "status": 500, "after": True},
    {"kind": "set_field", "field": "message", "value": "rehearsal-secret"},
)
_MESSAGES: Final[tuple[dict[str, Any], ...]] = (
    {"kind": "drop"},
    {"kind": "mute"},
    {"kind": "lose"},
    {"kind": "lose"},
    {"kind": "duplicate"},
    {"kind": "reorder"},
    {"kind": "missing_field", "field": "data.order.id"},
    {"kind": "null_field", "field": "data.price"},
    {"kind": "set_field", "field": "data.event", "value": "a new word"},
    {"kind": "set_field", "field": "data.order.status", "value": "a new word"},
    {"kind": "number_kind", "field": "data.qty"},
)
_SURPRISES: Final[tuple[dict[str, Any], ...]] = (
    {"kind": "partial_then_cancel", "quantity": "2"},
    {"kind": "reject"},
    {"kind": "late_fill", "quantity": "1"},
    {"kind": "overfill", "quantity": "2"},
    {"kind": "bust"},
)


@dataclass(frozen=True, eq=False)
class LiveGround:
    """What worlds of one strategy share."""

    config: StrategyConfig
    market: Market
    slices: tuple[Slice, ...]
    folder: Path  # a workspace to be copied


@dataclass(frozen=True)
class LivePlan:
    """One seed's story. Times in seconds.

    Parameters
    ----------
    faults
        When each is scheduled at the venue; it waits for its occasion from then on.
    budget
        How many requests a minute the venue answers.
    expires, revoked
        When the certificate ends by itself, or is taken back.
    deaths
        At which effect each process dies, and whether after it.
    """

    seed: int
    ground: LiveGround
    slices: tuple[Slice, ...]
    faults: tuple[tuple[float, str], ...]
    budget: int
    expires: float
    revoked: float
    deaths: tuple[tuple[int, bool], ...]
    feed_outages: tuple[tuple[float, float], ...]
    clock_steps: tuple[tuple[float, int], ...]
    wishes: tuple[tuple[float, str], ...]
    faults_end: float = FAULTY
    ends: float = FAULTY + QUIET + 70
    kinds: frozenset[str] = field(default=frozenset())  # of the faults


def live_plan_of(seed: int, *, bracketed: bool = False, coins: bool = False) -> LivePlan:
    """Return a seed's story: a few of what can go wrong, each often enough to meet the others.

    Parameters
    ----------
    bracketed
        Trade with a stop, and perhaps a target, on each entry, whatever the seed says.
    coins
        Trade coins, of which the venue keeps its fee; nothing hangs on entries then.
    """
    rng = Random(seed)
    strategy, instruments = rng.choice((0, 0, 1, 1, 2, 3)), rng.choice((1, 2))
    if bracketed or (strategy == len(EXECUTIONS) and seed % 3 and not coins):
        strategy = len(EXECUTIONS) + 1 + seed % 7 % len(BRACKETS)
    ground = live_ground_of(strategy, instruments, coins=coins)

    def moment() -> float:
        return rng.uniform(2, FAULTY - 30)

    def moments(likely: float, most: int) -> list[float]:
        count = rng.randint(1, most) if rng.random() < likely else 0
        return sorted(moment() for _ in range(count))

    faults = _faults(rng, moment)
    ends_early = rng.random()
    deaths = rng.choice((0, 0, 0, 1, 2)) if ends_early >= 0.3 else 0
    return LivePlan(
        seed,
        ground,
        priced(ground, rng),  # type: ignore[arg-type]
        tuple((at_s, json.dumps(_about(fault, coins=coins))) for at_s, fault in faults),
        rng.choice((200, 200, 60, 30)),
        # Shortly before a bar: until the session has looked, nothing but the gateway knows.
        STEP * rng.randint(1, int(FAULTY - 60) // STEP) - rng.uniform(0, 4)
        if ends_early < 0.15
        else 1e9,
        moment() if 0.15 <= ends_early < 0.3 else 1e9,
        tuple((rng.randint(1, 80), rng.random() < 0.5) for _ in range(deaths)),
        tuple((at_s, min(at_s + rng.uniform(1, 70), FAULTY)) for at_s in moments(0.25, 2)),
        tuple((at_s, rng.choice((-1, 1)) * 5 * 10**9) for at_s in moments(0.15, 2)),
        _wishes(rng, moments),
        kinds=frozenset(fault["kind"] for _, fault in faults),
    )


def _faults(rng: Random, moment) -> list[tuple[float, dict[str, Any]]]:  # type: ignore[no-untyped-def]
    made: list[tuple[float, dict[str, Any]]] = []

    def add(fault: dict[str, Any], on: str = "", most: int = 2) -> None:
        where = {"on": on} if on else {}
        count = {"at": rng.randint(1, 3), "count": rng.randint(1, most)}
        made.append((moment(), fault | where | count))

    for on in _ORDERS:
        if rng.random() < 0.6:
            add(rng.choice(_NO_ANSWERS) | {"after": rng.random() < 0.7}, on)
        if rng.random() < 0.15:
            add(rng.choice(_ANSWERS), on)
    if rng.random() < 0.2:  # a proxy tells everybody what it was sent
        at_s, where = moment(), {"on": "submit", "at": rng.randint(1, 3)}
        made += [(at_s, fault | where) for fault in _ECHO]
    for _ in range(rng.randint(0, 6)):
        add(rng.choice(_MESSAGES), "order_stream", 3)
    for _ in range(rng.randint(0, 4)):
        add(rng.choice(_NO_ANSWERS + _ANSWERS), rng.choice(_QUESTIONS), 3)
    if rng.random() < 0.3:
        add({"kind": "stale", "lag": rng.randint(1, 6)}, rng.choice(_QUESTIONS[:-1]))
    for _ in range(rng.choice((0, 0, 1, 1, 2))):
        add(rng.choice(_SURPRISES), most=1)
    if rng.random() < 0.25:
        seconds = rng.choice((1, 10, 40))
        add({"kind": "restart", "seconds": seconds}, rng.choice(("submit", "orders")), 1)
    if rng.random() < 0.15:
        add({"kind": "halt", "symbol": "AAPL", "seconds": 60}, "submit", 1)
    if rng.random() < 0.15:
        add({"kind": "clock_offset", "offset": 5, "seconds": 60}, "any", 1)
    if rng.random() < 0.15:
        add({"kind": "thin_book", "symbol": "AAPL", "quantity": "3", "seconds": 90}, "submit", 1)
    if rng.random() < 0.1:
        side = rng.choice(("buy", "sell"))
        add({"kind": "foreign_order", "symbol": "AAPL", "side": side, "quantity": "3"}, "orders", 1)
    return sorted(made, key=lambda each: each[0])


def _about(fault: dict[str, Any], *, coins: bool) -> dict[str, Any]:
    return fault | {"symbol": COINS[0]} if coins and "symbol" in fault else fault


def _wishes(rng: Random, moments) -> tuple[tuple[float, str], ...]:  # type: ignore[no-untyped-def]
    """A pause with its end, the kill switch with its release, everything closed."""
    made: list[tuple[float, str]] = []
    for at_s in moments(0.15, 1):
        made += [(at_s, "pause"), (at_s + rng.uniform(20, 120), "resume")]
    for at_s in moments(0.15, 1):
        made += [
            (at_s, rng.choice(("halt", "halt_flatten"))),
            (at_s + rng.uniform(5, 60), "release"),
        ]
    return tuple(sorted(made))


# --- the ground ------------------------------------------------------------------------------------------
@cache
def live_ground_of(strategy: int, instruments: int, *, coins: bool = False) -> LiveGround:
    """Return the ground of a strategy; its prices are overwritten by each seed."""
    folder = Path(mkdtemp(dir=folder_of_worlds()))
    shutil.copytree(_workspace(), folder, dirs_exist_ok=True)
    (folder / "strategies").mkdir()
    path = folder / "strategies" / "simulated.toml"
    path.write_text(STRATEGIES[strategy])
    config = load_strategy(path)
    names = (COINS if coins else SYMBOLS)[:instruments]
    kind = InstrumentKind.CRYPTO_SPOT if coins else InstrumentKind.EQUITY
    history = _history([Instrument(name, kind) for name in names])
    rows = replay_rows(history, trading=config.is_trading, marks=False)
    market = market_of(history, clockwork_of(history, days_after=8))
    return LiveGround(config, market, tuple(_slices(rows.blocks(0))), folder)


def _history(instruments: Sequence[Instrument]) -> History:
    seconds = [*range(STEP, int(FAULTY), STEP), *range(int(FAULTY), int(FAULTY + QUIET), 60)]
    ts = EPOCH_NS + np.array(seconds, dtype=np.int64) * 10**9
    price = np.full(len(ts), 100.0)
    return merge(
        [
            History.from_arrays(
                each,
                ts_close_ns=ts,
                open=price,
                high=price,
                low=price,
                close=price,
                volume=np.full(len(ts), 20.0),
                source="walk",
            )
            for each in instruments
        ]
    )


@cache
def _workspace() -> Path:
    """Return a workspace with keys, whose kill switch was rehearsed a day before."""
    folder = Path(mkdtemp(dir=folder_of_worlds()))
    keys = Keys(folder / "keys")
    keys.new(Role.GATE, "gate")
    keys.new(Role.APPROVER, "anna")
    rehearse(folder, EPOCH_NS - _DAY_NS)
    return folder
