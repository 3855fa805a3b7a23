"""What goes wrong, and when: a schedule, given as data.

A fault waits for its occasion, which is counted from the moment when it was scheduled, or for a time of the
venue. So the same requests meet the same faults, however fast they come.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum
from typing import Final

import msgspec

from engine.errors import InputError
from sims.venues.alpaca.operations import OPERATIONS
from sims.venues.alpaca.words import parse_time


class FaultKind(StrEnum):
    """One way to go wrong."""

    # Of an answer; `after` says whether the venue has done what was asked.
    ERROR = "error"  # `status` instead of the answer
    HANG = "hang"  # no answer, for `seconds` or until the client goes
    RESET = "reset"  # the connection is torn without an answer
    TORN = "torn"  # the connection is torn amid the answer
    REDIRECT = "redirect"  # to `value`
    HTML = "html"  # a proxy's page with `status`
    STALE = "stale"  # a read that does not know of the last `lag` happenings
    # Of an answer, or of a message of a stream (`on` order_stream or data_stream): `field` is a dotted path.
    MISSING_FIELD = "missing_field"
    NULL_FIELD = "null_field"
    SET_FIELD = "set_field"  # to `value`: an unknown word, for one
    NUMBER_KIND = "number_kind"  # a number as text becomes a JSON number, and the other way round
    # Of a stream.
    DROP = "drop"  # the connections are torn, and the message is lost
    MUTE = "mute"  # the connections stay, and nothing comes of them any more
    LOSE = "lose"  # the message is lost
    DUPLICATE = "duplicate"
    REORDER = "reorder"  # the message comes after the next one
    # Of the venue: at the n-th submit, cancel or fill, or at a time; for `seconds` of the venue's time.
    MARKET_CLOSED = "market_closed"
    HALT = "halt"  # of `symbol`
    THIN_BOOK = "thin_book"  # no event of `symbol` shows more than `quantity`
    BLOCKED = "blocked"  # the account
    CLOCK_OFFSET = "clock_offset"  # the clock is told wrong by `offset` seconds
    REJECT = "reject"  # the order that was taken is rejected
    PARTIAL_THEN_CANCEL = "partial_then_cancel"  # `quantity` of it is filled, the rest canceled
    LATE_FILL = "late_fill"  # `quantity` is filled after the cancel was confirmed
    OVERFILL = "overfill"  # `quantity` is filled beyond what was ordered
    BUST = "bust"  # the fill is taken back
    FOREIGN_ORDER = "foreign_order"  # somebody else's order for `quantity` of `symbol`
    RESTART = "restart"  # the venue is away for `seconds` of the clock


OF_ANSWERS: Final = frozenset(
    {
        FaultKind.ERROR,
        FaultKind.HANG,
        FaultKind.RESET,
        FaultKind.TORN,
        FaultKind.REDIRECT,
        FaultKind.HTML,
        FaultKind.STALE,
    }
)
OF_CONTENT: Final = frozenset(
    {
        FaultKind.MISSING_FIELD,
        FaultKind.NULL_FIELD,
        FaultKind.SET_FIELD,
        FaultKind.NUMBER_KIND,
    }
)
OF_STREAMS: Final = frozenset(
    {
        FaultKind.DROP,
        FaultKind.MUTE,
        FaultKind.LOSE,
        FaultKind.DUPLICATE,
        FaultKind.REORDER,
    }
)
STREAMS: Final = ("order_stream", "data_stream")
_OF_AN_ORDER: Final = frozenset(
    {
        FaultKind.REJECT,
        FaultKind.PARTIAL_THEN_CANCEL,
        FaultKind.LATE_FILL,
        FaultKind.OVERFILL,
        FaultKind.BUST,
    }
)
_OCCASION: Final = {  # of what can only be at one
    FaultKind.REJECT: "submitted",
    FaultKind.PARTIAL_THEN_CANCEL: "submitted",
    FaultKind.LATE_FILL: "canceled",
    FaultKind.OVERFILL: "filled",
    FaultKind.BUST: "executed",
}
_WITH_SYMBOL: Final = frozenset({FaultKind.HALT, FaultKind.THIN_BOOK, FaultKind.FOREIGN_ORDER})


class Fault(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One fault.

    Parameters
    ----------
    kind
        What.
    on
        Its occasion: an operation (`OPERATIONS`), ``any`` request,
        ``order_stream`` or ``data_stream`` for messages. Those of an order have an occasion of their own.
    at, count
        The first of so many occasions in turn, counted from 1.
    time
        Instead of an occasion: a moment of the venue's time (RFC 3339).
    after
        Of an answer: once the venue has done what was asked.
    """

    kind: FaultKind
    on: str = "any"
    at: int = 1
    count: int = 1
    time: str = ""
    after: bool = False
    status: int = 500
    seconds: float = 0.0
    offset: float = 0.0
    lag: int = 1
    field: str = ""
    value: str | int | float | None = None
    symbol: str = ""
    side: str = "buy"
    quantity: str = "1"

    @property
    def occasion(self) -> str:
        """What it waits for; empty for a time."""
        if self.time:
            return ""
        return _OCCASION.get(self.kind, self.on)

    @property
    def time_ns(self) -> int:
        """When, for one that waits for a time."""
        return parse_time(self.time)


def parse_faults(content: bytes | str, where: str = "faults") -> list[Fault]:
    """Return a schedule that was written as JSON, one fault a line; empty lines and ``#`` are left out.

    Raises
    ------
    InputError
        If a line is no fault.

    Examples
    --------
    >>> parse_faults('{"kind": "error", "on": "submit", "status": 504, "after": true}')[0].status
    504
    """
    text = content.decode() if isinstance(content, bytes) else content
    faults = []
    for number, line in enumerate(text.splitlines(), 1):
        if line.strip() and not line.lstrip().startswith("#"):
            faults.append(_parsed(line, f"{where}, line {number}"))
    return faults


def _parsed(line: str, where: str) -> Fault:
    try:
        fault = msgspec.json.decode(line, type=Fault)
        if fault.time:
            parse_time(fault.time)
    except (msgspec.DecodeError, ValueError) as error:
        raise InputError(f"this is no fault: {error}", where=where, code="venue.fault") from None
    problem = _problem(fault)
    if problem:
        raise InputError(problem, where=where, code="venue.fault")
    return fault


def _problem(fault: Fault) -> str:
    if fault.at < 1 or fault.count < 1:
        return "at and count are at least 1"
    if fault.on not in ("any", *OPERATIONS, *STREAMS):
        return f"there is no operation {fault.on!r}; there are: any, {', '.join(OPERATIONS)}"
    if fault.kind in OF_STREAMS and fault.on not in STREAMS:
        return f"{fault.kind} happens on a stream: on is order_stream or data_stream"
    if fault.kind in OF_ANSWERS and fault.on in STREAMS:
        return f"{fault.kind} happens to an answer: on is an operation or any"
    if fault.kind in OF_CONTENT and not fault.field:
        return f"{fault.kind} needs a field"
    if fault.kind in _WITH_SYMBOL and not fault.symbol:
        return f"{fault.kind} needs a symbol"
    if fault.time and fault.kind in OF_ANSWERS | OF_STREAMS | OF_CONTENT | _OF_AN_ORDER:
        return f"{fault.kind} waits for an occasion, not for a time"
    return ""


@dataclass(slots=True)
class _Waiting:
    fault: Fault
    seen: int = 0


@dataclass(slots=True)
class Schedule:
    """The faults that have not happened yet."""

    _waiting: list[_Waiting] = field(default_factory=list)

    def add(self, fault: Fault) -> None:
        """Wait for a fault's occasion from now on."""
        self._waiting.append(_Waiting(fault))

    def clear(self) -> None:
        """Forget what has not happened."""
        self._waiting.clear()

    @property
    def left(self) -> int:
        """How many wait."""
        return len(self._waiting)

    def take(self, occasion: str, *, is_request: bool = False) -> list[Fault]:
        """Return the faults of an occasion that has come, in the order of their scheduling."""
        fired: list[Fault] = []
        for each in self._waiting:
            fault = each.fault
            if fault.occasion == occasion or (is_request and fault.occasion == "any"):
                each.seen += 1
                if each.seen >= fault.at:
                    fired.append(fault)
        self._waiting = [
            each
            for each in self._waiting
            if each.seen < each.fault.at + each.fault.count - 1 or each.fault not in fired
        ]
        return fired
