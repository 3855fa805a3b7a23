"""What a strategy that decides outside the loop asks for, between two slices.

One kernel with a verb, and not one for each: every door from Python into the compiled loop costs
compile time.

=======  =====================================================================
verb     arguments; what it returns
=======  =====================================================================
PLACE    how many intents stand in the block; nothing
CLOSE    instrument; nothing
TARGET   instrument, weight in parts per billion of equity, 1 to trade only where
         that makes room; 1 where it does not, and nothing was done
CANCEL   order; 1 when it was asked to be cancelled
REPLACE  order, quantity, limit, stop; 1 when it was asked to be changed
SIGNAL   instrument, side; the order that it became, or 0
EDGE     instrument, its edge (or probability) in parts per billion; nothing
FLATTEN  instrument; nothing. As CLOSE, and no strategy takes it back
END      order; as CANCEL, whatever it is: a person's, or the session's own
=======  =====================================================================
"""

from __future__ import annotations

from typing import Final

from engine.jit import kernel
from engine.kernels.ledger import fault
from engine.kernels.orders import ask_cancel, ask_replace, find_order
from engine.model.denials import DENY_CIRCUIT_BREAKER
from engine.model.layout import (
    ACCOUNT_LAST_DENIAL,
    ACCOUNT_TOUCHED,
    ACCOUNT_TRADING,
    FAULT_NEEDS_LOOP,
    INTENT_CONFIDENCE,
    INTENT_EDGE,
    INTENT_GOAL,
    INTENT_IS_PROBABILITY,
    INTENT_VOLATILITY,
    ORDER_INSTRUMENT,
    ORDER_SIDE,
    ORDER_TYPE,
    TYPE_EDGE,
    TYPE_ENTER,
    TYPE_LEAVE,
    TYPE_WITHDRAW,
)
from engine.model.trading import REASON_CIRCUIT_BREAKER, REASON_NONE, SOURCE_STRATEGY
from engine.model.trading_layout import (
    LIMIT_EDGE_IS_PROBABILITY,
    LIMIT_HAS_CONFIDENCE,
    LIMIT_HAS_EDGE,
    LIMIT_HAS_GOAL,
    MONITOR_CONFIDENCE,
    MONITOR_EDGE,
    MONITOR_GOAL,
    MONITOR_VOLATILITY,
    NOT_GIVEN,
)
from engine.rules.decide import (
    close_position,
    is_flattening,
    makes_room,
    trade_towards,
    withdraw_all,
)
from engine.rules.own_orders import receive_order, withdraw_own
from engine.rules.signals import receive_signal
from engine.rules.sizing import lots_for_share
from engine.rules.targets import forget_target
from engine.state import Core, Table

VERB_PLACE: Final = 0
VERB_CLOSE: Final = 1
VERB_TARGET: Final = 2
VERB_CANCEL: Final = 3
VERB_REPLACE: Final = 4
VERB_SIGNAL: Final = 5
VERB_EDGE: Final = 6
VERB_FLATTEN: Final = 7
VERB_END: Final = 8


@kernel
def target(s: Core, intents: Table, i: int, weight_ppb: int, is_first: int) -> int:
    """Trade an instrument at market towards a weight of equity; return 1 where that is left for later.

    It is where only what makes room goes first, and this does not (`engine.rules.decide.decide` has the
    weights of a whole slice and does the same).
    """
    lots = lots_for_share(s, i, abs(weight_ppb))
    lots = lots if weight_ppb >= 0 else -lots
    if is_first == 1 and not makes_room(s, i, lots):
        if s.account[ACCOUNT_TRADING] == 1:
            forget_target(s, i)
        return 1
    trade_towards(s, intents, i, lots, weight_ppb)
    return 0


@kernel
def carry_out_intent(s: Core, intents: Table, n: int) -> None:
    """Do what a compiled strategy has written as intent `n`: an order, or a wish."""
    i, kind = intents[n, ORDER_INSTRUMENT], intents[n, ORDER_TYPE]
    if kind == TYPE_WITHDRAW:
        withdraw_all(s, i)
        if s.account[ACCOUNT_TRADING] == 1:
            withdraw_own(s, i)
    elif kind == TYPE_LEAVE:
        close_position(s, intents, i, REASON_NONE)
    elif kind == TYPE_ENTER or kind == TYPE_EDGE:
        if s.account[ACCOUNT_TRADING] == 0:
            fault(s, FAULT_NEEDS_LOOP, i)
            return
        s.monitors[i, MONITOR_EDGE] = edge_said(s, intents, n)
        if kind == TYPE_EDGE:
            s.account[ACCOUNT_TOUCHED] = 1
        else:
            take_estimates(s, intents, n, i)
            receive_signal(s, intents, i, intents[n, ORDER_SIDE], SOURCE_STRATEGY)
    else:
        receive_order(s, intents, n)


@kernel
def place_own(s: Core, intents: Table, i: int, count: int) -> None:
    """Do what a compiled strategy has asked for in instrument `i`."""
    for n in range(count):
        intents[n, ORDER_INSTRUMENT] = i
        carry_out_intent(s, intents, n)


@kernel
def edge_said(s: Core, intents: Table, n: int) -> int:
    """Return the edge, or the probability, that intent `n` says.

    A run says the one or the other: what is said against the first of them is not usable.
    """
    edge: int = intents[n, INTENT_EDGE]
    if edge == NOT_GIVEN:
        return NOT_GIVEN
    is_probability = intents[n, INTENT_IS_PROBABILITY]
    if s.limits[LIMIT_HAS_EDGE] == 1 and s.limits[LIMIT_EDGE_IS_PROBABILITY] != is_probability:
        return NOT_GIVEN
    s.limits[LIMIT_HAS_EDGE] = 1
    s.limits[LIMIT_EDGE_IS_PROBABILITY] = is_probability
    return edge


@kernel
def take_estimates(s: Core, intents: Table, n: int, i: int) -> None:
    """Remember what the signal in intent `n` says of its instrument besides the edge."""
    confidence, goal = intents[n, INTENT_CONFIDENCE], intents[n, INTENT_GOAL]
    s.monitors[i, MONITOR_CONFIDENCE] = confidence
    s.monitors[i, MONITOR_GOAL] = goal
    s.monitors[i, MONITOR_VOLATILITY] = intents[n, INTENT_VOLATILITY]
    if confidence != NOT_GIVEN:
        s.limits[LIMIT_HAS_CONFIDENCE] = 1
    if goal != NOT_GIVEN:
        s.limits[LIMIT_HAS_GOAL] = 1


@kernel
def may_change(s: Core, order_id: int) -> bool:
    """Return whether a strategy has a say in an order: not in one that closes because everything is to be."""
    r = find_order(s, order_id)
    if r >= 0 and is_flattening(s, r):
        s.account[ACCOUNT_LAST_DENIAL] = DENY_CIRCUIT_BREAKER
        return False
    return True


@kernel
def fulfil(
    s: Core, intents: Table, verb: int, first: int, second: int, third: int, fourth: int
) -> int:
    """Do what a verb asks for; what is to be sent for it stands in the commands afterwards."""
    answer = 0
    if verb == VERB_PLACE:
        for n in range(first):
            receive_order(s, intents, n)
    elif verb == VERB_CLOSE:
        close_position(s, intents, first, REASON_NONE)
    elif verb == VERB_TARGET:
        answer = target(s, intents, first, second, third)
    elif verb == VERB_CANCEL:
        answer = 1 if may_change(s, first) and ask_cancel(s, first) else 0
    elif verb == VERB_REPLACE:
        may = may_change(s, first)
        answer = 1 if may and ask_replace(s, first, second, third, fourth) else 0
    elif verb == VERB_SIGNAL:
        answer = receive_signal(s, intents, first, second, SOURCE_STRATEGY)
    elif verb == VERB_EDGE:
        s.monitors[first, MONITOR_EDGE] = second
        s.account[ACCOUNT_TOUCHED] = 1
    elif verb == VERB_FLATTEN:
        close_position(s, intents, first, REASON_CIRCUIT_BREAKER)
    elif verb == VERB_END:
        answer = 1 if ask_cancel(s, first) else 0
    return answer
