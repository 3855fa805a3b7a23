"""What people ask of a session, as the engine's input: verbs, who asked, and why.

=========  ===========================================================================
verb       what the engine is told
=========  ===========================================================================
pause      no entries; exits go on
resume     entries again, unless something else forbids them
cancel     every order that works is withdrawn
flatten    the same, and every position is closed at market
reset      one latch, named, is released
kill       the kill switch is on: every order is withdrawn; `kill_flatten` closes too
release    a person has released it
approve    a signal that waits for a person is sent, if it still may be
reject     it is not
withdraw_entries  what works and could open a position is withdrawn: a session that stops says it
=========  ===========================================================================

The trading loop hears these as events of its own; a strategy without it has its orders withdrawn and its
positions closed all the same.
"""

from __future__ import annotations

from typing import Final

import numpy as np

from engine.errors import InputError
from engine.model import layout as at
from engine.model import trading_layout as loop
from engine.model.trading import Latch, OperatorAction
from engine.model.units import INT64_MAX
from engine.ports import Rows
from engine.rules.risk import opens
from engine.rules.verbs import VERB_END, VERB_FLATTEN, fulfil
from runtime.session_core.core import SessionCore
from runtime.session_core.steps import NO_ROWS, Step

_ACTIONS: Final = {
    "pause": OperatorAction.PAUSE,
    "resume": OperatorAction.RESUME,
    "cancel": OperatorAction.CANCEL,
    "flatten": OperatorAction.FLATTEN,
    "reset": OperatorAction.RESET,
    "kill": OperatorAction.KILL,
    "kill_flatten": OperatorAction.KILL_AND_FLATTEN,
    "release": OperatorAction.RESET,
    "approve": OperatorAction.APPROVE,
    "reject": OperatorAction.REJECT,
}


_WITHDRAWING: Final = ("cancel", "flatten", "kill", "kill_flatten")
_CLOSING: Final = ("flatten", "kill_flatten")
WITHDRAW_ENTRIES: Final = "withdraw_entries"
PART: Final = "part"  # not a wish: a part of the session tells the engine something


def part_rows(kind: int, now_ns: int) -> Rows:
    """Return what a part of the session tells the engine, e.g. an error of the database."""
    row = np.zeros((1, at.EVENT_WIDTH), dtype=np.int64)
    row[0, at.EVENT_TS] = now_ns
    row[0, at.EVENT_KIND] = kind
    row[0, at.EVENT_INSTRUMENT] = -1
    return row


def rows_of(verb: str, argument: str, now_ns: int) -> Rows:
    """Return what the trading loop is told of a wish.

    Parameters
    ----------
    argument
        Of ``reset`` the latch's name, of ``approve`` and ``reject`` the signal's number.

    Raises
    ------
    InputError
        If there is no such verb or latch, or the number is none.
    """
    if verb == WITHDRAW_ENTRIES:
        return NO_ROWS  # it sets no guard: the session's state keeps out what would be new
    row = part_rows(at.KIND_OPERATOR, now_ns)
    if verb not in _ACTIONS:
        raise InputError(
            f"a session knows no wish {verb!r}",
            remedy=f"it knows {', '.join(_ACTIONS)}",
            code="session.unknown_wish",
        )
    row[0, loop.OPERATOR_ACTION] = _ACTIONS[verb]
    if verb in ("reset", "release"):
        row[0, loop.OPERATOR_LATCH] = Latch.KILL if verb == "release" else latch_of(argument)
    elif verb in ("approve", "reject"):
        row[0, loop.OPERATOR_SIGNAL] = _number(argument)
    return row


def latch_of(name: str) -> Latch:
    """Return the latch of a name.

    Raises
    ------
    InputError
        If there is none.
    """
    try:
        return Latch[name.upper().replace("-", "_")]
    except KeyError:
        names = ", ".join(each.name.lower() for each in Latch if each)
        raise InputError(
            f"there is no guard called {name!r}",
            remedy=f"reset one of {names}",
            code="session.unknown_latch",
        ) from None


def _number(text: str) -> int:
    if not (text.isascii() and text.isdecimal()) or int(text) > INT64_MAX:
        raise InputError(
            f"{text!r} is no signal's number",
            remedy="`trader signals list` shows those that wait",
            code="session.unknown_signal",
        )
    return int(text)


def fulfilled(core: SessionCore, verb: str, rows: Rows) -> Step:
    """Return what a core makes of a wish."""
    yield from core.operator(rows)
    if verb == WITHDRAW_ENTRIES:
        for row, order_id in enumerate(core.orders()[:, at.ORDER_ID].tolist()):
            if opens(core.plain, row):
                fulfil(core.plain, core.plain_intents, VERB_END, order_id, 0, 0, 0)
        yield from core.send()
    if verb in _WITHDRAWING:
        for order_id in core.orders()[:, at.ORDER_ID].tolist():
            fulfil(core.plain, core.plain_intents, VERB_END, order_id, 0, 0, 0)
        yield from core.send()
    if verb in _CLOSING:
        for held in core.positions():
            fulfil(core.plain, core.plain_intents, VERB_FLATTEN, held.instrument, 0, 0, 0)
        yield from core.send()
    yield from core.turn()
