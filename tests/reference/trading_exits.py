"""The exit side of the trading loop, slowly: an independent model of when and how positions are closed.

It hears what the core hears (market data, sessions, what becomes of orders, what the strategy says), is
told what the ledger holds, and at every look says what is to be recorded and sent. It shares no code
with the engine; `tests/property/exit_judge.py` holds the core's journal against it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from fractions import Fraction

from engine.model.trading import AttemptResult, ExitReason
from tests.reference import trading_closing as closing
from tests.reference import trading_conditions as conditions
from tests.reference import trading_trailing as trailing
from tests.reference.trading_closing import Moment, Said, Voice
from tests.reference.trading_desk import (
    PLANS,
    SECOND,
    Closing,
    Desk,
    Hours,
    Order,
    R,
    Settings,
    Terms,
    Trip,
)

A = AttemptResult
ENDED = {"canceled": A.CANCELED, "expired": A.EXPIRED, "rejected": A.REJECTED}
HIGH_CONFIDENCE, MEDIUM_CONFIDENCE = Fraction(8, 10), Fraction(6, 10)
LOW_GRADE, MEDIUM_GRADE, HIGH_GRADE = 0, 1, 2


@dataclass
class Promise:
    """What an entry's signal said that matters for the exit."""

    instrument: int
    side: int
    grade: int
    goal: int | None


@dataclass
class ReferenceExits:
    """Positions, their exits, and what is said of them."""

    settings: Settings
    terms: Sequence[Terms]
    desks: list[Desk] = field(init=False)
    hours: dict[int, Hours] = field(default_factory=dict)
    orders: dict[int, Order] = field(default_factory=dict)
    promises: dict[int, Promise] = field(default_factory=dict)
    gone: dict[int, Order] = field(default_factory=dict)  # ended, and might have filled
    trips: int = 0
    severity: int = 0
    now: int = 0

    def __post_init__(self) -> None:
        self.desks = [Desk(terms) for terms in self.terms]

    # --- The market ----------------------------------------------------------------------------------
    def hear_mark(self, i: int, kind: str, bid: int, ask: int) -> None:
        """Hear a quote, or with one price for both a bar or a print; a crossed or locked one is none."""
        desk, market = self.desks[i], self.desks[i].market
        if market.is_over or (kind == "quote" and not 0 < bid < ask):
            return
        before, market.kind, market.marked = market.last, kind, self.now
        market.last = bid
        if kind == "quote":
            market.bid, market.ask, market.last = bid, ask, (bid + ask) // 2
        distance = abs(market.last - before)
        is_far = distance > desk.terms.price_step and distance > before * self.settings.collar
        market.doubted = self.now if before and kind != "bar" and is_far else None
        if desk.trip is not None:
            desk.trip.marks += 1

    def hear_session(self, calendar: int, *, opens: bool, closes: int) -> None:
        """Hear that a session opens, and when it will close if that is known; or that it closes."""
        self.hours[calendar] = Hours(is_closed=not opens, closes=closes)

    def hear_halt(self, i: int, *, is_halted: bool) -> None:
        """Hear that an instrument is halted, or trades again."""
        self.desks[i].market.is_halted = is_halted

    def hear_end(self, i: int) -> None:
        """Hear that a contract is settled."""
        self.desks[i].market.is_over = True

    def hear_inputs(self, i: int, edge: Fraction | None, volume: int | None) -> None:
        """Hear what the strategy says of an instrument."""
        self.desks[i].edge, self.desks[i].volume = edge, volume

    def hear_refusal(self, i: int, edge: Fraction) -> None:
        """Hear that an entry was denied for want of room."""
        self.desks[i].refused = (edge, self.now)

    def hear_entry(self, i: int) -> None:
        """Hear that an entry was sent: nothing is refused any more."""
        self.desks[i].refused = None

    def hear_signal(
        self, number: int, i: int, side: int, confidence: Fraction | None, goal: int | None
    ) -> None:
        """Hear what a signal says; of one without a confidence it is taken to be medium."""
        grade = MEDIUM_GRADE
        if confidence is not None and confidence >= HIGH_CONFIDENCE:
            grade = HIGH_GRADE
        elif confidence is not None and confidence < MEDIUM_CONFIDENCE:
            grade = LOW_GRADE
        self.promises[number] = Promise(i, side, grade, goal)

    def hear_origin(self, i: int, signal: int) -> None:
        """Hear which signal has opened the trip in hand; 0: none."""
        trip, promise = self.desks[i].trip, self.promises.get(signal)
        if trip is not None and promise is not None:
            trip.grade, trip.goal = promise.grade, promise.goal

    # --- The ledger ----------------------------------------------------------------------------------
    def hold(self, i: int, lots: int, cost: int) -> list[tuple[str, int, int]]:
        """Hear what the ledger holds now; return the trips that ended and began, with the exit's reason."""
        desk, told = self.desks[i], []
        before, desk.held, desk.cost, desk.lots = desk.lots, lots, cost, desk.terms.whole(lots)
        if desk.lots == before:
            return []
        if desk.trip is not None and desk.lots * before <= 0:
            told.append(("closed", desk.trip.number, desk.closing.reason if desk.closing else 0))
            desk.trip, desk.wishes = None, False
            if desk.closing is None:
                desk.alerted = None
        if desk.trip is None and desk.lots:
            self.trips += 1
            desk.trip = Trip(self.trips, 1 if desk.lots > 0 else -1, abs(desk.lots), MEDIUM_GRADE)
            told.append(("opened", self.trips, 0))
        if desk.trip is not None:
            desk.trip.largest = max(desk.trip.largest, abs(desk.lots))
        return told

    def hear_split(self, i: int, numerator: int, denominator: int) -> None:
        """Scale what is remembered; prices as those of the orders that they stand for."""
        desk, ratio = self.desks[i], Fraction(numerator, denominator)
        market, exit_now, trip = desk.market, desk.closing, desk.trip
        market.last = round(market.last / ratio)
        if market.kind == "quote":
            market.kind = "print"  # its bid and ask are those of before
        if trip is not None:
            self._scale_trip(desk, trip, ratio)
        for order in self.orders.values():
            if order.instrument == i:
                rest = desk.terms.whole(int((order.total - order.filled) * ratio))
                order.filled = int(order.filled * ratio)
                order.total = order.filled + rest
        for promise in self.promises.values():
            if promise.instrument == i and promise.goal is not None:
                is_sale = promise.side > 0
                promise.goal = self._limit(desk.terms, promise.goal, ratio, is_sale=is_sale)
        if exit_now is not None:
            self._scale_exit(desk, exit_now, ratio)

    def _scale_trip(self, desk: Desk, trip: Trip, ratio: Fraction) -> None:
        terms, is_long = desk.terms, trip.direction > 0
        trip.peak = round(trip.peak / ratio)
        if trip.stop:
            # The stop as a sell stop of a long position: down, a buy stop up.
            scaled = terms.down(trip.stop / ratio) if is_long else terms.up(trip.stop / ratio)
            trip.stop = max(scaled, terms.price_step)
        if trip.goal is not None:
            trip.goal = self._limit(terms, trip.goal, ratio, is_sale=is_long)
        trip.largest = terms.whole(int(trip.largest * ratio))

    def _limit(self, terms: Terms, price: int, ratio: Fraction, *, is_sale: bool) -> int:
        scaled = terms.up(price / ratio) if is_sale else terms.down(price / ratio)
        return max(scaled, terms.price_step)

    def _scale_exit(self, desk: Desk, exit_now: Closing, ratio: Fraction) -> None:
        is_sale = desk.lots > 0 if exit_now.order is None else exit_now.order.side < 0
        if exit_now.price:
            exit_now.price = self._limit(desk.terms, exit_now.price, ratio, is_sale=is_sale)
        if exit_now.next is not None:
            price = self._limit(desk.terms, exit_now.next.price, ratio, is_sale=is_sale)
            exit_now.next.price = price
        exit_now.left = desk.terms.whole(int(exit_now.left * ratio))
        exit_now.filled = int(exit_now.filled * ratio)
        exit_now.before = int(exit_now.before * ratio)

    # --- Orders --------------------------------------------------------------------------------------
    def hear_order(self, order: Order) -> None:
        """Hear of an order that was sent."""
        self.orders[order.number] = order

    def hear_fact(self, number: int, what: str, lots: int, *, is_over: bool) -> list[Said]:
        """Hear what became of an order; return what is to be recorded of an attempt's end."""
        order = self.orders.get(number)
        if order is None:
            return []
        exit_now = self.desks[order.instrument].closing
        is_refused = what == "cancel rejected" and not order.is_asked
        if what == "armed":
            order.is_held = False
        elif what == "cancel rejected":
            order.is_asked = False
        elif what == "filled":
            order.filled += lots
        elif what == "replaced":
            order.total = lots
        if is_over:
            del self.orders[number]
        if is_over and what != "filled":
            self.gone[number] = order
        if exit_now is None or exit_now.order is not order:
            return []
        if is_refused:  # the replacement: the order is what it was
            moment = self._moment(order.instrument, None)
            closing.drop_replacement(moment, A.REJECTED)
            return moment.said
        return self._heard_of_an_exit(order, exit_now, what, lots, is_over=is_over)

    def _heard_of_an_exit(
        self, order: Order, exit_now: Closing, what: str, lots: int, *, is_over: bool
    ) -> list[Said]:
        result = ENDED.get(what)
        if what == "filled":
            exit_now.left = max(exit_now.left - lots, 0)
            exit_now.filled += lots
            result = A.FILLED if is_over else None
        elif what == "replaced":
            result = A.REPLACED
        if result is None:
            return []
        moment = self._moment(order.instrument, None)
        exit_now.heard = result
        closing.end_attempt(moment, result)
        if is_over:
            exit_now.order = None
        return moment.said

    def hear_late_fill(self, number: int, lots: int, held: int) -> None:
        """Hear that an order that had ended has filled: what wanted its lots wants fewer."""
        order = self.gone[number]
        desk = self.desks[order.instrument]
        exit_now, trip = desk.closing, desk.trip
        if exit_now is None or trip is None or exit_now.trip != trip.number:
            return
        if order.reason and order.trip == exit_now.trip:
            exit_now.left = max(exit_now.left - lots, 0)
            exit_now.filled += lots
        left = abs(desk.terms.whole(held))
        if left:
            exit_now.left = min(exit_now.left, left)

    # --- Looking -------------------------------------------------------------------------------------
    def look(self, voice: Voice) -> list[Said]:
        """Look at every position; return what is decided, in order."""
        room = self._makes_room()
        said = []
        for i, desk in enumerate(self.desks):
            if desk.trip is not None or desk.closing is not None:
                moment = self._moment(i, voice)
                self._look_at(moment, makes_room=i == room)
                said += moment.said
        return said

    def _moment(self, i: int, voice: Voice | None) -> Moment:
        desk = self.desks[i]
        hours = self.hours.get(desk.terms.calendar, Hours())
        return Moment(i, self.now, desk, self.settings, hours, self.severity, self.orders, voice)  # type: ignore[arg-type]

    def _look_at(self, m: Moment, *, makes_room: bool) -> None:
        desk, settings = m.desk, self.settings
        found: set[ExitReason] = set()
        if desk.trip is not None and not desk.market.is_over:
            self._follow(m)
            found = conditions.holding(
                desk,
                settings,
                m.hours,
                m.now,
                severity=self.severity,
                makes_room=makes_room,
            )
        reason = conditions.winner(found)
        if desk.closing is not None:
            closing.take_notice(m)
        lots = conditions.wanted(desk, settings, reason) if reason else 0
        working = desk.closing
        if working is not None:
            acts = bool(reason) and PLANS[reason].priority < PLANS[working.reason].priority
        else:
            acts = bool(reason) and lots > 0 and self._may_begin(desk)
        self._record(m, found, reason, lots, acts=acts)
        if acts:
            if working is not None:
                closing.end_exit(m, A.TAKEN_OVER)
                closing.drop_replacement(m, A.CANCELED)
            closing.begin(m, reason, lots)
            if reason is R.REBALANCE:
                best = self._best_refused(m.i)
                if best is not None:
                    self.desks[best].refused = None
        if desk.closing is not None:
            closing.go_on(m)

    def _may_begin(self, desk: Desk) -> bool:
        trip = desk.trip
        return trip is not None and desk.tried != (trip.number, trip.marks)

    def _follow(self, m: Moment) -> None:
        """Let the trailing stop follow, and pass stages that are reached and too small to be sold."""
        desk, settings = m.desk, self.settings
        price = conditions.trusted_price(desk, m.now)
        if price is None or desk.trip is None:
            return
        if R.TRAILING_STOP in settings.enabled:
            trailing.follow(desk, settings, price)
        sells = {R.PROFIT_TARGET, R.PARTIAL_EXIT_TARGET} & settings.enabled
        while desk.trip.done < len(settings.parts) and not conditions.stage_lots(desk, settings):
            if not conditions.of_the_price(desk, settings, price) & sells:
                break
            desk.trip.done += 1

    def _record(
        self, m: Moment, found: set[ExitReason], reason: ExitReason, lots: int, *, acts: bool
    ) -> None:
        """Say what holds, where that has changed or something is done about it."""
        desk, bits = m.desk, sum(1 << each for each in found)
        told = desk.trip.told if desk.trip else 0
        if desk.trip:
            desk.trip.told = bits
        if not found:
            if desk.closing is None:
                desk.alerted = None
            return
        if bits == told and not acts:
            return
        assert desk.trip is not None
        best = self._best_refused(m.i)
        edge = self.desks[best].refused if best is not None else None
        number, limit = conditions.numbers(
            desk,
            self.settings,
            m.hours,
            m.now,
            reason,
            self.severity,
            edge[0] if edge else None,
        )
        price = desk.price()
        part = None if price is None else conditions.gain(desk, price)
        m.tell(
            "fired",
            desk.trip.number,
            reason,
            bits,
            price or 0,
            conditions.toward_zero(part),
            lots,
            number,
            limit,
        )

    # --- Making room ---------------------------------------------------------------------------------
    def _best_refused(self, but: int) -> int | None:
        """Return the instrument whose refused entry has the best edge and has not expired."""
        best: int | None = None
        for i, desk in enumerate(self.desks):
            if i == but or desk.refused is None:
                continue
            edge, at = desk.refused
            if self.now - at > self.settings.expiry:
                continue
            rival = self.desks[best].refused if best is not None else None
            if rival is None or edge > rival[0]:
                best = i
        return best

    def _makes_room(self) -> int | None:
        """Return the position that goes for a better one: of those in profit that with the lowest edge."""
        if R.REBALANCE not in self.settings.enabled:
            return None
        rivals: list[tuple[Fraction, int]] = []
        for i, desk in enumerate(self.desks):
            if desk.closing is not None:
                if desk.closing.reason is R.REBALANCE:
                    return None
                continue
            if desk.trip is None or desk.market.is_over:
                continue
            price, edge = desk.price(), conditions.edge(desk, self.settings)
            if price is not None and edge is not None and desk.profit(price) > 0:
                rivals.append((edge, i))
        if not rivals:
            return None
        lowest, victim = min(rivals)
        best = self._best_refused(victim)
        refused = self.desks[best].refused if best is not None else None
        if refused is None or refused[0] - lowest <= self.settings.advantage:
            return None
        return victim

    # --- Time ----------------------------------------------------------------------------------------
    def next_moment(self, i: int) -> int | None:
        """Return when time alone may change something of an instrument; its bars have times of their own."""
        desk = self.desks[i]
        if desk.market.kind == "bar":
            return None
        times = []
        exit_now, hours = desk.closing, self.hours.get(desk.terms.calendar, Hours())
        if exit_now is not None:
            if exit_now.due is not None and exit_now.phase != "changing":
                times.append(exit_now.due)
            if desk.alerted is not None and closing.is_held_back(self.severity):
                times.append(desk.alerted + closing.TELL_AGAIN)
        if desk.trip is not None:
            if desk.market.doubted is not None:
                times.append(desk.market.doubted + 2 * SECOND)
            left = conditions.time_left(desk, self.settings, hours, self.now)
            if left is not None and R.TIME_BASED_URGENT in self.settings.enabled:
                times.append(self.now + left - self.settings.urgent + 1)
        later = [at for at in times if at > self.now]
        return min(later) if later else None
