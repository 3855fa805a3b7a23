"""The way out in the reference model: one order at a time until a position is closed.

What it wants to send it says to a `Voice`, which answers with what the checks and the broker's side
made of it: an order's number, or the code of a denial.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Protocol

from engine.model.trading import AttemptResult, ExitAlert, ExitReason, Severity
from tests.reference import trading_conditions as conditions
from tests.reference import trading_walking as walking
from tests.reference.trading_desk import (
    AT_MARKET,
    PLANS,
    SECOND,
    Closing,
    Desk,
    Hours,
    Next,
    Order,
    Settings,
)

A = AttemptResult
ASK_AGAIN = 5 * SECOND
TELL_AGAIN = 600 * SECOND
REJECTS = 3

Said = tuple[object, ...]  # a decision: what, when, which instrument, and its numbers


class Voice(Protocol):
    """Answers what is wanted to be sent."""

    def send(self, i: int) -> tuple[int, int]:
        """Return the number of the order that was made, and 0; or 0 and why it was denied."""

    def replace(self, i: int) -> int:
        """Return 0, or why it was denied."""


@dataclass
class Moment:
    """One look at one instrument: what it knows, and what is said."""

    i: int
    now: int
    desk: Desk
    settings: Settings
    hours: Hours
    severity: int
    orders: dict[int, Order]
    voice: Voice
    said: list[Said] = field(default_factory=list)

    def tell(self, what: str, *numbers: object) -> None:
        """Record a decision."""
        self.said.append((what, self.now, self.i, *numbers))

    def alert(self, code: ExitAlert) -> None:
        """Tell a person."""
        closing = self.desk.closing
        assert closing is not None
        self.tell("alert", code, closing.trip, closing.reason)
        self.desk.alerted = self.now

    @property
    def may_send(self) -> bool:
        """Whether an order can be sent now: the market trades, and no latch forbids it."""
        market = self.desk.market
        trades = not (market.is_over or market.is_halted or self.hours.is_closed)
        return trades and self.severity not in (Severity.PAUSED_ALL, Severity.LOCKED)

    @property
    def is_a_time_for_steps(self) -> bool:
        """Whether steps are taken now: an instrument that bars tell of takes them at its bars."""
        market = self.desk.market
        return market.kind != "bar" or market.marked == self.now


# --- Its record ------------------------------------------------------------------------------------------
def end_attempt(m: Moment, result: AttemptResult) -> None:
    """The attempt in force has ended; a replacement under way takes its place, or never will."""
    closing = m.desk.closing
    assert closing is not None and closing.order is not None
    order = closing.order
    if result is A.REPLACED and closing.next is None:
        return  # the order is being canceled, whatever its price is now
    lots = order.filled - closing.before
    m.tell(
        "ended",
        closing.trip,
        order.reason,
        order.attempt,
        result,
        lots,
        order.number,
        closing.sent,
        0,
    )
    closing.before = order.filled
    if result is A.REPLACED and closing.next is not None:
        order.attempt = closing.attempt
        closing.price, closing.sent = closing.next.price, closing.next.sent
        closing.next = None
    else:
        drop_replacement(m, A.CANCELED)


def drop_replacement(m: Moment, result: AttemptResult) -> None:
    """A replacement under way will not come into force: withdrawn, or refused."""
    closing = m.desk.closing
    assert closing is not None
    if closing.next is None:
        return
    number = closing.order.number if closing.order else 0
    m.tell(
        "ended",
        closing.trip,
        closing.reason,
        closing.attempt,
        result,
        0,
        number,
        closing.next.sent,
        0,
    )
    closing.next = None


def end_exit(m: Moment, result: AttemptResult) -> None:
    """Record the end of the whole."""
    closing = m.desk.closing
    assert closing is not None
    m.tell(
        "exit",
        closing.trip,
        closing.reason,
        result,
        closing.attempt,
        closing.walks,
        closing.filled,
        closing.fired,
        closing.left,
    )


# --- Beginning and end -----------------------------------------------------------------------------------
def begin(m: Moment, reason: ExitReason, lots: int) -> None:
    """Begin a condition's plan; what an earlier plan has working is ended first."""
    desk, old = m.desk, m.desk.closing
    assert desk.trip is not None
    desk.closing = new = Closing(reason, desk.trip.number, m.now, lots, PLANS[reason].price)
    desk.tried = None
    if old is None:
        return
    # A takeover: what is known of the order that works, and a wait for others to end, goes on.
    new.order, new.price, new.sent, new.before = old.order, old.price, old.sent, old.before
    new.phase, new.due, new.rest = old.phase, old.due, old.rest
    if new.order is not None:
        end_order(m, "ending")


def finish(m: Moment, result: AttemptResult) -> None:
    """The exit is over; an order of it that still works is canceled and no longer followed."""
    desk = m.desk
    assert desk.closing is not None
    if desk.closing.order is not None:
        end_attempt(m, A.CANCELED)
        ask_to_end(m, desk.closing.order)
    end_exit(m, result)
    if result is A.FAILED:
        if desk.alerted is None:
            m.alert(ExitAlert.EXIT_FAILED)
        assert desk.trip is not None
        desk.tried = (desk.trip.number, desk.trip.marks)
    else:
        desk.alerted = None
    desk.closing = None


def ask_to_end(m: Moment, order: Order) -> None:
    """Ask to cancel an order, unless that has been asked."""
    if not order.is_asked:
        m.tell("cancel", order.number)
        order.is_asked = not order.is_held


def end_order(m: Moment, phase: str) -> None:
    """Cancel the order that works; what follows waits for the broker's word."""
    closing = m.desk.closing
    assert closing is not None
    if closing.order is not None:
        ask_to_end(m, closing.order)
    closing.phase, closing.due, closing.rest = phase, m.now + ASK_AGAIN, 0


# --- What was heard --------------------------------------------------------------------------------------
def take_notice(m: Moment) -> None:
    """Follow what the broker said since the last look."""
    desk, closing = m.desk, m.desk.closing
    assert closing is not None
    heard, closing.heard = closing.heard, None
    if closing.left == 0:
        finish(m, A.CLOSED)
    elif desk.trip is None or desk.trip.number != closing.trip or desk.market.is_over:
        finish(m, A.CLOSED_ELSEWHERE)
    elif closing.order is not None:
        rest = closing.order.total - closing.order.filled
        if closing.phase in ("working", "changing") and rest > closing.left:
            end_order(m, "ending")  # an order before it has filled late
        elif closing.phase == "changing" and closing.next is None:
            if heard is not A.REPLACED and closing.order.filled > 0:
                end_order(m, "ending")  # another one takes its place
            else:
                closing.phase, closing.rejects = "working", 0
    elif heard is not None and heard is not A.REPLACED:
        closing.rejects = closing.rejects + 1 if heard is A.REJECTED else 0
        if closing.rejects == REJECTS and closing.kind != AT_MARKET:
            closing.kind, closing.rejects = AT_MARKET, 0
        is_given_up = closing.phase == "giving up"
        if is_given_up or closing.rejects == REJECTS:
            if not is_given_up:
                undo_stage(m)
            finish(m, A.FAILED)
        else:
            closing.phase, closing.due, closing.rest = "clearing", None, 0


# --- The next step ---------------------------------------------------------------------------------------
def go_on(m: Moment) -> None:
    """Do what is due."""
    keep_waits(m)
    closing = m.desk.closing
    assert closing is not None
    is_due = closing.due is not None and closing.due <= m.now and m.is_a_time_for_steps
    match closing.phase:
        case "clearing" | "queued":
            clear_and_send(m, asks_again=closing.due is None or is_due)
        case "working" if is_due:
            step_on(m)
        case "ending" | "giving up" if is_due:
            end_order(m, closing.phase)


def keep_waits(m: Moment) -> None:
    """Let waits stand still while nothing can be sent, and run on afterwards."""
    closing, told = m.desk.closing, m.desk.alerted
    assert closing is not None
    if m.may_send:
        if closing.due is None and closing.rest:
            closing.due, closing.rest = m.now + closing.rest, 0
        return
    if closing.due is not None:
        closing.rest = max(closing.due - m.now, 1)
        closing.due = None
    is_stopped = m.severity in (Severity.PAUSED_ALL, Severity.FLATTENING, Severity.LOCKED)
    if told is None:
        is_told_of = m.desk.market.is_halted or is_stopped
    else:
        # While everything is being closed it is the guards that go on telling.
        is_told_of = is_held_back(m.severity) and m.now - told >= TELL_AGAIN
    if is_told_of:
        m.alert(ExitAlert.EXIT_QUEUED)


def is_held_back(severity: int) -> bool:
    """Return whether a latch lets nothing be sent."""
    return severity in (Severity.PAUSED_ALL, Severity.LOCKED)


def clear_and_send(m: Moment, *, asks_again: bool) -> None:
    """Send the next order, once nothing of ours that could close the position works any more."""
    desk, closing = m.desk, m.desk.closing
    assert closing is not None
    is_priced = closing.kind == AT_MARKET or desk.market.sides is not None
    if not is_priced or not m.may_send:
        closing.phase, closing.due, closing.rest = "queued", None, 0
        return
    closing.phase = "clearing"
    side = -1 if desk.lots > 0 else 1
    working = [order for order in m.orders.values() if order.instrument == m.i]
    for order in working:
        if asks_again or not order.is_held:
            ask_to_end(m, order)
    if not any(order.side == side for order in working):
        send(m, side)
    elif asks_again:
        closing.due = m.now + max(ASK_AGAIN, m.now - closing.fired)


def send(m: Moment, side: int) -> None:
    """Send an order for what is left, at the price where the plan stands."""
    desk, closing, settings = m.desk, m.desk.closing, m.settings
    assert closing is not None
    held, is_part = abs(desk.lots), conditions.is_of_a_stage(closing.reason, settings)
    lots = min(closing.left, held) if is_part else held
    if lots == 0:
        finish(m, A.CLOSED_ELSEWHERE)
        return
    price = 0
    if closing.kind != AT_MARKET:
        first = walking.first_price(desk, side, closing.kind)
        assert first is not None
        price = walking.walked(desk, side, first, int(closing.gone))
    closing.attempt += 1
    closing.sent = m.now
    say_attempt(m, side, price, lots)
    number, code = m.voice.send(m.i)
    if not number:
        deny(m, code)
        undo_stage(m)
        finish(m, A.FAILED)
        return
    if is_part and closing.attempt == 1 and desk.trip is not None:
        if desk.trip.done < len(settings.parts):
            closing.stage = desk.trip.done
            desk.trip.done += 1
    plan = PLANS[closing.reason]
    closing.order = m.orders[number]
    closing.price, closing.left, closing.before, closing.heard = price, lots, 0, None
    is_walking = closing.walks > 0 and closing.kind != AT_MARKET
    wait = plan.between if is_walking else plan.wait
    closing.phase, closing.due, closing.rest = "working", m.now + wait * SECOND, 0


def undo_stage(m: Moment) -> None:
    """A stage of which every order was refused is to be done again."""
    trip, closing = m.desk.trip, m.desk.closing
    assert closing is not None
    if trip is not None and closing.stage is not None and closing.filled == 0:
        trip.done = closing.stage


def say_attempt(m: Moment, side: int, price: int, lots: int) -> None:
    """Record an order to close, or a replacement of one."""
    closing, sides = m.desk.closing, m.desk.market.sides
    assert closing is not None
    touch = walking.opposite(sides, side) if sides else 0
    m.tell(
        "attempt",
        closing.trip,
        closing.reason,
        closing.attempt,
        closing.kind,
        price,
        lots,
        touch,
    )


def deny(m: Moment, code: int) -> None:
    """Record that our own checks refused what was just said."""
    closing = m.desk.closing
    assert closing is not None
    m.tell("ended", closing.trip, closing.reason, closing.attempt, A.DENIED, 0, 0, m.now, code)


def step_on(m: Moment) -> None:
    """The order was not filled in its wait: walk, go to market, send again, or give up."""
    closing = m.desk.closing
    assert closing is not None
    plan = PLANS[closing.reason]
    if closing.kind == AT_MARKET:
        if m.desk.alerted is None:
            m.alert(ExitAlert.EXIT_STUCK)
        end_order(m, "ending")
    elif closing.walks < plan.walks:
        walk(m)
    elif plan.then_market:
        closing.kind = AT_MARKET
        end_order(m, "ending")
    else:
        end_order(m, "giving up")


def walk(m: Moment) -> None:
    """Move the order by the next step of its walk; a bound may leave it where it is."""
    desk, closing = m.desk, m.desk.closing
    assert closing is not None and closing.order is not None
    plan, side = PLANS[closing.reason], closing.order.side
    before = int(closing.gone)
    closing.gone += plan.step + closing.walks * plan.growth
    closing.walks += 1
    closing.due = m.now + plan.between * SECOND
    price = walking.walked(desk, side, closing.price, int(closing.gone) - before)
    if price == closing.price:
        return
    closing.attempt += 1
    say_attempt(m, side, price, min(closing.left, abs(desk.lots)))
    code = m.voice.replace(m.i)
    if code:
        deny(m, code)
        return
    closing.next = Next(price, m.now)
    closing.phase = "changing"
