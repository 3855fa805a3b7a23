"""What a screen shows of a session, as plain values made in one look."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

from engine.model import layout as at
from engine.model import trading_layout as loop
from engine.model.units import from_minor
from runtime.observing.events import Event, EventName
from runtime.observing.folding import decimal_text
from runtime.results.guards import LATCHES

if TYPE_CHECKING:
    from runtime.observing.observer import SessionObserver
    from runtime.session.session import Session

EVENTS_SHOWN = 8


class HeldRow(msgspec.Struct, frozen=True):
    """A position: exact decimals as text; `pnl_minor` at the last price, in its currency."""

    symbol: str
    quantity: str
    last: str
    pnl_minor: int


class OrderRow(msgspec.Struct, frozen=True):
    """An order that works."""

    number: int
    side: str
    symbol: str
    quantity: str
    filled: str
    limit: str
    stop: str


class Glance(msgspec.Struct, frozen=True):
    """One look.

    Parameters
    ----------
    ts_ns
        The session's own time.
    progress
        Of a replay, 0 to 1; None where the end is not known.
    elapsed_ns
        Since it began, by the clock.
    """

    session: str
    strategy: str
    account: str
    feed: str
    state: str
    severity: str
    ts_ns: int
    equity_minor: int
    begun_equity_minor: int
    positions: tuple[HeldRow, ...]
    orders: tuple[OrderRow, ...]
    unhealthy: tuple[tuple[str, str, str], ...]
    latches: tuple[str, ...]
    alerts: int
    fills: int
    slices: int
    progress: float | None
    elapsed_ns: int
    events: tuple[Event, ...]


def glance_of(observer: SessionObserver, session: Session) -> Glance:
    """Look at a session."""
    core, looks = session.parts.core, observer.looks
    health = observer.health.conditions().items()
    unhealthy = tuple((str(n), c.value, why) for n, (c, why) in health if c.value != "up")
    held = tuple(("entries", "held back", why) for why in session.holds)
    return Glance(
        session=session.parts.journal.session_id,
        strategy=looks.strategy,
        account=session.parts.account,
        feed=session.parts.feed.name,
        state=session.state.value,
        severity=session.severity.name.lower(),
        ts_ns=core.now_ns,
        equity_minor=core.equity_minor,
        begun_equity_minor=observer.begun_equity_minor,
        positions=_held(session),
        orders=_orders(session),
        unhealthy=unhealthy or held,
        latches=_latches(session),
        alerts=len(looks.book.open),
        fills=observer.counts.events[EventName.TRADE_EXECUTED],
        slices=observer.counts.slices,
        progress=_progress(looks.span_ns, observer.data_ns),
        elapsed_ns=looks.clock.monotonic_ns() - observer.joined_ns,
        events=tuple(observer.events)[-EVENTS_SHOWN:],
    )


def _held(session: Session) -> tuple[HeldRow, ...]:
    core, found = session.parts.core, list[HeldRow]()
    positions, terms = core.plain.positions, core.plain.terms
    for each in core.positions():
        i, instrument = each.instrument, core.instruments[each.instrument]
        last = positions[i, at.POSITION_LAST]
        value = each.lots * last * terms[i, at.TERM_NUMERATOR] // terms[i, at.TERM_DENOMINATOR]
        found.append(
            HeldRow(
                instrument.symbol,
                decimal_text(each.lots, instrument.quantity_precision),
                decimal_text(last, instrument.price_precision),
                value - positions[i, at.POSITION_COST],
            )
        )
    return tuple(found)


def _orders(session: Session) -> tuple[OrderRow, ...]:
    core, found = session.parts.core, list[OrderRow]()
    for row in core.orders().tolist():
        if row[at.ORDER_STATUS] not in _WORKING:
            continue
        instrument = core.instruments[row[at.ORDER_INSTRUMENT]]

        def price(ticks: int, precision: int = instrument.price_precision) -> str:
            return decimal_text(ticks, precision) if ticks > 0 else ""

        found.append(
            OrderRow(
                row[at.ORDER_ID],
                "buy" if row[at.ORDER_SIDE] > 0 else "sell",
                instrument.symbol,
                decimal_text(row[at.ORDER_QUANTITY], instrument.quantity_precision),
                decimal_text(row[at.ORDER_FILLED], instrument.quantity_precision),
                price(row[at.ORDER_LIMIT]),
                price(row[at.ORDER_STOP]),
            )
        )
    return tuple(found)


_WORKING = frozenset(
    {
        at.STATUS_IN_FLIGHT, at.STATUS_HELD, at.STATUS_OPEN, at.STATUS_TRIGGERED,
        at.STATUS_PARTIALLY_FILLED, at.STATUS_PENDING_CANCEL,
    }
)  # fmt: skip


def _latches(session: Session) -> tuple[str, ...]:
    plain = session.parts.core.plain
    if not plain.account[at.ACCOUNT_TRADING]:
        return ()
    return tuple(
        name for latch, name in LATCHES.items() if plain.latches[latch, loop.LATCH_SEVERITY] > 0
    )


def _progress(span_ns: tuple[int, int] | None, now_ns: int) -> float | None:
    if span_ns is None or span_ns[1] <= span_ns[0]:
        return None
    return min(max((now_ns - span_ns[0]) / (span_ns[1] - span_ns[0]), 0.0), 1.0)


def money_text(minor: int, *, signed: bool = False) -> str:
    """Return an amount with thousands separated.

    Examples
    --------
    >>> money_text(-123_456_000_000), money_text(50_000_000, signed=True)
    ('-1,234.56', '+0.50')
    """
    return f"{from_minor(minor):{'+' if signed else ''},.2f}"
