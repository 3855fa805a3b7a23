"""A venue of moods: one core with positions, and a broker that answers late, in parts, twice or not at all.

The fill book of the worlds is an honest broker. This one rejects, expires and cancels unasked, fills in
parts, also after a cancel was asked for, refuses cancels, and lets requests lie; the market moves, halts
and closes meanwhile, and latches come and go. What it does is a function of the seed.
"""

from __future__ import annotations

from dataclasses import replace
from random import Random
from typing import Any

import numpy as np

import sims.replay.loop
import sims.stepping.steps
from engine.jit import as_plain
from engine.kernels.orders import place
from engine.kernels.wakes import take_due
from engine.model import layout as at
from engine.model import trading_layout as loop
from engine.model.orders import TRANSITIONS, OrderEvent, OrderStatus
from engine.model.trading import (
    FLATTENING,
    LATCH_DAILY_LOSS,
    LATCH_DATABASE,
    LATCH_KILL,
    LOCKED,
    PAUSED_ALL,
    ExitReason,
    SignalSource,
    SizeMethod,
)
from engine.model.units import NS_PER_DAY, NS_PER_HOUR, NS_PER_SECOND
from engine.rules.signals import receive_signal
from engine.rules.turn import TURNS_MAX, watch
from engine.state import plain_core
from tests.property.core_worlds import CASH, START
from tests.property.trading_worlds import PPB, TradingWorld

STEPS = 600
LATCHES = (
    (LATCH_DATABASE, PAUSED_ALL),
    (LATCH_KILL, LOCKED),
    (LATCH_DAILY_LOSS, FLATTENING),
)


# Risk limits of which only the number of positions binds: entries are denied for want of room.
FAR = 10**12
ROOMY = {
    loop.LIMIT_RISK: 1,
    loop.LIMIT_POSITION_PPM: FAR,
    loop.LIMIT_GROSS_PPM: FAR,
    loop.LIMIT_NET_PPM: FAR,
    loop.LIMIT_GROUP_PPM: FAR,
    loop.LIMIT_EVENT_PPM: FAR,
    loop.LIMIT_CORRELATION_PPM: 10**6,
    loop.LIMIT_CORRELATION_UNKNOWN: 1,
    loop.LIMIT_RATE: 500,
    loop.LIMIT_COLLAR_PPM: 50_000,
    loop.LIMIT_HAS_CONFIDENCE: 1,
    loop.LIMIT_MIN_CONFIDENCE_PPB: 0,
    loop.LIMIT_SIZE_METHOD: int(SizeMethod.QUANTITY),
}


def roomy(world: TradingWorld) -> TradingWorld:
    """Return a world for such a venue: no guards, room for one position."""
    rng = Random(world.seed + 4 * 10**6)
    limits = {
        **world.limits,
        **ROOMY,
        loop.LIMIT_GUARDS: 0,
        loop.LIMIT_EXPIRY: rng.choice((5, 20, 300)) * NS_PER_SECOND,
        loop.LIMIT_POSITIONS: rng.choice((1, 1, 2)),
    }
    off = {(reason, loop.EXITS_ENABLED): 0 for reason in OPTIONAL if rng.random() < 0.4}
    return replace(world, limits=limits, thresholds={**world.thresholds, **off})


OPTIONAL = [
    reason
    for reason in ExitReason
    if reason not in (ExitReason.NONE, ExitReason.CIRCUIT_BREAKER, ExitReason.STRATEGY)
]


class Venue:
    """Plays one seed on a world's core."""

    refuses_changes, fills_parts = 0.2, 0.4

    def __init__(self, world: TradingWorld) -> None:
        self.rng = Random(world.seed + 3 * 10**6)
        _, self.core, _ = world.fresh(world.settings)
        self.s: Any = plain_core(self.core)
        self.intents: Any = as_plain(np.zeros((16, at.ORDER_WIDTH), dtype=np.int64))
        self.world = world
        self.now = START + NS_PER_DAY + 3 * NS_PER_HOUR  # an hour before some contracts end
        self.sequence = 0
        self.was_split = [False] * len(world.instruments)
        self.requests: list[tuple[int, int, int, int]] = []  # kind, order, lots, limit
        self.prices = [2_000 if item.is_binary is False else 50 for item in world.instruments]
        s = self.s
        s.account[at.ACCOUNT_LEVERAGE_PPM] = 10**9
        s.account[at.ACCOUNT_SHORT] = 1
        s.account[at.ACCOUNT_SIZE_VALUE] = self.rng.choice((1, 3, 10)) * PPB
        assert s.ledger[0, at.LEDGER_CASH] == CASH

    def play(self) -> None:
        """Let it happen."""
        for i in range(len(self.prices)):
            self._mark(i)
        for _ in range(STEPS):
            wait = self.rng.choice((0, 0.3, 1, 1, 2, 5, 10, 30, 61))
            self._until(self.now + int(wait * NS_PER_SECOND))
            self._step()

    def _step(self) -> None:
        rng, draw = self.rng, self.rng.random()
        i = rng.randrange(len(self.prices))
        if draw < 0.35:
            self._mark(i)
        elif draw < 0.55:
            self._answer()
        elif draw < 0.71:
            self._volunteer()
        elif draw < 0.73:
            self._confess()
        elif draw < 0.80:
            self._want(i)
        elif draw < 0.92:
            self._signal(i)
        elif draw < 0.935:
            self._say(rng.choice((at.KIND_HALT, at.KIND_RESUME, at.KIND_RESUME)), i)
        elif draw < 0.95:
            kind = rng.choice((at.KIND_SESSION_CLOSE, at.KIND_SESSION_OPEN, at.KIND_SESSION_OPEN))
            self._say(kind, -1, **{"4": rng.choice((0, 1))})
        elif draw < 0.975:
            self._restrict()
        elif draw < 0.985:
            self._say(at.KIND_SPLIT, i, **{"4": 2, "5": 1})
            self.was_split[i] = True  # how a broker would tell of older orders nobody knows
            self.prices[i] = max(self.prices[i] // 2, 3)
        else:
            self.s.monitors[i, loop.MONITOR_WANTS] |= int(
                self.s.monitors[i, loop.MONITOR_POSITION] != 0
            )
            self._touch()

    # --- The market and the strategy -------------------------------------------------------------------
    def _mark(self, i: int) -> None:
        rng, item = self.rng, self.world.instruments[i]
        step = item.price_step_ticks
        width = max(self.prices[i] // 150, 1)
        price = self.prices[i] + rng.randint(-width, width)
        highest = item.price_max_ticks if item.is_binary else 10**9
        price = min(max(price, 3 * step), highest - 3 * step) // step * step
        self.prices[i] = price
        lot = 10**item.quantity_precision
        if rng.random() < 0.3:
            sims.stepping.steps.take_inputs(
                self.s,
                i,
                rng.choice((loop.NOT_GIVEN, round(rng.uniform(-0.02, 0.3) * PPB))),
                rng.choice((loop.NOT_GIVEN, round(rng.uniform(0.4, 1.0) * PPB))),
                price + rng.choice((-2, -1, 1, 2)) * width,
                loop.KEEP,
                rng.choice((loop.NOT_GIVEN, 49 * lot, 51 * lot, 51 * lot)),
            )
        kind = rng.choice((at.KIND_QUOTE, at.KIND_QUOTE, at.KIND_QUOTE, at.KIND_TRADE, at.KIND_BAR))
        if rng.random() < 0.03:
            price = price * 9 // 10 // step * step
        if kind == at.KIND_QUOTE:
            ask = price + rng.choice((1, 1, 2, 3, 6, 0)) * step
            self._say(kind, i, **{"4": price, "5": min(ask, highest), "6": -1, "7": -1})
        elif kind == at.KIND_TRADE:
            self._say(kind, i, **{"4": price, "5": 500})
        else:
            bar = {str(n): price for n in (5, 6, 7, 8)}
            self._say(kind, i, **{"4": self.now - NS_PER_SECOND, "9": -1, "10": 1, **bar})

    def _signal(self, i: int) -> None:
        """Let the rules wish to enter."""
        self.s.account[at.ACCOUNT_NOW] = self.now
        receive_signal(self.s, self.intents, i, self.rng.choice((1, -1)), int(SignalSource.RULE))
        self._turn()

    def _want(self, i: int) -> None:
        """Send an order of one's own; it may be in the way of an exit later."""
        row, rng = self.intents, self.rng
        for column in range(at.ORDER_WIDTH):
            row[0, column] = 0
        lot = self.world.instruments[i].quantity_step_lots
        held = self.s.positions[i, at.POSITION_QUANTITY]
        row[0, at.ORDER_INSTRUMENT] = i
        row[0, at.ORDER_SIDE] = rng.choice((1, -1))
        lots = rng.choice((1, 2, 7, 15, 15, 40)) * lot
        allowed = self.s.account[at.ACCOUNT_ORDER_LIMIT] or FAR
        row[0, at.ORDER_QUANTITY] = min(abs(held), allowed) or lots if rng.random() < 0.7 else lots
        row[0, at.ORDER_TYPE], row[0, at.ORDER_TIF] = at.TYPE_MARKET, at.TIF_GTC
        if held and rng.random() < 0.7:
            row[0, at.ORDER_SIDE] = -1 if held > 0 else 1
            row[0, at.ORDER_TYPE] = at.TYPE_LIMIT
            step = self.s.terms[i, at.TERM_PRICE_STEP]
            row[0, at.ORDER_LIMIT] = max(self.prices[i] // step, 1) * step
            if row[0, at.ORDER_SIDE] * held < 0:
                row[0, at.ORDER_FLAGS] = at.FLAG_REDUCE_ONLY
        self.s.account[at.ACCOUNT_NOW] = self.now
        number, lots = place(self.s, row, 0), row[0, at.ORDER_QUANTITY]
        self._take_commands()
        if number and rng.random() < 0.5:
            self._fact(at.KIND_FILL, number, lots, max(self.prices[i], 1))

    def _restrict(self) -> None:
        if self.rng.random() < 0.5:  # a person changes the largest order that is allowed
            self.s.account[at.ACCOUNT_ORDER_LIMIT] = self.rng.choice((0, 0, 5, 20))
            return
        latch, severity = self.rng.choice(LATCHES)
        for other, _ in LATCHES:
            self.s.latches[other, loop.LATCH_SEVERITY] = 0
        if self.rng.random() < 0.5:
            severity = 0
        self.s.latches[latch, loop.LATCH_SEVERITY] = severity
        self.s.latches[latch, loop.LATCH_MANUAL] = 1
        self.s.account[at.ACCOUNT_SEVERITY] = severity
        self._touch()

    # --- The broker ------------------------------------------------------------------------------------
    def _answer(self) -> None:
        """Answer one request, in whatever way the order allows."""
        if not self.requests:
            return
        request = self.requests.pop(self.rng.randrange(len(self.requests)))
        kind, order, lots, limit = request
        r = self._row(order)
        if r is None:
            return
        if kind == at.KIND_SUBMITTED:
            self._fact(self._verdict(r), order)
        elif kind == at.KIND_CANCEL_SENT:
            answer = self.rng.choice((at.KIND_CANCELED,) * 3 + (at.KIND_CANCEL_REJECTED,))
            if answer == at.KIND_CANCEL_REJECTED:
                status = self.s.orders[r, at.ORDER_STATUS]
                if status != at.STATUS_PENDING_CANCEL:
                    return
            self._fact(answer, order)
        elif self.rng.random() < self.refuses_changes:
            self._fact(at.KIND_CANCEL_REJECTED, order)  # the replace is refused
        elif self._rest(r) > 0 and lots > self.s.orders[r, at.ORDER_FILLED]:
            self._fact(at.KIND_REPLACED, order, lots, limit)

    def _verdict(self, r: int) -> int:
        """Take the order in row `r`, or refuse it."""
        kinds: tuple[int, ...] = (at.KIND_ACCEPTED,) * 3 + (at.KIND_REJECTED,)
        return self.rng.choice(kinds)

    def _volunteer(self) -> None:
        """Do something with an order that nobody asked for: mostly fill it."""
        s = self.s
        rows = range(s.account[at.ACCOUNT_ORDERS])
        if not rows:
            return
        r = self.rng.choice(rows)
        order, draw = s.orders[r, at.ORDER_ID], self.rng.random()
        if draw < 0.08:
            self._fact(
                self.rng.choice((at.KIND_EXPIRED, at.KIND_CANCELED, at.KIND_REJECTED)), order
            )
            return
        i = s.orders[r, at.ORDER_INSTRUMENT]
        lots, step = self._rest(r), s.terms[i, at.TERM_LOT_STEP]
        if s.orders[r, at.ORDER_FLAGS] & at.FLAG_REDUCE_ONLY:
            held = s.positions[i, at.POSITION_QUANTITY]
            if held * s.orders[r, at.ORDER_SIDE] >= 0:
                return
            lots = min(lots, abs(held))
        if self.rng.random() < self.fills_parts:
            lots = max(lots // 2 // step * step, step)
        if s.positions[i, at.POSITION_CLOSED] == 0:
            self._fact(at.KIND_FILL, order, lots, max(self.prices[i], 1))

    def _confess(self) -> None:
        """An order that was said to have ended has filled after all, in part or whole."""
        ended = [e for e in range(self.s.ended.shape[0]) if self.s.ended[e, at.ORDER_ID]]
        if not ended:
            return
        e = self.rng.choice(ended)
        rest = self.s.ended[e, at.ORDER_QUANTITY] - self.s.ended[e, at.ORDER_FILLED]
        i = self.s.ended[e, at.ORDER_INSTRUMENT]
        lots = rest if self.rng.random() < 0.6 else max(rest // 2, 1)
        if rest > 0 and not self.was_split[i]:
            number = self.s.ended[e, at.ORDER_ID]
            self._say(at.KIND_FILL, i, **{"4": number, "5": lots, "6": self.prices[i]})

    def _row(self, order: int) -> int | None:
        s = self.s
        for r in range(s.account[at.ACCOUNT_ORDERS]):
            if s.orders[r, at.ORDER_ID] == order:
                return r
        return None

    def _rest(self, r: int) -> int:
        rest: int = self.s.orders[r, at.ORDER_QUANTITY] - self.s.orders[r, at.ORDER_FILLED]
        return rest

    def _fact(self, kind: int, order: int, lots: int = 0, price: int = 0) -> None:
        r = self._row(order)
        assert r is not None
        status = OrderStatus(self.s.orders[r, at.ORDER_STATUS])
        if (status, OrderEvent[at.EventKind(kind).name]) not in TRANSITIONS:
            return  # no broker says that of such an order
        i = self.s.orders[r, at.ORDER_INSTRUMENT]
        self._say(kind, i, **{"4": order, "5": lots, "6": price})

    # --- The loop --------------------------------------------------------------------------------------
    def _say(self, kind: int, i: int, **columns: int) -> None:
        row = np.zeros((1, at.EVENT_WIDTH), dtype=np.int64)
        self.sequence += 1
        row[0, at.EVENT_TS], row[0, at.EVENT_SEQUENCE] = self.now, self.sequence
        row[0, at.EVENT_KIND], row[0, at.EVENT_INSTRUMENT] = kind, i
        for column, value in columns.items():
            row[0, int(column)] = value
        sims.replay.loop.apply_event(self.s, as_plain(row), 0)
        assert self.s.account[at.ACCOUNT_FAULT] == at.FAULT_NONE, f"fault at event {self.sequence}"
        self._turn()

    def _until(self, now: int) -> None:
        s = self.s
        while s.account[at.ACCOUNT_NEXT_WAKE] < now:
            s.account[at.ACCOUNT_NOW] = s.account[at.ACCOUNT_NEXT_WAKE]
            take_due(s)
            self._turn()
        self.now = max(now, self.now)

    def _touch(self) -> None:
        self.s.account[at.ACCOUNT_NOW] = self.now
        self.s.account[at.ACCOUNT_TOUCHED] = 1
        self._turn()

    def _turn(self) -> None:
        for _ in range(TURNS_MAX):
            self._take_commands()
            if self.s.account[at.ACCOUNT_TOUCHED] == 0:
                return
            watch(self.s, self.intents)
        self._take_commands()

    def _take_commands(self) -> None:
        s = self.s
        for c in range(s.account[at.ACCOUNT_COMMANDS]):
            kind = s.commands[c, at.COMMAND_KIND]
            self.requests.append(
                (
                    kind,
                    s.commands[c, at.COMMAND_ORDER],
                    s.commands[c, at.COMMAND_QUANTITY],
                    s.commands[c, at.COMMAND_LIMIT],
                )
            )
        s.account[at.ACCOUNT_COMMANDS] = 0


class StubbornVenue(Venue):
    """One that changes no order, fills in parts, and mostly refuses limits."""

    refuses_changes, fills_parts = 0.9, 0.95

    def _verdict(self, r: int) -> int:
        if (
            self.s.orders[r, at.ORDER_TYPE] != at.TYPE_LIMIT
            or self.rng.random() < self.takes_limits
        ):
            return at.KIND_ACCEPTED
        return at.KIND_REJECTED

    @property
    def takes_limits(self) -> float:
        """How often a limit is taken: a venue either takes most of them, or few."""
        return (0.9, 0.1)[self.world.seed % 2]
