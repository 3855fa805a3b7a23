"""Paper sessions with small limits that are killed again and again, and bugs of recovery that they find.

The seeds beside each are where it was found when this was written; they are only where to begin.
"""

from __future__ import annotations

from typing import Any

import msgspec
import pytest

from engine.ports import Rows
from runtime.gateway.gateway import Gateway
from runtime.gateway.inbox import NO_ROWS
from runtime.gateway.ledger import OrderLedger
from runtime.session.intake import Intake
from runtime.session.recorded import send_recorded
from runtime.session.recovery import Recovered, recover
from runtime.session_core.steps import Send
from tests.simulation.paper_worlds import run_paper_seed
from tests.simulation.planting import (
    Bugs,
    Patch,
    Plant,
    first_seed_that_finds,
    where_each_is_found,
)

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


BUGS: Bugs = [
    (sends_what_was_refused, (76,)),
    (forgets_why_it_was_refused, (9,)),
    (judges_what_is_left_as_if_nothing_ran, (3,)),
    (has_no_input_where_all_was_refused, (19,)),
    (forgets_the_rate_at_a_restart, (549,)),
]


@pytest.mark.parametrize(("plant", "begin"), BUGS, ids=[plant.__name__ for plant, _ in BUGS])
def test_a_bug_of_recovery_is_found(
    plant: Plant, begin: tuple[int, ...], monkeypatch: Patch
) -> None:
    plant(monkeypatch)
    assert first_seed_that_finds(run_paper_seed, begin) is not None


def test_a_death_between_a_refusal_and_its_record_changes_nothing() -> None:
    refused = sum(sum(run_paper_seed(seed).refusals.values()) for seed in range(SEEDS))
    assert refused > 50


if __name__ == "__main__":
    where_each_is_found(run_paper_seed, BUGS)
