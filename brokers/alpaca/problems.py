"""What the venue's refusals are, in the words that all venues share, and what an answer proves. Pure.

    2xx, and it can be read        taken
    a refusal in the venue's JSON  refused, by status, code and words
    anything else                  unknown: a proxy's page, a redirect, 5xx, an answer that is cut off

The last line is the safe one: an order of which nobody knows is looked up, so nothing is lost by it but time.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from brokers.alpaca import wire
from engine.ports import SubmitOutcome, SubmitStatus


class Problem(StrEnum):
    """Why something was not done, as `SubmitOutcome.code` says it."""

    FUNDS = "funds"
    SIZE_OR_GRID = "size_or_grid"
    PRICE_BAND = "price_band"
    MARKET_CLOSED = "market_closed"
    NOT_TRADABLE = "not_tradable"
    POST_ONLY = "post_only"
    SELF_TRADE = "self_trade"
    PERMISSION = "permission"
    DUPLICATE = "duplicate"
    BAD_REQUEST = "bad_request"
    NOT_FOUND = "not_found"
    TOO_LATE = "too_late"
    RATE_LIMITED = "rate_limited"
    AUTH_FAILED = "auth_failed"
    NOT_SENT = "not_sent"
    NO_ANSWER = "no_answer"
    VENUE_DOWN = "venue_down"
    PROTOCOL_DRIFT = "protocol_drift"


@dataclass(frozen=True, slots=True)
class LocalRefusal:
    """What the venue would refuse, and so was not asked."""

    code: Problem
    problem: str

    @property
    def outcome(self) -> SubmitOutcome:
        """What it is to whoever asked."""
        return SubmitOutcome(SubmitStatus.REFUSED, code=self.code, problem=self.problem)


_REFUSING: Final = frozenset({400, 401, 403, 404, 405, 409, 418, 422, 429})
# Words of refusals, the first that fits; by them, as codes stand for several things each.
_WORDS: Final = tuple(
    (re.compile(words, re.IGNORECASE), problem)
    for words, problem in (
        ("client_order_id must be unique", Problem.DUPLICATE),
        ("wash trade", Problem.SELF_TRADE),
        ("insufficient", Problem.FUNDS),
        ("order is already in|not cancelable|order .*not open|pending_", Problem.TOO_LATE),
        ("sub-penny|increment|minimum|fractional|must be > 0|qty", Problem.SIZE_OR_GRID),
        ("market is closed|market hours|orders are not .*between", Problem.MARKET_CLOSED),
        ("not tradable|not active|asset .*not found|halted|short", Problem.NOT_TRADABLE),
        ("price .*(band|away|deviat)|limit up|limit down", Problem.PRICE_BAND),
    )
)


def taken_or_not(status: int, body: bytes, raw: str, client_id: str = "") -> SubmitOutcome:
    """Return what the answer to a submit or a replacement proves.

    Parameters
    ----------
    client_id
        What the order must be called, if it is one.
    """
    if 200 <= status < 300:
        try:
            order = wire.decode(body, wire.Order)
        except wire.Unreadable as error:
            return _unknown(Problem.PROTOCOL_DRIFT, f"it was taken, perhaps: {error}", raw)
        if order.client_order_id != client_id:
            why = f"the answer is about {order.client_order_id!r}, not {client_id!r}"
            return _unknown(Problem.PROTOCOL_DRIFT, why, raw)
        return SubmitOutcome(SubmitStatus.TAKEN, order.id, raw=raw)
    return refused_or_unknown(status, body, raw)


def canceled_or_not(status: int, body: bytes, raw: str, venue_id: str) -> SubmitOutcome:
    """Return what the answer to a cancel proves; taken is not canceled yet."""
    if 200 <= status < 300:
        return SubmitOutcome(SubmitStatus.TAKEN, venue_id, raw=raw)
    found = refused_or_unknown(status, body, raw)
    if found.status is SubmitStatus.REFUSED and status == 422:
        return SubmitOutcome(found.status, venue_id, Problem.TOO_LATE, found.problem, raw)
    return found


def refused_or_unknown(status: int, body: bytes, raw: str) -> SubmitOutcome:
    """Return what an answer that is no success proves."""
    error = wire.decode_error(body)
    if error is not None and status in _REFUSING:
        problem = error.message or f"code {error.code}"
        return SubmitOutcome(
            SubmitStatus.REFUSED, code=problem_of(status, error), problem=problem, raw=raw
        )
    code = Problem.VENUE_DOWN if status >= 500 else Problem.PROTOCOL_DRIFT
    return _unknown(code, f"the venue answered {status}: {wire.shown(body)}", raw)


def problem_of(status: int, error: wire.Error) -> Problem:
    """Return which refusal it is."""
    if status in (429, 418):
        return Problem.RATE_LIMITED
    if status == 401 or (status == 403 and not error.code):
        return Problem.AUTH_FAILED
    for words, problem in _WORDS:
        if words.search(error.message):
            return problem
    if status == 404:
        return Problem.NOT_FOUND
    return Problem.PERMISSION if status == 403 else Problem.BAD_REQUEST


def _unknown(code: Problem, problem: str, raw: str) -> SubmitOutcome:
    return SubmitOutcome(SubmitStatus.UNKNOWN, code=code, problem=problem, raw=raw)
