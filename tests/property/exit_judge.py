"""Holds the core's exits against the reference model: what both hear is the same, and so must be what
they decide.

The judge stands between the replay's loop and the interpreted core. It tells the reference every event,
every broker fact, what the ledger holds and what of the strategy's concerns the exits, and compares what
the reference says of each look and each fact with the rows that the core has journalled meanwhile. It
also watches that the core looks whenever something may have changed, and at the moments themselves at
which time alone changes something.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from fractions import Fraction
from typing import Any

import pytest

import engine.rules.turn
import sims.replay.loop
import sims.stepping.steps
from engine.model import layout as at
from engine.model import trading_layout as loop
from engine.model.denials import Denial
from engine.model.orders import OrderFlag
from engine.model.trading import AttemptResult, ExitAlert, ExitReason, SignalSource
from tests.property.trading_worlds import TradingWorld
from tests.reference.trading_closing import Said
from tests.reference.trading_desk import AT_MARKET, Hours, Order, Settings, Terms, Trip
from tests.reference.trading_exits import ReferenceExits
from tests.reference.trading_protection import UNPROTECTED, Guarding, ReferenceProtection

MILLION, BILLION = 10**6, 10**9
FACTS = {
    at.KIND_ARMED: "armed",
    at.KIND_FILL: "filled",
    at.KIND_CANCELED: "canceled",
    at.KIND_EXPIRED: "expired",
    at.KIND_REJECTED: "rejected",
    at.KIND_REPLACED: "replaced",
    at.KIND_CANCEL_REJECTED: "cancel rejected",
}
WANT_OF_ROOM = {
    Denial.MAX_POSITIONS,
    Denial.POSITION_SIZE,
    Denial.GROSS_EXPOSURE,
    Denial.CONCENTRATION,
    Denial.BUYING_POWER,
}
Row = list[int]


class Disagreement(AssertionError):
    """The core and the reference decided differently; the message is the bug report."""


def settings_of(world: TradingWorld) -> Settings:
    """Return what the strategy file of a world would say, as the reference reads it."""
    _, core, _ = world.fresh(world.settings)
    exits, limits, reasons = core.exits, core.limits, ExitReason

    def threshold(reason: ExitReason, column: int = loop.EXITS_THRESHOLD) -> Fraction:
        return Fraction(int(exits[reason, column]), MILLION)

    def limit(column: int) -> Fraction:
        return Fraction(int(limits[column]), MILLION)

    thin, target = reasons.LIQUIDITY_DRIED_UP, reasons.PROFIT_TARGET
    on = frozenset(r for r in reasons if r and exits[r, loop.EXITS_ENABLED] == 1)
    return Settings(
        enabled=on,
        stop_loss=threshold(reasons.STOP_LOSS),
        trail_from=threshold(reasons.TRAILING_STOP),
        trail_distance=limit(loop.LIMIT_TRAIL_DISTANCE_PPM),
        trail_tighten=limit(loop.LIMIT_TRAIL_TIGHTEN_PPM),
        trail_every=limit(loop.LIMIT_TRAIL_EVERY_PPM),
        trail_least=limit(loop.LIMIT_TRAIL_LEAST_PPM),
        urgent=int(exits[reasons.TIME_BASED_URGENT, loop.EXITS_THRESHOLD]),
        spread=Fraction(int(exits[thin, loop.EXITS_SPREAD_PPB]), BILLION),
        spread_part=threshold(thin, loop.EXITS_SPREAD_PPM),
        volume=Fraction(int(exits[thin, loop.EXITS_THRESHOLD]), BILLION),
        targets=(
            threshold(target, loop.EXITS_THRESHOLD_LOW),
            threshold(target, loop.EXITS_THRESHOLD_MEDIUM),
            threshold(target),
        ),
        stages=tuple((Fraction(a, MILLION), Fraction(b, MILLION)) for a, b in world.stages),
        early=threshold(reasons.EARLY_EXIT),
        disappeared=threshold(reasons.EDGE_DISAPPEARED),
        advantage=threshold(reasons.REBALANCE),
        at_session_close=bool(limits[loop.LIMIT_AT_SESSION_CLOSE]),
        is_probability=bool(limits[loop.LIMIT_EDGE_IS_PROBABILITY]),
        collar=limit(loop.LIMIT_COLLAR_PPM) or Fraction(5, 100),
        expiry=int(limits[loop.LIMIT_EXPIRY]),
    )


def terms_of(world: TradingWorld) -> list[Terms]:
    """Return the instruments' terms as the reference reads them."""
    return [
        Terms(
            price_step=int(row[at.TERM_PRICE_STEP]),
            lot_step=int(row[at.TERM_LOT_STEP]),
            highest=int(row[at.TERM_PRICE_MAX]),
            worth=Fraction(int(row[at.TERM_NUMERATOR]), int(row[at.TERM_DENOMINATOR])),
            ticks_per_unit=int(row[at.TERM_PRICE_UNIT]),
            lots_per_unit=int(row[at.TERM_LOT_UNIT]),
            is_event=bool(row[at.TERM_BINARY]),
            expires=int(row[at.TERM_EXPIRES]),
            calendar=int(row[at.TERM_CALENDAR]),
        )
        for row in world.terms
    ]


class _Answers:
    """What came of each order to close that the core sent in a look, in order."""

    def __init__(self, rows: list[Row], reference: ReferenceExits) -> None:
        self.orders = {order.number: order for order in _orders_of(rows)}
        self.sent: dict[int, list[tuple[int, int]]] = {}
        for n, row in enumerate(rows):
            if row[at.EVENT_KIND] == at.KIND_EXIT_ATTEMPT:
                code = self._denied(rows[n + 1 :], row)
                answer = (row[loop.ATTEMPT_ORDER], code)
                self.sent.setdefault(row[at.EVENT_INSTRUMENT], []).append(answer)
        self.reference = reference

    def _denied(self, rows: list[Row], attempt: Row) -> int:
        for row in rows:
            if row[at.EVENT_KIND] == at.KIND_ATTEMPT_ENDED:
                if row[at.EVENT_INSTRUMENT] == attempt[at.EVENT_INSTRUMENT]:
                    return row[loop.ENDED_CODE]
        return 0

    def send(self, i: int) -> tuple[int, int]:
        """Return the order that was made, or why none was."""
        number, code = self._next(i)
        if number:
            self.reference.hear_order(self.orders[number])
        return number, code

    def replace(self, i: int) -> int:
        """Return 0, or why it was denied."""
        return self._next(i)[1]

    def _next(self, i: int) -> tuple[int, int]:
        answers = self.sent.get(i)
        return answers.pop(0) if answers else (0, -1)


class ExitJudge:
    """Compares the exits of one world's run, look by look."""

    def __init__(self, world: TradingWorld) -> None:
        self.world = world
        self.settings = settings_of(world)
        self.reference = ReferenceExits(self.settings, terms_of(world))
        self.protection = ReferenceProtection(world.limits.get(loop.LIMIT_PROTECT_WITHIN, 0))
        self.seen: Counter[str] = Counter()
        self.said: list[Said] = []  # all that was decided
        self.cursor = 0
        self.signals: dict[int, Row] = {}
        self.due: dict[int, int | None] = {}
        self.unseen: int | None = None  # ns of what nobody has looked at yet
        self.heard_a_fact = False  # that nobody has looked at

    @contextmanager
    def watching(self, patch: pytest.MonkeyPatch) -> Iterator[None]:
        """Stand between the loop and the core."""
        apply_event = sims.replay.loop.apply_event
        take_inputs = sims.stepping.steps.take_inputs
        watch_positions = engine.rules.turn.watch_positions
        fit_protection = engine.rules.turn.fit_protection

        def heard(s: Any, events: Any, row: int) -> None:
            self._overhear(s)
            if not at.KIND_ACCEPTED <= events[row, at.EVENT_KIND] <= at.KIND_CANCEL_REJECTED:
                self._require_looks(events[row, at.EVENT_TS])
            before = s.positions[max(events[row, at.EVENT_INSTRUMENT], 0), at.POSITION_LAST_TS]
            apply_event(s, events, row)
            self._follow(s, [events[row, n] for n in range(at.EVENT_WIDTH)], before)

        def took(s: Any, i: int, edge: int, confidence: int, goal: int, *others: int) -> None:
            take_inputs(s, i, edge, confidence, goal, *others)
            self._take_inputs(i, edge, others[-1])

        def looked(s: Any, intents: Any) -> None:
            self._overhear(s)
            self._prepare(s)
            watch_positions(s, intents)
            self._compare(s)

        def fitted(s: Any, intents: Any) -> None:
            self._overhear(s)
            fit_protection(s, intents)
            self._compare_protection(s)

        with patch.context() as inner:
            inner.setattr(sims.replay.loop, "apply_event", heard)
            inner.setattr(sims.stepping.steps, "take_inputs", took)
            inner.setattr(engine.rules.turn, "watch_positions", looked)
            inner.setattr(engine.rules.turn, "fit_protection", fitted)
            yield

    # --- Reading the journal -------------------------------------------------------------------------
    def _rows(self, s: Any) -> list[Row]:
        """Return the rows since the last call."""
        first, self.cursor = self.cursor, s.account[at.ACCOUNT_JOURNAL]
        assert self.cursor >= first, "the journal of a judged world is never emptied"
        return [[s.journal[n, c] for c in range(at.EVENT_WIDTH)] for n in range(first, self.cursor)]

    def _overhear(self, s: Any) -> None:
        """Take in what was decided elsewhere."""
        self._note(self._rows(s))

    def _note(self, rows: list[Row]) -> None:
        """Follow orders as they are sent, signals as they are answered."""
        reference = self.reference
        for order in _orders_of(rows):
            reference.hear_order(order)
        for row in rows:
            kind, i = row[at.EVENT_KIND], row[at.EVENT_INSTRUMENT]
            if kind == at.KIND_CANCEL_SENT:
                canceled = reference.orders[row[at.FACT_ORDER]]
                canceled.is_asked = canceled.is_asked or not canceled.is_held
            elif kind == at.KIND_SIGNAL_RECEIVED:
                self.signals[row[loop.RECEIVED_NUMBER]] = row
                reference.hear_signal(
                    row[loop.RECEIVED_NUMBER],
                    i,
                    row[loop.RECEIVED_SIDE],
                    _given(row[loop.RECEIVED_CONFIDENCE]),
                    _price(row[loop.RECEIVED_GOAL]),
                )
            elif kind == at.KIND_SIGNAL_DENIED and row[loop.ANSWER_CODE] in WANT_OF_ROOM:
                edge = self.signals[row[loop.ANSWER_NUMBER]][loop.RECEIVED_EDGE]
                if edge != loop.NOT_GIVEN:
                    reference.now = row[at.EVENT_TS]
                    reference.hear_refusal(i, Fraction(edge, BILLION))
            elif kind == at.KIND_SIGNAL_APPROVED:
                source = self.signals[row[loop.ANSWER_NUMBER]][loop.RECEIVED_SOURCE]
                if source != SignalSource.ORDER:
                    reference.hear_entry(i)

    # --- Events --------------------------------------------------------------------------------------
    def _follow(self, s: Any, event: Row, marked_before: int) -> None:
        """Tell the reference an event that the core has just taken in."""
        reference, kind, i = self.reference, event[at.EVENT_KIND], event[at.EVENT_INSTRUMENT]
        rows = self._rows(s)
        self._note(rows)
        reference.now = event[at.EVENT_TS]
        said: list[Said] = []
        is_late = False
        if kind in FACTS:
            number = event[at.FACT_ORDER]
            is_over, lots = number not in _working(s), event[at.FACT_LOTS]
            is_late = kind == at.KIND_FILL and number not in reference.orders
            if is_late:
                reference.hear_late_fill(number, lots, s.positions[i, at.POSITION_QUANTITY])
            said += reference.hear_fact(number, FACTS[kind], lots, is_over=is_over)
        elif kind == at.KIND_SPLIT:
            reference.hear_split(i, event[at.SPLIT_NUMERATOR], event[at.SPLIT_DENOMINATOR])
        elif kind in (at.KIND_HALT, at.KIND_RESUME):
            reference.hear_halt(i, is_halted=kind == at.KIND_HALT)
        elif kind == at.KIND_SETTLEMENT:
            reference.hear_end(i)
        elif kind in (at.KIND_SESSION_OPEN, at.KIND_SESSION_CLOSE):
            opens = kind == at.KIND_SESSION_OPEN
            closes = event[loop.SESSION_CLOSES] if opens else 0
            reference.hear_session(event[at.CALENDAR_ID], opens=opens, closes=closes)
        if i >= 0:
            self._hold(s, i, rows, is_late=is_late)
        if kind == at.KIND_QUOTE:
            reference.hear_mark(i, "quote", event[at.QUOTE_BID], event[at.QUOTE_ASK])
        elif kind == at.KIND_TRADE:
            reference.hear_mark(i, "print", event[at.TRADE_PRICE], event[at.TRADE_PRICE])
        elif kind == at.KIND_BAR:
            reference.hear_mark(i, "bar", event[at.BAR_CLOSE], event[at.BAR_CLOSE])
        self._agree(said, [r for r in map(self.as_said, rows) if r is not None], "a fact")
        if at.KIND_ACCEPTED <= kind <= at.KIND_CANCEL_REJECTED:
            self.heard_a_fact = self.heard_a_fact or self._matters(event)
        elif self.heard_a_fact or self._matters(event):
            # A fact has the time within its bar at which it happened; the bar comes after it.
            self.unseen = event[at.EVENT_TS] if self.unseen is None else self.unseen

    def _matters(self, event: Row) -> bool:
        """Return whether an event may change something for an exit."""
        kind, i = event[at.EVENT_KIND], event[at.EVENT_INSTRUMENT]
        if kind == at.KIND_QUOTE and event[at.QUOTE_BID] >= event[at.QUOTE_ASK]:
            return False  # no mark
        if i < 0:
            return kind in (at.KIND_SESSION_OPEN, at.KIND_SESSION_CLOSE)
        desk = self.reference.desks[i]
        return desk.trip is not None or desk.closing is not None

    def _hold(self, s: Any, i: int, rows: list[Row], *, is_late: bool) -> None:
        """Tell the reference what the ledger holds, and compare the trips that ended and began."""
        lots, cost = s.positions[i, at.POSITION_QUANTITY], s.positions[i, at.POSITION_COST]
        told = self.reference.hold(i, lots, cost)
        kinds = {at.KIND_POSITION_OPENED: "opened", at.KIND_POSITION_CLOSED: "closed"}
        found = [
            (kinds[row[at.EVENT_KIND]], row[loop.TRIP_POSITION], row[loop.TRIP_REASON])
            for row in rows
            if row[at.EVENT_KIND] in kinds
        ]
        if told != found:
            raise Disagreement(f"{self._where()}: trips {found}, not {told}")
        for row in rows:
            if row[at.EVENT_KIND] == at.KIND_POSITION_OPENED and not is_late:
                self.reference.hear_origin(i, row[loop.TRIP_SIGNAL])

    def _take_inputs(self, i: int, edge: int, volume: int) -> None:
        desk = self.reference.desks[i]
        known = desk.edge if edge == loop.KEEP else _given(edge)
        traded = desk.volume if volume == loop.KEEP else (volume if volume >= 0 else None)
        self.reference.hear_inputs(i, known, traded)

    # --- Looks ---------------------------------------------------------------------------------------
    def _require_looks(self, ts: int) -> None:
        """Nothing that matters goes by without a look, and no moment of its own is missed."""
        if self.unseen is not None and ts > self.unseen:
            raise Disagreement(f"{self._where()}: nobody looked at what happened at {self.unseen}")

    def _prepare(self, s: Any) -> None:
        """Tell the reference what it cannot hear elsewhere, before it looks."""
        reference, now = self.reference, s.account[at.ACCOUNT_NOW]
        for i, due in self.due.items():
            if due is not None and due < now:
                raise Disagreement(f"{self._where()}: instrument {i} was not looked at at {due}")
        reference.now, reference.severity = now, s.account[at.ACCOUNT_SEVERITY]
        for i, desk in enumerate(reference.desks):
            desk.wishes = bool(s.monitors[i, loop.MONITOR_WANTS] & loop.WANTS_EXIT)
        working = _working(s)
        if set(reference.orders) != working:
            raise Disagreement(f"{self._where()}: {working} work, not {set(reference.orders)}")

    def _compare(self, s: Any) -> None:
        rows = self._rows(s)
        self._check_orders(rows)
        said = self.reference.look(_Answers(rows, self.reference))
        self._agree(said, [r for r in map(self.as_said, rows) if r is not None], "a look")
        for i, desk in enumerate(self.reference.desks):
            self.due[i] = self.reference.next_moment(i)
            if desk.trip is not None:
                self._compare_memory(s, i, desk.trip, desk.alerted)
        self.unseen, self.heard_a_fact = None, False
        self.seen["looks"] += 1

    def _compare_memory(self, s: Any, i: int, trip: Trip, alerted: int | None) -> None:
        """What is remembered of a trip decides later."""
        done = (1 << trip.done) - 1
        known = (trip.number, trip.largest, trip.peak, trip.stop, done, trip.told, alerted or 0)
        columns = (
            loop.MONITOR_POSITION,
            loop.MONITOR_BASE,
            loop.MONITOR_PEAK,
            loop.MONITOR_STOP,
            loop.MONITOR_STAGES,
            loop.MONITOR_FIRED,
            loop.EXIT_ALERTED,
        )
        found = tuple(s.monitors[i, column] for column in columns)
        if found != known:
            raise Disagreement(f"{self._where()}: of {i} is remembered {found}, not {known}")

    # --- Protection ----------------------------------------------------------------------------------
    def _compare_protection(self, s: Any) -> None:
        """Every lot that an entry has bought is protected, or an exception is counted and timed."""
        rows = self._rows(s)
        self._note(rows)
        now, said = s.account[at.ACCOUNT_NOW], list[Said]()
        kind = at.TYPE_STOP if s.account[at.ACCOUNT_STOP_PPM] else at.TYPE_TRAILING_STOP
        is_wanted = s.account[at.ACCOUNT_STOP_PPM] or s.account[at.ACCOUNT_TRAIL_PPM]
        for i, desk in enumerate(self.reference.desks):
            signal = s.monitors[i, loop.MONITOR_SIGNAL]
            is_due = is_wanted and desk.trip is not None and signal
            market = desk.market
            said += self.protection.look(
                i,
                now,
                desk.trip.number if desk.trip else 0,
                abs(desk.lots) if is_due else 0,
                list(_guarding(s, i, desk.lots, kind, signal)),
                self.reference.hours.get(desk.terms.calendar, Hours()),
                may_tell=desk.closing is None and (market.kind != "bar" or market.marked == now),
            )
            self._wait_for_protection(i, now)
        found = [one for one in map(_as_protection, rows) if one is not None]
        for one in said:
            self.seen[str(one[0])] += 1
        if said != found:
            raise Disagreement(f"{self._where()}: of protection {found}, not {said}")

    def _wait_for_protection(self, i: int, now: int) -> None:
        """Lots that are bare for too long are a moment of their own."""
        bare, due = self.protection.bare.get(i), self.due.get(i)
        is_timed = self.reference.desks[i].market.kind != "bar"
        if is_timed and bare is not None and bare.due is not None and bare.due > now:
            self.due[i] = bare.due if due is None else min(due, bare.due)

    def _check_orders(self, rows: list[Row]) -> None:
        """An order to close is what its attempt says, can only reduce, and is linked to it."""
        sent = {row[at.FACT_ORDER]: row for row in rows if row[at.EVENT_KIND] == at.KIND_SUBMITTED}
        links = {
            row[loop.LINKED_ORDER]: row for row in rows if row[at.EVENT_KIND] == at.KIND_LINKED
        }
        for row in rows:
            order = row[loop.ATTEMPT_ORDER]
            if row[at.EVENT_KIND] != at.KIND_EXIT_ATTEMPT or order not in sent:
                continue
            link, trip = links[order], self.reference.desks[row[at.EVENT_INSTRUMENT]].trip
            assert trip is not None and sent[order][at.SUBMIT_SIDE] == -trip.direction
            limit = 0 if row[loop.ATTEMPT_KIND] == AT_MARKET else row[loop.ATTEMPT_PRICE]
            assert sent[order][at.SUBMIT_LIMIT] == limit
            assert sent[order][at.FACT_LOTS] == row[loop.ATTEMPT_LOTS]
            assert link[loop.LINKED_FLAGS] & OrderFlag.REDUCE_ONLY
            assert link[loop.LINKED_POSITION] == row[loop.ATTEMPT_POSITION]
            assert link[loop.LINKED_REASON] == row[loop.ATTEMPT_REASON]
            assert link[loop.LINKED_ATTEMPT] == row[loop.ATTEMPT_NUMBER]

    # --- Comparing -----------------------------------------------------------------------------------
    def as_said(self, row: Row) -> Said | None:
        """Return a row of the exits as the reference says it; None for others."""
        kind, i, now = row[at.EVENT_KIND], row[at.EVENT_INSTRUMENT], row[at.EVENT_TS]
        if kind == at.KIND_EXIT_FIRED:
            return ("fired", now, i, *row[loop.FIRED_POSITION : loop.FIRED_LIMIT + 1])
        if kind == at.KIND_EXIT_ATTEMPT:
            numbers = row[loop.ATTEMPT_POSITION : loop.ATTEMPT_LOTS + 1]
            return ("attempt", now, i, *numbers, row[loop.ATTEMPT_TOUCH])
        if kind == at.KIND_ATTEMPT_ENDED:
            return ("ended", now, i, *row[loop.ENDED_POSITION : loop.ENDED_CODE + 1])
        if kind == at.KIND_EXIT_ENDED:
            return ("exit", now, i, *row[loop.EXITED_POSITION : loop.EXITED_LEFT + 1])
        if kind == at.KIND_ALERT and row[loop.ALERT_CODE] in set(ExitAlert):
            return (
                "alert",
                now,
                i,
                row[loop.ALERT_CODE],
                row[loop.ALERT_POSITION],
                row[loop.ALERT_NUMBER],
            )
        return None

    def _agree(self, said: list[Said], found: list[Said], at_what: str) -> None:
        """Require that the core has decided what the reference says."""
        wanted = [one for one in said if one[0] != "cancel"]
        for one in wanted:
            self.seen[_name_of(one)] += 1
        self.said += wanted
        if wanted != found:
            lines = [
                f"  {'same' if a == b else 'DIFFERS'} {b} | {a}" for a, b in _pairs(wanted, found)
            ]
            text = "\n".join(lines)
            raise Disagreement(f"{self._where()}, {at_what} (core | reference):\n{text}")

    def _where(self) -> str:
        return f"seed {self.world.seed}, at {self.reference.now}"


def _as_protection(row: Row) -> Said | None:
    """Return a row of protection as the reference says it; None for others."""
    what = (row[at.EVENT_TS], row[at.EVENT_INSTRUMENT])
    if row[at.EVENT_KIND] == at.KIND_PROTECTION:
        return ("protection", *what, *row[loop.PROTECTION_POSITION : loop.PROTECTION_COUNT + 1])
    if row[at.EVENT_KIND] == at.KIND_ALERT and row[loop.ALERT_CODE] == UNPROTECTED:
        return ("unprotected", *what, row[loop.ALERT_POSITION], row[loop.ALERT_NUMBER])
    return None


def _guarding(s: Any, i: int, lots: int, kind: int, signal: int) -> Iterator[Guarding]:
    """Return the orders that protect a position, as the broker has told of them."""
    working = _working(s)
    for r in range(s.account[at.ACCOUNT_ORDERS]):
        order = [s.orders[r, column] for column in range(at.ORDER_WIDTH)]
        if order[at.ORDER_INSTRUMENT] != i or order[at.ORDER_TYPE] != kind:
            continue
        if not order[at.ORDER_FLAGS] & OrderFlag.REDUCE_ONLY or order[at.ORDER_SIDE] * lots >= 0:
            continue
        if order[at.ORDER_SIGNAL] == signal or order[at.ORDER_PARENT]:
            yield Guarding(
                total=order[at.ORDER_QUANTITY],
                filled=order[at.ORDER_FILLED],
                armed=order[at.ORDER_ARMED],
                waits_for_entry=order[at.ORDER_PARENT] in working,
                is_proven=order[at.ORDER_STATUS] != at.STATUS_IN_FLIGHT,
            )


def _pairs(wanted: list[Said], found: list[Said]) -> list[tuple[Said, Said]]:
    longest = max(len(wanted), len(found))
    empty: list[Said] = [()] * longest
    return list(zip((wanted + empty)[:longest], (found + empty)[:longest], strict=True))


def _name_of(said: Said) -> str:
    """Return what is counted of a decision."""
    what = str(said[0])
    if what in ("fired", "attempt"):
        return f"{what} {ExitReason(int(str(int(said[4])))).name}"  # type: ignore[call-overload]
    if what in ("ended", "exit"):
        return f"{what} {AttemptResult(int(said[6 if what == 'ended' else 5])).name}"  # type: ignore[call-overload]
    return f"alert {ExitAlert(int(said[3])).name}"  # type: ignore[call-overload]


def _given(value: int) -> Fraction | None:
    return None if value == loop.NOT_GIVEN else Fraction(value, BILLION)


def _price(ticks: int) -> int | None:
    return None if ticks == loop.NOT_GIVEN else ticks


def _orders_of(rows: list[Row]) -> Iterator[Order]:
    """Return the orders that rows tell were sent."""
    sent = {row[at.FACT_ORDER]: row for row in rows if row[at.EVENT_KIND] == at.KIND_SUBMITTED}
    for row in rows:
        if row[at.EVENT_KIND] == at.KIND_LINKED:
            number = row[loop.LINKED_ORDER]
            yield Order(
                number,
                row[at.EVENT_INSTRUMENT],
                sent[number][at.SUBMIT_SIDE],
                is_held=row[loop.LINKED_PARENT] != 0,
                reason=row[loop.LINKED_REASON],
                attempt=row[loop.LINKED_ATTEMPT],
                trip=row[loop.LINKED_POSITION],
                total=sent[number][at.FACT_LOTS],
            )


def _working(s: Any) -> set[int]:
    return {s.orders[r, at.ORDER_ID] for r in range(s.account[at.ACCOUNT_ORDERS])}
