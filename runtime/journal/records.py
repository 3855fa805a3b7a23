"""What stands in a journal, as versioned values.

A session is told one input at a time and decides on it to the end before it takes the next. With
nothing to send that is one record, `Taken`. With something to send, `Intents` is made durable before
each sending, with the input so far: whoever recovers knows what was to be sent, and of what it came.

Bytes of rows are int64, little-endian, of the width of `engine.model.layout.EVENT_WIDTH`.
"""

from __future__ import annotations

from typing import TypeAlias

import msgspec


class SliceInput(msgspec.Struct, frozen=True, tag="slice", gc=False):
    """Events of one time; see `engine.ports.Slice`. `met`: facts of a simulated broker, by row."""

    ts_ns: int
    cursor: int
    received_ns: int
    rows: bytes
    met: dict[int, bytes] = {}


class TimeInput(msgspec.Struct, frozen=True, tag="time"):
    """Time has passed without an event."""

    now_ns: int


class FactsInput(msgspec.Struct, frozen=True, tag="facts"):
    """What a broker has told by itself; `keys` tell them apart (an execution id, ...)."""

    now_ns: int
    rows: bytes
    keys: tuple[str, ...] = ()


class OperatorInput(msgspec.Struct, frozen=True, tag="operator"):
    """What a person asked for: rows for the engine, who, and why; `subject`: e.g. a signal's id."""

    now_ns: int
    rows: bytes
    verb: str
    who: str
    why: str = ""
    subject: str = ""


class StartInput(msgspec.Struct, frozen=True, tag="start"):
    """The strategy begins."""


class StopInput(msgspec.Struct, frozen=True, tag="stop"):
    """The strategy ends."""


Input: TypeAlias = SliceInput | TimeInput | FactsInput | OperatorInput | StartInput | StopInput


class Opened(msgspec.Struct, frozen=True, tag="opened"):
    """What the session runs: everything that its decisions depend on."""

    strategy: str
    fingerprint: str
    configuration: str  # the strategy file's text
    code: dict[str, str]  # path -> text of every file that decides
    parameters: dict[str, str]
    engine: str  # hash of the engine's sources
    account: str
    broker: str
    feed: str
    evidence: str
    mode: str  # auto, approve or alert
    instruments: tuple[str, ...]
    data: dict[str, str]  # how to build the same feed and terms again
    format: int = 1


class Continued(msgspec.Struct, frozen=True, tag="continued"):
    """A session that was stopped or killed goes on: what it runs from here, core and parts.

    See `runtime.promotion.fingerprint`. Journals of before it was written have none.
    """

    fingerprint: str
    parts: str


class StateChanged(msgspec.Struct, frozen=True, tag="state"):
    """The session went from one state to another."""

    before: str
    after: str
    cause: str


class Intent(msgspec.Struct, frozen=True):
    """One command that is about to be sent; one that is `held_for` another order leaves after that one's end."""

    intent_id: str
    client_id: str
    attempt: int
    kind: int  # engine.model.layout.KIND_SUBMITTED, KIND_CANCEL_SENT or KIND_REPLACE_SENT
    order_id: int
    instrument: int
    side: int = 0
    quantity_lots: int = 0
    limit_ticks: int = 0
    stop_ticks: int = 0
    held_for: int = 0


class Intents(msgspec.Struct, frozen=True, tag="intents"):
    """What is about to be sent for sending number `sending` (from 0) of the input in hand."""

    sending: int
    intents: tuple[Intent, ...]
    input: Input | None  # the input so far, with the first record of it only
    decided: bytes  # the engine's journal rows so far that no record has yet
    # To the sendings before it (see `Taken`), and of its own what was refused before it was written.
    answers: dict[int, bytes] = {}


class Taken(msgspec.Struct, frozen=True, tag="taken", gc=False):
    """An input that was decided on to its end.

    `answers` are facts that came back while sending, by number of the sending; `decided` the engine's
    journal rows that no `Intents` of this input has.
    """

    input: Input
    decided: bytes
    answers: dict[int, bytes] = {}


class Warmed(msgspec.Struct, frozen=True, tag="warmed"):
    """Formulas have seen bars of before the session, see `engine.ports.WarmUp`; `rows` are packed by zlib."""

    until_ns: int
    cursor: int
    rows: bytes
    detail: str


class HistoryRead(msgspec.Struct, frozen=True, tag="history"):
    """A venue's history was asked of minutes of which bars had not come; see `engine.ports.HistoryTold`.

    Journals of before it was written have none: of their minutes nobody has asked.
    """

    since_ns: int
    until_ns: int
    asked_ns: int
    bars: dict[int, bytes]  # by instrument, a bit for each minute
    problem: str = ""


class Outcome(msgspec.Struct, frozen=True, tag="outcome"):
    """What became of sending an intent: taken, refused, not_sent, unknown, resolved or held.

    `kind` is the intent's; 0 in journals of before it was written: that of an order.
    """

    client_id: str
    status: str
    venue_id: str = ""
    code: str = ""
    problem: str = ""
    kind: int = 0


class Checkpointed(msgspec.Struct, frozen=True, tag="checkpointed"):
    """A snapshot was stored: its hash, and where the feed stood."""

    state: str
    cursor: int


class Noted(msgspec.Struct, frozen=True, tag="noted"):
    """Something a person may want to know: an alert, a notice of the feed, a change of health."""

    kind: str
    severity: str
    subject: str
    text: str
    ts_ns: int = 0


class ClockRead(msgspec.Struct, frozen=True, tag="clock"):
    """What the clocks show at one moment: the host's two, and the venue's where it is known."""

    wall_ns: int
    monotonic_ns: int
    venue_ns: int | None = None


class Reconciled(msgspec.Struct, frozen=True, tag="reconciled"):
    """Books and broker were compared after a session of the market; in words where they differ."""

    ts_ns: int
    differences: tuple[str, ...] = ()


class Closed(msgspec.Struct, frozen=True, tag="closed"):
    """The session has ended; its state's hash, and why."""

    state: str
    cause: str


Record: TypeAlias = (
    Opened
    | Continued
    | StateChanged
    | Intents
    | Taken
    | Warmed
    | HistoryRead
    | Outcome
    | Checkpointed
    | Noted
    | ClockRead
    | Reconciled
    | Closed
)
