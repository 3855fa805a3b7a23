"""The table of exits as data, and what an exit's orders and records carry."""

from __future__ import annotations

from random import Random

import numpy as np
import pytest

from engine.kernels.positions import tradable_lots
from engine.model import layout as at
from engine.model import trading_layout as loop
from engine.model.exits import fill_exits
from engine.model.trading import (
    PHASE_IDLE,
    REASONS,
    AttemptResult,
    ExitPhase,
    ExitReason,
    PriceKind,
)
from tests.unit.trading.exit_desk import SECOND, Line
from tests.unit.trading.test_walking_table import WalkDesk

# Specification, section 5: priority, first order, wait (s), walks, first step and growth (thousandths of a
# tick), wait between walks (s), then market.
TABLE = {
    "stop_loss": (10, "market", 5, 0, 0, 0, 0, 1),
    "circuit_breaker": (10, "market", 5, 0, 0, 0, 0, 1),
    "trailing_stop": (20, "aggressive", 10, 2, 1500, 500, 10, 1),
    "time_based_urgent": (20, "aggressive", 10, 2, 1500, 500, 10, 1),
    "liquidity_dried_up": (20, "aggressive", 15, 3, 1500, 500, 10, 1),
    "profit_target": (30, "fair", 30, 5, 1000, 500, 15, 0),
    "partial_exit_target": (30, "fair", 30, 5, 1000, 500, 15, 0),
    "early_exit": (40, "conservative", 60, 10, 1000, 300, 30, 0),
    "edge_disappeared": (40, "fair", 30, 5, 1000, 500, 15, 0),
    "rebalance": (40, "conservative", 60, 10, 1000, 300, 30, 0),
    "strategy": (35, "market", 5, 0, 0, 0, 0, 1),
}


def filled(**options: bool) -> tuple[np.ndarray, np.ndarray]:
    exits = np.zeros((REASONS, loop.EXITS_WIDTH), dtype=np.int64)
    stages = np.zeros((loop.STAGES_ROWS, loop.STAGES_WIDTH), dtype=np.int64)
    fill_exits(exits, stages, **options)
    return exits, stages


@pytest.mark.parametrize("name", TABLE)
def test_a_row_is_that_of_the_specification(name: str) -> None:
    priority, price, wait, walks, step, growth, between, then = TABLE[name]
    row = filled()[0][ExitReason[name.upper()]]
    assert row[loop.EXITS_ENABLED] == 1
    assert row[loop.EXITS_PRIORITY] == priority
    assert row[loop.EXITS_PRICE] == PriceKind[price.upper()]
    assert row[loop.EXITS_WAIT] == wait * SECOND
    assert row[loop.EXITS_WALKS] == walks
    assert row[loop.EXITS_STEP_MILLI] == step
    assert row[loop.EXITS_GROWTH_MILLI] == growth
    assert row[loop.EXITS_STEP_WAIT] == between * SECOND
    assert row[loop.EXITS_THEN_MARKET] == then


def test_the_thresholds_are_those_of_the_specification() -> None:
    exits, stages = filled()
    column = loop.EXITS_THRESHOLD
    assert exits[ExitReason.STOP_LOSS, column] == 150_000
    assert exits[ExitReason.TRAILING_STOP, column] == 100_000
    assert exits[ExitReason.TIME_BASED_URGENT, column] == 300 * SECOND
    assert exits[ExitReason.LIQUIDITY_DRIED_UP, column] == 50 * 10**9
    assert exits[ExitReason.LIQUIDITY_DRIED_UP, loop.EXITS_SPREAD_PPB] == 3 * 10**7
    assert list(exits[ExitReason.PROFIT_TARGET, column : column + 3]) == [250_000, 200_000, 150_000]
    assert exits[ExitReason.EARLY_EXIT, column] == 20_000
    assert exits[ExitReason.EDGE_DISAPPEARED, column] == 0
    assert stages[:3].tolist() == [[150_000, 500_000], [250_000, 250_000], [0, 0]]


def test_without_exits_only_guards_and_the_strategy_close() -> None:
    exits, _ = filled(conditions=False)
    on = [reason for reason in range(REASONS) if exits[reason, loop.EXITS_ENABLED] == 1]
    assert on == [ExitReason.CIRCUIT_BREAKER, ExitReason.STRATEGY]


def test_a_strategy_with_limit_orders_leaves_as_at_a_profit_target() -> None:
    exits, _ = filled(at_limit=True)
    columns = slice(loop.EXITS_PRICE, loop.EXITS_THEN_MARKET + 1)
    wish, target = exits[ExitReason.STRATEGY, columns], exits[ExitReason.PROFIT_TARGET, columns]
    assert wish.tolist() == target.tolist()


def play(exit_text: str, market: str, **settings: str) -> WalkDesk:
    desk = WalkDesk(Line(0, "", settings, (exit_text, market, "", "")), "interpreted")
    for item in market.split(";"):
        desk.happen(item.strip())
    return desk


def test_an_exits_order_is_reduce_only_and_says_what_it_belongs_to() -> None:
    desk = play("early_exit sell 10", "quote 50 52")
    order = desk.s.orders
    assert order[0, at.ORDER_FLAGS] == at.FLAG_REDUCE_ONLY
    assert order[0, at.ORDER_POSITION] == desk.s.monitors[0, loop.MONITOR_POSITION] == 1
    assert order[0, at.ORDER_EXIT] == ExitReason.EARLY_EXIT
    assert order[0, at.ORDER_ATTEMPT] == 1
    (linked,) = desk.rows(at.KIND_LINKED)
    assert linked[loop.LINKED_POSITION : loop.LINKED_ATTEMPT + 1] == [1, ExitReason.EARLY_EXIT, 1]


def test_a_firing_is_recorded_with_its_numbers() -> None:
    desk = play("stop_loss sell 10", "quote 84 86")
    (row,) = desk.rows(at.KIND_EXIT_FIRED)
    assert row[loop.FIRED_REASON] == ExitReason.STOP_LOSS
    assert row[loop.FIRED_ALSO] == 1 << ExitReason.STOP_LOSS
    assert row[loop.FIRED_PRICE] == 8400
    assert row[loop.FIRED_PNL_PPM] == row[loop.FIRED_NUMBER] == -160_000
    assert row[loop.FIRED_LIMIT] == -150_000
    assert row[loop.FIRED_LOTS] == 10


def test_every_attempt_is_recorded_with_its_end() -> None:
    desk = play("early_exit sell 10", "quote 50 52; +60s; quote 51.99 53")
    first, second = desk.rows(at.KIND_EXIT_ATTEMPT)
    assert first[loop.ATTEMPT_NUMBER : loop.ATTEMPT_LOTS + 1] == [
        1,
        PriceKind.CONSERVATIVE,
        5200,
        10,
    ]
    assert second[loop.ATTEMPT_NUMBER] == 2 and second[loop.ATTEMPT_PRICE] == 5199
    assert first[loop.ATTEMPT_TOUCH] == second[loop.ATTEMPT_TOUCH] == 5000
    one, two = desk.rows(at.KIND_ATTEMPT_ENDED)
    assert one[loop.ENDED_RESULT] == AttemptResult.REPLACED and one[loop.ENDED_LOTS] == 0
    assert two[loop.ENDED_RESULT] == AttemptResult.FILLED and two[loop.ENDED_LOTS] == 10
    assert one[loop.ENDED_SENT] == desk.zero and two[loop.ENDED_SENT] == desk.zero + 60 * SECOND
    (ended,) = desk.rows(at.KIND_EXIT_ENDED)
    assert ended[loop.EXITED_REASON : loop.EXITED_LEFT + 1] == [
        ExitReason.EARLY_EXIT,
        AttemptResult.CLOSED,
        2,
        1,
        10,
        desk.zero,
        0,
    ]


def test_a_trip_closed_by_an_exit_is_told_its_reason() -> None:
    desk = play("stop_loss sell 10", "quote 50 52; +1s")
    (closed,) = desk.rows(at.KIND_POSITION_CLOSED)
    assert closed[loop.TRIP_REASON] == ExitReason.STOP_LOSS


def test_a_spread_and_a_volume_are_recorded_in_ticks_and_lots() -> None:
    line = Line(
        0, "", {"instrument": "event", "entry": "0.52"}, ("liquidity_dried_up sell 10", "quote")
    )
    for volume, told in ((49, (49, 50)), (500, (6, 3))):
        desk = WalkDesk(line, "interpreted")
        desk.s.monitors[0, loop.MONITOR_VOLUME] = volume
        desk.happen("quote 0.48 0.54")
        (row,) = desk.rows(at.KIND_EXIT_FIRED)
        assert (row[loop.FIRED_NUMBER], row[loop.FIRED_LIMIT]) == told


# --- Random markets: what must always hold ---------------------------------------------------------------
ITEMS = (
    "+1s",
    "+5s",
    "+10s",
    "+30s",
    "+60s",
    "7s",
    "halt",
    "resume",
    "close",
    "open",
    "pause",
    "clear pause",
    "split 2 1",
    "split 1 2",
)
NAMES = tuple(name for name in TABLE if name not in ("rebalance", "circuit_breaker"))


@pytest.mark.parametrize("seed", range(60))
def test_a_random_market_never_sees_two_orders_to_close_nor_a_position_turned(seed: int) -> None:
    """A failing seed is the whole bug report."""
    random = Random(seed)
    side = random.choice(("sell", "buy"))
    exit_text = f"{random.choice(NAMES)} {side} 16"
    if random.random() < 0.5:
        exit_text += ", protected " + ("20" if side == "sell" else "90")
    if random.random() < 0.3:
        exit_text += ", entry " + ("30" if side == "sell" else "80")
    desk = WalkDesk(Line(seed, "", {}, (exit_text, "quote", "", "")), "interpreted")
    mid = 5000
    for _ in range(60):
        if random.random() < 0.5:
            mid = max(mid + random.randint(-120, 120), 300)
            half = random.randint(1, 150)
            item = f"quote {(mid - half) / 100:.2f} {(mid + half) / 100:.2f}"
        elif random.random() < 0.15:
            item = f"now {random.choice(NAMES)}"
        else:
            item = random.choice(ITEMS)
            if item.startswith("+") and not desk.shown:
                continue
        if item.startswith("split"):
            mid = mid // 2 if item == "split 2 1" else mid * 2
        desk.happen(item)
        require_sound(desk)
    for item in ("resume", "open", "clear pause", "+1s", "+5s", "+600s", "+600s", "+600s", "+600s"):
        if desk.shown:
            desk.happen(item)
            require_sound(desk)
    ended = {row[loop.EXITED_RESULT] for row in desk.rows(at.KIND_EXIT_ENDED)}
    alerts = desk.rows(at.KIND_ALERT)
    holds = desk.run(tradable_lots, 0) != 0
    working = desk.s.monitors[0, loop.EXIT_PHASE] != PHASE_IDLE
    assert not holds or working or alerts or not ended or AttemptResult.CLOSED in ended


def require_sound(desk: WalkDesk) -> None:
    """At most one order of an exit works, none while another could close; none turns the position."""
    s = desk.s
    rows = range(s.account[at.ACCOUNT_ORDERS])
    live = [r for r in rows if s.orders[r, at.ORDER_EXIT] != 0]
    assert len(live) <= 1
    lots = desk.run(tradable_lots, 0)
    assert lots * desk.direction >= 0
    phase = s.monitors[0, loop.EXIT_PHASE]
    if phase == ExitPhase.WORKING:
        closing = [r for r in rows if s.orders[r, at.ORDER_SIDE] == -desk.direction]
        assert (
            len(closing) == 1
            and s.orders[closing[0], at.ORDER_ID] == s.monitors[0, loop.EXIT_ORDER]
        )
        rest = s.orders[closing[0], at.ORDER_QUANTITY] - s.orders[closing[0], at.ORDER_FILLED]
        assert rest <= abs(s.positions[0, at.POSITION_QUANTITY])
        assert rest == s.monitors[0, loop.EXIT_LEFT]
    attempts, ends = desk.rows(at.KIND_EXIT_ATTEMPT), desk.rows(at.KIND_ATTEMPT_ENDED)
    sent = {(row[loop.ATTEMPT_ORDER], row[loop.ATTEMPT_NUMBER]) for row in attempts}
    done = [(row[loop.ENDED_ORDER], row[loop.ENDED_NUMBER]) for row in ends]
    assert len(done) == len(set(done)) and set(done) <= sent
