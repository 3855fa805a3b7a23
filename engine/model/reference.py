"""The pages on orders and denials, written from the tables that the core runs on.

``python -m docs.refresh_tables`` renews them; a test fails when they are stale.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from engine.model.denials import SENTENCES, Denial
from engine.model.orders import TRANSITIONS, OrderEvent, OrderStatus

STATUSES: Final[dict[OrderStatus, str]] = {
    OrderStatus.IN_FLIGHT: "approved and sent, not acknowledged",
    OrderStatus.HELD: "a child of a bracket that waits for its parent's fills",
    OrderStatus.OPEN: "working at the venue",
    OrderStatus.TRIGGERED: "a stop whose price was reached, still working",
    OrderStatus.PARTIALLY_FILLED: "working, and part of it has traded",
    OrderStatus.PENDING_CANCEL: "working, and a cancel is on its way",
    OrderStatus.FILLED: "all of it has traded",
    OrderStatus.CANCELED: "ended by us, by its group, or by its own terms",
    OrderStatus.EXPIRED: "its time in force has passed",
    OrderStatus.REJECTED: "refused by the venue",
    OrderStatus.DENIED: "refused by our own checks; it was never sent",
}
EVENTS: Final[dict[OrderEvent, str]] = {
    OrderEvent.ACCEPTED: "the venue has it",
    OrderEvent.ARMED: "a fill of its parent brought (more of) it into play",
    OrderEvent.TRIGGERED: "its stop price was reached",
    OrderEvent.PARTIAL_FILL: "part of it traded",
    OrderEvent.FILL: "the rest of it traded",
    OrderEvent.CANCEL_SENT: "we asked to cancel it",
    OrderEvent.CANCEL_REJECTED: "the venue did not cancel it",
    OrderEvent.CANCELED: "it was canceled",
    OrderEvent.EXPIRED: "it expired",
    OrderEvent.REJECTED: "the venue refused it",
    OrderEvent.REPLACED: "the venue gave it its new quantity and prices",
}
FAMILIES: Final = {
    1: "The order's form",
    2: "The market",
    3: "The account",
    4: "Other orders",
    5: "The signal",
    6: "The person who is asked",
    7: "The risk checks",
    8: "The size",
}
_FAMILY_OF_TENS: Final = {
    10: 1,
    11: 1,
    12: 1,
    13: 2,
    14: 3,
    15: 3,
    16: 4,
    20: 5,
    22: 6,
    23: 6,
    30: 7,
    31: 7,
    41: 8,
}


def orders_page() -> str:
    """Return docs/reference/orders.md."""
    return "\n".join(
        [
            "# Orders",
            "",
            "<!-- Written by engine/model/reference.py; a test fails when it is stale. -->",
            "",
            "An order moves only along these edges, in backtest, paper and live alike. What is not",
            "here stops the run: it would be our mistake, and guessing on would hide it. Reasons for",
            "which an order is refused before it exists are in [denials.md](denials.md).",
            "",
            "## Where an order can be",
            "",
            *_table(("status", "what it means"), ((s.name, t) for s, t in STATUSES.items())),
            "",
            "## How it gets there",
            "",
            "```mermaid",
            *_diagram(),
            "```",
            "",
            "Edges that leave an order where it is are in the table only. The edges out of CANCELED,",
            "EXPIRED and REJECTED are late fills: what the venue proves to have traded is a fact,",
            "whatever we believed before.",
            "",
            "## What can happen to it",
            "",
            *_table(("event", "what it means"), ((e.name, t) for e, t in EVENTS.items())),
            "",
            "## The whole table",
            "",
            "Rows are statuses, columns events; an empty cell does not exist.",
            "",
            *_matrix(),
            "",
        ]
    )


def denials_page() -> str:
    """Return docs/reference/denials.md."""
    lines = [
        "# Denials",
        "",
        "<!-- Written by engine/model/reference.py; a test fails when it is stale. -->",
        "",
        "An order is checked before it exists; one that fails is denied, journalled with its code,",
        "and never sent. Codes are stable. Their order is the precedence: an order with several",
        "mistakes is denied for the first of them. A check that cannot be evaluated denies.",
        "",
        "With the trading loop a signal is denied before its order, and an order that opens or",
        "enlarges a position meets sixteen checks: those under *The risk checks* in the order of",
        "their codes, then `buying_power`. All are evaluated and journalled with their numbers and",
        "limits, even after the first that denies.",
        "",
    ]
    for family, title in FAMILIES.items():
        rows = (
            (f"`{denial.name.lower()}`", str(int(denial)), SENTENCES[denial])
            for denial in Denial
            if denial is not Denial.NONE and _FAMILY_OF_TENS[denial // 10] == family
        )
        lines += [f"## {title}", "", *_table(("reason", "code", "what it says"), rows), ""]
    return "\n".join(lines)


def _table(head: tuple[str, ...], rows: Iterable[tuple[str, ...]]) -> list[str]:
    return [
        f"| {' | '.join(head)} |",
        f"|{'---|' * len(head)}",
        *(f"| {' | '.join(row)} |" for row in rows),
    ]


def _diagram() -> list[str]:
    """Return the table's edges between different statuses, events of one edge together."""
    edges: dict[tuple[str, str], list[str]] = {}
    for (status, event), outcome in TRANSITIONS.items():
        if status is not outcome:
            edges.setdefault((status.name, outcome.name), []).append(event.name)
    return [
        "stateDiagram-v2",
        "    [*] --> IN_FLIGHT",
        "    [*] --> HELD",
        "    [*] --> DENIED",
        *(f"    {a} --> {b}: {', '.join(events)}" for (a, b), events in sorted(edges.items())),
    ]


def _matrix() -> list[str]:
    rows = []
    for status in OrderStatus:
        cells = [TRANSITIONS.get((status, event)) for event in OrderEvent]
        if any(cells):
            rows.append((status.name, *("" if cell is None else cell.name for cell in cells)))
    return _table(("", *(event.name for event in OrderEvent)), rows)
