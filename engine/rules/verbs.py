"""What a strategy that decides outside the loop asks for, between two slices.

One kernel with a verb, and not one for each: every door from Python into the compiled loop costs
compile time.

=======  =====================================================================
verb     arguments; what it returns
=======  =====================================================================
PLACE    how many intents stand in the block; nothing
CLOSE    instrument; nothing
TARGET   instrument, weight in parts per billion of equity; lots asked for
CANCEL   order; 1 when it was asked to be cancelled
REPLACE  order, quantity, limit, stop; 1 when it was asked to be changed
SIGNAL   instrument, side; the order that it became, or 0
EDGE     instrument, its edge (or probability) in parts per billion; nothing
=======  =====================================================================
"""

from __future__ import annotations

from typing import Final

from engine.jit import kernel
from engine.kernels.orders import ask_cancel, ask_replace
from engine.model.layout import ACCOUNT_TOUCHED
from engine.model.trading import SOURCE_STRATEGY
from engine.model.trading_layout import MONITOR_EDGE
from engine.rules.decide import change_to, close_position, withdraw_all
from engine.rules.opening import new_intent
from engine.rules.signals import receive_order, receive_signal
from engine.rules.sizing import lots_for_share
from engine.state import Core, Table

VERB_PLACE: Final = 0
VERB_CLOSE: Final = 1
VERB_TARGET: Final = 2
VERB_CANCEL: Final = 3
VERB_REPLACE: Final = 4
VERB_SIGNAL: Final = 5
VERB_EDGE: Final = 6


@kernel
def target(s: Core, intents: Table, i: int, weight_ppb: int) -> int:
    """Trade an instrument at market towards a weight of equity; return the signed lots asked for."""
    lots = lots_for_share(s, i, abs(weight_ppb))
    change, withdraws = change_to(s, i, lots if weight_ppb >= 0 else -lots)
    if withdraws:
        withdraw_all(s, i)
    if change != 0:
        new_intent(intents, 0, i, 1 if change > 0 else -1, abs(change))
        receive_order(s, intents, 0)
    return change


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
        close_position(s, intents, first)
    elif verb == VERB_TARGET:
        answer = target(s, intents, first, second)
    elif verb == VERB_CANCEL:
        answer = 1 if ask_cancel(s, first) else 0
    elif verb == VERB_REPLACE:
        answer = 1 if ask_replace(s, first, second, third, fourth) else 0
    elif verb == VERB_SIGNAL:
        answer = receive_signal(s, intents, first, second, SOURCE_STRATEGY)
    elif verb == VERB_EDGE:
        s.monitors[first, MONITOR_EDGE] = second
        s.account[ACCOUNT_TOUCHED] = 1
    return answer
