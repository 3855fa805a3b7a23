"""`Gateway`: from approved commands to a broker, one request each, each durable before it is sent."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from typing import Final

import msgspec
import numpy as np

from engine.approved import (
    Approved,
    CancelApproved,
    ReplaceApproved,
    RiskApproved,
    cancel_of,
)
from engine.model import layout as at
from engine.model.instruments import Instrument
from engine.ports import Broker, Rows, SubmitOutcome, SubmitStatus, TakesPairs, leg_id
from runtime.gateway.checks import (
    CHECKS_AGAIN,
    CHECKS_LAST,
    CHECKS_RELEASED,
    Limits,
    Request,
    Situation,
    can_only_close,
    judge,
)
from runtime.gateway.holding import (
    bracket_problems,
    targets_of_stops,
    waited_for,
    waits_for,
)
from runtime.gateway.ids import client_id, intent_id
from runtime.gateway.inbox import NO_ROWS, fact_row
from runtime.gateway.ledger import HELD, LEAVING, OrderLedger, Sent, Tracked
from runtime.gateway.refusals import Refusal, Refused
from runtime.journal.records import Intent, Outcome

MakeDurable = Callable[[tuple[Intent, ...], Rows], Awaitable[None]]  # and what is refused
DUPLICATE: Final = "duplicate"  # a broker's code for: the name is used
_KINDS: Final = {
    RiskApproved: at.KIND_SUBMITTED,
    CancelApproved: at.KIND_CANCEL_SENT,
    ReplaceApproved: at.KIND_REPLACE_SENT,
}


class Gateway:
    """The order path of one session.

    Parameters
    ----------
    books
        What is known of this account from before.
    situation
        Says what the checks look at, as it is at the moment of asking.
    told
        Called with every refusal and every outcome, for logs and alerts.
    asks_first
        After a crash the venue is asked what has become of an order, instead of being sent it again.
    """

    def __init__(
        self,
        broker: Broker,
        instruments: Sequence[Instrument],
        books: OrderLedger,
        *,
        session: str,
        account: str,
        limits: Limits,
        situation: Callable[[], Situation],
        note: Callable[[Outcome], None],
        told: Callable[[Approved, Refused], None] = lambda command, refused: None,
        asks_first: bool = False,
    ) -> None:
        self.books = books
        self._broker = broker
        self._instruments = instruments
        self._session = session
        self._account = account
        self._limits = limits
        self._situation = situation
        self._note = note
        self._told = told
        self._asks_first = asks_first

    async def send(self, commands: tuple[Approved, ...], durable: MakeDurable) -> Rows:
        """Send what passes the checks; return what is known at once, as facts for the engine.

        `durable` is given the intents of what passes, and the facts of what is refused beside them: whoever
        goes on after a crash has to refuse the same for the same reason.
        """
        facts: list[Rows] = []
        passed: list[tuple[Request, Intent]] = []
        now_ns = self._situation().now_ns
        problems = bracket_problems(commands, self._instruments)
        targets = targets_of_stops(commands) if self._limits.holds else {}
        for command in commands:
            intent = self._intent(command, targets.get(command.order_id, 0))
            request = self._request(command, intent, problems.get(command.order_id))
            refused = judge(request, self._situation(), self._limits, self.books)
            if refused is not None:
                facts.append(self._refuse(command, refused, now_ns))
            else:
                intent = self._held(request, intent, commands)
                self.books.begin(intent, now_ns)
                passed.append((request, intent))
        intents = tuple(intent for _, intent in passed)
        if passed and (problem := await _kept(durable, intents, _joined(facts))):
            facts += [self._refuse(request.command, problem, now_ns) for request, _ in passed]
            passed.clear()
        for request, intent in passed:
            # Making it durable took its time: what can have changed meanwhile is judged once more.
            late = judge(request, self._situation(), self._limits, self.books, CHECKS_LAST)
            if late is not None:
                facts.append(self._refuse(request.command, late, now_ns))
            elif intent.held_for:
                self._note(Outcome(intent.client_id, HELD, kind=intent.kind))
                await self.make_way(intent.order_id)
            else:
                facts.append(await self._one(request.command, intent, now_ns))
        found = _joined(facts)
        self.books.hear(found)
        return found

    def recall(self, intents: Sequence[Intent], outcomes: Sequence[Outcome], answers: Rows) -> None:
        """Book a sending that is in the journal with what it has come to."""
        now_ns = self._situation().now_ns
        for intent in intents:
            self.books.recall(intent, outcomes, now_ns)
        self.books.hear(answers)

    async def send_again(
        self,
        commands: tuple[Approved, ...],
        intents: Sequence[Intent],
        outcomes: Sequence[Outcome] = (),
        refused: Rows = NO_ROWS,
    ) -> Rows:
        """Go on with what was made durable before a crash, under the same names.

        Nobody knows whether it had left. A paper account takes it again, the same name being the
        same order; a venue is asked first (`asks_first`), but for cancels, which harm nobody, and
        for orders of which the journal has the outcome. What was `refused` then is refused now.
        """
        facts: list[Rows] = [refused]
        was_refused = set(refused[:, at.FACT_ORDER].tolist())
        now_ns = self._situation().now_ns
        recorded = {(each.kind, each.order_id): each for each in intents}
        known = {each.client_id: each for each in outcomes if each.kind == at.KIND_SUBMITTED}
        for command in commands:
            intent = recorded.get((_KINDS[type(command)], command.order_id))
            if intent is None:
                if command.order_id not in was_refused:
                    why = Refused(Refusal.INTENT_EXPIRED, detail="it did not pass before a crash")
                    facts.append(self._refuse(command, why, now_ns))
                continue
            self.books.begin(intent, now_ns)
            if intent.held_for:
                await self.make_way(command.order_id)
            elif self._asks_first and not isinstance(command, CancelApproved):
                outcome = SubmitOutcome(SubmitStatus.UNKNOWN, code="crash")
                then = known.get(intent.client_id)
                if then is not None and intent.kind == at.KIND_SUBMITTED:
                    outcome = SubmitOutcome(
                        SubmitStatus(then.status), then.venue_id, then.code, then.problem
                    )
                facts.append(self._heed(command, intent, outcome, now_ns))
            else:
                facts.append(await self._one(command, intent, now_ns))
        found = _joined(facts)
        self.books.hear(found)
        return found

    async def submit_again(self, order: RiskApproved) -> Refused | None:
        """Send an order that is proven absent once more, under the name that it has.

        Return why it may not leave (any more); what becomes of it is noted in the books.
        """
        known = self._known(order)
        assert known.sent is Sent.UNKNOWN, "only what is not there goes again"
        request = self._again(order, known)
        refused = judge(request, self._situation(), self._limits, self.books, CHECKS_AGAIN)
        if refused is None:
            intent = Intent(
                "", known.client_id, 0, at.KIND_SUBMITTED, order.order_id, order.instrument
            )
            outcome = await self._ask(order, intent)
            if outcome.status in (SubmitStatus.TAKEN, SubmitStatus.UNKNOWN):
                self._heed(order, intent, outcome, 0)
            elif outcome.code != DUPLICATE:  # else it has arrived after all: the next look finds it
                refused = Refused(Refusal.VENUE_REFUSED, detail=outcome.problem)
        if refused is not None:
            self._told(order, refused)
        return refused

    async def release(
        self, orders: Sequence[RiskApproved], durable: Callable[[list[Outcome]], Awaitable[None]]
    ) -> Refused | None:
        """Send what was held: one order, or a target and a stop as one; return why it has not left.

        That it leaves is made durable, and so is all that it rests on: after a crash the venue is asked.
        """
        refused = self._may_leave(orders)
        if refused is not None:
            return refused
        try:
            await durable([self._outcome(each, LEAVING) for each in orders])
            refused = self._may_leave(orders)
        except Exception as error:  # noqa: BLE001  (whatever failed, nothing leaves)
            refused = Refused(Refusal.NOT_DURABLE, detail=str(error))
        if refused is None:
            for order in orders:
                self.books.mark(order.order_id, Sent.SENDING)
            refused = self._left(orders, await self._ask_together(orders))
        if refused is not None:
            for order in orders:
                self.books.mark(order.order_id, Sent.HELD)
                self._note(self._outcome(order, HELD))
        return refused

    def _may_leave(self, orders: Sequence[RiskApproved]) -> Refused | None:
        situation = self._situation()
        for order in orders:
            request = self._again(order, self._known(order))
            refused = judge(request, situation, self._limits, self.books, CHECKS_RELEASED)
            if refused is not None:
                return refused
        return None

    def _left(self, orders: Sequence[RiskApproved], outcome: SubmitOutcome) -> Refused | None:
        """Note what has become of sending what was held; return why it is held again."""
        if outcome.status is SubmitStatus.NOT_SENT:
            return Refused(Refusal.NOT_SENT, detail=outcome.problem)
        if outcome.status is SubmitStatus.REFUSED and outcome.code != DUPLICATE:
            return Refused(Refusal.VENUE_REFUSED, detail=outcome.problem)
        for order in orders:
            name = self._known(order).client_id
            intent = Intent("", name, 0, at.KIND_SUBMITTED, order.order_id, order.instrument)
            self._heed(order, intent, outcome, 0)
            outcome = msgspec.structs.replace(outcome, venue_id="")  # it is the first one's
        return None

    def _outcome(self, order: RiskApproved, status: str) -> Outcome:
        return Outcome(self._known(order).client_id, status, kind=at.KIND_SUBMITTED)

    def _known(self, order: RiskApproved) -> Tracked:
        known = self.books.find(order.order_id)
        assert known is not None, "what is sent later is in the books"
        return known

    async def _ask_together(self, orders: Sequence[RiskApproved]) -> SubmitOutcome:
        names = [self._known(each).client_id for each in orders]
        if len(orders) == 1:
            intent = Intent("", names[0], 0, at.KIND_SUBMITTED, 0, orders[0].instrument)
            return await self._ask(orders[0], intent)
        target, stop = orders
        assert isinstance(self._broker, TakesPairs), "else no pair would have passed"
        try:
            return await self._broker.submit_pair(target, stop, names[0])
        except Exception as error:  # noqa: BLE001  (an adapter's mistake: nobody knows what left)
            return SubmitOutcome(SubmitStatus.UNKNOWN, code="adapter", problem=repr(error))

    def _withdraw(self, known: Tracked, now_ns: int) -> Rows:
        """End what has not left, and what hangs on the same entry, as the end of one ends the other."""
        ended = self.books.siblings(known) if self.books.is_child(known) else (known,)
        for each in ended:
            self.books.mark(each.order_id, Sent.ENDED)
        return _joined([fact_row(at.KIND_CANCELED, each, now_ns) for each in ended])

    async def make_way(self, order_id: int) -> None:
        """Have the children canceled that reserve what a held order closes; one ends its pair."""
        known = self.books.find(order_id)
        if known is None or self.books.is_child(known):
            return
        for child in waited_for(known, self.books):
            if child.is_leaving:
                continue
            for each in self.books.siblings(child):
                each.is_leaving = True
            outcome = await self.cancel_again(cancel_of(child.order_id, child.instrument))
            if outcome.status is not SubmitStatus.TAKEN:
                self.books.doubt(child.order_id, at.KIND_CANCEL_SENT)

    def _held(self, request: Request, intent: Intent, commands: Sequence[Approved]) -> Intent:
        """Return an intent with the order that it waits for, if it waits for one."""
        if not self._limits.holds:
            return intent
        order_id = waits_for(request.command, commands, self.books, closes=request.closes)
        return msgspec.structs.replace(intent, held_for=order_id) if order_id else intent

    async def cancel_again(self, order: CancelApproved) -> SubmitOutcome:
        """Repeat a cancel: harmless, and nobody is ever held in an order."""
        known = self.books.find(order.order_id)
        assert known is not None
        if self._situation().monotonic_ns >= self._situation().lease_until_ns:
            return SubmitOutcome(SubmitStatus.NOT_SENT, problem=str(Refused(Refusal.LEASE_LOST)))
        try:
            return await self._broker.cancel(order, known.client_id)
        except Exception as error:  # noqa: BLE001  (an adapter's mistake: nobody knows what left)
            return SubmitOutcome(SubmitStatus.UNKNOWN, code="adapter", problem=repr(error))

    def can_only_close(self, command: Approved) -> bool:
        """Return whether a command can only bring a position nearer to flat; see `checks.can_only_close`."""
        return can_only_close(command, self.books, self._limits)

    def hear(self, facts: Rows) -> None:
        """Book what a broker has told; call it with all facts that the engine is given."""
        self.books.hear(facts)

    def follow(self, instrument: int, lots: int, split: tuple[int, int]) -> None:
        """Take over what an action (a split, a settlement) has changed; see `OrderLedger.follow`."""
        self.books.follow(instrument, lots, split, self._instruments[instrument])

    def _again(self, order: RiskApproved, known: Tracked) -> Request:
        return Request(
            order,
            self._instruments[order.instrument],
            known,
            known.client_id,
            self.can_only_close(order),
            order.quantity_lots,
            order.limit_ticks,
        )

    def _request(self, command: Approved, intent: Intent, bracket: str | None) -> Request:
        is_order = isinstance(command, RiskApproved)
        return Request(
            command,
            self._instruments[command.instrument],
            None if is_order else self.books.find(command.order_id),
            intent.client_id,
            self.can_only_close(command),
            intent.quantity_lots,
            intent.limit_ticks,
            bracket,
        )

    def _intent(self, command: Approved, target: int = 0) -> Intent:
        """Return what is made durable; `target`: the order that the venue takes this one with."""
        tracked = self.books.find(command.order_id)
        number = 0 if tracked is None else tracked.commands
        named = intent_id(self._session, command.order_id, number)
        first = intent_id(self._session, target or command.order_id, 0)
        name = client_id(self._account, first, 0)
        if tracked is not None:
            name = tracked.client_id
        intent = Intent(
            named,
            leg_id(name) if target else name,
            0,
            _KINDS[type(command)],
            command.order_id,
            command.instrument,
        )
        match command:
            case RiskApproved():
                return msgspec.structs.replace(
                    intent,
                    side=command.side,
                    quantity_lots=command.quantity_lots,
                    limit_ticks=command.limit_ticks,
                    stop_ticks=command.stop_ticks,
                )
            case ReplaceApproved():
                return msgspec.structs.replace(
                    intent,
                    quantity_lots=command.quantity_lots,
                    limit_ticks=command.limit_ticks,
                    stop_ticks=command.stop_ticks,
                )
            case CancelApproved():
                return intent

    async def _one(self, command: Approved, intent: Intent, now_ns: int) -> Rows:
        """Send one command once; return what its answer means to the engine."""
        known = self.books.find(command.order_id)
        if isinstance(command, CancelApproved) and known is not None and known.held_for:
            if known.sent is Sent.HELD:
                return self._withdraw(known, now_ns)
            if known.sent is Sent.ENDED:
                return NO_ROWS
        return self._heed(command, intent, await self._ask(command, intent), now_ns)

    def _heed(self, command: Approved, intent: Intent, outcome: SubmitOutcome, now_ns: int) -> Rows:
        """Note what has become of sending a command; return what it means to the engine."""
        self._note(
            Outcome(
                intent.client_id,
                outcome.status,
                outcome.venue_id,
                outcome.code,
                outcome.problem,
                intent.kind,
            )
        )
        order_id, is_order = command.order_id, isinstance(command, RiskApproved)
        if (
            self._asks_first
            and isinstance(command, CancelApproved)
            and outcome.status is not SubmitStatus.TAKEN
        ):
            # Nobody is held in an order: it is looked up, and the cancel repeated, until it is known.
            # Told to the engine at once it would be asked for again at once, without an end.
            self.books.doubt(order_id, intent.kind)
            return NO_ROWS
        # Of a name that is used the order has arrived before, however that came about: it is looked up.
        is_there = is_order and outcome.code == DUPLICATE
        match SubmitStatus.UNKNOWN if is_there else outcome.status:
            case SubmitStatus.TAKEN:
                if is_order:
                    self.books.mark(order_id, Sent.TAKEN, outcome.venue_id)
                return NO_ROWS
            case SubmitStatus.UNKNOWN:
                if is_order:
                    self.books.mark(order_id, Sent.UNKNOWN)
                else:
                    self.books.doubt(order_id, intent.kind)
                return NO_ROWS
            case SubmitStatus.REFUSED:
                if not is_order:  # perhaps it is too late: there may be a fill
                    self.books.doubt(order_id, at.KIND_CANCEL_REJECTED)
                return self._refuse(
                    command, Refused(Refusal.VENUE_REFUSED, detail=outcome.problem), now_ns
                )
            case SubmitStatus.NOT_SENT:
                return self._refuse(
                    command, Refused(Refusal.NOT_SENT, detail=outcome.problem), now_ns
                )

    async def _ask(self, command: Approved, intent: Intent) -> SubmitOutcome:
        try:
            match command:
                case RiskApproved():
                    return await self._broker.submit(command, intent.client_id)
                case CancelApproved():
                    return await self._broker.cancel(command, intent.client_id)
                case ReplaceApproved():
                    return await self._broker.replace(command, intent.client_id)
        except Exception as error:  # noqa: BLE001  (an adapter's mistake: nobody knows what left)
            return SubmitOutcome(SubmitStatus.UNKNOWN, code="adapter", problem=repr(error))

    def _refuse(self, command: Approved, refused: Refused, now_ns: int) -> Rows:
        """Return the fact that a command was refused."""
        self._told(command, refused)
        is_order = isinstance(command, RiskApproved)
        if is_order:
            self.books.mark(command.order_id, Sent.ENDED)
        fact = np.zeros((1, at.EVENT_WIDTH), dtype=np.int64)
        fact[0, at.EVENT_TS] = now_ns
        fact[0, at.EVENT_KIND] = at.KIND_REJECTED if is_order else at.KIND_CANCEL_REJECTED
        fact[0, at.EVENT_INSTRUMENT] = command.instrument
        fact[0, at.FACT_ORDER] = command.order_id
        fact[0, at.FACT_REASON] = int(refused.code)
        return fact


def _joined(facts: Sequence[Rows]) -> Rows:
    return np.concatenate(facts) if facts else NO_ROWS


async def _kept(durable: MakeDurable, intents: tuple[Intent, ...], refused: Rows) -> Refused | None:
    """Make intents durable; return why that failed: what is not durable is not sent."""
    try:
        await durable(intents, refused)
    except Exception as error:  # noqa: BLE001  (whatever failed, nothing leaves)
        return Refused(Refusal.NOT_DURABLE, detail=str(error))
    return None
