"""The heartbeat: every ten seconds what a session is, has counted and has measured."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

from engine.model.units import from_minor
from runtime.observing.counting import Counts, Latency, latency_of
from runtime.observing.events import EventName
from runtime.observing.health import Condition

if TYPE_CHECKING:
    from runtime.session.session import Session


class Heartbeat(msgspec.Struct, frozen=True):
    """One heartbeat; `ts_ns` is the session's own time, `unhealthy` names parts with their reasons."""

    ts_ns: int
    state: str
    guards: str
    cursor: int
    equity: str
    positions: int
    orders: int
    slices: int
    signals: int
    submitted: int
    fills: int
    failed: int
    refused: int
    alerts: int
    journal: int
    pressure: float
    decision: Latency
    sending: Latency
    lag: Latency
    unhealthy: dict[str, str]


class Pulse(msgspec.Struct, frozen=True):
    """How a running session fares, asked for by a person.

    Parameters
    ----------
    beat_seconds
        How long ago its last heartbeat was; None: it has had none yet.
    lag
        By how much the loop came late to what was due, in every second since the session began.
    unhealthy
        Parts with their condition and reason.
    """

    beat_seconds: float | None
    lag: Latency
    decision: Latency
    unhealthy: dict[str, str]


def unhealthy_of(health: dict[str, tuple[Condition, str]]) -> dict[str, str]:
    """Return what is not up, and why."""
    return {
        name: f"{condition.value}: {reason}"
        for name, (condition, reason) in health.items()
        if condition is not Condition.UP
    }


def heartbeat_of(
    session: Session, counts: Counts, health: dict[str, tuple[Condition, str]]
) -> Heartbeat:
    """Return a session's heartbeat."""
    core, journal, events = session.parts.core, session.parts.journal, counts.events
    return Heartbeat(
        ts_ns=core.now_ns,
        state=session.state.value,
        guards=session.severity.name.lower(),
        cursor=session.cursor,
        equity=f"{from_minor(core.equity_minor):.2f}",
        positions=len(core.positions()),
        orders=len(session.gateway.books.live()),
        slices=counts.slices,
        signals=events[EventName.SIGNAL_RECEIVED],
        submitted=events[EventName.ORDER_SUBMITTED],
        fills=events[EventName.TRADE_EXECUTED],
        failed=events[EventName.TRADE_FAILED],
        refused=sum(counts.refusals.values()),
        alerts=sum(counts.alerts.values()),
        journal=journal.head[0],
        pressure=round(journal.pressure, 3),
        decision=latency_of(counts.decision),
        sending=latency_of(counts.sending),
        lag=latency_of(counts.lag),
        unhealthy=unhealthy_of(health),
    )
