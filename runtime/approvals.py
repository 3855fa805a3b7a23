"""The signals of a core that wait for a person, as people and commands read them, and what they may decide.

The queue itself is part of the core (`engine.rules.approval_queue`): a session passes its mode in at the
start, and what a person says as KIND_OPERATOR events with ACTION_APPROVE or ACTION_REJECT.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Final

from data.calendars import sessions
from engine.kernels.ledger import to_base
from engine.kernels.money import OVERFLOW
from engine.kernels.positions import staked
from engine.model import layout as at
from engine.model import trading_layout as loop
from engine.model.denials import SENTENCES, Denial
from engine.model.instruments import Instrument
from engine.model.orders import OrderType
from engine.model.trading import ExecutionMode, OperatorAction, QueueState, SignalSource
from engine.model.units import NS_PER_DAY, from_minor, from_quanta
from engine.rules.approval_queue import place_of_signal, refusal
from engine.rules.hours import spans_session
from engine.state import Core, Table
from runtime.results.signals import signal_id

_LISTED: Final = (QueueState.WAITING, QueueState.APPROVED)
_AHEAD_NS: Final = 40 * NS_PER_DAY  # no market stays closed for longer


@dataclass(frozen=True, slots=True)
class QueuedSignal:
    """One signal that waits for a person, or that a person has approved and that is not sent yet."""

    number: int  # what an approval names it by
    signal_id: str
    symbol: str
    side: int  # 1 to buy, -1 to sell
    quantity: Decimal  # of the position to be opened; an opposite one is closed with it
    price: Decimal  # what it was to pay when it came
    since_ns: int
    expires_ns: int  # of one for the next open as the calendar has that
    state: str  # waiting or approved
    order: str  # e.g. "market", or "limit 99.50, stop 95.00" where more hangs on it
    value: Decimal | None  # in the account's currency: what it puts at stake; None: not known
    why: str  # the rule, or who has placed the order
    opens_ns: int | None  # it is for this open; None: its market was open when it came


def use_mode(core: Core, mode: ExecutionMode) -> None:
    """Say what becomes of a core's signals from now on; what waits already waits on.

    Raises
    ------
    ValueError
        If the core has no trading loop: then nothing would ask before it sends.
    """
    if mode is not ExecutionMode.AUTO and core.account[at.ACCOUNT_TRADING] == 0:
        raise ValueError(f"the mode {mode.name.lower()} needs a core with the trading loop")
    core.account[at.ACCOUNT_MODE] = mode.value


def queued_signals(
    core: Core,
    instruments: Sequence[Instrument],
    *,
    fingerprint: str,
    now_ns: int,
    rules: Mapping[int, str] | None = None,
) -> tuple[QueuedSignal, ...]:
    """Return the signals that a person can still decide on, in the order in which they came.

    Parameters
    ----------
    fingerprint
        Of the strategy's configuration; public ids are made with it.
    now_ns
        What has expired by then is left out, also where no event has told the core of it yet.
    rules
        The formulas that enter, by the side.
    """
    found = [
        _queued(core, i, instruments[i], fingerprint, now_ns, rules or {})
        for i in range(len(instruments))
        if core.monitors.shape[0] > i
        and core.monitors[i, loop.WAITING_STATE] in _LISTED
        and core.monitors[i, loop.WAITING_EXPIRES] >= now_ns
    ]
    return tuple(sorted(found, key=lambda each: each.number))


def why_not(core: Core, action: OperatorAction, number: int, now_ns: int) -> str:
    """Return in a sentence why a person cannot decide on a signal; empty: they can."""
    i = place_of_signal(core, number)
    code = Denial(refusal(core, i, action.value))
    if i < 0 or code is Denial.APPROVAL_UNKNOWN:
        last = core.account[at.ACCOUNT_NEXT_SIGNAL] - 1
        if not 0 < number <= last:
            return f"there is no signal {number} in this session"
        return f"signal {number} does not wait: it is over, or it was never to be asked about"
    row = core.monitors
    if code is Denial.NONE:
        is_late = row[i, loop.WAITING_EXPIRES] < now_ns
        return f"signal {number}: {SENTENCES[Denial.APPROVAL_LATE]}" if is_late else ""
    if code is not Denial.APPROVAL_TWICE:
        return f"signal {number}: {SENTENCES[code]}"
    reason = SENTENCES[Denial(row[i, loop.WAITING_CODE])]
    match QueueState(row[i, loop.WAITING_STATE]):
        case QueueState.APPROVED:
            return f"signal {number} is approved already, and not sent yet"
        case QueueState.SENT:
            return f"signal {number} was approved before, and its order was placed"
        case QueueState.REJECTED:
            return f"signal {number} was rejected before"
        case _:
            return f"signal {number} was approved before, and then not sent: {reason}"


def became_of(
    core: Core, instruments: Sequence[Instrument], number: int, next_order: int
) -> tuple[bool, str]:
    """Return whether an approval was followed, and in a sentence what became of its signal.

    Parameters
    ----------
    next_order
        The first order that was not there before the approval.
    """
    i = place_of_signal(core, number)
    assert i >= 0, f"signal {number} was decided on and has no place"
    row, calendar = core.monitors, core.terms[i, at.TERM_CALENDAR]
    is_closed = core.calendars[calendar, loop.CALENDAR_OPEN] < 0
    match QueueState(row[i, loop.WAITING_STATE]):
        case QueueState.SENT:
            then = "; it trades when the market opens" if is_closed else ""
            order = _first_order(core, i, instruments[i], next_order)
            return True, f"signal {number} is sent{order}{then}"
        case QueueState.APPROVED:
            symbol = instruments[i].symbol
            until = f"the first price of {symbol} after the open"
            if not is_closed and row[i, loop.EXIT_PHASE]:
                until = f"the exit that works in {symbol} is done"
            return True, (
                f"signal {number} is held until {until}, and then sent if it still may be"
            )
        case QueueState.REJECTED:
            return True, f"signal {number} is not sent"
        case _:
            reason = SENTENCES[Denial(row[i, loop.WAITING_CODE])]
            return False, (
                f"signal {number} was checked once more and is not sent: {reason}; it waits no longer"
            )


def _first_order(core: Core, i: int, instrument: Instrument, next_order: int) -> str:
    """Return in words the order that was made of a signal: it was sized and priced once more."""
    for r in range(core.account[at.ACCOUNT_ORDERS]):
        if core.orders[r, at.ORDER_ID] >= next_order and core.orders[r, at.ORDER_INSTRUMENT] == i:
            side = "buy" if core.orders[r, at.ORDER_SIDE] > 0 else "sell"
            lots = instrument.lots_to_quantity(core.orders[r, at.ORDER_QUANTITY])
            words = _words(core.orders, r, instrument)
            return f": {side} {lots} {instrument.symbol}, {words}"
    return ""


def _queued(
    core: Core,
    i: int,
    instrument: Instrument,
    fingerprint: str,
    now_ns: int,
    rules: Mapping[int, str],
) -> QueuedSignal:
    row = core.monitors
    side, since = int(row[i, loop.WAITING_SIDE]), int(row[i, loop.WAITING_SINCE])
    price, lots = int(row[i, loop.WAITING_PRICE]), int(row[i, loop.WAITING_LOTS])
    opens_ns, expires_ns = _times(core, i, instrument, now_ns)
    is_own = row[i, loop.WAITING_SOURCE] == SignalSource.ORDER
    placed = "the strategy sized it" if is_own else "the strategy signalled it"
    return QueuedSignal(
        number=int(row[i, loop.WAITING_SIGNAL]),
        signal_id=signal_id(fingerprint, instrument.symbol, side, since),
        symbol=instrument.symbol,
        side=side,
        quantity=instrument.lots_to_quantity(lots),
        price=from_quanta(price, instrument.price_precision),
        since_ns=since,
        expires_ns=expires_ns,
        state=QueueState(row[i, loop.WAITING_STATE]).name.lower(),
        order=_order(core, i, instrument, price),
        value=_value(core, i, price, side * lots),
        why=rules.get(side) or placed,
        opens_ns=opens_ns,
    )


def _times(core: Core, i: int, instrument: Instrument, now_ns: int) -> tuple[int | None, int]:
    """Return the open that a signal is for, and when it expires; the core learns of that at the open."""
    expires, time = (int(core.monitors[i, c]) for c in (loop.WAITING_EXPIRES, loop.WAITING_TIME))
    if time == 0:
        return None, expires
    opens, _ = sessions(instrument.calendar, now_ns, now_ns + _AHEAD_NS)
    coming = [each for each in opens.tolist() if each > now_ns]
    if not coming:
        return None, expires
    if not spans_session(core, i):
        time = max(time, int(core.monitors[i, loop.MONITOR_MARK_LENGTH]))
    return coming[0], coming[0] + time


def _order(core: Core, i: int, instrument: Instrument, price: int) -> str:
    """Return the order that a signal is to become, in words, with what hangs on it."""
    count = int(core.monitors[i, loop.WAITING_COUNT])
    if count == 0:
        kind = OrderType(core.account[at.ACCOUNT_ENTRY_TYPE])
        text = from_quanta(price, instrument.price_precision)
        return f"limit {text}" if kind is OrderType.LIMIT else kind.name.lower()
    first = i * loop.ASKED_ROWS
    return ", ".join(_words(core.asked, first + n, instrument) for n in range(count))


def _words(orders: Table, r: int, instrument: Instrument) -> str:
    kind = OrderType(orders[r, at.ORDER_TYPE]).name.lower().replace("_", " ")
    prices = [int(orders[r, column]) for column in (at.ORDER_STOP, at.ORDER_LIMIT)]
    texts = [str(from_quanta(each, instrument.price_precision)) for each in prices if each]
    return " ".join((kind, *texts))


def _value(core: Core, i: int, price: int, lots: int) -> Decimal | None:
    """Return what an entry puts at stake, in the account's currency; None where that is not known."""
    minor = to_base(core, core.terms[i, at.TERM_CURRENCY], staked(core, i, price, lots))
    return None if minor == OVERFLOW else from_minor(minor)
