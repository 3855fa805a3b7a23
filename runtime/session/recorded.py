"""Sending again, to a paper market that is being rebuilt, what a journal says was sent."""

from __future__ import annotations

from collections.abc import Sequence

from engine.approved import Approved, CancelApproved, ReplaceApproved, RiskApproved
from engine.model import layout as at
from engine.ports import Rows, SimulatedBroker
from runtime.gateway.refusals import Refusal
from runtime.journal.records import Intent
from runtime.session_core.playing import send_now

_HAD_LEFT = (Refusal.VENUE_REFUSED, Refusal.NOT_SENT)


def send_recorded(
    market: SimulatedBroker, commands: Sequence[Approved], intents: Sequence[Intent], answers: Rows
) -> None:
    """Send those of the commands that had left; `answers` say which of the intents had not.

    What the market answers is among what was recorded, and is taken from it here.
    """
    kept = {_of_answer(row) for row in answers if _was_kept_back(row)}
    wanted = {key_of(each): each for each in commands}
    for intent in intents:
        key = (intent.kind, intent.order_id)
        if (intent.kind == at.KIND_SUBMITTED, intent.order_id) not in kept:
            send_now(market, wanted[key], intent.client_id)
    market.answers()


def key_of(command: Approved) -> tuple[int, int]:
    """Return kind and order of a command, as its intent has them."""
    match command:
        case RiskApproved():
            return at.KIND_SUBMITTED, command.order_id
        case CancelApproved():
            return at.KIND_CANCEL_SENT, command.order_id
        case ReplaceApproved():
            return at.KIND_REPLACE_SENT, command.order_id


def _of_answer(row: Rows) -> tuple[bool, int]:
    return bool(row[at.EVENT_KIND] == at.KIND_REJECTED), int(row[at.FACT_ORDER])


def _was_kept_back(row: Rows) -> bool:
    """Return whether a fact says that the gateway did not let an intent leave."""
    ends, reason = (at.KIND_REJECTED, at.KIND_CANCEL_REJECTED), int(row[at.FACT_REASON])
    return row[at.EVENT_KIND] in ends and reason >= min(Refusal) and reason not in _HAD_LEFT
