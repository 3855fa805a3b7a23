"""Paper sessions with small limits that are killed again and again, and bugs of recovery that they find.

`python -m tests.simulation.test_planted_paper` says where each bug is found.
"""

from __future__ import annotations

from typing import Any

import msgspec

from engine.ports import Rows
from runtime.gateway.gateway import Gateway
from runtime.gateway.inbox import NO_ROWS
from runtime.gateway.ledger import OrderLedger
from runtime.session.intake import Intake
from runtime.session.recorded import send_recorded
from runtime.session.recovery import Recovered, recover
from runtime.session_core.steps import Send
from tests.simulation.paper_worlds import run_paper_seed
from tests.simulation.planting import Bug, Patch, each_of, require_found, where_each_is_found

SEEDS = 12


def sends_what_was_refused(patch: Patch) -> None:
    """Recovery sends to the market what the gateway had refused in a sending before the last."""

    def everything(market: Any, commands: Any, intents: Any, answers: Rows) -> None:
        send_recorded(market, commands, intents, NO_ROWS)

    patch.setattr("runtime.session.intake.send_recorded", everything)


def forgets_why_it_was_refused(patch: Patch) -> None:
    """What was refused beside intents that were made durable is refused as too old."""
    send_again = Gateway.send_again

    async def again(self: Gateway, commands: Any, intents: Any, outcomes: Any, _: Rows) -> Rows:
        return await send_again(self, commands, intents, outcomes)

    patch.setattr(Gateway, "send_again", again)


def judges_what_is_left_as_if_nothing_ran(patch: Patch) -> None:
    """What an input sends after the sending that a death cut off is refused: nothing runs yet."""

    def recovered(*arguments: Any, **keys: Any) -> Recovered:
        return msgspec.structs.replace(recover(*arguments, **keys), state="")

    patch.setattr("runtime.session.starting.recover", recovered)


def has_no_input_where_all_was_refused(patch: Patch) -> None:
    """Where the first sending was refused whole the record of the second is without the input."""
    send = Intake._send

    async def sent(self: Intake, request: Send, hand: Any) -> Rows:
        facts = await send(self, request, hand)
        hand.is_recorded = True
        return facts

    patch.setattr(Intake, "_send", sent)


def forgets_the_rate_at_a_restart(patch: Patch) -> None:
    restore = OrderLedger.restore

    def restored(self: OrderLedger, snapshot: bytes) -> None:
        restore(self, snapshot)
        self._sent_at.clear()

    patch.setattr(OrderLedger, "restore", restored)


BUGS = [
    Bug(sends_what_was_refused, "the broker and the journal differ", (76,)),
    Bug(forgets_why_it_was_refused, "I8", (5,)),
    Bug(judges_what_is_left_as_if_nothing_ran, "I8", (3,)),
    Bug(has_no_input_where_all_was_refused, "the first sending of an input has the input", (19,)),
    Bug(forgets_the_rate_at_a_restart, "I8", (549,)),
]


@each_of(BUGS)
def test_a_bug_of_recovery_is_found(bug: Bug, monkeypatch: Patch) -> None:
    require_found(bug, monkeypatch, run_paper_seed)


def test_a_death_between_a_refusal_and_its_record_changes_nothing() -> None:
    refused = sum(sum(run_paper_seed(seed).refusals.values()) for seed in range(SEEDS))
    assert refused > 50


if __name__ == "__main__":
    where_each_is_found(BUGS, run_paper_seed)
