"""One sentence per row of the journal: a function for each kind of event.

A function reads its row and nothing else, so that every number in a sentence is one of the row. The
checks of one order are told together: they are sixteen rows.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Final

from engine.model import layout as at
from engine.model import trading_layout as loop
from engine.model.denials import Denial
from engine.model.layout import EventKind
from engine.model.orders import OrderType, TimeInForce
from engine.model.trading import (
    AttemptResult,
    ExitReason,
    Latch,
    OnTimeout,
    OperatorAction,
    PriceKind,
    Severity,
    SignalSource,
    SizeClip,
    SizeMethod,
    Tier,
    Tilt,
    Unit,
    Verdict,
)
from runtime.explain.words import (
    UNKNOWN,
    Words,
    code_name,
    counted,
    denial,
    moment,
    name_of,
    percent,
    span,
    units,
)
from runtime.results.exit_rows import reasons_of
from runtime.results.frames import LIQUIDITY_NAMES, SIDE_NAMES
from runtime.results.guards import ALERTS, CLEARED_BY, DISTRUST, TRUST
from runtime.results.units import LATCH_UNITS, QUANTITY_CHECK, fired_unit, is_given
from sims.fillbook.layout import RULE_NAMES

Row = Sequence[int]
Sentence = Callable[[Row, Words], str]

_MEASURED: Final = {  # what is compared with what
    (ExitReason.STOP_LOSS, Unit.PPM): ("result", "limit"),
    (ExitReason.CIRCUIT_BREAKER, Unit.SEVERITY): ("severity", ""),
    (ExitReason.TRAILING_STOP, Unit.TICKS): ("price", "stop"),
    (ExitReason.TIME_BASED_URGENT, Unit.NANOSECONDS): ("time left", "limit"),
    (ExitReason.LIQUIDITY_DRIED_UP, Unit.TICKS): ("spread", "limit"),
    (ExitReason.LIQUIDITY_DRIED_UP, Unit.LOTS): ("volume", "limit"),
    (ExitReason.PROFIT_TARGET, Unit.PPM): ("result", "target"),
    (ExitReason.PROFIT_TARGET, Unit.TICKS): ("price", "target"),
    (ExitReason.PARTIAL_EXIT_TARGET, Unit.PPM): ("result", "stage"),
    (ExitReason.EARLY_EXIT, Unit.PPB): ("edge", "limit"),
    (ExitReason.EDGE_DISAPPEARED, Unit.PPB): ("edge", "limit"),
    (ExitReason.REBALANCE, Unit.PPB): ("a better edge", "its own"),
}


def sentence_of(row: Row, words: Words) -> str:
    """Return what a row says; empty for a kind that says nothing by itself."""
    tell = SENTENCES.get(row[at.EVENT_KIND])
    return "" if tell is None else tell(row, words)


# --- Orders --------------------------------------------------------------------------------------------
def order_terms(row: Row, words: Words) -> str:
    """Say side, quantity, instrument, type and prices of a SUBMITTED or DENIED row."""
    kind = name_of(OrderType, row[at.SUBMIT_TYPE]).replace("_", " ")
    text = f"{SIDE_NAMES[row[at.SUBMIT_SIDE]]} {words.quantity(row[at.FACT_LOTS])} {words.symbol}"
    text += f", {kind}"
    for name, column in (("limit", at.SUBMIT_LIMIT), ("stop", at.SUBMIT_STOP)):
        if row[column]:
            label = "" if kind.endswith(name) else f" {name}"
            text += f"{label} {words.price(row[column])}"
    if row[at.SUBMIT_TIF] not in (0, at.TIF_GTC):
        text += f", {TimeInForce(row[at.SUBMIT_TIF]).name}"
    return text


def submitted(row: Row, words: Words) -> str:
    """An order was sent."""
    return f"Order {row[at.FACT_ORDER]} sent: {order_terms(row, words)}."


def denied(row: Row, words: Words) -> str:
    """An order was denied by our own checks."""
    return f"Denied: {order_terms(row, words)}: {denial(row[at.FACT_REASON])}."


def replacement_denied(row: Row, words: Words) -> str:
    """New terms of an order were denied by our own checks; it works on."""
    terms, why = order_terms(row, words), denial(row[at.FACT_REASON])
    return f"Order {row[at.FACT_ORDER]} must not become: {terms}: {why}."


def replace_sent(row: Row, words: Words) -> str:
    """A replacement was asked for."""
    return f"Order {row[at.FACT_ORDER]} is to become: {order_terms(row, words)}."


def filled(row: Row, words: Words) -> str:
    """A fill, with the rule that made it."""
    rule = RULE_NAMES.get(row[at.FACT_RULE], str(row[at.FACT_RULE]))
    side = LIQUIDITY_NAMES.get(row[at.FACT_LIQUIDITY], UNKNOWN)
    text = (
        f"Order {row[at.FACT_ORDER]} filled {words.quantity(row[at.FACT_LOTS])} at "
        f"{words.price(row[at.FACT_PRICE])} by {rule} ({side})"
    )
    reference = row[at.FACT_REFERENCE]
    if reference > 0 and reference != row[at.FACT_PRICE]:
        text += f"; the market was at {words.price(reference)}"
    return text + (f"; fee {words.own_money(row[at.FACT_FEE])}." if row[at.FACT_FEE] else ".")


def replaced(row: Row, words: Words) -> str:
    """The broker confirmed new terms."""
    text = f"Order {row[at.FACT_ORDER]} is now {words.quantity(row[at.FACT_LOTS])}"
    text += f" at {words.price(row[at.FACT_PRICE])}" if row[at.FACT_PRICE] else ""
    return text + (
        f", stop {words.price(row[at.FACT_REFERENCE])}." if row[at.FACT_REFERENCE] else "."
    )


def _fact(what: str) -> Sentence:
    def tell(row: Row, words: Words) -> str:
        reason = f": {code_name(row[at.FACT_REASON])}" if row[at.FACT_REASON] else ""
        return f"Order {row[at.FACT_ORDER]} {what}{reason}."

    return tell


def linked(row: Row, words: Words) -> str:
    """What an order belongs to; empty where that is nothing but its signal."""
    belongs = _belongs(row)
    return f"Order {row[loop.LINKED_ORDER]}{belongs}." if belongs else ""


def submitted_and_linked(row: Row, link: Row, words: Words) -> str:
    """An order was sent, and what it belongs to."""
    return f"{submitted(row, words).removesuffix('.')}{_belongs(link)}."


def _belongs(row: Row) -> str:
    text = ""
    if row[loop.LINKED_REASON]:
        attempt = row[loop.LINKED_ATTEMPT]
        number = f", attempt {attempt}" if attempt else ""
        reason = name_of(ExitReason, row[loop.LINKED_REASON])
        text += f", to close position {row[loop.LINKED_POSITION]} ({reason}{number})"
    elif row[loop.LINKED_POSITION]:
        text += f", of position {row[loop.LINKED_POSITION]}"
    if row[loop.LINKED_PARENT] > 0:
        text += f", waiting for the fills of order {row[loop.LINKED_PARENT]}"
    return text


# --- Signals -------------------------------------------------------------------------------------------
def received(row: Row, words: Words) -> str:
    """A signal came."""
    text = (
        f"Signal {row[loop.RECEIVED_NUMBER]} to {SIDE_NAMES[row[loop.RECEIVED_SIDE]]} "
        f"{words.symbol} from {name_of(SignalSource, row[loop.RECEIVED_SOURCE])}"
    )
    if is_given(row[loop.RECEIVED_PRICE]) and row[loop.RECEIVED_PRICE] > 0:
        text += f" at {words.price(row[loop.RECEIVED_PRICE])}"
    said = [
        f"{name} {percent(row[column], Unit.PPB)}"
        for name, column in (
            ("edge", loop.RECEIVED_EDGE),
            ("confidence", loop.RECEIVED_CONFIDENCE),
        )
        if is_given(row[column])
    ]
    if is_given(row[loop.RECEIVED_GOAL]) and row[loop.RECEIVED_GOAL] > 0:
        said.append(f"goal {words.price(row[loop.RECEIVED_GOAL])}")
    if is_given(row[loop.RECEIVED_EXPIRES]) and row[loop.RECEIVED_EXPIRES] > row[at.EVENT_TS]:
        said.append(f"good until {moment(row[loop.RECEIVED_EXPIRES])}")
    return f"{text}: {', '.join(said)}." if said else f"{text}."


def approved(row: Row, words: Words) -> str:
    """A signal became an order."""
    return (
        f"Signal {row[loop.ANSWER_NUMBER]} approved: {words.quantity(row[loop.ANSWER_LOTS])} "
        f"in order {row[loop.ANSWER_ORDER]}."
    )


def signal_denied(row: Row, words: Words) -> str:
    """A signal became none; why an order was denied is told with the order."""
    if row[loop.ANSWER_ORDER]:
        return f"Signal {row[loop.ANSWER_NUMBER]} denied: {code_name(row[loop.ANSWER_CODE])}."
    return f"Signal {row[loop.ANSWER_NUMBER]} denied: {denial(row[loop.ANSWER_CODE])}."


def queued(row: Row, words: Words) -> str:
    """A signal waits, for a person or for an exit."""
    if row[loop.QUEUED_CODE] == Denial.INSTRUMENT_BUSY:
        return f"Signal {row[loop.QUEUED_NUMBER]} waits for the position to be closed first."
    if row[loop.QUEUED_CODE] == Denial.APPROVAL_HELD:
        return f"Signal {row[loop.QUEUED_NUMBER]} is approved, and held until it can be judged."
    expires = row[loop.QUEUED_EXPIRES]
    until = "the next open, and its time from then on" if expires == loop.NEVER else moment(expires)
    return (
        f"Signal {row[loop.QUEUED_NUMBER]} waits for approval: {SIDE_NAMES[row[loop.QUEUED_SIDE]]} "
        f"{words.quantity(row[loop.QUEUED_LOTS])} {words.symbol} at "
        f"{words.price(row[loop.QUEUED_PRICE])}, until {until}."
    )


def approval_refused(row: Row, words: Words) -> str:
    """What a person wanted of a signal cannot be done."""
    wanted = name_of(OperatorAction, row[loop.REFUSED_ACTION])
    why = denial(row[loop.REFUSED_CODE])
    return f"A person wanted to {wanted} signal {row[loop.REFUSED_NUMBER]}: {why}."


def sized(row: Row, words: Words) -> str:
    """How much a signal was to trade."""
    before, lots = row[loop.SIZED_BEFORE], row[loop.SIZED_LOTS]
    parts = []
    if is_given(row[loop.SIZED_SHARE]) and row[loop.SIZED_SHARE]:
        parts.append(f"{percent(row[loop.SIZED_SHARE], Unit.PPB)} of equity")
    if is_given(row[loop.SIZED_MINOR]) and row[loop.SIZED_MINOR]:
        parts.append(words.money(row[loop.SIZED_MINOR]))
    parts.append(f"{words.quantity(before)} at {words.price(row[loop.SIZED_PRICE])}")
    text = f"Size by {name_of(SizeMethod, row[loop.SIZED_METHOD])}: {', '.join(parts)}"
    if row[loop.SIZED_CLIP]:
        clip = name_of(SizeClip, row[loop.SIZED_CLIP])
        return f"{text}; {clip} makes it {words.quantity(lots)}."
    return f"{text}." if lots == before else f"{text}; in whole steps {words.quantity(lots)}."


def checks(rows: Sequence[Row], words: Words) -> str:
    """Say what all checks of one order said: those that deny with their numbers, else the nearest."""
    against = [row for row in rows if row[loop.CHECKED_VERDICT] in (Verdict.OVER, Verdict.UNKNOWN)]
    passed = [row for row in rows if row[loop.CHECKED_VERDICT] == Verdict.PASS]
    off = len(rows) - len(against) - len(passed)
    tail = f", {off} off" if off else ""
    if against:
        told = "; ".join(_check(row, words) for row in against)
        return f"{counted(len(against), 'check')} against it: {told} ({len(passed)} passed{tail})."
    text = f"All {counted(len(passed), 'check')} passed{tail}"
    nearest = max(passed, key=_nearness, default=None)
    if nearest is None or _nearness(nearest) <= 0:
        return f"{text}."
    return f"{text}; nearest: {_check(nearest, words)}."


def _check(row: Row, words: Words) -> str:
    name = code_name(row[loop.CHECKED_CODE])
    if row[loop.CHECKED_VERDICT] == Verdict.UNKNOWN:
        return f"{name} could not be evaluated"
    number, limit = row[loop.CHECKED_NUMBER], row[loop.CHECKED_LIMIT]
    if row[loop.CHECKED_CODE] == QUANTITY_CHECK:
        return f"{name} {units(number)} of {units(limit)}"
    unit = Unit(row[loop.CHECKED_UNIT])
    return f"{name} {words.number(number, unit)} of {words.number(limit, unit)}"


def _nearness(row: Row) -> float:
    number, limit = row[loop.CHECKED_NUMBER], row[loop.CHECKED_LIMIT]
    if not (is_given(number) and is_given(limit)) or limit <= 0:
        return 0.0
    return number / limit


def entry_step(row: Row, words: Words) -> str:
    """An entry was not filled in time, and something is done about it."""
    done = name_of(OnTimeout, row[loop.STEP_KIND])
    at_price = f" at {words.price(row[loop.STEP_PRICE])}" if row[loop.STEP_PRICE] else ""
    return (
        f"Entry of signal {row[loop.STEP_SIGNAL]}, try {row[loop.STEP_TRY]}: {done}, "
        f"{words.quantity(row[loop.STEP_LOTS])}{at_price} (order {row[loop.STEP_ORDER]})."
    )


def entry_ended(row: Row, words: Words) -> str:
    """An entry is over."""
    left = f", {words.quantity(row[loop.STEP_LOTS])} left" if row[loop.STEP_LOTS] else ""
    return (
        f"Entry of signal {row[loop.STEP_SIGNAL]} ended after try {row[loop.STEP_TRY]}: "
        f"{name_of(AttemptResult, row[loop.STEP_RESULT])}{left}."
    )


# --- Positions and exits -------------------------------------------------------------------------------
def opened(row: Row, words: Words) -> str:
    """A position began."""
    direction = "long" if row[loop.TRIP_DIRECTION] > 0 else "short"
    origin = f" by signal {row[loop.TRIP_SIGNAL]}" if row[loop.TRIP_SIGNAL] else ""
    return (
        f"Position {row[loop.TRIP_POSITION]} opened{origin}: {direction} "
        f"{words.quantity(row[loop.TRIP_BASE])} {words.symbol}."
    )


def closed(row: Row, words: Words) -> str:
    """A position ended."""
    reason = f" by {name_of(ExitReason, row[loop.TRIP_REASON])}" if row[loop.TRIP_REASON] else ""
    held = span(row[at.EVENT_TS] - row[loop.TRIP_SINCE])
    return (
        f"Position {row[loop.TRIP_POSITION]} closed{reason} after {held}: realized "
        f"{words.own_money(row[loop.TRIP_REALIZED])}, fees {words.own_money(row[loop.TRIP_FEES])}."
    )


def fired(row: Row, words: Words) -> str:
    """Conditions hold, and the first of them by priority; whether that acts, the next rows tell."""
    reason = row[loop.FIRED_REASON]
    name = name_of(ExitReason, reason)
    text = f"{name} fired at {words.price(row[loop.FIRED_PRICE])}"
    text += _compared(row, words)
    pnl = row[loop.FIRED_PNL_PPM]
    if is_given(pnl) and pnl != row[loop.FIRED_NUMBER]:
        text += f"; the position stands at {percent(pnl, Unit.PPM)}"
    others = [each for each in reasons_of(row[loop.FIRED_ALSO]) if each != reason]
    if others:
        text += f"; also fired: {', '.join(each.name.lower() for each in others)}"
    return f"{text}. It is for {words.quantity(row[loop.FIRED_LOTS])}."


def _compared(row: Row, words: Words) -> str:
    """Say what a condition compared."""
    reason, number, limit = row[loop.FIRED_REASON], row[loop.FIRED_NUMBER], row[loop.FIRED_LIMIT]
    unit = fired_unit(reason, number, limit, row[loop.FIRED_PNL_PPM])
    if unit is Unit.NONE:
        return ""
    one, other = _MEASURED[ExitReason(reason), unit]
    text = f": {one} {words.number(number, unit)}"
    return f"{text}, {other} {words.number(limit, unit)}" if other else text


def attempt(row: Row, words: Words) -> str:
    """An order to close was sent, or moved."""
    kind = name_of(PriceKind, row[loop.ATTEMPT_KIND])
    price = f" at {words.price(row[loop.ATTEMPT_PRICE])}" if row[loop.ATTEMPT_PRICE] else ""
    text = (
        f"{name_of(ExitReason, row[loop.ATTEMPT_REASON])}, attempt {row[loop.ATTEMPT_NUMBER]}: "
        f"{kind}, {words.quantity(row[loop.ATTEMPT_LOTS])}{price}"
    )
    if row[loop.ATTEMPT_TOUCH] > 0:
        text += f"; the other side is at {words.price(row[loop.ATTEMPT_TOUCH])}"
    return text + (f" (order {row[loop.ATTEMPT_ORDER]})." if row[loop.ATTEMPT_ORDER] else ".")


def attempt_ended(row: Row, words: Words) -> str:
    """What came of an attempt."""
    text = (
        f"{name_of(ExitReason, row[loop.ENDED_REASON])}, attempt {row[loop.ENDED_NUMBER]} "
        f"{name_of(AttemptResult, row[loop.ENDED_RESULT])}"
    )
    if row[loop.ENDED_SENT] > 0:
        text += f" after {span(row[at.EVENT_TS] - row[loop.ENDED_SENT])}"
    text += f": {words.quantity(row[loop.ENDED_LOTS])} filled"
    return text + (f", {denial(row[loop.ENDED_CODE])}." if row[loop.ENDED_CODE] else ".")


def exit_ended(row: Row, words: Words) -> str:
    """What came of an exit."""
    name = name_of(ExitReason, row[loop.EXITED_REASON])
    result = name_of(AttemptResult, row[loop.EXITED_RESULT]).replace("_", " ")
    parts = [f"{words.quantity(row[loop.EXITED_LOTS])} closed"]
    if row[loop.EXITED_LEFT]:
        parts.append(f"{words.quantity(row[loop.EXITED_LEFT])} left")
    parts.append(counted(row[loop.EXITED_ATTEMPTS], "attempt"))
    if row[loop.EXITED_WALKS]:
        parts.append(counted(row[loop.EXITED_WALKS], "walk"))
    if row[loop.EXITED_FIRED] > 0:
        parts.append(f"{span(row[at.EVENT_TS] - row[loop.EXITED_FIRED])} after it fired")
    return f"{name} ended, {result}: {', '.join(parts)}."


def position_changed(row: Row, words: Words) -> str:
    """A change that no order made: a settlement or a split. Fills are told by themselves."""
    if row[at.POSITION_CAUSE] == at.KIND_FILL:
        return ""
    cause = name_of(EventKind, row[at.POSITION_CAUSE]).replace("_", " ")
    text = f"A {cause} makes the position {words.quantity(row[at.POSITION_AFTER])}"
    if row[at.POSITION_REALIZED]:
        text += f"; realized {words.own_money(row[at.POSITION_REALIZED])}"
    return f"{text}."


def protection(row: Row, words: Words) -> str:
    """Part of a position is without its protective order, or has it again."""
    if row[loop.PROTECTION_BEGINS]:
        return f"{words.quantity(row[loop.PROTECTION_LOTS])} are without their protective order."
    lasted = span(row[at.EVENT_TS] - row[loop.PROTECTION_SINCE])
    return f"Everything is protected again after {lasted}."


# --- Guards --------------------------------------------------------------------------------------------
def latch_set(row: Row, words: Words) -> str:
    """A guard was set."""
    severity = name_of(Severity, row[loop.LATCHED_SEVERITY])
    place = "" if words.instrument is None else f" for {words.symbol}"
    text = f"Guard {name_of(Latch, row[loop.LATCHED_LATCH])} set{place}, {severity}"
    known = Latch._value2member_map_.get(row[loop.LATCHED_LATCH])
    unit = LATCH_UNITS.get(known) if isinstance(known, Latch) else None
    if unit is not None:
        number, limit = row[loop.LATCHED_NUMBER], row[loop.LATCHED_LIMIT]
        text += f": {words.number(number, unit)}, limit {words.number(limit, unit)}"
    until = row[loop.LATCHED_UNTIL]
    return f"{text}, until {moment(until)}." if is_given(until) and until > 0 else f"{text}."


def latch_cleared(row: Row, words: Words) -> str:
    """A guard was cleared."""
    by = CLEARED_BY.get(row[loop.LATCHED_BY], str(row[loop.LATCHED_BY]))
    return f"Guard {name_of(Latch, row[loop.LATCHED_LATCH])} cleared by {by}."


def trust_changed(row: Row, words: Words) -> str:
    """Equity became untrusted, or is trusted again."""
    reason = DISTRUST.get(row[loop.CHANGED_NUMBER])
    why = f": {reason} ({words.symbol})" if reason and row[loop.CHANGED_TO] else ""
    return f"Equity is {TRUST.get(row[loop.CHANGED_TO], str(row[loop.CHANGED_TO]))}{why}."


def tier_changed(row: Row, words: Words) -> str:
    """The account's equity allows another tier."""
    before, after = (name_of(Tier, row[c]) for c in (loop.CHANGED_FROM, loop.CHANGED_TO))
    equity, level = (words.money(row[c]) for c in (loop.CHANGED_NUMBER, loop.CHANGED_LIMIT))
    return f"The account's tier went from {before} to {after}: equity {equity}, level {level}."


def tilt_changed(row: Row, words: Words) -> str:
    """The operator's own behaviour changed what is allowed by hand."""
    before, after = (name_of(Tilt, row[c]) for c in (loop.CHANGED_FROM, loop.CHANGED_TO))
    return f"The operator's tilt went from {before} to {after}."


def alert(row: Row, words: Words) -> str:
    """Somebody was alerted."""
    return f"Alert: {ALERTS.get(row[loop.ALERT_CODE], str(row[loop.ALERT_CODE]))}."


SENTENCES: Final[dict[int, Sentence]] = {
    at.KIND_SUBMITTED: submitted,
    at.KIND_DENIED: denied,
    at.KIND_CANCEL_SENT: _fact("is to be canceled"),
    at.KIND_REPLACE_SENT: replace_sent,
    at.KIND_LINKED: linked,
    at.KIND_ACCEPTED: _fact("accepted by the broker"),
    at.KIND_ARMED: _fact("armed"),
    at.KIND_TRIGGERED: _fact("triggered"),
    at.KIND_FILL: filled,
    at.KIND_CANCELED: _fact("canceled"),
    at.KIND_EXPIRED: _fact("expired"),
    at.KIND_REJECTED: _fact("rejected by the broker"),
    at.KIND_REPLACED: replaced,
    at.KIND_CANCEL_REJECTED: _fact("could not be changed"),
    at.KIND_POSITION_CHANGED: position_changed,
    at.KIND_SIGNAL_RECEIVED: received,
    at.KIND_SIGNAL_APPROVED: approved,
    at.KIND_SIGNAL_DENIED: signal_denied,
    at.KIND_SIZED: sized,
    at.KIND_EXIT_FIRED: fired,
    at.KIND_EXIT_ATTEMPT: attempt,
    at.KIND_ATTEMPT_ENDED: attempt_ended,
    at.KIND_EXIT_ENDED: exit_ended,
    at.KIND_POSITION_OPENED: opened,
    at.KIND_POSITION_CLOSED: closed,
    at.KIND_LATCH_SET: latch_set,
    at.KIND_LATCH_CLEARED: latch_cleared,
    at.KIND_TRUST_CHANGED: trust_changed,
    at.KIND_TIER_CHANGED: tier_changed,
    at.KIND_TILT_CHANGED: tilt_changed,
    at.KIND_PROTECTION: protection,
    at.KIND_ALERT: alert,
    at.KIND_ENTRY_STEP: entry_step,
    at.KIND_ENTRY_ENDED: entry_ended,
    at.KIND_SIGNAL_QUEUED: queued,
    at.KIND_APPROVAL_REFUSED: approval_refused,
}
