"""The events of a session, as people and programs outside see them.

What links them stands in each: a signal's id, the order that it led to, that order's fills, the position
that they opened. An event says what has happened; nothing is decided on it.
"""

from __future__ import annotations

from enum import StrEnum
from typing import Final

import msgspec

INFO: Final = "info"
WARNING: Final = "warning"
CRITICAL: Final = "critical"
SEVERITIES: Final = (INFO, WARNING, CRITICAL)


class EventName(StrEnum):
    """What can happen. Names are stable: programs read them."""

    LOOP_STARTED = "LOOP_STARTED"
    LOOP_STOPPED = "LOOP_STOPPED"
    STATE_CHANGED = "STATE_CHANGED"
    SIGNAL_RECEIVED = "SIGNAL_RECEIVED"
    SIGNAL_QUEUED = "SIGNAL_QUEUED"
    SIGNAL_APPROVED = "SIGNAL_APPROVED"
    SIGNAL_REJECTED = "SIGNAL_REJECTED"
    ORDER_SUBMITTED = "ORDER_SUBMITTED"
    ORDER_ACCEPTED = "ORDER_ACCEPTED"
    ORDER_TRIGGERED = "ORDER_TRIGGERED"
    ORDER_REPLACED = "ORDER_REPLACED"
    ORDER_CANCELED = "ORDER_CANCELED"
    ORDER_EXPIRED = "ORDER_EXPIRED"
    ORDER_REFUSED = "ORDER_REFUSED"
    TRADE_EXECUTED = "TRADE_EXECUTED"
    TRADE_FAILED = "TRADE_FAILED"
    POSITION_OPENED = "POSITION_OPENED"
    POSITION_CLOSED = "POSITION_CLOSED"
    EXIT_FIRED = "EXIT_FIRED"
    EXIT_ENDED = "EXIT_ENDED"
    GUARD_SET = "GUARD_SET"
    GUARD_CLEARED = "GUARD_CLEARED"
    GUARD_CHANGED = "GUARD_CHANGED"
    ALERT_RAISED = "ALERT_RAISED"
    ALERT_CLEARED = "ALERT_CLEARED"
    HEALTH_CHANGED = "HEALTH_CHANGED"
    NOTED = "NOTED"
    HEARTBEAT = "HEARTBEAT"


MEANINGS: Final[dict[EventName, str]] = {
    EventName.LOOP_STARTED: "the session takes market data",
    EventName.LOOP_STOPPED: "it takes none any more; `reason` says why",
    EventName.STATE_CHANGED: "the session went from one state to another; `reason` says why",
    EventName.SIGNAL_RECEIVED: "the strategy wants to enter",
    EventName.SIGNAL_QUEUED: "the signal waits for a person, or for an exit",
    EventName.SIGNAL_APPROVED: "it passed every check; `order` is what it led to",
    EventName.SIGNAL_REJECTED: "it did not; `reason` names the first check that refused",
    EventName.ORDER_SUBMITTED: "an order passed the checks and is sent",
    EventName.ORDER_ACCEPTED: "the broker has it",
    EventName.ORDER_TRIGGERED: "its stop price was reached",
    EventName.ORDER_REPLACED: "its price or quantity was changed",
    EventName.ORDER_CANCELED: "it was withdrawn; what it had filled stays",
    EventName.ORDER_EXPIRED: "its time has ended",
    EventName.ORDER_REFUSED: "the broker refused to change or to cancel it",
    EventName.TRADE_EXECUTED: "an order of ours was filled, in part or whole",
    EventName.TRADE_FAILED: "an order was denied by us or rejected by gateway or broker",
    EventName.POSITION_OPENED: "something is held; `signal` and `order` say of what",
    EventName.POSITION_CLOSED: "nothing is held any more; `pnl` is its result",
    EventName.EXIT_FIRED: "a condition wants the position closed",
    EventName.EXIT_ENDED: "the exit has ended; `reason` says how",
    EventName.GUARD_SET: "a guard or breaker restricts what may be traded",
    EventName.GUARD_CLEARED: "it does not any more",
    EventName.GUARD_CHANGED: "trust in equity, tier, tilt or protection has changed",
    EventName.ALERT_RAISED: "somebody should look; `episode` names what about",
    EventName.ALERT_CLEARED: "that is over",
    EventName.HEALTH_CHANGED: "a component is up, degraded or down; `reason` says why",
    EventName.NOTED: "something of the feed, the journal or the session itself",
    EventName.HEARTBEAT: "every ten seconds: counters and latencies",
}


class Event(msgspec.Struct, frozen=True, omit_defaults=True):
    """One event.

    Parameters
    ----------
    ts_ns
        The session's own time: of a replay, the data's.
    signal, order, fill, position
        What it is about, and what that came of; ``fill`` is the order with the number of its fill.
    quantity, price, pnl, fee
        Exact decimals as text: of the instrument, and of its currency.
    text
        The whole as a sentence for a person.
    """

    name: EventName
    ts_ns: int
    text: str = ""
    severity: str = INFO
    symbol: str = ""
    signal: str = ""
    order: int = 0
    fill: str = ""
    position: str = ""
    side: str = ""
    quantity: str = ""
    price: str = ""
    pnl: str = ""
    fee: str = ""
    reason: str = ""
    episode: str = ""


def events_table() -> str:
    """Return the events as a table in Markdown."""
    rows = [f"| `{name}` | {MEANINGS[name]} |" for name in EventName]
    return "\n".join(["| event | meaning |", "|---|---|", *rows])
