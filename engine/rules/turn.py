"""One turn of the trading loop: guards, then exits, entries and protection. After every slice, every
broker fact and every wait that ends; the same in backtest, paper and live.
"""

from __future__ import annotations

from engine.jit import loop_door
from engine.model.layout import ACCOUNT_TOUCHED
from engine.model.trading_layout import (
    KEEP,
    MONITOR_CONFIDENCE,
    MONITOR_EDGE,
    MONITOR_GOAL,
    MONITOR_VOLATILITY,
    MONITOR_VOLUME,
)
from engine.rules.approvals import follow_queue
from engine.rules.decide import follow_pending_targets
from engine.rules.entries import follow_entries
from engine.rules.exits import watch_positions
from engine.rules.guards import watch_equity
from engine.rules.protection import fit_protection
from engine.state import Core, Table

TURNS_MAX = 4  # of one slice: what is sent may be answered at once, and the answer is looked at


@loop_door
def watch(s: Core, intents: Table) -> None:
    """Look at everything once; what is to be done leaves as commands."""
    s.account[ACCOUNT_TOUCHED] = 0
    watch_equity(s)
    watch_positions(s, intents)
    follow_entries(s, intents)
    follow_queue(s, intents)
    fit_protection(s, intents)
    follow_pending_targets(s, intents)


@loop_door
def take_inputs(
    s: Core, i: int, edge: int, confidence: int, goal: int, volatility: int, volume: int
) -> None:
    """Remember what the strategy says of an instrument at the row in hand.

    NOT_GIVEN: it says nothing; KEEP: what it has said stays.
    """
    if edge != KEEP:
        s.monitors[i, MONITOR_EDGE] = edge
    if confidence != KEEP:
        s.monitors[i, MONITOR_CONFIDENCE] = confidence
    if goal != KEEP:
        s.monitors[i, MONITOR_GOAL] = goal
    if volatility != KEEP:
        s.monitors[i, MONITOR_VOLATILITY] = volatility
    if volume != KEEP:
        s.monitors[i, MONITOR_VOLUME] = volume
