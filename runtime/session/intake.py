"""Taking one input at a time to its end: the core decides, the journal knows before anything is sent.

The core is a generator that asks for a few things (`runtime.session_core.steps`): what a simulated
broker makes of an event before the core sees it, and that commands be sent. Here is where that is done
for real, and where the journal is told; `runtime.session.playback` gives the same answers from a
journal.
"""

from __future__ import annotations

import zlib
from collections.abc import Callable, Mapping

import msgspec
import numpy as np

from engine.errors import InternalFault
from engine.model.layout import EVENT_WIDTH
from engine.ports import HistoryTold, Journal, Rows, SimulatedBroker, Slice, WarmUp
from runtime.gateway.gateway import Gateway
from runtime.gateway.inbox import Inbox
from runtime.journal.records import (
    FactsInput,
    HistoryRead,
    Input,
    Intent,
    Intents,
    OperatorInput,
    Outcome,
    SliceInput,
    StartInput,
    StopInput,
    Taken,
    TimeInput,
    Warmed,
)
from runtime.session.recorded import send_recorded
from runtime.session.wishes import fulfilled
from runtime.session_core.core import SessionCore
from runtime.session_core.steps import NO_ROWS, Follow, Meet, Request, Send, Step


class InHand(msgspec.Struct, frozen=True):
    """What a journal has of an input that a crash has cut off: its sendings by number, and outcomes."""

    sendings: Mapping[int, Intents]
    outcomes: tuple[Outcome, ...] = ()


class _Hand:
    """An input on its way to its end: what was answered, and whether the journal has it already."""

    def __init__(self, one: Input, *, is_recorded: bool) -> None:
        self.input, self.is_recorded = one, is_recorded
        self.answers: dict[int, bytes] = {}  # by sending

    def answer(self, number: int, facts: Rows) -> None:
        """Keep what a sending was answered."""
        if len(facts):
            self.answers[number] = to_bytes(facts)


class Intake:
    """One session's inputs, one after another.

    Parameters
    ----------
    market
        The broker, where it meets the feed's events (paper); None where it has a market of its own.
    begins
        Called as each input begins: what it makes is decided now.
    decided
        Called with the engine's journal rows as they come, for whoever looks on.
    sending
        Called with True when commands are about to be sent, and with False when they were.
    inbox
        Of a broker with a market of its own: it remembers what facts were told.
    cursor
        The feed's slices so far.
    """

    def __init__(
        self,
        core: SessionCore,
        journal: Journal,
        gateway: Gateway,
        market: SimulatedBroker | None,
        *,
        begins: Callable[[], None] = lambda: None,
        decided: Callable[[Rows], None] = lambda rows: None,
        sending: Callable[[bool], None] = lambda begins: None,
        inbox: Inbox | None = None,
        cursor: int = 0,
    ) -> None:
        self.cursor = cursor
        self._core = core
        self._inbox = inbox
        self._begins = begins
        self._told = decided
        self._sending = sending
        self._journal = journal
        self._gateway = gateway
        self._market = market

    async def slice(self, one: Slice) -> None:
        """Take the events of one time."""
        draft = SliceInput(one.ts_ns, one.cursor, one.received_ns, to_bytes(one.events), {})
        await self.take(draft, self._core.slice(one), one.events)

    def warm(self, past: WarmUp) -> None:
        """Let the formulas see what was before the first slice."""
        self._core.warm(past.events)
        self._journal.append(
            Warmed(past.until_ns, past.cursor, to_packed(past.events), past.detail)
        )
        self.cursor = past.cursor

    def history(self, told: HistoryTold) -> None:
        """Keep what a venue's history has said of minutes of which no bar had come; nothing is decided on it."""
        read = (told.since_ns, told.until_ns, told.asked_ns, told.bars, told.problem)
        self._journal.append(HistoryRead(*read))

    async def time(self, now_ns: int) -> None:
        """Let time pass; where no wait ends until then nothing is done."""
        if self._core.next_wake_ns <= now_ns:
            await self.take(TimeInput(now_ns))

    async def take(
        self,
        one: Input,
        step: Step | None = None,
        events: Rows = NO_ROWS,
        *,
        recorded: InHand | None = None,
    ) -> None:
        """Take an input to its end.

        Parameters
        ----------
        step
            What the core makes of it, where that is made already.
        recorded
            What the journal has of it, where a crash has cut it off.
        """
        self._begins()
        if isinstance(one, FactsInput):
            self._hear(one)
        cash_minor = self._core.cash_minor
        step = step or step_of(self._core, one)
        events = to_rows(one.rows) if isinstance(one, SliceInput) and not len(events) else events
        recorded = recorded or InHand({})
        last = max(recorded.sendings, default=-1)
        hand = _Hand(one, is_recorded=last >= 0)
        request = begin(step)
        while request is not None:
            reply = NO_ROWS
            match request:
                case Meet():
                    reply = self._meet(events, request.row, one)
                case Follow():
                    self._follow(request)
                case Send() if request.number <= last:
                    reply = await self._send_again(request, recorded, last)
                    hand.answer(request.number, reply)
                case Send():
                    reply = await self._send(request, hand)
                    hand.answer(request.number, reply)
            request = advance(step, reply)
        if self._inbox is not None:
            self._inbox.follow(one, self._core.cash_minor - cash_minor)
        self._journal.append(Taken(one, self._decided(), hand.answers))
        self.cursor = getattr(one, "cursor", self.cursor)

    def _hear(self, facts: FactsInput) -> None:
        """Book what a broker has told, before the engine decides on it."""
        self._gateway.hear(to_rows(facts.rows))
        if self._inbox is not None:
            self._inbox.note(facts.keys)

    def _meet(self, events: Rows, row: int, one: Input) -> Rows:
        if self._market is None:
            return NO_ROWS
        facts = self._market.meet(events, row)
        if len(facts):
            assert isinstance(one, SliceInput)
            one.met[row] = to_bytes(facts)
            self._gateway.hear(facts)
        return facts

    def _follow(self, request: Follow) -> None:
        if self._market is not None:
            self._market.follow(request.instrument, request.lots)
        self._gateway.follow(request.instrument, request.lots, request.split)

    async def _send(self, request: Send, hand: _Hand) -> Rows:
        async def durable(intents: tuple[Intent, ...], refused: Rows) -> None:
            hand.answer(request.number, refused)
            kept = None if hand.is_recorded else hand.input
            answers = dict(hand.answers)  # of this input so far
            record = Intents(request.number, intents, kept, self._decided(), answers)
            sequence = self._journal.append(record)
            hand.is_recorded = True
            await self._journal.durable(sequence)

        self._sending(True)
        facts = await self._gateway.send(request.commands, durable)
        self._sending(False)
        return self._answered(facts)

    async def _send_again(self, request: Send, recorded: InHand, last: int) -> Rows:
        """Go on with a sending that is in the journal: of the last nobody knows whether it was done.

        One of which all was refused has no intents; what it was answered stands with the last.
        """
        then = recorded.sendings.get(request.number)
        if then is not None and self._decided() != then.decided:
            raise InternalFault(
                "this program decides something else than the journal has",
                remedy="go on with the version and the strategy that the session was made with",
            )
        intents = () if then is None else then.intents
        answers = to_rows(recorded.sendings[last].answers.get(request.number, b""))
        if request.number < last:
            self._gateway.recall(intents, recorded.outcomes, answers)
            if self._market is not None:
                send_recorded(self._market, request.commands, intents, answers)
            return answers
        sent = self._gateway.send_again(request.commands, intents, recorded.outcomes, answers)
        return self._answered(await sent)

    def _answered(self, facts: Rows) -> Rows:
        """Return facts with what a paper market has answered at once."""
        if self._market is None:
            return facts
        answers = self._market.answers()
        if not len(answers):
            return facts
        self._gateway.hear(answers)
        return np.concatenate((facts, answers))

    def _decided(self) -> bytes:
        rows = self._core.take_journal()
        if len(rows):
            self._told(rows)
        return to_bytes(rows)


def step_of(core: SessionCore, one: Input) -> Step:
    """Return what a core makes of an input."""
    match one:
        case SliceInput():
            return core.slice(Slice(one.ts_ns, to_rows(one.rows), one.cursor, one.received_ns))
        case TimeInput():
            return core.time(one.now_ns)
        case FactsInput():
            return core.facts(to_rows(one.rows))
        case OperatorInput():
            return fulfilled(core, one.verb, to_rows(one.rows))
        case StartInput():
            return core.start()
        case StopInput():
            return core.stop()


def begin(step: Step) -> Request | None:
    """Return what a step asks first; None where it asks nothing."""
    return next(step, None)


def advance(step: Step, reply: Rows) -> Request | None:
    """Give a step its answer; return what it asks next, None where it has ended."""
    try:
        return step.send(reply)
    except StopIteration:
        return None


def to_bytes(rows: Rows) -> bytes:
    """Return rows as they stand in a journal."""
    return np.ascontiguousarray(rows, dtype="<i8").tobytes()


def to_packed(rows: Rows) -> bytes:
    """Return many rows as they stand in a journal."""
    return zlib.compress(to_bytes(rows), 1)


def from_packed(text: bytes) -> Rows:
    """Return what `to_packed` packed."""
    return to_rows(zlib.decompress(text))


def to_rows(text: bytes) -> Rows:
    """Return the rows of a journal's bytes."""
    return np.frombuffer(text, dtype="<i8").reshape(-1, EVENT_WIDTH)
