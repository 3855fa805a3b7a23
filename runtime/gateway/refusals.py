"""Why the gateway refuses to send: stable codes, and the sentence that a person reads."""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum
from typing import Final


class Refusal(IntEnum):
    """A reason for which a command does not leave. Numbers are stable; they stand in the journal."""

    KILLED = 500
    LEASE_LOST = 501
    SESSION_NOT_RUNNING = 502
    BREAKER_OPEN = 503
    NO_CERTIFICATE = 504
    ACCOUNT_UNREAD = 505
    INTENT_EXPIRED = 506
    DUPLICATE_ID = 507
    MORE_THAN_ORDERED = 508
    OFF_GRID = 509
    PRICE_COLLAR = 510
    ORDER_VALUE = 511
    ORDER_QUANTITY = 512
    EXPOSURE = 513
    ORDER_RATE = 514
    RESTRICTED = 515
    OUTCOME_UNKNOWN = 516
    JOURNAL_BEHIND = 517
    NOT_DURABLE = 518
    CHECK_FAILED = 519
    BOOKS_DIFFER = 520
    DATA_TOO_OLD = 521
    NOT_SUPPORTED = 522
    CASH_DIFFERS = 523
    MORE_THAN_HELD = 524
    UNDER_LEAST = 525
    VENUE_REFUSED = 530
    NOT_SENT = 531
    UNKNOWN_ORDER = 532


SENTENCES: Final[dict[Refusal, str]] = {
    Refusal.KILLED: "the kill switch is on: only cancels leave until a person releases it",
    Refusal.LEASE_LOST: "this process does not hold the account any more: another may trade it",
    Refusal.SESSION_NOT_RUNNING: "the session's state lets only orders leave that close",
    Refusal.BREAKER_OPEN: "a guard or breaker is set that lets nothing of this kind leave",
    Refusal.NO_CERTIFICATE: "no valid certificate covers what runs",
    Refusal.ACCOUNT_UNREAD: "what the broker's account holds is not known yet",
    Refusal.INTENT_EXPIRED: "the decision is too old to be sent",
    Refusal.DUPLICATE_ID: "an order of this identity was sent before",
    Refusal.MORE_THAN_ORDERED: "more would be ordered than was decided",
    Refusal.OFF_GRID: "price or quantity is off the instrument's grid",
    Refusal.PRICE_COLLAR: "the price is too far from the last price, or no price is known",
    Refusal.ORDER_VALUE: "the order's value is over the workspace's limit",
    Refusal.ORDER_QUANTITY: "the order's quantity is over the workspace's limit",
    Refusal.EXPOSURE: "the account's worst case would be over the workspace's limit",
    Refusal.ORDER_RATE: "too many orders have left in the last minute",
    Refusal.RESTRICTED: "the instrument is quarantined, restricted, or its data have not come for too long",
    Refusal.OUTCOME_UNKNOWN: "what became of an earlier order in this instrument is not proven yet",
    Refusal.JOURNAL_BEHIND: "the journal cannot keep up, so no new risk is taken",
    Refusal.NOT_DURABLE: "the intent could not be made durable, so it was not sent",
    Refusal.CHECK_FAILED: "a check could not be made, and what is not checked does not leave",
    Refusal.DATA_TOO_OLD: "the market data that it was decided on are too old: it is judged again",
    Refusal.BOOKS_DIFFER: "the gateway's own books and the engine's differ",
    Refusal.CASH_DIFFERS: "the account's cash is not what the books explain",
    Refusal.NOT_SUPPORTED: "the venue does not do this",
    Refusal.MORE_THAN_HELD: "an order that only reduces is for more than is left to close",
    Refusal.UNDER_LEAST: "it is smaller than the smallest order that the venue takes",
    Refusal.VENUE_REFUSED: "the venue refused it",
    Refusal.NOT_SENT: "it was not sent: the venue could not be reached",
    Refusal.UNKNOWN_ORDER: "the venue has no such order (any more)",
}


@dataclass(frozen=True, slots=True)
class Refused:
    """A verdict with its numbers; both are 0 where the check has none."""

    code: Refusal
    number: int = 0
    limit: int = 0
    detail: str = ""

    def __str__(self) -> str:
        text = SENTENCES[self.code]
        if self.detail:
            return f"{text} ({self.detail})"
        if self.limit:
            return f"{text} ({self.number} against {self.limit})"
        return text
