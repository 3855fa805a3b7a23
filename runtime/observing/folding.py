"""From the engine's journal rows to events: a pure fold that remembers what belongs to what.

It keeps one entry for each order that has not ended, and for each position that is held; of signals
the last thousand. After a restart it is given what the journal's tables know (`known`).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Final

import msgspec
import numpy as np

from engine.model import layout as at
from engine.model import trading_layout as loop
from engine.model.denials import Denial
from engine.model.instruments import Instrument
from engine.model.trading import AttemptResult, Latch, Severity
from engine.model.units import from_minor
from engine.ports import Rows
from runtime.gateway.refusals import Refusal
from runtime.observing.events import CRITICAL, INFO, WARNING, Event, EventName
from runtime.results.guards import (
    ALERT_SEVERITIES,
    ALERTS,
    CLEARED_BY,
    LATCHES,
    LEVELS,
    why_latched,
)
from runtime.results.links import REASON_NAMES
from runtime.results.signals import signal_id

REASONS: Final = {
    **{code.value: code.name.lower() for code in Denial if code},
    **{code.value: code.name.lower() for code in Refusal},
}
_RESULTS: Final = {result.value: result.name.lower() for result in AttemptResult}
_SIGNALS_KEPT: Final = 1_000
_ORDERS_KEPT: Final = 10_000  # a fill may come after the end of its order
_E = EventName


@dataclass(slots=True)
class OrderLinks:
    """What an order belongs to, and how often it was filled."""

    side: int = 0
    signal: str = ""
    position: int = 0
    fills: int = 0


@dataclass(slots=True)
class Trip:
    """A position from flat to flat, where the engine numbers none."""

    opened_ns: int
    direction: int
    realized_minor: int = 0


@dataclass(slots=True)
class Known:
    """What was before: by order id, by signal number, and by instrument what is held."""

    orders: dict[int, OrderLinks] = field(default_factory=dict)
    signals: dict[int, str] = field(default_factory=dict)
    trips: dict[int, Trip] = field(default_factory=dict)
    fees_minor: dict[int, int] = field(default_factory=dict)  # since it was flat


class EventFold:
    """The events of one session.

    Parameters
    ----------
    fingerprint
        Of the strategy: it is part of a signal's id.
    is_trading
        Whether the trading loop runs; without it positions are told by their quantity alone.
    """

    def __init__(
        self,
        instruments: Sequence[Instrument],
        fingerprint: str,
        *,
        is_trading: bool,
        known: Known | None = None,
    ) -> None:
        self._instruments = tuple(instruments)
        self._fingerprint = fingerprint
        self._is_trading = is_trading
        self._known = known or Known()
        self._last_fill: dict[int, tuple[int, str]] = {}  # by instrument
        self._placed: Event | None = None  # a SUBMITTED whose LINKED is still to come
        self._takes: dict[int, Callable[[list[int]], Event | list[Event] | None]] = {
            at.KIND_SIGNAL_RECEIVED: self._received,
            at.KIND_SIGNAL_QUEUED: self._queued,
            at.KIND_SIGNAL_APPROVED: self._answered,
            at.KIND_SIGNAL_DENIED: self._answered,
            at.KIND_SUBMITTED: self._submitted,
            at.KIND_LINKED: self._linked,
            at.KIND_DENIED: self._denied,
            at.KIND_FILL: self._filled,
            at.KIND_REJECTED: self._rejected,
            at.KIND_EXIT_FIRED: self._exit_fired,
            at.KIND_EXIT_ENDED: self._exit_ended,
            at.KIND_LATCH_SET: self._latch,
            at.KIND_LATCH_CLEARED: self._latch,
            at.KIND_TRUST_CHANGED: self._level,
            at.KIND_TIER_CHANGED: self._level,
            at.KIND_TILT_CHANGED: self._level,
            at.KIND_PROTECTION: self._protection,
            at.KIND_ALERT: self._alert,
            **dict.fromkeys(_FACTS, self._fact),
        }
        if is_trading:
            self._takes[at.KIND_POSITION_OPENED] = self._opened
            self._takes[at.KIND_POSITION_CLOSED] = self._closed
        else:
            self._takes[at.KIND_POSITION_CHANGED] = self._changed
        self._wanted = np.zeros(128, dtype=np.bool_)
        self._wanted[list(self._takes)] = True

    def take(self, rows: Rows) -> list[Event]:
        """Return the events of some journal rows; most rows (marks, checks, sizes) are none."""
        places = np.flatnonzero(self._wanted[rows[:, at.EVENT_KIND]])
        if not len(places):
            return []
        found: list[Event] = []
        for row in rows[places].tolist():
            if self._placed is not None and row[at.EVENT_KIND] != at.KIND_LINKED:
                found.append(self._placed)
                self._placed = None
            made = self._takes[row[at.EVENT_KIND]](row)
            if isinstance(made, Event):
                found.insert(len(found) - _is_before(made, found), made)
            elif made is not None:
                found += made
        if self._placed is not None:
            found.append(self._placed)
            self._placed = None
        return found

    # --- signals ---------------------------------------------------------------------------------
    def _received(self, row: list[int]) -> Event:
        number, side, i = row[loop.RECEIVED_NUMBER], row[loop.RECEIVED_SIDE], row[2]
        symbol = self._instruments[i].symbol
        named = signal_id(self._fingerprint, symbol, side, row[at.EVENT_TS])
        signals = self._known.signals
        signals[number] = named
        if len(signals) > _SIGNALS_KEPT:
            signals.pop(next(iter(signals)))
        return self._event(
            _E.SIGNAL_RECEIVED, row, signal=named, side=_side(side), text=f"{_side(side)} {symbol}"
        )

    def _queued(self, row: list[int]) -> Event:
        reason = _reason(row[loop.QUEUED_CODE])
        signal = self._known.signals.get(row[loop.QUEUED_NUMBER], "")
        return self._event(
            _E.SIGNAL_QUEUED, row, signal=signal, reason=reason, text=f"it waits: {_words(reason)}"
        )

    def _answered(self, row: list[int]) -> Event:
        signal = self._known.signals.get(row[loop.ANSWER_NUMBER], "")
        order = row[loop.ANSWER_ORDER]
        if row[at.EVENT_KIND] == at.KIND_SIGNAL_APPROVED:
            lots = self._quantity(row, row[loop.ANSWER_LOTS])
            return self._event(
                _E.SIGNAL_APPROVED, row, signal=signal, order=order, quantity=lots,
                text=f"{lots} {self._symbol(row)} as order {order}",
            )  # fmt: skip
        reason = _reason(row[loop.ANSWER_CODE])
        return self._event(
            _E.SIGNAL_REJECTED, row, signal=signal, reason=reason,
            text=f"{self._symbol(row)}: {_words(reason)}",
        )  # fmt: skip

    # --- orders ----------------------------------------------------------------------------------
    def _submitted(self, row: list[int]) -> None:
        order, side = row[at.FACT_ORDER], row[at.SUBMIT_SIDE]
        orders = self._known.orders
        orders[order] = OrderLinks(side)
        if len(orders) > _ORDERS_KEPT:
            orders.pop(next(iter(orders)))
        lots = self._quantity(row, row[at.FACT_LOTS])
        limit = row[at.SUBMIT_LIMIT]
        price = self._price(row, limit) if limit > 0 else ""
        self._placed = self._event(
            _E.ORDER_SUBMITTED, row, order=order, side=_side(side), quantity=lots, price=price,
            text=f"order {order}: {_side(side)} {lots} {self._symbol(row)}"
            + (f" at {price}" if price else ""),
        )  # fmt: skip

    def _linked(self, row: list[int]) -> Event | None:
        links = self._known.orders.setdefault(row[loop.LINKED_ORDER], OrderLinks())
        links.signal = self._known.signals.get(row[loop.LINKED_SIGNAL], "")
        links.position = row[loop.LINKED_POSITION]
        placed, self._placed = self._placed, None
        if placed is None:
            return None
        return msgspec.structs.replace(
            placed,
            signal=links.signal,
            position=_number(links.position),
            reason=REASON_NAMES.get(row[loop.LINKED_REASON], ""),
        )

    def _denied(self, row: list[int]) -> Event:
        reason, side = _reason(row[at.FACT_REASON]), _side(row[at.SUBMIT_SIDE])
        return self._event(
            _E.TRADE_FAILED, row, severity=WARNING, order=row[at.FACT_ORDER], side=side,
            reason=reason, text=f"{side} {self._symbol(row)} denied: {_words(reason)}",
        )  # fmt: skip

    def _filled(self, row: list[int]) -> Event:
        order, i = row[at.FACT_ORDER], row[at.EVENT_INSTRUMENT]
        links = self._known.orders.setdefault(order, OrderLinks())
        links.fills += 1
        fill = f"{order}.{links.fills}"
        self._last_fill[i] = (order, fill)
        if not self._is_trading:
            fees = self._known.fees_minor
            fees[i] = fees.get(i, 0) + row[at.FACT_FEE]
        lots, price = self._quantity(row, row[at.FACT_LOTS]), self._price(row, row[at.FACT_PRICE])
        return self._event(
            _E.TRADE_EXECUTED, row, order=order, fill=fill, signal=links.signal,
            position=_number(links.position), side=_side(links.side), quantity=lots, price=price,
            fee=_money(row[at.FACT_FEE]),
            text=f"{_side(links.side) or 'trade'} {lots} {self._symbol(row)} at {price}",
        )  # fmt: skip

    def _rejected(self, row: list[int]) -> Event:
        order, reason = row[at.FACT_ORDER], _reason(row[at.FACT_REASON])
        links = self._known.orders.get(order) or OrderLinks()
        return self._event(
            _E.TRADE_FAILED, row, severity=WARNING, order=order, signal=links.signal,
            position=_number(links.position), side=_side(links.side), reason=reason,
            text=f"order {order} of {self._symbol(row)} rejected: {_words(reason)}",
        )  # fmt: skip

    def _fact(self, row: list[int]) -> Event:
        name, word = _FACTS[row[at.EVENT_KIND]]
        order = row[at.FACT_ORDER]
        links = self._known.orders.get(order) or OrderLinks()
        reason = _reason(row[at.FACT_REASON]) if name is _E.ORDER_REFUSED else ""
        return self._event(
            name, row, order=order, signal=links.signal, position=_number(links.position),
            side=_side(links.side), reason=reason,
            text=f"order {order} of {self._symbol(row)} {word}",
        )  # fmt: skip

    # --- positions and exits ---------------------------------------------------------------------
    def _opened(self, row: list[int]) -> Event:
        i, position = row[at.EVENT_INSTRUMENT], row[loop.TRIP_POSITION]
        order, fill = self._last_fill.get(i, (0, ""))
        links = self._known.orders.get(order)
        if links is not None and not links.position:
            links.position = position
        signal = self._known.signals.get(row[loop.TRIP_SIGNAL], "")
        side = "long" if row[loop.TRIP_DIRECTION] > 0 else "short"
        return self._event(
            _E.POSITION_OPENED, row, position=str(position), signal=signal, order=order, fill=fill,
            side=side, text=f"{side} {self._symbol(row)}",
        )  # fmt: skip

    def _closed(self, row: list[int]) -> Event:
        i = row[at.EVENT_INSTRUMENT]
        order, fill = self._last_fill.get(i, (0, ""))
        result, reason = row[loop.TRIP_REALIZED] - row[loop.TRIP_FEES], row[loop.TRIP_REASON]
        return self._event(
            _E.POSITION_CLOSED, row, position=str(row[loop.TRIP_POSITION]),
            signal=self._known.signals.get(row[loop.TRIP_SIGNAL], ""), order=order, fill=fill,
            pnl=_money(result), reason=REASON_NAMES.get(reason, ""),
            text=f"{self._symbol(row)}: {_signed(result)}",
        )  # fmt: skip

    def _changed(self, row: list[int]) -> list[Event]:
        """Without the trading loop: from flat to held, to flat, and from long to short."""
        i, after, trips = row[at.EVENT_INSTRUMENT], row[at.POSITION_AFTER], self._known.trips
        trip, found = trips.get(i), []
        if trip is not None:
            trip.realized_minor += row[at.POSITION_REALIZED]
            if after * trip.direction <= 0:
                found.append(self._trip_closed(row, trips.pop(i)))
                trip = None
        if trip is None and after != 0:
            trips[i] = Trip(row[at.EVENT_TS], 1 if after > 0 else -1)
            order, fill = self._last_fill.get(i, (0, ""))
            side = "long" if after > 0 else "short"
            opened = self._event(
                _E.POSITION_OPENED, row, position=self._trip(row, trips[i]), order=order,
                fill=fill, side=side, text=f"{side} {self._symbol(row)}",
            )  # fmt: skip
            found.append(opened)
        return found

    def _trip_closed(self, row: list[int], trip: Trip) -> Event:
        i = row[at.EVENT_INSTRUMENT]
        order, fill = self._last_fill.get(i, (0, ""))
        result = trip.realized_minor - self._known.fees_minor.pop(i, 0)
        return self._event(
            _E.POSITION_CLOSED, row, position=self._trip(row, trip), order=order, fill=fill,
            pnl=_money(result), text=f"{self._symbol(row)}: {_signed(result)}",
        )  # fmt: skip

    def _trip(self, row: list[int], trip: Trip) -> str:
        return f"{self._symbol(row)}@{trip.opened_ns}"

    def _exit_fired(self, row: list[int]) -> Event:
        reason = REASON_NAMES.get(row[loop.FIRED_REASON], "")
        lots, price = self._quantity(row, row[loop.FIRED_LOTS]), row[loop.FIRED_PRICE]
        return self._event(
            _E.EXIT_FIRED, row, position=str(row[loop.FIRED_POSITION]), reason=reason,
            quantity=lots, price=self._price(row, price) if price > 0 else "",
            text=f"{self._symbol(row)}: {_words(reason)}",
        )  # fmt: skip

    def _exit_ended(self, row: list[int]) -> Event:
        result = _RESULTS.get(row[loop.EXITED_RESULT], "")
        failed = row[loop.EXITED_RESULT] == AttemptResult.FAILED
        orders = row[loop.EXITED_ATTEMPTS]
        return self._event(
            _E.EXIT_ENDED, row, position=str(row[loop.EXITED_POSITION]), reason=result,
            severity=WARNING if failed else INFO,
            text=f"{self._symbol(row)}: {_words(result)} after {orders} order{'s' * (orders != 1)}",
        )  # fmt: skip

    # --- guards ----------------------------------------------------------------------------------
    def _latch(self, row: list[int]) -> Event:
        guard = LATCHES.get(row[loop.LATCHED_LATCH], "")
        place = f" {self._symbol(row)}" if self._symbol(row) else ""
        episode = f"guard:{guard}{place.replace(' ', ':')}"
        if row[at.EVENT_KIND] == at.KIND_LATCH_CLEARED:
            by = CLEARED_BY.get(row[loop.LATCHED_BY], "")
            return self._event(
                _E.GUARD_CLEARED, row, reason=guard, episode=episode,
                text=f"{_words(guard)}{place}, by {by}",
            )  # fmt: skip
        severity = row[loop.LATCHED_SEVERITY]
        if row[loop.LATCHED_LATCH] == Latch.DATA:  # what is wrong with the feed is told for itself
            text = "data: of before; nothing is entered, exits wait"
            return self._event(_E.GUARD_SET, row, reason=guard, episode=episode, text=text)
        compared = why_latched(Latch(row[loop.LATCHED_LATCH]), row)
        told = f" ({compared})" if compared else ""
        return self._event(
            _E.GUARD_SET, row, reason=guard, episode=episode,
            severity=CRITICAL if severity > 1 or row[loop.LATCHED_MANUAL] else WARNING,
            text=f"{_words(guard)}{place}{told}: {_EFFECTS.get(severity, '')}",
        )  # fmt: skip

    def _level(self, row: list[int]) -> Event:
        kind = row[at.EVENT_KIND]
        names, subject = LEVELS[kind], at.EventKind(kind).name.split("_")[0].lower()
        before, after = (names.get(row[c], "") for c in (loop.CHANGED_FROM, loop.CHANGED_TO))
        worse = subject != "tier" and row[loop.CHANGED_TO] > row[loop.CHANGED_FROM]
        return self._event(
            _E.GUARD_CHANGED, row, reason=after, episode=f"guard:{subject}",
            severity=WARNING if worse else INFO, text=f"{subject}: {before} to {after}",
        )  # fmt: skip

    def _protection(self, row: list[int]) -> Event:
        begins = row[loop.PROTECTION_BEGINS] == 1
        return self._event(
            _E.GUARD_CHANGED, row, position=str(row[loop.PROTECTION_POSITION]),
            reason="unprotected" if begins else "protected",
            text=f"{self._symbol(row)} is {'without its' if begins else 'under its'} protection",
        )  # fmt: skip

    def _alert(self, row: list[int]) -> Event:
        name = ALERTS.get(row[loop.ALERT_CODE], "alert")
        severity = ALERT_SEVERITIES.get(row[loop.ALERT_SEVERITY], WARNING)
        position = _number(row[loop.ALERT_POSITION])
        return self._event(
            _E.ALERT_RAISED, row, position=position, reason=name,
            severity=INFO if severity == "information" else severity,
            episode=":".join(filter(None, ("engine", name, self._symbol(row), position))),
            text=" ".join(filter(None, (_words(name), self._symbol(row)))),
        )  # fmt: skip

    # --- words -----------------------------------------------------------------------------------
    def _event(self, name: EventName, row: list[int], **values: str | int) -> Event:
        return Event(name, row[at.EVENT_TS], symbol=self._symbol(row), **values)  # type: ignore[arg-type]

    def _symbol(self, row: list[int]) -> str:
        i = row[at.EVENT_INSTRUMENT]
        return self._instruments[i].symbol if i >= 0 else ""

    def _quantity(self, row: list[int], lots: int) -> str:
        return decimal_text(lots, self._instruments[row[at.EVENT_INSTRUMENT]].quantity_precision)

    def _price(self, row: list[int], ticks: int) -> str:
        return decimal_text(ticks, self._instruments[row[at.EVENT_INSTRUMENT]].price_precision)


_EFFECTS: Final[dict[int, str]] = {
    Severity.REDUCE_ONLY: "nothing is entered, exits go on",
    Severity.PAUSED_ALL: "nothing new is sent, only cancels are",
    Severity.FLATTENING: "orders are withdrawn and every position is closed",
    Severity.LOCKED: "nothing is sent until a person releases it",
}

_FACTS: Final = {
    at.KIND_ACCEPTED: (_E.ORDER_ACCEPTED, "accepted"),
    at.KIND_TRIGGERED: (_E.ORDER_TRIGGERED, "triggered"),
    at.KIND_REPLACED: (_E.ORDER_REPLACED, "replaced"),
    at.KIND_CANCELED: (_E.ORDER_CANCELED, "canceled"),
    at.KIND_EXPIRED: (_E.ORDER_EXPIRED, "expired"),
    at.KIND_CANCEL_REJECTED: (_E.ORDER_REFUSED, "not changed"),
}


def _is_before(made: Event, found: Sequence[Event]) -> bool:
    """Say whether an event is told before the last one: a signal's approval before the order that it led to.

    The engine's last check of a signal is that its order can be placed, so its rows are the other way around.
    """
    return (
        made.name is _E.SIGNAL_APPROVED
        and bool(found)
        and (found[-1].name, found[-1].order) == (_E.ORDER_SUBMITTED, made.order)
    )


def decimal_text(quanta: int, precision: int) -> str:
    """Return an exact number of quanta, each 10^-precision, as text."""
    return f"{Decimal(quanta).scaleb(-precision):f}"


def _money(minor: int) -> str:
    return f"{from_minor(minor):.2f}"


def _signed(minor: int) -> str:
    return f"{from_minor(minor):+,.2f}"


def _side(side: int) -> str:
    return {1: "buy", -1: "sell"}.get(side, "")


def _number(number: int) -> str:
    return str(number) if number > 0 else ""


def _reason(code: int) -> str:
    return REASONS.get(code, str(code) if code else "")


def _words(name: str) -> str:
    return name.replace("_", " ")
