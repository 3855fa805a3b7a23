"""Playing a journal: the same steps as in the session, answered from what was recorded.

Recovery, `trader replay` and results are this one thing. What the core decides now is compared with
what it decided then, input by input; the first difference ends it. Where the paper market is given it
is played too, and has to tell the facts that it told then.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import TypeVar

import msgspec

from engine.approved import Approved, CancelApproved, ReplaceApproved, RiskApproved
from engine.ports import Rows, SimulatedBroker
from runtime.gateway.inbox import Inbox
from runtime.gateway.ledger import OrderLedger
from runtime.journal.records import (
    FactsInput,
    Input,
    Intent,
    Intents,
    Outcome,
    Record,
    SliceInput,
    StateChanged,
    Taken,
    Warmed,
)
from runtime.session.intake import advance, begin, from_packed, step_of, to_bytes, to_rows
from runtime.session.recorded import key_of, send_recorded
from runtime.session_core.core import SessionCore
from runtime.session_core.steps import NO_ROWS, Follow, Meet, Send

T = TypeVar("T")


class Divergence(Exception):
    """The journal says one thing, and what is played now another.

    Parameters
    ----------
    number
        Which input, from 1.
    subject
        ``decided``, ``sent`` or ``market``.
    recorded, played
        Rows of the journal; of ``sent`` none.
    """

    def __init__(self, number: int, subject: str, recorded: Rows, played: Rows, one: Input) -> None:
        super().__init__(f"input {number}: {subject} differs")
        self.number, self.subject, self.input = number, subject, one
        self.recorded, self.played = recorded, played


class Played(msgspec.Struct, frozen=True):
    """One input, and the engine's journal rows that it has led to."""

    number: int
    input: Input
    rows: Rows


@dataclass(slots=True)
class Playback:
    """A journal being played into a core.

    Parameters
    ----------
    market
        The paper market to play as well; None: facts are taken from the journal alone.
    books
        The gateway's books to fill; None: nobody needs them.
    inbox
        Of a broker with a market of its own: what it was told to remember it remembers.
    number
        Inputs played so far.
    pending
        Intents of an input that the journal does not have to its end: what was perhaps sent.
    """

    core: SessionCore
    market: SimulatedBroker | None = None
    books: OrderLedger | None = None
    inbox: Inbox | None = None
    number: int = 0
    cursor: int = 0
    state: str = ""  # of the session
    state_in_hand: str = ""  # and as it was when what is pending was first written
    pending: list[Intents] = field(default_factory=list)
    outcomes: list[Outcome] = field(default_factory=list)  # of what is pending

    def play(self, records: Iterable[Record]) -> Iterator[Played]:
        """Play records in their order; yield after each input.

        Raises
        ------
        Divergence
            If what is played now differs from what was recorded.
        """
        for record in records:
            match record:
                case Intents():
                    if not self.pending:
                        self.state_in_hand = self.state
                    self.pending.append(record)
                case StateChanged():
                    self.state = record.after
                case Warmed():
                    self.core.warm(from_packed(record.rows))
                    self.cursor = record.cursor
                case Outcome() if self.pending:
                    self.outcomes.append(record)
                case Outcome() if self.books is not None:
                    self.books.learn(record)
                case Taken():
                    yield self._input(record)
                case _:
                    pass

    def _input(self, taken: Taken) -> Played:
        self.number += 1
        one = taken.input
        sendings = {each.sending: each for each in self.pending}
        self.pending.clear()
        if isinstance(one, FactsInput):
            self._hear(one)
        cash_minor = self.core.cash_minor
        rows = self._drive(one, sendings, taken.answers)
        if self.inbox is not None:
            self.inbox.follow(one, self.core.cash_minor - cash_minor)
        self.outcomes.clear()
        recorded = b"".join([*(each.decided for each in sendings.values()), taken.decided])
        if to_bytes(rows) != recorded:
            raise Divergence(self.number, "decided", to_rows(recorded), rows, one)
        if isinstance(one, SliceInput):
            self.cursor = one.cursor
        return Played(self.number, one, rows)

    def _drive(self, one: Input, sendings: dict[int, Intents], answers: dict[int, bytes]) -> Rows:
        """Let the core take an input; return all its journal rows."""
        events = to_rows(one.rows) if isinstance(one, SliceInput) else NO_ROWS
        step = step_of(self.core, one)
        request = begin(step)
        while request is not None:
            reply = NO_ROWS
            match request:
                case Meet():
                    reply = self._meet(one, events, request.row)
                case Follow():
                    self._follow(request)
                case Send():
                    reply = to_rows(answers.get(request.number, b""))
                    self._send(one, request, sendings.get(request.number), reply)
            request = advance(step, reply)
        return self.core.take_journal()

    def _hear(self, facts: FactsInput) -> None:
        if self.books is not None:
            self.books.hear(to_rows(facts.rows))
        if self.inbox is not None:
            self.inbox.note(facts.keys)

    def _meet(self, one: Input, events: Rows, row: int) -> Rows:
        assert isinstance(one, SliceInput)
        recorded = one.met.get(row, b"")
        if self.market is not None:
            played = self.market.meet(events, row)
            if to_bytes(played) != recorded:
                raise Divergence(self.number, "market", to_rows(recorded), played, one)
        if not recorded:
            return NO_ROWS
        facts = to_rows(recorded)
        if self.books is not None:
            self.books.hear(facts)
        return facts

    def _follow(self, request: Follow) -> None:
        if self.market is not None:
            self.market.follow(request.instrument, request.lots)
        if self.books is not None:
            i = request.instrument
            self.books.follow(i, request.lots, request.split, self.core.instruments[i])

    def _send(self, one: Input, request: Send, then: Intents | None, answers: Rows) -> None:
        """See that what was sent then is among the commands now, and send it to the paper market."""
        intents = () if then is None else then.intents
        commands = {key_of(each): each for each in request.commands}
        for intent in intents:
            command = commands.get((intent.kind, intent.order_id))
            if command is None or not _is_of(command, intent):
                raise Divergence(self.number, "sent", NO_ROWS, NO_ROWS, one)
            if self.books is not None:
                self.books.recall(intent, self.outcomes, self.core.now_ns)
        if self.market is not None:
            send_recorded(self.market, request.commands, intents, answers)
        if self.books is not None:
            self.books.hear(answers)


def _is_of(command: Approved, intent: Intent) -> bool:
    """Return whether an intent says what a command says."""
    match command:
        case RiskApproved():
            terms = (command.side, command.quantity_lots, command.limit_ticks, command.stop_ticks)
            return terms == (
                intent.side,
                intent.quantity_lots,
                intent.limit_ticks,
                intent.stop_ticks,
            )
        case ReplaceApproved():
            changed = (command.quantity_lots, command.limit_ticks, command.stop_ticks)
            return changed == (intent.quantity_lots, intent.limit_ticks, intent.stop_ticks)
        case CancelApproved():
            return True
