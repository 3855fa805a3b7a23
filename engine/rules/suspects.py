"""Marks that one should not act on: a price far from the one just before it.

A single wrong quote or print must not close a position. So a mark farther than the collar from its
predecessor is suspect, until the next mark near to it, or until two seconds have passed without
another. A jump back is itself suspect for one mark. Bars are confirmed by their length.
"""

from __future__ import annotations

from engine.jit import kernel, loop_door
from engine.kernels.money import compare_products
from engine.model.layout import ACCOUNT_NOW, KIND_BAR, POSITION_LAST, TERM_PRICE_STEP
from engine.model.trading_layout import LIMIT_COLLAR_PPM, MONITOR_SUSPECT
from engine.state import Core

MILLION = 10**6
COLLAR_PPM = 50_000  # where no risk table gives another
CONFIRMED_AFTER = 2 * 10**9  # ns


@loop_door
def judge_mark(s: Core, i: int, kind: int, before: int) -> None:
    """Say of the mark just taken whether it is suspect; `before` is the one it follows, 0 the first."""
    s.monitors[i, MONITOR_SUSPECT] = 0
    if kind != KIND_BAR and before > 0 and is_far(s, i, before):
        s.monitors[i, MONITOR_SUSPECT] = s.account[ACCOUNT_NOW]


@kernel
def is_far(s: Core, i: int, before: int) -> bool:
    """Return whether the last mark is farther from `before` than the collar, and than one step."""
    distance = abs(s.positions[i, POSITION_LAST] - before)
    collar = s.limits[LIMIT_COLLAR_PPM]
    if collar == 0:
        collar = COLLAR_PPM
    if distance <= s.terms[i, TERM_PRICE_STEP]:
        return False
    return compare_products(distance, MILLION, before, collar) > 0


@kernel
def is_suspect(s: Core, i: int) -> bool:
    """Return whether the last mark must not be acted on yet."""
    since: int = s.monitors[i, MONITOR_SUSPECT]
    return since != 0 and s.account[ACCOUNT_NOW] < since + CONFIRMED_AFTER
