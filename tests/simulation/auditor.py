"""`Auditor`: knows the venue's truth and what is durable, and holds each session to the invariants.

=====  =====================================================================================
I1     one order at the venue for each order of the engine
I2     what is sent has an intent that would survive a power cut
I3     at the end positions and working orders are the venue's, or the instrument is quarantined
I4     what our books say may be bought and sold at the worst is never less than what may be
I5     no entry leaves without a valid certificate
I6     each currency's accounts sum to zero
I7     engine, books and booked executions hold the same
I8     the whole journal leads to the same state as checkpoints and tails
I9     a pause holds over a restart
I10    what closes is not more than is held
I11    sequences have no gap, and the chain is whole
I12    ten minutes after the last fault nothing is in doubt, or a person was told
I13    who has lost the account sends nothing
I14    no secret that a venue tells of stands in anything that was written
I15    nothing but what a person can read ends a session (I16: no edge that is not in the table)
I17    what is decided is decided on what was available then
I19    what needs a person was told once
I20    requests stay under the venue's limit, and none is made inside a ban
       where a person is asked, no signal is sent that they have not approved
=====  =====================================================================================
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from engine.approved import RiskApproved
from engine.model import layout as at
from engine.model import trading_layout as loop
from engine.model.orders import OrderFlag
from engine.model.trading import ExecutionMode
from runtime.gateway.ledger import Sent
from runtime.journal.entries import Entry
from runtime.journal.records import Input, Intents, Noted, OperatorInput, SliceInput, Taken
from runtime.session.intake import to_rows
from sims.network import Exchange
from sims.request_limit import Purpose
from tests.simulation.availability import Availability
from tests.simulation.request_counts import RequestCounts

if TYPE_CHECKING:
    from tests.simulation.processes import Life


class Violation(AssertionError):
    """An invariant does not hold."""


@dataclass
class Auditor:
    """See the module."""

    exchange: Exchange
    requests: RequestCounts
    market: Availability
    mode: ExecutionMode = ExecutionMode.AUTO
    approved: set[int] = field(default_factory=set)  # signals, by a person
    intents: set[str] = field(default_factory=set)  # client ids whose intent is durable
    told: list[Noted] = field(default_factory=list)
    is_paused: bool = False  # by what is durable
    is_feed_bad: bool = False
    is_stolen: bool = False
    checks: int = 0

    def kept(self, entries: list[Entry]) -> None:
        """Hear that entries are durable."""
        for entry in entries:
            match entry.record:
                case Intents(intents=intents):
                    self.intents.update(each.client_id for each in intents)
                case Noted() as noted:
                    self.told.append(noted)
                case Taken(input=OperatorInput(verb="pause" | "flatten")):
                    self.is_paused = True
                case Taken(input=OperatorInput(verb="resume")):
                    self.is_paused = False
                case _:
                    pass

    # --- before something is sent ------------------------------------------------------------------
    def on_send(self, life: Life, order: RiskApproved, client_id: str) -> None:
        """A new order is about to leave."""
        if client_id not in self.intents:
            raise Violation(f"I2: order {order.order_id} leaves without a durable intent")
        journal = life.journal
        if self.is_stolen or life.now_ns >= journal.lease.until_monotonic_ns:
            raise Violation(
                f"I13: order {order.order_id} leaves a session that has lost the account"
            )
        books = life.session.gateway.books
        closes = (
            order.flags & OrderFlag.REDUCE_ONLY or order.side < 0
        )  # no strategy here goes short
        held = books.positions.get(order.instrument, 0) * -order.side
        if closes and order.quantity_lots > max(held, 0):
            raise Violation(
                f"I10: order {order.order_id} closes {order.quantity_lots} lots, {held} are held"
            )
        if life.session.gateway.can_only_close(order):
            return
        why = ""
        if self.is_paused:
            why = "I9: the session is paused"
        elif life.world.certificate:
            why = f"I5: {life.world.certificate}"
        elif self.is_feed_bad:
            why = "the feed is not whole"
        elif order.instrument in life.inbox.quarantined:
            why = "I3: the instrument is quarantined"
        other = books.unknown(order.instrument)
        if other is not None and other.order_id != order.order_id:
            why = f"nobody knows what became of order {other.order_id}"
        if why:
            raise Violation(f"order {order.order_id} takes new risk, and {why}")

    def on_request(self, life: Life, purpose: Purpose) -> None:
        """A request is about to leave."""
        if why := self.requests.leaves(life.number, purpose):
            raise Violation(f"I20: a request ({purpose.value}) leaves, and {why}")

    def on_arrival(self) -> None:
        """The venue has taken an order."""
        counts = Counter(each.intent for each in self.exchange.orders.values() if each.intent)
        twice = [intent for intent, count in counts.items() if count > 1]
        if twice:
            raise Violation(f"I1: the venue has order {twice[0]} twice")

    # --- after each input --------------------------------------------------------------------------
    def after_input(self, life: Life, one: Input) -> None:
        """An input was decided on to its end."""
        self.checks += 1
        core, books = life.core.plain, life.session.gateway.books
        for row, accounts in enumerate(core.ledger.tolist()):
            total = sum(accounts[: at.LEDGER_ACCOUNTS])
            if total != 0:
                raise Violation(f"I6: the accounts of currency {row} sum to {total}")
        booked: Counter[int] = Counter()
        for _, each in self.exchange.executions:
            if life.inbox.has_execution(each.execution_id):
                booked[each.instrument] += each.side * each.lots
        for i in range(len(life.core.instruments)):
            held = core.positions[i, at.POSITION_QUANTITY]
            booked[i] -= self.kept_lots(life, i)[0]
            if not held == books.positions.get(i, 0) == booked[i]:
                raise Violation(
                    f"I7: instrument {i}: engine {held}, books {books.positions.get(i, 0)}, "
                    f"executions {booked[i]}"
                )
            self._worst_case(life, i)
        if self.mode is ExecutionMode.APPROVE:
            self._require_approval(life, one)
        cursor = one.cursor if isinstance(one, SliceInput) else life.session.cursor
        if why := self.market.why_not(one, life.decided, life.core, cursor, life.world.market_ns):
            raise Violation(f"I17: {why}")

    def _require_approval(self, life: Life, one: Input) -> None:
        """Where a person is asked, a signal is approved by their word, now or earlier."""
        if isinstance(one, OperatorInput) and one.verb == "approve":
            self.approved.add(int(to_rows(one.rows)[0, loop.OPERATOR_SIGNAL]))
        for row in (row for rows in life.decided for row in rows):
            number = int(row[loop.ANSWER_NUMBER])
            if row[at.EVENT_KIND] == at.KIND_SIGNAL_APPROVED and number not in self.approved:
                raise Violation(f"nobody has approved signal {number}")

    def kept_lots(self, life: Life, i: int) -> tuple[int, int]:
        """Return what the venue has kept of an instrument as a fee: what is booked, and what is not told yet."""
        return 0, 0

    def _worst_case(self, life: Life, i: int) -> None:
        """What may come of the venue's orders lies inside what the books reckon with."""
        if self.exchange.surprises:  # in few worlds
            mine = [one for _, one in self.exchange.executions if one.instrument == i]
            if any(one.execution_id in self.exchange.surprises for one in mine):
                if not all(life.inbox.has_execution(one.execution_id) for one in mine):
                    return  # a venue that trades out of turn: nobody can know before it is told
        books = life.session.gateway.books
        held, theirs = books.positions.get(i, 0), self.exchange.positions.get(i, 0)
        theirs += self.kept_lots(life, i)[1]
        buys, sells = books.working(i)
        may_buy, may_sell = self.exchange.working(i)
        if theirs + may_buy > held + buys or theirs - may_sell < held - sells:
            raise Violation(
                f"I4: instrument {i}: the venue may end between {theirs - may_sell} and "
                f"{theirs + may_buy}, the books say between {held - sells} and {held + buys}"
            )

    def recovered(self, life: Life, *, is_paused: bool, in_hand: int) -> None:
        """A process has recovered from what is durable, but for what it has in hand."""
        if is_paused != self.is_paused:
            raise Violation(f"I9: a restart makes paused {self.is_paused} into {is_paused}")
        if not in_hand:
            for i in range(len(life.core.instruments)):
                self._worst_case(life, i)

    # --- at the end --------------------------------------------------------------------------------
    def at_end(self, life: Life) -> None:
        """Faults have stopped ten minutes ago."""
        books, inbox, exchange = life.session.gateway.books, life.inbox, self.exchange
        doubtful = [each for each in books.doubtful() if each.instrument not in inbox.quarantined]
        if doubtful:
            raise Violation(f"I12: {doubtful[0]} is still in doubt")
        for i in range(len(life.core.instruments)):
            if i in inbox.quarantined:
                continue
            ours, theirs = books.positions.get(i, 0), exchange.positions.get(i, 0)
            if ours != theirs:
                raise Violation(f"I3: instrument {i}: the venue holds {theirs}, the books {ours}")
            ours_live = [e for e in books.live() if e.sent is not Sent.HELD]
            mine = {e.client_id: e.filled_lots for e in ours_live if e.instrument == i}
            works = [e for e in exchange.orders.values() if not e.status.is_closed]
            their = {e.client_id: e.filled for e in works if e.instrument == i}
            if mine != their:
                raise Violation(f"I3: instrument {i}: working at the venue {their}, for us {mine}")
        self._alerts(life)

    def _alerts(self, life: Life) -> None:
        booked = [e for e in self.exchange.overfilled if life.inbox.has_execution(e)]
        overfills = [each for each in self.told if each.kind in ("overfill", "quarantine")]
        if len(overfills) < len(booked):
            raise Violation(f"I19: {len(booked)} overfills, {len(overfills)} alerts")
        symbols = {life.core.instruments[i].symbol for i in life.inbox.quarantined}
        known = {each.subject for each in self.told if each.kind == "quarantine"}
        if symbols - known:
            raise Violation(f"I19: nobody was told of the quarantine of {symbols - known}")
