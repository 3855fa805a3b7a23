"""Bugs that are planted: each is found by a seeded world. What finds none of them guards nothing.

`python -m tests.simulation.test_planted_bugs` says where each is found in worlds as they are.
"""

from __future__ import annotations

import asyncio
from dataclasses import replace
from typing import Any

import msgspec

import runtime.gateway.gateway as gateway_module
import runtime.session.venue_account as account_module
import runtime.session.wishes as wishes_module
import tests.simulation.processes as processes
from engine.approved import RiskApproved
from engine.model.trading import OperatorAction
from engine.ports import BrokerEvent, Rows, SubmitOutcome, SubmitStatus
from runtime.gateway.checks import CHECKS
from runtime.gateway.gateway import Gateway
from runtime.gateway.inbox import Inbox, News, Reading
from runtime.gateway.ledger import Sent, Tracked
from runtime.gateway.resolving import Doubt
from runtime.journal.journal import SessionJournal
from runtime.journal.records import Checkpointed, Intent
from runtime.session.bookkeeping import Bookkeeping
from runtime.session.feeding import FeedSide
from runtime.session.recovery import Recovered, image_of
from runtime.session.standing import Standing
from runtime.session.venue import VenueSide
from runtime.session.venue_hearing import VenueOptions
from sims.network import Odds
from tests.simulation.plans import Plan
from tests.simulation.planting import Bug, Patch, each_of, require_found, where_each_is_found


def resends_under_a_new_id(patch: Patch) -> None:
    ask = Gateway._ask

    async def asked(self: Gateway, command: Any, intent: Intent) -> SubmitOutcome:
        outcome = await ask(self, command, intent)
        if outcome.status is SubmitStatus.UNKNOWN and isinstance(command, RiskApproved):
            again = msgspec.structs.replace(intent, client_id=intent.client_id[:-1] + "2")
            outcome = await ask(self, command, again)
        return outcome

    patch.setattr(Gateway, "_ask", asked)


def sends_before_it_is_durable(patch: Patch) -> None:
    async def at_once(self: SessionJournal, sequence: int) -> None:
        await asyncio.sleep(0)

    patch.setattr(SessionJournal, "durable", at_once)


def books_a_fill_twice(patch: Patch) -> None:
    read = Inbox._read_fill

    def unseen(self: Inbox, one: Any, engine: Any) -> Reading:
        seen, self._executions = self._executions, set()
        try:
            return read(self, one, engine)
        finally:
            self._executions = seen

    patch.setattr(Inbox, "_read_fill", unseen)


def forgets_the_fill_after_a_cancel(patch: Patch) -> None:
    read = Inbox._read_fill

    def forgetful(self: Inbox, one: Any, engine: Any) -> Reading:
        order = self.books.find_client(one.client_id)
        ended = order is not None and order.sent is Sent.ENDED
        return Reading(News.OLD) if ended else read(self, one, engine)

    patch.setattr(Inbox, "_read_fill", forgetful)


def takes_unknown_for_rejected(patch: Patch) -> None:
    ask = Gateway._ask

    async def asked(self: Gateway, command: Any, intent: Intent) -> SubmitOutcome:
        outcome = await ask(self, command, intent)
        if outcome.status is SubmitStatus.UNKNOWN:
            return SubmitOutcome(SubmitStatus.REFUSED, problem="no answer")
        return outcome

    patch.setattr(Gateway, "_ask", asked)


def releases_the_reserve_of_what_is_unknown(patch: Patch) -> None:
    def open_lots(self: Tracked) -> int:
        if self.sent in (Sent.ENDED, Sent.UNKNOWN):
            return 0
        return max(self.quantity_lots - self.filled_lots, 0)

    patch.setattr(Tracked, "open_lots", property(open_lots))


def does_not_check_the_lease(patch: Patch) -> None:
    judge = gateway_module.judge

    def trusting(q: Any, at: Any, limits: Any, books: Any, checks: Any = CHECKS) -> Any:
        held = msgspec.structs.replace(at, lease_until_ns=2**62)
        return judge(q, held, limits, books, checks)

    patch.setattr(gateway_module, "judge", trusting)


def takes_a_checkpoint_with_an_input_in_hand(patch: Patch) -> None:
    async def checkpoint(self: Bookkeeping) -> None:
        assert self._venue is not None
        condition, cursor = self._condition, self._intake.cursor
        books, inbox, state = self._parts.books, self._venue.inbox, condition.state.value
        image = image_of(self._core, None, books, condition.standing, state, inbox)
        sequence = self._journal.append(Checkpointed(self._core.state_hash, cursor))
        await self._journal.durable(sequence)
        await self._parts.keeper.checkpoint(sequence, cursor, image)

    patch.setattr(Bookkeeping, "checkpoint", checkpoint)


def forgets_a_pause_at_a_restart(patch: Patch) -> None:
    recover = processes.recover

    def recovered(*arguments: Any, **keys: Any) -> Recovered:
        return msgspec.structs.replace(recover(*arguments, **keys), standing=Standing())

    patch.setattr(processes, "recover", recovered)


def enters_on_a_stale_feed(patch: Patch) -> None:
    patch.setattr(FeedSide, "_heed", lambda self, notice: None)


def enters_what_is_quarantined(patch: Patch) -> None:
    patch.setattr(VenueSide, "quarantined", property(lambda self: frozenset()))


def misses_what_a_stream_has_lost(patch: Patch) -> None:
    compare = account_module.compare

    def blind(*arguments: Any) -> Any:
        return msgspec.structs.replace(compare(*arguments), events=(), doubtful=(), differing={})

    patch.setattr(account_module, "compare", blind)


def ends_an_order_before_its_fills(patch: Patch) -> None:
    read = Inbox.read

    def hasty(self: Inbox, event: BrokerEvent, engine: Any, *, is_proven: bool = False) -> Reading:
        return read(self, event, engine, is_proven=True)

    patch.setattr(Inbox, "read", hasty)


def takes_one_look_for_a_proof(patch: Patch) -> None:
    patch.setattr(Doubt, "is_proven_absent", lambda self, now_ns: True)


def sends_again_after_a_crash(patch: Patch) -> None:
    """Without asking first, under the same id, at a venue that does not look at ids."""
    send_again = Gateway.send_again

    async def again(self: Gateway, *arguments: Any) -> Rows:
        self._asks_first = False
        try:
            return await send_again(self, *arguments)
        finally:
            self._asks_first = True

    patch.setattr(Gateway, "send_again", again)


def answers_are_not_kept(patch: Patch) -> None:
    """What a venue has answered in an input is lost by a crash in that input."""
    recover = processes.recover

    def recovered(*arguments: Any, **keys: Any) -> Recovered:
        found = recover(*arguments, **keys)
        bare = tuple(msgspec.structs.replace(each, answers={}) for each in found.in_hand)
        return msgspec.structs.replace(found, in_hand=bare)

    patch.setattr(processes, "recover", recovered)


def enters_without_a_certificate(patch: Patch) -> None:
    def certified(q: Any, at: Any, limits: Any, books: Any) -> None:
        return None

    without = [each if each.__name__ != "check_certificate" else certified for each in CHECKS]
    judge = gateway_module.judge

    def trusting(q: Any, at: Any, limits: Any, books: Any, checks: Any = CHECKS) -> Any:
        kept = [each for each in without if each in checks or each is certified]
        return judge(q, at, limits, books, kept)

    patch.setattr(gateway_module, "judge", trusting)


def closes_more_than_is_held(patch: Patch) -> None:
    """A position's exit is larger than the position, where it was filled in parts."""
    ask = Gateway.send

    async def sent(self: Gateway, commands: Any, durable: Any) -> Rows:
        larger = tuple(
            msgspec.structs.replace(each, quantity_lots=10)
            if isinstance(each, RiskApproved) and each.side < 0
            else each
            for each in commands
        )
        return await ask(self, larger, durable)

    patch.setattr(Gateway, "send", sent)


def writes_what_a_venue_says(patch: Patch) -> None:
    patch.setattr(processes.MASKER, "text", lambda text: text)


def takes_a_rejection_for_an_approval(patch: Patch) -> None:
    patch.setitem(wishes_module._ACTIONS, "reject", OperatorAction.APPROVE)


BUGS = [
    Bug(closes_more_than_is_held, "I10", (0,)),
    Bug(writes_what_a_venue_says, "I14", (0,)),
    Bug(resends_under_a_new_id, "I2", (8,)),
    Bug(sends_before_it_is_durable, "I2", (0,)),
    Bug(books_a_fill_twice, "I7", (0,)),
    Bug(forgets_the_fill_after_a_cancel, "I3", (5,)),
    Bug(takes_unknown_for_rejected, "I4", (11,)),
    Bug(releases_the_reserve_of_what_is_unknown, "I4", (9,)),
    Bug(takes_a_checkpoint_with_an_input_in_hand, "a checkpoint at", (29,)),
    Bug(forgets_a_pause_at_a_restart, "I9", (9,)),
    Bug(misses_what_a_stream_has_lost, "I3", (7,)),
    Bug(takes_one_look_for_a_proof, "I4", (21,)),
    Bug(sends_again_after_a_crash, "I1", (25,)),
    Bug(answers_are_not_kept, "decides something else", (276,)),
    Bug(takes_a_rejection_for_an_approval, "nobody has approved", (28,)),
]


# --- rare ones: what each needs ---------------------------------------------------------------------------
def certified_for_less_than_two_minutes(plan: Plan) -> Plan:
    return replace(plan, certified_until=90.0)


def whose_lease_is_not_renewed(plan: Plan) -> Plan:
    return replace(plan, lapses=((60.0, 360.0),))


def with_outages_of_the_feed(plan: Plan) -> Plan:
    return replace(plan, feed_outages=((60.0, 130.0), (200.0, 270.0)))


def with_a_trade_by_hand(plan: Plan) -> Plan:
    return replace(plan, by_hand=((60.0, 0, 5),))


def whose_lost_events_are_read_late(plan: Plan) -> Plan:
    seldom = VenueOptions(reconcile_least=300, reconcile_most=600)
    return replace(plan, watch=seldom, odds=Odds(event_lost=0.3))


RARE = [
    Bug(enters_without_a_certificate, "I5", (0,), certified_for_less_than_two_minutes),
    Bug(does_not_check_the_lease, "I13", (0,), whose_lease_is_not_renewed),
    Bug(enters_on_a_stale_feed, "the feed is not whole", (2,), with_outages_of_the_feed),
    Bug(enters_what_is_quarantined, "I3", (5,), with_a_trade_by_hand),
    Bug(ends_an_order_before_its_fills, "I4", (4,), whose_lost_events_are_read_late),
]


@each_of(RARE)
def test_a_rare_bug_is_found_where_what_it_needs_is_usual(bug: Bug, monkeypatch: Patch) -> None:
    require_found(bug, monkeypatch)


@each_of(BUGS)
def test_a_planted_bug_is_found(bug: Bug, monkeypatch: Patch) -> None:
    require_found(bug, monkeypatch)


if __name__ == "__main__":
    where_each_is_found([*BUGS, *RARE])
